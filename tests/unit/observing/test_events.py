"""What is told to counters: every call, every webhook, every run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import OperationalError
from django.test import Client

from django_dinero.enums import ReasonKind, ResultStatus
from django_dinero.exceptions import DineroError, InvalidInput, NotSent, OutcomeUnknown
from django_dinero.gateways.calls import ask
from django_dinero.gateways.types import Reason, Refusal, TransactionResult
from django_dinero.models import Customer, WebhookEvent
from django_dinero.observing import (
    Event,
    GatewayCalled,
    ReconcileEnded,
    WebhookHandled,
    listen,
    stop_listening,
    tell,
)
from django_dinero.observing.calls import OUTCOMES
from django_dinero.services.reconcile.run import reconcile
from tests.support.racing import failing_statements
from tests.support.recording import RecordingGateway, refuse_connection
from tests.support.webhooks import address, notice, post

pytestmark = pytest.mark.django_db


@pytest.fixture
def told() -> Iterator[list[Event]]:
    events: list[Event] = []
    listen(events.append)
    yield events
    stop_listening(events.append)


def raising(error: BaseException) -> TransactionResult:
    raise error


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        *((TransactionResult(status), status.value) for status in ResultStatus),
        (Refusal((Reason(ReasonKind.CARD_NOT_FOUND),)), "refused"),
        (None, "done"),
        (OutcomeUnknown("?"), "unknown"),
        (NotSent("?"), "not_sent"),
        (InvalidInput({"a": "b"}), "not_asked"),
        (DineroError("?"), "refused"),
        (RuntimeError("?"), "broken"),
        (SystemExit(), "stopped"),
    ],
)
def test_how_a_call_ended(
    gateway: RecordingGateway, told: list[Event], answer: object, outcome: str
) -> None:
    def charge() -> object:
        return raising(answer) if isinstance(answer, BaseException) else answer

    if isinstance(answer, BaseException):
        with pytest.raises(type(answer)):
            ask(gateway, charge)
    else:
        assert ask(gateway, charge) == answer
    (event,) = told
    assert isinstance(event, GatewayCalled)
    assert (event.gateway_name, event.verb, event.kind) == ("default", "charge", "")
    assert event.outcome == outcome
    assert outcome in OUTCOMES
    assert event.seconds >= 0


def test_the_verb_is_one_of_a_few(gateway: RecordingGateway, told: list[Event]) -> None:
    ask(gateway, lambda: None)
    ask(gateway, lambda: None, verb="iter_customers")
    ask(gateway, gateway.clock)
    verbs = [event.verb for event in told if isinstance(event, GatewayCalled)]
    assert verbs == ["other", "iter_customers", "clock"]


def test_what_a_gateway_works_out_by_itself_is_no_call(
    gateway: RecordingGateway, told: list[Event]
) -> None:
    def parse_webhook() -> None:
        pass

    ask(gateway, parse_webhook)
    assert told == []


def test_the_calls_of_a_charge_that_did_not_leave(
    gateway: RecordingGateway, customer: Customer, told: list[Event]
) -> None:
    gateway.faults["charge"] = refuse_connection
    with pytest.raises(NotSent):
        customer.charge(10)
    (event,) = told
    assert isinstance(event, GatewayCalled)
    assert (event.verb, event.kind, event.outcome) == ("charge", "charge", "not_sent")


def test_no_call_of_a_verb_is_without_a_name(
    gateway: RecordingGateway, customer: Customer, told: list[Event]
) -> None:
    """A lambda in place of a partial would be counted as "other"."""
    customer.email = "ada@example.com"
    customer.save()
    card = customer.cards[0]
    card.zip = "80202"
    card.save()
    customer.refresh_from_gateway()
    customer.charge(10).refresh_from_gateway()
    reconcile(None)
    card.delete()
    customer.delete()
    verbs = {event.verb for event in told if isinstance(event, GatewayCalled)}
    assert verbs >= {"update_customer", "update_card", "retrieve_customer", "delete_customer"}
    assert "other" not in verbs


def test_a_run_of_reconcile(gateway: RecordingGateway, told: list[Event]) -> None:
    reconcile(None)
    ended = [event for event in told if isinstance(event, ReconcileEnded)]
    assert [(event.gateway_name, event.state) for event in ended] == [("default", "finished")]


def test_a_run_that_breaks_off(gateway: RecordingGateway, told: list[Event]) -> None:
    gateway.faults["iter_transactions"] = refuse_connection
    reconcile(None)
    ended = [event for event in told if isinstance(event, ReconcileEnded)]
    assert [event.state for event in ended] == ["broken"]


def test_what_becomes_of_webhooks(
    gateway: RecordingGateway, customer: Customer, told: list[Event]
) -> None:
    charge = customer.charge(10)
    told.clear()
    gateway.faults["retrieve_transaction"] = refuse_connection
    body = notice("transaction", charge.transaction_id or "")
    assert (post(gateway, body).status_code, post(gateway, body).status_code) == (200, 200)
    event = WebhookEvent.objects.get()
    event.replay()
    Client().post(address(), b"{}", content_type="application/json")
    results = [event.result for event in told if isinstance(event, WebhookHandled)]
    assert results == ["stored", "parked", "known", "applied", "refused"]


def test_a_webhook_that_could_not_be_stored(gateway: RecordingGateway, told: list[Event]) -> None:
    with failing_statements("INSERT INTO dinero_webhookevent", OperationalError("gone")):
        post(gateway, notice("transaction", "60"))
    assert told == [WebhookHandled("default", "not_stored")]


def test_a_listener_that_fails_keeps_no_other_from_hearing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    heard: list[Event] = []

    def failing(event: Event) -> None:
        raise ZeroDivisionError("4111111111111111")

    event = ReconcileEnded("default", "finished", 1.0)
    listen(failing)
    listen(heard.append)
    try:
        tell(event)
    finally:
        stop_listening(failing)
        stop_listening(heard.append)
    tell(event)
    assert heard == [event]
    assert caplog.messages == ["A listener failed: ZeroDivisionError"]
