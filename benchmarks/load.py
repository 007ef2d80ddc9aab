"""Fifty shoppers pay at the same time, through a web server: ours against the same by hand."""

from __future__ import annotations

import importlib.util
import json
import statistics
import subprocess
import sys
from typing import Any

from benchmarks.report import Row, Section, environment, scaled

CLIENTS, SECONDS, WORKERS, THREADS = 50, 20.0, 4, 8
#: The time is shared out over so many turns, so that a noisy minute hits both alike.
TURNS = 4
TITLE = "Under load"


def measure(scale: float, url: str) -> Section:
    """Measure on PostgreSQL, whose address ``url`` is; without one, or gunicorn, say so."""
    missing = _missing(url)
    if missing:
        print(f"Not measured: {missing}", file=sys.stderr, flush=True)
        return Section(TITLE, f"Not measured: {missing}.", ())
    seconds, clients = max(0.5, SECONDS * scale), scaled(CLIENTS, scale, least=4)
    order = {"seconds": seconds / TURNS, "turns": TURNS, "clients": clients}
    order |= {"workers": WORKERS, "threads": THREADS}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.load_child"],
        input=json.dumps(order),
        env=environment(DJANGO_SETTINGS_MODULE="benchmarks.settings", BENCH_DATABASE=url),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout)
    note = (
        f"{clients} shoppers, each on a connection of his own, charge their stored cards for "
        f"{seconds:g} s through gunicorn ({WORKERS} workers with {THREADS} threads), PostgreSQL "
        "and the Authorize.Net client, whose bank is a process on the same machine; so are the "
        "shoppers. Compared with a view that charges by hand, without any safety, on the same "
        "server; the two take turns. Afterwards the bank's own file is summed, and reconcile looks "
        "for differences."
    )
    return Section(TITLE, note, tuple(_rows(found, seconds)))


def _missing(url: str) -> str:
    if not url:
        return "no PostgreSQL is named by DINERO_TEST_POSTGRES_URL"
    if importlib.util.find_spec("gunicorn") is None:
        return "gunicorn is not installed"
    return ""


def _rows(found: dict[str, Any], seconds: float) -> list[Row]:
    ours, hand = found["ours"], found["by hand"]
    times = {name: found[name]["milliseconds"] for name in ("ours", "by hand")}
    rows = [Row("charges", len(times["ours"]) / seconds, len(times["by hand"]) / seconds, "/s")]
    for part in (50, 99):
        mine, theirs = (statistics.quantiles(each, n=100)[part - 1] for each in times.values())
        rows.append(Row(f"an answer, p{part}", mine, theirs, "ms"))
    charged = len(ours["milliseconds"]) + len(hand["milliseconds"])
    others = sum(
        count for each in (ours, hand) for code, count in each["statuses"].items() if code != "201"
    )
    rows += [
        Row("answers that are no approval", others, None, "", limit=0),
        Row("charges at the bank beyond those", found["bank"] - charged, None, "", limit=0),
        Row("sum at the bank less ours", found["difference"], None, "USD", limit=0),
        Row("differences that reconcile finds", found["found"], None, "", limit=0),
    ]
    return rows
