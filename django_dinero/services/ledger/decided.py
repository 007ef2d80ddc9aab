"""What an undecided payment's operation says once it is decided, by the status of its row."""

from __future__ import annotations

from dataclasses import replace

from django_dinero.enums import ResultStatus
from django_dinero.models import journal_notes
from django_dinero.models.operation import OperationState
from django_dinero.models.records import RecordedOutcome
from django_dinero.models.transaction_status import TAKEN, UNDECIDED, TransactionStatus


def state_of(status: TransactionStatus) -> OperationState:
    """Return what the operation of a payment with this status comes to."""
    if status in UNDECIDED:
        return OperationState(status)
    return OperationState.SUCCEEDED if status in TAKEN else OperationState.DECLINED


def decided_outcome(outcome: RecordedOutcome, status: TransactionStatus) -> RecordedOutcome:
    """Return what an undecided operation has recorded, and says once its row has this status."""
    state = state_of(status)
    if state == OperationState.SUCCEEDED:
        return replace(outcome, result=ResultStatus.APPROVED.value)
    if state == OperationState.HELD:
        return replace(outcome, result=ResultStatus.HELD.value)
    text = unread_end(status)
    if not text and outcome.status is ResultStatus.REQUIRES_ACTION:
        text = journal_notes.NOT_CONFIRMED
    text = text or journal_notes.DECLINED_IN_REVIEW
    return replace(
        outcome, result=ResultStatus.DECLINED.value, reasons=(), reason="", gateway_text=text
    )


def unread_end(status: TransactionStatus) -> str:
    """Return how a payment ended that was approved, and over before that was read here: a note."""
    if status == TransactionStatus.VOIDED:
        return journal_notes.VOIDED_UNREAD
    if status == TransactionStatus.EXPIRED:
        return journal_notes.EXPIRED_UNREAD
    return ""
