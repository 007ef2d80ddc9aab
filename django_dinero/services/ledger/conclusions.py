"""How a money operation ends: its state, its row, and what users hear of it, each once.

Whoever learns the end first (the worker itself, a lookup, later a webhook) writes it through here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from django_dinero import signals
from django_dinero.enums import ResultStatus
from django_dinero.models.operation import Operation, OperationKind, OperationState
from django_dinero.models.transaction import Transaction, TransactionStatus
from django_dinero.services import journal
from django_dinero.services.errors import recorded_refusal
from django_dinero.services.ledger.rows import (
    lock_name_of,
    original_of,
    refresh,
    transactions,
    write_row,
)
from django_dinero.services.ledger.statuses import STATES, STATUSES, TAKEN

SIGNALS = {
    OperationKind.CHARGE: signals.charged,
    OperationKind.AUTHORIZE: signals.charged,
    OperationKind.CAPTURE: signals.captured,
    OperationKind.VOID: signals.voided,
    OperationKind.REFUND: signals.refunded,
}
#: What has no row of its own: it decides how a held one stands.
DECISIONS = (OperationKind.APPROVE_HELD, OperationKind.DECLINE_HELD)
FOLLOW_UPS = (OperationKind.CAPTURE, OperationKind.VOID, OperationKind.REFUND)
CAN_HAVE_ROWS = (OperationState.SUCCEEDED, OperationState.HELD)


def conclude(operation: Operation, outcome: Mapping[str, Any], **values: Any) -> Transaction | None:
    """Write the gateway's answer and its row; None if the operation is left to a person."""
    state = STATES[ResultStatus(outcome["result"])]
    written = journal.conclude(
        operation,
        state,
        outcome,
        lambda: write_row(operation) if operation.has_result else None,
        **values,
    )
    return _told(operation, *written) if written is not None else None


def restore_row(operation: Operation) -> Transaction:
    """Return the row of an operation that has a result, written again if a rollback took it."""
    if operation.kind in DECISIONS:
        row = original_of(operation)
        align_held(row)
        return row
    row = _told(operation, *write_row(operation))
    if row.status == TransactionStatus.HELD or operation.state == OperationState.HELD:
        align_held(row)
        operation.refresh_from_db()
    return row


def _told(operation: Operation, row: Transaction, is_new: bool) -> Transaction:
    if is_new:
        _announce(operation, row)
    return row


def _announce(operation: Operation, row: Transaction) -> None:
    if operation.state == OperationState.SUCCEEDED:
        signals.send(SIGNALS[OperationKind(operation.kind)], Transaction, transaction=row)
    else:
        error = recorded_refusal(operation, row)
        signals.send(signals.charge_failed, Transaction, transaction=row, error=error)


def restore_lost_rows(row: Transaction) -> None:
    """Write again what a rollback of the caller took from the books of one transaction.

    The journal was committed on a connection of its own. Refunds add up to no more than was
    taken only if all of them are seen.
    """
    rows = Operation.objects.using(journal.current_alias()).filter(
        lock_name=lock_name_of(row), kind__in=FOLLOW_UPS, state__in=CAN_HAVE_ROWS
    )
    known = set(transactions().filter(parent=row).values_list("operation_key", flat=True))
    for operation in rows.order_by("pk"):
        if operation.key not in known and operation.has_result:
            restore_row(operation)
    if row.status == TransactionStatus.HELD:
        align_held(row)
    refresh(row)


def write_decision(held: Transaction, status: TransactionStatus) -> None:
    """Write how a held payment was decided."""
    rows = transactions().filter(pk=held.pk, status=TransactionStatus.HELD)
    rows.update(status=status, updated_at=timezone.now())


def align_held(row: Transaction) -> None:
    """Make the row of a held payment and its operation say the same, whichever heard first."""
    key = row.operation_key or ""
    operation = Operation.objects.using(journal.current_alias()).filter(key=key).first()
    if operation is None:
        return
    held = row.status == TransactionStatus.HELD
    if held and operation.has_result and operation.state != OperationState.HELD:
        write_decision(row, STATUSES[ResultStatus(operation.outcome["result"])])
        refresh(row)
    elif not held and operation.state == OperationState.HELD:
        taken = row.status in TAKEN
        state = OperationState.SUCCEEDED if taken else OperationState.DECLINED
        if journal.move(operation, state, outcome={**operation.outcome, **_decided(taken=taken)}):
            _announce(operation, row)


def _decided(*, taken: bool) -> dict[str, Any]:
    if taken:
        return {"result": ResultStatus.APPROVED.value}
    text = _("It was held for review, and declined then.")
    return {"result": ResultStatus.DECLINED.value, "reasons": [], "gateway_text": text}
