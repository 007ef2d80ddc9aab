"""The journal: an operation is committed, sent at most once, and ended.

Other rooms use the names that are listed here, and not the modules. Which of them changes the state
of an operation depends on what is written with it:

- ``move``: nothing. It goes one step on from the state that the instance has, and says whether this
  caller was the one that did.
- ``end``: nothing. It ends an operation even if a look-up has changed its state meanwhile. Errors
  of the database are raised as they are, here and in ``move``.
- ``end_operation``: the rows that follow from the end. The caller has looked at what may be in
  their way. An answer that a failing database does not take is logged, and becomes
  ``OutcomeUnknown``. That is a reason to use it without rows, too.
- ``try_to_end_operation``: the same rows without a look before. The database's constraints say
  whether they may be written. If they may not, the caller looks, and calls ``end_operation``.
- ``end_operation_in_transaction``: rows that the caller writes in its own transaction. It is called
  inside ``told_if_unrecorded``, or as the change of ``write_together``.
- ``write_together``: rows, and any change of operations that the caller makes by a function: how an
  undecided payment was decided, for one.

The last four make an end and its rows one commit. Where the journal has a connection of its own,
the operation is committed first, and outlives a rollback of the rows.
"""

from __future__ import annotations

from django_dinero.services.journal.endings import (
    end_operation,
    end_operation_in_transaction,
    has_own_connection,
    log_unwritten,
    told_if_unrecorded,
    try_to_end_operation,
    write_together,
)
from django_dinero.services.journal.outcomes import outcome_of_remote, outcome_of_result
from django_dinero.services.journal.sending import (
    KeyTaken,
    LockHeld,
    add_to_intent,
    begin,
    end_refused,
    log_broken_backend,
    released_on_failure,
    send,
)
from django_dinero.services.journal.states import (
    change_intent,
    change_outcome,
    end,
    free_idempotency_key,
    has_worker,
    in_progress,
    is_locked,
    move,
    note_committed,
    release_lock,
)

__all__ = [
    "KeyTaken",
    "LockHeld",
    "add_to_intent",
    "begin",
    "change_intent",
    "change_outcome",
    "end",
    "end_operation",
    "end_operation_in_transaction",
    "end_refused",
    "free_idempotency_key",
    "has_own_connection",
    "has_worker",
    "in_progress",
    "is_locked",
    "log_broken_backend",
    "log_unwritten",
    "move",
    "note_committed",
    "outcome_of_remote",
    "outcome_of_result",
    "release_lock",
    "released_on_failure",
    "send",
    "told_if_unrecorded",
    "try_to_end_operation",
    "write_together",
]
