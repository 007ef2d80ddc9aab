"""``python -m tests.breaking``: every verb at every point, alone; with ``--pairs`` in pairs too."""

from __future__ import annotations

import argparse
import itertools
import logging
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
django.setup()

from django.db import connections  # noqa: E402
from django.test.utils import (  # noqa: E402
    setup_databases,
    setup_test_environment,
    teardown_databases,
    teardown_test_environment,
)

from tests.breaking.run import Outcome, break_off, configured  # noqa: E402
from tests.breaking.scenes import VERBS, partners  # noqa: E402
from tests.breaking.verbs import Verb  # noqa: E402


@dataclass(frozen=True, slots=True)
class Choice:
    """Which runs are made.

    Attributes:
        pairs: whether partners act too.
        part, parts: only each ``parts``-th run, from the ``part``-th one on.
    """

    pairs: bool = False
    part: int = 1
    parts: int = 1

    def of(self, verb: Verb, points: int) -> Iterator[tuple[int, Verb | None]]:
        """Yield the points of a verb, alone and with each of its partners."""
        others: Sequence[Verb | None] = [None, *partners(verb)] if self.pairs else [None]
        whole = itertools.product(range(1, points + 1), others)
        return itertools.islice(whole, self.part - 1, None, self.parts)


def share(text: str) -> tuple[int, int]:
    """Read ``2/8``."""
    part, parts = (int(number) for number in text.split("/"))
    if not 0 < part <= parts:
        raise ValueError
    return part, parts


def tell(verb: Verb, at: int, other: Verb | None, outcome: Outcome) -> None:
    """Print what does not hold, and the command that repeats it."""
    point = outcome.points[-1] if outcome.points else "-"
    command = f"python -m tests.breaking {verb.name} --point {at}"
    if other is not None:
        command += f" --partner {other.name}"
    print(f"{verb.name} at {at} ({point}) beside {other.name if other else 'nobody'}:")
    for line in outcome.differences:
        print(f"    {line}")
    print(f"    {command}", flush=True)


def break_all(names: Sequence[str], choice: Choice) -> tuple[int, int]:
    """Break off these verbs everywhere; return how many runs there were, and how many failed."""
    total = failed = 0
    print(f"{'verb':28} {'points':>6} {'runs':>6} {'broken':>6}")
    for name in names:
        verb, count, bad = VERBS[name], 0, 0
        points = len(break_off(verb).points)
        for at, other in choice.of(verb, points):
            outcome = break_off(verb, at, other)
            count += 1
            if outcome.differences:
                bad += 1
                tell(verb, at, other, outcome)
        print(f"{name:28} {points:6} {count:6} {bad:6}", flush=True)
        total, failed = total + count, failed + bad
    return total, failed


def main() -> int:
    """Break verbs off as the command line says; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.breaking", description=__doc__)
    parser.add_argument("verbs", nargs="*", metavar="verb", help=", ".join(VERBS))
    parser.add_argument("--pairs", action="store_true", help="with every partner at every point")
    parser.add_argument("--share", type=share, default=(1, 1), help="2/8: the second eighth of all")
    parser.add_argument("--point", type=int, help="only this point of the one verb")
    parser.add_argument("--partner", choices=VERBS, help="who acts at that point")
    given = parser.parse_args()
    unknown = set(given.verbs) - set(VERBS)
    if unknown:
        parser.error(f"no such verb: {', '.join(sorted(unknown))}")
    logging.disable(logging.CRITICAL)
    setup_test_environment()
    databases = setup_databases(verbosity=0, interactive=False)
    began = time.monotonic()
    try:
        with configured():
            if given.point:
                verb = VERBS[given.verbs[0]]
                other = VERBS[given.partner] if given.partner else None
                outcome = break_off(verb, given.point, other)
                print("\n".join(f"{n:4} {each}" for n, each in enumerate(outcome.points, 1)))
                tell(verb, given.point, other, outcome)
                return 1 if outcome.differences else 0
            choice = Choice(given.pairs, *given.share)
            total, failed = break_all(given.verbs or list(VERBS), choice)
    finally:
        connections.close_all()  # the journal's connection is another one to the same database
        teardown_databases(databases, verbosity=0)
        teardown_test_environment()
    print(f"{total} runs in {time.monotonic() - began:.0f} s, {failed} with a difference")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
