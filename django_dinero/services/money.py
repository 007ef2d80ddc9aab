"""The steps that every money verb shares, from a written intent to a row in the books."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from django_dinero import signals
from django_dinero.exceptions import DineroError, NeedsReview
from django_dinero.gateways.base import Gateway
from django_dinero.gateways.types import Outcome, TransactionResult
from django_dinero.models.operation import Operation, OperationKind, OperationState
from django_dinero.models.transaction import Transaction
from django_dinero.services import aliases, books, journal, replay, sending

SIGNALS = {
    OperationKind.CHARGE: signals.charged,
    OperationKind.AUTHORIZE: signals.charged,
    OperationKind.SETTLE: signals.settled,
    OperationKind.VOID: signals.voided,
    OperationKind.REFUND: signals.refunded,
}


def perform(
    gateway: Gateway, operation: Operation, call: Callable[[], TransactionResult]
) -> Transaction:
    """Send a NEW operation, record the answer, and return the row or raise the refusal."""
    result = sending.send(gateway, operation, call)
    contradiction = contradicts(operation, result)
    outcome = books.outcome_of(result)
    if contradiction:
        journal.conclude(
            operation, OperationState.MANUAL, {**outcome, "error": contradiction}, lambda: None
        )
        raise NeedsReview(contradiction, operation=operation, gateway_name=gateway.alias)
    row = journal.conclude(
        operation,
        books.STATES[result.outcome],
        outcome,
        lambda: _record(operation),
        transaction_id=outcome["transaction_id"] or operation.transaction_id,
    )
    return announce(operation, row, result.outcome)


def _record(operation: Operation) -> Transaction:
    if "result" not in operation.outcome:
        raise replay.unfinished(operation)  # a lookup gave it to a person, and it stays there
    return books.record(operation)


def announce(operation: Operation, row: Transaction, outcome: Outcome) -> Transaction:
    """Send the signal for a recorded answer, and return the row or raise the refusal."""
    if outcome is Outcome.APPROVED:
        signals.send(SIGNALS[OperationKind(operation.kind)], Transaction, transaction=row)
        return row
    error = replay.refusal_of(operation, row, outcome)
    signals.send(signals.charge_failed, Transaction, transaction=row, error=error)
    raise error


def contradicts(operation: Operation, result: TransactionResult) -> str:
    """Return how an approval differs from what was asked, or an empty string."""
    if result.outcome is not Outcome.APPROVED:
        return ""
    if result.amount is not None and result.amount != Decimal(operation.amount or 0):
        return _("The gateway approved %(got)s, not %(asked)s.") % {
            "got": result.amount,
            "asked": operation.amount,
        }
    if result.currency and result.currency != operation.currency:
        return _("The gateway approved %(got)s, not %(asked)s.") % {
            "got": result.currency,
            "asked": operation.currency,
        }
    if result.operation_key and result.operation_key != operation.key:
        return _("The gateway answered for another operation (%(key)s).") % {
            "key": result.operation_key
        }
    return ""


def begin(gateway: Gateway, kind: str, **values: Any) -> Operation:
    """Write a money operation; inside the caller's transaction only with a journal alias."""
    return journal.begin(gateway, kind, using=aliases.for_money(), **values)


def abandon(operation: Operation, error: DineroError) -> DineroError:
    """Close an operation that turned out not to be possible before it was sent."""
    journal.move(
        operation, OperationState.FAILED, outcome={"error": str(error), "code": error.code}
    )
    error.operation = operation
    return error
