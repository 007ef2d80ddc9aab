"""The endpoint: what it believes, what it refuses, and how little a stranger can do with it."""

from __future__ import annotations

import io
import json
import logging
import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, connections
from django.test import AsyncClient, Client, RequestFactory
from django.test.utils import CaptureQueriesContext, override_settings

from django_dinero import conf
from django_dinero.enums import ReasonKind
from django_dinero.gateways.authorizenet import webhooks as authorizenet
from django_dinero.gateways.sandbox.webhooks import sign
from django_dinero.gateways.types import Reason, Refusal, WebhookNotice
from django_dinero.models import Customer, Transaction, WebhookEvent
from django_dinero.redaction import Secret
from django_dinero.services import webhooks
from django_dinero.tasks import with_celery, with_django
from django_dinero.webhooks import refusals as counting
from django_dinero.webhooks import views
from tests.support.queues import Queued, queued
from tests.support.racing import failing_statements
from tests.support.recording import RecordingGateway
from tests.support.webhooks import address, notice, post
from tests.unit.gateways.authorizenet.test_webhooks import BODY, headers

__all__ = ["queued"]

pytestmark = pytest.mark.django_db

KEY = (
    "9A1F0C7B52E84D36A0B1C2D3E4F5061728394A5B6C7D8E9F0011223344556677"
    "8899AABBCCDDEEFF102132435465768798A9BACBDCEDFE0F1A2B3C4D5E6F7081"
)
SIGNATURE = headers()["X-ANET-Signature"]


class AuthorizeNetAlike(RecordingGateway):
    """The in-process bank, with the webhooks of Authorize.Net."""

    def parse_webhook(self, headers: Mapping[str, str], raw_body: bytes) -> WebhookNotice | Refusal:
        return authorizenet.parse(headers, raw_body, [Secret(KEY)])

    def webhook_challenge(self, query: Mapping[str, str]) -> str | None:
        return f"yes {query['challenge']}" if "challenge" in query else None


class BreaksOff(RecordingGateway):
    """Raises what no backend may."""

    def parse_webhook(self, headers: Mapping[str, str], raw_body: bytes) -> WebhookNotice | Refusal:
        raise KeyError(raw_body.decode())


class Unable(RecordingGateway):
    """Has no webhooks."""

    unsupported = {**RecordingGateway.unsupported, "parse_webhook": "it sends none"}


@pytest.fixture(autouse=True)
def nothing_told_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test begins with a log that was told nothing."""
    monkeypatch.setattr(views, "refusals", counting.Refusals())


@pytest.fixture
def endpoint(settings: Any) -> str:
    """The address of a gateway whose webhooks are Authorize.Net's."""
    use(settings, AuthorizeNetAlike)
    return address()


def use(settings: Any, backend: type[RecordingGateway]) -> None:
    entry = {"BACKEND": f"{__name__}.{backend.__name__}", "OPTIONS": {}}
    settings.DINERO = {**settings.DINERO, "GATEWAYS": {"default": entry}}


def send(endpoint: str, body: bytes = BODY, signature: str | None = SIGNATURE, **more: Any) -> Any:
    """Post a body with a signature as a stranger would, and let errors be raised."""
    given = {**more, **({} if signature is None else {"HTTP_X_ANET_SIGNATURE": signature})}
    return Client().post(endpoint, body, content_type="application/json", **given)


def stream(endpoint: str, body: io.RawIOBase, length: str) -> Any:
    """Post a body as the server hands it on, with what its header says of its length."""
    given: dict[str, Any] = {
        "wsgi.input": body,
        "CONTENT_LENGTH": length,
        "HTTP_X_ANET_SIGNATURE": SIGNATURE,
    }
    return Client().post(endpoint, content_type="application/json", **given)


