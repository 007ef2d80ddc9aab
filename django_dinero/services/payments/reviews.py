"""Payments that the gateway holds: approved or declined."""

from __future__ import annotations

import contextlib
from decimal import Decimal
from typing import Any, Literal

from django_dinero.enums import ResultStatus
from django_dinero.exceptions import DineroError
from django_dinero.gateways.base import Gateway
from django_dinero.gateways.registry import get_gateway
from django_dinero.gateways.types import FollowUpRequest, RemoteTransaction, TransactionResult
from django_dinero.models.operation import Operation, OperationKind, OperationState
from django_dinero.models.transaction import Transaction, TransactionStatus
from django_dinero.services import journal, ledger, validation
from django_dinero.services.errors import read
from django_dinero.services.ledger import statuses
from django_dinero.services.payments.execute import contradiction_of, mark_for_review
from django_dinero.services.payments.followups import ACCEPTED, hold, parameters_of, request_of
from django_dinero.services.payments.rules import decision_error
from django_dinero.services.recovery import idempotency

Action = Literal["approve", "decline"]

KINDS = {"approve": OperationKind.APPROVE_HELD, "decline": OperationKind.DECLINE_HELD}
STATUSES = {"approve": TransactionStatus.APPROVED, "decline": TransactionStatus.DECLINED}


def decide_review(held: Transaction, action: Action, **given: Any) -> Transaction:
    """Approve or decline a payment that the gateway holds; returns the row, brought up to date."""
    validation.refuse_unknown(given, ACCEPTED)
    gateway, kind, price = get_gateway(held.gateway_name), KINDS[action], Decimal(held.price)
    gateway.require("decide_review")
    parameters = parameters_of(kind.value, held, price)
    columns = idempotency.check_key(given.get("idempotency_key"), given.get("scope", ""))
    if idempotency.earlier(columns, parameters) is not None:
        ledger.refresh(held)
        return held
    problem = decision_error(held, price)
    if problem is not None:
        raise problem
    request = request_of(held, price, given)
    try:
        operation = hold(gateway, kind, held, request, given, parameters, decision_error)
    except journal.KeyTaken as taken:
        idempotency.rival_answer(taken.operation, parameters)
    else:
        _decide(gateway, operation, held, request, action)
    ledger.refresh(held)
    return held


def _decide(
    gateway: Gateway,
    operation: Operation,
    held: Transaction,
    request: FollowUpRequest,
    action: Action,
) -> None:
    result = journal.send(gateway, operation, lambda: gateway.decide_review(request, action))
    outcome = ledger.outcome_of(result)
    contradiction = contradiction_of(operation, result)
    if contradiction:
        raise mark_for_review(operation, outcome, contradiction)
    status = _status(action, result) or _seen(gateway, held)
    done = status == STATUSES[action]
    journal.conclude(
        operation,
        OperationState.SUCCEEDED if done else OperationState.FAILED,
        outcome,
        lambda: ledger.write_decision(held, status) if status else None,
    )
    ledger.refresh(held)
    ledger.align_held(held)
    idempotency.row_or_raise(operation, held)


def _status(action: Action, result: TransactionResult) -> TransactionStatus | None:
    """Return what the answer makes of the row, None if it is held as before."""
    if result.outcome is ResultStatus.APPROVED:
        return STATUSES[action]  # of a decline: "yes, it is declined"
    # Where it was to be approved, its issuer declined it: it is held no longer.
    return TransactionStatus.DECLINED if result.outcome is ResultStatus.DECLINED else None


def _seen(gateway: Gateway, held: Transaction) -> TransactionStatus | None:
    """Ask how a payment stands that could not be decided: it may have been, before this call."""
    with contextlib.suppress(DineroError):
        found: RemoteTransaction = read(
            gateway, lambda: gateway.retrieve_transaction(held.transaction_id or "")
        )
        status = statuses.FROM_REMOTE[found.status]
        return status if status != TransactionStatus.HELD else None
    return None
