"""What having the app installed adds to ``django.setup()``, before any gateway is used."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from typing import Any

from benchmarks.report import Row, Section, environment, in_turn, median, scaled

APP = "django_dinero"
ROUNDS = 25
LIMIT_MS = 30.0
#: Projects with Django's admin and without, as flags of the child.
PROJECTS = {"no admin": "", "with admin": "admin"}

#: By project and app ("" for none): what each process told.
Figures = dict[tuple[str, str], list[dict[str, Any]]]


def measure(scale: float) -> Section:
    """Start fresh processes in turn, with the app and without it."""
    rounds = scaled(ROUNDS, scale)
    # Installed packages have bytecode; ours has it here whatever the checkout's shell has set.
    with tempfile.TemporaryDirectory(prefix="dinero-bench-") as bytecode:
        figures = _figures(rounds, bytecode)
        rows = [row for project in PROJECTS for row in _rows(project, figures, bytecode)]
    imported = sorted(
        {name for (_, app), found in figures.items() if app for name in _names(found)}
    )
    rows.append(Row("SDKs, requests, tables, services imported", len(imported), None, "", limit=0))
    note = (
        f"Fresh processes, {rounds} with django_dinero and as many without: in a project with "
        "contrib.auth alone, and in one with Django's admin, which imports the app's admin pages "
        "and forms. Of the times the shortest counts: what else the machine does only adds to "
        "them. All start behind a full garbage collection: where the next one falls (some 15 "
        "ms, after 85,000 new objects of whoever) says nothing about an app that adds 3,000. Not "
        "imported before a gateway is used: requests, xmltodict, iso4217, any SDK, Django REST "
        "framework, the app's own services and its gateways' interface"
        + (f"; **imported: {', '.join(imported)}**." if imported else ".")
    )
    return Section("Installing the app", note, tuple(rows))


def _figures(rounds: int, bytecode: str) -> Figures:
    figures: Figures = {(project, app): [] for project in PROJECTS for app in (APP, "")}
    for project, app in figures:
        _child(project, app, bytecode)  # compiles the modules
    for number in range(rounds):
        for (project, app), found in in_turn(number, figures.items()):
            found.append(_child(project, app, bytecode))
    return figures


def _rows(project: str, figures: Figures, bytecode: str) -> list[Row]:
    def row(what: str, name: str, unit: str, limit: float | None = None) -> Row:
        pick = min if unit == "ms" else median
        ours, base = (pick([one[name] for one in figures[project, app]]) for app in (APP, ""))
        return Row(f"{project}: {what}", ours, base, unit, limit=limit, absolute=True)

    ours, base = (_child(project, app, bytecode, "traced")["traced_mb"] for app in (APP, ""))
    return [
        row("CPU of django.setup()", "cpu_ms", "ms", LIMIT_MS),
        row("wall time of it", "wall_ms", "ms"),
        row("garbage collections in it", "gc_ms", "ms"),
        row("resident memory after it", "rss_mb", "MB"),
        Row(f"{project}: Python's allocations in it", ours, base, "MB", absolute=True),
    ]


def _names(found: list[dict[str, Any]]) -> list[str]:
    names: list[str] = found[0]["imported"]
    return names


def _child(project: str, app: str, bytecode: str, traced: str = "") -> dict[str, Any]:
    process = subprocess.run(
        [sys.executable, "-m", "benchmarks.setup_child", app, PROJECTS[project], traced],
        env=environment(PYTHONPYCACHEPREFIX=bytecode, PYTHONDONTWRITEBYTECODE=""),
        stdout=subprocess.PIPE,
        check=True,
    )
    result: dict[str, Any] = json.loads(process.stdout)
    return result
