"""How much database a call costs: each statement is there for a reason, and one more must be too.

Counted are statements on our tables; what opens and closes a transaction differs by database.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from django_dinero.models import CreditCard, Customer, Transaction
from tests.support.recording import RecordingGateway

pytestmark = pytest.mark.django_db(transaction=True)

Make = Callable[..., Customer]
#: Written before the call, claimed for it, concluded after it.
JOURNAL = {"INSERT operation": 1, "UPDATE operation": 2}


def statements(call: Callable[[], object]) -> Counter[str]:
    """Return what a call does, as "verb table"."""
    with CaptureQueriesContext(connection) as context:
        call()
    text = [query["sql"] for query in context.captured_queries]
    found = [re.match(r"(\w+).*?dinero_(\w+)", sql, re.DOTALL) for sql in text]
    return Counter(f"{match[1]} {match[2]}" for match in found if match)


@pytest.fixture
def customer(make_customer: Make) -> Customer:
    return make_customer()


@pytest.fixture
def stored(customer: Customer) -> CreditCard:
    return customer.cards[0]


def test_a_charge(stored: CreditCard) -> None:
    assert statements(lambda: Transaction.create(price=5, card=stored)) == {
        **JOURNAL,
        "SELECT transaction": 2,  # the first charge with this card; the row of this operation
        "SELECT customer": 1,  # links to rows that are there
        "SELECT creditcard": 1,
        "INSERT transaction": 1,
    }


def test_a_repeated_charge_asks_the_journal_and_the_books(stored: CreditCard) -> None:
    def charge() -> Transaction:
        return Transaction.create(price=5, card=stored, idempotency_key="order-1001")

    charge()
    assert statements(charge) == {"SELECT operation": 1, "SELECT transaction": 2}


def test_a_card_that_is_added(customer: Customer) -> None:
    found = statements(lambda: customer.add_card(number="5424000000000015", month=12, year=2030))
    assert found == {
        **JOURNAL,
        "UPDATE operation": 3,  # one more: the cards that the customer had before
        "SELECT creditcard": 3,  # is there a default one; which there are; what the row became
        "INSERT creditcard": 1,
    }


def test_a_customer_that_is_saved(customer: Customer) -> None:
    customer.email = "new@example.com"
    assert statements(customer.save) == {
        **JOURNAL,
        "UPDATE customer": 2,
        "SELECT customer": 4,
    }


def test_a_save_that_changes_nothing_leaves_the_journal_alone(
    customer: Customer, gateway: RecordingGateway
) -> None:
    mark = gateway.mark
    assert statements(customer.save) == {"UPDATE customer": 1, "SELECT customer": 2}
    assert gateway.since(mark) == []


@pytest.mark.parametrize("cards", [1, 4])
def test_a_customer_that_is_retrieved_whatever_the_number_of_cards(
    customer: Customer, cards: int
) -> None:
    for number in ("5424000000000015", "4012888818888", "370000000000002")[: cards - 1]:
        customer.add_card(number=number, month=12, year=2030)
    assert customer.customer_id is not None
    customer_id = customer.customer_id
    assert statements(lambda: Customer.retrieve(customer_id)) == {
        "SELECT customer": 1,
        "SELECT creditcard": 1,
    }
