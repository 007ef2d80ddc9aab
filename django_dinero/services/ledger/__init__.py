"""The ledger: the row of each payment, written from what the journal knows, each once.

What other rooms use of it stands here; what the gateway's words mean is in :mod:`.statuses`.
"""

from __future__ import annotations

from django_dinero.services.ledger.conclusions import (
    DECISIONS,
    align_undecided,
    conclude,
    restore_lost_rows,
    restore_row,
    row_or_raise,
    unread_end,
    write_decision,
)
from django_dinero.services.ledger.refusals import recorded_refusal
from django_dinero.services.ledger.rows import (
    charges_with_number_of,
    family_of,
    original_of,
    refresh,
    transactions,
)

__all__ = [
    "DECISIONS",
    "align_undecided",
    "charges_with_number_of",
    "conclude",
    "family_of",
    "original_of",
    "recorded_refusal",
    "refresh",
    "restore_lost_rows",
    "restore_row",
    "row_or_raise",
    "transactions",
    "unread_end",
    "write_decision",
]
