"""Planted numbers, CVVs and tokens are in no answer, log, row or report, whatever goes wrong."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.views.debug import ExceptionReporter
from rest_framework.exceptions import APIException
from rest_framework.request import Request

from django_dinero.api.parsers import MAX_BODY, SecretsJSONParser
from django_dinero.api.views.base import DineroViewSet
from django_dinero.exceptions import CardDeclinedError
from django_dinero.models import CreditCard, Customer, Transaction
from tests.integration.api.calling import Caller, json_of
from tests.support import sinks
from tests.support.recording import RecordingGateway, lose_reply, refuse_connection

pytestmark = [pytest.mark.once, pytest.mark.slow, pytest.mark.django_db]

NUMBER = "4012888818888"
MALFORMED = "4012888818889"
CVV = "0738"
TOKEN = "tok-5f2c7e91d0aab3"
SECRETS = [NUMBER, MALFORMED, CVV, TOKEN]
GOOD = {"number": NUMBER, "cvv": CVV, "month": "12", "year": "2060"}


@pytest.fixture
def root(gateway: RecordingGateway, admin_user: Any) -> Caller:
    """Somebody who may do everything; a server error is a page, not an exception."""
    return Caller(admin_user, raise_request_exception=False)


@pytest.fixture
def charge(customer: Customer) -> Transaction:
    """A charge of the customer's card."""
    return Transaction.create("10.00", customer=customer)


@pytest.fixture
def paths(customer: Customer, charge: Transaction) -> list[tuple[str, str]]:
    """Every method and address that reads a body."""
    held, card = f"customers/{customer.public_id}/", f"cards/{customer.cards[0].public_id}/"
    row = f"transactions/{charge.public_id}/"
    return [
        *(("POST", "customers/"), ("POST", "charges/"), ("PATCH", held), ("POST", f"{held}cards/")),
        *(("POST", f"{held}charge/"), ("PATCH", card), ("POST", f"{card}charge/")),
        *(("POST", f"{row}capture/"), ("POST", f"{row}void/"), ("POST", f"{row}refund/")),
    ]


def names_of(method: str, path: str) -> list[str]:
    """Fields to plant in: those that are, and some that are not."""
    text = ["email", "first_name", "zip", "month", "year", "is_default", "gateway_name"]
    money = ["price", "amount", "settle", "currency", "order_reference", "description"]
    return [*text, *money, "customer_ip", "initiator", "owner", "card_number", "cvc"]


@pytest.mark.parametrize("planted", [NUMBER, int(NUMBER), float(NUMBER), "4012-8888-1888-8"])
def test_a_number_in_any_field_of_any_route(
    root: Caller, paths: list[tuple[str, str]], planted: Any
) -> None:
    seen: list[str] = []
    with sinks.every_log() as logs:
        for method, path in paths:
            for name in names_of(method, path):
                response = root.send(method, path, {name: planted})
                assert response.status_code == 400, (method, path, name, response.content)
                seen.append(response.content.decode())
    assert sinks.found("\n".join(seen), SECRETS) == []
    assert sinks.found(logs.getvalue(), SECRETS) == []
    assert sinks.found(sinks.every_row(), SECRETS) == []


def bodies() -> list[str]:
    """Bodies with a number where none can be, by their text."""
    return [
        json.dumps({NUMBER: "x"}),
        json.dumps({"number": [NUMBER]}),
        json.dumps({"number": {"number": NUMBER}}),
        json.dumps([NUMBER]),
        json.dumps(NUMBER),
        NUMBER,
        f'{{"number": "{NUMBER}"',
        f'{{"number": {NUMBER}0000000000000000}}',
        f'{{"number": {NUMBER}e400}}',
        f'{{"number": "{NUMBER}", "cvv": "{CVV}", "number": "{MALFORMED}"}}',
        f"number={NUMBER}&cvv={CVV}",
        json.dumps({**GOOD, "number": MALFORMED}),
        json.dumps({**GOOD, "cvv": CVV + CVV}),
        json.dumps({**GOOD, "month": "13"}),
        json.dumps({**GOOD, "token": TOKEN}),
        json.dumps({**GOOD, "first_name": "\ud800"}),
        json.dumps({**GOOD, "first_name": "a\0b"}),
        json.dumps({**GOOD, "unknown": "x"}),
        json.dumps({**GOOD, "number": True}),
    ]


@pytest.mark.parametrize("body", bodies())
def test_bodies_that_are_refused(root: Caller, customer: Customer, body: str) -> None:
    with sinks.every_log() as logs:
        response = root.post(f"customers/{customer.public_id}/cards/", body)
    assert response.status_code == 400, response.content
    assert sinks.found(response.content.decode() + logs.getvalue(), SECRETS) == []
    assert len(customer.cards) == 1


def test_what_is_no_json_or_too_much_of_it(root: Caller, customer: Customer) -> None:
    address = f"/api/customers/{customer.public_id}/cards/"
    form: Any = root.client.post(address, {**GOOD, "token": TOKEN})
    assert json_of(form, 415)["code"] == "unsupported_media_type"
    assert json_of(form, 415)["detail"].endswith(" Send application/json, in UTF-8.")
    typed = root.client.generic("POST", address, "x", content_type=f"text/{NUMBER}")
    assert typed.status_code == 415
    large = root.send("POST", address.removeprefix("/api/"), json.dumps(GOOD).ljust(MAX_BODY + 1))
    assert json_of(large, 413)["code"] == "body_too_large"
    full = root.send("POST", address.removeprefix("/api/"), json.dumps(GOOD).ljust(MAX_BODY))
    json_of(full, 201)
    shown = b"".join(reply.content for reply in (form, typed, large)).decode()
    assert sinks.found(shown, SECRETS) == []


