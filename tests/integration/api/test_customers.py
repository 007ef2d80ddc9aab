"""/customers/: stored, shown, changed and deleted, here and at the gateway."""

from __future__ import annotations

from typing import Any

import pytest

from django_dinero.models import Customer
from tests.integration.api.calling import CARD, NUMBER, Caller, json_of, user_with
from tests.support.recording import RecordingGateway, lose_reply

pytestmark = pytest.mark.django_db

CUSTOMER_FIELDS = {
    *("id", "gateway_name", "live", "customer_id", "email", "first_name", "last_name"),
    *("cards", "sync_state", "created_at"),
}


def test_create_with_a_card_shows_the_customer_and_stores_it_at_the_gateway(
    owner: Caller, gateway: RecordingGateway
) -> None:
    body = {"email": "bill@example.com", "first_name": "Bill", **CARD}
    shown = json_of(owner.post("customers/", body, key=None), 201)
    assert set(shown) == CUSTOMER_FIELDS
    row = Customer.objects.get()
    assert (shown["id"], shown["customer_id"]) == (str(row.public_id), row.customer_id)
    assert row.owner == owner.user
    [card] = shown["cards"]
    assert (card["last_4"], card["brand"], card["is_default"]) == ("1111", "visa", True)
    assert card["customer"] == shown["id"]
    stored = gateway.bank.customer(str(row.customer_id))
    assert stored.email == "bill@example.com"
    assert [c.last_4 for c in stored.cards] == ["1111"]


@pytest.mark.parametrize("card", [{}, CARD], ids=["without a card", "with a card"])
def test_an_idempotency_key_makes_one_customer(
    owner: Caller, gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    body, key = {"email": "bill@example.com", **card}, "sign-up-0001"
    gateway.faults["create_customer"] = lose_reply
    lost = json_of(owner.post("customers/", body, key=key), 202)
    assert lost["code"] == "outcome_unknown"
    made = json_of(owner.post("customers/", body, key=key), 201)
    assert json_of(owner.post("customers/", body, key=key), 201) == made
    assert [stored.id for stored in gateway.bank.customers()] == [made["customer_id"]]
    assert Customer.objects.get().owner == owner.user
    other = owner.post("customers/", {**body, "email": "ann@example.com"}, key=key)
    assert json_of(other, 422)["code"] == "idempotency_key_reused"
    stranger = Caller(user_with("stranger"))
    theirs = json_of(stranger.post("customers/", body, key=key), 201)
    assert theirs["id"] != made["id"]


def test_a_key_that_is_none_is_refused(owner: Caller, gateway: RecordingGateway) -> None:
    reply = owner.post("customers/", {"email": "bill@example.com"}, key="with a blank")
    assert set(json_of(reply, 400)["errors"]) == {"Idempotency-Key"}
    assert gateway.verbs == []


def test_create_without_a_card(owner: Caller, gateway: RecordingGateway) -> None:
    shown = json_of(owner.post("customers/", {"email": "bill@example.com"}), 201)
    assert shown["cards"] == []
    assert gateway.verbs == ["create_customer"]


def test_create_with_a_token_of_the_browser(owner: Caller, gateway: RecordingGateway) -> None:
    token = gateway.bank.mint_token(NUMBER, month=12, year=2060)
    body = {"email": "b@example.com", "token": token}
    shown = json_of(owner.post("customers/", body), 201)
    assert [card["last_4"] for card in shown["cards"]] == ["1111"]


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, {"email"}),
        ({"email": "bill@example.com", **CARD, "number": "4111111111111112"}, {"number"}),
        (
            {"email": "b@example.com", **CARD, "number": "41", "month": 13, "cvv": "1"},
            {"number", "month", "cvv"},
        ),
        ({"email": "b@example.com", **CARD, "year": 2001}, {"year"}),
        ({"email": "b@example.com", **CARD, "first_name": "x" * 300}, {"first_name"}),
    ],
)
def test_wrong_fields_are_named_together_and_nothing_is_sent(
    owner: Caller, gateway: RecordingGateway, body: dict[str, Any], named: set[str]
) -> None:
    shown = json_of(owner.post("customers/", body), 400)
    assert set(shown["errors"]) == named
    assert set(shown) == {"code", "detail", "errors"}
    assert gateway.verbs == []
    assert not Customer.objects.exists()


def test_retrieve_and_list_show_the_same_fields(owner: Caller, customer: Customer) -> None:
    one = json_of(owner.get(f"customers/{customer.public_id}/"), 200)
    page = json_of(owner.get("customers/"), 200)
    assert set(one) == CUSTOMER_FIELDS
    assert set(page) == {"next", "previous", "results"}
    assert page["results"] == [one]


def test_patch_pushes_what_changed_and_only_that(
    owner: Caller, customer: Customer, gateway: RecordingGateway
) -> None:
    mark = gateway.mark
    path = f"customers/{customer.public_id}/"
    shown = json_of(owner.patch(path, {"email": "new@example.com"}), 200)
    assert (shown["email"], shown["first_name"]) == ("new@example.com", "Bill")
    assert gateway.since(mark) == ["update_customer"]
    assert gateway.bank.customer(str(customer.customer_id)).email == "new@example.com"
    json_of(owner.patch(path, {}), 200)
    assert gateway.since(mark) == ["update_customer"]


def test_patch_with_a_wrong_value_changes_neither_side(
    owner: Caller, customer: Customer, gateway: RecordingGateway
) -> None:
    mark = gateway.mark
    shown = json_of(owner.patch(f"customers/{customer.public_id}/", {"email": "x" * 300}), 400)
    assert set(shown["errors"]) == {"email"}
    assert gateway.since(mark) == []
    customer.refresh_from_db()
    assert customer.email == "bill@example.com"


def test_delete_deletes_on_both_sides(
    owner: Caller, customer: Customer, gateway: RecordingGateway
) -> None:
    response = owner.delete(f"customers/{customer.public_id}/")
    assert (response.status_code, response.content) == (204, b"")
    assert not Customer.objects.exists()
    assert gateway.bank.customers() == ()
    json_of(owner.get(f"customers/{customer.public_id}/"), 404)


def test_put_is_not_offered(owner: Caller, customer: Customer) -> None:
    shown = json_of(owner.send("PUT", f"customers/{customer.public_id}/", {"email": "a@b.c"}), 405)
    assert shown["code"] == "method_not_allowed"


def test_a_staff_customer_has_no_owner_and_a_gateway_of_choice(
    gateway: RecordingGateway, db: None
) -> None:
    caller = Caller(user_with("staff", "add_customer", is_staff=True))
    body = {"email": "bill@example.com", "gateway_name": "default"}
    shown = json_of(caller.post("customers/", body), 201)
    assert shown["gateway_name"] == "default"
    assert Customer.objects.get().owner is None


def test_an_unknown_gateway_is_named_with_the_configured_ones(
    gateway: RecordingGateway, db: None
) -> None:
    caller = Caller(user_with("staff", "add_customer", is_staff=True))
    body = {"email": "bill@example.com", "gateway_name": "nowhere"}
    shown = json_of(caller.post("customers/", body), 400)
    assert set(shown["errors"]) == {"gateway_name"}
    assert "default" in shown["detail"]
