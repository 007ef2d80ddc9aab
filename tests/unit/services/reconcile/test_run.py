"""Runs: one at a time, resumable, as far back as the last one began, whole or broken."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from django_dinero.db import clock
from django_dinero.exceptions import GatewayError, InsideTransaction, InvalidInput, NotSent
from django_dinero.models import Difference, Operation, Reconciliation, Transaction
from django_dinero.models.difference import DifferenceKind
from django_dinero.services.reconcile import differences, lease, run, window
from django_dinero.services.reconcile.differences import Found
from django_dinero.services.reconcile.phase import Run
from django_dinero.services.reconcile.run import Phase, reconcile
from django_dinero.testing.factories import OperationFactory, TransactionFactory
from tests.support.recording import RecordingGateway

pytestmark = pytest.mark.django_db

PAST = "2020-01-01T00:00:00Z"
HOUR = timedelta(hours=1)


class Killed(BaseException):
    """The process is gone: nothing of ours may catch it."""


@pytest.fixture
def phases(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Put other phases into the table; the list says which ran."""
    ran: list[str] = []

    def put(*named: Phase) -> list[str]:
        def noted(phase: Phase) -> Phase:
            def work(found: Run) -> None:
                ran.append(phase.name)
                phase.work(found)

            return Phase(phase.name, work, phase.always, phase.needs)

        monkeypatch.setattr(run, "PHASES", tuple(noted(phase) for phase in named))
        return ran

    return put


def count(name: str) -> Callable[[Run], None]:
    """A phase that counts one thing."""

    def work(found: Run) -> None:
        found.counts[name] += 1

    return work


def fail(error: BaseException) -> Callable[[Run], None]:
    def work(found: Run) -> None:
        raise error

    return work


# -- How a run ends --------------------------------------------------------------------------------


def test_a_run_is_written_down(gateway: RecordingGateway, phases: Any) -> None:
    phases(Phase("first", count("rows")), Phase("second", count("rows")))
    made = reconcile("default")
    stored = Reconciliation.objects.get()
    assert made == stored
    assert (stored.state, stored.phases_done) == ("finished", ["first", "second"])
    assert stored.counts["rows"] == 2
    assert (stored.running_name, stored.lease_until, stored.error) == (None, None, "")
    assert stored.ended_at is not None and stored.ended_at >= stored.started_at
    assert (stored.gateway_name, stored.live) == ("default", False)


def test_what_needs_a_person_is_counted_at_the_end(gateway: RecordingGateway) -> None:
    OperationFactory(state="needs_attention")
    OperationFactory(state="unknown", quarantine_until=PAST, next_check_at=PAST)
    OperationFactory(state="unknown", quarantine_until="2999-01-01T00:00:00Z", live=True)
    differences.record(gateway, Found(kind=DifferenceKind.BOOKS, subject="1", text="one"))
    gateway.faults["find_operation"] = lambda call: (_ for _ in ()).throw(NotSent("down"))
    counts = reconcile("default").counts
    assert counts["needs_attention"] == 1
    assert counts["unknown_past_quarantine"] == 1
    assert counts["open_differences"] == 1
    Difference.objects.get().close(note="explained", by="Ann")
    assert reconcile("default").counts["open_differences"] == 0


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (GatewayError("see 4111111111111111"), "second: see [secret]"),
        (ZeroDivisionError("secret-cvv"), "second: ZeroDivisionError"),
    ],
)
def test_a_phase_that_breaks_off_breaks_the_run_and_not_the_later_phases(
    gateway: RecordingGateway,
    phases: Any,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
    told: str,
) -> None:
    ran = phases(
        Phase("first", count("rows")),
        Phase("second", fail(error)),
        Phase("third", count("rows")),
        Phase("fourth", count("rows"), needs=("second",)),
        Phase("fifth", count("rows"), needs=("fourth",)),
    )
    with caplog.at_level(logging.ERROR):
        made = reconcile("default")
    assert ran == ["first", "second", "third"]
    assert made.state == "broken"
    assert made.error == f"{told}\nfourth: left out\nfifth: left out"
    assert made.phases_done == ["first", "third"]
    assert "second" in caplog.text
    assert "4111" not in caplog.text and "secret-cvv" not in caplog.text


def test_a_broken_run_is_no_watermark_and_is_not_gone_on_with(
    gateway: RecordingGateway, phases: Any
) -> None:
    phases(Phase("first", count("rows")))
    first = reconcile("default")
    ran = phases(Phase("first", count("rows")), Phase("second", fail(GatewayError("no list"))))
    broken = reconcile("default")
    assert reconcile("default").since == broken.since == first.started_at - window.OVERLAP
    assert ran == ["first", "first", "second", "first", "second"]


# -- How far back ----------------------------------------------------------------------------------


