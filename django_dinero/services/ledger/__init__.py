"""The ledger: the row of each payment, written from what the journal knows, each once.

What other rooms use of it stands here; what the gateway's words mean is in :mod:`.statuses`.
"""

from __future__ import annotations

from django_dinero.services.ledger.conclusions import (
    DECISIONS,
    align_held,
    conclude,
    restore_lost_rows,
    restore_row,
    write_decision,
)
from django_dinero.services.ledger.rows import (
    belongs_to_other_operation,
    left_to_refund,
    lock_name_of,
    original_of,
    outcome_of,
    refresh,
    transactions,
    truncate_for_columns,
)

__all__ = [
    "DECISIONS",
    "align_held",
    "belongs_to_other_operation",
    "conclude",
    "left_to_refund",
    "lock_name_of",
    "original_of",
    "outcome_of",
    "refresh",
    "restore_lost_rows",
    "restore_row",
    "transactions",
    "truncate_for_columns",
    "write_decision",
]
