"""One run: rounds of workers against one bank, time that passes between them, then the books."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import IO, Self

from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.bank.records import Account
from django_dinero.sandbox.bank.schema import FIRST_IDS
from django_dinero.sandbox.dialects.default import default_dialect
from django_dinero.sandbox.http.exchange import Dialect
from django_dinero.sandbox.http.server import SandboxServer
from tests.faults import plan
from tests.faults.found import Books
from tests.faults.history import History
from tests.faults.network import Keyed, Network
from tests.faults.shops import Semantics, Terms
from tests.faults.wire import PlannedFaults

#: Seconds that the comparison of the books may take.
PATIENCE = 180.0
KILLED = -9
#: What a worker's parent tells of a child that is stopped; see :mod:`.worker`.
STOPPED = 1000
#: Seconds that the bank may take to answer a process that it has stopped.
REPLIED = 60.0


class Place:
    """Where one worker after the other works: an address of the bank, and their parent process."""

    def __init__(
        self,
        bank: Bank,
        dialect: Dialect,
        network: Network,
        environment: dict[str, str],
        told: Path,
    ) -> None:
        self.server = SandboxServer(bank, dialect=dialect)
        self.network = network
        self.history = History(told, "bank")
        self.environment = {**environment, "FAULTS_ENDPOINT": self.server.endpoint}
        #: The process that works here now, and the name of its share.
        self.child, self.share = 0, ""
        #: What is done while a process is stopped.
        self.meanwhile: Callable[[Place], object] = lambda place: None
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.worker", environment["FAULTS_SEED"], str(told)],
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self, job: str, share: plan.Share, number: int | None = None) -> None:
        """Let a process begin with its share."""
        faults = PlannedFaults(share, self.server.bank, self.history, self.network)
        self.server.faults = self.faults = faults
        self._write(f"{job} {share.name} {len(share.verbs) if number is None else number}")
        self.child, self.share = self._number(), share.name
        faults.process.set_result(self.child)

    def wait(self) -> int:
        """Wait until the process has ended; return its exit code, negative for a signal.

        One that stops is woken when others have looked up what it was about.
        """
        while (code := self._number()) == STOPPED:
            self.meanwhile(self)
            self.faults.looked_up.set()
            if self.faults.has_stopped:
                self.faults.replied.wait(REPLIED)
            self._write("wake")
        return code

    def do(self, job: str, share: plan.Share, number: int | None = None) -> int:
        """Start a process and wait for it."""
        self.start(job, share, number)
        return self.wait()

    def _write(self, line: str) -> None:
        stdin: IO[str] | None = self.process.stdin
        assert stdin is not None
        stdin.write(f"{line}\n")
        stdin.flush()

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


def wait_for_all(busy: Sequence[tuple[Place, plan.Share]]) -> dict[str, int]:
    """Wait until the process of each place has ended; return their exit codes by share.

    They are waited for side by side: one may wait for a row of another that is stopped, and has to
    be woken.
    """
    with ThreadPoolExecutor(len(busy)) as waiting:
        ended = list(waiting.map(lambda each: each[0].wait(), busy))
    return {share.name: code for (_place, share), code in zip(busy, ended, strict=True)}


class Run:
    """One shop against a bank; all that is decided at random follows from the seed of its terms.

    Args:
        directory: for the books of both sides.
        terms: what the shop and its bank are like.
        workers: processes at the same time.
        history: the file that it tells its events to.
    """

    def __init__(self, directory: Path, terms: Terms, workers: int, history: Path) -> None:
        self.terms = terms
        self.rounds = plan.rounds(terms.seed, terms.operations, workers)
        self.workers = workers
        #: The office does one thing after the other.
        self.in_office = Lock()
        self.store = directory / "bank.sqlite3"
        self.history = History(history, "parent")
        self.network = Network(
            twice=terms.semantics is not Semantics.SEARCH, stops=terms.may_hold_writers
        )
        window = 28_800 if terms.semantics is Semantics.WINDOW else 0
        self.environment = {
            **os.environ,
            "DINERO_TEST_DB": terms.vendor,
            "DINERO_TEST_NAME": f"{os.environ.get('DINERO_TEST_NAME', 'faults')}_{os.getpid()}",
            "FAULTS_SEED": str(terms.seed),
            "FAULTS_DATABASE": str(directory / "shop.sqlite3"),
            "FAULTS_USE_TZ": "1" if plan.use_tz(terms.seed) else "0",
            "FAULTS_ATOMIC_REQUESTS": "1" if terms.atomic else "0",
            "FAULTS_THREADS": "1" if workers > 1 else "0",
            "FAULTS_CURRENCY": terms.currency,
            "FAULTS_DUPLICATE_WINDOW": str(window),
            "PYTHONHASHSEED": "0",  # sets have the same order again
        }

    def run(self) -> Books:
        """Run it; return what was found in the books."""
        bank = first_bank(self.store, self.terms.currency)
        with bank.store.writing():
            bank.store.put("clock_offset", repr(plan.clock_offset(self.terms.seed)))
        crashed: list[str] = []
        dialect = default_dialect(bank)
        if self.terms.semantics is Semantics.KEY:
            dialect = Keyed(dialect)
        with ExitStack() as stack:
            # One more than there are workers: the office, where it is settled what they have left.
            office, *places = [
                stack.enter_context(
                    Place(bank, dialect, self.network, self.environment, self.history.path)
                )
                for _ in range(self.workers + 1)
            ]
            for place in places:
                place.meanwhile = partial(self._look_up, office)
            office.do("migrate", plan.Share("db", "", ()))
            for planned in self.rounds:
                crashed += self._round(planned, office, places, bank)
            if office.do("finish", plan.finish(self.terms.seed)):
                crashed.append("crashed: end")
            books = self._compare(office.environment)
            office.do("drop", plan.Share("db", "", ()))
        return books.with_crashes(crashed)

    def _look_up(self, office: Place, place: Place) -> None:
        """Let others look up what a stopped process was about; they take it for dead."""
        # Where the bank has not stopped it, it has stopped itself.
        job = "dead" if place.faults.has_stopped else "unsent"
        with self.in_office:
            office.do(job, plan.Share(place.share, "", ()), place.child)

    def _round(
        self, planned: plan.Round, office: Place, places: list[Place], bank: Bank
    ) -> list[str]:
        busy = list(zip(places, planned.workers, strict=False))
        self.history.tell("round", workers=[share.name for share in planned.workers])
        for place, share in busy:
            place.start("work", share)
        codes = wait_for_all(busy)
        if self.network.late:
            looked_up = plan.Share(f"l{planned.settling.name[1:]}", "", ())
            codes[looked_up.name] = office.do("resolve", looked_up)
            self.network.land()
        if planned.batch:
            self.history.tell("batch settled", id=bank.settle_batch().id)
        settling = planned.settling
        if settling.time_passes:
            newest = bank.store.value("SELECT coalesce(max(id), 0) FROM ledger")
            self.network.settled_by = int(newest)
        if settling.verbs or settling.time_passes:
            codes[settling.name] = office.do("settle", settling)
            self.network.land()
        self.history.tell("ended", codes=codes)
        return [f"crashed: {who}" for who, code in codes.items() if code not in (0, KILLED)]

    def _compare(self, environment: dict[str, str]) -> Books:
        command = [sys.executable, "-m", "tests.faults.books", str(self.store)]
        done = subprocess.run(
            [*command, str(self.history.path)],
            env=environment,
            timeout=PATIENCE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return Books.read(done.stdout)


def first_bank(store: Path, currency: str = "USD") -> Bank:
    """Return a bank whose ids begin where those of the last run began."""
    bank = Bank(store, Account(currency=currency))
    with bank.store.writing():
        for nth, (name, first) in enumerate(FIRST_IDS.items()):
            # Apart from each other: an id is to name one thing in the history.
            value = first[nth * len(first) // len(FIRST_IDS)]
            bank.store.execute("UPDATE counters SET value = ? WHERE name = ?", (value, name))
    return bank
