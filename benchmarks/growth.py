"""What grows with the tables, and what does not: 10,000 transactions against a million."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.parse
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from benchmarks.report import Row, Section, environment, interleaved, lower_quartile, scaled

#: Transactions in the two databases.
SMALL, LARGE = 10_000, 1_000_000
ROUNDS, SEARCHES = 30, 7
#: Charges whose room is measured; charges, each with a void, under a long snapshot.
SIZED, PAIRS = 2_000, 1_500
#: A hundred times the rows make an index one level deeper, and fill the memory: half again as long
#: is what that may cost. Whatever reads a table, or a part of it, takes ten times as long or more.
FLAT = 1.5
#: What the tasks that show a list begin with.
LISTS = ("API: ", "admin list: ")
#: Milliseconds that a person does not wait for: a search shows up to a hundred rows.
SEARCH = 200
#: What 1,000 charges under a long snapshot may add to one and its void: noise. It was 1.1 ms, and
#: the pages of an index full of what has ended.
SLOWER_MS, SLOWER_PAGES = 0.5, 2
#: Bytes of a charge in both tables and their indexes.
BYTES = 2_000


def measure(scale: float, urls: list[str]) -> Section:
    """Measure on each database; an empty url is SQLite."""
    rows: list[Row] = []
    for url in urls:
        rows += _rows(urllib.parse.urlsplit(url).scheme or "sqlite", url, scale)
    small, large = _sizes(scale)
    note = (
        f"Milliseconds at {large:,} transactions, compared with {small:,}, in two processes that "
        "take turns: charges of a stored card on the in-process sandbox, pages of the API and the "
        "admin through Django's test client; waiting for a disk is not in them. Of the times the "
        "lower quartile counts: what else the machine does only adds to them; pages are those "
        "that PostgreSQL reads, and the same on any machine. Half of the transactions are of 20 "
        "cards, busy one after the other, the rest of one shopper for every ten. Of the searches "
        "in an admin list, one for each kind of text, the slowest is shown. A long snapshot is a "
        f"second connection that has begun to read before {scaled(PAIRS, scale, 8):,} charges, "
        "each with a void: what more each takes for every 1,000. Bytes are those of an "
        "operation, its transaction and their indexes, of "
        f"{scaled(SIZED, scale, 8):,} charges before any vacuum, and of all; on SQLite, of the "
        "whole file."
    )
    return Section("Growth", note, tuple(rows))


def _sizes(scale: float) -> tuple[int, int]:
    return scaled(SMALL, scale, least=100), scaled(LARGE, scale, least=1_000)


def _rows(vendor: str, url: str, scale: float) -> Iterator[Row]:
    with ExitStack() as stack:
        few, many = _sizes(scale)
        started = (
            # The same charges in both: they are of the shoppers whose lists are compared.
            stack.enter_context(_process(url, few, scaled(SIZED, scale, 8))),
            stack.enter_context(_process(url, many, scaled(SIZED, scale, 8))),
        )
        small, large = (Child(process) for process in started)
        searches = [task for task in large.tasks if task.startswith("admin search: ")]
        for task in large.tasks:
            if task not in searches:
                yield from _flat(vendor, task, small, large, scaled(ROUNDS, scale, 2))
        yield from _searches(vendor, small, large, searches, scaled(SEARCHES, scale, 2))
        if vendor != "sqlite":  # whose readers keep nobody from tidying up
            slower = large.ask("snapshot", "", scaled(PAIRS, scale, 8))
            what = f"{vendor}: a charge and its void, after 1,000 under a long snapshot"
            yield Row(what, slower["ms"], 0, "ms", limit=SLOWER_MS, absolute=True)
            yield Row(what, slower["pages"], 0, "pages", limit=SLOWER_PAGES, absolute=True)
        for name, size in large.sizes.items():
            limit = BYTES if name.startswith("all") else None
            yield Row(f"{vendor}: bytes per charge, {name}", size, None, "", limit=limit)


def _flat(vendor: str, task: str, small: Child, large: Child, rounds: int) -> Iterator[Row]:
    times = _in_turn(task, small, large, rounds)
    yield Row(f"{vendor}: {task}", times["large"], times["small"], "ms", limit=FLAT)
    many, few = (child.ask("pages", task, rounds) for child in (large, small))
    if many is not None:
        # A list's rows lie on as many pages as there are rows, once the table is long enough.
        limit = None if task.startswith(LISTS) else FLAT
        yield Row(f"{vendor}: {task}", many, few, "pages", limit=limit)


def _in_turn(task: str, small: Child, large: Child, rounds: int) -> dict[str, float]:
    times = interleaved(
        rounds,
        {
            "small": lambda number: small.ask("time", task, number),
            "large": lambda number: large.ask("time", task, number),
        },
    )
    return {name: lower_quartile(each) for name, each in times.items()}


def _searches(
    vendor: str, small: Child, large: Child, tasks: list[str], rounds: int
) -> Iterator[Row]:
    by_list: dict[str, list[tuple[float, float, str]]] = {}
    for task in tasks:
        name, kind = task.removeprefix("admin search: ").split(", ", 1)
        times = _in_turn(task, small, large, rounds)
        by_list.setdefault(name, []).append((times["large"], times["small"], kind))
        print(f"  {vendor}: {task}: {times['large']:.1f} ms", file=sys.stderr, flush=True)
    for name, found in by_list.items():
        slowest, _small, kind = max(found)
        what = f"{vendor}: admin search in {name}, slowest of {len(found)}: {kind}"
        yield Row(what, slowest, None, "ms", limit=SEARCH)


class Child:
    """A process with tables of one size."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        ready = self._answer()
        self.sizes: dict[str, float] = ready["sizes"]
        self.tasks: list[str] = ready["tasks"]

    def ask(self, command: str, task: str, number: int) -> Any:
        """Give a command; return what the process answers."""
        assert self._process.stdin is not None
        self._process.stdin.write(
            json.dumps({"command": command, "task": task, "number": number}) + "\n"
        )
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("A process that measures growth has ended; its error stands above.")
        return json.loads(line)


@contextmanager
def _process(url: str, transactions: int, charges: int) -> Iterator[subprocess.Popen[str]]:
    settings = {"BENCH_DATABASE": url, "DJANGO_SETTINGS_MODULE": "benchmarks.growth_settings"}
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.growth_child", str(transactions), str(charges)],
        env=environment(**settings),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            assert process.stdin is not None
            process.stdin.close()  # it drops its database and ends
