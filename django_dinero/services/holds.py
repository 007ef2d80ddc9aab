"""Payments that the gateway holds: approved or declined."""

from __future__ import annotations

import contextlib
from decimal import Decimal
from typing import Any, Literal

from django_dinero.exceptions import DineroError
from django_dinero.gateways.base import Gateway
from django_dinero.gateways.registry import get_gateway
from django_dinero.gateways.types import (
    FollowUpRequest,
    Outcome,
    RemoteTransaction,
    TransactionResult,
)
from django_dinero.models.operation import Operation, OperationKind, OperationState
from django_dinero.models.transaction import Transaction, TransactionStatus
from django_dinero.services import (
    books,
    endings,
    followups,
    journal,
    meanings,
    money,
    permitted,
    replay,
    sending,
    sources,
)
from django_dinero.services.refusals import read

Action = Literal["approve", "decline"]

KINDS = {"approve": OperationKind.APPROVE_HELD, "decline": OperationKind.DECLINE_HELD}
STATUSES = {"approve": TransactionStatus.APPROVED, "decline": TransactionStatus.DECLINED}


def resolve_held(held: Transaction, action: Action, **given: Any) -> Transaction:
    """Approve or decline a payment that the gateway holds; returns the row, brought up to date."""
    sources.refuse_unknown(given, followups.ACCEPTED)
    gateway, kind, price = get_gateway(held.gateway_name), KINDS[action], Decimal(held.price)
    gateway.require("resolve_held")
    parameters = followups.parameters_of(kind.value, held, price)
    columns = replay.check_key(given.get("idempotency_key"), given.get("scope", ""))
    if replay.earlier(columns, parameters) is not None:
        books.refresh(held)
        return held
    problem = permitted.why_not_decide(held, price)
    if problem is not None:
        raise problem
    request = followups.request_of(held, price, given)
    try:
        operation = followups.hold(
            gateway, kind, held, request, given, parameters, permitted.why_not_decide
        )
    except journal.KeyTaken as taken:
        replay.rival_answer(taken.operation, parameters)
    else:
        _decide(gateway, operation, held, request, action)
    books.refresh(held)
    return held


def _decide(
    gateway: Gateway,
    operation: Operation,
    held: Transaction,
    request: FollowUpRequest,
    action: Action,
) -> None:
    result = sending.send(gateway, operation, lambda: gateway.resolve_held(request, action))
    outcome = books.outcome_of(result)
    contradiction = money.contradicts(operation, result)
    if contradiction:
        raise money.leave_to_a_person(operation, outcome, contradiction)
    status = _status(action, result) or _seen(gateway, held)
    done = status == STATUSES[action]
    journal.conclude(
        operation,
        OperationState.SUCCEEDED if done else OperationState.FAILED,
        outcome,
        lambda: endings.release(held, status) if status else None,
    )
    books.refresh(held)
    endings.agree(held)
    replay.approved(operation, held)


def _status(action: Action, result: TransactionResult) -> TransactionStatus | None:
    """Return what the answer makes of the row, None if it is held as before."""
    if result.outcome is Outcome.APPROVED:
        return STATUSES[action]  # of a decline: "yes, it is declined"
    # Where it was to be approved, its issuer declined it: it is held no longer.
    return TransactionStatus.DECLINED if result.outcome is Outcome.DECLINED else None


def _seen(gateway: Gateway, held: Transaction) -> TransactionStatus | None:
    """Ask how a payment stands that could not be decided: it may have been, before this call."""
    with contextlib.suppress(DineroError):
        found: RemoteTransaction = read(
            gateway, lambda: gateway.retrieve_transaction(held.transaction_id or "")
        )
        status = meanings.FROM_REMOTE[found.status]
        return status if status != TransactionStatus.HELD else None
    return None
