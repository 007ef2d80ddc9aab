"""The journal: an operation is committed, sent at most once, and ended.

What other rooms use of it stands here; the modules are its own.
"""

from __future__ import annotations

from django_dinero.services.journal.connections import (
    alias_for_money,
    alias_for_vault,
    aliases_to_read,
    current_alias,
    outlives_rows,
)
from django_dinero.services.journal.endings import (
    end_operation,
    end_operation_in_transaction,
    log_unrecorded,
    log_unwritten,
    told_if_unrecorded,
    try_to_end_operation,
    write_together,
)
from django_dinero.services.journal.operations import (
    KeyTaken,
    LockHeld,
    add_to_intent,
    begin,
    end,
    free_idempotency_key,
    is_locked,
    move,
    release_lock,
    released_on_failure,
    with_idempotency_key,
)
from django_dinero.services.journal.sending import close_refused, log_broken_backend, send

__all__ = [
    "KeyTaken",
    "LockHeld",
    "add_to_intent",
    "alias_for_money",
    "alias_for_vault",
    "aliases_to_read",
    "begin",
    "close_refused",
    "current_alias",
    "end",
    "end_operation",
    "end_operation_in_transaction",
    "free_idempotency_key",
    "is_locked",
    "log_broken_backend",
    "log_unrecorded",
    "log_unwritten",
    "move",
    "outlives_rows",
    "release_lock",
    "released_on_failure",
    "send",
    "told_if_unrecorded",
    "try_to_end_operation",
    "with_idempotency_key",
    "write_together",
]
