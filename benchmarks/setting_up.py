"""What having the app installed adds to ``django.setup()``, before any gateway is used."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from typing import Any

from benchmarks.report import Row, Section, environment, median, scaled

ROUNDS = 15
LIMIT_MS = 30.0


def measure(scale: float) -> Section:
    """Start fresh processes in turn, with the app and without it."""
    rounds = scaled(ROUNDS, scale)
    # Installed packages have bytecode; ours has it here whatever the checkout's shell has set.
    with tempfile.TemporaryDirectory(prefix="dinero-bench-") as bytecode:
        figures, traced = _figures(rounds, bytecode)
    rows = [
        _row("django.setup(): CPU", "cpu_ms", "ms", figures, LIMIT_MS),
        _row("django.setup(): wall time", "wall_ms", "ms", figures, LIMIT_MS),
        _row("resident memory after it", "rss_mb", "MB", figures),
        Row(
            "Python's allocations in it",
            traced["django_dinero"]["traced_mb"],
            traced[""]["traced_mb"],
            "MB",
            absolute=True,
        ),
    ]
    imported = figures["django_dinero"][0]["imported"]
    rows.append(Row("SDKs, requests, tables imported by it", len(imported), None, "", limit=0))
    note = (
        f"Fresh processes with Django's usual six contrib apps, {rounds} with django_dinero and as "
        "many without. Not imported before a gateway is used: requests, xmltodict, iso4217, any "
        "SDK, Django REST framework"
        + (f"; **imported: {', '.join(imported)}**." if imported else ".")
    )
    return Section("Installing the app", note, tuple(rows))


def _figures(
    rounds: int, bytecode: str
) -> tuple[dict[str, list[dict[str, Any]]], dict[str, dict[str, Any]]]:
    figures: dict[str, list[dict[str, Any]]] = {"django_dinero": [], "": []}
    for app in figures:
        _child(app, bytecode)  # compiles the modules
    for _ in range(rounds):
        for app, found in figures.items():
            found.append(_child(app, bytecode))
    return figures, {app: _child(app, bytecode, "traced") for app in figures}


def _row(
    what: str,
    name: str,
    unit: str,
    figures: dict[str, list[dict[str, Any]]],
    limit: float | None = None,
) -> Row:
    ours, base = (median([one[name] for one in figures[app]]) for app in ("django_dinero", ""))
    return Row(what, ours, base, unit, limit=limit, absolute=True)


def _child(app: str, bytecode: str, traced: str = "") -> dict[str, Any]:
    process = subprocess.run(
        [sys.executable, "-m", "benchmarks.setup_child", app, traced],
        env=environment(PYTHONPYCACHEPREFIX=bytecode, PYTHONDONTWRITEBYTECODE=""),
        stdout=subprocess.PIPE,
        check=True,
    )
    result: dict[str, Any] = json.loads(process.stdout)
    return result
