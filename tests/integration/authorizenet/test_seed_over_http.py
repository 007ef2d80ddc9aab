"""The examples of the API's original document over HTTP: with the expiry date that it asks for."""

from __future__ import annotations

import re

import pytest

from django_dinero.exceptions import CustomerNotFoundError, ExpiryError, InvalidInput
from django_dinero.models import CreditCard, Customer, Transaction
from django_dinero.sandbox.http.server import SandboxServer
from tests.support.witness import Witness

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bank")]

ID = re.compile(r"[0-9]{6,20}")


def create() -> Customer:
    return Customer.create(
        email="bill@example.com",
        # required for credit card
        number="4111111111111111",
        cvv="900",
        month="12",
        year="2035",
        address="123 Elm St.",
        zip="12345",
    )


def test_create_a_customer() -> None:
    customer = create()
    assert ID.fullmatch(customer.customer_id or "")
    assert ID.fullmatch(customer.card_id or "")
    card = customer.cards[0]
    assert card.last_4 == "1111"
    assert (card.month, card.year, card.address) == (12, 2035, "123 Elm St.")


def test_a_card_needs_its_expiry_date(witness: Witness) -> None:
    with pytest.raises(ExpiryError) as caught:
        Customer.create(email="bill@example.com", number="4111111111111111", cvv="900")
    assert isinstance(caught.value, InvalidInput)
    assert sorted(caught.value.errors) == ["month", "year"]
    assert witness.asked == []


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


def test_add_a_second_card_and_edit_it(bank: SandboxServer) -> None:
    customer = create()
    customer.add_card(
        first_name="John",
        last_name="Smith",
        number="4222222222222",
        cvv="900",
        month="12",
        year="2035",
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
    stored = bank.bank.customer(customer.customer_id or "").cards[1]
    assert (stored.last_4, stored.month, stored.year) == ("2222", 12, 2035)


def test_delete_a_customer() -> None:
    customer = create()
    customer_id = customer.customer_id or ""
    customer.delete()
    with pytest.raises(CustomerNotFoundError):
        Customer.retrieve(customer_id)


def test_delete_a_card() -> None:
    customer = create()
    card = customer.add_card(number="4222222222222", month=1, year=2036)
    card.delete()
    assert CreditCard.objects.count() == 1
    assert len(Customer.retrieve(customer.customer_id or "").cards) == 1
