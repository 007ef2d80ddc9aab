"""A new operation: what it is written with, and what it collides with."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from django.db import IntegrityError, connections, transaction

from django_dinero import signals
from django_dinero.exceptions import (
    NotSent,
    OperationInProgress,
)
from django_dinero.models import Operation
from django_dinero.models.operation import OperationState as State
from django_dinero.models.records import Intent
from django_dinero.services import journal
from django_dinero.services.recovery import locking
from tests.support.clocks import set_uptime
from tests.support.journaling import begin
from tests.support.racing import before_statement
from tests.support.recording import RecordingGateway

pytestmark = pytest.mark.django_db

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
    assert journal.send(gateway, operation, lambda: "answer", object) == "answer"
    assert Operation.objects.get().attempts == 1


def test_receivers_hear_that_it_is_sent_before_it_is(gateway: RecordingGateway) -> None:
    heard: list[tuple[str, str, int]] = []

    def changed(**kwargs: Any) -> None:
        heard.append((kwargs["old_state"], kwargs["new_state"], Operation.objects.count()))

    signals.operation_changed.connect(changed)
    try:
        operation = begin(gateway, sent=True)
        assert heard == [("new", "sent", 1)]
        journal.send(gateway, operation, lambda: None, object)
    finally:
        signals.operation_changed.disconnect(changed)
    assert heard == [("new", "sent", 1)]


def test_another_worker_does_not_send_what_was_written_as_sent(gateway: RecordingGateway) -> None:
    begin(gateway, sent=True)
    with pytest.raises(OperationInProgress, match="taken by somebody else"):
        journal.send(
            gateway, Operation.objects.get(), lambda: pytest.fail("it was sent twice"), object
        )
    assert Operation.objects.get().state == "sent"


def test_the_time_to_send_counts_from_before_the_row_is_written(
    gateway: RecordingGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database made this worker wait for longer than it may wait before it sends."""
    clock = iter([100.0, 100.0 + gateway.lease_seconds])
    set_uptime(monkeypatch, lambda: next(clock))
    operation = begin(gateway, sent=True)
    with pytest.raises(NotSent, match="held up for too long"):
        journal.send(gateway, operation, lambda: pytest.fail("it was sent too late"), object)
    assert Operation.objects.get().state == "failed"


# -- Collisions ------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_new_operation_has_what_it_was_given(gateway: RecordingGateway) -> None:
    begin(gateway, lock_name="customer:1", intent=Intent(last_4="1111"))
    begin(gateway)
    free, held = Operation.objects.all()
    assert (held.gateway_name, held.kind, held.intent) == ("default", "charge", {"last_4": "1111"})
    assert (held.lock_name, held.held_lock) == ("customer:1", "customer:1")
    assert (free.lock_name, free.held_lock) == ("", None)


@pytest.mark.django_db
def test_a_taken_key_names_the_operation_of_its_scope(gateway: RecordingGateway) -> None:
    wanted = begin(gateway, scope="shop", idempotency_key="order-1")
    begin(gateway, scope="shop", idempotency_key="order-2")
    begin(gateway, scope="club", idempotency_key="order-1")
    with pytest.raises(journal.KeyTaken) as caught:
        begin(gateway, scope="shop", idempotency_key="order-1")
    assert str(caught.value) == "This idempotency key was used before."
    assert caught.value.operation == wanted


@pytest.mark.django_db
def test_a_held_target_names_its_holder(gateway: RecordingGateway) -> None:
    holder = begin(gateway, lock_name="t")
    begin(gateway, lock_name="other")
    with pytest.raises(journal.LockHeld) as caught:
        begin(gateway, lock_name="t", idempotency_key="order-1", scope="")
    assert str(caught.value) == f"Operation {holder.key} on the same object is not finished."
    assert caught.value.operation == holder
    assert caught.value.__context__ is None


@pytest.mark.django_db(transaction=True)
def test_a_collision_leaves_the_callers_transaction_usable(
    gateway: RecordingGateway, second: str
) -> None:
    with transaction.atomic(using=second):
        begin(gateway, using=second, lock_name="t")
        with pytest.raises(journal.LockHeld):
            begin(gateway, using=second, lock_name="t")
        assert not connections[second].needs_rollback
    assert Operation.objects.using(second).count() == 1


def meanwhile(change: Callable[[], object]) -> AbstractContextManager[None]:
    """Do something between the refused insert and the look at who is in the way."""
    return before_statement("SELECT", change)


@pytest.mark.django_db
def test_a_holder_that_finished_meanwhile_is_not_named(gateway: RecordingGateway) -> None:
    begin(gateway, lock_name="t")
    with (
        meanwhile(lambda: Operation.objects.update(held_lock=None)),
        pytest.raises(journal.LockHeld) as caught,
    ):
        begin(gateway, lock_name="t")
    assert str(caught.value) == "Operation ? on the same object is not finished."
    assert caught.value.operation is None


@pytest.mark.django_db
def test_a_constraint_of_the_projects_is_not_told_as_a_lock(gateway: RecordingGateway) -> None:
    def refuse() -> None:
        raise IntegrityError("a trigger says no")

    with (
        before_statement("INSERT", refuse),
        pytest.raises(IntegrityError, match="a trigger says no"),
    ):
        begin(gateway, lock_name="t", idempotency_key="order-1")


@pytest.mark.django_db
def test_a_constraint_in_the_way_of_a_delete_is_told_as_it_is(gateway: RecordingGateway) -> None:
    def refuse() -> None:
        raise IntegrityError("a trigger says no")

    tombstone = Operation.objects.create(kind="delete_customer", lock_name="t", live=False)
    with before_statement("UPDATE", refuse), pytest.raises(IntegrityError, match="says no"):
        locking.take_lock(gateway, tombstone)


@pytest.mark.django_db
def test_a_key_that_was_freed_meanwhile_names_no_stranger(gateway: RecordingGateway) -> None:
    begin(gateway, idempotency_key="order-1")
    with (
        meanwhile(lambda: Operation.objects.update(idempotency_key=None)),
        pytest.raises(NotSent, match="used a moment ago") as caught,
    ):
        begin(gateway, idempotency_key="order-1")
    assert caught.value.operation is None
