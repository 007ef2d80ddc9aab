"""The test bank behind TLS, in a process of its own that counts the connections it accepts."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Self

import trustme

from django_dinero.sandbox.bank import totals

GATEWAY = "django_dinero.gateways.authorizenet.AuthorizeNetGateway"


class TlsBank:
    """Starts the bank on entering, stops it on leaving.

    Args:
        durable: whether it keeps its books in a file, whose sums can be asked for; else in memory.
    """

    def __init__(self, *, durable: bool = False) -> None:
        self._durable = durable

    def __enter__(self) -> Self:
        self._directory = tempfile.TemporaryDirectory(prefix="dinero-bench-")
        directory = Path(self._directory.name)
        authority = trustme.CA()
        certificate = authority.issue_cert("localhost", "127.0.0.1")
        #: The file that a client must trust.
        self.authority = directory / "authority.pem"
        authority.cert_pem.write_to_path(str(self.authority))
        chain = directory / "server.pem"
        certificate.private_key_and_cert_chain_pem.write_to_path(str(chain))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.bank_child", str(chain), *self._store()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        #: endpoint, login_id, transaction_key, signature_key.
        self.facts: dict[str, str] = self._ask("facts")
        return self

    def __exit__(self, *error: object) -> None:
        self._process.terminate()
        self._process.communicate()
        self._directory.cleanup()

    @property
    def account(self) -> tuple[str, str, str]:
        """Endpoint, login id and transaction key."""
        return self.facts["endpoint"], self.facts["login_id"], self.facts["transaction_key"]

    @property
    def entry(self) -> dict[str, Any]:
        """The entry of DINERO["GATEWAYS"] for this bank."""
        return {"BACKEND": GATEWAY, "OPTIONS": {**self.facts, "ca_bundle": str(self.authority)}}

    def connections(self) -> int:
        """Return how many connections the bank has accepted so far."""
        return int(self._ask("connections"))

    def settle(self) -> None:
        """Let the bank pay out what was taken so far."""
        self._ask("settle")

    def totals(self) -> dict[str, dict[str, Any]]:
        """Return the sums of a durable bank's file, by currency and bucket."""
        return dict(totals.sums(*self._store()))

    def _store(self) -> list[str]:
        return [str(Path(self._directory.name) / "bank.sqlite3")] if self._durable else []

    def _ask(self, question: str) -> Any:
        pipes = self._process
        assert pipes.stdin is not None
        assert pipes.stdout is not None
        pipes.stdin.write(question + "\n")
        pipes.stdin.flush()
        return json.loads(pipes.stdout.readline())
