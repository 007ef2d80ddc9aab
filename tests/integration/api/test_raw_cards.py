"""Card numbers and CVVs are taken by a setting and over https; otherwise nothing is sent."""

from __future__ import annotations

from typing import Any

import pytest

from django_dinero.api import raw_cards
from django_dinero.gateways.registry import get_gateway
from django_dinero.models import CreditCard, Customer, Operation
from tests.integration.api.calling import CARD, OTHER_NUMBER, Caller, json_of
from tests.integration.api.planted import CVV, NUMBER, leaks
from tests.support import sinks
from tests.support.recording import RecordingGateway

pytestmark = pytest.mark.django_db

RAW = {"number": NUMBER, "cvv": CVV, "month": 12, "year": 2060}


@pytest.fixture
def routes(customer: Customer, card: CreditCard) -> list[tuple[str, dict[str, Any]]]:
    """Each route that may have a number or CVV, with a body that is good but for these."""
    held, own = f"customers/{customer.public_id}/", f"cards/{card.public_id}/"
    return [
        ("customers/", {"email": "x@example.com", **RAW}),
        (f"{held}cards/", RAW),
        (f"{held}charge/", {"price": "1.00", "cvv": CVV}),
        (f"{own}charge/", {"price": "1.00", "cvv": CVV}),
        (f"{own}validate/", {"cvv": CVV}),
        ("charges/", {"price": "1.00", **RAW}),
    ]


@pytest.fixture
def tokens_only(settings: Any, card: CreditCard) -> None:
    """The default. The gateway stays: its class is the same, and so is its bank."""
    patched = {**settings.DINERO}
    del patched["API_ACCEPTS_RAW_CARDS"]
    settings.DINERO = patched


def test_without_the_setting_they_are_refused(
    routes: list[tuple[str, dict[str, Any]]], tokens_only: None, owner: Caller
) -> None:
    seen = []
    operations = Operation.objects.count()
    with sinks.every_log() as logs:
        for path, body in routes:
            response = owner.post(path, body)
            shown = json_of(response, 400)
            assert set(shown["errors"]) == {"number", "cvv"} & set(body), path
            for texts in shown["errors"].values():
                assert texts == [
                    "This API takes no card numbers and no CVVs. Send a token from the gateway's "
                    'form in the browser, or set DINERO["API_ACCEPTS_RAW_CARDS"].'
                ]
            seen.append(response.content.decode())
    assert Operation.objects.count() == operations
    assert leaks("".join(seen) + logs.getvalue()) == []


def test_a_token_is_taken_without_the_setting(
    tokens_only: None, owner: Caller, customer: Customer
) -> None:
    bank: Any = get_gateway()
    stored = Customer.create("bill@example.com", owner=owner.user)
    token = bank.bank.mint_token(OTHER_NUMBER, month=12, year=2060)
    json_of(owner.post(f"customers/{stored.public_id}/cards/", {"token": token}), 201)


def test_over_http_they_are_refused(
    routes: list[tuple[str, dict[str, Any]]], owner: Caller, gateway: RecordingGateway
) -> None:
    mark = gateway.mark
    for path, body in routes:
        response: Any = owner.client.post(
            f"/api/{path}", body, content_type="application/json", headers={"Idempotency-Key": path}
        )
        shown = json_of(response, 400)
        for texts in shown["errors"].values():
            assert texts == ["Card numbers and CVVs are taken over https only."]
    assert gateway.since(mark) == []


def test_over_https_they_are_taken(
    routes: list[tuple[str, dict[str, Any]]], owner: Caller, gateway: RecordingGateway
) -> None:
    for path, body in routes:
        good = {**body, **({"number": OTHER_NUMBER, "cvv": "900"} if "number" in body else {})}
        if "number" not in body:
            good["cvv"] = "900"
        response = owner.post(path, good)
        assert response.status_code in (200, 201), (path, response.content)


@pytest.mark.parametrize(
    ("debug", "host", "address", "taken"),
    [
        (True, "127.0.0.1:8000", "127.0.0.1", True),
        (True, "localhost:8000", "::1", True),
        (True, "[::1]:8000", "127.0.0.1", True),
        (True, "shop.localhost", "127.0.0.1", True),
        (False, "127.0.0.1:8000", "127.0.0.1", False),
        (True, "shop.example", "127.0.0.1", False),
        (True, "127.0.0.1.shop.example", "127.0.0.1", False),
        (True, "127.0.0.1:8000", "192.0.2.7", False),
        (True, "127.0.0.1:8000", "", False),
    ],
)
def test_a_developer_tries_it_out_on_one_machine(
    rf: Any, settings: Any, debug: bool, host: str, address: str, taken: bool
) -> None:
    settings.DEBUG = debug
    settings.ALLOWED_HOSTS = ["*"]
    request = rf.post("/", headers={"Host": host}, REMOTE_ADDR=address)
    assert (raw_cards.problem_with(request) == "") == taken


def test_a_proxys_word_counts_as_the_project_says(rf: Any, settings: Any) -> None:
    request = rf.post("/", headers={"X-Forwarded-Proto": "https"})
    assert raw_cards.problem_with(request)
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    assert not raw_cards.problem_with(request)


def test_card_fields_of_a_stored_card_are_no_raw_card(
    tokens_only: None, owner: Caller, card: CreditCard
) -> None:
    assert json_of(owner.patch(f"cards/{card.public_id}/", {"zip": CARD["zip"]}), 200)