def test_the_first_run_looks_back_to_the_oldest_row(gateway: RecordingGateway) -> None:
    began = clock.now("default")
    assert abs(reconcile("default").since - (began - window.OVERLAP)) < HOUR
    Reconciliation.objects.all().delete()
    OperationFactory()
    TransactionFactory()
    OperationFactory(gateway_name="other")
    Operation.objects.filter(gateway_name="default").update(created_at=began - 5 * HOUR)
    Operation.objects.filter(gateway_name="other").update(created_at=began - 50 * HOUR)
    Transaction.objects.update(created_at=began - 9 * HOUR)
    assert reconcile("default").since == began - 9 * HOUR - window.OVERLAP
    Reconciliation.objects.all().delete()
    OperationFactory()
    Operation.objects.filter(created_at__gt=began - HOUR).update(created_at=PAST)
    assert reconcile("default").since == began - 9 * HOUR - window.OVERLAP, "90 days at most"


def test_a_later_run_looks_back_to_a_little_before_the_last_one_began(
    gateway: RecordingGateway,
) -> None:
    first = reconcile("default")
    began = first.started_at - 5 * HOUR
    Reconciliation.objects.update(started_at=began)
    assert reconcile("default").since == began - window.OVERLAP


def test_another_gateway_or_account_has_a_watermark_of_its_own(gateway: RecordingGateway) -> None:
    first = reconcile("default")
    now = clock.now("default")
    for change in ({"live": True}, {"gateway_name": "other"}):
        Reconciliation.objects.filter(pk=first.pk).update(started_at=now - 100 * HOUR, **change)
        made = reconcile("default")
        assert made.since > now - 50 * HOUR
        made.delete()


@pytest.mark.parametrize("apart", [-72, -1, 1, 72])
def test_clocks_that_differ_leave_no_gap(
    gateway: RecordingGateway, monkeypatch: pytest.MonkeyPatch, apart: int
) -> None:
    """The window covers what was done since the last run by the gateway's clock and by ours."""
    first = reconcile("default")
    Reconciliation.objects.update(started_at=first.started_at - 5 * HOUR)
    now = clock.now("default")
    monkeypatch.setattr(gateway, "clock", lambda: now + apart * HOUR)
    since = reconcile("default").since
    earlier = min(now, now + apart * HOUR)
    assert abs(since - (earlier - 5 * HOUR - window.OVERLAP)) < timedelta(minutes=1)


