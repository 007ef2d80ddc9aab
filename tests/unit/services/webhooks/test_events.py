"""Events are stored once, taken by one worker at a time, tried again, and emptied at last."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.db import Error, OperationalError, connection
from django.test.utils import CaptureQueriesContext

from django_dinero import conf, signals
from django_dinero.db import clock
from django_dinero.db.fields import UtcIn
from django_dinero.exceptions import NotSent, OperationInProgress, OutcomeUnknown
from django_dinero.gateways.registry import get_gateway
from django_dinero.gateways.sandbox.webhooks import sign
from django_dinero.gateways.types import WebhookNotice
from django_dinero.models import CreditCard, Customer, Transaction, WebhookEvent
from django_dinero.models.webhook_event import EventState
from django_dinero.send_deadline import time_left
from django_dinero.services import webhooks
from django_dinero.services.webhooks import applying, events, retention
from tests.support.frozen import stop_clock
from tests.support.racing import failing_statements
from tests.support.recording import RecordingGateway, lose_reply, refuse_connection
from tests.support.webhooks import let_time_pass, notice, receive

pytestmark = pytest.mark.django_db

VISA = "4111111111111111"


def store(gateway: RecordingGateway, told: WebhookNotice, body: bytes = b"") -> WebhookEvent | None:
    """Store without applying."""
    return webhooks.store(gateway, told, body or sign(told, gateway.bank.account.signature_key)[1])


def stored(gateway: RecordingGateway, told: WebhookNotice, body: bytes = b"") -> WebhookEvent:
    """Store something new."""
    event = store(gateway, told, body)
    assert event is not None
    event.refresh_from_db()
    return event


def applied(event: WebhookEvent) -> WebhookEvent:
    """Apply what waits."""
    attempt = applying.apply(event.pk)
    assert attempt is not None
    return attempt.event


def broken(call: Callable[[], Any]) -> Any:
    """A backend that raises what no backend may, with a number in its text."""
    raise RuntimeError(f"card {VISA}")


# -- Storing -------------------------------------------------------------------------------------


def test_an_event_is_stored_once(gateway: RecordingGateway) -> None:
    told = notice("transaction", "60", operation_key="OP", customer_id="7")
    event = stored(gateway, told)
    assert store(gateway, told) is None
    assert store(gateway, replace(told, object_id="61")) is None
    assert WebhookEvent.objects.get() == event
    assert (event.gateway_name, event.live, event.state) == ("default", False, "received")
    assert (event.event_id, event.object_kind, event.object_id) == (
        told.event_id,
        "transaction",
        "60",
    )
    assert (event.operation_key, event.customer_id) == ("OP", "7")
    assert event.is_waiting


@pytest.mark.django_db(transaction=True)
def test_storing_takes_few_statements(gateway: RecordingGateway) -> None:
    told = notice("transaction", "60")
    with CaptureQueriesContext(connection) as first:
        store(gateway, told)
    with CaptureQueriesContext(connection) as again:
        store(gateway, told)
    assert len(first) == 3, "BEGIN, INSERT, COMMIT"
    assert len(again) == 4, "BEGIN, INSERT, ROLLBACK, and a look for the one that is there"


def test_a_gateway_without_event_ids(gateway: RecordingGateway) -> None:
    told = replace(notice("transaction", "60"), event_id="")
    event = stored(gateway, told, b"one")
    assert len(event.event_id) == 64
    assert store(gateway, told, b"one") is None
    assert stored(gateway, told, b"two").event_id != event.event_id


def test_no_number_and_no_key_is_stored(gateway: RecordingGateway) -> None:
    key = gateway.bank.account.transaction_key.reveal()
    gateway.secrets = (gateway.bank.account.transaction_key,)
    body = f'{{"card": "{VISA}", "spaced": "4111 1111 1111 1111", "key": "{key}"}}'.encode()
    event = stored(gateway, notice("transaction", "60"), body)
    assert "1111" not in event.body
    assert key not in event.body


@pytest.mark.parametrize("typed", [VISA, f"card {VISA}", "4111-1111-1111-1111"])
def test_no_number_is_stored_as_a_key(gateway: RecordingGateway, typed: str) -> None:
    """The invoice number of other software's payment may be anything."""
    told = notice("transaction", "60", f"paid.{VISA}", operation_key=typed)
    assert stored(gateway, told).operation_key == ""
    assert "1111" not in str(WebhookEvent.objects.values().get())


