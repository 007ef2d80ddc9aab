"""One answer names every wrong field, whoever finds it: the API's reader or the service."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from django_dinero.models import CreditCard, Customer, Transaction
from tests.integration.api.calling import CARD, Caller, json_of
from tests.support.recording import RecordingGateway

pytestmark = pytest.mark.django_db

LONG = "x" * 300
#: Of each kind: what the reader refuses, what the service refuses, and a name that is unknown.
CUSTOMER = {"email": "bill", "first_name": LONG, "city": True, "colour": "red"}
WRONG_CARD = {"number": "4111111111111112", "month": 13, "year": 1999, "zip": 1.5, "cvv": "1"}
CHARGE = {
    **{"price": "abc", "currency": "EURO", "settle": "maybe", "customer_ip": "nowhere"},
    **{"order_reference": LONG, "pays_order": "x", "description": True, "colour": "red"},
}


def wrong(reply: Any) -> set[str]:
    """The fields that a 400 names, each with one text."""
    body = json_of(reply, 400)
    assert body["code"] in ("invalid_input", "invalid_expiry", "invalid_amount")
    assert all(len(texts) == 1 for texts in body["errors"].values())
    return set(body["errors"])


def test_of_a_new_customer(owner: Caller, gateway: RecordingGateway) -> None:
    body = {**CUSTOMER, **WRONG_CARD}
    assert wrong(owner.post("customers/", body)) == set(body)
    assert gateway.verbs == []
    assert not Customer.objects.exists()


def test_of_a_changed_customer(
    owner: Caller, customer: Customer, gateway: RecordingGateway
) -> None:
    mark, path = gateway.mark, f"customers/{customer.public_id}/"
    assert wrong(owner.patch(path, {"first_name": LONG, "email": ""})) == {"first_name", "email"}
    body = {"first_name": LONG, "last_name": False, "city": "Rome"}
    assert wrong(owner.patch(path, body)) == set(body)
    assert gateway.since(mark) == []
    customer.refresh_from_db()
    assert customer.first_name == "Bill"


def test_of_a_card(owner: Caller, card: CreditCard, gateway: RecordingGateway) -> None:
    mark, added = gateway.mark, f"customers/{card.customer.public_id}/cards/"
    body = {**WRONG_CARD, "is_default": "perhaps", "colour": "red"}
    assert wrong(owner.post(added, body)) == set(body)
    assert wrong(owner.post(added, {**CARD, "month": 13, "year": 1999})) == {"month", "year"}
    changes = {"month": 13, "year": 1999, "city": LONG, "is_default": "perhaps", "colour": "red"}
    assert wrong(owner.patch(f"cards/{card.public_id}/", changes)) == set(changes)
    assert gateway.since(mark) == []
    assert CreditCard.objects.count() == 1


@pytest.mark.parametrize("named", ["card", "customer"])
def test_of_a_charge(
    staff: Callable[..., Caller], card: CreditCard, gateway: RecordingGateway, named: str
) -> None:
    mark = gateway.mark
    row = card if named == "card" else card.customer
    body = {**CHARGE, "initiator": "x", "cvv": "1"}
    path = f"{named}s/{row.public_id}/charge/"
    assert wrong(staff("charge_creditcard").post(path, body)) == set(body)
    assert gateway.since(mark) == []


def test_of_a_charge_of_a_token(staff: Callable[..., Caller], gateway: RecordingGateway) -> None:
    caller = staff("charge_creditcard")
    body = {**CHARGE, "initiator": "x", "email": "bill", "token": 1.5}
    assert wrong(caller.post("charges/", body)) == set(body), "no card is missing"
    typed = {"price": 1.5, "city": "a\u0000b", **WRONG_CARD}
    assert wrong(caller.post("charges/", typed)) == set(typed)
    assert wrong(caller.post("charges/", {"settle": "x"})) == {"settle", "price", "token"}
    assert gateway.verbs == []


@pytest.mark.parametrize("verb", ["capture", "refund"])
def test_of_what_follows_a_charge(
    staff: Callable[..., Caller],
    authorization: Transaction,
    gateway: RecordingGateway,
    verb: str,
) -> None:
    caller = staff(f"{verb}_transaction")
    mark, path = gateway.mark, f"transactions/{authorization.public_id}/{verb}/"
    assert wrong(caller.post(path, {"amount": "abc", "description": LONG})) == {
        "amount",
        "description",
    }
    body = {"amount": 1.5, "description": LONG, "colour": "red"}
    assert wrong(caller.post(path, body)) == set(body)
    assert gateway.since(mark) == []
