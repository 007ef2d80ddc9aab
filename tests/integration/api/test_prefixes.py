"""The API below a prefix with parameters, as of a tenant."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import include, path, re_path

from django_dinero.health import health
from django_dinero.models import CreditCard, Operation
from tests.integration.api.calling import CARD, Caller, json_of, new_key
from tests.integration.api.conftest import EVERY_OWNER_PERMISSION
from tests.support.recording import RecordingGateway, lose_reply

pytestmark = pytest.mark.django_db

API = "django_dinero.api.urls"
urlpatterns = [
    path("named/<slug:tenant>/api/", include(API, namespace="named")),
    path("given/api/", include(API, namespace="given"), {"tenant": "acme"}),
    path("like-ours/<int:id>/api/", include(API, namespace="like-ours")),
    re_path("^nameless/([a-z]+)/api/", include(API, namespace="nameless")),
    path("<slug:tenant>/payments/", include("django_dinero.webhooks.urls")),
    path("<slug:tenant>/health/", health),
]
WITH_ADDRESSES = ("/named/acme/api/", "/given/api/")
#: The card's id hides the one parameter, and Django leaves out the other beside named ones.
WITHOUT = ("/like-ours/7/api/", "/nameless/acme/api/")


@pytest.fixture(autouse=True)
def routes(settings: Any) -> None:
    settings.ROOT_URLCONF = __name__


def call(caller: Caller, method: str, address: str, body: Any = None) -> Any:
    return caller.client.generic(
        method,
        address,
        json.dumps(body or {}),
        content_type="application/json",
        headers={"Idempotency-Key": new_key()},
        secure=True,
    )


@pytest.mark.parametrize("prefix", [*WITH_ADDRESSES, "/like-ours/7/api/"])
def test_every_route_is_served(
    prefix: str, staff: Callable[..., Caller], card: CreditCard, gateway: RecordingGateway
) -> None:
    whole = ("view_customer", "add_customer", "view_creditcard", "view_transaction")
    more = ("view_operation", "view_difference", "view_webhookevent")
    someone = staff(*whole, *more, *EVERY_OWNER_PERMISSION)
    lists = json_of(call(someone, "GET", prefix), 200)
    assert set(lists) >= {"customers", "gateways", "webhook-events"}
    for address in lists.values():
        json_of(call(someone, "GET", address), 200)
    customer = {"email": "a@example.com", **CARD}
    made = json_of(call(someone, "POST", f"{prefix}customers/", customer), 201)
    token = gateway.bank.mint_token(CARD["number"], month=12, year=2060, cvv="900")
    given = {"price": "5.00", "token": token}
    paid = json_of(call(someone, "POST", f"{prefix}charges/", given), 201)
    given = {"price": "5.00"}
    [stored] = made["cards"]
    json_of(call(someone, "POST", f"{prefix}cards/{stored['id']}/charge/", given), 201)
    json_of(call(someone, "GET", f"{prefix}transactions/{paid['id']}/"), 200)
    json_of(call(someone, "POST", f"{prefix}transactions/{paid['id']}/void/"), 201)
    json_of(call(someone, "GET", f"{prefix}nothing/"), 404)


@pytest.mark.parametrize("prefix", [*WITH_ADDRESSES, *WITHOUT])
def test_an_outcome_that_is_to_come_has_its_address_there(
    prefix: str, owner: Caller, card: CreditCard, gateway: RecordingGateway
) -> None:
    """Where it can be written; where not, it is still no server error."""
    gateway.faults["charge"] = lose_reply
    response = call(owner, "POST", f"{prefix}cards/{card.public_id}/charge/", {"price": "5.00"})
    shown = json_of(response, 202)
    key = Operation.objects.get(kind="charge").key
    assert shown["operation"] == key
    expected = f"https://testserver{prefix}operations/{key}/" if prefix in WITH_ADDRESSES else None
    assert response.headers.get("Location") == expected
    json_of(call(owner, "GET", f"{prefix}operations/{key}/"), 200)


def test_a_parameter_of_the_prefix_is_none_of_a_card(
    owner: Caller, card: CreditCard, gateway: RecordingGateway
) -> None:
    gateway.faults["charge"] = lose_reply
    token = gateway.bank.mint_token(CARD["number"], month=12, year=2060, cvv="900")
    given = {"price": "5.00", "token": token}
    response = call(owner, "POST", "/like-ours/7/api/charges/", given)
    json_of(response, 202)
    assert response["Location"].startswith("https://testserver/like-ours/7/api/operations/")


def test_what_else_stands_below_such_a_prefix(gateway: RecordingGateway) -> None:
    assert Client().get("/acme/health/").json().keys() == {"status"}
    assert Client().post("/acme/payments/default/").status_code == 400
