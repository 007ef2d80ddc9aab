"""Runs the shop, breaks the wire, kills workers, and compares the books; see the package."""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from django_dinero.sandbox.bank import Bank
from django_dinero.sandbox.faults import FaultName
from django_dinero.sandbox.server import SandboxServer

WORKERS = 2
#: Things that one process does before the next one takes its place.
SHARE = 25
FAULTS = (
    *(FaultName.drop_before, FaultName.drop_after, FaultName.truncate, FaultName.garbage),
    *(FaultName.status_500, FaultName.repeat, FaultName.delay),
)
PATIENCE = 180.0


@dataclass
class Worker:
    """A process of the shop that dies ``seconds`` after it has done so many things.

    Not by its age: on a slow machine it would die before it does anything.
    """

    process: subprocess.Popen[bytes]
    tally: Path
    things: int
    seconds: float
    dies_at: float = 0.0

    def is_due(self) -> bool:
        """Say whether its time is over."""
        done = self.tally.stat().st_size if self.tally.exists() else 0
        if not self.dies_at and done >= self.things:
            self.dies_at = time.monotonic() + self.seconds
        return 0 < self.dies_at < time.monotonic()


class Run:
    """One run of the shop against a bank; everything random follows from ``seed``, but for time."""

    def __init__(self, directory: Path, seed: int, operations: int) -> None:
        self.random = random.Random(seed)
        self.operations = operations
        self.store = directory / "bank.sqlite3"
        self.database = directory / "shop.sqlite3"
        self.counts: Counter[str] = Counter()
        self.done = threading.Event()

    def run(self) -> int:
        """Run it; return the exit code."""
        with SandboxServer(Bank(self.store)) as server:
            self.environment = {
                **os.environ,
                "FAULTS_DATABASE": str(self.database),
                "FAULTS_ENDPOINT": server.endpoint,
                "DJANGO_SETTINGS_MODULE": "tests.faults.settings",
            }
            self._child("django", "migrate", "--verbosity", "0")
            saboteur = threading.Thread(target=self._sabotage, args=(server,))
            saboteur.start()
            try:
                self._work()
            finally:
                self.done.set()
                saboteur.join()
            server.faults.clear()
            if self._child("tests.faults.worker", "resolve"):
                return 1
            return self._child("tests.faults.books", str(self.store))

    def _work(self) -> None:
        started, running = 0, list[Worker]()
        while started < self.operations or running:
            while started < self.operations and len(running) < WORKERS:
                running.append(self._start(f"w{started}"))
                started += SHARE
            for worker in list(running):
                if worker.process.poll() is not None:
                    running.remove(worker)
                elif worker.is_due():
                    worker.process.kill()
                    worker.process.wait()
                    self.counts["kill -9"] += 1
                    running.remove(worker)
            time.sleep(0.05)

    def _start(self, name: str) -> Worker:
        seed, tally = str(self.random.randrange(10**9)), self.store.parent / name
        command = self._command("tests.faults.worker", name, seed, str(SHARE), str(tally))
        process = subprocess.Popen(command, env=self.environment)
        # Most are killed, in the middle of something; some come to their end.
        things, seconds = self.random.randint(1, SHARE + 5), self.random.uniform(0.0, 0.2)
        return Worker(process, tally, things, seconds)

    def _sabotage(self, server: SandboxServer) -> None:
        while not self.done.wait(self.random.uniform(0.05, 0.3)):
            name = self.random.choice(FAULTS)
            if not server.faults.waiting():
                server.faults.add(name, seconds=2.0)
                self.counts[name.value] += 1
            if self.random.random() < 0.1:
                server.bank.settle_batch()
                self.counts["settled batches"] += 1

    def _command(self, module: str, *arguments: str) -> list[str]:
        return [sys.executable, "-m", module, *arguments]

    def _child(self, module: str, *arguments: str) -> int:
        command = self._command(module, *arguments)
        return subprocess.run(command, env=self.environment, timeout=PATIENCE).returncode


def main() -> int:
    """Read the arguments, run, and tell; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--operations", type=int, default=200)
    options = parser.parse_args()
    print(f"seed {options.seed}, {options.operations} operations", flush=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="dinero-faults-") as directory:
        run = Run(Path(directory), options.seed, options.operations)
        code = run.run()
    told = ", ".join(f"{name} {count}" for name, count in sorted(run.counts.items()))
    print(f"{told}; {time.monotonic() - began:.0f} s")
    print("books agree" if code == 0 else f"BOOKS DO NOT AGREE (seed {options.seed})")
    return code


if __name__ == "__main__":
    sys.exit(main())