@pytest.mark.parametrize("body", [*bodies()[1:11], json.dumps(GOOD).ljust(MAX_BODY + 1)])
def test_the_parsers_own_frames_hold_nothing(body: str) -> None:
    stream = io.BytesIO(body.encode("utf-8", "surrogatepass"))
    failure: APIException | None = None
    read: object = None
    try:
        read = SecretsJSONParser().parse(stream)
    except APIException as error:
        failure = error
    assert sinks.found(repr(read), SECRETS) == []
    if failure is not None:
        assert sinks.found(sinks.traceback_with_locals(failure, skip=__file__), SECRETS) == []
    is_read = (f'{{"number": {NUMBER}', '{"number": {"', '{"number": ["')
    assert (failure is None) == body.startswith(is_read)


def test_no_form_and_no_description_is_offered(root: Caller, paths: list[tuple[str, str]]) -> None:
    for _method, path in paths:
        assert root.send("OPTIONS", path).status_code == 405
        headers = {"Accept": "text/html"}
        page = root.client.get(f"/api/{path}", headers=headers, secure=True)
        assert b"<form" not in page.content


def explode(call: Callable[[], Any]) -> Any:
    raise ValueError(f"bad value {NUMBER} {CVV} {TOKEN} in request")


def quote(call: Callable[[], Any]) -> Any:
    raise CardDeclinedError(f"bad values {NUMBER} {CVV} in request")


@pytest.mark.parametrize("fault", [None, explode, lose_reply, refuse_connection, quote])
def test_the_wire_breaks(
    root: Caller, customer: Customer, gateway: RecordingGateway, fault: Any
) -> None:
    seen: list[str] = []
    card = customer.cards[0]
    with sinks.every_log() as logs:
        for verb, path, body in (
            ("create_customer", "customers/", {"email": "x@example.com", **GOOD}),
            ("add_card", f"customers/{customer.public_id}/cards/", GOOD),
            ("charge", f"cards/{card.public_id}/charge/", {"price": "1.00", "cvv": CVV}),
        ):
            if fault is not None:
                gateway.faults[verb] = fault
            response = root.post(path, body)
            assert response.status_code in (201, 202, 402, 503), response.content
            seen.append(response.content.decode())
    assert sinks.found("\n".join(seen), SECRETS) == []
    # The test's own exception has the CVV and the token in its text: nobody could know them there.
    assert sinks.found(logs.getvalue(), [NUMBER, MALFORMED]) == []
    assert sinks.found(sinks.every_row() + sinks.every_repr(), [NUMBER, MALFORMED]) == []


# -- Reports of a server error ---------------------------------------------------------------------


def break_off(self: RecordingGateway, request: object) -> None:
    raise RuntimeError("broken before sending")


@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.parametrize("what", ["customer", "card", "token", "charge"])
def test_the_page_and_the_mail_of_a_server_error(
    root: Caller,
    card: CreditCard,
    monkeypatch: pytest.MonkeyPatch,
    settings: Any,
    mailoutbox: list[Any],
    debug: bool,
    what: str,
) -> None:
    settings.DEBUG = debug
    settings.ADMINS = [("Anna", "anna@example.com")]
    monkeypatch.setattr(RecordingGateway, "check_request", break_off)
    cards = f"customers/{card.customer.public_id}/cards/"
    path, body = {
        "customer": ("customers/", {"email": "x@example.com", "company": "Acme", **GOOD}),
        "card": (cards, {"company": "Acme", **GOOD}),
        "token": (cards, {"company": "Acme", "token": TOKEN}),
        "charge": (f"cards/{card.public_id}/charge/", {"price": "1.00", "cvv": CVV}),
    }[what]
    with sinks.every_log() as logs:
        response = root.post(path, body)
    assert response.status_code == 500
    report = response.content.decode() + "".join(mail.body for mail in mailoutbox)
    report += "".join(str(mail.alternatives) for mail in mailoutbox)
    if debug:
        assert "broken before sending" in report
    assert sinks.found(report + logs.getvalue(), SECRETS) == []


@pytest.mark.parametrize("body", [{**GOOD, "company": "Acme"}, {"token": TOKEN, "company": "Acme"}])
def test_what_an_error_reporter_can_read_of_the_request(
    root: Caller,
    customer: Customer,
    monkeypatch: pytest.MonkeyPatch,
    settings: Any,
    body: dict[str, str],
) -> None:
    settings.DEBUG = True
    held: list[tuple[Request, BaseException]] = []
    monkeypatch.setattr(RecordingGateway, "check_request", break_off)

    def keep(self: DineroViewSet, error: BaseException) -> None:
        held.append((self.request, error))
        raise error

    monkeypatch.setattr(DineroViewSet, "raise_uncaught_exception", keep)
    root.post(f"customers/{customer.public_id}/cards/", body)
    [(request, error)] = held
    # Error reporters send the parsed body, the locals of every frame, and what the form has.
    data = repr(request.data)
    assert "Acme" in data
    assert "[secret]" in data
    text = sinks.traceback_with_locals(error, skip=__file__)
    assert "Acme" in text
    reporter = ExceptionReporter(request._request, type(error), error, error.__traceback__)
    report = f"{data}\n{text}\n{sinks.pickled(error)}\n{request._request.POST!r}"
    # The frames of the test client hold the request as the test wrote it; theirs are not looked at.
    frames = [f for f in reporter.get_traceback_frames() if "/django_dinero/" in f["filename"]]
    assert len(frames) > 5
    assert sinks.found(report + repr([frame["vars"] for frame in frames]), SECRETS) == []
