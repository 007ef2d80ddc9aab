"""The command: what it says, to people and to programs, and how it ends."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, ProgrammingError

from django_dinero.exceptions import GatewayError, OutcomeUnknown
from django_dinero.gateways.base import Gateway
from django_dinero.gateways.registry import get_gateway
from django_dinero.management import progress, reconcile_report
from django_dinero.management.commands import dinero_reconcile
from django_dinero.management.commands.dinero_reconcile import parse_since
from django_dinero.models import Difference, Operation, Reconciliation, Transaction, VaultPull
from django_dinero.models.difference import DifferenceKind
from django_dinero.models.operation import OperationState
from django_dinero.models.reconcile_counts import counted, in_order, texts
from django_dinero.models.transaction_status import TransactionStatus
from django_dinero.services.reconcile import differences, run, window
from django_dinero.services.reconcile.differences import Found
from django_dinero.services.reconcile.phase import Run
from django_dinero.services.reconcile.run import Phase
from django_dinero.services.sync import paging
from django_dinero.testing.factories import OperationFactory
from tests.support.queues import Queued, queued
from tests.support.recording import RecordingGateway, lose_reply, refuse_connection
from tests.support.rollbacks import lose_in_rollback

__all__ = ["queued"]

pytestmark = pytest.mark.django_db

PAST = "2020-01-01T00:00:00Z"
RECORDING = "tests.support.recording.RecordingGateway"


@pytest.fixture(autouse=True)
def shops(settings: Any) -> None:
    """Two gateways."""
    entry = {"BACKEND": RECORDING, "OPTIONS": {}}
    settings.DINERO = {**settings.DINERO, "GATEWAYS": {"default": entry, "other": entry}}


@pytest.fixture
def gateway(shops: None) -> RecordingGateway:
    found = get_gateway()
    assert isinstance(found, RecordingGateway)
    return found


def told(*arguments: str, ends: int = 0) -> str:
    """What the command prints; ``ends`` is its exit code."""
    out = StringIO()
    if not ends:
        call_command("dinero_reconcile", *arguments, stdout=out, stderr=out)
        return out.getvalue()
    with pytest.raises(CommandError) as caught:
        call_command("dinero_reconcile", *arguments, stdout=out, stderr=out)
    assert caught.value.returncode == ends
    return f"{out.getvalue()}{caught.value}"


def lost(gateway: RecordingGateway) -> Operation:
    """A charge whose answer was lost long ago."""
    gateway.faults["charge"] = lose_reply
    with pytest.raises(OutcomeUnknown):
        Transaction.create("5.00", number="4111111111111111", month=12, year=2060, zip="12345")
    Operation.objects.update(lease_until=PAST, quarantine_until=PAST, next_check_at=PAST)
    return Operation.objects.get()


def test_it_tells_in_words_what_was_done(gateway: RecordingGateway) -> None:
    lost(gateway)
    text = told()
    assert "default: done; looked back to 20" in text
    assert "  1 operation looked up\n  1 of them succeeded\n" in text
    assert "other: done" in text
    assert Transaction.objects.get().status == "approved"
    assert [row.gateway_name for row in Reconciliation.objects.order_by("pk")] == [
        "default",
        "other",
    ]


def test_only_the_gateways_that_are_named(gateway: RecordingGateway) -> None:
    assert "default" not in told("--gateway", "other")
    assert Reconciliation.objects.get().gateway_name == "other"
    told("--gateway", "other", "--gateway", "other", "--gateway", "default")
    assert Reconciliation.objects.count() == 3


def test_a_name_that_nobody_knows_stops_it_before_it_begins() -> None:
    text = told("--gateway", "default", "--gateway", "nonsense", ends=1)
    assert text == "No gateway is called 'nonsense'. Configured: default, other."
    assert not Reconciliation.objects.exists()


def test_no_gateway_at_all(settings: Any) -> None:
    settings.DINERO = {"GATEWAYS": {}}
    assert "No gateway is configured" in told(ends=1)


def test_a_gateway_that_is_configured_wrongly_does_not_stop_the_others(settings: Any) -> None:
    wrong = {"BACKEND": RECORDING, "OPTIONS": {"nonsense": 1}}
    settings.DINERO = {"GATEWAYS": {"a": wrong, "b": {"BACKEND": RECORDING}}}
    text = told(ends=1)
    assert "a: DINERO gateway 'a': unknown option(s) nonsense" in text
    assert "b: done" in text
    assert text.endswith("Somebody has to look at: a.")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ProgrammingError('relation "secret" does not exist'), "(ProgrammingError). If it is new"),
        (OperationalError("gone"), "default: The database failed; nothing was sent."),
        (ZeroDivisionError("secret"), "default: ZeroDivisionError"),
    ],
)
def test_whatever_stops_one_gateway_does_not_stop_the_others(
    gateway: RecordingGateway, monkeypatch: pytest.MonkeyPatch, error: Exception, said: str
) -> None:
    begin = window.begin_of

    def fail(found: Gateway) -> datetime:
        if found.name == "default":
            raise error
        return begin(found)

    monkeypatch.setattr(window, "begin_of", fail)
    text = told(ends=1)
    assert said in text and "other: done" in text
    assert "secret" not in text


@pytest.mark.parametrize("what", ["needs attention", "unknown", "difference", "broken"])
def test_what_needs_a_person_is_named_with_what_to_do(
    gateway: RecordingGateway, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    if what == "needs attention":
        name, cure = OperationFactory(state="needs_attention").key, "dinero_close"
    elif what == "unknown":
        name, cure = lost(gateway).key, "Do not charge again"
        for verb in ("find_operation", "iter_transactions"):
            gateway.faults[verb] = refuse_connection
    elif what == "difference":
        found = Found(kind=DifferenceKind.BOOKS, subject="2026-11-28 USD", text="12 here, 13 there")
        name, cure = differences.record(gateway, found).subject, reconcile_report.PAGE
    else:

        def break_off(found: Run) -> None:
            raise GatewayError("page 2 is missing")

        monkeypatch.setattr(run, "PHASES", (Phase("lists", break_off),))
        name, cure = "! lists: page 2 is missing", "run dinero_check"
    text = told("--gateway", "default", ends=1)
    assert name in text and cure in text
    assert text.endswith("Somebody has to look at: default.")
    # The other gateway has nothing of it.
    if what != "broken":
        told("--gateway", "other")


def test_all_is_well_once_a_person_has_closed_it(gateway: RecordingGateway) -> None:
    operation = OperationFactory(state="needs_attention")
    differences.record(gateway, Found(kind=DifferenceKind.BOOKS, subject="x", text="y"))
    told(ends=1)
    Difference.objects.get().close(note="explained", by="Ann")
    told(ends=1)
    operation.close(note="not there", by="Ann")
    told()


def test_another_process_at_work_is_no_error(gateway: RecordingGateway, monkeypatch: Any) -> None:
    class KilledError(BaseException):
        pass

    def die(found: Run) -> None:
        raise KilledError

    monkeypatch.setattr(run, "PHASES", (Phase("lists", die),))
    with pytest.raises(KilledError):
        call_command("dinero_reconcile", "--gateway", "default")
    OperationFactory(state="needs_attention")
    assert "another process is at work on it since 20" in told("--gateway", "default")


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_whoever_stops_it_may_go_on_at_once(
    gateway: RecordingGateway, monkeypatch: pytest.MonkeyPatch, stop: type[BaseException]
) -> None:
    def interrupt(found: Run) -> None:
        raise stop

    monkeypatch.setattr(run, "PHASES", (Phase("lists", interrupt),))
    with pytest.raises(stop):
        call_command("dinero_reconcile", "--gateway", "default")
    monkeypatch.undo()
    assert "default: done" in told("--gateway", "default")
    assert Reconciliation.objects.count() == 1


def test_a_dry_run_changes_nothing(gateway: RecordingGateway) -> None:
    operation = lost(gateway)
    mark = gateway.mark
    text = told("--dry-run", "--gateway", "default", ends=1)
    assert "1 operation would be looked up" in text
    assert text.startswith("dry run: nothing was changed\n")
    operation.refresh_from_db()
    assert operation.state == "unknown"
    assert set(gateway.since(mark)) <= {"iter_transactions", "retrieve_transaction"}
    assert not Transaction.objects.exists()
    assert not Reconciliation.objects.exists()


def test_a_dry_run_goes_on_with_no_pull(gateway: RecordingGateway, queued: Queued) -> None:
    paging.begin(gateway)
    VaultPull.objects.update(touched_at="2020-01-01T00:00:00Z")
    told("--dry-run", "--gateway", "default")
    assert (queued, VaultPull.objects.get().touched_at.year) == ([], 2020)
    told("--gateway", "default")
    assert queued.jobs == ["pull_page"]


def test_a_dry_run_that_finds_a_difference_says_so(gateway: RecordingGateway) -> None:
    Transaction.create("5.00", number="4111111111111111", month=12, year=2060, zip="12345")
    Transaction.objects.update(status="voided")
    assert "1 difference found" in told("--dry-run", "--gateway", "default", ends=1)
    assert not Difference.objects.exists()


def test_orphans_are_voided_on_request(gateway: RecordingGateway) -> None:
    made = Transaction.create("5.00", number="4111111111111111", month=12, year=2060, zip="12345")
    lose_in_rollback(made)
    Operation.objects.update(lease_until=PAST)
    text = told("--void-orphans")
    assert "1 row that a rollback took was written again" in text
    assert "1 orphaned charge was voided or refunded" in text
    assert [each.status for each in gateway.bank.transactions()] == ["voided"]


# -- For programs ----------------------------------------------------------------------------------


def test_json_is_one_document(gateway: RecordingGateway) -> None:
    lost(gateway)
    document = json.loads(told("--json"))
    assert (document["ok"], document["dry_run"]) == (True, False)
    first, second = document["gateways"]
    assert (first["gateway"], first["state"], first["live"]) == ("default", "finished", False)
    assert first["counts"]["looked_up_succeeded"] == 1
    assert datetime.fromisoformat(first["since"]) < datetime.fromisoformat(first["started_at"])
    assert datetime.fromisoformat(first["ended_at"]) >= datetime.fromisoformat(first["started_at"])
    assert (second["gateway"], second["problems"], second["ok"]) == ("other", [], True)


def test_json_of_what_needs_a_person(settings: Any, gateway: RecordingGateway) -> None:
    OperationFactory(state="needs_attention")
    wrong = {"BACKEND": RECORDING, "OPTIONS": {"nonsense": 1}}
    settings.DINERO = {"GATEWAYS": {**settings.DINERO["GATEWAYS"], "wrong": wrong}}
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("dinero_reconcile", "--json", stdout=out)
    document = json.loads(out.getvalue())
    found = {each["gateway"]: each for each in document["gateways"]}
    assert document["ok"] is False
    assert found["default"]["counts"]["needs_attention"] == 1
    assert found["default"]["problems"][0].startswith("1 operation needs attention.")
    assert found["wrong"]["state"] == "failed"
    assert "nonsense" in found["wrong"]["problems"][0]
    assert found["other"]["ok"] is True


def test_operations_and_payments_are_counted_by_names_of_their_own() -> None:
    """An operation that is declined and a payment that is are two things, and both have a text."""
    operations = {f"looked_up_{state}" for state in OperationState.values}
    payments = {f"now_{status}" for status in TransactionStatus.values}
    assert (operations | payments) <= set(texts())
    assert {name for name in texts() if name.startswith("now_")} == payments


def test_of_them_follows_what_it_speaks_of() -> None:
    counts = {"vault_compared": 1, "of_a_backend": 1, "looked_up_unknown": 1, "looked_up": 1}
    names = ["looked_up", "looked_up_unknown", "vault_compared", "of_a_backend"]
    assert [name for name, _count in in_order(counts)] == names


def test_one_of_a_kind_is_no_plural() -> None:
    assert counted("looked_up", 1) == "1 operation looked up"
    assert counted("looked_up", 2) == "2 operations looked up"
    assert counted("looked_up_held", 1) == "1 of them is held for review"
    assert counted("of_a_backend", 3) == "3 of a backend"
    for name in texts():
        assert counted(name, 1).startswith("1 ")
        assert "%" not in counted(name, 1) + counted(name, 7)


def test_json_of_a_dry_run(gateway: RecordingGateway) -> None:
    document = json.loads(told("--json", "--dry-run"))
    assert document["dry_run"] is True
    assert document["gateways"][0]["started_at"] is None


# -- How far back ----------------------------------------------------------------------------------


def test_since_is_a_span_a_day_or_a_time(settings: Any) -> None:
    settings.TIME_ZONE = "Europe/Berlin"
    now = datetime.now(UTC)
    for text, span in [("90m", 1.5), ("48h", 48), ("30d", 720)]:
        assert abs(now - timedelta(hours=span) - parse_since(text)) < timedelta(minutes=1)
    assert parse_since("2026-01-28") == datetime(2026, 1, 27, 23, tzinfo=UTC)
    assert parse_since("2026-01-28T14:00") == datetime(2026, 1, 28, 13, tzinfo=UTC)
    assert parse_since("2026-01-28 14:00+00:00") == datetime(2026, 1, 28, 14, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        *("", "yesterday", "2026-02-31", "48", "-3h", "99999999h", "2999-01-01", "12 h"),
        *("0001-01-01", "0001-01-01T00:00+14:00"),
    ],
)
def test_a_wrong_since_is_told_before_anything_is_done(text: str) -> None:
    with pytest.raises(CommandError, match="--since"):
        call_command("dinero_reconcile", f"--since={text}")
    assert not Reconciliation.objects.exists()


def test_since_reaches_the_run(gateway: RecordingGateway) -> None:
    told("--since", "2026-01-28T14:00+00:00", "--gateway", "default")
    assert Reconciliation.objects.get().since == datetime(2026, 1, 28, 14, tzinfo=UTC)


# -- Progress --------------------------------------------------------------------------------------


def test_where_there_is_no_terminal_a_phase_has_a_line_at_its_end(
    gateway: RecordingGateway,
) -> None:
    lost(gateway)
    assert "default: operations: 1 of 1\n" in told()
    assert "of 1" not in told("--verbosity=0")


def test_lines_come_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    clock = iter([0.0, 5.0, 11.0, 12.0, 13.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    tell = progress.lines("shop", written.append)
    for done, total in [(0, None), (100, None), (200, None), (300, None), (400, 400)]:
        tell("lists", done, total)
    assert written == ["shop: lists: 200", "shop: lists: 400 of 400"]


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def on_terminal(monkeypatch: pytest.MonkeyPatch, act: Callable[[], str]) -> tuple[str, str]:
    """What stands on a terminal, and what the command prints beside it."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", Terminal())
    printed = act()
    shown: Any = sys.stderr
    return shown.getvalue(), printed


