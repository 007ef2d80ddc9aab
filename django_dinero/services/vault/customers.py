"""Create customers, with or without a first card, and retrieve them from the gateway."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Unpack

from django.db import IntegrityError, router
from django.utils.translation import gettext as _

from django_dinero import signals, validation
from django_dinero.cards import ADDRESS_FIELDS, CardDetails, PaymentToken, text_of
from django_dinero.db.failures import restorer_of
from django_dinero.db.queries import primary
from django_dinero.exceptions import DineroError, InvalidInput, OperationInProgress
from django_dinero.gateways.base import Gateway
from django_dinero.gateways.calls import check_request
from django_dinero.gateways.registry import get_gateway
from django_dinero.gateways.types import RemoteCustomer
from django_dinero.input_errors import InputErrors
from django_dinero.models import journal_notes
from django_dinero.models.arguments import CardOptions, CustomerOptions, names_of, refuse_unknown
from django_dinero.models.card import CreditCard
from django_dinero.models.customer import Customer
from django_dinero.models.operation import Operation, OperationKind, OperationState
from django_dinero.models.records import RecordedOutcome
from django_dinero.models.synced import GatewayAnswer
from django_dinero.observing.verbs import verb
from django_dinero.services import journal, modes, pull
from django_dinero.services.recovery.idempotency import unfinished_error
from django_dinero.services.vault.cards import add_card
from django_dinero.services.vault.creations import (
    creation_intent,
    creation_request,
    customer_key_for,
    customer_with_same_key,
    earlier_customer,
    refuse_another,
    send_creation,
)
from django_dinero.services.vault.owners import only_customer
from django_dinero.user_messages import ForCode

#: Address fields that a customer has even without a card.
CUSTOMER_NAMES = ("first_name", "last_name")
#: ``email`` and ``gateway_name`` are separate arguments, but the error for an unknown argument
#: lists them too.
ACCEPTED = names_of(CustomerOptions) | {"email", "gateway_name"}


@verb("create_customer")
def create_customer(
    *, email: str, gateway_name: str | None = None, **options: Unpack[CustomerOptions]
) -> Customer:
    """Store a customer, with a card if one is given; see :meth:`Customer.create`."""
    refuse_unknown(options, ACCEPTED)
    given: Mapping[str, Any] = options
    gateway = get_gateway(gateway_name)
    gateway.require("create_customer")
    customer = _new_row(gateway, email, given)
    card = _check_input(gateway, customer, given)
    customer.customer_key = customer_key_for(given, gateway.name) or customer.customer_key
    keyed = given.get("idempotency_key") is not None
    made_before = earlier_customer(customer, card) if keyed else None
    if made_before is not None:
        return made_before
    store = partial(_store, gateway, customer, card, keyed)
    if not given.get("one_per_owner"):
        return store()
    made, is_new = only_customer(gateway, customer, store)
    return made if is_new else _join(made, card, given)


def check(given: Mapping[str, Any]) -> None:
    """Raise what :func:`create_customer` would say of its arguments; do nothing else.

    Raises:
        InvalidInput: wrong fields, all named in ``errors``.
    """
    gateway = get_gateway(given.get("gateway_name"))
    _check_input(gateway, _new_row(gateway, given.get("email"), given), given)


def _new_row(gateway: Gateway, email: object, given: Mapping[str, Any]) -> Customer:
    return Customer(
        gateway_name=gateway.name,
        live=gateway.live,
        owner=given.get("owner"),
        email=text_of(email),
        first_name=text_of(given.get("first_name")),
        last_name=text_of(given.get("last_name")),
    )


def _store(
    gateway: Gateway, customer: Customer, card: CardDetails | PaymentToken | None, keyed: bool
) -> Customer:
    if card is None:
        return _store_without_card(customer, keyed)
    return _store_with_card(gateway, customer, card, keyed)


def _join(
    customer: Customer, card: CardDetails | PaymentToken | None, given: Mapping[str, Any]
) -> Customer:
    """Add the given card to the owner's customer, whose e-mail and names stay; return it.

    Raises:
        OperationInProgress: the caller's transaction began before the customer was stored.
    """
    if card is None and customer.customer_id is not None:
        return customer
    if not primary(Customer).filter(pk=customer.pk).exists():
        # The journal's connection shows it. The caller's can neither change it nor add a card.
        raise OperationInProgress(_("This customer is being created; ask again in a moment."))
    if card is None:
        customer.save()
        return customer
    keyed = given.get("idempotency_key") is not None
    if keyed and isinstance(card, CardDetails):
        # Perhaps an earlier request with this key has stored the card.
        stored = primary(CreditCard)
        if stored.filter(customer_pk=customer.pk, last_4=card.last_4).exists():
            return customer
    names = names_of(CardOptions)
    add_card(customer, **{name: value for name, value in given.items() if name in names})
    return customer


def _store_without_card(customer: Customer, keyed: bool) -> Customer:
    rival: Customer | None = None
    try:
        customer.save()
    except IntegrityError:
        rival = earlier_customer(customer, None) if keyed else None
        if rival is None:
            raise
    return rival or customer


def _check_input(
    gateway: Gateway, customer: Customer, given: Mapping[str, Any]
) -> CardDetails | PaymentToken | None:
    """Return the given card. All errors in card and customer are raised as one exception."""
    errors = InputErrors()
    errors.collect(lambda: validation.check_email(customer.email, required=True))
    if customer.owner is not None and customer.owner.pk is None:
        errors.add({"owner": _("Save the owner first.")})
    card = errors.collect(lambda: validation.new_card(given))
    if any(text_of(given.get(name)) for name in ("number", "token", "cvv", "month", "year")):
        validation.check_for_gateway(errors, gateway, given)
        errors.add(_card_with_address(gateway, given).value_errors())
    elif any(text_of(given.get(n)) for n in ADDRESS_FIELDS if n not in CUSTOMER_NAMES):
        text = _("An address belongs to a card; pass number or token, or leave it out.")
        errors.add({"number": ForCode(text)})
    errors.add(customer.value_errors())
    errors.raise_if_any()
    return card


def _card_with_address(gateway: Gateway, given: Mapping[str, Any]) -> CreditCard:
    address = {name: text_of(given.get(name)) for name in ADDRESS_FIELDS}
    return CreditCard(gateway_name=gateway.name, **address)


def _store_with_card(
    gateway: Gateway, customer: Customer, card: CardDetails | PaymentToken, keyed: bool
) -> Customer:
    request = creation_request(customer, card)
    check_request(gateway, request)
    operation = journal.begin(
        gateway,
        OperationKind.CREATE_CUSTOMER,
        using=Operation.objects.alias_for_vault(),
        lock_name=customer.lock_name,
        key=request.operation_key,
        intent=replace(creation_intent(customer), **validation.shown(card)),
    )
    with journal.released_on_failure(operation):
        rival = customer_with_same_key(customer) if keyed else None
    if rival is not None:
        # Another request with this key finished between our first check and our taking the lock.
        journal.move(
            operation, OperationState.FAILED, RecordedOutcome(error=journal_notes.EXISTS_ALREADY)
        )
        refuse_another(rival, customer, card)
        return rival
    # Without an idempotency key the customer key was drawn at random, for this call alone.
    remote = send_creation(gateway, operation, request, is_first=not keyed)
    write = partial(_write_rows, customer, restorer_of(customer), remote, card)
    cards = journal.end_operation(
        operation,
        OperationState.SUCCEEDED,
        RecordedOutcome(
            customer_id=remote.customer_id, card_ids=tuple(c.card_id for c in remote.cards)
        ),
        lambda: write() if operation.ended_from else None,
        customer_id=remote.customer_id,
    )
    if cards is None:
        return _found_meanwhile(customer, operation)
    signals.send(signals.customer_pushed, Customer, customer=customer, created=True)
    for row in cards:
        signals.send(signals.card_pushed, CreditCard, card=row, created=True)
    return customer


def _found_meanwhile(customer: Customer, operation: Operation) -> Customer:
    """Return the customer that a look-up has written, because this worker was so slow.

    Raises:
        OutcomeUnknown: it was deleted since.
        NeedsAttention, ...: the look-up has not found it, or more than one.
    """
    found = operation.state == OperationState.SUCCEEDED
    stored = customer_with_same_key(customer) if found else None
    if stored is None:
        raise unfinished_error(operation)
    return stored


def _write_rows(
    customer: Customer,
    restore: Callable[[], None],
    remote: RemoteCustomer,
    typed: CardDetails | PaymentToken,
) -> list[CreditCard]:
    """Write the rows of a customer that was just stored; return those of the cards."""
    restore()  # undo what a rolled-back attempt left on the instance
    customer.customer_id = remote.customer_id
    # A customer that the gateway had before may have other values there. Then ours are pushed.
    customer.save_with_answer(GatewayAnswer(accepted=not customer.differs_from(remote)))
    default = next(
        (card for card in remote.cards if card.is_default), next(iter(remote.cards), None)
    )
    rows = []
    for card in remote.cards:
        alone = len(remote.cards) == 1
        given = alone or (isinstance(typed, CardDetails) and typed.last_4 == card.last_4)
        row = pull.new_card_row(customer.gateway_name, customer, card, typed if given else None)
        row.default_of = customer.pk if card is default else None
        row.save_with_answer(GatewayAnswer(with_customer=True))
        rows.append(row)
    return rows


@verb("retrieve_customer")
def retrieve_customer(
    customer_id: str, *, gateway_name: str | None = None, owner_of: pull.OwnerOf | None = None
) -> Customer:
    """Pull a customer from the gateway; see :meth:`Customer.retrieve`.

    Args:
        owner_of: is asked for the owner if the customer has none.
    """
    gateway = get_gateway(gateway_name)
    gateway.require("retrieve_customer")
    return pull.fetch_customer(gateway, str(customer_id)).write(owner_of)


@verb("refresh_customer")
def refresh_customer(customer: Customer) -> Customer:
    """Pull a stored customer; see :meth:`Customer.refresh_from_gateway`."""
    if customer.customer_id is None:
        raise InvalidInput({"customer": _("It is not at the gateway yet; save it first.")})
    modes.gateway_of(customer)
    failure: DineroError | None = None
    try:
        retrieve_customer(customer.customer_id, gateway_name=customer.gateway_name)
    except DineroError as error:
        failure = error
    row = customer.stored_row(router.db_for_write(Customer)).first()
    if row is not None:
        customer.take_over(row, always=customer.BOOKKEEPING)
    customer.forget_cards()
    if failure is not None:
        raise failure
    return customer


def length_errors(gateway_name: str, texts: Mapping[str, str]) -> dict[str, str]:
    """Return the errors of texts longer than the gateway accepts, or of an unknown gateway."""
    errors = InputErrors()
    gateway = errors.collect(lambda: get_gateway(gateway_name))
    if gateway is not None:
        errors.collect(lambda: gateway.check_lengths(texts))
    return errors.by_field
