"""What may be done to a transaction afterwards: capture, void, refund."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from django_dinero import identifiers
from django_dinero.exceptions import DineroError
from django_dinero.gateways.base import Gateway
from django_dinero.gateways.registry import get_gateway
from django_dinero.gateways.types import FollowUpRequest, TransactionResult
from django_dinero.models.operation import Operation, OperationKind
from django_dinero.models.transaction import Transaction
from django_dinero.money import normalise, parse_amount
from django_dinero.services import journal, ledger, validation
from django_dinero.services.payments.execute import abandon, begin, perform
from django_dinero.services.payments.rules import (
    capture_error,
    must_void,
    refund_error,
    refundable,
    void_error,
)
from django_dinero.services.recovery import idempotency, locking

ACCEPTED = frozenset({"idempotency_key", "scope", "description"})

Check = Callable[[Transaction, Decimal], DineroError | None]


def capture(
    authorization: Transaction, amount: Decimal | int | str | None = None, **given: Any
) -> Transaction:
    """Capture an authorization; see :meth:`Transaction.capture`."""
    asked = _amount(authorization, amount, Decimal(authorization.price))
    return _perform(OperationKind.CAPTURE, authorization, asked, given, capture_error)


def void(original: Transaction, **given: Any) -> Transaction:
    """Cancel an unsettled transaction, whole; see :meth:`Transaction.void`."""
    asked = _amount(original, None, Decimal(original.price))
    return _perform(OperationKind.VOID, original, asked, given, void_error)


def refund(
    original: Transaction, amount: Decimal | int | str | None = None, **given: Any
) -> Transaction:
    """Give money back, as a void where the bank has not settled; see :meth:`Transaction.refund`."""
    validation.refuse_unknown(given, ACCEPTED)
    if amount is not None:
        amount = parse_amount(amount, original.currency, field="amount")
    before = _earlier(("refund", "void"), original, amount, given)
    if before is not None:
        return before
    journal.alias_for_money()  # refused here, before the gateway is asked whether it has settled
    ledger.restore_lost_rows(original)
    source = refundable(original)
    if source != original:
        ledger.restore_lost_rows(source)
    asked = _amount(source, amount, ledger.left_to_refund(source))
    problem = refund_error(source, asked)
    if problem is not None:
        raise problem
    kind, why_not = OperationKind.REFUND, refund_error
    if must_void(source, asked):
        kind, why_not = OperationKind.VOID, void_error
    return _perform(kind, source, asked, given, why_not, asked_by=original)


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
    """Check, take the lock, and send."""
    validation.refuse_unknown(given, ACCEPTED)
    gateway = get_gateway(original.gateway_name)
    gateway.require(kind.value)
    anchor = asked_by or original
    before = _earlier((kind.value,), anchor, amount, given)
    if before is not None:
        return before
    ledger.restore_lost_rows(original)
    problem = why_not(original, amount)
    if problem is not None:
        raise problem
    request = request_of(original, amount, given)
    gateway.check_request(request)
    parameters = parameters_of(kind.value, anchor, amount)
    try:
        operation = hold(gateway, kind, original, request, given, parameters, why_not)
    except journal.KeyTaken as taken:
        return idempotency.rival_answer(taken.operation, parameters)
    verb = getattr(gateway, kind.value)
    row = perform(gateway, operation, lambda: _call(verb, request))
    for changed in {original, anchor}:
        ledger.refresh(changed)
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
    """Write the intent, which keeps others off it; then look again whether it may be done.

    Raises:
        DineroError: it may not, any more.
        journal.KeyTaken: the idempotency key has an operation.
    """
    operation = begin(
        locking.begin,
        gateway,
        kind,
        key=request.operation_key,
        lock_name=ledger.lock_name_of(original),
        amount=request.amount,
        currency=request.currency,
        parent_key=original.operation_key or "",
        transaction_id=original.transaction_id or "",
        customer_id=original.customer_id,
        card_id=original.card_id,
        intent=_intent(original, request),
        fingerprint=identifiers.fingerprint(parameters),
        **idempotency.check_key(given.get("idempotency_key"), given.get("scope", "")),
    )
    ledger.restore_lost_rows(original)
    problem = why_not(original, request.amount)
    if problem is not None:
        raise abandon(operation, problem)
    return operation


def _earlier(
    verbs: tuple[str, ...], original: Transaction, amount: object, given: Mapping[str, Any]
) -> Transaction | None:
    """Return what this idempotency key did before, under whichever verb it ended up as."""
    columns = idempotency.check_key(given.get("idempotency_key"), given.get("scope", ""))
    operation = idempotency.operation_of(columns)
    if operation is None:
        return None
    verb = operation.kind if operation.kind in verbs else verbs[0]
    asked = operation.amount if amount is None else amount
    return idempotency.answer_of(operation, parameters_of(verb, original, asked))


def parameters_of(verb: str, original: Transaction, amount: object) -> dict[str, object]:
    """Return what makes two requests the same."""
    value = amount if isinstance(amount, Decimal) else Decimal(str(amount))
    shown = str(normalise(value, original.currency))
    return {"verb": verb, "original": str(original.public_id), "amount": shown}


def request_of(original: Transaction, amount: Decimal, given: Mapping[str, Any]) -> FollowUpRequest:
    """Return what the gateway is asked."""
    texts = validation.check_texts(given, {"description": 255})
    return FollowUpRequest(
        operation_key=identifiers.new_key(),
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
