"""Instructions per call of our verbs and of the floor, counted by valgrind's callgrind.

A count holds still where a time does not: two runs differ by less than a hundredth, whatever else
the machine does. It tells whether a change helps; how long something takes, only a clock tells.

One child process runs under callgrind. It collects inside of one C function of Python's that
nothing else calls, ``a @ b``, and writes a file each time that returns: so start-up, imports and
warm-up are not in the count. The database and what the calls start from are made here, at full
speed.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from django.db import connection
from django.test import override_settings

from benchmarks.bank import TlsBank
from benchmarks.database import created
from benchmarks.report import Row, Section, environment, scaled
from benchmarks.verbs import COMPARISONS, CONTESTANTS, Comparison, Shop, open_shop, originals
from django_dinero.gateways.registry import get_gateway

Name = tuple[str, str]

ALIAS = "authorizenet"
TITLE = "Instructions"
#: Calls that are counted, of each verb.
CALLS = 10
#: Calls before them: Python rewrites its bytecode for the types it meets in the first ones.
WARM_UP = 10
#: Reached by ``a @ b`` alone, and visible in a Python without debugging symbols too.
COLLECTED = "PyNumber_MatrixMultiply"
MISSING = "**Not measured: valgrind is not on this machine** (Debian: `apt-get install valgrind`)."


def measure(scale: float) -> Section:
    """Count all verbs; without valgrind, say so."""
    return count(COMPARISONS, scaled(CALLS, scale), scaled(WARM_UP, scale))


def count(comparisons: Sequence[Comparison], calls: int, warm_up: int = WARM_UP) -> Section:
    """Count the verbs of these comparisons, on the database of this process.

    Args:
        comparisons: rows of the table.
        calls: how many calls of each verb are counted.
        warm_up: how many are made before them.
    """
    if shutil.which("valgrind") is None:
        print(MISSING, file=sys.stderr)
        return Section(TITLE, MISSING, ())
    sides = {"ours": [one.ours for one in comparisons]}
    sides["by hand"] = [one.by_hand for one in comparisons]
    names = [(side, name) for side, of in sides.items() for name in dict.fromkeys(of)]
    with TlsBank() as bank, override_settings(DINERO={"GATEWAYS": {ALIAS: bank.entry}}), created():
        shop = open_shop(get_gateway(ALIAS), bank.settle)
        plan = {
            "gateways": {ALIAS: bank.entry},
            "card": shop.card.pk,
            "warm_up": warm_up,
            "steps": _steps(shop, names, warm_up + calls),
        }
        connection.close()  # SQLite: the child writes
        totals = _totals(plan)
    millions = {name: total / calls / 1e6 for name, total in zip(names, totals, strict=True)}
    rows = [
        Row(one.title, millions["ours", one.ours], millions["by hand", one.by_hand], "M")
        for one in comparisons
    ]
    note = (
        "Millions of instructions of this process per call, counted by callgrind: the verbs of "
        f"the floor above, {calls} calls of each after {warm_up} that are not counted. On "
        + ("PostgreSQL, the client's side" if connection.vendor == "postgresql" else "SQLite")
        + ". The kernel's part, sending and receiving, is not in it; both sides have the same of "
        "it, so these ratios are larger than those of the CPU."
    )
    return Section(TITLE, note, tuple(rows))


def _steps(shop: Shop, names: Sequence[Name], calls: int) -> list[dict[str, Any]]:
    made = {
        name: originals(shop, CONTESTANTS[name], calls)
        for name in sorted(names, key=lambda name: not CONTESTANTS[name].settled)
    }
    return [{"name": name, "originals": [row and row.pk for row in made[name]]} for name in names]


def _totals(plan: Mapping[str, Any]) -> list[int]:
    """Return what was counted in each step.

    Raises:
        RuntimeError: callgrind did not see where a step begins and ends.
    """
    with tempfile.TemporaryDirectory(prefix="dinero-bench-") as directory:
        base = Path(directory) / "out"
        subprocess.run(
            [
                *("valgrind", "--quiet", "--tool=callgrind", f"--callgrind-out-file={base}"),
                *(f"--toggle-collect={COLLECTED}", f"--dump-after={COLLECTED}"),
                *(sys.executable, "-m", "benchmarks.callgrind_child"),
            ],
            env=environment(
                BENCH_DATABASE_NAME=connection.settings_dict["NAME"],
                DJANGO_SETTINGS_MODULE="benchmarks.settings",
                PYTHONHASHSEED=0,
            ),
            input=json.dumps(plan),
            text=True,
            check=True,
        )
        steps = range(1, len(plan["steps"]) + 1)
        parts = [base.with_name(f"{base.name}.{number}") for number in steps]
        found = [_total(part) for part in parts if part.exists()]
    if len(found) != len(parts) or not all(found):
        raise RuntimeError(f"callgrind does not see {COLLECTED} in {sys.executable}")
    return found


def _total(part: Path) -> int:
    with part.open() as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("summary:"))
