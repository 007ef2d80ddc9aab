"""What may be done to a transaction afterwards: settle, void, refund, resolve a hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Literal

from django.utils import timezone
from django.utils.translation import gettext as _

from django_dinero import keys
from django_dinero.exceptions import (
    DineroError,
    InvalidTransactionError,
)
from django_dinero.gateways.base import Gateway
from django_dinero.gateways.registry import get_gateway
from django_dinero.gateways.types import (
    FollowUpRequest,
    Outcome,
    TransactionResult,
)
from django_dinero.models.operation import Operation, OperationKind, OperationState
from django_dinero.models.transaction import (
    COUNTED,
    Transaction,
    TransactionKind,
    TransactionStatus,
)
from django_dinero.money import normalise, parse_amount
from django_dinero.services import (
    aliases,
    books,
    journal,
    money,
    permitted,
    replay,
    sending,
    sources,
    targets,
)
from django_dinero.services.refusals import error_for, read

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
    target = permitted.refundable(original)
    asked = _amount(target, amount, books.left_to_refund(target))
    problem = permitted.why_not_refund(target, asked)
    if problem is not None:
        raise problem
    if permitted.must_void(target, asked):
        return _perform(
            OperationKind.VOID, target, asked, given, permitted.why_not_void, asked_by=original
        )
    return _perform(
        OperationKind.REFUND, target, asked, given, permitted.why_not_refund, asked_by=original
    )


def resolve_held(
    held: Transaction, action: Literal["approve", "decline"], **given: Any
) -> Transaction:
    """Approve or decline a payment that the gateway holds; returns the row, brought up to date."""
    sources.refuse_unknown(given, ACCEPTED)
    if held.status != TransactionStatus.HELD:
        raise InvalidTransactionError(
            _("Only a held payment can be approved or declined; this one is: %(status)s.")
            % {"status": held.get_status_display()},
            transaction=held,
        )
    gateway = get_gateway(held.gateway_name)
    gateway.require("resolve_held")
    kind = OperationKind.APPROVE_HELD if action == "approve" else OperationKind.DECLINE_HELD
    request = _request(held, Decimal(held.price), given)
    operation = _begin(gateway, kind, held, request, {})
    result = sending.send(gateway, operation, lambda: gateway.resolve_held(request, action))
    done = result.outcome is (Outcome.APPROVED if action == "approve" else Outcome.DECLINED)
    done = done or (action == "decline" and result.outcome is Outcome.APPROVED)
    outcome = books.outcome_of(result)
    if not done:
        declined = result.outcome is Outcome.DECLINED
        journal.conclude(
            operation,
            OperationState.FAILED,
            outcome,
            # The issuer declined what was to be approved: it is held no longer.
            lambda: _release(held, TransactionStatus.DECLINED) if declined else None,
        )
        held.refresh_from_db()
        raise error_for(result.reasons, transaction=held, operation=operation)
    status = TransactionStatus.APPROVED if action == "approve" else TransactionStatus.DECLINED
    journal.conclude(operation, OperationState.SUCCEEDED, outcome, lambda: _release(held, status))
    held.refresh_from_db()
    return held


def retrieve(transaction_id: str, *, gateway_name: str | None = None) -> Transaction:
    """Fetch a transaction and bring its row up to date; see :meth:`Transaction.retrieve`."""
    gateway = get_gateway(gateway_name)
    remote = read(gateway, lambda: gateway.retrieve_transaction(str(transaction_id)))
    rows = Transaction.objects.filter(
        gateway_name=gateway.alias, transaction_id=remote.transaction_id
    )
    originals = rows.exclude(kind__in=(TransactionKind.VOID, TransactionKind.CAPTURE))
    row = originals.first() or books.foreign_row(gateway.alias, remote)
    books.apply_remote(row, remote)
    return row


def _release(held: Transaction, status: TransactionStatus) -> None:
    rows = Transaction.objects.filter(pk=held.pk, status=TransactionStatus.HELD)
    rows.update(status=status, updated_at=timezone.now())
    state = OperationState.SUCCEEDED if status in COUNTED else OperationState.DECLINED
    charge = Operation.objects.filter(key=held.operation_key, state=OperationState.PENDING).first()
    if charge is not None:
        result = Outcome.APPROVED if status in COUNTED else Outcome.DECLINED
        journal.move(charge, state, outcome={**charge.outcome, "result": result.value})


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
    """Check, write the intent, check again with the target held, and send."""
    sources.refuse_unknown(given, ACCEPTED)
    gateway = get_gateway(original.gateway_name)
    gateway.require(kind.value)
    anchor = asked_by or original
    before = _earlier((kind.value,), anchor, amount, given)
    if before is not None:
        return before
    problem = why_not(original, amount)
    if problem is not None:
        raise problem
    request = _request(original, amount, given)
    gateway.check_request(request)
    parameters = _parameters(kind.value, anchor, amount)
    columns = replay.check_key(given.get("idempotency_key"), given.get("scope", ""))
    try:
        operation = _begin(
            gateway,
            kind,
            original,
            request,
            {**columns, "fingerprint": keys.fingerprint(parameters)},
        )
    except journal.KeyTaken as taken:
        return replay.rival_answer(taken.operation, parameters)
    original.refresh_from_db()
    problem = why_not(original, amount)
    if problem is not None:
        raise money.abandon(operation, problem)
    verb = getattr(gateway, kind.value)
    row = money.perform(gateway, operation, lambda: _call(verb, request))
    original.refresh_from_db()
    return row


def _call(
    verb: Callable[[FollowUpRequest], TransactionResult], request: FollowUpRequest
) -> TransactionResult:
    return verb(request)


def _begin(
    gateway: Gateway,
    kind: OperationKind,
    original: Transaction,
    request: FollowUpRequest,
    columns: Mapping[str, Any],
) -> Operation:
    values: dict[str, Any] = {
        "key": request.operation_key,
        "target": f"transaction:{original.public_id}",
        "amount": request.amount,
        "currency": request.currency,
        "parent_key": original.operation_key or "",
        "transaction_id": original.transaction_id or "",
        "customer_id": original.customer_id,
        "card_id": original.card_id,
        "intent": _intent(original, request),
        **columns,
    }
    return targets.begin(gateway, kind, using=aliases.for_money(), **values)


def _earlier(
    verbs: tuple[str, ...], original: Transaction, amount: object, given: Mapping[str, Any]
) -> Transaction | None:
    """Return what this idempotency key did before, under whichever verb it ended up as."""
    columns = replay.check_key(given.get("idempotency_key"), given.get("scope", ""))
    if columns["client_key"] is None:
        return None
    operation = Operation.objects.filter(**columns).first()
    if operation is None:
        return None
    verb = operation.kind if operation.kind in verbs else verbs[0]
    asked = operation.amount if amount is None else amount
    return replay.answer_of(operation, _parameters(verb, original, asked))


def _parameters(verb: str, original: Transaction, amount: object) -> dict[str, object]:
    value = amount if isinstance(amount, Decimal) else Decimal(str(amount))
    shown = str(normalise(value, original.currency))
    return {"verb": verb, "original": str(original.public_id), "amount": shown}


def _request(original: Transaction, amount: Decimal, given: Mapping[str, Any]) -> FollowUpRequest:
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
        "parent_pk": original.pk,
        "order_reference": original.order_reference,
        "description": request.description,
        "last_4": original.last_4,
        "brand": original.brand,
    }
