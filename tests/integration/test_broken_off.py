"""Every verb, broken off at its points: afterwards the books of both sides agree.

Here each verb of a shop is broken off at each point, and the work in the background at some, drawn
anew by ``DINERO_TEST_SEED``. On MariaDB that draws a third of the points, which are PostgreSQL's.
``make faults-all`` is the whole, and with ``--pairs`` another process acts at that very point.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from math import ceil

import pytest

from tests.breaking.background import BACKGROUND
from tests.breaking.run import break_off, configured
from tests.breaking.scenes import VERBS, partners
from tests.databases import VENDOR

ALIASES = ["default"] if VENDOR == "sqlite" else ["default", "journal"]
pytestmark = [
    pytest.mark.django_db(transaction=True, databases=ALIASES),
    pytest.mark.slow,
    pytest.mark.long,
]

SEED = int(os.environ.get("DINERO_TEST_SEED", "1"))
#: Points of each piece of work in the background.
DRAWN = 5
#: Of the points of each verb of a shop, one of so many is taken.
SHARE = 3 if VENDOR == "mariadb" else 1
#: Runs in which another process acts too.
PAIRS = 40
WORK = {verb.name for verb in BACKGROUND}


@pytest.fixture(autouse=True)
def bank() -> Iterator[None]:
    with configured():
        yield


@pytest.mark.parametrize("name", VERBS)
def test_a_verb_that_is_broken_off(name: str) -> None:
    verb = VERBS[name]
    whole = break_off(verb)
    assert whole.differences == []
    assert whole.points, "a verb without a point was not watched"
    numbers = list(range(1, len(whole.points) + 1))
    wanted = DRAWN if name in WORK else ceil(len(numbers) / SHARE)
    if wanted < len(numbers):
        numbers = random.Random(f"{SEED} {name}").sample(numbers, wanted)
    for at in numbers:
        point, outcome = whole.points[at - 1], break_off(verb, at)
        assert outcome.points[-1] == point, "the run did not repeat"
        assert outcome.differences == [], f"python -m tests.breaking {name} --point {at}: {point}"


def test_another_process_acts_where_a_verb_is_broken_off() -> None:
    draw = random.Random(SEED)
    points = {name: len(break_off(VERBS[name]).points) for name in draw.sample(list(VERBS), 12)}
    for _run in range(PAIRS):
        verb = VERBS[draw.choice(list(points))]
        partner = draw.choice(partners(verb))
        at = draw.randint(1, points[verb.name])
        command = f"python -m tests.breaking {verb.name} --point {at} --partner {partner.name}"
        assert break_off(verb, at, partner).differences == [], f"seed {SEED}: {command}"
