"""Mirroring many customers: our service against plain ``bulk_create`` and ``update_or_create``."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.parse
from typing import Any

from benchmarks.report import Row, Section, environment, median, scaled

CUSTOMERS = 10_000
ROUNDS = 3
#: update_or_create takes minutes for all of them; a part of the customers is timed and scaled up.
PART = 10
LIMIT = 2.0
#: What an account three times as large may take in memory: no more.
FLAT = 1.1

TITLES = {
    "new": "all rows new",
    "changed": "all rows there, every one changed",
    "same": "all rows there, nothing changed",
}


def measure(scale: float, urls: list[str]) -> Section:
    """Measure on each database; an empty url is SQLite."""
    customers = scaled(CUSTOMERS, scale, least=20)
    rows: list[Row] = []
    for url in urls:
        figures = _child(url, customers, scaled(ROUNDS, scale))
        rows += _rows(urllib.parse.urlsplit(url).scheme or "sqlite", figures)
    note = (
        f"{customers:,} customers and {2 * customers:,} cards from the gateway into our rows: "
        "`mirror_customers` against `bulk_create(update_conflicts=True)` of the same rows in "
        "pieces of the same size (which keeps no local edit, marks no vanished card and "
        "overwrites what waits to be pushed), and against one `update_or_create` per row "
        f"(every {PART}th customer, scaled up). Seconds of wall time, and queries; the most "
        "memory that Python allocates at a time."
    )
    return Section("Mirroring customers", note, tuple(rows))


def _child(url: str, customers: int, rounds: int) -> dict[str, Any]:
    process = subprocess.run(
        [sys.executable, "-m", "benchmarks.mirror_child", str(customers), str(rounds), str(PART)],
        env=environment(BENCH_DATABASE=url, DJANGO_SETTINGS_MODULE="benchmarks.settings"),
        stdout=subprocess.PIPE,
        check=True,
    )
    result: dict[str, Any] = json.loads(process.stdout)
    return result


def _rows(vendor: str, figures: dict[str, Any]) -> list[Row]:
    rows = []
    for situation, title in TITLES.items():
        ours, bulk, single = (figures[situation][name] for name in ("ours", "bulk", "single"))
        what = f"{vendor}: {title}"
        for unit, name in (("s", "seconds"), ("queries", "queries")):
            rows.append(
                Row(
                    f"{what}, vs bulk_create",
                    median(ours[name]),
                    median(bulk[name]),
                    unit,
                    limit=LIMIT,
                )
            )
        rows.append(
            Row(
                f"{what}, vs update_or_create",
                median(ours["seconds"]),
                median(single["seconds"]),
                "s",
            )
        )
    if memory := figures.get("memory"):
        what = f"{vendor}: memory, an account vs one of a third"
        rows.append(Row(what, memory["many"], memory["few"], "MB", limit=FLAT))
    return rows
