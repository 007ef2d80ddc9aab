"""An answer of the gateway is older than what was saved, added or deleted here since."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from django_dinero.cards import Address
from django_dinero.exceptions import CustomerNotFoundError, NotSent
from django_dinero.gateways.types import CardUpdate, RemoteCustomer
from django_dinero.models import CreditCard, Customer, Operation
from django_dinero.services.pull.customers import write_customers
from django_dinero.services.vault import deletions
from django_dinero.services.vault import push as vault_push
from tests.support.accounts import DEFAULT
from tests.support.recording import RecordingGateway, refuse_connection

pytestmark = pytest.mark.django_db

Make = Callable[..., Customer]


def before_the_answer_arrives(
    gateway: RecordingGateway, work: Callable[[], object]
) -> Callable[[Callable[[], Any]], Any]:
    def late(call: Callable[[], Any]) -> Any:
        answer = call()
        work()
        return answer

    return late


def retrieve(gateway: RecordingGateway, customer: Customer, meanwhile: Any = None) -> Customer:
    if meanwhile is not None:
        gateway.faults["retrieve_customer"] = before_the_answer_arrives(gateway, meanwhile)
    return Customer.retrieve(customer.customer_id or "")


# -- Meanwhile -------------------------------------------------------------------------------------


def test_an_edit_that_was_pushed_meanwhile_stays(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()

    def edit() -> None:
        row = Customer.objects.get()
        row.email = "new@example.com"
        row.save()
        card = row.cards[0]
        card.zip = "99999"
        card.save()

    found = retrieve(gateway, customer, edit)
    assert (found.email, found.cards[0].zip) == ("new@example.com", "99999")
    assert {card.sync_state for card in found.cards} == {found.sync_state} == {"synced"}


def test_an_edit_that_waited_and_is_pushed_meanwhile_stays(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    Customer.objects.update(email="new@example.com")
    CreditCard.objects.update(zip="99999")

    def push() -> None:
        vault_push.push_customer(customer.pk)
        vault_push.push_card(CreditCard.objects.get().pk)

    found = retrieve(gateway, customer, push)
    assert (found.email, found.cards[0].zip) == ("new@example.com", "99999")
    assert gateway.bank.customer(found.customer_id or "").email == "new@example.com"


def test_a_new_number_meanwhile_stays(gateway: RecordingGateway, make_customer: Make) -> None:
    customer = make_customer()

    def replace() -> None:
        card = CreditCard.objects.get()
        card.number = "4007000000027"
        card.save()

    assert retrieve(gateway, customer, replace).cards[0].last_4 == "0027"


def test_a_card_that_was_added_meanwhile_is_not_missing(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()

    def add() -> None:
        Customer.objects.get().add_card(number="4007000000027", is_default=True)

    found = retrieve(gateway, customer, add)
    assert [card.sync_state for card in found.cards] == ["synced", "synced"]
    assert found.default_card == found.cards[1]


def test_a_card_that_was_deleted_meanwhile_stays_deleted(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    found = retrieve(gateway, customer, lambda: CreditCard.objects.get().delete())
    assert not found.cards


def test_a_customer_that_was_deleted_meanwhile_stays_deleted(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    with pytest.raises(CustomerNotFoundError, match="deleted here"):
        retrieve(gateway, customer, lambda: Customer.objects.get().delete())
    assert not Customer.objects.exists()


# -- Deletes that wait -----------------------------------------------------------------------------


def test_a_card_whose_delete_waits_stays_deleted(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    gateway.faults["delete_card"] = refuse_connection
    with pytest.raises(NotSent):
        customer.cards[0].delete()
    assert not retrieve(gateway, customer).cards
    Operation.objects.filter(kind="delete_card", state="new").update(state="declined")
    assert len(retrieve(gateway, customer).cards) == 1


@pytest.mark.parametrize("state", ["new", "sent", "unknown", "absent"])
def test_a_customer_whose_delete_waits_is_left_out_of_a_sweep(
    gateway: RecordingGateway, make_customer: Make, state: str
) -> None:
    deleted, kept = make_customer(), make_customer(email="kept@example.com")
    gateway.faults["delete_customer"] = refuse_connection
    with pytest.raises(NotSent):
        deleted.delete()
    Operation.objects.filter(kind="delete_customer").update(state=state)
    assert write_customers(DEFAULT, gateway.iter_customers()) == 1
    assert Customer.objects.get() == kept


def test_a_card_whose_delete_is_sent_meanwhile_stays_deleted(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    gateway.faults["delete_card"] = refuse_connection
    with pytest.raises(NotSent):
        customer.cards[0].delete()
    gateway.faults.clear()
    waiting = Operation.objects.get(kind="delete_card", state="new")
    found = retrieve(gateway, customer, lambda: deletions.push_delete(waiting.key, "default"))
    waiting.refresh_from_db()
    assert waiting.state == "succeeded"
    assert not found.cards


def sweep_and_delete(gateway: RecordingGateway, deleted: Customer) -> Iterator[RemoteCustomer]:
    """Go through all customers, of whom one is deleted after the gateway has told of it."""
    told = list(gateway.iter_customers())
    Customer.objects.get(pk=deleted.pk).delete()
    assert Operation.objects.get(kind="delete_customer").state == "succeeded"
    yield from told


def test_a_customer_that_is_deleted_during_a_sweep_stays_deleted(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    deleted, kept = make_customer(), make_customer(email="kept@example.com")
    assert write_customers(DEFAULT, sweep_and_delete(gateway, deleted)) == 1
    assert Customer.objects.get() == kept


def test_what_was_deleted_before_the_sweep_and_is_there_gets_a_row(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    told = list(sweep_and_delete(gateway, make_customer()))
    Operation.objects.update(updated_at=timezone.now() - timedelta(seconds=30))
    assert write_customers(DEFAULT, told) == 1
    assert Customer.objects.get().customer_id == told[0].customer_id


# -- Who has the default ---------------------------------------------------------------------------


def two_cards(customer: Customer) -> tuple[CreditCard, CreditCard]:
    return customer.cards[0], customer.add_card(number="4007000000027")


def make_default_there(gateway: RecordingGateway, card: CreditCard) -> None:
    """Other software makes it the default."""
    gateway.update_card(CardUpdate("k", card.customer_id, card.card_id, Address(), is_default=True))


def test_a_default_that_moved_there_leaves_an_edited_card_its_own(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    first, second = two_cards(customer)
    CreditCard.objects.filter(pk=first.pk).update(zip="99999")
    make_default_there(gateway, second)
    found = retrieve(gateway, customer)
    assert found.default_card == first
    assert [card.sync_state for card in found.cards] == ["pending", "synced"]


@pytest.mark.parametrize("state", ["pending", "error"])
def test_a_default_that_moved_there_to_an_edited_card_is_taken_beside_its_edits(
    gateway: RecordingGateway, make_customer: Make, state: str
) -> None:
    customer = make_customer()
    _first, second = two_cards(customer)
    third = customer.add_card(number="5424000000000015")
    second.is_default = True
    second.save()
    CreditCard.objects.filter(pk=third.pk).update(zip="99999", sync_state=state)
    make_default_there(gateway, third)
    for _time in range(2):
        found = retrieve(gateway, customer)
        assert found.default_card == third
        assert [card.is_default for card in found.cards] == [False, False, True]
        assert [card.sync_state for card in found.cards] == ["synced", "synced", state]
    assert vault_push.push_card(third.pk) is not None
    assert gateway.bank.card(third.customer_id, third.card_id).is_default


def test_a_default_that_moved_there_to_a_card_edited_meanwhile_waits_for_the_next_pull(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    """The answer may be older than that edit. Until then our default stays."""
    customer = make_customer()
    first, second = two_cards(customer)
    make_default_there(gateway, second)
    edited = CreditCard.objects.filter(pk=second.pk)
    found = retrieve(gateway, customer, lambda: edited.update(zip="99999"))
    assert found.default_card == first
    assert [card.is_default for card in found.cards] == [True, False]
    gateway.faults.clear()
    assert retrieve(gateway, customer).cards[1].is_default


def test_a_default_that_could_not_be_pushed_stays(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    _first, second = two_cards(customer)
    gateway.faults["update_card"] = refuse_connection
    second.is_default = True
    with pytest.raises(NotSent):
        second.save()
    found = retrieve(gateway, customer)
    assert found.default_card == second
    second.save()
    assert gateway.bank.card(second.customer_id, second.card_id).is_default


def test_an_edited_default_that_is_gone_there_gives_it_up(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    first, second = two_cards(customer)
    CreditCard.objects.filter(pk=first.pk).update(zip="99999")
    gateway.bank.delete_card(first.customer_id, first.card_id)
    found = retrieve(gateway, customer)
    assert [card.sync_state for card in found.cards] == ["missing", "pending"]
    assert [card.is_default for card in found.cards] == [False, True]
    assert found.default_card == second


def test_a_default_that_is_gone_there_passes_to_a_card_whose_edits_wait_if_there_is_no_other(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    first, second = two_cards(customer)
    CreditCard.objects.filter(pk=second.pk).update(zip="99999")
    gateway.bank.delete_card(first.customer_id, first.card_id)
    found = retrieve(gateway, customer)
    assert [card.sync_state for card in found.cards] == ["missing", "pending"]
    assert found.default_card == second
    assert vault_push.push_card(second.pk) is not None
    stored = gateway.bank.card(second.customer_id, second.card_id)
    assert (stored.is_default, stored.billing["zip"]) == (True, "99999")


# -- Keys ------------------------------------------------------------------------------------------


def test_two_of_the_gateways_customers_with_one_key_are_two_rows(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    twins = [
        RemoteCustomer("901", customer_key=customer.customer_key, email="a@example.com"),
        RemoteCustomer("902", customer_key="N" * 20, email="b@example.com"),
        RemoteCustomer("903", customer_key="N" * 20, email="c@example.com"),
    ]
    assert write_customers(DEFAULT, twins) == 3
    keys = list(Customer.objects.order_by("pk").values_list("customer_key", flat=True))
    assert keys[0] == customer.customer_key
    assert keys[2] == "N" * 20
    assert len(set(keys)) == 4


def test_one_waiting_row_is_taken_by_one_of_them(gateway: RecordingGateway) -> None:
    Customer.objects.bulk_create([Customer(email="a@example.com", customer_key="N" * 20)])
    twins = [
        RemoteCustomer(n, customer_key="N" * 20, email="a@example.com") for n in ("901", "902")
    ]
    write_customers(DEFAULT, twins)
    rows = list(Customer.objects.order_by("pk").values_list("customer_id", "customer_key"))
    assert rows[0] == ("901", "N" * 20)
    assert rows[1][0] == "902"


# -- Cards that are being stored -------------------------------------------------------------------


@pytest.mark.parametrize("lease", ["2999-01-01T00:00:00Z", "2020-01-01T00:00:00Z"])
def test_a_card_that_a_worker_is_storing_gets_its_row_from_that_worker(
    gateway: RecordingGateway, make_customer: Make, lease: str
) -> None:
    """Until its lease has passed: then the worker is dead, and the card is the customer's."""
    customer = make_customer()
    seen = list[int]()

    def stored(call: Callable[[], Any]) -> Any:
        call()
        Operation.objects.filter(kind="add_card").update(lease_until=lease)
        seen.append(len(Customer.retrieve(customer.customer_id or "").cards))
        raise KeyboardInterrupt

    gateway.faults["add_card"] = stored
    with pytest.raises(KeyboardInterrupt):
        customer.add_card(number="4222222222222")
    assert seen == [1 if lease > "2020-01-01T00:00:00Z" else 2]
