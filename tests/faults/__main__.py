"""Runs the shop, breaks the wire, kills workers, and compares the books; see the package."""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.faults import history
from tests.faults.run import Run

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
    with tempfile.TemporaryDirectory(prefix="dinero-faults-") as directory:
        told = options.history or Path(directory, "history.jsonl")
        told.unlink(missing_ok=True)
        run = Run(Path(directory), options.seed, options.operations, options.workers, told)
        found, summary = run.run()
        print("\n".join([*found, summary, _counted(told)]))
        print(f"{time.monotonic() - began:.0f} s")
        if found:
            _show(found, told)
            print(f"BOOKS DO NOT AGREE (seed {options.seed}); history: {_kept(options, told)}")
        else:
            print("books agree")
    return 1 if found else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--operations", type=int, default=200)
    parser.add_argument("--workers", type=int, default=2, help="at the same time")
    parser.add_argument("--history", type=Path, help="the file that keeps the events")
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


def _show(found: list[str], told: Path) -> None:
    events, shown = list(history.read(told)), set[str]()
    for difference in found[:STORIES]:
        story = [line for line in history.about(difference, events) if line not in shown]
        print("\n".join([f"\n-- {difference}", *story]))
        shown.update(story)


def _kept(options: argparse.Namespace, told: Path) -> Path:
    if options.history:
        return told
    KEPT.mkdir(parents=True, exist_ok=True)
    kept = KEPT / f"seed-{options.seed}.jsonl"
    shutil.copyfile(told, kept)
    return kept


if __name__ == "__main__":
    sys.exit(main())
