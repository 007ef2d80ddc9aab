"""Sending: what the claim writes, what an error leaves, what is said of it."""

from __future__ import annotations

import logging
import os
import socket
import threading
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError

from django_dinero import signals
from django_dinero.exceptions import DineroError, NotSent, OperationInProgress, OutcomeUnknown
from django_dinero.gateways.types import TransactionResult
from django_dinero.models import Operation
from django_dinero.models.operation import OperationState as State
from django_dinero.models.records import RecordedOutcome
from django_dinero.send_deadline import send_before
from django_dinero.services import journal
from django_dinero.services.journal import sending
from tests.support.clocks import set_uptime
from tests.support.journaling import begin, second_database
from tests.support.racing import before_statement, failing_statements
from tests.support.recording import RecordingGateway

pytestmark = pytest.mark.django_db

VISA = "4111111111111111"


INSERT, UPDATE = "INSERT INTO dinero_operation", "UPDATE dinero_operation"
DEADLOCK = OperationalError(1213, "Deadlock found when trying to get lock")


def fail(error: Exception) -> Any:
    def call(*args: Any, **kwargs: Any) -> None:
        raise error

    return call


@pytest.fixture
def unequal(gateway: RecordingGateway) -> RecordingGateway:
    """Lease and quarantine that cannot be taken for one another."""
    gateway.lease_seconds, gateway.quarantine_seconds = 60.0, 1000.0
    return gateway


# -- The claim -------------------------------------------------------------------------------------


def test_the_claim_writes_its_times_by_one_clock(unequal: RecordingGateway) -> None:
    operation = begin(unequal)
    sending.send(unequal, operation, lambda: None, object)
    row = Operation.objects.get()
    assert row.state == "sent"
    assert row.sent_at and row.lease_until and row.quarantine_until and row.next_check_at
    assert row.lease_until - row.sent_at == timedelta(seconds=60)
    assert row.next_check_at - row.sent_at == timedelta(seconds=60)
    assert row.quarantine_until - row.sent_at == timedelta(seconds=1000)
    assert row.updated_at == row.sent_at


def test_the_claim_counts_attempts_and_names_the_worker(gateway: RecordingGateway) -> None:
    operation = begin(gateway, attempts=3)
    sending.send(gateway, operation, lambda: None, object)
    row = Operation.objects.get()
    assert row.attempts == 4
    assert row.worker == f"{socket.gethostname()}:{os.getpid()}:{threading.get_ident()}"[:100]


def test_a_long_host_name_fits_its_column(
    gateway: RecordingGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "h" * 300)
    operation = begin(gateway)
    sending.send(gateway, operation, lambda: None, object)
    assert operation.worker == "h" * 100


def test_who_comes_second_is_told_which_operation(gateway: RecordingGateway) -> None:
    operation = begin(gateway)
    rival = Operation.objects.get()
    sending.send(gateway, operation, lambda: None, object)
    with pytest.raises(OperationInProgress) as caught:
        sending.send(gateway, rival, lambda: None, object)
    assert str(caught.value) == f"Operation {operation.key} was taken by somebody else."
    assert caught.value.operation == operation


def test_one_instance_is_sent_once(gateway: RecordingGateway) -> None:
    operation, sent = begin(gateway, sent=True), list[str]()
    sending.send(gateway, operation, lambda: sent.append("first"), object)
    with pytest.raises(OperationInProgress):
        sending.send(gateway, operation, lambda: sent.append("second"), object)
    assert sent == ["first"]


def test_what_a_look_up_gave_up_was_not_sent(gateway: RecordingGateway) -> None:
    operation = begin(gateway)
    journal.move(Operation.objects.get(), State.FAILED, RecordedOutcome(error="never sent"))
    with pytest.raises(NotSent, match="waited too long") as caught:
        sending.send(gateway, operation, lambda: None, object)
    assert caught.value.operation == operation


# -- The last moment -------------------------------------------------------------------------------


