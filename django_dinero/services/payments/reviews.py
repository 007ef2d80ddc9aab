"""Payments that the gateway holds for review: approved or declined."""

from __future__ import annotations

import contextlib
from decimal import Decimal
from typing import Literal, Unpack

from django_dinero.enums import ResultStatus
from django_dinero.exceptions import DineroError
from django_dinero.gateways.types import RemoteTransaction, TransactionResult
from django_dinero.models.arguments import FollowUpOptions
from django_dinero.models.operation import Operation, OperationKind, OperationState
from django_dinero.models.transaction import Transaction, TransactionStatus
from django_dinero.services import journal, ledger
from django_dinero.services.errors import read
from django_dinero.services.journal.records import RecordedOutcome
from django_dinero.services.ledger import statuses
from django_dinero.services.payments import rules
from django_dinero.services.payments.execute import contradiction_of, mark_needs_attention
from django_dinero.services.payments.followups import FollowUpOrder, Given
from django_dinero.services.recovery import idempotency

Action = Literal["approve", "decline"]

KINDS = {"approve": OperationKind.APPROVE_HELD, "decline": OperationKind.DECLINE_HELD}
STATUSES = {"approve": TransactionStatus.APPROVED, "decline": TransactionStatus.DECLINED}


def decide_review(
    held: Transaction, action: Action, **options: Unpack[FollowUpOptions]
) -> Transaction:
    """Approve or decline a payment that the gateway holds; returns the row, brought up to date."""
    price = Decimal(held.price)
    given = Given.read(options)
    order = FollowUpOrder.of(KINDS[action], held, price, rules.decision_error, given)
    if order.earlier() is not None:
        ledger.refresh(held)
        return held
    problem = order.problem(ledger.family_of(held))
    if problem is not None:
        order.rival_or_raise(problem)
        ledger.refresh(held)
        return held
    try:
        operation = order.open()
    except journal.KeyTaken as taken:
        idempotency.rival_answer(taken.operation, order.parameters)
    else:
        _decide(order, operation, action)
    ledger.refresh(held)
    return held


def _decide(order: FollowUpOrder, operation: Operation, action: Action) -> None:
    gateway, held, request = order.gateway, order.original, order.request
    result = journal.send(gateway, operation, lambda: gateway.decide_review(request, action))
    outcome = RecordedOutcome.of_result(result)
    contradiction = contradiction_of(operation, result)
    if contradiction:
        raise mark_needs_attention(operation, outcome, contradiction)
    status = _status(action, result) or _seen(order)
    done = status == STATUSES[action]
    journal.conclude(
        operation,
        OperationState.SUCCEEDED if done else OperationState.FAILED,
        outcome,
        lambda: ledger.write_decision(held, status) if status else None,
    )
    ledger.refresh(held)
    ledger.align_undecided(held)
    ledger.row_or_raise(operation, held)


def _status(action: Action, result: TransactionResult) -> TransactionStatus | None:
    """Return what the answer makes of the row, None if it is held as before."""
    if result.outcome is ResultStatus.APPROVED:
        return STATUSES[action]  # of a decline: "yes, it is declined"
    # Where it was to be approved, its issuer declined it: it is held no longer.
    return TransactionStatus.DECLINED if result.outcome is ResultStatus.DECLINED else None


def _seen(order: FollowUpOrder) -> TransactionStatus | None:
    """Ask how a payment stands that could not be decided: it may have been, before this call."""
    gateway, transaction_id = order.gateway, order.request.transaction_id
    with contextlib.suppress(DineroError):
        found: RemoteTransaction = read(
            gateway, lambda: gateway.retrieve_transaction(transaction_id)
        )
        status = statuses.FROM_REMOTE[found.status]
        return status if status != TransactionStatus.HELD else None
    return None
