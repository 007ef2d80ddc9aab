"""Pulling many customers: what is written, kept, marked, and at what cost."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from django_dinero.cards import Address
from django_dinero.gateways.types import RemoteCard, RemoteCustomer
from django_dinero.models import CreditCard, Customer
from django_dinero.models.mode import Account
from django_dinero.services.pull.customers import write_customer, write_customers
from tests.support.accounts import DEFAULT
from tests.support.aging import grow_old
from tests.support.recording import RecordingGateway

pytestmark = pytest.mark.django_db


def remote(n: int, cards: int = 2, *, default: int = 0, **given: str) -> RemoteCustomer:
    shown = tuple(
        RemoteCard(
            customer_id=f"c{n}",
            card_id=f"k{n}-{m}",
            last_4="1111",
            brand="visa",
            address=Address(first_name="Ada", zip="12345"),
            is_default=m == default,
        )
        for m in range(cards)
    )
    values = {"email": f"c{n}@example.com", **given}
    return RemoteCustomer(customer_id=f"c{n}", cards=shown, **values)


def test_new_rows_count_as_synced(gateway: RecordingGateway) -> None:
    assert write_customers(DEFAULT, (remote(n) for n in range(3))) == 3
    assert (Customer.objects.count(), CreditCard.objects.count()) == (3, 6)
    for row in [*Customer.objects.all(), *CreditCard.objects.all()]:
        assert (row.sync_state, row.synced_digest) == ("synced", row.pushed_digest())
    customer = Customer.objects.get(customer_id="c1")
    assert customer.card_id == "k1-0"
    assert customer.first_name == "Ada"
    customer.save()
    assert gateway.calls == []


def test_the_gateways_changes_are_written(gateway: RecordingGateway) -> None:
    write_customers(DEFAULT, [remote(1)])
    write_customers(DEFAULT, [remote(1, 3, default=2, email="new@example.com")])
    customer = Customer.objects.get()
    assert (customer.email, customer.card_id) == ("new@example.com", "k1-2")
    assert CreditCard.objects.filter(default_of__isnull=False).count() == 1


def test_a_second_time_writes_nothing(
    gateway: RecordingGateway, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    remotes = [remote(n) for n in range(20)]
    write_customers(DEFAULT, remotes)
    with django_assert_num_queries(4) as context:  # a savepoint around two selects
        write_customers(DEFAULT, remotes)
    verbs = [query["sql"].partition(" ")[0] for query in context.captured_queries]
    assert verbs == ["SAVEPOINT", "SELECT", "SELECT", "RELEASE"]


@pytest.mark.parametrize(("first", "selects"), [(0, 3), (5, 3), (2, 3)])
def test_the_journal_is_asked_once_of_what_has_no_row_and_of_what_differs(
    gateway: RecordingGateway, first: int, selects: int
) -> None:
    """All there; all new, and so without cards, where the clock is read instead; some new."""
    write_customers(DEFAULT, [remote(n) for n in range(5)])
    changed = [remote(n, email=f"new{n}@example.com") for n in range(first, first + 5)]
    with CaptureQueriesContext(connection) as context:
        write_customers(DEFAULT, changed)
    statements = [query["sql"] for query in context.captured_queries]
    asked = sum("dinero_operation" in sql for sql in statements)
    assert sum(sql.startswith("SELECT") for sql in statements) == selects
    assert asked == 1


def test_vanished_cards_are_marked_and_come_back(gateway: RecordingGateway) -> None:
    write_customers(DEFAULT, [remote(1)])
    grow_old()
    write_customers(DEFAULT, [remote(1, 1)])
    gone = CreditCard.objects.get(card_id="k1-1")
    assert (gone.sync_state, gone.is_default) == ("missing", False)
    write_customers(DEFAULT, [remote(1)])
    gone.refresh_from_db()
    assert gone.sync_state == "synced"


def test_the_same_id_at_two_gateways_is_two_customers(gateway: RecordingGateway) -> None:
    write_customers(DEFAULT, [remote(1)])
    write_customers(Account("other", live=False), [remote(1)])
    assert Customer.objects.count() == 2


def test_ids_are_told_apart_by_case(gateway: RecordingGateway) -> None:
    for customer_id in ("cus_AbC", "cus_aBc"):
        write_customer(DEFAULT, RemoteCustomer(customer_id, email="x@example.com"))
    assert Customer.objects.count() == 2


def test_our_own_key_finds_the_waiting_row(gateway: RecordingGateway) -> None:
    waiting = Customer(email="w@example.com", customer_key="AAAABBBBCCCCDDDDEEEE")
    Customer.objects.bulk_create([waiting])
    found = write_customer(
        DEFAULT, RemoteCustomer("c9", customer_key="AAAABBBBCCCCDDDDEEEE", email="w@example.com")
    )
    assert found.pk == Customer.objects.get().pk
    assert (found.customer_id, found.sync_state) == ("c9", "synced")


def test_edits_that_wait_are_kept(gateway: RecordingGateway) -> None:
    write_customers(DEFAULT, [remote(1)])
    Customer.objects.update(email="edited@example.com")
    CreditCard.objects.filter(card_id="k1-0").update(zip="99999")
    write_customers(DEFAULT, [remote(1, email="theirs@example.com")])
    assert Customer.objects.get().email == "edited@example.com"
    card = CreditCard.objects.get(card_id="k1-0")
    assert (card.zip, card.sync_state) == ("99999", "pending")