def test_a_third_of_the_lease_may_pass_before_the_first_byte(
    unequal: RecordingGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    operation = begin(unequal)
    set_uptime(monkeypatch, lambda: 500.0)
    assert sending.send(unequal, operation, send_before.get, object) == 520.0
    assert send_before.get() is None


def test_the_moment_is_forgotten_after_an_error_and_an_interrupt(
    gateway: RecordingGateway,
) -> None:
    with pytest.raises(NotSent):
        sending.send(gateway, begin(gateway), fail(NotSent("no route")), object)
    assert send_before.get() is None

    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sending.send(gateway, begin(gateway), interrupt, object)
    assert send_before.get() is None


@pytest.mark.parametrize("pause", ["claim", "receiver"])
def test_a_worker_that_is_stopped_after_its_claim_does_not_send(
    unequal: RecordingGateway, monkeypatch: pytest.MonkeyPatch, pause: str
) -> None:
    """Whether in our code or in a receiver's: a third of the lease counts from before the claim."""
    operation, clock = begin(unequal), [500.0]
    set_uptime(monkeypatch, lambda: clock[0])

    def stopped(**kwargs: Any) -> None:
        clock[0] += 21

    sent: list[str] = []

    def late() -> None:
        with pytest.raises(NotSent):
            sending.send(unequal, operation, lambda: sent.append("late"), object)

    if pause == "claim":
        with before_statement(UPDATE, stopped):
            late()
    else:
        signals.operation_changed.connect(stopped)
        try:
            late()
        finally:
            signals.operation_changed.disconnect(stopped)
    assert (sent, operation.state) == ([], "failed")


# -- What an error leaves --------------------------------------------------------------------------


def test_an_error_is_written_down_and_names_its_gateway(gateway: RecordingGateway) -> None:
    operation = begin(gateway)
    with pytest.raises(NotSent) as caught:
        sending.send(gateway, operation, fail(NotSent("no route")), object)
    assert caught.value.gateway_name == "default"
    row = Operation.objects.get()
    assert row.outcome == {"error": "no route", "code": "not_sent"}
    assert row.held_lock is None


def test_a_stored_error_holds_no_number_and_500_characters(gateway: RecordingGateway) -> None:
    with pytest.raises(OutcomeUnknown):
        sending.send(gateway, begin(gateway), fail(OutcomeUnknown(f"{VISA} {'x' * 600}")), object)
    stored = Operation.objects.get().outcome["error"]
    assert stored.startswith("[secret] xxx")
    assert len(stored) == 500


@pytest.mark.parametrize(
    ("failure", "lines"),
    [
        (
            OutcomeUnknown(f"no reply\nto {VISA}"),
            ["Operation {key} (charge at default) is unknown: no reply\\nto [secret]"],
        ),
        (NotSent("no route"), []),
    ],
)
def test_a_lost_answer_is_in_the_log_with_its_key(
    gateway: RecordingGateway,
    caplog: pytest.LogCaptureFixture,
    failure: DineroError,
    lines: list[str],
) -> None:
    operation = begin(gateway)
    with pytest.raises(type(failure)):
        sending.send(gateway, operation, fail(failure), object)
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [
        (logging.WARNING, line.format(key=operation.key)) for line in lines
    ]


def test_an_error_raised_again_has_no_context_of_the_wire(gateway: RecordingGateway) -> None:
    def call() -> None:
        try:
            raise ValueError(f"POST {VISA}")
        except ValueError:
            raise OutcomeUnknown("the reply was lost") from None

    with pytest.raises(OutcomeUnknown) as caught:
        sending.send(gateway, begin(gateway), call, object)
    assert caught.value.__cause__ is None
    broken = begin(gateway)
    with pytest.raises(OutcomeUnknown) as caught:
        sending.send(gateway, broken, fail(RuntimeError(f"POST {VISA}")), object)
    assert caught.value.__context__ is None


def test_a_broken_backend_is_logged_with_its_place_and_without_its_text(
    gateway: RecordingGateway, caplog: pytest.LogCaptureFixture
) -> None:
    operation = begin(gateway)

    def breaking_backend() -> None:
        raise RuntimeError(f"cannot read {VISA}")

    with pytest.raises(OutcomeUnknown) as caught:
        sending.send(gateway, operation, breaking_backend, object)
    text = "The backend broke off (RuntimeError); whether the gateway did it is not known."
    assert str(caught.value) == f"{text} Look up operation {operation.key}."
    assert Operation.objects.get().outcome == {"error": text, "code": "outcome_unknown"}
    record, unknown = caplog.records
    assert unknown.name == "django_dinero.journal"
    assert (record.name, record.levelno) == ("django_dinero.gateways", logging.ERROR)
    first, *frames = record.getMessage().splitlines()
    assert first == f"Operation {operation.key}: the backend raised RuntimeError"
    assert VISA not in record.getMessage()
    assert frames[0].startswith('  File "')
    assert all(line.startswith("  ") for line in frames)
    assert "in breaking_backend" in frames[-2]


@pytest.mark.parametrize("meanwhile", ["unknown", "absent"])
def test_proof_that_nothing_was_sent_overtakes_a_lookup(
    gateway: RecordingGateway, meanwhile: str
) -> None:
    operation = begin(gateway)

    def call() -> None:
        Operation.objects.update(state=meanwhile)
        raise NotSent("held up")

    with pytest.raises(NotSent):
        sending.send(gateway, operation, call, object)
    assert Operation.objects.get().state == "failed"


# -- A database that fails -------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("error", [OperationalError("gone away"), InterfaceError("closed")])
@pytest.mark.parametrize("failure", [OutcomeUnknown("lost"), NotSent("no route")])
def test_a_database_that_is_gone_hides_no_outcome(
    gateway: RecordingGateway,
    caplog: pytest.LogCaptureFixture,
    failure: DineroError,
    error: Exception,
) -> None:
    operation = begin(gateway)
    with ExitStack() as gone, pytest.raises(type(failure)) as caught:

        def call() -> None:
            gone.enter_context(failing_statements(UPDATE, error))
            raise failure

        sending.send(gateway, operation, call, object)
    assert caught.value is failure
    assert caught.value.operation == operation
    (record,) = caplog.records
    assert record.levelno == logging.CRITICAL
    state = "unknown" if isinstance(failure, OutcomeUnknown) else "failed"
    assert f"Operation {operation.key} ended as {state} at default" in record.getMessage()
    assert type(error).__name__ in record.getMessage()
    assert Operation.objects.get().state == "sent"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("error", [OperationalError("lock timeout"), InterfaceError("closed")])
def test_a_journal_that_cannot_be_written_sends_nothing(
    gateway: RecordingGateway, error: Exception
) -> None:
    sent: list[str] = []
    operation = begin(gateway)
    told = "The journal could not be written"
    with failing_statements(UPDATE, error), pytest.raises(NotSent, match=told):
        sending.send(gateway, operation, lambda: sent.append("late"), object)
    with failing_statements(INSERT, error), pytest.raises(NotSent, match=told):
        begin(gateway)
    assert (sent, Operation.objects.count()) == ([], 1)


def test_a_journal_without_its_tables_says_how_they_are_made(gateway: RecordingGateway) -> None:
    missing = OperationalError(1054, "Unknown column 'live' in 'field list'")
    with failing_statements(INSERT, missing), pytest.raises(NotSent) as caught:
        begin(gateway)
    assert str(caught.value) == (
        "The journal could not be written; nothing was sent. "
        "A table or a column is missing: run manage.py migrate."
    )


# -- On another connection -------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_an_operation_stays_on_the_connection_it_was_written_to(
    gateway: RecordingGateway, tmp_path: Path
) -> None:
    with second_database(tmp_path) as second:
        first = begin(gateway, using=second, lock_name="t", idempotency_key="order-1")
        with pytest.raises(journal.LockHeld) as busy:
            begin(gateway, using=second, lock_name="t")
        with pytest.raises(journal.KeyTaken) as taken:
            begin(gateway, using=second, idempotency_key="order-1")
        assert busy.value.operation == taken.value.operation == first
        with pytest.raises(NotSent):
            sending.send(gateway, first, fail(NotSent("no route")), object)
        journal.free_idempotency_key(first)
        row = Operation.objects.using(second).get()
        assert (row.state, row.idempotency_key) == (State.FAILED, None)
    assert not Operation.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("deadlocks", "written"), [(2, True), (6, False)])
def test_the_victim_of_a_deadlock_is_written_once_more(
    gateway: RecordingGateway, deadlocks: int, written: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("django_dinero.db.failures.time.sleep", lambda seconds: None)
    with before_statement(INSERT, *[fail(DEADLOCK)] * deadlocks):
        if written:
            assert begin(gateway).lease_until is not None
        else:
            with pytest.raises(NotSent, match="The journal could not be written"):
                begin(gateway)
    assert Operation.objects.count() == int(written)


def test_a_deadlock_in_the_callers_transaction_is_the_callers(gateway: RecordingGateway) -> None:
    # A second attempt would succeed.
    with before_statement(INSERT, fail(DEADLOCK)), pytest.raises(NotSent):
        begin(gateway)
    assert not Operation.objects.exists()


def test_an_answer_of_no_known_type_is_none(gateway: RecordingGateway) -> None:
    """A backend that forgets to return its answer has still sent the request."""
    operation = begin(gateway, sent=True)
    with pytest.raises(OutcomeUnknown, match="TypeError"):
        journal.send(gateway, operation, lambda: None, TransactionResult)
    assert Operation.objects.get().state == "unknown"
