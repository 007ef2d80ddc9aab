"""Where a fault run's worker meets what is planned for it: requests and writing statements."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError

from django_dinero.models import Operation
from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.http.exchange import Request, Response, Route
from django_dinero.sandbox.http.faults import Dropped, FaultName
from tests.faults import history
from tests.faults.dying import FAILED, Mortal
from tests.faults.history import History
from tests.faults.plan import LATE, Kill, Share
from tests.faults.points import When
from tests.faults.wire import PlannedFaults

REQUEST = Request("POST", "/customers")
CHARGE = Request(
    "POST", "/customers", {}, b"<transactionType>authCaptureTransaction</transactionType>"
)


class Address:
    """The bank's side of a worker that is process 4711, and how often the bank was asked."""

    route = Route("/customers", ("POST",), "post to /customers")

    def __init__(self, path: Path, **planned: Any) -> None:
        share = Share("w0", "7:w0", (), **planned)
        self.path = path
        self.faults = PlannedFaults(share, Bank(), History(path, "bank"))
        self.faults.process.set_result(4711)
        self.asked = 0

    def ask(self, request: Request = REQUEST) -> Response:
        return self.faults.answer(request, self)

    def operation_of(self, request: Request) -> str:
        return "createTransactionRequest" if request.body else "getCustomer"

    def answer(self, request: Request) -> Response:
        self.asked += 1
        return Response(200, b"done")

    def not_found(self, request: Request) -> Response:
        return Response(404, b"unknown")

    def told(self) -> list[str]:
        return [event["what"] for event in history.read(self.path)]


@pytest.fixture
def killed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Processes that would have been killed, with the signal."""
    calls: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda pid, number: calls.append((pid, number)))
    return calls


def test_the_fault_comes_at_its_ordinal(tmp_path: Path) -> None:
    address = Address(tmp_path / "told", faults={2: FaultName.STATUS_500})
    assert [address.ask().status for _ in range(3)] == [200, 500, 200]
    assert address.asked == 3


@pytest.mark.parametrize(("when", "asked"), [(When.before_request, 1), (When.after_request, 2)])
def test_the_bank_kills_at_the_ordinal(
    tmp_path: Path, killed: list[tuple[int, int]], when: When, asked: int
) -> None:
    address = Address(tmp_path / "told", kill=Kill(when, 2))
    address.ask()
    assert not killed
    with pytest.raises(Dropped):
        address.ask()
    assert killed == [(4711, signal.SIGKILL)]
    assert address.asked == asked
    assert address.told()[-1] == "kill"


def test_a_batch_is_settled_before_the_answer(tmp_path: Path) -> None:
    address = Address(tmp_path / "told", batch=2)
    address.ask()
    address.ask()
    assert address.told() == ["request", "reply", "request", "batch settled", "reply"]


def test_only_statements_that_write_count(killed: list[tuple[int, int]]) -> None:
    told: list[str] = []
    share = Share("w0", "7:w0", (), kill=Kill(When.before_write, 2))
    mortal = Mortal(share, lambda what, **values: told.append(values["where"]))
    run: list[str] = []

    def execute(sql: str, params: Any, many: bool, context: Any) -> None:
        run.append(sql)

    for sql in ("SELECT 1", 'INSERT INTO "one" VALUES (%s)', "SELECT 2"):
        mortal(execute, sql, (), False, {})
    assert len(run) == 3 and not killed
    mortal(execute, 'UPDATE "two" SET "three" = %s', (), False, {})
    assert killed == [(os.getpid(), signal.SIGKILL)]
    assert told == ["UPDATE two"]


@pytest.mark.parametrize(("when", "asked"), [(When.unanswered, 0), (When.answered, 1)])
def test_the_bank_stops_a_process_before_or_after_it_acts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: When, asked: int
) -> None:
    address = Address(tmp_path / "told", kill=Kill(when, 1, "payment"))
    stopped: list[tuple[int, int, int]] = []
    monkeypatch.setattr(os, "kill", lambda pid, sig: stopped.append((pid, sig, address.asked)))
    address.faults.looked_up.set()
    address.ask()  # it only reads
    assert not stopped
    before = address.asked
    assert address.ask(CHARGE).body == b"done"
    assert stopped == [(4711, signal.SIGSTOP, before + asked)]
    assert address.faults.replied.is_set()
    address.ask(CHARGE)
    assert len(stopped) == 1


def test_a_late_request_is_cut_off_and_done_later(tmp_path: Path) -> None:
    address = Address(tmp_path / "told", faults={1: LATE})
    with pytest.raises(Dropped):
        address.ask(CHARGE)
    assert address.asked == 0
    address.faults.network.land()
    assert address.asked == 1
    assert address.told() == ["request", "landed", "reply"]


def test_a_process_stops_where_it_has_claimed_an_operation(killed: list[tuple[int, int]]) -> None:
    told: list[object] = []
    share = Share("w0", "7:w0", (), kill=Kill(When.claimed, 1, "payment"))
    mortal = Mortal(share, lambda what, **values: told.append((what, values["key"])))
    charge, create = Operation(kind="charge", key="A"), Operation(kind="create_customer", key="B")
    mortal.claimed(create, "sent")
    mortal.claimed(charge, "succeeded")
    assert not killed
    mortal.claimed(charge, "sent")
    assert killed == [(os.getpid(), signal.SIGSTOP)]
    assert told == [("stop", "A")]


def test_the_database_fails_where_it_is_planned() -> None:
    told: list[object] = []
    share = Share("w0", "7:w0", (), kill=Kill(When.failing, 2, "UPDATE two"))
    mortal = Mortal(share, lambda what, **values: told.append((what, values["where"])))
    run: list[str] = []

    def execute(sql: str, params: Any, many: bool, context: Any) -> None:
        run.append(sql)

    update = 'UPDATE "two" SET "three" = %s'
    mortal(execute, update, (), False, {})
    with pytest.raises(OperationalError, match=FAILED):
        mortal(execute, update, (), False, {})
    mortal(execute, update, (), False, {})
    assert len(run) == 2
    assert told == [("fail", "UPDATE two")]
