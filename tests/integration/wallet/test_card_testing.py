"""Who tries stolen numbers is stopped before the gateway is asked."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.cache import caches
from django.test import Client

from django_dinero.identifiers import new_key
from django_dinero.models import CreditCard
from django_dinero.wallet.wallet import Wallet
from tests.integration.wallet.conftest import ACTION_NUMBER, FORM, add, attempt_in, mint, pay_form
from tests.support.recording import RecordingGateway, lose_request

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def rates(settings: Any) -> None:
    rates = {"dinero-store": "3/hour", "dinero-charge": "3/hour", "dinero-declines": "2/hour"}
    settings.REST_FRAMEWORK = {"DEFAULT_THROTTLE_RATES": rates}


def save(client: Client, gateway: RecordingGateway, number: str, zip_code: str = "12345") -> Any:
    posted = {**FORM, "key": new_key(), "zip": zip_code, "token": mint(gateway, number)}
    return client.post("/cards/", posted)


GOOD = ("4111111111111111", "5424000000000015", "6011000000000012", "4007000000027")


def test_too_many_cards(client: Client, gateway: RecordingGateway) -> None:
    assert [save(client, gateway, number).status_code for number in GOOD[:3]] == [302] * 3
    mark = gateway.mark
    answer = save(client, gateway, GOOD[3])
    assert answer.status_code == 429
    assert 0 < int(answer["Retry-After"]) <= 4500
    assert "There were too many attempts." in answer.content.decode()
    assert gateway.since(mark) == []
    assert CreditCard.objects.count() == 3


def test_too_many_declines_stop_payments_too(
    client: Client, wallet: Wallet, gateway: RecordingGateway
) -> None:
    card = add(wallet, gateway, "370000000000002")
    for number in GOOD[:2]:
        assert save(client, gateway, number, "46282").status_code == 402
    mark = gateway.mark
    assert save(client, gateway, GOOD[2]).status_code == 429
    answer = client.post("/pay/A-1/", pay_form(card))
    assert answer.status_code == 429
    assert gateway.since(mark) == []


def test_a_repetition_counts_for_nothing(
    client: Client, wallet: Wallet, gateway: RecordingGateway
) -> None:
    card = add(wallet, gateway)
    posted = pay_form(card)
    assert [client.post("/pay/A-1/", posted).status_code for _again in range(6)] == [302] * 6
    assert gateway.verbs.count("charge") == 1


def test_a_repetition_counts_for_nothing_while_nobody_knows(
    client: Client, wallet: Wallet, gateway: RecordingGateway
) -> None:
    card = add(wallet, gateway)
    gateway.faults["charge"] = lose_request
    posted = pay_form(card)
    answers = [client.post("/pay/A-1/", posted).status_code for _again in range(6)]
    assert 429 not in answers
    assert gateway.verbs.count("charge") == 1


def test_attempts_with_a_card_of_somebody_else_do_not_count_against_it(
    client: Client,
    wallet: Wallet,
    gateway: RecordingGateway,
    settings: Any,
    django_user_model: Any,
) -> None:
    rates = {"dinero-charge": "9/hour", "dinero-card": "2/hour"}
    settings.REST_FRAMEWORK = {"DEFAULT_THROTTLE_RATES": rates}
    card = add(wallet, gateway)
    posted = pay_form(card)
    other = Client()
    other.force_login(django_user_model.objects.create_user("eve", "eve@example.com"))
    answers = [other.post("/pay/A-1/", posted).status_code for _again in range(4)]
    assert answers == [402] * 4
    assert client.post("/pay/A-1/", posted).status_code == 302


def test_a_page_that_waits_asks_the_gateway_at_a_rate(
    client: Client, wallet: Wallet, gateway: RecordingGateway, settings: Any
) -> None:
    settings.REST_FRAMEWORK = {"DEFAULT_THROTTLE_RATES": {"dinero-operation": "2/hour"}}
    card = add(wallet, gateway, ACTION_NUMBER)
    client.post("/pay/A-1/", pay_form(card))
    mark = gateway.mark
    pages = [client.get("/pay/A-1/").content.decode() for _again in range(2)]
    asked = gateway.since(mark)
    assert len(asked) == 2
    assert "http://127.0.0.1" in pages[1]
    for _again in range(3):
        page = client.get("/pay/A-1/")
        assert page.status_code == 200
        assert attempt_in(page.content.decode()) == 2  # in its place
    assert gateway.since(mark) == asked


def test_a_cache_that_fails_stops_nobody(
    client: Client, gateway: RecordingGateway, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*args: Any, **kwargs: Any) -> Any:
        raise ConnectionError("no cache")

    with pytest.MonkeyPatch.context() as patch:
        for name in ("get", "get_many", "incr", "add", "set"):
            patch.setattr(type(caches["default"]), name, fail)
        assert save(client, gateway, GOOD[0], "46282").status_code == 402
        assert save(client, gateway, GOOD[0]).status_code == 302
    assert "The cache failed (ConnectionError)" in caplog.text
