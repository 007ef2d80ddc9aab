"""Runs ``dinero_reconcile`` again and again, as cron would."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from example_project.demo.bank import MANAGE
from example_project.settings import VAR_DIR

#: Seconds between two runs, and where they write.
EVERY = 30.0
LOG = VAR_DIR / "reconcile.log"
STOP_SECONDS = 20.0


@contextmanager
def reconciling(environment: Mapping[str, str], every: float = EVERY) -> Iterator[None]:
    """Reconcile all gateways in a process of its own every so many seconds, inside this block.

    Args:
        environment: variables that its settings read, beside those of this process.
        every: seconds between the end of one run and the begin of the next.
    """
    stopped = threading.Event()

    def run_again_and_again() -> None:
        command = [sys.executable, str(MANAGE), "dinero_reconcile"]
        while not stopped.wait(every):
            with LOG.open("a") as log:
                subprocess.run(
                    command,
                    env={**os.environ, **environment},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    check=False,
                )

    thread = threading.Thread(target=run_again_and_again, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join(STOP_SECONDS)
