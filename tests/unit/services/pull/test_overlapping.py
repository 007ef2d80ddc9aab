"""Two pulls of one customer at once: the answer to whoever asked last is the one that stays."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from django_dinero.exceptions import CustomerNotFoundError
from django_dinero.gateways.types import RemoteCustomer
from django_dinero.models import CreditCard, Customer, Operation
from django_dinero.sandbox.bank.records import MaskedCard
from django_dinero.services import pull
from django_dinero.services.pull import customers
from django_dinero.services.pull.fetching import Fetched, fetch_customer
from tests.support.accounts import DEFAULT
from tests.support.aging import grow_old
from tests.support.cards import PAST, SECOND, Make
from tests.support.recording import RecordingGateway

pytestmark = pytest.mark.django_db


@pytest.fixture
def customer(make_customer: Make) -> Customer:
    """A customer with two cards, stored long ago."""
    stored = make_customer()
    stored.add_card(**SECOND)
    grow_old()
    Operation.objects.update(updated_at=PAST)
    return stored


@pytest.fixture
def older(gateway: RecordingGateway, customer: Customer) -> Fetched:
    """What the gateway has just told somebody who is slow to write it."""
    fetched = fetch_customer(gateway, customer.customer_id or "")
    time.sleep(0.01)  # the databases tell milliseconds
    return fetched


def change_there(gateway: RecordingGateway, customer: Customer) -> None:
    """Let other software change the customer, move the default and delete the other card."""
    first, second = CreditCard.objects.order_by("pk")
    bank, customer_id = gateway.bank, customer.customer_id or ""
    bank.update_customer(customer_id, email="theirs@example.com")
    same = MaskedCard(second.last_4)
    bank.update_card(customer_id, second.card_id, same, {"city": "Theirs"}, is_default=True)
    bank.delete_card(customer_id, first.card_id)


def stored() -> dict[str, object]:
    """The rows, as far as a pull writes them."""
    cards = CreditCard.objects.order_by("pk").values_list("sync_state", "default_of", "city")
    return {
        "customer": Customer.objects.values_list("email", "sync_state").get(),
        "cards": [*cards],
    }


def pull_now(gateway: RecordingGateway, customer: Customer) -> dict[str, object]:
    fetch_customer(gateway, customer.customer_id or "").write()
    return stored()


def test_an_older_answer_does_not_undo_a_newer_one(
    gateway: RecordingGateway, customer: Customer, older: Fetched
) -> None:
    change_there(gateway, customer)
    newer = pull_now(gateway, customer)
    assert newer == {
        "customer": ("theirs@example.com", "synced"),
        "cards": [("missing", None, ""), ("synced", customer.pk, "Theirs")],
    }
    older.write()
    assert stored() == newer


def test_a_list_that_is_minutes_old_does_not_undo_what_a_webhook_brought(
    gateway: RecordingGateway, customer: Customer, older: Fetched
) -> None:
    def account() -> Iterator[RemoteCustomer]:
        assert older.remote is not None
        yield older.remote
        time.sleep(0.01)
        change_there(gateway, customer)
        pull_now(gateway, customer)

    assert customers.write_customers(DEFAULT, account()) == 1
    assert stored()["customer"] == ("theirs@example.com", "synced")
    assert stored()["cards"] == [("missing", None, ""), ("synced", customer.pk, "Theirs")]


def test_an_older_answer_does_not_bring_back_what_is_gone(
    gateway: RecordingGateway, customer: Customer, older: Fetched
) -> None:
    gateway.bank.delete_customer(customer.customer_id or "")
    with pytest.raises(CustomerNotFoundError):
        pull_now(gateway, customer)
    gone = stored()
    older.write()
    assert stored() == gone
    assert stored()["customer"] == ("bill@example.com", "missing")


def test_a_row_that_was_shown_to_somebody_later_is_not_gone(
    gateway: RecordingGateway, customer: Customer, older: Fetched
) -> None:
    gateway.bank.update_customer(customer.customer_id or "", email="theirs@example.com")
    pull_now(gateway, customer)
    assert not pull.mark_gone(customer, older.snapshot.taken)
    assert Customer.objects.get().sync_state == "synced"


def test_an_older_answer_beside_edits_that_wait(
    gateway: RecordingGateway, customer: Customer, older: Fetched
) -> None:
    CreditCard.objects.update(zip="99999")
    second = CreditCard.objects.order_by("pk")[1]
    waiting = fetch_customer(gateway, customer.customer_id or "")
    time.sleep(0.01)
    same = MaskedCard(second.last_4)
    gateway.bank.update_card(second.customer_id, second.card_id, same, {"city": "Theirs"})
    pull_now(gateway, customer)
    waiting.write()
    again = CreditCard.objects.get(pk=second.pk)
    assert (again.city, again.zip, again.sync_state) == ("Theirs", "99999", "pending")


def test_a_time_that_has_not_come_holds_nothing_up(
    gateway: RecordingGateway, customer: Customer
) -> None:
    """The database's clock was ahead, or the row came from another database."""
    later = datetime.now(UTC) + timedelta(days=30)
    Customer.objects.update_without_push(pulled_at=later)
    CreditCard.objects.update_without_push(pulled_at=later)
    change_there(gateway, customer)
    assert pull_now(gateway, customer)["customer"] == ("theirs@example.com", "synced")
    Customer.objects.update_without_push(pulled_at=later)
    gateway.bank.delete_customer(customer.customer_id or "")
    with pytest.raises(CustomerNotFoundError):
        pull_now(gateway, customer)
    assert stored()["customer"] == ("theirs@example.com", "missing")


def test_an_older_list_does_not_undo_what_a_webhook_has_just_inserted(
    gateway: RecordingGateway, customer: Customer, older: Fetched
) -> None:
    CreditCard.objects.all()._raw_delete("default")
    Customer.objects.all()._raw_delete("default")

    def account() -> Iterator[RemoteCustomer]:
        assert older.remote is not None
        yield older.remote
        time.sleep(0.01)
        gateway.bank.update_customer(customer.customer_id or "", email="theirs@example.com")
        pull_now(gateway, customer)

    assert customers.write_customers(DEFAULT, account()) == 1
    assert stored()["customer"] == ("theirs@example.com", "synced")


def test_what_a_look_up_found_is_as_old_as_its_question(
    gateway: RecordingGateway, customer: Customer, older: Fetched
) -> None:
    """It is written after a pull that asked later."""
    assert older.remote is not None
    creation = Operation.objects.get(kind="create_customer")
    creation.searched_at = older.snapshot.taken
    change_there(gateway, customer)
    newer = pull_now(gateway, customer)
    pull.write_found(creation, older.remote)
    assert stored() == newer


def test_the_next_pull_brings_what_has_changed_since(
    gateway: RecordingGateway, customer: Customer
) -> None:
    """The clock that pulls are put in order by does not hold up those that follow."""
    for number in range(5):
        email = f"c{number}@example.com"
        gateway.bank.update_customer(customer.customer_id or "", email=email)
        assert pull_now(gateway, customer)["customer"] == (email, "synced")
        remote = fetch_customer(gateway, customer.customer_id or "").remote
        assert remote is not None
        told = replace(remote, email=f"list-{email}")
        assert customers.write_customers(DEFAULT, [told]) == 1
        assert Customer.objects.get().email == f"list-{email}"
