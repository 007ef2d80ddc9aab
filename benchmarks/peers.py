"""The peer libraries, each in a virtual environment of its own: they overwrite each other."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Self

from benchmarks.report import environment

LIBRARIES = ("python-authorizenet", "authorizenet")
ROOT = Path(__file__).resolve().parent.parent / "var" / "bench"
WORKER = Path(__file__).resolve().parent / "peer_worker.py"


def install(library: str) -> Path:
    """Return the Python of a library's environment, made at the first call."""
    directory = ROOT / library
    python = directory / "bin" / "python"
    stamp = directory / ".installed"
    if not stamp.exists():
        print(f"installing {library} into {directory}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", str(directory)], check=True)
        # PyXB, below the official SDK, wants setuptools at run time and does not ask for it.
        pip = [str(python), "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
        subprocess.run([*pip, library, "setuptools<81"], check=True)
        stamp.touch()
    return python


class Peer:
    """One library in a process of its own, which makes calls when it is told to.

    Args:
        library: one of :data:`LIBRARIES`.
        account: endpoint, login id and transaction key.
        authority: file with the certificate of the server's authority.
    """

    def __init__(self, library: str, account: tuple[str, str, str], authority: Path) -> None:
        self._process = subprocess.Popen(
            [str(install(library)), str(WORKER), library, *account],
            # httpx reads the first variable, requests the second.
            env=environment(SSL_CERT_FILE=authority, REQUESTS_CA_BUNDLE=authority),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._process.terminate()
        self._process.communicate()

    def run(self, verb: str, count: int, customer_id: str, card_id: str) -> float:
        """Make ``count`` calls and return the seconds of CPU that they took over there."""
        pipes = self._process
        assert pipes.stdin is not None
        assert pipes.stdout is not None
        task = {"verb": verb, "count": count, "customer_id": customer_id, "card_id": card_id}
        pipes.stdin.write(json.dumps(task) + "\n")
        pipes.stdin.flush()
        return float(json.loads(pipes.stdout.readline()))
