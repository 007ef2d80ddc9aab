"""How a money operation ends: its state, its row, and what users hear of it, each once.

Whoever learns the end first (the worker itself, a look-up, later a webhook) writes it through here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from django.db import router
from django.utils.translation import gettext as _

from django_dinero import signals
from django_dinero.db.failures import repeated
from django_dinero.enums import ResultStatus
from django_dinero.models.family import Family
from django_dinero.models.operation import (
    UNDECIDED_STATES,
    Operation,
    OperationKind,
    OperationState,
)
from django_dinero.models.transaction import UNDECIDED, Transaction, TransactionStatus
from django_dinero.services import journal
from django_dinero.services.journal.records import RecordedOutcome
from django_dinero.services.ledger.refusals import recorded_refusal
from django_dinero.services.ledger.rows import (
    belongs_to_other_operation,
    family_of,
    insert_row,
    original_of,
    refresh,
    transactions,
    write_row,
)
from django_dinero.services.ledger.statuses import STATES, STATUSES, TAKEN

Written = tuple[Transaction, bool]

SIGNALS = {
    OperationKind.CHARGE: signals.charged,
    OperationKind.AUTHORIZE: signals.charged,
    OperationKind.CAPTURE: signals.captured,
    OperationKind.VOID: signals.voided,
    OperationKind.REFUND: signals.refunded,
}
#: Operations without a row of their own: they decide a held payment.
DECISIONS = (OperationKind.APPROVE_HELD, OperationKind.DECLINE_HELD)
FOLLOW_UPS = (OperationKind.CAPTURE, OperationKind.VOID, OperationKind.REFUND)
#: States in which the row counts, or may count later.
CAN_HAVE_ROWS = (
    OperationState.SUCCEEDED,
    OperationState.HELD,
    OperationState.REQUIRES_ACTION,
)


def conclude(
    operation: Operation,
    outcome: RecordedOutcome,
    parent: Transaction | None = None,
    **columns: Any,
) -> Transaction | None:
    """Write the gateway's answer and its row.

    The operation and its row are written at once, and the database says whether they may be. Only
    where it objects, or would do so too late, is everything looked at first.

    Args:
        parent: what the operation follows, where it is at hand.
        **columns: more that is written into the operation.

    Returns:
        The row; None if the operation needs a person's attention.
    """
    state = STATES[outcome.result]
    insert = _if_it_has_a_result(operation, lambda: insert_row(operation, parent))
    done = journal.try_to_conclude(operation, state, outcome, insert, **columns)
    if done is not None:
        (written,) = done
    else:
        written = _conclude_carefully(operation, outcome, parent, columns)
    if written is None:
        journal.log_unwritten(operation, outcome)
        return None
    return _announce_if_new(operation, *written)


def _if_it_has_a_result(
    operation: Operation, write: Callable[[], Written]
) -> Callable[[], Written | None]:
    # Somebody else may have left it to a person meanwhile.
    return lambda: write() if operation.has_result else None


def _conclude_carefully(
    operation: Operation,
    outcome: RecordedOutcome,
    parent: Transaction | None,
    columns: dict[str, Any],
) -> Written | None:
    state = STATES[outcome.result]
    if belongs_to_other_operation(operation, outcome.transaction_id):
        if outcome.status in (ResultStatus.DECLINED, ResultStatus.FAILED):
            # A refused duplicate comes with the id of its original.
            outcome = replace(outcome, transaction_id="")
            columns = {**columns, "transaction_id": operation.transaction_id}
        else:
            state = OperationState.NEEDS_ATTENTION
            text = _("The gateway gave the id of another transaction.")
            outcome = replace(outcome, error=text)
    write = _if_it_has_a_result(operation, lambda: write_row(operation, parent))
    return journal.conclude(operation, state, outcome, write, **columns)


def restore_row(operation: Operation) -> Transaction:
    """Return the row of an operation that has a result, written again if a rollback took it."""
    if operation.kind in DECISIONS:
        row = original_of(operation)
        align_undecided(row)
        return row
    row, is_new = repeated(partial(write_row, operation), router.db_for_write(Transaction))
    _announce_if_new(operation, row, is_new)
    if is_new:
        restore_lost_rows(row)  # whatever took it took its captures, voids and refunds too
    if row.status in UNDECIDED or operation.state in UNDECIDED_STATES:
        align_undecided(row)
        operation.refresh_from_db()
    return row


def row_or_raise(operation: Operation, row: Transaction, *, again: bool = False) -> Transaction:
    """Return the row if its operation succeeded; otherwise raise the refusal.

    Args:
        again: it was refused before, and is told to whoever repeats its idempotency key.
    """
    if operation.state == OperationState.SUCCEEDED:
        return row
    raise recorded_refusal(operation, row, again=again)


def _announce_if_new(operation: Operation, row: Transaction, is_new: bool) -> Transaction:
    if is_new:
        _announce(operation, row)
    return row


def _announce(operation: Operation, row: Transaction) -> None:
    if operation.state == OperationState.SUCCEEDED:
        signals.send(SIGNALS[OperationKind(operation.kind)], Transaction, transaction=row)
    else:
        error = recorded_refusal(operation, row)
        signals.send(signals.charge_failed, Transaction, transaction=row, error=error)


def restore_lost_rows(row: Transaction) -> Family:
    """Write again what a rollback of the caller took from what follows one transaction.

    The journal was committed on a connection of its own. Refunds add up to no more than was
    taken only if all of them are seen.

    Returns:
        The transaction and what follows it; the instance is up to date.
    """
    family = family_of(row)
    rows = Operation.objects.using(journal.current_alias()).filter(
        lock_name=row.lock_name, kind__in=FOLLOW_UPS, state__in=CAN_HAVE_ROWS
    )
    known = {child.operation_key for child in family.children}
    # The keys alone: hardly ever is one of them not known.
    unknown = set(rows.values_list("key", flat=True)) - known
    found = rows.filter(key__in=unknown).order_by("pk") if unknown else ()
    lost = [each for each in found if each.has_result]
    for operation in lost:
        restore_row(operation)
    undecided = row.status in UNDECIDED
    if undecided:
        align_undecided(row)
    return family_of(row) if lost or undecided else family


def write_decision(held: Transaction, status: TransactionStatus) -> None:
    """Write how a held payment was decided."""
    rows = transactions().filter(pk=held.pk, status__in=UNDECIDED)
    decided = partial(rows.update, status=status, updated_at=datetime.now(UTC))
    repeated(decided, router.db_for_write(Transaction))


def align_undecided(row: Transaction) -> None:
    """Make an undecided payment's row and operation say the same, whichever heard first."""
    key = row.operation_key or ""
    operation = Operation.objects.using(journal.current_alias()).filter(key=key).first()
    if operation is None or not operation.has_result:
        return
    undecided = row.status in UNDECIDED
    if undecided and operation.state not in UNDECIDED_STATES:
        write_decision(row, STATUSES[RecordedOutcome.of(operation).status])
        refresh(row)
    elif operation.state in UNDECIDED_STATES and _state_of(row) != operation.state:
        outcome = _decided_outcome(RecordedOutcome.of(operation), row)
        if journal.move(operation, _state_of(row), outcome):
            _announce(operation, row)


def _state_of(row: Transaction) -> OperationState:
    if row.status in UNDECIDED:
        return OperationState(row.status)
    return OperationState.SUCCEEDED if row.status in TAKEN else OperationState.DECLINED


def _decided_outcome(outcome: RecordedOutcome, row: Transaction) -> RecordedOutcome:
    state = _state_of(row)
    if state == OperationState.SUCCEEDED:
        return replace(outcome, result=ResultStatus.APPROVED.value)
    if state == OperationState.HELD:
        return replace(outcome, result=ResultStatus.HELD.value)
    text = unread_end(TransactionStatus(row.status))
    if not text and outcome.status is ResultStatus.REQUIRES_ACTION:
        text = _("The card's holder did not confirm it.")
    text = text or _("It was held for review, and declined then.")
    return replace(
        outcome, result=ResultStatus.DECLINED.value, reasons=(), reason="", gateway_text=text
    )


def unread_end(status: TransactionStatus) -> str:
    """Return how a payment ended that was approved, and over before that was read here."""
    if status == TransactionStatus.VOIDED:
        return _("It was voided before its outcome was read here.")
    if status == TransactionStatus.EXPIRED:
        return _("It expired before its outcome was read here.")
    return ""
