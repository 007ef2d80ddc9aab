"""The journal: every change of state, and who wins when several want one."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection, transaction

from django_dinero import signals
from django_dinero.exceptions import (
    InsideTransaction,
    InvalidInput,
    NotSent,
    OperationInProgress,
    OutcomeUnknown,
    UnsupportedFeature,
)
from django_dinero.models import Operation
from django_dinero.models.operation import LOCKING_STATES
from django_dinero.models.operation import OperationState as State
from django_dinero.models.records import Intent, RecordedOutcome
from django_dinero.services import journal
from django_dinero.services.recovery import lookup
from tests.support.clocks import set_uptime
from tests.support.journaling import begin
from tests.support.recording import RecordingGateway

pytestmark = pytest.mark.django_db

#: Written out by hand, not read from the table under test.
ALLOWED = {
    ("new", "sent"),
    ("new", "failed"),
    ("new", "succeeded"),
    ("sent", "succeeded"),
    ("sent", "declined"),
    ("sent", "held"),
    ("sent", "failed"),
    ("sent", "unknown"),
    ("sent", "needs_attention"),
    ("sent", "requires_action"),
    ("unknown", "succeeded"),
    ("unknown", "declined"),
    ("unknown", "held"),
    ("unknown", "failed"),
    ("unknown", "absent"),
    ("unknown", "needs_attention"),
    ("unknown", "requires_action"),
    ("held", "succeeded"),
    ("held", "declined"),
    ("held", "needs_attention"),
    ("absent", "succeeded"),
    ("absent", "declined"),
    ("absent", "held"),
    ("absent", "failed"),
    ("absent", "needs_attention"),
    ("absent", "requires_action"),
    ("failed", "succeeded"),
    ("failed", "held"),
    ("failed", "needs_attention"),
    ("failed", "requires_action"),
    ("requires_action", "succeeded"),
    ("requires_action", "declined"),
    ("requires_action", "held"),
    ("requires_action", "failed"),
    ("requires_action", "needs_attention"),
    ("needs_attention", "succeeded"),
    ("needs_attention", "declined"),
    ("needs_attention", "failed"),
    ("needs_attention", "closed"),
}
FREE = {"succeeded", "declined", "held", "requires_action", "failed", "absent", "closed"}


@pytest.mark.parametrize(("old", "new"), list(itertools.product(State.values, State.values)))
def test_only_these_changes_of_state(gateway: RecordingGateway, old: str, new: str) -> None:
    operation = begin(gateway, lock_name="somebody")
    slot = "somebody" if old in LOCKING_STATES else None
    Operation.objects.filter(pk=operation.pk).update(state=old, held_lock=slot)
    operation.refresh_from_db()
    won = journal.move(operation, State(new), outcome=RecordedOutcome(error="test"))
    assert won is ((old, new) in ALLOWED)
    stored = Operation.objects.get(pk=operation.pk)
    assert stored.state == operation.state == (new if won else old)
    assert stored.outcome == ({"error": "test"} if won else {})
    if won:
        assert (stored.held_lock is None) is (slot is None or new in FREE)


def test_the_loser_of_a_change_sees_the_winners(gateway: RecordingGateway) -> None:
    operation = begin(gateway)
    rival = Operation.objects.get(pk=operation.pk)
    assert journal.move(operation, State.SENT)
    assert not journal.move(rival, State.FAILED)
    assert rival.state == "sent"


def test_users_hear_of_every_change(gateway: RecordingGateway) -> None:
    heard: list[tuple[object, ...]] = []

    def changed(sender: object, operation: Operation, **kwargs: Any) -> None:
        heard.append((sender, operation.key, kwargs["old_state"], kwargs["new_state"]))

    operation = begin(gateway)
    signals.operation_changed.connect(changed)
    try:
        journal.send(gateway, operation, lambda: None)
        assert not journal.move(operation, State.SENT)
    finally:
        signals.operation_changed.disconnect(changed)
    assert heard == [(Operation, operation.key, "new", "sent")]


def test_a_change_is_dated(gateway: RecordingGateway) -> None:
    operation = begin(gateway)
    Operation.objects.update(updated_at="2020-01-01T00:00:00Z")
    journal.move(operation, State.FAILED)
    assert operation.updated_at >= operation.created_at


@pytest.mark.parametrize(("kind", "outcome"), [("charge", {"result": "failed"}), ("add_card", {})])
def test_no_late_answer_takes_a_refusal_away(
    gateway: RecordingGateway, kind: str, outcome: dict[str, str]
) -> None:
    operation = begin(gateway)
    Operation.objects.update(state="failed", outcome=outcome, kind=kind, amount=5)
    operation.refresh_from_db()
    journal.end(operation, State.SUCCEEDED, RecordedOutcome(result="approved"))
    assert Operation.objects.get().state == "failed"


def test_a_payment_that_failed_without_an_answer_may_land_late(gateway: RecordingGateway) -> None:
    operation = begin(gateway)
    Operation.objects.update(state="failed", kind="charge", amount=5)
    operation.refresh_from_db()
    journal.end(operation, State.SUCCEEDED, RecordedOutcome(result="approved"))
    assert Operation.objects.get().state == "succeeded"


def test_users_hear_from_where_an_end_came(gateway: RecordingGateway) -> None:
    heard: list[tuple[object, ...]] = []

    def changed(sender: object, **kwargs: Any) -> None:
        heard.append((kwargs["old_state"], kwargs["new_state"]))

    operation = begin(gateway)
    signals.operation_changed.connect(changed)
    try:
        journal.end(operation, State.FAILED, RecordedOutcome())
        journal.end(operation, State.UNKNOWN, RecordedOutcome())  # leads nowhere from there
    finally:
        signals.operation_changed.disconnect(changed)
    assert heard == [("new", "failed")]


def test_more_of_an_intent_is_written_by_the_claim(gateway: RecordingGateway) -> None:
    other, operation = begin(gateway), begin(gateway, intent=Intent(last_4="1111"))
    journal.add_to_intent(operation, known_card_ids=("7",))
    assert Operation.objects.get(pk=operation.pk).intent == {"last_4": "1111"}
    intent = {"last_4": "1111", "known_card_ids": ["7"]}

    def call() -> None:
        assert Operation.objects.get(pk=operation.pk).intent == intent

    journal.send(gateway, operation, call)
    assert operation.intent == Operation.objects.get(pk=operation.pk).intent == intent
    assert Operation.objects.get(pk=other.pk).intent == {}


def test_who_is_overtaken_leaves_the_intent_as_it_is(gateway: RecordingGateway) -> None:
    operation = begin(gateway)
    Operation.objects.update(state=State.SENT)
    journal.add_to_intent(operation, known_card_ids=("7",))
    with pytest.raises(OperationInProgress):
        journal.send(gateway, operation, lambda: None)
    assert Operation.objects.get().intent == {}


# -- Beginning -------------------------------------------------------------------------------------


def test_a_new_operation_has_a_key_and_a_lease(gateway: RecordingGateway) -> None:
    operation = begin(gateway)
    assert len(operation.key) == 20
    assert operation.state == "new"
    assert operation.lease_until is not None
    # To the microsecond: both are the database's own clock, read in one statement.
    length = (operation.lease_until - operation.created_at).total_seconds()
    assert length == gateway.lease_seconds
    assert operation.updated_at == operation.created_at


def test_a_target_has_one_open_operation(gateway: RecordingGateway) -> None:
    first = begin(gateway, lock_name="t")
    with pytest.raises(journal.LockHeld) as caught:
        begin(gateway, lock_name="t")
    assert caught.value.operation == first
    journal.move(first, State.FAILED)
    assert begin(gateway, lock_name="t").pk != first.pk


def test_a_key_has_one_operation(gateway: RecordingGateway) -> None:
    first = begin(gateway, idempotency_key="k", scope="")
    with pytest.raises(journal.KeyTaken) as caught:
        begin(gateway, idempotency_key="k", scope="")
    assert caught.value.operation == first
    begin(gateway, idempotency_key="k", scope="other")
    begin(gateway, idempotency_key=None, scope="")
    begin(gateway, idempotency_key=None, scope="")


@pytest.mark.django_db(transaction=True, databases="__all__")
def test_money_inside_a_transaction_is_refused_or_journaled_apart(
    gateway: RecordingGateway,
) -> None:
    with transaction.atomic():
        if connection.vendor == "sqlite":
            with pytest.raises(InsideTransaction, match="JOURNAL_ALIAS"):
                journal.alias_for_money()
            assert journal.alias_for_vault() == "default"
        else:
            assert journal.alias_for_money() == journal.alias_for_vault() == "journal"
    assert journal.alias_for_money() == journal.alias_for_vault() == "default"


@pytest.mark.django_db(transaction=True)
def test_autocommit_switched_off_counts_as_a_transaction(
    gateway: RecordingGateway, settings: Any
) -> None:
    settings.DINERO = {**settings.DINERO, "JOURNAL_ALIAS": ""}
    transaction.set_autocommit(False)
    try:
        with pytest.raises(InsideTransaction):
            journal.alias_for_money()
    finally:
        transaction.rollback()
        transaction.set_autocommit(True)


# -- Sending ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (NotSent("refused"), "failed"),
        (InvalidInput({"zip": "too long"}), "failed"),
        (UnsupportedFeature("no"), "failed"),
        (OutcomeUnknown("lost"), "unknown"),
        (RuntimeError("boom"), "unknown"),
        (KeyError("x"), "unknown"),
    ],
)
def test_what_an_error_leaves(gateway: RecordingGateway, error: Exception, state: str) -> None:
    operation = begin(gateway)

    def call() -> None:
        raise error

    expected = OutcomeUnknown if state == "unknown" else type(error)
    with pytest.raises(expected) as caught:
        journal.send(gateway, operation, call)
    assert operation.state == state
    assert caught.value.operation == operation  # type: ignore[attr-defined]
    assert operation.outcome["code"] == caught.value.code  # type: ignore[attr-defined]


def test_an_interrupt_leaves_it_sent(gateway: RecordingGateway) -> None:
    operation = begin(gateway)

    def call() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        journal.send(gateway, operation, call)
    assert Operation.objects.get().state == "sent"


def test_an_operation_is_sent_once(gateway: RecordingGateway) -> None:
    operation = begin(gateway)
    rival = Operation.objects.get()
    sent: list[str] = []
    journal.send(gateway, operation, lambda: sent.append("first"))
    with pytest.raises(OperationInProgress):
        journal.send(gateway, rival, lambda: sent.append("second"))
    assert sent == ["first"]
    assert operation.attempts == 1
    assert operation.sent_at is not None
    assert operation.quarantine_until is not None
    quarantine = (operation.quarantine_until - operation.sent_at).total_seconds()
    assert abs(quarantine - gateway.quarantine_seconds) < 5
    assert operation.worker


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_one_sends(gateway: RecordingGateway) -> None:
    operation = begin(gateway)
    start, sent = threading.Barrier(8), []

    def work() -> None:
        try:
            mine = Operation.objects.get(pk=operation.pk)
            start.wait()
            journal.send(gateway, mine, lambda: sent.append(1))
        except OperationInProgress:
            pass
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sent == [1]


# -- Workers that do not come back -----------------------------------------------------------------


def dead(gateway: RecordingGateway, state: str, **values: Any) -> Operation:
    operation = begin(gateway)
    past = "2020-01-01T00:00:00Z"
    Operation.objects.filter(pk=operation.pk).update(
        **{"state": state, "lease_until": past, "sent_at": past, **values}
    )
    operation.refresh_from_db()
    return operation


def test_a_lease_that_runs_is_left_alone(gateway: RecordingGateway) -> None:
    for state in ("new", "sent"):
        operation = dead(gateway, state, lease_until="2999-01-01T00:00:00Z")
        assert lookup.look_up(operation).state == state


@pytest.mark.parametrize(
    ("state", "quarantine", "becomes"),
    [
        ("new", "2999-01-01T00:00:00Z", "failed"),
        ("sent", "2999-01-01T00:00:00Z", "unknown"),
        ("sent", "2020-01-01T00:00:00Z", "absent"),
        ("unknown", "2999-01-01T00:00:00Z", "unknown"),
        ("unknown", "2020-01-01T00:00:00Z", "absent"),
        ("needs_attention", "2020-01-01T00:00:00Z", "needs_attention"),
    ],
)
def test_what_becomes_of_a_dead_workers_operation(
    gateway: RecordingGateway, state: str, quarantine: str, becomes: str
) -> None:
    operation = dead(gateway, state, quarantine_until=quarantine)
    assert lookup.look_up(operation).state == becomes


def test_an_incomplete_list_proves_nothing(gateway: RecordingGateway) -> None:
    from_lookup: Callable[..., Any] = lambda call: type(call())(matches=(), complete=False)  # noqa: E731
    gateway.faults["find_operation"] = from_lookup
    operation = dead(gateway, "unknown", quarantine_until="2020-01-01T00:00:00Z")
    assert lookup.look_up(operation).state == "unknown"
    assert operation.next_check_at is not None


def test_a_gateway_that_cannot_be_reached_proves_nothing(gateway: RecordingGateway) -> None:
    def unreachable(call: Callable[[], Any]) -> Any:
        raise NotSent("no route")

    gateway.faults["find_operation"] = unreachable
    operation = dead(gateway, "unknown", quarantine_until="2020-01-01T00:00:00Z")
    assert lookup.look_up(operation).state == "unknown"
    assert "no route" in operation.outcome["lookup"]


# -- Written as sent -------------------------------------------------------------------------------


def test_whoever_writes_it_as_sent_may_send_it_without_a_claim(gateway: RecordingGateway) -> None:
    before = time.monotonic()
    operation = begin(gateway, sent=True)
    stored = Operation.objects.get()
    assert (stored.state, operation.state, stored.attempts) == ("sent", "sent", 1)
    assert stored.worker
    assert None not in (stored.sent_at, stored.lease_until, stored.quarantine_until)
    assert stored.next_check_at == stored.lease_until
    assert operation.send_before is not None
    assert operation.send_before >= before + gateway.lease_seconds / 3
    assert journal.send(gateway, operation, lambda: "answer") == "answer"
    assert Operation.objects.get().attempts == 1


def test_receivers_hear_that_it_is_sent_before_it_is(gateway: RecordingGateway) -> None:
    heard: list[tuple[str, str, int]] = []

    def changed(**kwargs: Any) -> None:
        heard.append((kwargs["old_state"], kwargs["new_state"], Operation.objects.count()))

    signals.operation_changed.connect(changed)
    try:
        operation = begin(gateway, sent=True)
        assert heard == [("new", "sent", 1)]
        journal.send(gateway, operation, lambda: None)
    finally:
        signals.operation_changed.disconnect(changed)
    assert heard == [("new", "sent", 1)]


def test_another_worker_does_not_send_what_was_written_as_sent(gateway: RecordingGateway) -> None:
    begin(gateway, sent=True)
    with pytest.raises(OperationInProgress, match="taken by somebody else"):
        journal.send(gateway, Operation.objects.get(), lambda: pytest.fail("it was sent twice"))
    assert Operation.objects.get().state == "sent"


def test_the_time_to_send_counts_from_before_the_row_is_written(
    gateway: RecordingGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database made this worker wait for longer than it may wait before it sends."""
    clock = iter([100.0, 100.0 + gateway.lease_seconds])
    set_uptime(monkeypatch, lambda: next(clock))
    operation = begin(gateway, sent=True)
    with pytest.raises(NotSent, match="held up for too long"):
        journal.send(gateway, operation, lambda: pytest.fail("it was sent too late"))
    assert Operation.objects.get().state == "failed"


