"""A run that looks far back: the same findings as in one piece, slice by slice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.db.models import F

from django_dinero.exceptions import GatewayError
from django_dinero.models import Customer, Difference, Reconciliation, Transaction
from django_dinero.services.reconcile import slices
from django_dinero.services.reconcile.phase import MoreToDo, Run
from django_dinero.services.reconcile.run import reconcile, reconcile_slice
from django_dinero.services.reconcile.slices import LATE, OVERLAP, SPAN, Slice, slices_of
from django_dinero.services.reconcile.sweep import sweep
from tests.support.recording import RecordingGateway
from tests.support.sweeping import make_run

__all__ = ["make_run"]

pytestmark = pytest.mark.django_db

Make = Callable[..., Run]
#: Yesterday is not over for the sweep while it may still be listed late.
AGES = (38, 31, 30, 24, 17, 9, 3, 2)


def ends(parts: list[Slice]) -> list[datetime]:
    return [part.until for part in parts if part.until is not None]


@pytest.mark.parametrize("days", [0.1, 2, 13.9])
def test_the_usual_run_is_one_slice(make_run: Make, days: float) -> None:
    run = make_run(days=days)
    assert list(slices_of(run)) == [Slice(run.since, None)]


@pytest.mark.parametrize("days", [14.1, 20.5, 30, 90])
def test_slices_cover_all_the_time_and_each_day_lies_in_one(make_run: Make, days: float) -> None:
    run = make_run(days=days)
    parts = list(slices_of(run))
    assert parts[0].since == run.since
    assert parts[-1].until is None
    assert [part.since + OVERLAP for part in parts[1:]] == ends(parts)
    assert {moment.timetz() for moment in ends(parts)} == {time(tzinfo=UTC)}
    edges = [run.since, *ends(parts)]
    assert all(SPAN - timedelta(days=1) < b - a <= SPAN for a, b in pairwise(edges))
    assert edges[-1] < datetime.now(UTC) - SPAN


def test_a_list_is_read_a_little_beyond_its_slice(make_run: Make) -> None:
    first, *_others, last = slices_of(make_run(days=30))
    assert first.until is not None
    assert first.listed == (first.since, first.until + LATE)
    assert last.listed == (last.since,)


def test_what_was_swept_before_is_not_swept_again(make_run: Make) -> None:
    parts = list(slices_of(make_run(days=30)))
    rest = list(slices_of(make_run(days=30, swept_until=parts[1].until)))
    assert rest == parts[2:]


@pytest.fixture
def history(gateway: RecordingGateway, customer: Customer) -> list[Transaction]:
    """Payments of more than a month, settled within a day, and some of them not alike."""
    rows = [Transaction.create(f"{days}.00", customer=customer) for days in AGES]
    gateway.bank.settle_batch()
    for days, row in zip(AGES, rows, strict=True):
        moment = datetime.now(UTC) - timedelta(days=days)
        Transaction.objects.filter(pk=row.pk).update(created_at=moment, status="settled")
        gateway.bank.store.execute(
            "UPDATE ledger SET submitted_at = ?, settled_at = ? WHERE id = ?",
            (moment.isoformat(), (moment + timedelta(hours=20)).isoformat(), row.transaction_id),
        )
    return rows


def spoil(gateway: RecordingGateway, rows: list[Transaction]) -> None:
    """Let each third payment be otherwise at the bank."""
    change = "UPDATE ledger SET amount = '7.77' WHERE id = ?"
    for row in rows[::3]:
        gateway.bank.store.execute(change, (row.transaction_id,))
    gateway.bank.store.execute("DELETE FROM ledger WHERE id = ?", (rows[4].transaction_id,))


@pytest.mark.parametrize("is_spoilt", [False, True])
def test_slices_find_what_one_piece_does(
    gateway: RecordingGateway,
    history: list[Transaction],
    make_run: Make,
    monkeypatch: pytest.MonkeyPatch,
    is_spoilt: bool,
) -> None:
    if is_spoilt:
        spoil(gateway, history)
    in_slices, whole = make_run(days=40), make_run(days=40)
    sweep(in_slices)
    assert gateway.verbs.count("iter_transactions") == 5
    Difference.objects.all().delete()
    monkeypatch.setattr(slices, "SPAN", timedelta(days=1000))
    sweep(whole)
    assert gateway.verbs.count("iter_transactions") == 6
    only = ("days", "differences")
    assert {name: in_slices.counts[name] for name in only} == {n: whole.counts[n] for n in only}
    assert whole.counts["days"] == len(AGES)
    assert bool(whole.counts["differences"]) is is_spoilt


def test_differences_of_every_slice_are_written_once(
    gateway: RecordingGateway, history: list[Transaction], make_run: Make
) -> None:
    spoil(gateway, history)
    for _run in range(2):
        sweep(make_run(days=40))
    found = Counter(Difference.objects.filter(state="open").values_list("kind", flat=True))
    assert found == {"amount": 3, "missing_there": 1, "books": 1}


def test_what_was_taken_back_is_not_given_back_by_a_list_of_then(
    gateway: RecordingGateway, history: list[Transaction], make_run: Make
) -> None:
    """The entry that takes it back may stand in the list of a later slice."""
    old, new = history[0], history[-1]
    for row in (old, new):
        Transaction.objects.filter(pk=row.pk).update(status="charged_back")
    sweep(make_run(days=40))
    old.refresh_from_db()
    new.refresh_from_db()
    assert (old.status, new.status) == ("charged_back", "settled")


def test_one_slice_is_told_and_there_is_more(
    gateway: RecordingGateway, history: list[Transaction], make_run: Make
) -> None:
    told: list[datetime] = []
    run = make_run(days=40, one_slice=True, swept=told.append)
    with pytest.raises(MoreToDo):
        sweep(run)
    assert told == ends(list(slices_of(run)))[:1]


@pytest.fixture
def behind(gateway: RecordingGateway) -> None:
    """The last run was forty days ago."""
    row = Reconciliation.objects.create(
        gateway_name="default", live=gateway.live, state="finished", since=datetime.now(UTC)
    )
    rows = Reconciliation.objects.filter(pk=row.pk)
    rows.update(started_at=F("started_at") - timedelta(days=40))


@pytest.mark.django_db(transaction=True)
def test_whoever_comes_next_goes_on_with_the_other_slices(
    gateway: RecordingGateway, history: list[Transaction], behind: None
) -> None:
    spoil(gateway, history)
    assert reconcile_slice("default")
    begun = Reconciliation.objects.latest("pk")
    assert (begun.state, begun.swept_until is None) == ("running", False)
    assert reconcile_slice("default")
    mark = gateway.mark
    row = reconcile("default")
    assert (row.pk, row.state) == (begun.pk, "finished")
    assert gateway.since(mark).count("iter_transactions") == 4
    assert row.counts["differences"] >= Difference.objects.filter(state="open").count() == 5


@pytest.mark.django_db(transaction=True)
def test_a_slice_that_broke_off_is_begun_again(
    gateway: RecordingGateway, history: list[Transaction], behind: None
) -> None:
    def killed(call: Any) -> Any:
        raise KeyboardInterrupt

    assert reconcile_slice("default")
    swept_until = Reconciliation.objects.latest("pk").swept_until
    gateway.faults["iter_transactions"] = killed
    with pytest.raises(KeyboardInterrupt):
        reconcile_slice("default")
    again = Reconciliation.objects.latest("pk")
    assert (again.state, again.swept_until) == ("running", swept_until)
    assert reconcile("default").state == "finished"


@pytest.mark.django_db(transaction=True)
def test_beside_a_run_of_somebody_else_there_is_nothing_to_do(
    gateway: RecordingGateway, behind: None
) -> None:
    def meanwhile(call: Any) -> Any:
        assert not reconcile_slice("default")
        return call()

    gateway.faults["iter_transactions"] = meanwhile
    assert reconcile_slice("default")


@pytest.mark.parametrize("minutes", [-20, -5, 0, 5, 20])
def test_what_is_missing_near_an_edge_is_missed(
    gateway: RecordingGateway, charge: Transaction, make_run: Make, minutes: int
) -> None:
    """Clocks run apart, so a list proves nothing of its first minutes. The slice before does."""
    run = make_run(days=30)
    made = ends(list(slices_of(run)))[1] + timedelta(minutes=minutes)
    Transaction.objects.update(created_at=made)
    gateway.bank.store.execute("DELETE FROM ledger")
    sweep(run)
    assert list(Difference.objects.values_list("kind", flat=True)).count("missing_there") == 1


def refused(call: Any) -> Any:
    raise GatewayError("not this one")


def lose_all(gateway: RecordingGateway) -> None:
    """The bank lists none of them; the first question about one gets no answer."""
    gateway.bank.store.execute("DELETE FROM ledger")
    gateway.faults["retrieve_transaction"] = refused


def test_a_payment_that_is_not_told_of_holds_up_no_later_slice(
    gateway: RecordingGateway, history: list[Transaction], make_run: Make
) -> None:
    lose_all(gateway)
    with pytest.raises(GatewayError, match="not this one"):
        sweep(make_run(days=40))
    assert Difference.objects.filter(kind="missing_there").count() == len(AGES) - 1


@pytest.mark.django_db(transaction=True)
def test_and_the_next_run_looks_as_far_back_whoever_swept_the_slice(
    gateway: RecordingGateway, history: list[Transaction], behind: None
) -> None:
    lose_all(gateway)
    while reconcile_slice("default"):
        pass
    first = Reconciliation.objects.latest("pk")
    assert (first.state, first.counts["slices_unread"]) == ("broken", 1)
    assert "did not tell of some older payments" in first.error
    assert Difference.objects.filter(kind="missing_there").count() == len(AGES) - 1
    second = reconcile("default")
    assert second.state == "finished"
    assert abs(second.since - first.since) < timedelta(minutes=5)
    assert Difference.objects.filter(kind="missing_there").count() == len(AGES)