@pytest.mark.parametrize("body", [b"\xff\x00\xfe", b"\xed\xa0\x80", b"a" * 300_000])
def test_any_body_can_be_stored(gateway: RecordingGateway, body: bytes) -> None:
    event = stored(gateway, notice("transaction", "60"), body)
    assert len(event.body) <= events.MAX_BODY
    assert "\x00" not in event.body


@pytest.mark.parametrize("text", ["\x00", "\ud800", "x" * 5000, "\n"])
def test_any_notice_can_be_stored(gateway: RecordingGateway, text: str) -> None:
    """A backend may pass on whatever was signed."""
    told = WebhookNotice(text, text, text, text, text, text)
    event = stored(gateway, told)
    assert store(gateway, told) is None
    assert (event.object_kind, event.object_id, event.operation_key) == ("", "", "")
    assert applied(event).state == "not_ours"


def test_an_event_of_the_other_mode(gateway: RecordingGateway, charge: Transaction) -> None:
    gateway.bank.settle_batch()
    told = notice("transaction", charge.transaction_id or "", live=True)
    event = receive(gateway, told)
    assert event is not None
    assert event.state == "not_ours"
    charge.refresh_from_db()
    assert charge.status == "approved"
    assert "retrieve_transaction" not in gateway.verbs


# -- Applying ------------------------------------------------------------------------------------


def test_users_hear_of_it_when_its_row_is_written(
    gateway: RecordingGateway, charge: Transaction
) -> None:
    heard: list[tuple[Any, ...]] = []

    def hear(sender: Any, instance: Any, event: WebhookEvent, **_: Any) -> None:
        row = WebhookEvent.objects.get(pk=event.pk)
        heard.append((sender, instance.pk, instance.status, row.state))

    signals.webhook_applied.connect(hear)
    try:
        gateway.bank.settle_batch()
        told = notice("transaction", charge.transaction_id or "")
        receive(gateway, told)
        receive(gateway, told)
        receive(gateway, notice("transaction", "999999999"))
    finally:
        signals.webhook_applied.disconnect(hear)
    assert heard == [(Transaction, charge.pk, "settled", "received")]
    assert set(WebhookEvent.objects.values_list("state", flat=True)) == {"applied", "not_ours"}


def test_each_kind_of_object_has_its_sender(gateway: RecordingGateway, customer: Customer) -> None:
    senders: list[Any] = []

    def hear(sender: Any, **_: Any) -> None:
        senders.append(sender)

    (card,) = customer.cards
    signals.webhook_applied.connect(hear)
    try:
        receive(gateway, notice("customer", customer.customer_id or ""))
        receive(gateway, notice("card", card.card_id, customer_id=card.customer_id))
    finally:
        signals.webhook_applied.disconnect(hear)
    assert senders == [Customer, CreditCard]


@pytest.mark.parametrize("fault", [refuse_connection, broken])
def test_what_fails_is_parked_and_tried_again(
    gateway: RecordingGateway, charge: Transaction, fault: Any, caplog: pytest.LogCaptureFixture
) -> None:
    gateway.bank.settle_batch()
    gateway.faults["retrieve_transaction"] = fault
    event = receive(gateway, notice("transaction", charge.transaction_id or ""))
    assert event is not None
    assert (event.state, event.attempts, event.lease_until) == ("parked", 1, None)
    assert event.error
    assert VISA not in event.error + caplog.text
    assert webhooks.drain(gateway) == {}, "too early"
    let_time_pass()
    assert webhooks.drain(gateway) == {"applied": 1}
    event.refresh_from_db()
    assert (event.state, event.error, event.next_try_at) == ("applied", "", None)
    assert event.applied_at is not None


