"""Pulling while others write: the second look, what waits here, what a lost reply left out."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import IntegrityError

from django_dinero.cards import Address, CardDetails
from django_dinero.gateways.types import RemoteCard, RemoteCustomer
from django_dinero.models import CreditCard, Customer, Operation
from django_dinero.redaction import Secret
from django_dinero.services import pull
from django_dinero.services.pull import customers
from tests.support.accounts import DEFAULT
from tests.support.aging import grow_old
from tests.support.recording import RecordingGateway

pytestmark = pytest.mark.django_db

KEY = "AAAABBBBCCCCDDDDEEEE"


def card(card_id: str, **given: Any) -> RemoteCard:
    values = {"customer_id": "c1", "last_4": "1111", "brand": "visa", **given}
    return RemoteCard(card_id=card_id, **values)


def customer(*cards: RemoteCard, **given: Any) -> RemoteCustomer:
    return RemoteCustomer(**{"customer_id": "c1", "email": "a@example.com", **given}, cards=cards)


# -- Two workers -----------------------------------------------------------------------------------


def test_a_second_look_finds_what_another_worker_wrote(
    gateway: RecordingGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    Customer.objects.bulk_create([Customer(customer_id="c1", email="old@example.com")])
    Customer.objects.update_without_push(sync_state="synced")
    known = customers._stored_customers
    looks: list[int] = []

    def late(*args: Any) -> Any:
        """The first look was before the other worker's commit."""
        seen = known(*args) if looks else ({}, {})
        looks.append(len(seen[0]))
        return seen

    monkeypatch.setattr(customers, "_stored_customers", late)
    row = customers.write_customer(DEFAULT, customer(card("k1")))
    assert looks == [0, 1]
    assert row == Customer.objects.get()
    assert (row.email, row.card_id) == ("a@example.com", "k1")


def test_a_collision_that_stays_is_raised(
    gateway: RecordingGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    Customer.objects.bulk_create([Customer(customer_id="c1", email="old@example.com")])
    monkeypatch.setattr(customers, "_stored_customers", lambda *args: ({}, {}))
    with pytest.raises(IntegrityError):
        customers.write_customer(DEFAULT, customer())
    assert Customer.objects.get().email == "old@example.com"


# -- What waits here -------------------------------------------------------------------------------


def test_a_creation_without_a_reply_that_was_edited_since_keeps_the_edit(
    gateway: RecordingGateway,
) -> None:
    Customer.objects.bulk_create([Customer(email="edited@example.com", customer_key=KEY)])
    customers.write_customer(DEFAULT, customer(customer_key=KEY))
    row = Customer.objects.get()
    assert (row.customer_id, row.email, row.sync_state) == ("c1", "edited@example.com", "pending")


@pytest.mark.parametrize("key", ["", "k" * 21])
def test_a_key_that_is_not_ours_is_not_taken_over(gateway: RecordingGateway, key: str) -> None:
    row = customers.write_customer(DEFAULT, customer(customer_key=key))
    assert len(row.customer_key) == 20
    assert row.customer_key != key


def test_a_card_that_stays_away_is_marked_once(gateway: RecordingGateway) -> None:
    customers.write_customer(DEFAULT, customer(card("k1"), card("k2")))
    grow_old()
    customers.write_customer(DEFAULT, customer(card("k1")))
    before = CreditCard.objects.get(card_id="k2")
    customers.write_customer(DEFAULT, customer(card("k1")))
    after = CreditCard.objects.get(card_id="k2")
    assert (after.sync_state, after.updated_at) == ("missing", before.updated_at)


# -- Names and defaults ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({"first_name": "Ada"}, ("Ada", "")),
        ({"last_name": "Byron"}, ("", "Byron")),
        ({}, ("Second", "Card")),
    ],
)
def test_names_come_from_the_customer_or_else_from_the_default_card(
    gateway: RecordingGateway, given: dict[str, Any], names: tuple[str, str]
) -> None:
    cards = (
        card("k1", address=Address(first_name="First", last_name="Card")),
        card("k2", address=Address(first_name="Second", last_name="Card"), is_default=True),
    )
    row = customers.write_customer(DEFAULT, customer(*cards, **given))
    assert (row.first_name, row.last_name) == names


def test_our_own_names_stay_where_the_gateway_has_none(gateway: RecordingGateway) -> None:
    customers.write_customer(DEFAULT, customer(first_name="Ada", last_name="Byron"))
    row = customers.write_customer(DEFAULT, customer(email="new@example.com"))
    assert (row.email, row.first_name, row.last_name) == ("new@example.com", "Ada", "Byron")


def test_our_default_stays_where_the_gateway_names_none(gateway: RecordingGateway) -> None:
    customers.write_customer(DEFAULT, customer(card("k1"), card("k2", is_default=True)))
    row = customers.write_customer(DEFAULT, customer(card("k1"), card("k2")))
    assert row.card_id == "k2"
    grow_old()
    row = customers.write_customer(DEFAULT, customer(card("k1")))
    assert row.card_id == "k1"


# -- New rows --------------------------------------------------------------------------------------


def test_what_a_gateway_masks_is_taken_from_what_was_typed(gateway: RecordingGateway) -> None:
    typed = CardDetails(
        number=Secret("4111111111111111"),
        month=12,
        year=2040,
        cvv=None,
        address=Address(zip="12345"),
    )
    shown = RemoteCard(customer_id="c1", card_id="k1", last_4="", brand="")
    row = pull.new_card_row("default", Customer(), shown, typed)
    assert (row.last_4, row.brand, row.month, row.year, row.zip) == (
        "1111",
        "visa",
        12,
        2040,
        "12345",
    )
    bare = pull.new_card_row("default", Customer(), shown)
    assert (bare.last_4, bare.brand, bare.month, bare.zip) == ("", "", None, "")


def found(intent: dict[str, Any]) -> Customer:
    kind = "create_customer"
    operation = Operation(kind=kind, gateway_name="default", live=False, intent=intent)
    customers.write_found(operation, customer())
    return Customer.objects.get()


def test_a_found_customer_gets_the_owner_and_names_of_the_intent(
    gateway: RecordingGateway,
) -> None:
    owner = get_user_model().objects.create(username="bill")
    row = found({"first_name": "Bill", "last_name": "", "owner_pk": owner.pk})
    assert (row.first_name, row.last_name, row.owner) == ("Bill", "", owner)
    assert row.sync_state == "synced"
    again = found({"first_name": "Fred", "owner_pk": None})
    assert (again.first_name, again.owner) == ("Bill", owner)


@pytest.mark.django_db(transaction=True)
def test_a_found_customer_whose_owner_was_deleted_has_none(gateway: RecordingGateway) -> None:
    row = found({"first_name": "Bill", "owner_pk": 4711})
    assert (row.first_name, row.owner_id) == ("Bill", None)
