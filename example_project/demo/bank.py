"""The test bank in a process of its own, as ``manage.py dinero_sandbox`` runs it."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from types import FrameType, TracebackType
from typing import IO, Self

from example_project.settings import BASE_DIR

MANAGE = BASE_DIR / "manage.py"
#: What the bank prints when it is ready, a line each.
FACTS = ("endpoint", "login_id", "transaction_key", "signature_key", "client_key", "control")
START_SECONDS = 30.0
STOP_SECONDS = 5.0


class BankFailed(Exception):
    """The bank's process did not come up; the text holds what it wrote."""


class BankProcess:
    """Starts the bank on entering, stops it on leaving, whatever happened in between.

    Args:
        store: the file that keeps the bank's vault and ledger.
        port: 0 for any free one.
    """

    def __init__(self, store: Path, port: int = 0) -> None:
        self.store = store
        self.port = port
        self.facts: dict[str, str] = {}
        self._process: subprocess.Popen[str] | None = None
        self._errors: IO[str] | None = None

    def __enter__(self) -> Self:
        self._errors = tempfile.TemporaryFile("w+")
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-u", str(MANAGE), "dinero_sandbox"),
                *("--port", str(self.port), "--store", str(self.store)),
            ],
            stdout=subprocess.PIPE,
            stderr=self._errors,
            stdin=subprocess.DEVNULL,
            text=True,
            # Ctrl-C goes to a whole process group; the bank outlives those who still talk to it.
            start_new_session=True,
        )
        try:
            self._wait_for_facts()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which the example's settings find this bank."""
        names = ("endpoint", "login_id", "transaction_key", "signature_key", "client_key")
        return {f"DINERO_SANDBOX_{name.upper()}": self.facts[name] for name in names}

    @property
    def control(self) -> str:
        """The address of the bank's controls; the name of one goes behind it."""
        return self.facts["control"]

    def stop(self) -> None:
        """End the process; harmless when it has ended."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout is not None:
                process.stdout.close()
        if self._errors is not None:
            self._errors.close()
            self._errors = None

    def _wait_for_facts(self) -> None:
        lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        # The reader goes on to the end: a full pipe would stop the bank in the middle of a call.
        threading.Thread(target=self._read, args=(lines,), daemon=True).start()
        deadline = time.monotonic() + START_SECONDS
        while not set(FACTS) <= set(self.facts):
            try:
                line = lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise BankFailed(f"The bank was not ready after {START_SECONDS:g} s.") from None
            if line is None:
                raise BankFailed(f"The bank ended before it was ready.\n{self._written()}")
            name, _, value = line.partition(":")
            if name.strip() in FACTS:
                self.facts[name.strip()] = value.strip()

    def _read(self, lines: queue.SimpleQueue[str | None]) -> None:
        stream = self._process.stdout if self._process is not None else None
        if stream is not None:
            try:
                for line in stream:
                    lines.put(line)
            except ValueError:  # closed by stop()
                pass
        lines.put(None)

    def _written(self) -> str:
        if self._errors is None:
            return ""
        self._errors.seek(0)
        return self._errors.read()[-2000:]


def run_manage(*arguments: str, environment: dict[str, str]) -> int:
    """Run ``manage.py`` in a child on this terminal and return its exit code."""
    child = subprocess.Popen(
        [sys.executable, str(MANAGE), *arguments], env={**os.environ, **environment}
    )
    try:
        while True:
            # The terminal sends Ctrl-C to the child as well, which ends by itself.
            with contextlib.suppress(KeyboardInterrupt):
                return child.wait()
    finally:
        if child.poll() is None:
            child.terminate()
            child.wait()


def leave_on_sigterm() -> None:
    """Turn SIGTERM into an exit that stops the processes which were started here."""

    def leave(number: int, frame: FrameType | None) -> None:
        sys.exit(128 + number)

    # Python lets the main thread alone say this; a test may call a command from another one.
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, leave)


def is_free(port: int) -> bool:
    """Say whether nobody listens on a port of this machine."""
    with socket.socket() as probe:
        # As servers do: a port whose last connections fade away is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
