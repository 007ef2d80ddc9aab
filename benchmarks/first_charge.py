"""What the first charge of a worker takes more than its later ones."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import certifi
from django.db import connection
from django.test import override_settings

from benchmarks import bodies
from benchmarks.bank import TlsBank
from benchmarks.database import created
from benchmarks.report import Row, Section, environment, in_turn, scaled
from django_dinero.gateways import gateways
from django_dinero.gateways.types import RemoteCustomer
from django_dinero.models.mode import Account
from django_dinero.services import pull

SANDBOX = "django_dinero.gateways.sandbox.SandboxGateway"
ROUNDS = 15
LIMIT_MS = 60.0
TITLE = "The first charge of a worker"

#: What a child is started with: the database's file, the gateway's entry, and perhaps a flag.
Arguments = tuple[str, ...]
Figures = dict[str, list[float]]


def measure(scale: float) -> Section:
    """Start fresh processes in turn, for each gateway with and without the preload."""
    if connection.vendor != "sqlite":
        left_out = (
            "Left out: the children charge on a copy of a SQLite file. It runs with "
            "`BENCH_DATABASE= python -m benchmarks setup`."
        )
        return Section(TITLE, left_out, ())
    rounds = scaled(ROUNDS, scale)
    with tempfile.TemporaryDirectory(prefix="dinero-bench-") as directory, ExitStack() as stack:
        starts = {
            name: stack.enter_context(_stored_card(entry, Path(directory)))
            for name, entry in _entries(stack, Path(directory)).items()
        }
        starts["Authorize.Net, preloaded"] = (*starts["Authorize.Net"], "preloaded")
        found = _run(rounds, starts, directory)
    limits = {"Authorize.Net": LIMIT_MS, "test bank in process": LIMIT_MS}
    rows = [row for name in starts for row in _rows(name, found[name], limits.get(name))]
    note = (
        f"The first `Transaction.create(price, card=card)` of a process against its sixth, in "
        f"{rounds} fresh processes each, on a SQLite file; of the times the shortest counts, as "
        "above. Authorize.Net's gateway calls the bank in another process behind TLS. It trusts "
        "the one certificate that it must, and in the second pair of rows those of `certifi` too, "
        "as for a real account. In the last pair `preload()` ran before."
    )
    return Section(TITLE, note, tuple(rows))


def _entries(stack: ExitStack, directory: Path) -> dict[str, dict[str, Any]]:
    bank = stack.enter_context(TlsBank())
    usual = directory / "usual.pem"
    usual.write_text(Path(certifi.where()).read_text() + bank.authority.read_text())
    store = {"store": str(directory / "bank.sqlite3"), "allow_in_production": True}
    return {
        "Authorize.Net": bank.entry,
        "Authorize.Net, with certifi": {
            **bank.entry,
            "OPTIONS": {**bank.entry["OPTIONS"], "ca_bundle": str(usual)},
        },
        "test bank in process": {"BACKEND": SANDBOX, "OPTIONS": store},
    }


@contextmanager
def _stored_card(entry: dict[str, Any], directory: Path) -> Iterator[Arguments]:
    """Store a card at the gateway, in a database of its own, for a child to charge."""
    database = directory / f"{len(list(directory.iterdir()))}.sqlite3"
    with override_settings(DINERO={"GATEWAYS": {"default": entry}}), created():
        customer = gateways["default"].create_customer(bodies.create_request())
        assert isinstance(customer, RemoteCustomer), customer
        pull.write_customer(Account("default", live=False), customer)
        connection.close()
        database.write_bytes(Path(connection.settings_dict["NAME"]).read_bytes())
    yield str(database), json.dumps(entry)


def _run(rounds: int, starts: dict[str, Arguments], bytecode: str) -> dict[str, list[Figures]]:
    found: dict[str, list[Figures]] = {name: [] for name in starts}
    for number in range(rounds + 1):
        for name, arguments in in_turn(number, starts.items()):
            figures = _child(arguments, bytecode)
            if number:  # the first round compiles the modules
                found[name].append(figures)
    return found


def _rows(name: str, found: list[Figures], limit: float | None) -> Iterator[Row]:
    for what, kind in (("CPU", "cpu_ms"), ("wall time", "wall_ms")):
        first, later = (min(figures[kind][place] for figures in found) for place in (0, -1))
        target = limit if kind == "cpu_ms" else None
        yield Row(f"{name}: {what}", first, later, "ms", limit=target, absolute=True)


def _child(arguments: Arguments, bytecode: str) -> Figures:
    process = subprocess.run(
        [sys.executable, "-m", "benchmarks.first_charge_child", *arguments],
        env=environment(PYTHONPYCACHEPREFIX=bytecode, PYTHONDONTWRITEBYTECODE=""),
        stdout=subprocess.PIPE,
        check=True,
    )
    result: Figures = json.loads(process.stdout)
    return result
