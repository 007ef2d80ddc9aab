"""What the admin asks of PostgreSQL at 300,000 transactions and as many operations, by page."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from benchmarks.report import Row, Section, environment, scaled

#: Transactions, and operations that made them.
SIZE = 300_000
ROUNDS = 5
#: Milliseconds that a database may need for all queries of a page.
LIMIT = 100


def measure(scale: float, url: str) -> Section:
    """Measure on a PostgreSQL server; without one there is nothing to measure."""
    if not url:
        note = "Not measured: no PostgreSQL is named."
        print(f"  The admin. {note}", file=sys.stderr)
        return Section("The admin", note, ())
    size = scaled(SIZE, scale, least=1_000)
    note = (
        f"Milliseconds that PostgreSQL needs for all queries of a page, planning and execution as "
        f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF) tells them, at {size:,} transactions with their "
        f"operations, {size // 3:,} webhook events, and a customer with a card for every ten. Of "
        "each query the best of "
        f"{ROUNDS} executions counts: what else the machine does only adds to it. Behind each page "
        "the number of its queries. One in 25 transactions is an authorization, nearly as many are "
        "captures, one in 33 is a refund, one in 20 declined; few are held, voided or came back."
    )
    rows = tuple(
        Row(f"{each['what']} ({each['queries']})", each["ms"], None, "ms", limit=LIMIT)
        for each in _figures(url, size)
    )
    return Section("The admin", note, rows)


def _figures(url: str, size: int) -> Iterator[dict[str, Any]]:
    settings = {"BENCH_DATABASE": url, "DJANGO_SETTINGS_MODULE": "benchmarks.growth_settings"}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.admin_child", str(size), str(ROUNDS)],
        env=environment(**settings),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    for line in done.stdout.splitlines():
        yield json.loads(line)
