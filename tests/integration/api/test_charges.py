"""customers/{id}/charge/ and cards/{id}/charge/: what is charged, and what is shown of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from django_dinero.exceptions import InvalidInput
from django_dinero.models import CreditCard, Customer, Operation, Transaction
from tests.integration.api.calling import CARD, OTHER_NUMBER, Caller, json_of, user_with
from tests.support.recording import RecordingGateway

pytestmark = pytest.mark.django_db

TRANSACTION_FIELDS = {
    *("id", "gateway_name", "live", "transaction_id", "kind", "status", "price", "currency"),
    *("parent", "customer", "card", "customer_id", "card_id", "last_4", "brand"),
    *("auth_code", "order_reference", "description", "created_at"),
    *("captured_amount", "refunded_amount", "left_to_capture", "left_to_refund", "children"),
}
#: What the checks of a card said: nothing for those who may be trying out stolen ones. And who
#: asked: colleagues, whom no shopper has to know.
FOR_STAFF = {"avs", "cvv", "reason", "gateway_code", "gateway_text", "made_by"}


def test_a_charge_of_the_default_card(
    owner: Caller, customer: Customer, gateway: RecordingGateway
) -> None:
    body = {
        "price": "12.50",
        "order_reference": "order 7",
        "description": "Books",
        "customer_ip": "192.0.2.7",
    }
    shown = json_of(owner.post(f"customers/{customer.public_id}/charge/", body), 201)
    assert set(shown) == TRANSACTION_FIELDS
    assert (shown["price"], shown["currency"]) == ("12.50", "USD")
    assert (shown["kind"], shown["status"], shown["last_4"]) == ("charge", "approved", "1111")
    assert (shown["order_reference"], shown["description"]) == ("order 7", "Books")
    assert shown["customer"] == str(customer.public_id)
    row = Transaction.objects.get()
    assert (row.owner, row.customer_ip) == (owner.user, "192.0.2.7")
    [entry] = gateway.bank.transactions()
    assert (entry.id, str(entry.amount)) == (shown["transaction_id"], "12.50")


def test_an_order_that_is_paid_whole_is_paid_once(
    owner: Caller, customer: Customer, card: CreditCard, gateway: RecordingGateway
) -> None:
    body = {"price": "12.50", "order_reference": "A-7", "pays_order": True}
    path = f"customers/{customer.public_id}/charge/"
    json_of(owner.post(path, body), 201)
    for again in (path, f"cards/{card.public_id}/charge/"):
        assert json_of(owner.post(again, body), 409)["code"] == "order_paid"
    without = {"price": "12.50", "pays_order": True}
    assert "order_reference" in json_of(owner.post(path, without), 400)["errors"]
    assert gateway.verbs.count("charge") == 1


def test_a_charge_of_one_card_of_several(
    owner: Caller, customer: Customer, gateway: RecordingGateway
) -> None:
    second = customer.add_card(**{**CARD, "number": OTHER_NUMBER})
    body = {"price": "3.00", "cvv": "900"}
    shown = json_of(owner.post(f"cards/{second.public_id}/charge/", body), 201)
    assert (shown["last_4"], shown["card"]) == ("0015", str(second.public_id))


def test_an_authorization(owner: Caller, card: CreditCard) -> None:
    body = {"price": "3.00", "settle": False}
    shown = json_of(owner.post(f"cards/{card.public_id}/charge/", body), 201)
    assert shown["kind"] == "authorization"


def test_a_price_reads_the_same_from_a_call_a_replay_and_the_database(
    owner: Caller, card: CreditCard
) -> None:
    answers = [
        json_of(
            owner.post(f"cards/{card.public_id}/charge/", {"price": "12.5"}, key="price-key"), 201
        )
        for _time in range(2)
    ]
    answers.append(json_of(owner.get(f"transactions/{answers[0]['id']}/"), 200))
    answers += json_of(owner.get("transactions/"), 200)["results"]
    assert [answer["price"] for answer in answers] == ["12.50"] * 4


@pytest.mark.parametrize(("sent", "shown"), [("12.5", "12.50"), ("12", "12.00"), (12, "12.00")])
def test_amounts_are_strings_with_the_currencys_decimals(
    owner: Caller, card: CreditCard, sent: Any, shown: str
) -> None:
    reply = json_of(owner.post(f"cards/{card.public_id}/charge/", {"price": sent}), 201)
    assert reply["price"] == shown


def test_yen_have_no_decimals(owner: Caller, settings: Any, gateway: RecordingGateway) -> None:
    entry = {
        "BACKEND": "tests.support.recording.RecordingGateway",
        "OPTIONS": {"currency": "JPY"},
    }
    settings.DINERO = {**settings.DINERO, "GATEWAYS": {"default": entry}}
    customer = Customer.create("bill@example.com", owner=owner.user, **CARD)
    path = f"customers/{customer.public_id}/charge/"
    shown = json_of(owner.post(path, {"price": "500"}), 201)
    assert (shown["price"], shown["currency"]) == ("500", "JPY")
    [row] = json_of(owner.get("transactions/"), 200)["results"]
    assert row["price"] == "500"
    assert set(json_of(owner.post(path, {"price": "10.5"}), 400)["errors"]) == {"price"}


@pytest.mark.parametrize(
    "price",
    [
        12.5,
        1e3,
        True,
        None,
        "",
        "0",
        "-1",
        "1e3",
        "1_000",
        "NaN",
        "10.001",
        "٤",
        " ",
        10**20,
        "0.00",
    ],
)
def test_odd_amounts_are_refused_by_name(
    owner: Caller, card: CreditCard, gateway: RecordingGateway, price: Any
) -> None:
    mark = gateway.mark
    shown = json_of(owner.post(f"cards/{card.public_id}/charge/", {"price": price}), 400)
    assert set(shown["errors"]) == {"price"}
    assert gateway.since(mark) == []
    assert not Transaction.objects.exists()


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_numbers_that_json_does_not_have_are_refused(
    owner: Caller, card: CreditCard, number: str
) -> None:
    shown = json_of(owner.post(f"cards/{card.public_id}/charge/", f'{{"price": {number}}}'), 400)
    assert shown["code"] == "parse_error"


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, "price"),
        ({"price": "1.00", "currency": "XXX"}, "currency"),
        ({"price": "1.00", "currency": "EUR"}, "currency"),
        ({"price": "1.00", "customer_ip": "nowhere"}, "customer_ip"),
        ({"price": "1.00", "cvv": "1"}, "cvv"),
        ({"price": "1.00", "order_reference": "x" * 300}, "order_reference"),
        ({"price": "1.00", "description": "a\u0000b"}, "description"),
        ({"price": "1.00", "settle": "perhaps"}, "settle"),
    ],
)
def test_wrong_fields_of_a_charge_are_named(
    owner: Caller,
    card: CreditCard,
    gateway: RecordingGateway,
    body: dict[str, Any],
    named: str,
) -> None:
    mark = gateway.mark
    shown = json_of(owner.post(f"cards/{card.public_id}/charge/", body), 400)
    assert set(shown["errors"]) == {named}
    assert gateway.since(mark) == []


def test_a_customer_without_a_card_cannot_be_charged(
    owner: Caller, gateway: RecordingGateway
) -> None:
    customer = Customer.create("bill@example.com", owner=owner.user)
    path = f"customers/{customer.public_id}/charge/"
    shown = json_of(owner.post(path, {"price": "1.00"}), 400)
    text = "This customer has no card. POST one to its cards/ first."
    assert shown["errors"] == {"customer": [text]}
    assert shown["detail"] == f"customer: {text}"
    with pytest.raises(InvalidInput, match=r"Store one with customer\.add_card") as caught:
        customer.charge("1.00")
    assert caught.value.user_message == "There is no card to pay with."


def test_staff_may_charge_without_the_cardholder(
    gateway: RecordingGateway, card: CreditCard
) -> None:
    caller = Caller(user_with("staff", "charge_creditcard", is_staff=True))
    body = {"price": "1.00", "initiator": "merchant"}
    json_of(caller.post(f"cards/{card.public_id}/charge/", body), 201)
    row = Transaction.objects.get()
    assert (row.initiator, row.owner) == ("merchant", card.customer.owner)


def test_a_declined_charge_is_402_with_its_row(owner: Caller, declining: CreditCard) -> None:
    shown = json_of(owner.post(f"cards/{declining.public_id}/charge/", {"price": "5.00"}), 402)
    row = Transaction.objects.get()
    assert set(shown) == {"code", "detail", "transaction", "operation"}
    assert (shown["code"], shown["transaction"]) == ("card_declined", str(row.public_id))
    assert Operation.objects.filter(key=shown["operation"], state="declined").exists()
    listed = json_of(owner.get(f"transactions/{shown['transaction']}/"), 200)
    assert listed["status"] == "declined"


def test_a_held_charge_is_202_with_its_row(
    owner: Caller, card: CreditCard, gateway: RecordingGateway
) -> None:
    gateway.bank.hold_next()
    shown = json_of(owner.post(f"cards/{card.public_id}/charge/", {"price": "5.00"}), 202)
    assert shown["code"] == "held_for_review"
    assert shown["transaction"] == str(Transaction.objects.get().public_id)


def test_who_asked_is_kept_and_an_owner_is_not_named(
    owner: Caller, customer: Customer, staff: Callable[..., Caller]
) -> None:
    path = f"customers/{customer.public_id}/charge/"
    json_of(staff("charge_creditcard", name="anna").post(path, {"price": "5.00"}), 201)
    json_of(owner.post(path, {"price": "6.00"}), 201)
    by_staff, by_owner = Operation.objects.filter(kind="charge").order_by("pk")
    assert by_staff.made_by == "anna"
    assert (by_owner.made_by, by_owner.intent["made_by_owner"]) == ("", True)
