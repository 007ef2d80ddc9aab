"""One run: rounds of workers against one bank, time that passes between them, then the books."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.bank.schema import FIRST_IDS
from django_dinero.sandbox.http.server import SandboxServer
from tests.faults import plan
from tests.faults.history import History
from tests.faults.wire import PlannedFaults

#: Seconds that the comparison of the books may take.
PATIENCE = 180.0
KILLED = -9


class Place:
    """Where one worker after the other works: an address of the bank, and their parent process."""

    def __init__(self, bank: Bank, database: Path, seed: int, history: History) -> None:
        self.server = SandboxServer(bank)
        self.history = History(history.path, "bank")
        self.environment = {
            **os.environ,
            "FAULTS_DATABASE": str(database),
            "FAULTS_ENDPOINT": self.server.endpoint,
            "FAULTS_USE_TZ": "1" if plan.use_tz(seed) else "0",
            "PYTHONHASHSEED": "0",  # sets have the same order again
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.worker", str(seed), str(history.path)],
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self, job: str, share: plan.Share) -> None:
        """Let a process begin with its share."""
        self.server.faults = faults = PlannedFaults(share, self.server.bank, self.history)
        stdin: IO[str] | None = self.process.stdin
        assert stdin is not None
        stdin.write(f"{job} {share.name} {len(share.verbs)}\n")
        stdin.flush()
        faults.process.set_result(self._number())

    def wait(self) -> int:
        """Wait until the process has ended; return its exit code, negative for a signal."""
        return self._number()

    def do(self, job: str, share: plan.Share) -> int:
        """Start a process and wait for it."""
        self.start(job, share)
        return self.wait()

    def _number(self) -> int:
        assert self.process.stdout is not None
        return int(self.process.stdout.readline())

    def __enter__(self) -> Self:
        self.server.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.process.communicate()  # closes its stdin: it ends
        self.server.stop()


class Run:
    """One run of the shop against a bank; all that is decided at random follows from ``seed``.

    Args:
        directory: for the books of both sides.
        history: the file that it tells its events to.
    """

    def __init__(
        self, directory: Path, seed: int, operations: int, workers: int, history: Path
    ) -> None:
        self.seed = seed
        self.rounds = plan.rounds(seed, operations, workers)
        self.workers = workers
        self.store = directory / "bank.sqlite3"
        self.database = directory / "shop.sqlite3"
        self.history = History(history, "parent")

    def run(self) -> tuple[list[str], str]:
        """Run it; return the differences, and what is in the books in one line."""
        bank = first_bank(self.store)
        with bank.store.writing():
            bank.store.put("clock_offset", repr(plan.clock_offset(self.seed)))
        crashed: list[str] = []
        with ExitStack() as stack:
            places = [stack.enter_context(self._place(bank)) for _ in range(self.workers)]
            places[0].do("migrate", plan.Share("db", "", ()))
            for planned in self.rounds:
                crashed += self._round(planned, places, bank)
            if places[0].do("finish", plan.finish(self.seed)):
                crashed.append("crashed: end")
            found, summary = self._compare(places[0].environment)
            places[0].do("drop", plan.Share("db", "", ()))
        return crashed + found, summary

    def _place(self, bank: Bank) -> Place:
        return Place(bank, self.database, self.seed, self.history)

    def _round(self, planned: plan.Round, places: list[Place], bank: Bank) -> list[str]:
        busy = list(zip(places, planned.workers, strict=False))
        self.history.tell("round", workers=[share.name for share in planned.workers])
        for place, share in busy:
            place.start("work", share)
        codes = {share.name: place.wait() for place, share in busy}
        if planned.batch:
            self.history.tell("batch settled", id=bank.settle_batch().id)
        settling = planned.settling
        if settling.verbs or settling.time_passes:
            codes[settling.name] = places[0].do("settle", settling)
        self.history.tell("ended", codes=codes)
        return [f"crashed: {who}" for who, code in codes.items() if code not in (0, KILLED)]

    def _compare(self, environment: dict[str, str]) -> tuple[list[str], str]:
        command = [sys.executable, "-m", "tests.faults.books", str(self.store)]
        done = subprocess.run(
            command, env=environment, timeout=PATIENCE, stdout=subprocess.PIPE, text=True
        )
        *found, summary = done.stdout.splitlines() or ["the comparison broke off"]
        if done.returncode and not found:
            found = [summary]
        return found, summary


def first_bank(store: Path) -> Bank:
    """Return a bank whose ids begin where those of the last run began."""
    bank = Bank(store)
    with bank.store.writing():
        for nth, (name, first) in enumerate(FIRST_IDS.items()):
            # Apart from each other: an id is to name one thing in the history.
            value = first[nth * len(first) // len(FIRST_IDS)]
            bank.store.execute("UPDATE counters SET value = ? WHERE name = ?", (value, name))
    return bank
