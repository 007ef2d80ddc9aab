"""The plan of a fault run: one seed, one plan."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from django_dinero.sandbox.http.faults import FaultName
from tests.faults import plan
from tests.faults.plan import Kill, Round, Share
from tests.faults.points import LEADS, OFTEN, POINTS, Point, When
from tests.faults.settling import Settling
from tests.faults.shop import Shop


def rounds(seed: int, operations: int = 100, workers: int = 2) -> list[Round]:
    return list(plan.rounds(seed, operations, workers))


def shares(seeds: range) -> list[Share]:
    """The workers of many runs."""
    return [share for seed in seeds for planned in rounds(seed) for share in planned.workers]


def test_a_seed_has_one_plan() -> None:
    assert rounds(7) == rounds(7)


def test_another_seed_has_another_plan() -> None:
    plans = [rounds(seed) for seed in range(20)]
    assert all(one != other for one, other in pairwise(plans))


def test_a_worker_does_the_same_beside_others_and_alone() -> None:
    alone = [share for planned in rounds(7, workers=1) for share in planned.workers]
    assert alone == shares(range(7, 8))


def test_a_child_finds_its_share_by_its_name() -> None:
    for planned in rounds(7):
        for share in planned.workers:
            assert plan.work(7, share.name, len(share.verbs)) == share
        assert plan.settle(7, planned.settling.name) == planned.settling


@pytest.mark.parametrize(("operations", "workers"), [(1, 1), (40, 1), (45, 2), (100, 3)])
def test_all_verbs_are_planned_and_no_more(operations: int, workers: int) -> None:
    planned = rounds(3, operations, workers)
    assert sum(len(s.verbs) for each in planned for s in each.workers) == operations
    assert max(len(each.workers) for each in planned) <= workers
    names = [s.name for each in planned for s in (*each.workers, each.settling)]
    assert len(set(names)) == len(names)


def test_each_share_has_the_next_point_and_verbs_that_lead_there() -> None:
    planned = shares(range(7, 8))
    points = [Point(s.kill.when, s.kill.what) for s in planned if s.kill]
    first = POINTS.index(points[0])
    assert points == [POINTS[(first + n) % len(POINTS)] for n in range(len(planned))]
    for share, point in zip(planned, points, strict=True):
        lead = LEADS[point.what]
        if len(lead) <= len(share.verbs):
            places = range(len(share.verbs))
            assert any(share.verbs[at : at + len(lead)] == lead for at in places)


def test_a_kill_comes_at_a_point_that_a_share_passes() -> None:
    for share in shares(range(40)):
        assert share.kill is not None
        assert 1 <= share.kill.ordinal <= OFTEN.get(share.kill.what, 1)


def test_where_a_review_is_wanted_the_bank_holds_each_payment() -> None:
    reviews = [s for s in shares(range(40)) if s.kill and s.kill.what == "review"]
    assert all({1, 2, 3} <= share.holds for share in reviews)


def test_each_verb_and_each_fault_comes_to_pass() -> None:
    many = shares(range(40))
    verbs = Counter(verb for share in many for verb in share.verbs)
    faults = Counter(fault for share in many for fault in share.faults.values())
    led = {verb for verbs in LEADS.values() for verb in verbs}
    assert verbs.keys() == plan.VERBS.keys() | led
    assert faults.keys() == plan.FAULTS.keys()
    assert faults[FaultName.DROP_AFTER] > faults[FaultName.DELAY]
    assert all(ordinal >= 1 for share in many for ordinal in share.faults)


def test_what_is_planned_can_be_done() -> None:
    assert all(callable(getattr(Shop, verb)) for verb in (*plan.VERBS, *sum(LEADS.values(), ())))
    assert all(callable(getattr(Settling, verb)) for verb in plan.SETTLING)


def test_settling_meets_faults_and_kills_too() -> None:
    settling = [planned.settling for seed in range(40) for planned in rounds(seed)]
    assert any(share.faults for share in settling)
    at_any = {When.before_request, When.after_request, When.before_write}
    assert {share.kill.when for share in settling if share.kill} == at_any
    assert {share.time_passes for share in settling} == {True, False}


def test_the_end_is_undisturbed() -> None:
    end = plan.finish(7)
    assert not end.faults and end.kill is None and end.verbs == tuple(plan.SETTLING)


def test_a_share_dies_at_one_place() -> None:
    share = Share("w0", "7:w0", ("charge",), kill=Kill(When.before_write, 3))
    assert share.dies(When.before_write, 3)
    assert not share.dies(When.before_write, 2)
    assert not share.dies(When.before_request, 3)


def test_each_verb_has_its_own_chance() -> None:
    share = plan.work(7, "w0", 2)
    assert share.chance(1).random() == share.chance(1).random() != share.chance(2).random()
