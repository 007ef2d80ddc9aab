"""Changes to the vault that did not get through: what is here all the same, and how it is told."""

from __future__ import annotations

from typing import Any

import pytest

from django_dinero.enums import ReasonKind
from django_dinero.gateways.types import Reason, Refusal
from django_dinero.models import CreditCard, Customer, Operation
from tests.integration.api.calling import CARD, OTHER_NUMBER, Caller, json_of
from tests.support.aging import grow_old
from tests.support.recording import RecordingGateway, answer, lose_reply, refuse_connection

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("fault", "status"), [(refuse_connection, 503), (lose_reply, 202)])
def test_a_customer_whose_creation_did_not_get_through_is_named(
    owner: Caller, gateway: RecordingGateway, fault: Any, status: int
) -> None:
    gateway.faults["create_customer"] = fault
    response = owner.post("customers/", {"email": "bill@example.com"})
    shown = json_of(response, status)
    assert shown["existing"] == str(Customer.objects.get().public_id)
    assert response.has_header("Retry-After") is (status == 503)
    # The next change pushes it, or finds what the lost reply has made: there is one at the gateway.
    path = f"customers/{shown['existing']}/"
    pushed = json_of(owner.patch(path, {"email": "bill@example.com", "last_name": "Smith"}), 200)
    [stored] = gateway.bank.customers()
    assert (stored.id, stored.email) == (pushed["customer_id"], "bill@example.com")


def test_a_customer_whose_first_card_is_refused_is_not_here(
    owner: Caller, gateway: RecordingGateway
) -> None:
    body = {"email": "bill@example.com", **CARD, "cvv": "901"}  # which the test bank refuses
    shown = json_of(owner.post("customers/", body), 402)
    assert (shown["code"], "existing" in shown) == ("card_declined", False)
    assert not Customer.objects.exists()


def test_a_lost_reply_to_a_new_card_speaks_of_no_key(
    owner: Caller, customer: Customer, gateway: RecordingGateway
) -> None:
    gateway.faults["add_card"] = lose_reply
    body = {**CARD, "number": OTHER_NUMBER}
    shown = json_of(owner.post(f"customers/{customer.public_id}/cards/", body), 202)
    assert shown["code"] == "outcome_unknown"
    assert Operation.objects.get(key=shown["operation"]).state == "unknown"
    assert "Look at what is stored" in shown["detail"]
    assert "Idempotency-Key" not in shown["detail"]


@pytest.mark.parametrize("fault", [lose_reply, refuse_connection])
@pytest.mark.parametrize("what", ["card", "customer"])
def test_a_delete_that_the_gateway_has_not_confirmed(
    owner: Caller, card: CreditCard, gateway: RecordingGateway, fault: Any, what: str
) -> None:
    row: Any = card if what == "card" else card.customer
    gateway.faults[f"delete_{what}"] = fault
    response = owner.delete(f"{what}s/{row.public_id}/")
    shown = json_of(response, 202)
    assert "deleted here" in shown["detail"]
    assert not response.has_header("Retry-After")
    json_of(owner.delete(f"{what}s/{row.public_id}/"), 404)
    assert Operation.objects.filter(kind=f"delete_{what}", state__in=("new", "unknown")).exists()


def test_a_delete_that_the_gateway_refuses_is_told(
    owner: Caller, card: CreditCard, gateway: RecordingGateway
) -> None:
    refusal = Refusal((Reason(ReasonKind.AUTHENTICATION, "E00007", "who are you"),))
    gateway.faults["delete_card"] = answer(refusal)
    shown = json_of(owner.delete(f"cards/{card.public_id}/"), 502)
    assert shown["code"] == "gateway_error"
    assert "who are you" not in str(shown)


def test_a_change_that_was_not_sent_is_pushed_by_the_next(
    owner: Caller, card: CreditCard, gateway: RecordingGateway
) -> None:
    gateway.faults["update_card"] = refuse_connection
    path = f"cards/{card.public_id}/"
    assert json_of(owner.patch(path, {"zip": "11111"}), 503)["code"] == "not_sent"
    shown = json_of(owner.get(path), 200)
    assert (shown["zip"], shown["sync_state"]) == ("11111", "error")
    pushed = json_of(owner.patch(path, {"zip": "11111"}), 200)
    assert pushed["sync_state"] == "synced"
    assert gateway.bank.card(card.customer_id, card.card_id).billing["zip"] == "11111"


def test_a_change_whose_reply_was_lost_waits_for_its_outcome(
    owner: Caller, card: CreditCard, gateway: RecordingGateway
) -> None:
    gateway.faults["update_card"] = lose_reply
    path = f"cards/{card.public_id}/"
    first = json_of(owner.patch(path, {"zip": "11111"}), 202)
    again = json_of(owner.patch(path, {"zip": "22222"}), 202)
    assert first["operation"] == again["operation"]
    shown = json_of(owner.get(path), 200)
    assert (shown["zip"], shown["sync_state"]) == ("22222", "error")
    assert gateway.verbs.count("update_card") == 1


def test_a_change_of_what_the_gateway_lost(
    owner: Caller, card: CreditCard, gateway: RecordingGateway
) -> None:
    gateway.bank.delete_card(card.customer_id, card.card_id)
    grow_old()
    path = f"cards/{card.public_id}/"
    assert json_of(owner.patch(path, {"zip": "11111"}), 409)["code"] == "card_not_found"
    assert json_of(owner.get(path), 200)["sync_state"] == "missing"
    charge = owner.post(f"{path}charge/", {"price": "1.00"})
    assert set(json_of(charge, 400)["errors"]) == {"card"}


@pytest.mark.parametrize("email", ["", "nobody", "a" * 300 + "@example.com"])
def test_an_address_that_is_none_is_refused(
    owner: Caller, customer: Customer, gateway: RecordingGateway, email: str
) -> None:
    mark = gateway.mark
    path = f"customers/{customer.public_id}/"
    assert set(json_of(owner.patch(path, {"email": email}), 400)["errors"]) == {"email"}
    assert gateway.since(mark) == []
    customer.refresh_from_db()
    assert customer.email == "bill@example.com"
