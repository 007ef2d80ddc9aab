"""Customers: stored at the gateway in the call that received a card, and retrieved from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Unpack

from django.db import IntegrityError
from django.utils.translation import gettext as _

from django_dinero import signals
from django_dinero.cards import ADDRESS_FIELDS, CardDetails, PaymentToken, text_of
from django_dinero.gateways.base import Gateway
from django_dinero.gateways.registry import get_gateway
from django_dinero.gateways.types import RemoteCard
from django_dinero.models.arguments import CustomerOptions, names_of
from django_dinero.models.card import CreditCard
from django_dinero.models.customer import Customer
from django_dinero.models.operation import OperationKind, OperationState
from django_dinero.models.synced import GatewayAnswer
from django_dinero.services import journal, pull, validation
from django_dinero.services.errors import read
from django_dinero.services.journal.records import RecordedOutcome
from django_dinero.services.validation import Findings
from django_dinero.services.vault.creations import (
    earlier,
    intent_of,
    key_for,
    request_for,
    row_with,
    send,
)

#: Names that a customer has without a card.
CUSTOMER_NAMES = ("first_name", "last_name")
#: ``email`` and ``gateway_name`` are arguments of their own, and named by who misspells another.
ACCEPTED = names_of(CustomerOptions) | {"email", "gateway_name"}


def create_customer(
    *, email: str, gateway_name: str | None = None, **options: Unpack[CustomerOptions]
) -> Customer:
    """Store a customer, with a card where one is given; see :meth:`Customer.create`."""
    validation.refuse_unknown(options, ACCEPTED)
    given: Mapping[str, Any] = options
    gateway = get_gateway(gateway_name)
    gateway.require("create_customer")
    customer = Customer(
        gateway_name=gateway.name,
        owner=given.get("owner"),
        email=text_of(email),
        first_name=text_of(given.get("first_name")),
        last_name=text_of(given.get("last_name")),
    )
    card = _checked(gateway, customer, given)
    customer.customer_key = key_for(given) or customer.customer_key
    keyed = given.get("idempotency_key") is not None
    before = earlier(customer, card) if keyed else None
    if before is not None:
        return before
    if card is None:
        return _store_alone(customer, keyed)
    return _store_with_card(gateway, customer, card, keyed)


def _store_alone(customer: Customer, keyed: bool) -> Customer:
    rival: Customer | None = None
    try:
        customer.save()
    except IntegrityError:
        rival = earlier(customer, None) if keyed else None
        if rival is None:
            raise
    return rival or customer


def _checked(
    gateway: Gateway, customer: Customer, given: Mapping[str, Any]
) -> CardDetails | PaymentToken | None:
    """Return the card that was given; all that is wrong with card and customer is one error."""
    findings = Findings()
    findings.of(lambda: validation.check_email(customer.email, required=True))
    if customer.owner is not None and customer.owner.pk is None:
        findings.add({"owner": _("Save the owner first.")})
    card = findings.of(lambda: validation.new_card(given))
    if any(text_of(given.get(name)) for name in ("number", "token", "cvv", "month", "year")):
        findings.of_gateway(gateway, given)
        address = {name: text_of(given.get(name)) for name in ADDRESS_FIELDS}
        findings.add(CreditCard(gateway_name=gateway.name, **address).problems())
    elif any(text_of(given.get(n)) for n in ADDRESS_FIELDS if n not in CUSTOMER_NAMES):
        findings.add(
            {"number": _("An address belongs to a card; pass number or token, or leave it out.")}
        )
    findings.add(customer.problems())
    findings.raise_any()
    return card


def _store_with_card(
    gateway: Gateway, customer: Customer, card: CardDetails | PaymentToken, keyed: bool
) -> Customer:
    request = request_for(customer, card)
    gateway.check_request(request)
    operation = journal.begin(
        gateway,
        OperationKind.CREATE_CUSTOMER,
        using=journal.alias_for_vault(),
        lock_name=customer.lock_name,
        key=request.operation_key,
        intent=replace(intent_of(customer), **validation.shown(card)),
    )
    rival = row_with(customer) if keyed else None
    if rival is not None:
        # Another request with this key ended between our look and our taking the lock.
        journal.move(operation, OperationState.FAILED, RecordedOutcome(error="exists already"))
        return rival
    remote = send(gateway, operation, customer, request)
    journal.conclude(
        operation,
        OperationState.SUCCEEDED,
        RecordedOutcome(
            customer_id=remote.customer_id, card_ids=tuple(c.card_id for c in remote.cards)
        ),
        lambda: _write_customer(customer, remote.customer_id, remote.cards, card),
        customer_id=remote.customer_id,
    )
    signals.send(signals.customer_pushed, Customer, customer=customer, created=True)
    for row in customer.cards:
        signals.send(signals.card_pushed, CreditCard, card=row, created=True)
    return customer


def _write_customer(
    customer: Customer,
    customer_id: str,
    cards: tuple[RemoteCard, ...],
    typed: CardDetails | PaymentToken,
) -> None:
    customer.customer_id = customer_id
    customer.save_answered(GatewayAnswer())
    for index, remote in enumerate(cards):
        row = pull.new_card_row(
            customer.gateway_name, customer, remote, typed if index == 0 else None
        )
        row.default_slot = customer.pk if index == 0 else None
        row.save_answered(GatewayAnswer(with_customer=True))


def retrieve_customer(customer_id: str, *, gateway_name: str | None = None) -> Customer:
    """Fetch and mirror a customer; see :meth:`Customer.retrieve`."""
    gateway = get_gateway(gateway_name)
    gateway.require("retrieve_customer")
    before = pull.take_snapshot(gateway.name, str(customer_id))
    remote = read(gateway, lambda: gateway.retrieve_customer(str(customer_id)))
    return pull.write_customer(gateway.name, remote, before)


def length_errors(gateway_name: str, texts: Mapping[str, str]) -> dict[str, str]:
    """Return which texts are longer than the gateway takes; an unknown gateway is refused."""
    findings = Findings()
    gateway = findings.of(lambda: get_gateway(gateway_name))
    if gateway is not None:
        findings.of(lambda: gateway.check_lengths(texts))
    return findings.errors
