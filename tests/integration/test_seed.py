"""Every code example of the API's original document, word for word, on the in-process sandbox.

Mended: the comma that its last example lacks, and ids are compared by their shape. The clock stands
in 2014 where an example's card expires in 2015.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine

from django_dinero.exceptions import CustomerNotFoundError
from django_dinero.gateways.registry import get_gateway, reset
from django_dinero.models import CreditCard, Customer, Transaction

pytestmark = pytest.mark.django_db

ID = re.compile(r"[0-9]{6,20}")


@pytest.fixture(autouse=True)
def fresh_bank(settings: Any) -> Iterator[Any]:
    """A bank of this test's own behind the default gateway."""
    entry = {"BACKEND": "django_dinero.gateways.sandbox.SandboxGateway", "OPTIONS": {}}
    settings.DINERO = {**settings.DINERO, "GATEWAYS": {"default": entry, "other": entry}}
    reset()
    yield get_gateway()
    reset()


def test_create_a_customer() -> None:
    customer = Customer.create(
        email="bill@example.com",
        number="4111111111111111",
        cvv="900",
        address="123 Elm St",
        zip="12345",
    )
    assert ID.fullmatch(customer.customer_id or "")
    assert ID.fullmatch(customer.card_id or "")


def test_retrieve_and_save_a_customer() -> None:
    customer_id = create().customer_id or ""
    customer = Customer.retrieve(customer_id)
    customer.email = "fred@example.com"
    customer.save()
    assert Customer.retrieve(customer_id).email == "fred@example.com"


def test_charge_a_customer() -> None:
    customer = Customer.retrieve(create().customer_id or "")

    transaction = Transaction.create(
        price=200,
        customer=customer,
    )
    assert transaction.price == 200
    assert ID.fullmatch(transaction.transaction_id or "")
    assert transaction.customer_id == customer.customer_id


def test_the_first_card() -> None:
    customer = Customer.create(
        email="bill@example.com",
        number="4111111111111111",
        cvv="900",
        address="123 Elm St",
        zip="12345",
    )
    card = customer.cards[0]
    assert card.last_4 == "1111"


def test_add_a_second_card_and_edit_it() -> None:
    customer = create()
    customer.add_card(
        first_name="John",
        last_name="Smith",
        number="4222222222222",
        cvv="900",
        address="123 Elm St",
        zip="12345",
    )
    assert [card.last_4 for card in customer.cards] == ["1111", "2222"]

    card = customer.cards[1]
    card.first_name = "Fred"
    card.save()
    remote = Customer.retrieve(customer.customer_id or "")
    assert remote.cards[1].first_name == "Fred"
    assert remote.cards[1].last_name == "Smith"


def test_what_an_instance_always_has() -> None:
    customer = create()
    for name in ("customer_id", "first_name", "last_name", "email", "cards"):
        assert hasattr(customer, name)
    card = customer.cards[0]
    for name in ("customer_id", "card_id", "last_4"):
        assert getattr(card, name)
    assert card.customer_id == customer.customer_id


def test_create_with_every_card_field() -> None:
    with time_machine.travel(datetime(2014, 6, 1, tzinfo=UTC)):
        customer = Customer.create(
            email="bill@example.com",
            # required for credit card
            number="4111111111111111",
            cvv="900",
            month="12",
            year="2015",
            address="123 Elm St.",
            zip="12345",
        )
        card = customer.cards[0]
        assert (card.month, card.year, card.address) == (12, 2015, "123 Elm St.")


def test_add_a_card_with_every_field() -> None:
    with time_machine.travel(datetime(2014, 6, 1, tzinfo=UTC)):
        customer = create()
        customer.add_card(
            number="4222222222222",
            cvv="900",
            month="12",
            year="2015",
            address="123 Elm St",
            zip="12345",
        )
        assert (customer.cards[-1].month, customer.cards[-1].year) == (12, 2015)


def test_gateway_name() -> None:
    customer = Customer.create("bill@example.com", number="4111111111111111", gateway_name="other")
    assert customer.gateway_name == "other"
    found = Customer.retrieve(customer.customer_id or "", gateway_name="other")
    assert found == customer
    charge = Transaction.create(price=5, customer=customer)
    assert (charge.gateway_name, charge.void().gateway_name) == ("other", "other")


def test_delete_a_customer() -> None:
    customer = create()
    customer_id = customer.customer_id or ""
    customer.delete()
    with pytest.raises(CustomerNotFoundError):
        Customer.retrieve(customer_id)


def test_delete_a_card() -> None:
    customer = create()
    card = customer.add_card(number="4222222222222")
    card.delete()
    assert CreditCard.objects.count() == 1
    assert len(Customer.retrieve(customer.customer_id or "").cards) == 1


def create() -> Customer:
    return Customer.create(
        email="bill@example.com",
        number="4111111111111111",
        cvv="900",
        address="123 Elm St",
        zip="12345",
    )
