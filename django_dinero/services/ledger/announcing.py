"""Tells receivers how an operation ended, once."""

from __future__ import annotations

from django_dinero import signals
from django_dinero.models.operation import Operation, OperationKind, OperationState
from django_dinero.models.transaction import Transaction
from django_dinero.services.ledger.refusals import recorded_refusal

SIGNALS = {
    OperationKind.CHARGE: signals.charged,
    OperationKind.AUTHORIZE: signals.charged,
    OperationKind.CAPTURE: signals.captured,
    OperationKind.VOID: signals.voided,
    OperationKind.REFUND: signals.refunded,
}


def announce_end(operation: Operation, row: Transaction) -> None:
    """Send the signal of a verb that succeeded, or that of a refusal."""
    if operation.state == OperationState.SUCCEEDED:
        signals.send(SIGNALS[OperationKind(operation.kind)], Transaction, transaction=row)
    else:
        error = recorded_refusal(operation, row)
        signals.send(signals.charge_failed, Transaction, transaction=row, error=error)