def test_a_terminal_has_a_bar(gateway: RecordingGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    lost(gateway)
    bar, printed = on_terminal(monkeypatch, told)
    assert "default: operations" in bar and "1/1" in bar
    assert "of 1" not in printed


def test_without_rich_a_terminal_has_lines(
    gateway: RecordingGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost(gateway)
    monkeypatch.setattr(progress, "HAS_RICH", False)
    bar, printed = on_terminal(monkeypatch, told)
    assert (bar, "default: operations: 1 of 1" in printed) == ("", True)


def test_a_text_of_the_gateway_makes_no_line_of_its_own(
    gateway: RecordingGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_off(found: Run) -> None:
        raise GatewayError("bad\x1b[2J\rdefault: done")

    monkeypatch.setattr(run, "PHASES", (Phase("lists", break_off),))
    text = told("--gateway", "default", ends=1)
    assert "\x1b" not in text and "\r" not in text


def test_the_help_needs_no_gateway() -> None:
    parser = dinero_reconcile.Command().create_parser("manage.py", "dinero_reconcile")
    told = " ".join(parser.format_help().split())
    assert "48 hours before the last run began that compared both sides to the end" in told


# -- In the background ---------------------------------------------------------------------------


def in_background(*arguments: str) -> str:
    """Return what the command says against it; empty if nothing."""
    try:
        call_command("dinero_reconcile", "--background", *arguments, stdout=StringIO())
    except CommandError as error:
        return str(error)
    return ""


def test_in_the_background_it_is_only_enqueued(gateway: RecordingGateway, queued: Queued) -> None:
    assert in_background() == ""
    assert in_background("--gateway", "other") == ""
    assert [args for _job, args, _delay in queued] == [("default",), ("other",), ("other",)]
    assert not Reconciliation.objects.exists()


@pytest.mark.parametrize(
    "arguments", [["--since", "2d"], ["--dry-run"], ["--json"], ["--void-orphans"]]
)
def test_in_the_background_it_takes_no_options(queued: Queued, arguments: list[str]) -> None:
    assert "no other options" in in_background(*arguments)
    assert queued == []


def test_without_a_queue_it_says_so(gateway: RecordingGateway) -> None:
    assert in_background() == "There is no queue: set DINERO['TASKS']."


def test_a_queue_that_is_down_is_told(queued: Queued, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django_dinero.tasks.with_django.enqueue", None)
    assert in_background() == "The queue did not take: default, other."


@pytest.mark.django_db(transaction=True)
def test_it_goes_on_with_a_pull_whose_task_was_lost(
    gateway: RecordingGateway, queued: Queued
) -> None:
    pull = paging.begin(gateway)
    VaultPull.objects.update(touched_at=PAST)
    call_command("dinero_reconcile", "--gateway", "default", stdout=StringIO())
    assert queued == [("pull_page", (pull.pk, ""), None)]


@pytest.mark.parametrize("arguments", [(), ("--dry-run",)])
def test_open_operations_of_a_gateway_that_was_removed_need_somebody(
    gateway: RecordingGateway, arguments: tuple[str, ...]
) -> None:
    OperationFactory(gateway_name="old", state="unknown", live=False)
    OperationFactory(gateway_name="older", state="succeeded", live=False)
    text = told(*arguments, ends=1)
    assert "old: 1 operation of unknown outcome, and the gateway is no longer configured" in text
    assert text.endswith("Somebody has to look at: old.")
    found = json.loads(told(*arguments, "--json", ends=1).splitlines()[0])
    assert found["gateways"][-1]["counts"] == {"unknown": 1}
    assert "old" not in told(*arguments, "--gateway", "default")