@pytest.mark.parametrize("state", ["held", "requires_action", "needs_attention"])
def test_whoever_ends_it_keeps_the_marks_that_it_has_not_read(
    gateway: RecordingGateway, state: str
) -> None:
    """A HELD orphan is marked between the look of whoever decides it and his write."""
    operation = begin(gateway)
    Operation.objects.filter(pk=operation.pk).update(state=state, outcome={"result": state})
    operation.refresh_from_db()
    marked = {"result": state, "lookup": "held", "orphan": True, "give_back": True}
    Operation.objects.filter(pk=operation.pk).update(outcome=marked)
    assert journal.move(operation, State.SUCCEEDED, RecordedOutcome(result="approved"))
    expected = {"result": "approved", "orphan": True, "give_back": True}
    assert operation.outcome == Operation.objects.get(pk=operation.pk).outcome == expected


def test_a_change_of_what_is_recorded_is_made_in_the_named_state_only(
    gateway: RecordingGateway,
) -> None:
    operation = begin(gateway)

    def note(stored: RecordedOutcome) -> RecordedOutcome:
        return replace(stored, lookup="now")

    assert not journal.change_outcome(operation, note, in_state="held")
    assert not journal.change_outcome(operation, lambda stored: None)
    assert Operation.objects.get(pk=operation.pk).outcome == {}
    assert journal.change_outcome(operation, note, in_state="new", attempts=3)
    stored = Operation.objects.get(pk=operation.pk)
    assert (stored.outcome, stored.attempts) == ({"lookup": "now"}, 3)
