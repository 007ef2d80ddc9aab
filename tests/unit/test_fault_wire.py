"""Where a fault run's worker meets what is planned for it: requests and writing statements."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.http.exchange import Request, Response, Route
from django_dinero.sandbox.http.faults import Dropped, FaultName
from tests.faults import history
from tests.faults.dying import Mortal
from tests.faults.history import History
from tests.faults.plan import Kill, Share, When
from tests.faults.wire import PlannedFaults

REQUEST = Request("POST", "/customers")


class Address:
    """The bank's side of a worker that is process 4711, and how often the bank was asked."""

    route = Route("/customers", ("POST",), "post to /customers")

    def __init__(self, path: Path, **planned: Any) -> None:
        share = Share("w0", "7:w0", (), **planned)
        self.path = path
        self.faults = PlannedFaults(share, Bank(), History(path, "bank"))
        self.faults.process.set_result(4711)
        self.asked = 0

    def ask(self) -> Response:
        return self.faults.answer(REQUEST, self)

    def operation_of(self, request: Request) -> str:
        return "getCustomer"

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
    mortal = Mortal(share, lambda what, **values: told.append(values["statement"]))
    run: list[str] = []

    def execute(sql: str, params: Any, many: bool, context: Any) -> None:
        run.append(sql)

    for sql in ("SELECT 1", 'INSERT INTO "one" VALUES (%s)', "SELECT 2"):
        mortal(execute, sql, (), False, {})
    assert len(run) == 3 and not killed
    mortal(execute, 'UPDATE "two" SET "three" = %s', (), False, {})
    assert killed == [(os.getpid(), signal.SIGKILL)]
    assert told == ['UPDATE "two" SET']
