"""How an undecided payment was decided: what its row and its operation say then."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Self

from django.db import router

from django_dinero.db.failures import retry_on_conflict
from django_dinero.db.queries import primary
from django_dinero.enums import ResultStatus
from django_dinero.models import journal_notes
from django_dinero.models.operation import UNDECIDED_STATES, Operation, OperationState
from django_dinero.models.records import RecordedOutcome
from django_dinero.models.transaction import Transaction
from django_dinero.models.transaction_status import TAKEN, UNDECIDED, TransactionStatus
from django_dinero.services import journal
from django_dinero.services.ledger.standings import RemoteStanding
from django_dinero.services.ledger.statuses import SHARED


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


@dataclass(slots=True)
class Decision:
    """How an undecided payment was decided: the end of its operation, and the status of its row.

    Both are written together. Otherwise a worker could die between the two writes. If a void came
    next, the operation would say that the payment was voided before anybody heard of it.

    Attributes:
        row: the payment, as it was before the gateway was asked.
        columns: what is written into its row.
        operation: its own; None for other software's, and if it has been decided already.
        state: what its operation comes to.
        outcome: what is written into the operation.
    """

    row: Transaction
    columns: dict[str, Any]
    operation: Operation | None
    state: OperationState
    outcome: RecordedOutcome

    @classmethod
    def of(cls, row: Transaction, standing: RemoteStanding) -> Self:
        """Return what is to be written of a payment that has this standing by now."""
        operation, outcome = _undecided_operation_of(row), RecordedOutcome()
        if operation is not None:
            outcome = decided_outcome(RecordedOutcome.of(operation), standing.status)
        columns = {**standing.columns, **freed_id(row, standing.status)}
        return cls(row, columns, operation, state_of(standing.status), outcome)

    @classmethod
    def of_other_amount(cls, row: Transaction, standing: RemoteStanding, **amount: Any) -> Self:
        """Return what is to be written where another amount was approved than was asked for.

        The row says what the gateway has, so that it counts in sums and can be given back. Its
        operation is left to a person, and nobody is told that it was paid as it was asked for.

        Args:
            **amount: the price and its currency.
        """
        operation, outcome = _undecided_operation_of(row), RecordedOutcome()
        if operation is not None:
            outcome = replace(RecordedOutcome.of(operation), error=journal_notes.ANOTHER_AMOUNT)
        state = OperationState.NEEDS_ATTENTION
        return cls(row, {**standing.columns, **amount}, operation, state, outcome)

    def write(self) -> bool:
        """Write both; return False if another process was first."""
        if self.operation is None:
            return retry_on_conflict(self.write_row, router.db_for_write(Transaction))
        return journal.write_together(self.operation, self.write_operation, self.write_row)

    def write_operation(self) -> None:
        """Write the operation, in a transaction of the caller's."""
        if self.operation is not None:
            journal.end_operation_in_transaction(self.operation, self.state, self.outcome)

    def write_row(self) -> bool:
        """Write the row; return False if another process has changed it or the operation first."""
        if self.operation is not None and not self.operation.ended_from:
            return False
        now = datetime.now(UTC)
        same = primary(Transaction).filter(pk=self.row.pk, status=self.row.status)
        return bool(same.update(**self.columns, updated_at=now))


def operation_of(row: Transaction) -> Operation | None:
    """Return the operation that made a row, if its answer is known."""
    key = row.operation_key or ""
    operation = Operation.objects.newest().filter(key=key).first()
    return operation if operation is not None and operation.has_result else None


def _undecided_operation_of(row: Transaction) -> Operation | None:
    operation = operation_of(row)
    undecided = operation is not None and operation.state in UNDECIDED_STATES
    return operation if undecided else None


def freed_id(row: Transaction, status: TransactionStatus) -> dict[str, None]:
    """Return the columns that give up the id that a refused capture shares with its original.

    The next capture has the same one.
    """
    if row.kind not in SHARED or state_of(status) != OperationState.DECLINED:
        return {}
    shares = row.parent is not None and row.parent.transaction_id == row.transaction_id
    return {"transaction_id": None} if shares else {}
