"""Pulling whole accounts: ``python -m benchmarks.pulling [url] [customers ...]``, by hand.

Each size and each writer has a process and a database of its own. The account is a generator, so
what the memory grows by is what the writer keeps. ``pull --all`` is held against the bare limit:
``bulk_create(update_conflicts=True)`` of the same rows, in batches of the same size.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from benchmarks.report import environment

SIZES = (10_000, 100_000)
SITUATIONS = ("new", "same", "changed")


def main(url: str, sizes: tuple[int, ...]) -> None:
    """Measure, and print a table."""
    print("| customers | rows | ours s | bulk s | ratio | ours q/batch | bulk q/batch |")
    print("|---|---|---|---|---|---|---|")
    memory = []
    for size in sizes:
        ours, bulk = (_child(url, size, writer) for writer in ("ours", "bulk"))
        for situation in SITUATIONS:
            a, b = ours[situation], bulk[situation]
            print(
                f"| {size:,} | {situation} | {a['seconds']:.1f} | {b['seconds']:.1f} "
                f"| {a['seconds'] / b['seconds']:.2f} | {a['queries'] / ours['batches']:.2f} "
                f"| {b['queries'] / bulk['batches']:.2f} |"
            )
        memory.append(f"{size:,} customers: ours {ours['peak']:.0f} MB, bulk {bulk['peak']:.0f} MB")
    print("Peak of the process: " + "; ".join(memory))


def _child(url: str, size: int, writer: str) -> dict[str, Any]:
    process = subprocess.run(
        [sys.executable, "-m", "benchmarks.pulling_child", str(size), writer],
        env=environment(BENCH_DATABASE=url, DJANGO_SETTINGS_MODULE="benchmarks.settings"),
        stdout=subprocess.PIPE,
        check=True,
    )
    result: dict[str, Any] = json.loads(process.stdout)
    return result


if __name__ == "__main__":
    given = sys.argv[1:]
    main(given[0] if given else "", tuple(map(int, given[1:])) or SIZES)
