"""The ledger: the row of each payment, written from what the journal knows, each once.

Other rooms use the names that are listed here. What the gateway's words mean is in
:mod:`.statuses`.
"""

from __future__ import annotations

from django_dinero.services.ledger.captured import move_refunds, one_at_a_time
from django_dinero.services.ledger.decided import Decision, unread_end
from django_dinero.services.ledger.endings import (
    DECISIONS,
    PROVEN_ABSENT,
    align_undecided,
    announce_decision,
    end_with_row,
    may_be_orphan,
    original_of,
    refuse_callers_charge,
    restore_lost_rows,
    restore_orphan,
    restore_row,
    row_or_raise,
)
from django_dinero.services.ledger.refusals import recorded_refusal
from django_dinero.services.ledger.rows import (
    OriginalGone,
    charges_with_number_of,
    columns_from_caller,
    family_of,
    payment_with_id,
    refresh,
)
from django_dinero.services.ledger.standings import (
    RemoteStanding,
    announce_standing,
    write_standing,
    write_standings,
)
from django_dinero.services.ledger.statuses import SHARED

__all__ = [
    "DECISIONS",
    "PROVEN_ABSENT",
    "SHARED",
    "Decision",
    "OriginalGone",
    "RemoteStanding",
    "align_undecided",
    "announce_decision",
    "announce_standing",
    "charges_with_number_of",
    "columns_from_caller",
    "end_with_row",
    "family_of",
    "may_be_orphan",
    "move_refunds",
    "one_at_a_time",
    "original_of",
    "payment_with_id",
    "recorded_refusal",
    "refresh",
    "refuse_callers_charge",
    "restore_lost_rows",
    "restore_orphan",
    "restore_row",
    "row_or_raise",
    "unread_end",
    "write_standing",
    "write_standings",
]
