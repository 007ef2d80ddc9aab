"""The client of the REST API: what each status and each body means."""

from __future__ import annotations

import base64
import json
from io import BytesIO
from typing import Any

import pytest
import requests
from requests.adapters import BaseAdapter

from django_dinero.enums import ReasonKind
from django_dinero.exceptions import OutcomeUnknown
from django_dinero.gateways.authorizenet import AuthorizeNetGateway
from django_dinero.gateways.authorizenet.webhooks import EVENT_TYPES
from django_dinero.gateways.types import Ack, Refusal, WebhookEndpoint

URL = "https://shop.example/payments/default/"
SHOWN = {"webhookId": "a b", "url": URL, "eventTypes": ["x"], "status": "active"}


class Scripted(BaseAdapter):
    """Answers every request the same, and keeps the last one."""

    def __init__(self, status: int, body: object) -> None:
        super().__init__()
        self.status = status
        self.body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.asked: Any = None

    def send(self, request: Any, **_: Any) -> requests.Response:  # type: ignore[override]
        self.asked = request
        response = requests.Response()
        response.status_code, response.raw = self.status, BytesIO(self.body)
        return response

    def close(self) -> None:
        pass


def made(status: int, body: object) -> tuple[AuthorizeNetGateway, Scripted]:
    """A gateway with scripted answers."""
    options = {
        "environment": "sandbox",
        "login_id": "the-login",
        "transaction_key": "the-key",
    }
    gateway, adapter = AuthorizeNetGateway("shop", options), Scripted(status, body)
    gateway.mount(adapter)
    return gateway, adapter


def test_listing() -> None:
    gateway, adapter = made(200, [SHOWN, {**SHOWN, "status": "inactive", "eventTypes": None}])
    first, second = gateway.list_webhooks()  # type: ignore[misc]
    assert first == WebhookEndpoint("a b", URL, ("x",), True)
    assert (second.event_types, second.is_active) == ((), False)
    assert adapter.asked.method == "GET"
    assert adapter.asked.url == "https://apitest.authorize.net/rest/v1/webhooks"
    scheme, _, pair = adapter.asked.headers["Authorization"].partition(" ")
    assert (scheme, base64.b64decode(pair)) == ("Basic", b"the-login:the-key")
    assert made(200, b"")[0].list_webhooks() == ()


@pytest.mark.parametrize("status", [200, 201])
def test_registering(status: int) -> None:
    gateway, adapter = made(status, SHOWN)
    assert gateway.register_webhook(URL) == WebhookEndpoint("a b", URL, ("x",), True)
    assert adapter.asked.method == "POST"
    sent = json.loads(adapter.asked.body)
    assert sent == {"url": URL, "eventTypes": list(EVENT_TYPES), "status": "active"}


@pytest.mark.parametrize(
    ("status", "answer"), [(200, Ack()), (204, Ack()), (404, Ack(already=True))]
)
def test_removing(status: int, answer: Ack) -> None:
    gateway, adapter = made(status, b"")
    assert gateway.remove_webhook("a/b c") == answer
    assert adapter.asked.method == "DELETE"
    assert adapter.asked.url.endswith("/rest/v1/webhooks/a%2Fb%20c")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, ReasonKind.GATEWAY_ERROR),
        (401, ReasonKind.AUTHENTICATION),
        (403, ReasonKind.NOT_PERMITTED),
        (409, ReasonKind.GATEWAY_ERROR),
    ],
)
@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", {"reason": "WHY", "message": "no"}])
def test_refusals(status: int, kind: ReasonKind, body: object) -> None:
    gateway, _adapter = made(status, body)
    for answer in (
        gateway.list_webhooks(),
        gateway.register_webhook(URL),
        gateway.remove_webhook("1"),
    ):
        assert isinstance(answer, Refusal)
        (reason,) = answer.reasons
        assert reason.kind is kind
        assert reason.code in ("WHY", str(status))


def test_what_is_quoted_is_masked() -> None:
    gateway, _adapter = made(400, {"message": "not 4111111111111111"})
    answer = gateway.register_webhook(URL)
    assert isinstance(answer, Refusal)
    assert "4111" not in answer.reasons[0].text


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b"oops"),
        (302, b""),
        (200, b"<html>"),
        (200, b"[" * 100_000),
        (200, {"webhookId": "1"}),
        (200, "text"),
        (200, [None]),
        (200, [{"url": URL}]),
    ],
)
def test_no_answer(status: int, body: object) -> None:
    gateway, _adapter = made(status, body)
    with pytest.raises(OutcomeUnknown) as caught:
        gateway.list_webhooks()
    assert "the-key" not in str(caught.value)


def test_a_registration_without_an_answer() -> None:
    with pytest.raises(OutcomeUnknown):
        made(200, b"")[0].register_webhook(URL)
