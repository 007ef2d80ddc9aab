"""Customers and cards that arrive with a number or a token: sent in the call that received them."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.db import IntegrityError
from django.utils.translation import gettext as _

from django_dinero import keys, signals
from django_dinero.cards import (
    ADDRESS_FIELDS,
    CardDetails,
    PaymentToken,
    card_input_error,
    check_expiry,
    text_of,
)
from django_dinero.exceptions import InvalidInput
from django_dinero.gateways.base import Gateway
from django_dinero.gateways.registry import get_gateway
from django_dinero.gateways.types import (
    CardRequest,
    CardUpdate,
    CustomerRequest,
    ReasonKind,
    Refusal,
    RemoteCard,
)
from django_dinero.models.card import CreditCard
from django_dinero.models.customer import Customer
from django_dinero.models.mirrored import Mirrored, SyncState
from django_dinero.models.operation import Operation, OperationKind, OperationState
from django_dinero.services import creations, journal, mirror, outbox, sources, targets
from django_dinero.services.refusals import has, read

CUSTOMER_ARGUMENTS = frozenset(
    {"email", "gateway_name", "owner", "first_name", "last_name", "idempotency_key", "scope"}
)
CARD_ARGUMENTS = sources.CARD_ARGUMENTS | {"is_default"}


def create_customer(
    *, email: str, gateway_name: str | None = None, owner: Any = None, **given: Any
) -> Customer:
    """Store a customer, with a card where one is given; see :meth:`Customer.create`."""
    sources.refuse_unknown(given, CUSTOMER_ARGUMENTS | sources.CARD_ARGUMENTS)
    gateway = get_gateway(gateway_name)
    gateway.require("create_customer")
    customer = Customer(
        gateway_name=gateway.alias,
        owner=owner,
        email=sources.check_email(email, required=True),
        first_name=text_of(given.get("first_name")),
        last_name=text_of(given.get("last_name")),
    )
    card = sources.new_card(given)
    if card is None:
        _refuse_lonely_address(given)
    customer.key = creations.key_for(given) or customer.key
    keyed = given.get("idempotency_key") is not None
    before = creations.earlier(customer, card) if keyed else None
    if before is not None:
        return before
    if card is None:
        return _store_alone(customer, keyed)
    customer.check_values()
    return _store_with_card(gateway, customer, card, keyed)


def _store_alone(customer: Customer, keyed: bool) -> Customer:
    rival: Customer | None = None
    try:
        customer.save()
    except IntegrityError:
        rival = creations.earlier(customer, None) if keyed else None
        if rival is None:
            raise
    return rival or customer


def _refuse_lonely_address(given: dict[str, Any]) -> None:
    names = [n for n in ADDRESS_FIELDS if n not in CUSTOMER_ARGUMENTS and text_of(given.get(n))]
    if names:
        raise InvalidInput(
            {"number": _("An address belongs to a card; pass number or token, or leave it out.")}
        )


def _store_with_card(
    gateway: Gateway, customer: Customer, card: CardDetails | PaymentToken, keyed: bool
) -> Customer:
    request = CustomerRequest(
        operation_key=keys.new_key(),
        key=customer.key,
        email=customer.email,
        first_name=customer.first_name,
        last_name=customer.last_name,
        card=card,
    )
    gateway.check_request(request)
    operation = journal.begin(
        gateway,
        OperationKind.CREATE_CUSTOMER,
        using=journal.alias_for_vault(),
        target=outbox.customer_target(customer),
        key=request.operation_key,
        intent={
            "customer_key": customer.key,
            "email": customer.email,
            "first_name": customer.first_name,
            "last_name": customer.last_name,
            "owner_pk": customer.owner_id,
            **_shown(card),
        },
    )
    rival = creations.row_with(customer) if keyed else None
    if rival is not None:
        # Another request with this key ended between our look and our taking the target.
        journal.move(operation, OperationState.FAILED, outcome={"error": "exists already"})
        return rival
    result = journal.send(gateway, operation, lambda: gateway.create_customer(request))
    if isinstance(result, Refusal):
        result = outbox.own_duplicate(gateway, customer, result)
    if isinstance(result, Refusal):
        raise outbox.refused(operation, result)
    remote = result

    def write() -> None:
        _write_customer(customer, remote.customer_id, remote.cards, card)

    journal.conclude(
        operation,
        OperationState.SUCCEEDED,
        {"customer_id": remote.customer_id, "card_ids": [c.card_id for c in remote.cards]},
        write,
        customer_id=remote.customer_id,
    )
    signals.send(signals.customer_pushed, Customer, customer=customer, created=True)
    for row in customer.cards:
        signals.send(signals.card_pushed, CreditCard, card=row, created=True)
    return customer


def _write_customer(
    customer: Customer,
    customer_id: str,
    shown: tuple[RemoteCard, ...],
    typed: CardDetails | PaymentToken,
) -> None:
    customer.customer_id = customer_id
    _mark_pushed(customer)
    customer.save()
    for index, remote in enumerate(shown):
        row = mirror.new_card_row(
            customer.gateway_name, customer, remote, typed if index == 0 else None
        )
        row.default_slot = customer.pk if index == 0 else None
        _mark_pushed(row)
        row.save()


def _mark_pushed(row: Mirrored) -> None:
    for name, value in row.bookkeeping(row).items():
        setattr(row, name, value)
    row.synced_version = row.version
    row.just_pushed = True


def _shown(card: CardDetails | PaymentToken) -> dict[str, str]:
    if isinstance(card, CardDetails):
        return {"last_4": card.last_4, "brand": card.brand}
    return {"last_4": "", "brand": ""}


def retrieve_customer(customer_id: str, *, gateway_name: str | None = None) -> Customer:
    """Fetch and mirror a customer; see :meth:`Customer.retrieve`."""
    gateway = get_gateway(gateway_name)
    gateway.require("retrieve_customer")
    remote = read(gateway, lambda: gateway.retrieve_customer(str(customer_id)))
    return mirror.mirror_customer(gateway.alias, remote)


# -- Cards ---------------------------------------------------------------------------------------


def add_card(customer: Customer, **given: Any) -> CreditCard:
    """Store one more card for a customer; see :meth:`Customer.add_card`."""
    sources.refuse_unknown(given, CARD_ARGUMENTS)
    is_default = bool(given.pop("is_default", False))
    values = {name: value for name, value in given.items() if value is not None}
    card = CreditCard(customer=customer, gateway_name=customer.gateway_name, **values)
    if is_default:
        card.default_slot = customer.pk
    card.save()
    forget_prefetched(customer)
    return card


def forget_prefetched(customer: Customer) -> None:
    """Drop the prefetched cards of an instance, so that a new card is seen at once."""
    customer.cards_changed += 1
    getattr(customer, "_prefetched_objects_cache", {}).pop("cards", None)


def prepare_card(card: CreditCard) -> None:
    """Before a card is saved: send a new number or token, refuse what cannot be stored."""
    if card.number is None and card.token is None:
        if card._state.adding and not card.card_id:
            raise card_input_error({"number": _("A card number or a token is required.")})
        _check_expiry_change(card)
        return
    details = sources.checked_card(_typed(card))
    _fill(card, details)
    if card._state.adding:
        _store_card(card, details)
    else:
        _replace_number(card, details)


def _check_expiry_change(card: CreditCard) -> None:
    # A stored card may be expired; only a new date has to be a good one.
    if card.expiry_changed:
        errors: dict[str, str] = {}
        card.month, card.year = check_expiry(card.month, card.year, errors)
        if errors:
            raise card_input_error(errors)


def _typed(card: CreditCard) -> dict[str, Any]:
    address = {name: getattr(card, name) for name in ADDRESS_FIELDS}
    if card.token is not None:
        return {"token": card.token, "number": card.number, **address}
    expiry = {"month": card.month, "year": card.year}
    return {"number": card.number, "cvv": card.cvv, **expiry, **address}


def _fill(card: CreditCard, details: CardDetails | PaymentToken) -> None:
    for name, text in details.address.as_dict().items():
        setattr(card, name, text)
    if isinstance(details, CardDetails):
        card.last_4, card.brand = details.last_4, details.brand
        card.month, card.year = details.month, details.year


def _store_card(card: CreditCard, details: CardDetails | PaymentToken) -> None:
    customer = card.customer
    card.gateway_name = customer.gateway_name
    gateway = get_gateway(card.gateway_name)
    gateway.require("add_card")
    gateway.check_request(CardRequest("", customer.customer_id or "", details))
    card.check_values()
    if customer.customer_id is None:
        outbox.push_customer(customer.pk)
        customer.refresh_from_db(fields=["customer_id", *Customer.BOOKKEEPING])
    if not CreditCard.objects.filter(default_slot=customer.pk).exists():
        card.default_slot = customer.pk
    request = CardRequest(
        operation_key=keys.new_key(),
        customer_id=customer.customer_id or "",
        card=details,
        is_default=card.is_default,
    )
    operation = targets.begin(
        gateway,
        OperationKind.ADD_CARD,
        using=journal.alias_for_vault(),
        target=f"cards:{gateway.alias}:{customer.key}",
        key=request.operation_key,
        customer_id=request.customer_id,
        intent={"customer_key": customer.key, **_shown(details)},
    )
    # Read now that nobody else adds one: getting here may have found a card that had been lost.
    cards = CreditCard.objects.filter(customer=customer)
    journal.add_to_intent(operation, known_card_ids=list(cards.values_list("card_id", flat=True)))
    result = journal.send(gateway, operation, lambda: gateway.add_card(request))
    adopted = _unknown_here(customer, result, details)
    _take_answer(card, operation, adopted or result, details, pushed=adopted is None)
    forget_prefetched(customer)


def _unknown_here(
    customer: Customer, result: RemoteCard | Refusal, details: CardDetails | PaymentToken
) -> RemoteCard | None:
    """Return the card that "the customer has this card" speaks of, if it has no row here.

    A proxy delivered our request twice and the first delivery stored it, or it was added elsewhere:
    either way it is the customer's. Its row waits to be pushed, since a duplicate may have another
    expiry date than what was typed now.
    """
    if not isinstance(result, Refusal) or not has(result, ReasonKind.DUPLICATE_CARD):
        return None
    cards = CreditCard.objects.filter(
        gateway_name=customer.gateway_name, customer_id=customer.customer_id
    )
    if not result.existing_id or cards.filter(card_id=result.existing_id).exists():
        return None
    shown = _shown(details)
    return RemoteCard(
        customer.customer_id or "", result.existing_id, shown["last_4"], shown["brand"]
    )


def _replace_number(card: CreditCard, details: CardDetails | PaymentToken) -> None:
    gateway = get_gateway(card.gateway_name)
    gateway.require("update_card")
    request = CardUpdate(
        operation_key=keys.new_key(),
        customer_id=card.customer_id,
        card_id=card.card_id,
        address=details.address,
        month=card.month,
        year=card.year,
        is_default=card.is_default,
        card=details,
    )
    gateway.check_request(request)
    card.check_values()
    operation = targets.begin(
        gateway,
        OperationKind.UPDATE_CARD,
        using=journal.alias_for_vault(),
        target=outbox.card_target(card),
        key=request.operation_key,
        customer_id=card.customer_id,
        card_id=card.card_id,
        intent=_shown(details),
    )
    result = journal.send(gateway, operation, lambda: gateway.update_card(request))
    _take_answer(card, operation, result, details)


def _take_answer(
    card: CreditCard,
    operation: Operation,
    result: RemoteCard | Refusal,
    details: CardDetails | PaymentToken,
    *,
    pushed: bool = True,
) -> None:
    if isinstance(result, Refusal):
        raise outbox.refused(operation, result)
    # With the row, in one transaction: a worker that dies between the two would leave a card at
    # the gateway that a closed operation no longer looks for.
    card.conclude_push = partial(
        journal.conclude,
        operation,
        OperationState.SUCCEEDED,
        {"customer_id": result.customer_id, "card_id": result.card_id},
        lambda: None,
        card_id=result.card_id,
    )
    card.customer_id, card.card_id = result.customer_id, result.card_id
    card.last_4 = result.last_4 or card.last_4
    card.brand = result.brand or card.brand
    if isinstance(details, PaymentToken):
        card.month = result.month or card.month
        card.year = result.year or card.year
    if pushed:
        _mark_pushed(card)
        card.sync_state = SyncState.SYNCED


def check_limits(row: Mirrored) -> None:
    """Refuse an unknown gateway and texts longer than it takes, before anything is written."""
    gateway = get_gateway(row.gateway_name)
    gateway.check_lengths({n: v for n in row.MIRRORED if isinstance(v := row.__dict__.get(n), str)})
