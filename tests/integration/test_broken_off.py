"""Every verb, broken off at its points: afterwards the books of both sides agree.

Here each verb of a shop is broken off at one of 24 of its points (or ``DINERO_TEST_SHARE``), and
the work in the background at three, drawn by ``DINERO_TEST_SEED``; with ``DINERO_TEST_THOROUGH``
the verbs at all of them.
``make faults-all`` is the whole, and with ``--pairs`` another process acts at that very point.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

import pytest

from tests.breaking.background import BACKGROUND
from tests.breaking.run import break_off, configured
from tests.breaking.scenes import VERBS, partners
from tests.databases import VENDOR
from tests.support.thoroughness import SEED, SHARE, drawn

ALIASES = ["default"] if VENDOR == "sqlite" else ["default", "journal"]
pytestmark = [
    pytest.mark.django_db(transaction=True, databases=ALIASES),
    pytest.mark.slow,
    pytest.mark.long,
]

#: Points of each piece of work in the background.
DRAWN = 3
#: Runs in which another process acts too.
PAIRS = 120 // SHARE
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
    numbers: Sequence[int] = range(1, len(whole.points) + 1)
    if name not in WORK:
        numbers = drawn(numbers, name)
    elif len(numbers) > DRAWN:
        numbers = random.Random(f"{SEED} {name}").sample(numbers, DRAWN)
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