@pytest.fixture
def nothing_is_done(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """No row is written, and nothing that was sent stands in the log."""
    caplog.set_level(logging.DEBUG)
    yield
    assert not WebhookEvent.objects.exists()
    assert "60012300401" not in caplog.text
    assert KEY not in caplog.text


# -- What is believed ------------------------------------------------------------------------------


def test_a_signed_event_is_stored_and_applied(
    gateway: RecordingGateway, charge: Transaction
) -> None:
    gateway.bank.settle_batch()
    told = notice("transaction", charge.transaction_id or "")
    assert post(gateway, told).status_code == 200
    assert WebhookEvent.objects.get().state == "applied"
    charge.refresh_from_db()
    assert charge.status == "settled"


def test_a_replay_has_no_effect(gateway: RecordingGateway, charge: Transaction) -> None:
    told = notice("transaction", charge.transaction_id or "")
    post(gateway, told)
    mark = gateway.mark
    for _ in range(3):
        assert post(gateway, told).status_code == 200
    assert set(gateway.since(mark)) == {"parse_webhook"}
    assert WebhookEvent.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_it_is_answered_before_the_gateway_is_asked(
    gateway: RecordingGateway, charge: Transaction
) -> None:
    mark = gateway.mark
    signed, body = sign(
        notice("transaction", charge.transaction_id or ""), gateway.bank.account.signature_key
    )
    request = RequestFactory().post(
        address(), body, content_type="application/json", headers=signed
    )
    response = views.webhook(request, "default")
    assert response.status_code == 200
    assert gateway.since(mark) == ["parse_webhook"]
    assert WebhookEvent.objects.get().state == "received"
    response.close()
    response.close()
    assert gateway.since(mark) == ["parse_webhook", "retrieve_transaction"]
    assert WebhookEvent.objects.get().state == "applied"


def test_it_is_only_stored_where_the_settings_say_so(
    settings: Any, charge: Transaction, gateway: RecordingGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conf, "webhooks", lambda: conf.Webhooks(inline=False))
    assert post(gateway, notice("transaction", charge.transaction_id or "")).status_code == 200
    assert WebhookEvent.objects.get().state == "received"


def test_a_setting_that_is_wrong_does_not_break_the_answer(
    gateway: RecordingGateway, charge: Transaction, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong() -> conf.Webhooks:
        raise ImproperlyConfigured

    monkeypatch.setattr(conf, "webhooks", wrong)
    assert post(gateway, notice("transaction", charge.transaction_id or "")).status_code == 200
    assert WebhookEvent.objects.get().state == "received"


def test_what_fails_is_no_business_of_the_sender(
    gateway: RecordingGateway, charge: Transaction
) -> None:
    gateway.faults["retrieve_transaction"] = lambda call: 1 / 0
    assert post(gateway, notice("transaction", charge.transaction_id or "")).status_code == 200
    assert WebhookEvent.objects.get().state == "parked"


def test_what_is_not_ours(gateway: RecordingGateway) -> None:
    for told in (notice("transaction", "1"), notice("customer", "1"), notice("moon", "1")):
        assert post(gateway, told).status_code == 200
    assert set(WebhookEvent.objects.values_list("state", flat=True)) == {"not_ours"}
    assert not Transaction.objects.exists()
    assert not Customer.objects.exists()


@pytest.mark.parametrize("signature", [SIGNATURE, SIGNATURE.lower(), SIGNATURE.upper()])
def test_the_case_of_the_digits_does_not_matter(endpoint: str, signature: str) -> None:
    assert send(endpoint, signature=signature).status_code == 200
    assert WebhookEvent.objects.get().event_id == "n-1"


def test_the_address_without_its_slash(endpoint: str) -> None:
    """A redirect would lose the body."""
    assert send(endpoint.rstrip("/")).status_code == 200


# -- What is refused -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "signature",
    [
        None,
        "",
        "sha512=",
        SIGNATURE[:-1],
        SIGNATURE[:-1] + ("0" if SIGNATURE[-1] != "0" else "1"),
        SIGNATURE.replace("sha512", "sha256"),
        SIGNATURE.replace("sha512=", ""),
        SIGNATURE.replace("sha512=", "v0="),
        "sha512=é漢字".encode().decode("latin-1"),
        "sha512=" + "\xff" * 128,
        "sha512=" + "0" * 10_000,
        headers(key="another")["X-ANET-Signature"],
        headers(BODY + b" ")["X-ANET-Signature"],
    ],
)
@pytest.mark.parametrize("debug", [False, True])
def test_a_wrong_signature(
    endpoint: str, nothing_is_done: None, signature: str | None, debug: bool
) -> None:
    with override_settings(DEBUG=debug):
        for _ in range(2):
            answer = send(endpoint, signature=signature)
            assert answer.status_code == 400
            assert b"raceback" not in answer.content
            assert b"webhooks/views.py" not in answer.content


@pytest.mark.parametrize(
    "body",
    [
        BODY.replace(b"300.00", b"300.01"),
        BODY[:-1],
        BODY + b"\n",
        json.dumps(json.loads(BODY)).encode(),
        b"",
        b"[" * 100_000,
        b'{"payload":' * 20_000,
    ],
)
def test_a_changed_body(endpoint: str, nothing_is_done: None, body: bytes) -> None:
    assert send(endpoint, body).status_code in (400, 413)


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[" * 60_000, b'{"a":' * 10_000, b"\xff\xfe", b"{}",
     BODY.replace(b"6", b"\\ud8")],
)  # fmt: skip
def test_a_signed_body_that_is_no_notice(endpoint: str, nothing_is_done: None, body: bytes) -> None:
    answer = send(endpoint, body, headers(body)["X-ANET-Signature"])
    assert answer.status_code == 400
    assert b"raceback" not in answer.content


