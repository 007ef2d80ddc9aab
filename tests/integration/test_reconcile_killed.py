"""Reconcile is killed between any two steps, and run again: the same end, and nothing twice.

In process, at each statement and each call in turn, counted and not named by hand; and by SIGKILL
in a process of its own, at the places where a phase goes from one thing to the next.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from django.db import connection

from django_dinero import signals
from django_dinero.exceptions import HeldForReview, OutcomeUnknown
from django_dinero.gateways.base import VERBS
from django_dinero.gateways.registry import get_gateway, reset
from django_dinero.models import Difference, Operation, Reconciliation, Transaction
from django_dinero.models.operation import OPEN_STATES
from django_dinero.services import journal, ledger
from django_dinero.services.ledger import endings
from django_dinero.services.payments import followups
from django_dinero.services.reconcile import lease, open_ends, operations, orphans
from django_dinero.services.reconcile.run import reconcile
from tests.integration.test_killed_workers import Plant, after, before, dies, shop
from tests.support.aging import let_tellings_die
from tests.support.recording import RecordingGateway, lose_reply, lose_request
from tests.support.rollbacks import lose_in_rollback
from tests.support.thoroughness import drawn
from tests.unit.services.conftest import CARD

__all__ = ["shop"]

pytestmark = [pytest.mark.slow, pytest.mark.long, pytest.mark.django_db(transaction=True)]

PAST = "2020-01-01T00:00:00Z"
#: Each takes every fourth point, so that they can run beside each other.
SHARES = 4
#: What each side has, in the words of the other.
State = tuple[list[tuple[str, str]], list[tuple[str, str, str]], Counter[tuple[str, str]]]


class Killed(BaseException):
    """The process is gone: nothing of ours may catch it."""


def bank_of(gateway: RecordingGateway) -> list[tuple[str, str]]:
    return sorted((str(row.amount), str(row.status)) for row in gateway.bank.transactions())


def states(gateway: RecordingGateway) -> State:
    """What the bank, the books and the journal have; attempts that did nothing are left out."""
    books = Transaction.objects.values_list("kind", "price", "status")
    ended = Operation.objects.exclude(state__in=("failed", "absent")).values_list("kind", "state")
    rows = sorted((kind, f"{price:.2f}", status) for kind, price, status in books)
    return bank_of(gateway), rows, Counter(ended)


def let_time_pass() -> None:
    """Let every lease, quarantine and pause run out."""
    for column in ("lease_until", "quarantine_until", "next_check_at"):
        Operation.objects.filter(**{f"{column}__isnull": False}).update(**{column: PAST})
    Reconciliation.objects.filter(state="running").update(lease_until=PAST)
    let_tellings_die()


def trouble(gateway: RecordingGateway) -> None:
    """A bit of everything: lost replies and requests, dead workers, a review, two orphans."""
    charges = [Transaction.create(f"{n}.00", **CARD) for n in (1, 2)]
    for price, fault in (("3.00", lose_reply), ("4.00", lose_request)):
        gateway.faults["charge"] = fault
        with pytest.raises(OutcomeUnknown):
            Transaction.create(price, **CARD)
    gateway.bank.hold_next()
    with pytest.raises(HeldForReview) as caught:
        Transaction.create("5.00", **CARD)
    gateway.bank.decide_review(caught.value.transaction.transaction_id, approve=True)
    authorization = Transaction.create("6.00", settle=False, **CARD)
    gateway.faults["capture"] = lose_reply
    with pytest.raises(OutcomeUnknown):
        authorization.capture()
    # As after a worker that died in the call.
    Operation.objects.filter(state="unknown", amount__in=(3, 6)).update(state="sent")
    lose_in_rollback(*charges)
    let_time_pass()


def settled_end(gateway: RecordingGateway) -> None:
    """What must hold after the last run, however many there were."""
    runs = Reconciliation.objects.order_by("pk")
    assert not runs.filter(state="running").exists()
    assert not Operation.objects.filter(state__in=OPEN_STATES).exists()
    assert not Operation.objects.filter(outcome__has_key="give_back").exists()
    last = list(runs)[-1]
    assert last.state == "finished"
    assert not any(last.counts[name] for name in open_ends.NAMES)
    # Each approved charge of the bank has one row here, and each row a charge there.
    there = {row.id for row in gateway.bank.transactions()}
    here = Transaction.objects.filter(kind__in=("charge", "authorization"))
    assert len(here) == len(there)
    assert {row.transaction_id for row in here} == there


@contextmanager
def killed_at(gateway: RecordingGateway, number: int) -> Iterator[list[str]]:
    """Raise at one of the statements and the moments before and after a call, by its number."""
    seen: list[str] = []

    def point(name: str) -> None:
        seen.append(name)
        if len(seen) == number:
            raise Killed(name)

    def watch(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if number and len(seen) >= number:
            return execute(sql, params, many, context)  # a rollback, after the end
        if not sql.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK")):
            point(sql)
        return execute(sql, params, many, context)

    def observed(verb: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def made(*args: Any, **kwargs: Any) -> Any:
            point(f"before {verb}")
            answer = call(*args, **kwargs)
            point(f"after {verb}")
            return answer

        return made

    with pytest.MonkeyPatch.context() as patch, connection.execute_wrapper(watch):
        for verb in VERBS:
            patch.setattr(gateway, verb, observed(verb, getattr(gateway, verb)))
        yield seen


@pytest.fixture
def fresh(settings: Any) -> Callable[[], RecordingGateway]:
    """Begin anew, with an empty bank, empty books and trouble in the journal."""
    entry = {"BACKEND": "tests.support.recording.RecordingGateway", "OPTIONS": {}}
    settings.DINERO = {**settings.DINERO, "GATEWAYS": {"default": entry}}

    def begin() -> RecordingGateway:
        # MariaDB checks a foreign key at each row: what follows a payment goes first.
        Transaction._base_manager.filter(parent__isnull=False)._raw_delete("default")
        for model in (Transaction, Operation, Reconciliation, Difference):
            model._base_manager.all()._raw_delete("default")
        reset()
        gateway = get_gateway()
        assert isinstance(gateway, RecordingGateway)
        trouble(gateway)
        return gateway

    return begin


@pytest.fixture
def orphaned() -> Iterator[Counter[str]]:
    """How often receivers are told of each orphan."""
    told: Counter[str] = Counter()

    def receive(signal: Any, transaction: Transaction, **kwargs: Any) -> None:
        told[str(transaction.operation_key)] += 1

    signals.charge_orphaned.connect(receive)
    yield told
    signals.charge_orphaned.disconnect(receive)


@pytest.mark.parametrize("share", range(1, SHARES + 1))
def test_killed_at_each_statement_and_each_call_it_comes_to_the_same_end(
    fresh: Callable[[], RecordingGateway], orphaned: Counter[str], share: int
) -> None:
    gateway = fresh()
    reconcile("default", void_orphans=True)
    settled_end(gateway)
    whole = states(gateway)
    assert [status for _amount, status in whole[0]].count("voided") == 2
    gateway = fresh()
    orphaned.clear()
    with killed_at(gateway, 0) as points:
        reconcile("default", void_orphans=True)
    told = sorted(orphaned.values())
    assert told == [1] * len(told) != []
    assert len(points) > 100, "so few points cannot be all"
    for number in drawn(range(share, len(points) + 1, SHARES), f"share {share}"):
        gateway = fresh()
        orphaned.clear()
        with killed_at(gateway, number) as seen, suppress(Killed):
            reconcile("default", void_orphans=True)
        assert len(seen) >= number, "the run did not repeat"
        let_time_pass()
        reconcile("default", void_orphans=True)
        where = f"killed at {number}: {seen[number - 1][:200]}"
        assert states(gateway) == whole, where
        settled_end(gateway)
        # None is lost; the one that it told when it was killed may be told once more.
        assert sorted(orphaned.values()) in (told, [*told[1:], 2]), where


#: Where a run is killed: the phases, and the steps inside of them.
POINTS: dict[str, Plant] = {
    "before the first phase": before(orphans, "_without_row"),
    "before a row is written again": before(ledger, "restore_orphan"),
    "before it is noted that it goes back": before(endings, "_mark_orphan"),
    "after it was noted": after(endings, "_mark_orphan"),
    "after the row was written": after(ledger, "restore_orphan"),
    "before it is told": before(orphans, "_tell"),
    "after it was told": after(orphans, "_tell"),
    "before it is given back": before(followups, "refund"),
    "before the void is sent": before(RecordingGateway, "void"),
    "after the void was sent": after(RecordingGateway, "void"),
    "after it was given back": after(followups, "refund"),
    "between the phases": before(operations, "_due"),
    "before the first look-up": before(operations, "look_up"),
    "inside a look-up": after(RecordingGateway, "find_operation"),
    "before an outcome": before(journal, "try_to_end_operation"),
    "after the first look-up": after(operations, "look_up"),
    "before it ends": before(lease, "end"),
    "after it has ended": after(lease, "end"),
}


@pytest.mark.parametrize("point", POINTS)
def test_a_process_that_is_killed_leaves_nothing_undone_and_nothing_doubled(
    shop: RecordingGateway, point: str
) -> None:
    trouble(shop)
    dies(lambda: reconcile("default", void_orphans=True), lambda: POINTS[point](""))
    for _run in range(2):
        let_time_pass()
        reconcile("default", void_orphans=True)
    settled_end(shop)
    assert [status for amount, status in bank_of(shop) if amount in ("1.00", "2.00")] == [
        "voided",
        "voided",
    ]
    assert Operation.objects.filter(kind="void", state="succeeded").count() == 2
    assert len(bank_of(shop)) == 5
