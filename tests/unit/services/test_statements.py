"""What the journal costs: three small writes around a call, and nothing read back."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from django_dinero.models import CreditCard, Customer, Transaction
from tests.support.recording import RecordingGateway

pytestmark = pytest.mark.django_db(transaction=True)

#: Written before the call, claimed for it, ended after it.
JOURNAL = {"INSERT": 1, "UPDATE": 2}
#: Who writes a charge sends it: it needs no claim.
UNCLAIMED = {"INSERT": 1, "UPDATE": 1}


def statements(table: str, call: Callable[[], object]) -> Counter[str]:
    """Return what a call does on one of our tables, by verb."""
    with CaptureQueriesContext(connection) as context:
        call()
    text = [query["sql"] for query in context.captured_queries]
    found = [re.match(r"\(?(\w+).*?dinero_(\w+)", sql, re.DOTALL) for sql in text]
    return Counter(match[1] for match in found if match and match[2] == table)


@pytest.fixture
def customer(make_customer: Callable[..., Customer]) -> Customer:
    return make_customer()


@pytest.fixture
def stored(customer: Customer) -> CreditCard:
    return customer.cards[0]


def test_a_charge(stored: CreditCard) -> None:
    assert statements("operation", lambda: Transaction.create(price=5, card=stored)) == UNCLAIMED


@pytest.mark.parametrize("named", ["card", "customer"])
@pytest.mark.parametrize("table, read", [("creditcard", {"SELECT": 1}), ("customer", {})])
def test_a_charge_reads_all_that_it_needs_of_card_and_customer_at_once(
    named: str, table: str, read: dict[str, int], customer: Customer, stored: CreditCard
) -> None:
    source: dict[str, Any] = {"card": stored, "customer": customer}
    given: dict[str, Any] = {named: source[named], "idempotency_key": "order-1001"}
    assert statements(table, lambda: Transaction.create(price=5, **given)) == read


@pytest.mark.parametrize(
    "verb, written", [("capture", {"INSERT": 1}), ("void", {"INSERT": 1, "UPDATE": 1})]
)
def test_a_follow_up_reads_its_transaction_twice(
    verb: str, written: dict[str, int], stored: CreditCard
) -> None:
    row = stored.charge(5, settle=False)
    assert statements("transaction", getattr(row, verb)) == {"SELECT": 2, **written}


def test_a_refund_reads_what_else_was_refunded_twice(
    stored: CreditCard, gateway: RecordingGateway
) -> None:
    row = stored.charge(5)
    gateway.bank.settle_batch()
    row.refund(1)
    assert statements("transaction", lambda: row.refund(1)) == {"SELECT": 2, "INSERT": 1}


def test_a_repeated_charge_is_looked_up_once(stored: CreditCard) -> None:
    def charge() -> Transaction:
        return Transaction.create(price=5, card=stored, idempotency_key="order-1001")

    charge()
    assert statements("operation", charge) == {"SELECT": 1}


def test_a_push(customer: Customer) -> None:
    customer.email = "new@example.com"
    assert statements("operation", customer.save) == JOURNAL


def test_a_save_that_changes_nothing(customer: Customer, gateway: RecordingGateway) -> None:
    mark = gateway.mark
    assert statements("operation", customer.save) == {}
    assert gateway.since(mark) == []


def test_a_customer_with_its_card_is_written_and_not_read(gateway: RecordingGateway) -> None:
    given: dict[str, Any] = {"number": "4111111111111111", "month": 12, "year": 2030}
    assert statements("creditcard", lambda: Customer.create("b@example.com", **given)) == {
        "INSERT": 1
    }


def test_a_card_that_is_added(customer: Customer) -> None:
    def add() -> None:
        customer.add_card(number="5424000000000015", month=12, year=2030)

    # One more: which cards are still to be deleted, read with the lock held.
    assert statements("operation", add) == {**JOURNAL, "SELECT": 1}


@pytest.mark.parametrize("table", ["customer", "creditcard"])
def test_a_customer_that_is_retrieved_costs_the_same_with_many_cards(
    customer: Customer, table: str
) -> None:
    def retrieve() -> None:
        Customer.retrieve(str(customer.customer_id))

    before = statements(table, retrieve)
    for number in ("5424000000000015", "4012888818888", "370000000000002"):
        customer.add_card(number=number, month=12, year=2030)
    assert statements(table, retrieve) == before
    assert before["SELECT"] >= 1
