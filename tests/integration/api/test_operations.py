"""/operations/{key}/: how a request ended whose answer was lost."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from django_dinero.models import CreditCard, Customer, Operation, Transaction
from tests.integration.api.calling import CARD, OTHER_NUMBER, Caller, json_of, user_with
from tests.support.recording import RecordingGateway, lose_reply, lose_request

pytestmark = pytest.mark.django_db

FIELDS = {"id", "live", "kind", "state", "transaction", "customer", "created_at", "updated_at"}


def address_of(response: Any) -> str:
    """The address that an answer names, below ``/api/``."""
    return str(response["Location"]).removeprefix("https://testserver/api/")


def test_a_lost_charge_is_found_at_its_address(
    owner: Caller, card: CreditCard, gateway: RecordingGateway
) -> None:
    gateway.faults["charge"] = lose_reply
    lost = owner.post(f"cards/{card.public_id}/charge/", {"price": "1.00"})
    assert address_of(lost) == f"operations/{json_of(lost, 202)['operation']}/"
    assert not Transaction.objects.exists()
    shown = json_of(owner.get(address_of(lost)), 200)
    assert set(shown) == FIELDS
    row = Transaction.objects.get()
    assert (shown["kind"], shown["state"]) == ("charge", "succeeded")
    assert (shown["transaction"], shown["customer"]) == (str(row.public_id), None)
    asked = gateway.mark
    again = owner.get(address_of(lost))
    assert json_of(again, 200) == shown
    assert not again.has_header("Retry-After")
    assert gateway.since(asked) == []
    assert gateway.verbs.count("charge") == 1


def test_whose_it_is_takes_no_second_look(
    owner: Caller, card: CreditCard, gateway: RecordingGateway
) -> None:
    gateway.faults["charge"] = lose_reply
    lost = owner.post(f"cards/{card.public_id}/charge/", {"price": "1.00"})
    owner.get(address_of(lost))
    with CaptureQueriesContext(connection) as queries:
        json_of(owner.get(address_of(lost)), 200)
    asked = [query["sql"].replace("`", '"') for query in queries]
    assert len([sql for sql in asked if 'FROM "dinero_operation"' in sql]) == 1


def test_a_request_that_never_arrived_stays_unknown(
    owner: Caller, card: CreditCard, gateway: RecordingGateway
) -> None:
    gateway.faults["charge"] = lose_request
    lost = owner.post(f"cards/{card.public_id}/charge/", {"price": "1.00"})
    response = owner.get(address_of(lost))
    assert response["Retry-After"] == "5"
    shown = json_of(response, 200)
    assert (shown["state"], shown["transaction"]) == ("unknown", None)
    assert gateway.verbs.count("charge") == 1


def test_a_held_charge_has_an_address_too(
    owner: Caller, card: CreditCard, gateway: RecordingGateway
) -> None:
    gateway.bank.hold_next()
    held = owner.post(f"cards/{card.public_id}/charge/", {"price": "1.00"})
    shown = json_of(owner.get(address_of(held)), 200)
    assert shown["state"] == "held"
    assert shown["transaction"] == json_of(held, 202)["transaction"]


def test_a_lost_customer_is_found_at_its_address(owner: Caller, gateway: RecordingGateway) -> None:
    gateway.faults["create_customer"] = lose_reply
    lost = owner.post("customers/", {"email": "bill@example.com", **CARD})
    json_of(lost, 202)
    shown = json_of(owner.get(address_of(lost)), 200)
    assert (shown["state"], shown["transaction"]) == ("succeeded", None)
    assert shown["customer"] == str(Customer.objects.get().public_id)


def test_a_lost_card_is_found_at_its_address(
    owner: Caller, customer: Customer, gateway: RecordingGateway
) -> None:
    gateway.faults["add_card"] = lose_reply
    body = {**CARD, "number": OTHER_NUMBER}
    lost = owner.post(f"customers/{customer.public_id}/cards/", body)
    json_of(lost, 202)
    assert json_of(owner.get(address_of(lost)), 200)["state"] == "succeeded"
    assert len(customer.cards) == 2


def test_whoever_asked_for_it_sees_it_and_so_does_the_owner(
    owner: Caller, card: CreditCard, gateway: RecordingGateway
) -> None:
    clerk = Caller(user_with("clerk", "charge_creditcard", is_staff=True))
    card.customer.owner = None
    card.customer.save()
    json_of(clerk.post(f"cards/{card.public_id}/charge/", {"price": "1.00"}), 201)
    path = f"operations/{Operation.objects.get(kind='charge').key}/"
    json_of(clerk.get(path), 200)
    json_of(owner.get(path), 404)
    card.customer.owner = owner.user
    card.customer.save()
    json_of(owner.get(path), 200)


def test_there_is_no_list(owner: Caller) -> None:
    assert owner.get("operations/").status_code == 404
    assert "operations" not in json_of(owner.get(""), 200)


def test_staff_see_who_asked_and_shoppers_do_not(
    owner: Caller, card: CreditCard, gateway: RecordingGateway
) -> None:
    clerk = Caller(user_with("clerk", "view_operation", is_staff=True))
    card.charge("1.00", by="nightly dunning")
    path = f"operations/{Operation.objects.get(kind='charge').key}/"
    shown = json_of(clerk.get(path), 200)
    assert set(shown) == FIELDS | {"made_by"}
    assert shown["made_by"] == "nightly dunning"
    assert set(json_of(owner.get(path), 200)) == FIELDS


def test_a_key_that_no_operation_has(owner: Caller) -> None:
    shown = json_of(owner.get(f"operations/{'A' * 20}/"), 404)
    assert shown == {"code": "not_found", "detail": "There is no such operation."}
