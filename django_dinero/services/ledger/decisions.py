"""What becomes of a payment that was held, or waited for its cardholder: operation and row."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Self

from django.db import router

from django_dinero.db.failures import retry_on_conflict
from django_dinero.enums import ResultStatus
from django_dinero.models import journal_notes
from django_dinero.models.operation import UNDECIDED_STATES, Operation, OperationState
from django_dinero.models.transaction import Transaction
from django_dinero.models.transaction_status import TAKEN, UNDECIDED, TransactionStatus
from django_dinero.services import journal
from django_dinero.services.journal.records import RecordedOutcome
from django_dinero.services.ledger.announcing import announce_end
from django_dinero.services.ledger.rows import refresh, transactions
from django_dinero.services.ledger.standings import RemoteStanding
from django_dinero.services.ledger.statuses import STATUSES


@dataclass(slots=True)
class Decision:
    """How an undecided payment goes on: what its own operation says then, and its row.

    Both are written together. Otherwise a worker could die between them, a void come next, and the
    operation tell of a payment that was voided before anybody heard of it.

    Attributes:
        row: the payment, as it was before the gateway was asked.
        standing: what it has become.
        operation: its own; None for other software's, and if it has been decided already.
        outcome: what is written into the operation.
    """

    row: Transaction
    standing: RemoteStanding
    operation: Operation | None
    outcome: RecordedOutcome

    @classmethod
    def of(cls, row: Transaction, standing: RemoteStanding) -> Self:
        """Return what is to be written of a payment that stands so by now."""
        operation = _operation_of(row)
        if operation is None or operation.state not in UNDECIDED_STATES:
            return cls(row, standing, None, RecordedOutcome())
        outcome = _decided_outcome(RecordedOutcome.of(operation), standing.status)
        return cls(row, standing, operation, outcome)

    def write(self) -> bool:
        """Write both, and tell users; return False if another process was first."""
        if self.operation is None:
            return self.write_row()
        written = journal.write_together(self.operation, self.write_operation, self.write_row)
        self.announce()
        return written

    def write_operation(self) -> None:
        """Write the operation, in a transaction of the caller's."""
        if self.operation is not None:
            journal.end_operation_in_transaction(
                self.operation, _state_of(self.standing.status), self.outcome
            )

    def write_row(self) -> bool:
        """Write the row; return False if another process has changed it or the operation first."""
        if self.operation is not None and not self.operation.ended_from:
            return False
        now = datetime.now(UTC)
        same = transactions().filter(pk=self.row.pk, status=self.row.status)
        return bool(same.update(**self.standing.columns, updated_at=now))

    def announce(self) -> None:
        """Tell users how the payment went on, if this has written it."""
        if self.operation is not None and self.operation.ended_from:
            refresh(self.row)
            announce_end(self.operation, self.row)


def _operation_of(row: Transaction) -> Operation | None:
    """Return the operation that made a row, if its answer is known."""
    key = row.operation_key or ""
    operation = Operation.objects.using(journal.current_alias()).filter(key=key).first()
    return operation if operation is not None and operation.has_result else None


def align_undecided(row: Transaction) -> None:
    """Make an undecided payment's row and operation say the same, whichever heard first."""
    operation = _operation_of(row)
    if operation is None:
        return
    status = TransactionStatus(row.status)
    if status in UNDECIDED and operation.state not in UNDECIDED_STATES:
        _write_decided(row, STATUSES[RecordedOutcome.of(operation).status])
        refresh(row)
    elif operation.state in UNDECIDED_STATES and _state_of(status) != operation.state:
        outcome = _decided_outcome(RecordedOutcome.of(operation), status)
        if journal.move(operation, _state_of(status), outcome):
            announce_end(operation, row)


def _write_decided(row: Transaction, status: TransactionStatus) -> None:
    rows = transactions().filter(pk=row.pk, status__in=UNDECIDED)
    decided = partial(rows.update, status=status, updated_at=datetime.now(UTC))
    retry_on_conflict(decided, router.db_for_write(Transaction))


def _state_of(status: TransactionStatus) -> OperationState:
    if status in UNDECIDED:
        return OperationState(status)
    return OperationState.SUCCEEDED if status in TAKEN else OperationState.DECLINED


def _decided_outcome(outcome: RecordedOutcome, status: TransactionStatus) -> RecordedOutcome:
    state = _state_of(status)
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
