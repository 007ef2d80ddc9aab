"""/cards/ and customers/{id}/cards/: stored, shown, changed and deleted, on both sides."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from django_dinero.cards import ADDRESS_FIELDS
from django_dinero.models import CreditCard, Customer
from tests.integration.api.calling import CARD, NUMBER, OTHER_NUMBER, Caller, json_of
from tests.support.recording import RecordingGateway

pytestmark = pytest.mark.django_db

CARD_FIELDS = {
    *("id", "customer", "gateway_name", "live", "customer_id", "card_id"),
    *("last_4", "brand"),
    *("month", "year", *ADDRESS_FIELDS, "is_default", "sync_state", "created_at"),
}


def test_a_second_card_is_stored_at_the_gateway(
    owner: Caller, customer: Customer, gateway: RecordingGateway
) -> None:
    body = {**CARD, "number": OTHER_NUMBER}
    shown = json_of(owner.post(f"customers/{customer.public_id}/cards/", body, key=None), 201)
    assert set(shown) == CARD_FIELDS
    assert (shown["last_4"], shown["brand"], shown["is_default"]) == ("0015", "mastercard", False)
    stored = gateway.bank.customer(str(customer.customer_id))
    assert sorted(card.last_4 for card in stored.cards) == ["0015", "1111"]


def test_a_number_may_have_spaces_and_dashes(owner: Caller, customer: Customer) -> None:
    body = {**CARD, "number": "5424-0000 0000-0015"}
    shown = json_of(owner.post(f"customers/{customer.public_id}/cards/", body), 201)
    assert shown["last_4"] == "0015"


def test_a_number_sent_as_a_json_number_is_read(owner: Caller, customer: Customer) -> None:
    body = {**CARD, "number": int(OTHER_NUMBER), "cvv": 900}
    shown = json_of(owner.post(f"customers/{customer.public_id}/cards/", body), 201)
    assert shown["last_4"] == "0015"


def test_a_token_card(owner: Caller, customer: Customer, gateway: RecordingGateway) -> None:
    token = gateway.bank.mint_token(OTHER_NUMBER, month=12, year=2060)
    body = {"token": token, "is_default": True}
    shown = json_of(owner.post(f"customers/{customer.public_id}/cards/", body), 201)
    assert (shown["last_4"], shown["is_default"]) == ("0015", True)
    cards = json_of(owner.get("cards/"), 200)["results"]
    assert {card["last_4"]: card["is_default"] for card in cards} == {"0015": True, "1111": False}


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, {"number"}),
        ({**CARD, "number": "4111 1111 1111 111"}, {"number"}),
        ({**CARD, "number": "٤111111111111111"}, {"number"}),
        ({**CARD, "cvv": "12345", "year": "20600"}, {"cvv", "year"}),
        ({**CARD, "number": True}, {"number"}),
        ({**CARD, "month": 0}, {"month"}),
        ({**CARD, "zip": "1\u0000"}, {"zip"}),
        ({**CARD, "is_default": "perhaps"}, {"is_default"}),
    ],
)
def test_wrong_card_fields_are_named_and_nothing_is_sent(
    owner: Caller,
    customer: Customer,
    gateway: RecordingGateway,
    body: dict[str, Any],
    named: set[str],
) -> None:
    mark = gateway.mark
    shown = json_of(owner.post(f"customers/{customer.public_id}/cards/", body), 400)
    assert set(shown["errors"]) == named
    assert gateway.since(mark) == []
    assert CreditCard.objects.count() == 1


def test_the_same_card_again_is_a_conflict_that_names_the_first(
    owner: Caller, customer: Customer, card: CreditCard
) -> None:
    body = {**CARD, "first_name": "Bill", "last_name": "Bloggs"}
    shown = json_of(owner.post(f"customers/{customer.public_id}/cards/", body), 409)
    assert shown["code"] == "duplicate_card"
    assert shown["existing"] == str(card.public_id)
    assert CreditCard.objects.count() == 1


def test_retrieve_and_list_show_the_same_fields(owner: Caller, card: CreditCard) -> None:
    one = json_of(owner.get(f"cards/{card.public_id}/"), 200)
    assert set(one) == CARD_FIELDS
    assert one["customer"] == str(card.customer.public_id)
    assert json_of(owner.get("cards/"), 200)["results"] == [one]


def test_patch_pushes_address_and_expiry(
    owner: Caller, card: CreditCard, gateway: RecordingGateway
) -> None:
    mark = gateway.mark
    body = {"zip": "99999", "month": 3, "year": 2055}
    shown = json_of(owner.patch(f"cards/{card.public_id}/", body), 200)
    assert (shown["zip"], shown["month"], shown["year"]) == ("99999", 3, 2055)
    assert gateway.since(mark) == ["update_card"]
    stored = gateway.bank.card(card.customer_id, card.card_id)
    assert stored.billing["zip"] == "99999"


def test_patch_makes_a_card_the_default_one(owner: Caller, customer: Customer) -> None:
    second = customer.add_card(**{**CARD, "number": OTHER_NUMBER})
    shown = json_of(owner.patch(f"cards/{second.public_id}/", {"is_default": True}), 200)
    assert shown["is_default"] is True
    flags = {c["last_4"]: c["is_default"] for c in json_of(owner.get("cards/"), 200)["results"]}
    assert flags == {"0015": True, "1111": False}


@pytest.mark.parametrize("body", [{"number": NUMBER}, {"cvv": "900"}, {"token": "tok_1"}])
def test_patch_takes_no_new_number(
    owner: Caller, card: CreditCard, gateway: RecordingGateway, body: dict[str, Any]
) -> None:
    mark = gateway.mark
    shown = json_of(owner.patch(f"cards/{card.public_id}/", body), 400)
    assert set(shown["errors"]) == set(body)
    assert gateway.since(mark) == []


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"month": 13}, "month"),
        ({"year": "1999"}, "year"),
        ({"zip": "x" * 99}, "zip"),
        ({"zip": 1e2}, "zip"),
        # A date that is there is not forgotten here while the gateway keeps it.
        ({"month": "", "year": ""}, "month"),
    ],
)
def test_patch_with_a_wrong_value_changes_neither_side(
    owner: Caller, card: CreditCard, gateway: RecordingGateway, body: dict[str, Any], named: str
) -> None:
    mark = gateway.mark
    shown = json_of(owner.patch(f"cards/{card.public_id}/", body), 400)
    assert named in shown["errors"]
    assert gateway.since(mark) == []
    card.refresh_from_db()
    assert (card.month, card.year, card.zip) == (12, 2060, "46201")


def test_delete_deletes_on_both_sides(
    owner: Caller, card: CreditCard, gateway: RecordingGateway
) -> None:
    response = owner.delete(f"cards/{card.public_id}/")
    assert (response.status_code, response.content) == (204, b"")
    assert not CreditCard.objects.exists()
    assert gateway.bank.customer(card.customer_id).cards == ()


def test_cards_are_added_at_their_customer_only(owner: Caller, card: CreditCard) -> None:
    assert json_of(owner.post("cards/", CARD), 405)["code"] == "method_not_allowed"


@pytest.mark.parametrize(
    "name",
    ["brand", "last_4", "card_id", "customer", "id", "created_at", "default_of", "version"],
)
def test_what_the_gateway_says_of_a_card_is_not_assigned(
    owner: Caller, card: CreditCard, gateway: RecordingGateway, name: str
) -> None:
    mark = gateway.mark
    new = {**CARD, "number": OTHER_NUMBER, name: "1"}
    added = owner.post(f"customers/{card.customer.public_id}/cards/", new)
    assert set(json_of(added, 400)["errors"]) == {name}
    changed = owner.patch(f"cards/{card.public_id}/", {"zip": "11111", name: "1"})
    assert set(json_of(changed, 400)["errors"]) == {name}
    assert gateway.since(mark) == []
    card.refresh_from_db()
    assert card.zip == "46201"


def test_two_patches_of_different_fields_at_once_both_count(
    owner: Caller, customer: Customer, gateway: RecordingGateway
) -> None:
    """The second one is written after the first has read its row, and before it writes."""
    row = customer.cards[0]
    writes: list[str] = []

    def meanwhile(execute: Any, sql: str, *args: Any) -> Any:
        if sql.startswith("UPDATE") and "dinero_creditcard" in sql and not writes:
            writes.append(sql)
            CreditCard.objects.filter(pk=row.pk).update(company="Acme")
        return execute(sql, *args)

    with connection.execute_wrapper(meanwhile):
        shown = json_of(owner.patch(f"cards/{row.public_id}/", {"city": "Rome"}), 200)
    assert writes
    assert (shown["city"], shown["company"]) == ("Rome", "Acme")
    sent = gateway.calls[-1][1][0]
    assert (sent.address.city, sent.address.company) == ("Rome", "Acme")
