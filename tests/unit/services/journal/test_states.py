"""The journal: every change of state, and who wins when several want one."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest

from django_dinero import signals
from django_dinero.exceptions import (
    OperationInProgress,
)
from django_dinero.models import Operation
from django_dinero.models.operation import LOCKING_STATES
from django_dinero.models.operation import OperationState as State
from django_dinero.models.records import Intent, RecordedOutcome
from django_dinero.services import journal
from tests.support.journaling import Router, begin
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
        journal.send(gateway, operation, lambda: None, object)
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

    journal.send(gateway, operation, call, object)
    assert operation.intent == Operation.objects.get(pk=operation.pk).intent == intent
    assert Operation.objects.get(pk=other.pk).intent == {}


def test_who_is_overtaken_leaves_the_intent_as_it_is(gateway: RecordingGateway) -> None:
    operation = begin(gateway)
    Operation.objects.update(state=State.SENT)
    journal.add_to_intent(operation, known_card_ids=("7",))
    with pytest.raises(OperationInProgress):
        journal.send(gateway, operation, lambda: None, object)
    assert Operation.objects.get().intent == {}


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


# -- A router --------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_row_that_names_no_connection_is_the_routers(
    gateway: RecordingGateway, second: str, settings: Any
) -> None:
    settings.DATABASE_ROUTERS = [Router(second)]
    first = begin(gateway, using=second, idempotency_key="order-1")
    detached = Operation(pk=first.pk, state="new")
    assert journal.move(detached, State.SENT)
    detached = Operation(pk=first.pk, state="sent")
    done = journal.end_operation(
        detached, State.FAILED, RecordedOutcome(error="no"), lambda: "rows"
    )
    assert done == "rows"
    journal.free_idempotency_key(Operation(pk=first.pk))
    row = Operation.objects.using(second).get()
    assert (row.state, row.outcome, row.idempotency_key) == ("failed", {"error": "no"}, None)


@pytest.mark.django_db(transaction=True)
def test_nothing_is_read_from_a_replica_that_lags(
    gateway: RecordingGateway, second: str, settings: Any
) -> None:
    settings.DATABASE_ROUTERS = [Router(second, replica="default")]
    operation = begin(gateway, using=second)
    assert operation.lease_until is not None
    journal.send(gateway, operation, lambda: None, object)
    assert operation.sent_at is not None
    rival = Operation.objects.using(second).get()
    assert journal.move(operation, State.FAILED)
    assert not journal.move(rival, State.UNKNOWN)
    assert operation.updated_at >= operation.sent_at
    assert (operation.state, rival.state) == ("failed", "failed")


@pytest.mark.django_db(transaction=True)
def test_what_was_read_from_a_replica_is_not_written_there(
    gateway: RecordingGateway, second: str, settings: Any
) -> None:
    settings.DATABASE_ROUTERS = [Router(second, replica="default")]
    operation = begin(gateway, using=second)
    operation._state.db = "default"
    assert operation.written_on == second
    assert journal.move(operation, State.FAILED, outcome=RecordedOutcome(error="no"))
    assert Operation.objects.using(second).get().outcome == {"error": "no"}
