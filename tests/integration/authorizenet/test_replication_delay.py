"""For some seconds the gateway does not find what it has just stored: another worker waits too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from django_dinero.exceptions import GatewayError, GatewayUnavailableError
from django_dinero.gateways.registry import reset
from django_dinero.models import CreditCard, Customer, Operation, Transaction
from django_dinero.sandbox.http.faults import FaultName
from django_dinero.sandbox.http.server import SandboxServer
from tests.support.aging import grow_old

pytestmark = pytest.mark.django_db

CARD: dict[str, Any] = {"number": "4111111111111111", "month": 12, "year": 2035, "zip": "12345"}
OTHER: dict[str, Any] = {**CARD, "number": "5424000000000015"}
KEY = "order-1001-1"


@pytest.fixture
def customer(bank: SandboxServer) -> Customer:
    """Just stored, by another process: what this one remembers is gone."""
    customer = Customer.create("bill@example.com", **CARD)
    reset()
    return customer


def not_found(bank: SandboxServer, operation: str, times: int = 1) -> None:
    bank.faults.add(FaultName.NOT_YET, operation, times=times)


@pytest.mark.parametrize(
    ("operation", "act"),
    [
        ("createTransactionRequest", lambda c: Transaction.create("5.00", customer=c)),
        ("createCustomerPaymentProfileRequest", lambda c: c.add_card(**OTHER)),
        ("validateCustomerPaymentProfileRequest", lambda c: c.cards[0].validate()),
        ("updateCustomerProfileRequest", lambda c: edited(c)),
        ("updateCustomerPaymentProfileRequest", lambda c: edited(c.cards[0])),
    ],
)
def test_another_worker_waits_for_a_new_id(
    bank: SandboxServer, customer: Customer, operation: str, act: Callable[[Customer], object]
) -> None:
    not_found(bank, operation)
    act(Customer.objects.get())
    assert bank.counts.requests[operation] == 2
    assert CreditCard.objects.exclude(sync_state="synced").count() == 0


def edited(row: Customer | CreditCard) -> None:
    if isinstance(row, Customer):
        row.email = "ada@example.com"
    else:
        row.city = "Springfield"
    row.save()


@pytest.mark.parametrize("seconds", [0, 30])
def test_a_new_card_that_is_not_found_is_not_missing_and_its_key_is_free(
    bank: SandboxServer, customer: Customer, settings: Any, seconds: float
) -> None:
    impatient(settings)
    grow_old(seconds)
    not_found(bank, "createTransactionRequest")
    with pytest.raises(GatewayUnavailableError, match="new"):
        Transaction.create("5.00", customer=customer, idempotency_key=KEY)
    assert CreditCard.objects.get().sync_state == "synced"
    row = Transaction.create("5.00", customer=customer, idempotency_key=KEY)
    assert row.status == "approved"
    assert len(bank.bank.transactions()) == 1


def test_an_old_card_that_is_not_found_is_told_at_once(
    bank: SandboxServer, customer: Customer
) -> None:
    grow_old(61)
    not_found(bank, "createTransactionRequest", times=2)
    with pytest.raises(GatewayError) as caught:
        Transaction.create("5.00", card=CreditCard.objects.get())
    assert caught.value.code == "card_not_found"


def test_a_push_of_a_new_row_that_is_not_found_does_not_call_it_missing(
    bank: SandboxServer, customer: Customer, settings: Any
) -> None:
    impatient(settings)
    not_found(bank, "updateCustomerPaymentProfileRequest")
    with pytest.raises(GatewayError):
        edited(CreditCard.objects.get())
    card = CreditCard.objects.get()
    assert card.sync_state == "error"
    assert card.is_default


def test_a_card_that_is_not_listed_yet_is_not_missing(
    bank: SandboxServer, customer: Customer
) -> None:
    second = customer.add_card(**OTHER)
    bank.bank.delete_card(customer.customer_id or "", second.card_id)
    Customer.retrieve(customer.customer_id or "")
    second.refresh_from_db()
    assert second.sync_state == "synced"
    grow_old(61)
    Customer.retrieve(customer.customer_id or "")
    second.refresh_from_db()
    assert second.sync_state == "missing"


def test_a_delete_of_a_new_card_is_not_taken_for_done(
    bank: SandboxServer, customer: Customer
) -> None:
    not_found(bank, "deleteCustomerPaymentProfileRequest")
    CreditCard.objects.get().delete()
    assert bank.bank.customer(customer.customer_id or "").cards == ()
    assert Operation.objects.get(kind="delete_card").state == "succeeded"


def impatient(settings: Any) -> None:
    """The gateway's own patience is over."""
    gateways = settings.DINERO["GATEWAYS"]
    entry = gateways["default"]
    options = {**entry["OPTIONS"], "replication_seconds": 0}
    settings.DINERO = {
        **settings.DINERO,
        "GATEWAYS": {"default": {**entry, "OPTIONS": options}},
    }
    reset()
