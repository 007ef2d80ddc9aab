"""What may be done to a transaction afterwards: settle, void, refund."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from django_dinero import keys
from django_dinero.exceptions import DineroError
from django_dinero.gateways.base import Gateway
from django_dinero.gateways.registry import get_gateway
from django_dinero.gateways.types import FollowUpRequest, TransactionResult
from django_dinero.models.operation import Operation, OperationKind
from django_dinero.models.transaction import Transaction
from django_dinero.money import normalise, parse_amount
from django_dinero.services import (
    aliases,
    books,
    endings,
    journal,
    money,
    permitted,
    replay,
    sources,
    targets,
)

ACCEPTED = frozenset({"idempotency_key", "scope", "description"})

Check = Callable[[Transaction, Decimal], DineroError | None]


def settle(
    authorization: Transaction, amount: Decimal | int | str | None = None, **given: Any
) -> Transaction:
    """Capture an authorization; see :meth:`Transaction.settle`."""
    asked = _amount(authorization, amount, Decimal(authorization.price))
    return _perform(OperationKind.SETTLE, authorization, asked, given, permitted.why_not_settle)


def void(original: Transaction, **given: Any) -> Transaction:
    """Cancel an unsettled transaction, whole; see :meth:`Transaction.void`."""
    asked = _amount(original, None, Decimal(original.price))
    return _perform(OperationKind.VOID, original, asked, given, permitted.why_not_void)


def refund(
    original: Transaction, amount: Decimal | int | str | None = None, **given: Any
) -> Transaction:
    """Give money back, as a void where the bank has not settled; see :meth:`Transaction.refund`."""
    sources.refuse_unknown(given, ACCEPTED)
    if amount is not None:
        amount = parse_amount(amount, original.currency, field="amount")
    before = _earlier(("refund", "void"), original, amount, given)
    if before is not None:
        return before
    aliases.for_money()  # refused here, before the gateway is asked whether it has settled
    endings.catch_up(original)
    target = permitted.refundable(original)
    if target != original:
        endings.catch_up(target)
    asked = _amount(target, amount, books.left_to_refund(target))
    problem = permitted.why_not_refund(target, asked)
    if problem is not None:
        raise problem
    kind, why_not = OperationKind.REFUND, permitted.why_not_refund
    if permitted.must_void(target, asked):
        kind, why_not = OperationKind.VOID, permitted.why_not_void
    return _perform(kind, target, asked, given, why_not, asked_by=original)


def _amount(row: Transaction, amount: object, default: Decimal) -> Decimal:
    if amount is None:
        return normalise(default, row.currency)
    return parse_amount(amount, row.currency, field="amount")


def _perform(
    kind: OperationKind,
    original: Transaction,
    amount: Decimal,
    given: Mapping[str, Any],
    why_not: Check,
    *,
    asked_by: Transaction | None = None,
) -> Transaction:
    """Check, hold the target, and send."""
    sources.refuse_unknown(given, ACCEPTED)
    gateway = get_gateway(original.gateway_name)
    gateway.require(kind.value)
    anchor = asked_by or original
    before = _earlier((kind.value,), anchor, amount, given)
    if before is not None:
        return before
    endings.catch_up(original)
    problem = why_not(original, amount)
    if problem is not None:
        raise problem
    request = request_of(original, amount, given)
    gateway.check_request(request)
    parameters = parameters_of(kind.value, anchor, amount)
    try:
        operation = hold(gateway, kind, original, request, given, parameters, why_not)
    except journal.KeyTaken as taken:
        return replay.rival_answer(taken.operation, parameters)
    verb = getattr(gateway, kind.value)
    row = money.perform(gateway, operation, lambda: _call(verb, request))
    for changed in {original, anchor}:
        books.refresh(changed)
    return row


def _call(
    verb: Callable[[FollowUpRequest], TransactionResult], request: FollowUpRequest
) -> TransactionResult:
    return verb(request)


def hold(
    gateway: Gateway,
    kind: OperationKind,
    original: Transaction,
    request: FollowUpRequest,
    given: Mapping[str, Any],
    parameters: Mapping[str, object],
    why_not: Check,
) -> Operation:
    """Write the intent, which keeps others off the target; then look again whether it may be done.

    Raises:
        DineroError: it may not, any more.
        journal.KeyTaken: the idempotency key has an operation.
    """
    operation = money.begin(
        targets.begin,
        gateway,
        kind,
        key=request.operation_key,
        target=books.target_name(original),
        amount=request.amount,
        currency=request.currency,
        parent_key=original.operation_key or "",
        transaction_id=original.transaction_id or "",
        customer_id=original.customer_id,
        card_id=original.card_id,
        intent=_intent(original, request),
        fingerprint=keys.fingerprint(parameters),
        **replay.check_key(given.get("idempotency_key"), given.get("scope", "")),
    )
    endings.catch_up(original)
    problem = why_not(original, request.amount)
    if problem is not None:
        raise money.abandon(operation, problem)
    return operation


def _earlier(
    verbs: tuple[str, ...], original: Transaction, amount: object, given: Mapping[str, Any]
) -> Transaction | None:
    """Return what this idempotency key did before, under whichever verb it ended up as."""
    columns = replay.check_key(given.get("idempotency_key"), given.get("scope", ""))
    operation = replay.operation_of(columns)
    if operation is None:
        return None
    verb = operation.kind if operation.kind in verbs else verbs[0]
    asked = operation.amount if amount is None else amount
    return replay.answer_of(operation, parameters_of(verb, original, asked))


def parameters_of(verb: str, original: Transaction, amount: object) -> dict[str, object]:
    """Return what makes two requests the same."""
    value = amount if isinstance(amount, Decimal) else Decimal(str(amount))
    shown = str(normalise(value, original.currency))
    return {"verb": verb, "original": str(original.public_id), "amount": shown}


def request_of(original: Transaction, amount: Decimal, given: Mapping[str, Any]) -> FollowUpRequest:
    """Return what the gateway is asked."""
    texts = sources.check_texts(given, {"description": 255})
    return FollowUpRequest(
        operation_key=keys.new_key(),
        transaction_id=original.transaction_id or "",
        amount=amount,
        currency=original.currency,
        customer_id=original.customer_id,
        card_id=original.card_id,
        last_4=original.last_4,
        order_reference=original.order_reference,
        description=texts["description"],
    )


def _intent(original: Transaction, request: FollowUpRequest) -> dict[str, Any]:
    return {
        "customer_pk": original.customer_pk,
        "card_pk": original.card_pk,
        "owner_pk": original.owner_id,
        "order_reference": original.order_reference,
        "description": request.description,
        "last_4": original.last_4,
        "brand": original.brand,
    }
