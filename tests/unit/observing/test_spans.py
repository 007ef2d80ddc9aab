"""Spans for OpenTelemetry: where they are, what they say, and that they break nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode
from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter

from django_dinero.enums import ResultStatus
from django_dinero.exceptions import CardDeclinedError, GatewayError, NotSent, OutcomeUnknown
from django_dinero.gateways.http.client import HttpClient
from django_dinero.gateways.types import TransactionResult
from django_dinero.models import Customer, Operation
from django_dinero.observing import spans as module
from django_dinero.observing.spans import NO_SPAN, is_fault, span
from django_dinero.services.reconcile.run import PHASES, reconcile
from tests.support.planted import stands_alone
from tests.support.recording import RecordingGateway, answer, lose_reply
from tests.support.tracing import Spans, traced

pytestmark = pytest.mark.django_db

NUMBER = "4111111111111111"


@pytest.fixture
def spans() -> Iterator[Spans]:
    with traced() as found:
        yield found


def parent(spans: Spans, name: str) -> str:
    above = spans.called(name).parent
    (found,) = [each.name for each in spans.all if above and each.context.span_id == above.span_id]
    return found


def test_a_charge_is_a_verb_and_its_call(customer: Customer, spans: Spans) -> None:
    row = customer.charge(10)
    assert spans.names == ["dinero.gateway.charge", "dinero.charge"]
    assert parent(spans, "dinero.gateway.charge") == "dinero.charge"
    verb, call = spans.called("dinero.charge"), spans.called("dinero.gateway.charge")
    assert (verb.kind, call.kind) == (SpanKind.INTERNAL, SpanKind.CLIENT)
    assert call.attributes == {
        "dinero.gateway": "default",
        "dinero.verb": "charge",
        "dinero.kind": "charge",
        "dinero.operation": row.operation_key,
        "dinero.outcome": "approved",
    }
    assert {verb.status.status_code, call.status.status_code} == {StatusCode.UNSET}


def test_a_decline_is_no_error_of_ours(
    gateway: RecordingGateway, customer: Customer, spans: Spans
) -> None:
    gateway.faults["charge"] = answer(TransactionResult(ResultStatus.DECLINED))
    with pytest.raises(CardDeclinedError):
        customer.charge(10)
    verb, call = spans.called("dinero.charge"), spans.called("dinero.gateway.charge")
    assert call.attributes and call.attributes["dinero.outcome"] == "declined"
    assert verb.attributes == {"error.type": "card_declined"}
    assert verb.status.status_code is StatusCode.UNSET


def test_a_lost_answer_is_one(gateway: RecordingGateway, customer: Customer, spans: Spans) -> None:
    gateway.faults["charge"] = lose_reply
    with pytest.raises(OutcomeUnknown):
        customer.charge(10)
    for name in ("dinero.gateway.charge", "dinero.charge"):
        found = spans.called(name)
        assert found.status.status_code is StatusCode.ERROR
        assert found.status.description is None
        assert found.attributes and found.attributes["error.type"] == "outcome_unknown"
        assert found.events == ()


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (CardDeclinedError("no"), False),
        (GatewayError("no"), True),
        (NotSent("no"), True),
        (KeyError("x"), True),
        (KeyboardInterrupt(), True),
    ],
)
def test_what_counts_as_a_fault(error: BaseException, fault: bool) -> None:
    assert is_fault(error) is fault


def test_no_span_has_a_text_of_somebody_else(
    gateway: RecordingGateway, make_customer: Callable[..., Customer], spans: Spans
) -> None:
    customer = make_customer(first_name="Augusta", last_name="Lovelace", email="ada@example.com")
    customer.charge(10, description="of Augusta", customer_ip="203.0.113.7")

    def broken(call: Any) -> None:
        secret = NUMBER  # a local, as a backend's own
        raise RuntimeError(f"refused {secret} of Augusta")

    gateway.faults["charge"] = broken
    with pytest.raises(OutcomeUnknown):
        customer.charge(11)
    text = spans.text()
    assert "dinero.gateway.create_customer" in text
    for secret in (NUMBER, "Augusta", "Lovelace", "ada@example.com", "203.0.113.7"):
        assert secret not in text
    assert not stands_alone("900", text)


def test_each_phase_of_reconcile_has_its_own(
    gateway: RecordingGateway, customer: Customer, spans: Spans
) -> None:
    reconcile(None)
    for phase in PHASES:
        found = spans.called(f"dinero.reconcile.{phase.name}")
        assert found.attributes == {"dinero.gateway": "default", "dinero.phase": phase.name}
        assert parent(spans, found.name) == "dinero.reconcile"
    assert "dinero.gateway.iter_transactions" in spans.names


def test_a_look_up(gateway: RecordingGateway, customer: Customer, spans: Spans) -> None:
    gateway.faults["charge"] = lose_reply
    with pytest.raises(OutcomeUnknown):
        customer.charge(10)
    Operation.objects.get(state="unknown").look_up()
    assert parent(spans, "dinero.gateway.find_operation") == "dinero.look_up"


class Answering(BaseAdapter):
    def send(self, request: PreparedRequest, **kwargs: Any) -> Response:  # type: ignore[override]
        response = Response()
        response.status_code = 418
        response.raw = None
        response._content = b"short"
        response.__dict__["_content_consumed"] = True
        return response

    def close(self) -> None:
        pass


def test_the_status_of_a_reply_and_whose_it_was(spans: Spans) -> None:
    client = HttpClient("https://bank.example:8443/api", adapter=Answering())
    with pytest.raises(OutcomeUnknown), span("gateway.charge", client=True):
        client.post(b"<x/>", content_type="text/xml", changes=True)
    found = spans.called("dinero.gateway.charge")
    assert found.attributes is not None
    assert found.attributes["http.response.status_code"] == 418
    assert found.attributes["server.address"] == "bank.example"
    assert found.attributes["server.port"] == 8443


# -- Nothing of it may break a payment, or cost who does not trace --------------------------------


class Failing:
    """A tracer that fails wherever it is asked."""

    def __init__(self, *names: str) -> None:
        self.names = names

    def __getattr__(self, name: str) -> Any:
        def asked(*args: Any, **kwargs: Any) -> Any:
            if name in self.names:
                raise RuntimeError("the collector is out of memory")
            return self

        return asked

    def __enter__(self) -> Failing:
        if "enter" in self.names:
            raise RuntimeError("no")
        return self

    def __exit__(self, *ending: object) -> None:
        if "exit" in self.names:
            raise RuntimeError("no")


@pytest.mark.parametrize(
    "broken",
    [
        *("get_tracer", "start_as_current_span", "enter", "exit"),
        *("set_attributes", "set_status"),
    ],
)
def test_a_tracer_that_fails_changes_nothing(
    customer: Customer,
    gateway: RecordingGateway,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    broken: str,
) -> None:
    provider = Failing(broken)
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    assert customer.charge(10).status == "approved"
    gateway.faults["charge"] = lose_reply
    with pytest.raises(OutcomeUnknown):
        customer.charge(11)
    assert "The tracer failed: RuntimeError" in caplog.messages


def test_without_a_provider_there_is_no_span(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace, "get_tracer_provider", trace.ProxyTracerProvider)
    assert span("charge") is NO_SPAN
    monkeypatch.delitem(sys.modules, "opentelemetry.trace")
    assert span("charge") is NO_SPAN
    assert not module.is_traced()


CHILD = """
import sys
if "blocked" in sys.argv:
    for name in ("opentelemetry", "prometheus_client"):
        sys.modules[name] = None  # as if it were not installed
import django
from django.conf import settings
settings.configure(
    SECRET_KEY="of a test", USE_TZ=True, DEBUG=True,
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django_dinero"],
    DINERO={"GATEWAYS": {"default": {
        "BACKEND": "django_dinero.gateways.sandbox.SandboxGateway",
    }}},
)
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from django_dinero.models import Transaction
from django_dinero.services.reconcile.run import reconcile
print(Transaction.create(price=5, number="4111111111111111").status)
print(reconcile(None).state)
print(sorted(name for name in sys.modules if name.split(".")[0] in (
    "opentelemetry", "prometheus_client") and sys.modules[name] is not None))
"""


@pytest.mark.slow
@pytest.mark.parametrize("blocked", ["blocked", "installed"])
def test_who_does_not_watch_loads_nothing_for_it(blocked: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CHILD, blocked], capture_output=True, text=True, timeout=60
    )
    assert done.stdout.split("\n")[:3] == ["approved", "finished", "[]"], done.stderr
