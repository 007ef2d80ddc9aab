"""Runs the shops, breaks the wire, kills workers, and compares the books; see the package."""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.faults import history
from tests.faults.found import Books
from tests.faults.run import Run
from tests.faults.shops import Terms, shops, vendors
from tests.faults.table import Tally

#: Where the history of a run is kept whose books differ; made when needed, never committed.
KEPT = Path("var/faults")
#: Differences whose story is shown.
STORIES = 5


def main() -> int:
    """Read the arguments, run, and tell; return the exit code."""
    options = _options()
    again = _again(options.workers)
    print(f"seed {options.seed}, {options.operations} operations, {again}", flush=True)
    began = time.monotonic()
    tally, found = Tally(), list[str]()
    for terms in shops(options.seed, options.operations, options.databases):
        if options.shop in (None, terms.number):
            found += _run(terms, options, tally)
    missed = tally.missed()
    print("\n".join(["", *tally.lines(), "", *missed]))
    print(f"{time.monotonic() - began:.0f} s")
    print(f"BOOKS DO NOT AGREE (seed {options.seed})" if found else "books agree")
    return 1 if found or missed else 0


def _run(terms: Terms, options: argparse.Namespace, tally: Tally) -> list[str]:
    """Run one shop and count it; return the differences."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="dinero-faults-") as directory:
        told = Path(directory, "history.jsonl")
        books = Run(Path(directory), terms, options.workers, told).run()
        tally.add(terms, history.read(told), books)
        found = [*books.differences, *_off(books)]
        print(f"shop {terms.number} ({terms}): {books.summary}", flush=True)
        print(f"  {_counted(told)}, {time.monotonic() - began:.0f} s", flush=True)
        if options.history:
            shutil.copyfile(told, options.history)
        if found:
            print("\n".join(found))
            _show(found, told)
            print(f"-- shop {terms.number} differs; history: {_kept(terms, told)}", flush=True)
    return found


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--operations", type=int, default=200)
    parser.add_argument("--workers", type=int, default=3, help="at the same time")
    parser.add_argument("--history", type=Path, help="the file that keeps the last shop's events")
    parser.add_argument("--shop", type=int, help="only this one of the run's shops")
    parser.add_argument(
        "--databases",
        type=lambda text: tuple(text.split(",")),
        default=vendors(),
        help="each shop has one of them in turn: sqlite,postgresql,mariadb",
    )
    return parser.parse_args()


def _again(workers: int) -> str:
    if workers == 1:
        return "1 worker: the seed repeats the whole run"
    return (
        f"{workers} workers: each does the same again, in an order that the machine decides; "
        "--workers 1 repeats whole"
    )


def _counted(told: Path) -> str:
    counted = history.counts(history.read(told))
    return ", ".join(f"{name} {count}" for name, count in sorted(counted.items()))


def _off(books: Books) -> list[str]:
    return [f"off: {currency} by {by}" for currency, by in books.off_by().items() if by]


def _show(found: list[str], told: Path) -> None:
    events, shown = list(history.read(told)), set[str]()
    for difference in found[:STORIES]:
        story = [line for line in history.about(difference, events) if line not in shown]
        print("\n".join([f"\n-- {difference}", *story]))
        shown.update(story)


def _kept(terms: Terms, told: Path) -> Path:
    KEPT.mkdir(parents=True, exist_ok=True)
    kept = KEPT / f"seed-{terms.seed}.jsonl"
    shutil.copyfile(told, kept)
    return kept


if __name__ == "__main__":
    sys.exit(main())