@pytest.mark.parametrize("error", [GatewayError("no answer"), ValueError("a broken backend")])
def test_a_gateway_that_cannot_tell_the_time_is_read_by_ours(
    gateway: RecordingGateway, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def clockless() -> datetime:
        raise error

    monkeypatch.setattr(gateway, "clock", clockless)
    monkeypatch.setattr(run, "PHASES", ())  # a sweep does not do without it
    first = reconcile("default")
    assert reconcile("default").since == first.started_at - window.OVERLAP


def test_a_later_start_leaves_the_watermark_where_it_was(gateway: RecordingGateway) -> None:
    first = reconcile("default")
    later, earlier = datetime.now(UTC) - HOUR, datetime.now(UTC) - 400 * HOUR
    assert reconcile("default", since=later).since == later
    assert reconcile("default").since == first.started_at - window.OVERLAP
    wide = reconcile("default", since=earlier)
    assert reconcile("default").since == wide.started_at - window.OVERLAP


# -- One at a time, and one that was killed --------------------------------------------------------


def killed(phases: Any, *done: Phase) -> Reconciliation:
    """A run that was killed after some phases."""
    phases(*done, Phase("deadly", fail(Killed())))
    with pytest.raises(Killed):
        reconcile("default")
    return Reconciliation.objects.get(state="running")


def test_a_live_run_is_left_to_its_worker(gateway: RecordingGateway, phases: Any) -> None:
    theirs = killed(phases, Phase("first", count("rows")))
    ran = phases(Phase("first", count("rows")))
    ran.clear()
    assert reconcile("default") == theirs
    assert reconcile("default", since=datetime.now(UTC)) == theirs
    assert (ran, Reconciliation.objects.count()) == ([], 1)
    theirs.refresh_from_db()
    assert theirs.state == "running"


def test_a_killed_run_is_gone_on_with(gateway: RecordingGateway, phases: Any) -> None:
    theirs = killed(phases, Phase("lists", count("rows")), Phase("due", count("due"), always=True))
    Reconciliation.objects.update(lease_until=PAST, since=PAST)
    ran = phases(
        Phase("lists", count("rows")),
        Phase("due", count("due"), always=True),
        Phase("deadly", count("rows")),
    )
    ran.clear()
    made = reconcile("default")
    assert made == theirs
    assert ran == ["due", "deadly"]
    assert (made.state, made.since) == ("finished", datetime(2020, 1, 1, tzinfo=UTC))
    assert made.phases_done == ["lists", "due", "deadly"]
    assert (made.counts["rows"], made.counts["due"]) == (2, 2)
    assert made.started_at == theirs.started_at


@pytest.mark.parametrize("reason", ["it is a day old", "another start is asked for"])
def test_one_that_is_not_gone_on_with_is_broken(
    gateway: RecordingGateway, phases: Any, reason: str
) -> None:
    theirs = killed(phases, Phase("lists", count("rows")))
    asked = None
    if reason == "it is a day old":
        Reconciliation.objects.update(started_at=datetime.now(UTC) - 25 * HOUR)
    else:
        asked = datetime.now(UTC) - 500 * HOUR
    Reconciliation.objects.update(lease_until=PAST)
    ran = phases(Phase("lists", count("rows")))
    ran.clear()
    made = reconcile("default", since=asked)
    theirs.refresh_from_db()
    assert (theirs.state, made.state, ran) == ("broken", "finished", ["lists"])
    assert "died" in theirs.error and theirs.ended_at is not None


def test_a_worker_whose_run_was_taken_over_stops(
    gateway: RecordingGateway, phases: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def sleep(found: Run) -> None:
        Reconciliation.objects.update(worker="another")

    ran = phases(Phase("first", sleep), Phase("second", count("rows")))
    made = reconcile("default")
    assert (made.state, made.phases_done, ran) == ("running", [], ["first"])
    assert "taken this run over" in caplog.text


def test_progress_keeps_the_lease(
    gateway: RecordingGateway, phases: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "PROLONGED_EVERY", -1.0)

    def work(found: Run) -> None:
        Reconciliation.objects.update(lease_until=PAST)
        found.progress("lists", 1, 2)
        kept = Reconciliation.objects.filter(lease_until__gt=clock.now("default") + HOUR / 12)
        assert kept.exists()

    phases(Phase("lists", work))
    steps: list[Any] = []
    made = reconcile("default", progress=lambda *step: steps.append(step))
    assert (made.state, steps) == ("finished", [("lists", 1, 2)])


def test_progress_writes_little(gateway: RecordingGateway, phases: Any) -> None:
    def work(found: Run) -> None:
        with CaptureQueriesContext(connection) as context:
            for n in range(1_000):
                found.progress("lists", n, None)
        assert len(context) == 0

    phases(Phase("lists", work))
    assert reconcile("default").state == "finished"


def test_a_rival_that_begins_in_the_same_moment_is_left_alone(
    gateway: RecordingGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = window.begin_of
    rivals: list[tuple[Reconciliation, bool]] = []

    def meanwhile(found: Any) -> datetime:
        if not rivals:
            rivals.append(lease.take(gateway, lambda: (start(gateway), True), anew=False))
        return start(found)

    monkeypatch.setattr(window, "begin_of", meanwhile)
    made = reconcile("default")
    assert [(made, True)] == rivals
    assert Reconciliation.objects.count() == 1


# -- Dry, refused, and what it costs ---------------------------------------------------------------


def test_a_dry_run_leaves_no_row(gateway: RecordingGateway, phases: Any) -> None:
    def work(found: Run) -> None:
        assert found.dry_run
        found.counts["would"] += 1

    phases(Phase("lists", work), Phase("bad", fail(GatewayError("no list"))))
    made = reconcile("default", dry_run=True)
    assert not Reconciliation.objects.exists()
    assert made._state.adding
    assert (made.state, made.error) == ("broken", "bad: no list")
    assert made.counts["would"] == 1


def test_a_gateway_that_nobody_knows_is_refused(gateway: RecordingGateway) -> None:
    with pytest.raises(InvalidInput, match="Configured: default"):
        reconcile("nonsense")


@pytest.mark.django_db(transaction=True)
def test_a_transaction_of_the_callers_is_refused(gateway: RecordingGateway) -> None:
    with transaction.atomic(), pytest.raises(InsideTransaction):
        reconcile("default")


@pytest.mark.parametrize(
    ("policy", "asked", "voids"),
    [("void", False, True), ("keep", True, True), ("keep", False, False)],
)
def test_orphans_are_voided_where_the_settings_or_the_caller_say_so(
    gateway: RecordingGateway, phases: Any, settings: Any, policy: str, asked: bool, voids: bool
) -> None:
    found: list[bool] = []
    phases(Phase("orphans", lambda each: found.append(each.void_orphans)))
    settings.DINERO = {**settings.DINERO, "ON_ROLLBACK": policy}
    reconcile("default", void_orphans=asked)
    assert found == [voids]


def test_thousands_of_finished_operations_cost_what_none_cost(gateway: RecordingGateway) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as context:
            assert reconcile("default").state == "finished"
        return len(context)

    queries()
    few = queries()
    made = [
        OperationFactory.build(
            kind="charge",
            state="succeeded",
            live=False,
            outcome={"result": "approved"},
            lease_until=PAST,
            transaction_id=f"{n}",
        )
        for n in range(3_000)
    ]
    Operation.objects.bulk_create(made)
    Transaction.objects.bulk_create(
        TransactionFactory.build(operation_key=each.key, live=False) for each in made
    )
    assert queries() == few <= 64
