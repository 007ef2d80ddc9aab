"""An owner with a customer and a card, staff by permission, and a recording gateway."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.core.cache import cache

from django_dinero.models import CreditCard, Customer, Transaction
from tests.integration.api.calling import CARD, Caller, user_with
from tests.support.recording import RecordingGateway

#: An owner who may do everything to what is theirs.
EVERY_OWNER_PERMISSION = (
    "charge_creditcard",
    "capture_transaction",
    "void_transaction",
    "refund_transaction",
)


@pytest.fixture(autouse=True)
def nobody_was_counted() -> Iterator[None]:
    """The cache outlives a test, and the next one has users of the same keys."""
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def owner(db: None) -> Caller:
    """A user who may also charge, settle, void and refund what is theirs."""
    return Caller(user_with("owner", *EVERY_OWNER_PERMISSION))


@pytest.fixture
def staff(db: None) -> Callable[..., Caller]:
    """Signs in a member of staff with the permissions named."""

    def sign_in(*codenames: str, name: str = "staff") -> Caller:
        return Caller(user_with(name, *codenames, is_staff=True))

    return sign_in


@pytest.fixture
def customer(owner: Caller, gateway: RecordingGateway) -> Customer:
    """The owner's customer with one card, at the gateway too."""
    return Customer.create(
        "bill@example.com", first_name="Bill", last_name="Bloggs", owner=owner.user, **CARD
    )


@pytest.fixture
def card(customer: Customer) -> CreditCard:
    """The customer's card."""
    return customer.cards[0]


@pytest.fixture
def declining(card: CreditCard) -> CreditCard:
    """The customer's card, moved to the zip code at which the test bank declines charges."""
    card.zip = "46282"
    card.save()
    return card


@pytest.fixture
def authorization(customer: Customer) -> Transaction:
    """An authorization of 10.00 of the customer's card."""
    return Transaction.create("10.00", customer=customer, settle=False)
