"""The REST API beside the XML one: endpoints, credentials, and what strangers send."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.dialects.authorizenet.dialect import AuthorizeNetDialect
from django_dinero.sandbox.dialects.authorizenet.rest import PATH
from django_dinero.sandbox.http.exchange import Request

GOOD = "Basic " + base64.b64encode(b"sandbox-login:sandbox-key").decode()
URL = "https://shop.example/hook"
EVENTS = ["net.authorize.payment.void.created", "net.authorize.customer.deleted"]


class Rest:
    """Sends requests to the dialect."""

    def __init__(self, bank: Bank) -> None:
        self.dialect = AuthorizeNetDialect(bank)

    def __call__(
        self, method: str, path: str = "", values: object = None, login: str = GOOD
    ) -> tuple[int, Any]:
        body = values if isinstance(values, bytes) else json.dumps(values).encode()
        request = Request(method, PATH + path, {"authorization": login}, body)
        assert self.dialect.route.serves(request.path)
        assert self.dialect.operation_of(request) == f"{method} webhooks"
        response = self.dialect.answer(request)
        return response.status, json.loads(response.body) if response.body else None


@pytest.fixture
def rest(bank: Bank) -> Rest:
    return Rest(bank)


def test_an_endpoint_comes_and_goes(bank: Bank, rest: Rest) -> None:
    assert rest("GET") == (200, [])
    status, made = rest("POST", values={"url": URL, "eventTypes": EVENTS, "status": "active"})
    assert status == 200
    assert (made["url"], made["status"], made["eventTypes"]) == (URL, "active", sorted(EVENTS))
    assert rest("GET") == (200, [made])
    path = "/" + made["webhookId"]
    assert rest("GET", path) == (200, made)
    assert bank.endpoints()[0].wants(EVENTS[0])
    assert not bank.endpoints()[0].wants("net.authorize.customer.created")
    assert rest("DELETE", path) == (200, None)
    assert rest("GET", path)[0] == rest("DELETE", path)[0] == 404
    assert bank.endpoints() == ()


@pytest.mark.parametrize(
    "login",
    ["", "Basic", "Basic !", "Basic \xe9", "Bearer x", GOOD[:-4], GOOD.replace("Basic", "Digest")],
)
def test_other_credentials(bank: Bank, rest: Rest, login: str) -> None:
    for method in ("GET", "POST", "DELETE"):
        status, told = rest(method, values={"url": URL, "eventTypes": EVENTS}, login=login)
        assert (status, told["reason"]) == (401, "UNAUTHORIZED")
    assert bank.endpoints() == ()


@pytest.mark.parametrize(
    "values",
    [
        None,
        [],
        b"{",
        b"[" * 100_000,
        b"\xff",
        {},
        {"url": URL},
        {"url": URL, "eventTypes": []},
        {"url": URL, "eventTypes": "all"},
        {"url": URL, "eventTypes": ["net.authorize.nothing"]},
        {"url": 5, "eventTypes": EVENTS},
        {"url": "ftp://shop.example", "eventTypes": EVENTS},
        {"url": "https://[", "eventTypes": EVENTS},
        {"url": "https://shop.example:99999/", "eventTypes": EVENTS},
    ],
)
def test_bad_input(bank: Bank, rest: Rest, values: object) -> None:
    status, told = rest("POST", values=values)
    assert (status, told["reason"]) == (400, "INCORRECT_DATA")
    assert bank.endpoints() == ()


def test_what_cannot_be_done(bank: Bank, rest: Rest) -> None:
    endpoint = bank.add_endpoint(URL)
    assert rest("POST", f"/{endpoint.id}", {})[0] == 400
    assert rest("GET", "/a/b/../c")[0] == 404
    request = Request("GET", PATH, {"authorization": GOOD})
    assert rest.dialect.not_found(request).status == 404


def test_an_endpoint_outlives_the_process(tmp_path: Any) -> None:
    store = tmp_path / "bank.sqlite3"
    bank = Bank(store)
    made = bank.add_endpoint(URL, tuple(EVENTS))
    bank.close()
    again = Bank(store)
    assert again.endpoints() == (made,)
    again.close()
