"""A recording gateway as the default one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from django_dinero.exceptions import HeldForReview
from django_dinero.models import Customer, Transaction
from tests.support.aging import grow_old
from tests.support.recording import RecordingGateway

CARD: dict[str, Any] = {
    "number": "4111111111111111",
    "cvv": "900",
    "month": "12",
    "year": "2030",
    "address": "123 Elm St",
    "zip": "12345",
}


@pytest.fixture
def card() -> dict[str, Any]:
    """Arguments of a good card."""
    return dict(CARD)


@pytest.fixture
def make_customer(gateway: RecordingGateway, card: dict[str, Any]) -> Callable[..., Customer]:
    """A customer with one card, stored at the gateway a day ago."""

    def make(**given: Any) -> Customer:
        customer = Customer.create(**{"email": "bill@example.com", **card, **given})
        grow_old()
        return Customer.objects.get(pk=customer.pk)

    return make


@pytest.fixture
def customer(make_customer: Callable[..., Customer]) -> Customer:
    """A customer with one card."""
    return make_customer()


@pytest.fixture
def charge(customer: Customer) -> Transaction:
    """A charge of 50 that has not settled."""
    return Transaction.create("50.00", customer=customer, order_reference="A-1")


@pytest.fixture
def authorization(customer: Customer) -> Transaction:
    """An authorization of 50 that was not captured."""
    return Transaction.create("50.00", customer=customer, settle=False)


@pytest.fixture
def settled(gateway: RecordingGateway, charge: Transaction) -> Transaction:
    """A charge of 50 that a batch settled."""
    gateway.bank.settle_batch()
    return charge


@pytest.fixture
def held(gateway: RecordingGateway, make_customer: Callable[..., Customer]) -> Transaction:
    """A charge of 50 that waits for its review."""
    gateway.bank.hold_next()
    with pytest.raises(HeldForReview) as caught:
        Transaction.create("50.00", customer=make_customer(), idempotency_key="order-1001")
    row: Transaction = caught.value.transaction
    return row