class Endless(io.RawIOBase):
    """A body that says how much of it was read."""

    read_so_far = 0

    def read(self, size: int = -1) -> bytes:
        assert size >= 0, "it has no end"
        self.read_so_far += size
        return b"[" * size

    def readline(self, size: int | None = -1) -> bytes:
        return self.read(size or 0)


@pytest.mark.parametrize("length", [10 * 1024 * 1024, 10**12, 256 * 1024 + 1])
def test_a_large_body_is_not_read(endpoint: str, nothing_is_done: None, length: int) -> None:
    body = Endless()
    answer = stream(endpoint, body, str(length))
    assert answer.status_code == 413
    assert body.read_so_far == 0


@pytest.mark.parametrize("length", ["", "-1", "many", "²", "1e3"])
def test_a_body_of_unknown_length(endpoint: str, nothing_is_done: None, length: str) -> None:
    answer = stream(endpoint, Endless(), length)
    assert answer.status_code == 400


def test_a_body_between_the_gateways_limit_and_ours(endpoint: str, nothing_is_done: None) -> None:
    body = BODY + b" " * 100_000
    assert send(endpoint, body, headers(body)["X-ANET-Signature"]).status_code == 413


def test_a_sender_who_leaves(endpoint: str, nothing_is_done: None) -> None:
    class Broken(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            raise OSError("gone")

    answer = stream(endpoint, Broken(), "100")
    assert answer.status_code == 400


def test_a_backend_that_breaks_off(settings: Any, nothing_is_done: None) -> None:
    use(settings, BreaksOff)
    for _ in range(2):
        assert send(address()).status_code == 400


@pytest.mark.parametrize("name", ["nobody", "DEFAULT", "default2", "%00", "../default", "é"])
def test_no_such_gateway(endpoint: str, nothing_is_done: None, name: str) -> None:
    assert send(f"/payments/{name}/").status_code == 404


def test_a_gateway_without_webhooks(settings: Any, nothing_is_done: None) -> None:
    use(settings, Unable)
    assert send(address()).status_code == 404


@pytest.mark.parametrize("method", ["get", "head", "put", "patch", "delete", "options"])
def test_nothing_but_posts(endpoint: str, nothing_is_done: None, method: str) -> None:
    answer = getattr(Client(), method)(endpoint)
    assert answer.status_code == 405
    assert answer["Allow"] == "POST"


def test_a_challenge(endpoint: str, nothing_is_done: None) -> None:
    answer = Client().get(endpoint, {"challenge": "<x>"})
    assert (answer.status_code, answer.content) == (200, b"yes <x>")
    assert answer["Content-Type"].startswith("text/plain")


def test_a_database_that_cannot_be_written(gateway: RecordingGateway) -> None:
    """The gateway sends it again."""
    with failing_statements("INSERT", OperationalError("gone")):
        assert post(gateway, notice("transaction", "60")).status_code == 503


# -- The log ---------------------------------------------------------------------------------------


def test_refusals_are_told_once_in_a_while_and_counted(
    endpoint: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO)
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    for _ in range(40):
        assert send(endpoint, signature="sha256=00").status_code == 400
    now[0] += 61
    send(endpoint, signature="sha256=00")
    assert {r.name for r in caplog.records} == {"django.security.WebhookRefused"}
    told = [r for r in caplog.records if r.name == "django.security.WebhookRefused"]
    assert [record.getMessage() for record in told] == [
        "default: a webhook was refused: The signature does not match the body.",
        "default: a webhook was refused: The signature does not match the body. "
        "(40 were refused since the last such line)",
    ]


@pytest.mark.parametrize("signature", [None, ""])
def test_the_log_names_the_header_that_a_proxy_has_dropped(
    endpoint: str, caplog: pytest.LogCaptureFixture, signature: str | None
) -> None:
    """A wrong key would be looked for in vain. The sender is told no more than before."""
    answer = send(endpoint, signature=signature)
    told = [r for r in caplog.records if r.name == "django.security.WebhookRefused"]
    assert [record.getMessage() for record in told] == [
        "default: a webhook was refused: It has no signature: the header X-ANET-Signature is "
        "missing or empty."
    ]
    assert answer.status_code == 400
    assert "ignature" not in answer.content.decode()


@pytest.mark.parametrize("debug", [False, True])
def test_bodies_that_are_too_large_are_told_as_seldom(
    endpoint: str, caplog: pytest.LogCaptureFixture, settings: Any, debug: bool
) -> None:
    settings.DEBUG = debug
    caplog.set_level(logging.INFO)
    for _ in range(10):
        assert send(endpoint, body=b"x" * (views.MAX_BODY + 1)).status_code == 413
    (record,) = caplog.records
    assert record.getMessage() == "default: a webhook was refused: It is too large."
    assert record.levelname == "WARNING"


def test_each_refusal_has_a_line_for_whoever_looks_closer(
    endpoint: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "django_dinero.webhooks")
    for _ in range(3):
        send(endpoint, signature="")
    quiet = [r for r in caplog.records if r.levelname == "DEBUG"]
    assert len(quiet) == 2


def test_a_thousand_forged_webhooks_cost_no_statement(endpoint: str, nothing_is_done: None) -> None:
    with CaptureQueriesContext(connections["default"]) as statements:
        for _ in range(100):
            send(endpoint, signature="sha512=00")
    assert len(statements) == 0


# -- Around the view -------------------------------------------------------------------------------


def test_it_needs_no_login_and_no_csrf_token(endpoint: str, settings: Any) -> None:
    settings.MIDDLEWARE = [
        *settings.MIDDLEWARE,
        "django.contrib.auth.middleware.LoginRequiredMiddleware",
    ]
    client = Client(enforce_csrf_checks=True)
    answer = client.post(
        endpoint, BODY, content_type="application/json", HTTP_X_ANET_SIGNATURE=SIGNATURE
    )
    assert answer.status_code == 200


@pytest.mark.django_db(transaction=True)
def test_it_is_served_by_an_asynchronous_server_too(
    gateway: RecordingGateway, charge: Transaction
) -> None:
    gateway.bank.settle_batch()
    signed, body = sign(
        notice("transaction", charge.transaction_id or ""), gateway.bank.account.signature_key
    )
    client = AsyncClient()
    for content, status in ((body + b" ", 400), (b"[" * 300_000, 413), (body, 200), (body, 200)):
        answer = async_to_sync(client.post)(
            address(), content, content_type="application/json", headers=signed
        )
        assert answer.status_code == status
    assert WebhookEvent.objects.get().state == "applied"
    charge.refresh_from_db()
    assert charge.status == "settled"


def test_it_is_outside_every_transaction() -> None:
    assert views.webhook._non_atomic_requests == set(connections)  # type: ignore[attr-defined]


def test_a_middleware_that_has_read_the_body(
    gateway: RecordingGateway, charge: Transaction
) -> None:
    signed, body = sign(
        notice("transaction", charge.transaction_id or ""), gateway.bank.account.signature_key
    )
    request = RequestFactory().post(
        address(), body, content_type="application/json", headers=signed
    )
    assert request.body == body
    assert views.webhook(request, "default").status_code == 200


def test_the_answer_is_not_cached(endpoint: str) -> None:
    assert "no-store" in send(endpoint)["Cache-Control"]


def test_a_refusal_without_reasons(
    gateway: RecordingGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[Refusal] = [Refusal(()), Refusal((Reason(ReasonKind.AUTHENTICATION, "x", "no"),))]
    monkeypatch.setattr(RecordingGateway, "parse_webhook", lambda *args: answers.pop())
    for _ in range(2):
        assert send(address()).status_code == 400


# -- With a queue --------------------------------------------------------------------------------


def test_with_a_queue_an_event_is_stored_and_handed_over(
    gateway: RecordingGateway, charge: Transaction, queued: Queued
) -> None:
    mark = gateway.mark
    assert post(gateway, notice("transaction", charge.transaction_id or "")).status_code == 200
    event = WebhookEvent.objects.get()
    assert (event.state, gateway.since(mark)) == ("received", ["parse_webhook"])
    assert queued == [("apply_webhook", (event.pk, 0), None)]


def test_what_is_known_is_not_handed_over_again(
    gateway: RecordingGateway, charge: Transaction, queued: Queued
) -> None:
    told = notice("transaction", charge.transaction_id or "")
    for _ in range(2):
        assert post(gateway, told).status_code == 200
    assert len(queued) == 1


@pytest.mark.parametrize("tasks", ["django", "celery", "nonsense"])
def test_a_queue_that_is_down_loses_nothing(
    gateway: RecordingGateway,
    charge: Transaction,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    tasks: str,
) -> None:
    def broken(*args: Any) -> None:
        raise ConnectionError

    monkeypatch.setattr(conf, "tasks", lambda: conf.Tasks(tasks))
    for engine in (with_django, with_celery):
        monkeypatch.setattr(engine, "enqueue", broken)
    assert post(gateway, notice("transaction", charge.transaction_id or "")).status_code == 200
    assert WebhookEvent.objects.get().state == "received"
    assert "was not put into the queue" in caplog.text
    webhooks.drain(gateway)
    assert WebhookEvent.objects.get().state == "applied"
