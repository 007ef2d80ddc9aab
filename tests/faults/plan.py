"""What a seed decides: verbs, faults, kills, the bank's batches, and between whom time passes.

Every process draws from a generator of its own, named by the seed and by the process: what becomes
of one of them changes nothing in the plans of the others.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from django_dinero.sandbox.http.faults import FaultName
from tests.faults.points import LEADS, OFTEN, POINTS, Point, When

#: Verbs that one process does before it makes room for the next one.
SHARE = 5
#: Requests and writing statements within which a kill may fall, for each verb of a share. A share
#: has about as many of them; a kill behind the last one does not come.
REQUESTS, WRITES = 1.5, 5.0
KILLED_SETTLING = 0.4
#: How many requests meet a fault, and after how many the bank holds the next payment for review.
FAULTY, HOLDS = 0.2, 0.06
#: Seconds by which the bank's clock may differ from ours.
CLOCKS = (-2400.0, 0.0, 2400.0)
BATCH = 0.15
BATCH_BETWEEN = 0.3
TIME_PASSES = 0.75
#: How many shares find the gateway's lists lagging.
LAGS = 0.3

#: The connection is cut, and the bank does what was asked when others have looked for it.
LATE = "late"
#: Each with its weight. A delay costs the seconds of a read timeout: there are few.
FAULTS: Mapping[str, int] = {
    FaultName.DROP_BEFORE: 12,
    FaultName.DROP_AFTER: 16,
    FaultName.TRUNCATE: 12,
    FaultName.GARBAGE: 12,
    FaultName.STATUS_500: 12,
    FaultName.REPEAT: 12,
    FaultName.DELAY: 1,
    LATE: 8,
}
#: Each verb of :class:`tests.faults.shop.Shop` with its weight.
VERBS: Mapping[str, int] = {
    "charge": 6,
    "charge_on_commit": 1,
    "charge_in_a_transaction": 2,
    "charge_part": 1,
    "submit_twice": 2,
    "race": 2,
    "decide": 4,
    "capture": 2,
    "void": 2,
    "refund": 2,
    "refund_settled": 1,
    "store": 2,
    "store_again": 1,
    "add_card": 4,
    "create": 1,
    "edit": 1,
    "edit_in_a_transaction": 1,
    "edit_in_bulk": 1,
    "edit_card": 1,
    "replace_number": 2,
    "make_default": 3,
    "make_default_in_a_transaction": 2,
    "delete_card": 1,
    "replace_card": 1,
    "delete_default": 1,
    "delete_customer": 1,
}
#: What is done every minute, in this order: verbs of :class:`tests.faults.settling.Settling`, each
#: with the probability that it comes to that.
SETTLING: Mapping[str, float] = {"resolve": 0.6, "delete": 0.6, "push": 0.6, "reconcile": 0.15}


@dataclass(frozen=True, slots=True)
class Kill:
    """Where a process is killed or stopped: at its ``ordinal``-th such point, from 1.

    ``what`` is what happens there, as :class:`.points.Point` has it. Empty for any: then all
    requests, or all writing statements, are counted.
    """

    when: When
    ordinal: int
    what: str = ""


@dataclass(frozen=True, slots=True)
class Share:
    """What one process does, and what it meets.

    ``faults`` are by the ordinal of the request, from 1; at the request ``batch`` the bank settles
    one before it answers, and from those in ``holds`` on it holds one payment more.
    ``time_passes`` before the process does anything. Where the bank's lists lag (``lags``), they do
    not show what was made since time has passed last.
    """

    name: str
    seed: str
    verbs: tuple[str, ...]
    faults: Mapping[int, str] = field(default_factory=dict)
    kill: Kill | None = None
    batch: int | None = None
    holds: frozenset[int] = frozenset()
    time_passes: bool = False
    lags: bool = False

    def dies(self, when: When, ordinal: int, what: str = "") -> bool:
        """Say whether it is killed or stopped there."""
        return self.kill == Kill(when, ordinal, what)

    def chance(self, purpose: object) -> random.Random:
        """Return a generator for one purpose of this process."""
        return random.Random(f"{self.seed}:{purpose}")


@dataclass(frozen=True, slots=True)
class Round:
    """Workers that run at the same time, and what happens when all of them have ended."""

    workers: tuple[Share, ...]
    batch: bool
    settling: Share


def rounds(seed: int, operations: int, workers: int) -> Iterator[Round]:
    """Yield rounds of so many workers, until that many verbs have been planned."""
    names = 0
    while operations > 0:
        shares = []
        for _place in range(workers):
            if operations > 0:
                shares.append(work(seed, f"w{names}", min(SHARE, operations)))
                names, operations = names + 1, operations - SHARE
        settling = settle(seed, f"s{shares[0].name[1:]}")
        yield Round(tuple(shares), settling.chance("batch").random() < BATCH_BETWEEN, settling)


def work(seed: int, name: str, count: int) -> Share:
    """Return the share of a worker that does ``count`` verbs, the last of which lead to a point."""
    chance = random.Random(f"{seed}:{name}")
    # One after the other, and every run begins with another one.
    point = POINTS[(seed + int(name[1:])) % len(POINTS)]
    verbs = chance.choices(list(VERBS), list(VERBS.values()), k=count)
    lead = LEADS[point.what][-count:]
    at = chance.randint(0, count - len(lead))
    verbs[at : at + len(lead)] = lead
    return Share(
        name,
        f"{seed}:{name}",
        tuple(verbs),
        _faults(chance, count),
        _kill_at(chance, point),
        _ordinal(chance, REQUESTS * count) if chance.random() < BATCH else None,
        _holds(chance, count, always=point.what == "review"),
        lags=chance.random() < LAGS,
    )


def settle(seed: int, name: str) -> Share:
    """Return what a shop does between two rounds: some of what it does every minute, or nothing."""
    chance = random.Random(f"{seed}:{name}")
    passes = chance.random() < TIME_PASSES
    verbs = tuple(verb for verb, often in SETTLING.items() if chance.random() < often)
    faults = _faults(chance, len(verbs)) if chance.random() < 0.5 else {}
    kill = _kill(chance, KILLED_SETTLING, len(verbs))
    lags = not passes and chance.random() < LAGS
    return Share(name, f"{seed}:{name}", verbs, faults, kill, time_passes=passes, lags=lags)


def finish(seed: int) -> Share:
    """Return what comes last: nothing is lost any more, and everything settles."""
    return Share("end", f"{seed}:end", tuple(SETTLING), time_passes=True)


def _faults(chance: random.Random, count: int) -> dict[int, str]:
    # Twice as many as are expected: what is sent again after a fault has ordinals too.
    ordinals = range(1, round(2 * REQUESTS * count) + 1)
    names, weights = list(FAULTS), list(FAULTS.values())
    return {n: chance.choices(names, weights)[0] for n in ordinals if chance.random() < FAULTY}


def _holds(chance: random.Random, count: int, *, always: bool) -> frozenset[int]:
    ordinals = range(1, round(REQUESTS * count) + 1)
    return frozenset(n for n in ordinals if always or chance.random() < HOLDS)


def clock_offset(seed: int) -> float:
    """Return by how many seconds the bank's clock differs from ours."""
    return random.Random(f"{seed}:clock").choice(CLOCKS)


def use_tz(seed: int) -> bool:
    """Say whether the shop's project has aware times."""
    return random.Random(f"{seed}:zone").random() < 0.5


def _kill(chance: random.Random, probability: float, count: int) -> Kill | None:
    if not count or chance.random() >= probability:
        return None
    when = chance.choice((When.before_request, When.after_request, When.before_write))
    per_verb = WRITES if when is When.before_write else REQUESTS
    return Kill(when, _ordinal(chance, per_verb * count))


def _kill_at(chance: random.Random, point: Point) -> Kill:
    return Kill(point.when, chance.randint(1, OFTEN.get(point.what, 1)), point.what)


def _ordinal(chance: random.Random, most: float) -> int:
    return chance.randint(1, round(most))
