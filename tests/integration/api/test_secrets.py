"""Secrets in bodies and headers that no route reads: shown in no answer, log line, row or report.

Those in fields that are read are in test_no_echo.py.
"""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from django.http import HttpResponse
from django.urls import resolve

from django_dinero.api.urls import urlpatterns
from django_dinero.api.views.base import DineroViewSet
from django_dinero.models import CreditCard, Customer, Transaction
from django_dinero.models.difference import DifferenceKind
from django_dinero.services.reconcile import differences
from django_dinero.services.reconcile.differences import Found
from tests.integration.api.calling import Caller, json_of, user_with
from tests.integration.api.planted import CVV, NUMBER, TOKEN, leaks
from tests.support import sinks
from tests.support.recording import RecordingGateway
from tests.support.webhooks import notice, receive

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

PLANTED = {"number": NUMBER, "cvv": CVV, "month": "12", "year": "2060"}

#: Each route with a body.
BODIES = (
    ("POST", "customers/"),
    ("PATCH", "customers/{customer}/"),
    ("POST", "customers/{customer}/cards/"),
    ("POST", "customers/{customer}/charge/"),
    ("POST", "charges/"),
    ("PATCH", "cards/{card}/"),
    ("POST", "cards/{card}/charge/"),
    ("POST", "transactions/{row}/capture/"),
    ("POST", "transactions/{row}/void/"),
    ("POST", "transactions/{row}/refund/"),
    ("POST", "transactions/{row}/approve/"),
    ("POST", "transactions/{row}/decline/"),
    ("POST", "transactions/{row}/refresh/"),
    ("POST", "cards/{card}/default/"),
    ("POST", "cards/{card}/validate/"),
    ("POST", "differences/{difference}/close/"),
    ("POST", "webhook-events/{event}/replay/"),
)

each_route = pytest.mark.parametrize(
    ("method", "route"), BODIES, ids=[f"{method} {route}" for method, route in BODIES]
)


@pytest.fixture
def root(db: None) -> Caller:
    """Somebody whom no permission stops."""
    user = user_with("root", is_staff=True, is_superuser=True)
    return Caller(user, raise_request_exception=False)


@pytest.fixture
def watched(root: Caller) -> Iterator[list[HttpResponse]]:
    """Replies are put in here; at the end they, all logs and all rows are searched."""
    replies: list[HttpResponse] = []
    with sinks.every_log() as logs:
        yield replies
    assert replies
    shown = "\n".join(str(dict(reply.items())) + reply.content.decode() for reply in replies)
    assert leaks(shown) == []
    assert leaks(logs.getvalue()) == []
    assert leaks(sinks.every_row()) == []
    assert leaks(sinks.every_repr()) == []


@pytest.fixture
def ids(gateway: RecordingGateway, card: CreditCard, authorization: Transaction) -> dict[str, str]:
    """The ids for the routes."""
    found = Found(kind=DifferenceKind.STATUS, subject="1", text="found")
    event = receive(gateway, notice("transaction", authorization.transaction_id or ""))
    assert event is not None
    return {
        "customer": str(card.customer.public_id),
        "card": str(card.public_id),
        "row": str(authorization.public_id),
        "difference": str(differences.record(gateway, found).pk),
        "event": str(event.pk),
    }


# -- Controls --------------------------------------------------------------------------------------


def test_the_search_would_find_them(customer: Customer) -> None:
    for text in (f"x{NUMBER}x", f"{CVV} {TOKEN}", "4012 8888 8888 1881", "4012-8888-8888-1881"):
        assert leaks(text)
    Customer.objects.update_without_push(sync_error=NUMBER)
    assert leaks(sinks.every_row()) == [NUMBER]
    assert leaks(sinks.every_repr()) == [NUMBER]
    with sinks.every_log() as logs:
        logging.getLogger("anything").debug("sent %s", CVV)
    assert leaks(logs.getvalue()) == [CVV]