def test_the_waits_grow_and_then_a_person_is_asked(
    gateway: RecordingGateway,
    charge: Transaction,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(conf, "webhooks", lambda: conf.Webhooks(max_tries=9))
    event = stored(gateway, notice("transaction", charge.transaction_id or ""))
    waits = []
    for _ in range(9):
        gateway.faults["retrieve_transaction"] = refuse_connection
        before = datetime.now(UTC)
        let_time_pass()
        applying.apply(event.pk)
        event.refresh_from_db()
        if event.next_try_at is not None:
            waits.append(round((event.next_try_at - before).total_seconds()))
    assert waits == [5, 30, 120, 600, 3600, 21_600, 86_400, 86_400]
    assert (event.state, event.attempts) == ("given_up", 9)
    assert "given up" in caplog.text
    let_time_pass()
    assert webhooks.drain(gateway) == {}
    assert event.replay().state == "applied"


def test_an_event_is_taken_by_one_worker(gateway: RecordingGateway) -> None:
    event = stored(gateway, notice("transaction", "60"))
    first = events.take(event.pk, 60)
    assert first is not None
    assert events.take(event.pk, 60) is None
    assert webhooks.drain(gateway) == {}
    with pytest.raises(OperationInProgress):
        event.replay()
    let_time_pass()
    second = events.take(event.pk, 60)
    assert second is not None
    # The first one wakes up late: the event is the second one's now.
    assert not events.finish(first, EventState.APPLIED)
    assert events.finish(second, EventState.NOT_OURS)
    event.refresh_from_db()
    assert event.state == "not_ours"


def test_an_ended_event_is_not_taken(gateway: RecordingGateway) -> None:
    event = receive(gateway, notice("transaction", "60"))
    assert event is not None
    assert applying.apply(event.pk) is None
    assert applying.apply(0) is None


def test_a_gateway_that_is_gone(gateway: RecordingGateway, settings: Any) -> None:
    event = stored(gateway, notice("transaction", "60"))
    settings.DINERO = {**settings.DINERO, "GATEWAYS": {}}
    assert event.replay().state == "parked"
    assert "default" in event.error


def test_a_gateways_name_stands_for_another_account_now(
    gateway: RecordingGateway, charge: Transaction
) -> None:
    event = stored(gateway, notice("transaction", charge.transaction_id or ""))
    WebhookEvent.objects.update(live=True)
    assert applied(event).state == "not_ours"


def test_the_budget_of_a_worker_that_has_just_answered(
    gateway: RecordingGateway, charge: Transaction, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conf, "webhooks", lambda: conf.Webhooks(inline_seconds=2))
    left: list[float] = []

    def look(call: Callable[[], Any]) -> Any:
        left.append(time_left(90.0))
        return call()

    gateway.faults["retrieve_transaction"] = look
    receive(gateway, notice("transaction", charge.transaction_id or ""))
    assert 1 < left[0] <= 2
    assert time_left(90.0) == 90.0


# -- Draining ------------------------------------------------------------------------------------


def test_what_was_only_stored_is_drained_in_order(
    gateway: RecordingGateway, charge: Transaction
) -> None:
    gateway.bank.settle_batch()
    for number in range(5):
        stored(gateway, notice("transaction", charge.transaction_id or str(number)))
    stored(gateway, notice("transaction", "999999999"))
    assert webhooks.due("default").count() == 6
    assert webhooks.due("another").count() == 0
    assert webhooks.drain(gateway, limit=2) == {"applied": 2}
    assert webhooks.drain(gateway) == {"applied": 3, "not_ours": 1}
    assert webhooks.drain(gateway) == {}
    charge.refresh_from_db()
    assert charge.status == "settled"


def test_draining_goes_on_behind_what_fails(
    gateway: RecordingGateway, charge: Transaction, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(applying, "BATCH", 2)
    for _ in range(5):
        stored(gateway, notice("transaction", charge.transaction_id or ""))
    gateway.faults["retrieve_transaction"] = broken
    assert webhooks.drain(gateway) == {"applied": 4, "parked": 1}


def test_a_gateway_that_is_down_is_not_asked_for_ever(
    gateway: RecordingGateway, charge: Transaction, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(20):
        stored(gateway, notice("transaction", charge.transaction_id or ""))

    def down(self: RecordingGateway, transaction_id: str) -> Any:
        raise NotSent("connection refused")

    monkeypatch.setattr(RecordingGateway, "retrieve_transaction", down)
    assert webhooks.drain(gateway) == {"parked": applying.GIVE_UP_AFTER}


def test_what_only_waits_for_a_worker_does_not_stop_the_others(
    gateway: RecordingGateway, charge: Transaction
) -> None:
    key, pk = charge.operation_key or "", charge.pk
    lost = Transaction.objects.get(pk=pk).transaction_id or ""
    Transaction.objects.filter(pk=pk).delete()  # as if its caller had not committed yet
    for _ in range(applying.GIVE_UP_AFTER + 2):
        stored(gateway, notice("transaction", lost, operation_key=key))
    stored(gateway, notice("transaction", "999999999"))
    assert webhooks.drain(gateway) == {"parked": applying.GIVE_UP_AFTER + 2, "not_ours": 1}


@pytest.mark.django_db(transaction=True)
def test_a_database_that_fails_is_told(gateway: RecordingGateway) -> None:
    stored(gateway, notice("transaction", "60"))
    gone = failing_statements("UPDATE dinero_webhookevent", OperationalError("gone"))
    with gone, pytest.raises(NotSent):
        webhooks.drain(gateway)


@pytest.mark.django_db(transaction=True)
def test_whatever_goes_wrong_inline_stays_there(
    gateway: RecordingGateway, caplog: pytest.LogCaptureFixture
) -> None:
    """The gateway has its answer already."""
    event = stored(gateway, notice("transaction", "60"))
    caplog.set_level(logging.ERROR)
    with failing_statements("UPDATE dinero_webhookevent", OperationalError("gone")):
        webhooks.apply_inline(event)
    assert f"event {event.pk} waits: The database failed" in caplog.text
    assert webhooks.drain(gateway) == {"not_ours": 1}


# -- Replaying and purging -------------------------------------------------------------------------


def test_an_applied_event_is_applied_again(gateway: RecordingGateway, charge: Transaction) -> None:
    event = receive(gateway, notice("transaction", charge.transaction_id or ""))
    assert event is not None
    gateway.bank.settle_batch()
    assert event.replay() is event
    assert event.state == "applied"
    charge.refresh_from_db()
    assert charge.status == "settled"


def test_old_events_are_emptied_and_stay_known(
    gateway: RecordingGateway, charge: Transaction, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    applied = [notice("transaction", charge.transaction_id or "") for _ in range(5)]
    others = [notice("transaction", "999999999") for _ in range(3)]
    for each in (*applied, *others):
        receive(gateway, each)
    waits = stored(gateway, notice("transaction", "60"))
    assert webhooks.purge(30) == retention.Purged(0, 0, 0)
    WebhookEvent.objects.update(received_at=datetime.now(UTC) - timedelta(days=31))
    young = receive(gateway, notice("transaction", charge.transaction_id or ""))
    assert webhooks.purge(30) == retention.Purged(5, 3, 0)
    assert webhooks.purge(30) == retention.Purged(0, 0, 0)
    assert WebhookEvent.objects.filter(body="").count() == 5
    assert WebhookEvent.objects.get(pk=waits.pk).body
    assert young is not None
    assert WebhookEvent.objects.get(pk=young.pk).body
    # Sent again, it has no effect.
    mark = gateway.mark
    assert [receive(gateway, each) for each in applied] == [None] * 5
    assert gateway.since(mark) == []


@pytest.mark.parametrize("days_off", [-40, 40])
def test_the_databases_clock_counts(
    gateway: RecordingGateway,
    charge: Transaction,
    monkeypatch: pytest.MonkeyPatch,
    days_off: int,
) -> None:
    """The clock of this machine may be wrong: nothing is emptied early, or kept for that."""
    begin = clock.now("default")
    stop_clock(monkeypatch, begin + timedelta(days=days_off))
    event = receive(gateway, notice("transaction", charge.transaction_id or ""))
    assert event is not None
    assert event.applied_at is not None
    assert begin <= event.applied_at <= clock.now("default")
    assert webhooks.purge(30) == retention.Purged(0, 0, 0)
    WebhookEvent.objects.update(received_at=UtcIn(timedelta(days=-31)))
    assert webhooks.purge(30) == retention.Purged(1, 0, 0)


# -- A gateway that is not configured any more ---------------------------------------------------


@pytest.fixture
def stray(gateway: RecordingGateway) -> WebhookEvent:
    """An event that waits, whose gateway was taken out of the settings."""
    event = stored(gateway, notice("transaction", "60"))
    WebhookEvent.objects.update(gateway_name="old")
    stored(gateway, notice("transaction", "61"))
    return event


def test_events_of_a_gateway_that_is_gone_are_tried_and_given_up(
    stray: WebhookEvent, gateway: RecordingGateway
) -> None:
    assert webhooks.count_strays() == {"old": 1}
    for number in range(1, conf.webhooks().max_tries + 1):
        state = "parked" if number < conf.webhooks().max_tries else "given_up"
        assert webhooks.drain_strays() == {"old": {state: 1}}
        assert sum(webhooks.drain_strays().values(), Counter()) == {}, "too early, or over"
        let_time_pass()
    stray.refresh_from_db()
    assert (stray.state, "old" in stray.error) == ("given_up", True)
    assert webhooks.count_strays() == {}
    assert WebhookEvent.objects.filter(state="received").count() == 1, "another gateway's"


def test_a_gateway_that_is_back_in_time_gets_its_events(
    stray: WebhookEvent, gateway: RecordingGateway, settings: Any
) -> None:
    webhooks.drain_strays()
    let_time_pass()
    entries = settings.DINERO["GATEWAYS"]
    settings.DINERO = {**settings.DINERO, "GATEWAYS": {**entries, "old": entries["default"]}}
    assert webhooks.count_strays() == {}
    assert webhooks.drain(get_gateway("old")) == {"not_ours": 1}


def test_events_of_a_gateway_that_is_gone_grow_old(stray: WebhookEvent) -> None:
    assert webhooks.purge(30) == retention.Purged(0, 0, 0)
    WebhookEvent.objects.update(received_at=datetime.now(UTC) - timedelta(days=31))
    busy = {"worker": "somebody", "lease_until": datetime.now(UTC) + timedelta(minutes=1)}
    WebhookEvent.objects.filter(pk=stray.pk).update(**busy)
    assert webhooks.purge(30) == retention.Purged(0, 0, 0)
    let_time_pass()
    assert webhooks.purge(30) == retention.Purged(emptied=1, deleted=0, given_up=1)
    stray.refresh_from_db()
    assert (stray.state, stray.body) == ("given_up", "")
    assert WebhookEvent.objects.exclude(pk=stray.pk).get().state == "received"


def test_a_name_that_only_the_resolver_knows_is_configured(
    stray: WebhookEvent, settings: Any
) -> None:
    path = f"{__name__}.resolve"
    settings.DINERO = {**settings.DINERO, "GATEWAY_RESOLVER": path}
    assert webhooks.count_strays() == {}


def resolve(name: str) -> Any:
    """What a project's resolver would know."""
    return {"BACKEND": "tests.support.recording.RecordingGateway"} if name == "old" else None


# -- Dying ---------------------------------------------------------------------------------------


class Killed(BaseException):
    """The process ends here."""


def after(count: int, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
    """Run a statement, and die after so many."""
    result = execute(sql, params, many, context)
    left = context["connection"].left_to_live = context["connection"].left_to_live - 1
    if left == 0:
        raise Killed
    return result


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("lost", ["charge", "refund", "customer"])
def test_a_worker_killed_after_any_statement(
    gateway: RecordingGateway, settled: Transaction, lost: str, request: pytest.FixtureRequest
) -> None:
    """Its lease runs out, the event is applied again, the rows are the same, and users hear."""
    customer = settled.customer
    assert customer is not None
    made: list[str] = []
    heard: set[int] = set()

    def hear(event: WebhookEvent, **_: Any) -> None:
        heard.add(event.pk)

    signals.webhook_applied.connect(hear, weak=False)
    request.addfinalizer(lambda: signals.webhook_applied.disconnect(hear))

    def begin() -> WebhookNotice:
        if lost == "customer":
            there = gateway.bank.customer(customer.customer_id or "")
            made.append(f"new{len(made)}@example.com")
            gateway.bank.update_customer(there.id, key=there.key, email=made[-1])
            return notice("customer", there.id)
        gateway.faults[lost] = lose_reply
        with pytest.raises(OutcomeUnknown):
            if lost == "charge":
                Transaction.create(5, customer=customer)
            else:
                settled.refund("1.00")
        row = gateway.bank.transactions()[-1]
        made.append(row.id)
        return notice("transaction", row.id, operation_key=row.operation_key)

    for count in range(1, 100):
        event = stored(gateway, begin())
        connection.left_to_live = count  # type: ignore[attr-defined]
        try:
            with connection.execute_wrapper(partial(after, count)):
                applying.apply(event.pk)
            break
        except Killed:
            connection.close()
        let_time_pass()
        webhooks.drain(gateway)
        event.refresh_from_db()
        assert event.state == "applied"
        assert event.pk in heard
        if lost == "customer":
            customer.refresh_from_db()
            assert customer.email == made[-1]
        else:
            row = Transaction.objects.get(transaction_id=made[-1])
            assert row.status == "approved"
    assert 5 < count < 99
    if lost != "customer":
        assert Transaction.objects.filter(transaction_id__in=made).count() == len(made)


def test_errors_of_the_database_are_no_answer(gateway: RecordingGateway) -> None:
    told = notice("transaction", "60")
    with failing_statements("INSERT", OperationalError("gone")), pytest.raises(Error):
        store(gateway, told)
    assert store(gateway, told) is not None