def test_every_route_with_a_body_is_in_the_table() -> None:
    patterns: list[Any] = list(urlpatterns)
    served = {
        (method, pattern.name)
        for pattern in patterns
        for method in ("POST", "PATCH", "PUT")
        if method.lower() in getattr(pattern.callback, "actions", {})
    }
    ids = dict.fromkeys(("customer", "card", "row"), str(uuid.uuid4()))
    ids |= dict.fromkeys(("difference", "event"), "1")
    listed = {(method, resolve(f"/api/{route.format(**ids)}").url_name) for method, route in BODIES}
    assert listed == served


# -- Where they do not -----------------------------------------------------------------------------


def odd_bodies() -> dict[str, Any]:
    """Bodies that no route reads, with a number in each."""
    quoted = json.dumps(PLANTED)
    return {
        "unknown field": {"card_number": NUMBER, "code": CVV},
        "name of a field": {NUMBER: "1", CVV: "1", f" {NUMBER}": "1"},
        "nested": {"card": PLANTED},
        "list in a field": {"number": [NUMBER, CVV]},
        "list": [PLANTED],
        "text": f'"{NUMBER}"',
        "number": NUMBER,
        "cut off": quoted[:-1],
        "garbage after it": quoted + "}",
        "single quotes": quoted.replace('"', "'"),
        "NaN": quoted[:-1] + ', "zip": NaN}',
        "deep": '{"number": ' + "[" * 9000 + f'"{NUMBER}"' + "]" * 9000 + "}",
        "no UTF-8": quoted.encode() + b"\xff",
        "lone surrogate": quoted[:-1] + ', "zip": "\\ud800' + NUMBER + '"}',
    }


@each_route
def test_bodies_that_nobody_reads(
    root: Caller,
    ids: dict[str, str],
    gateway: RecordingGateway,
    watched: list[HttpResponse],
    method: str,
    route: str,
) -> None:
    mark = gateway.mark
    for name, body in odd_bodies().items():
        watched.append(root.send(method, route.format(**ids), body))
        assert watched[-1].status_code == 400, (name, watched[-1].content)
    assert gateway.since(mark) == []


def test_in_the_address_and_in_headers(
    root: Caller, card: CreditCard, watched: list[HttpResponse]
) -> None:
    for path in (
        f"cards/?number={NUMBER}",
        f"cards/?{NUMBER}=1",
        f"cards/?{CVV}=1",
        f"cards/?page_size={NUMBER}",
    ):
        watched.append(root.get(path))
        assert watched[-1].status_code == 400
    path = f"cards/{card.public_id}/charge/"
    watched.append(root.post(path, {"price": "1.00"}, key=f"{NUMBER} {CVV}"))
    assert set(json_of(watched[-1], 400)["errors"]) == {"Idempotency-Key"}


# -- Reports of a server error ---------------------------------------------------------------------


def break_off(*args: Any) -> None:
    raise RuntimeError("the database is gone")


@pytest.mark.parametrize(
    ("kind", "status"), [("application/json", 500), ("application/x-www-form-urlencoded", 415)]
)
@pytest.mark.parametrize("debug", [True, False])
def test_the_report_of_an_error_before_the_body_is_read(
    root: Caller,
    ids: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    settings: Any,
    mailoutbox: list[Any],
    watched: list[HttpResponse],
    debug: bool,
    kind: str,
    status: int,
) -> None:
    settings.DEBUG = debug
    settings.ADMINS = [("Anna", "anna@example.com")]
    monkeypatch.setattr(DineroViewSet, "visible", break_off)
    path = f"/api/customers/{ids['customer']}/cards/"
    body = json.dumps(PLANTED) if status == 500 else urlencode(PLANTED)
    response: Any = root.client.post(path, body, content_type=kind)
    watched.append(response)
    # The reports show the fields of a form: none gets as far as something that can fail.
    assert response.status_code == status
    assert len(mailoutbox) == (status == 500 and not debug)
    for mail in mailoutbox:
        assert "the database is gone" in mail.body
        assert leaks(mail.body + str(mail.alternatives)) == []
