"""Reconcile beside itself, beside a worker, and after a rollback that was a real one."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
from django.db import connections, transaction

from django_dinero import conf, signals
from django_dinero.exceptions import (
    DineroError,
    OperationClosed,
    OperationInProgress,
    OutcomeUnknown,
)
from django_dinero.models import Operation, Reconciliation, Transaction
from django_dinero.services.ledger import endings, rows
from django_dinero.services.reconcile import operations, orphans, run
from django_dinero.services.reconcile.phase import Run
from django_dinero.services.reconcile.run import Phase, reconcile
from tests.integration.test_reconcile_killed import (
    let_time_pass,
    settled_end,
    states,
    trouble,
)
from tests.support.racing import at_once
from tests.support.recording import RecordingGateway, lose_reply
from tests.support.webhooks import PAST, notice, receive
from tests.unit.services.conftest import CARD

pytestmark = [
    pytest.mark.slow,
    pytest.mark.autonomous,
    pytest.mark.django_db(transaction=True, databases=["default", "journal"]),
]

KEY = "order-1001"


@pytest.fixture
def orphaned() -> Iterator[Counter[str]]:
    """How often receivers are told of each orphan."""
    told: Counter[str] = Counter()

    def receive(signal: Any, transaction: Transaction, **kwargs: Any) -> None:
        told[str(transaction.operation_key)] += 1

    signals.charge_orphaned.connect(receive)
    yield told
    signals.charge_orphaned.disconnect(receive)


def charge(key: str) -> Transaction:
    return Transaction.create(5, idempotency_key=key, **CARD)


def rolled_back(act: Callable[[], object]) -> None:
    """Do something in a transaction of the caller's that is rolled back."""
    with pytest.raises(KeyError), transaction.atomic():
        act()
        raise KeyError


def test_a_charge_that_a_rollback_took_is_found_and_kept(
    gateway: RecordingGateway, orphaned: Counter[str]
) -> None:
    rolled_back(partial(charge, KEY))
    reconcile("default")
    assert not Transaction.objects.exists(), "its worker may still be at work"
    let_time_pass()
    reconcile("default")
    reconcile("default")
    row = Transaction.objects.get()
    assert (row.status, orphaned) == ("approved", {row.operation_key: 1})
    assert charge(KEY) == row


def test_a_charge_that_was_committed_and_seen_is_never_given_back(
    gateway: RecordingGateway, orphaned: Counter[str]
) -> None:
    """Its row goes with a query set's delete, or is missing from a dump that was restored."""
    with transaction.atomic():
        row = charge(KEY)
    let_time_pass()
    reconcile("default", void_orphans=True)
    Transaction.objects.filter(pk=row.pk).delete()
    counts = reconcile("default", void_orphans=True).counts
    assert (counts["lost_rows_restored"], "orphans_given_back" in counts) == (1, False)
    assert (orphaned, [each.status for each in gateway.bank.transactions()]) == ({}, ["captured"])
    assert charge(KEY).public_id == row.public_id


def test_a_capture_and_its_authorization_are_given_back(gateway: RecordingGateway) -> None:
    rolled_back(lambda: Transaction.create(5, settle=False, **CARD).capture())
    let_time_pass()
    reconcile("default", void_orphans=True)
    assert [row.status for row in gateway.bank.transactions()] == ["voided"]
    assert set(Transaction.objects.values_list("kind", "status")) == {
        ("authorization", "voided"),
        ("capture", "voided"),
        ("void", "approved"),
    }


def test_whoever_is_between_outcome_and_commit_is_no_orphan(
    gateway: RecordingGateway, orphaned: Counter[str]
) -> None:
    """The caller's transaction outlives the lease, and commits while its row is written again."""
    with transaction.atomic():
        Transaction.create(5, **CARD)
        found: list[object] = []

        def look() -> None:
            found.append(at_once(lambda: reconcile("default", void_orphans=True).state))

        look()
    assert found == [["finished"]]
    assert Transaction.objects.count() == 1
    assert (orphaned, [row.status for row in gateway.bank.transactions()]) == ({}, ["captured"])


def test_a_transaction_that_is_open_for_long_is_not_waited_for(gateway: RecordingGateway) -> None:
    """It may be a batch that runs for hours. Its rows are no orphans, and hold nobody up."""
    found: list[str] = []

    def meanwhile() -> None:
        try:
            Operation.objects.update(updated_at=PAST)
            let_time_pass()
            with pytest.raises(DineroError, match="orphan"):
                orphans.restore(Run(gateway, PAST))
            event = receive(gateway, notice("transaction", row.transaction_id or ""))
            found.append(event.error if event is not None else "")
        finally:
            connections.close_all()

    with transaction.atomic():
        row = charge(KEY)
        worker = threading.Thread(target=meanwhile)
        worker.start()
        worker.join(20)
        assert not worker.is_alive()
    assert [error.split(" has ")[0] for error in found] == ["A transaction that is still open"]
    assert Transaction.objects.get() == row


@pytest.mark.parametrize("way", ["webhook", "retrieve", "look_up", "inside", "reconcile"])
def test_no_orphan_is_hidden_by_whoever_meets_it_first(
    gateway: RecordingGateway, orphaned: Counter[str], monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """Gateways send webhooks again after some minutes; the lease of a charge is three."""
    monkeypatch.setattr(conf, "on_rollback", lambda: "void")
    rolled_back(partial(charge, KEY))
    (there,) = gateway.bank.transactions()

    def retrieve_inside() -> None:
        with transaction.atomic():
            Transaction.retrieve(there.id)

    act: Callable[[], object] = {
        "webhook": lambda: receive(gateway, notice("transaction", there.id)),
        "retrieve": lambda: Transaction.retrieve(there.id),
        "look_up": lambda: Operation.objects.get().look_up(),
        "inside": retrieve_inside,
        "reconcile": lambda: reconcile("default"),
    }[way]
    Operation.objects.update(updated_at=PAST)
    with suppress(OperationInProgress):
        act()
    assert not Transaction.objects.exists(), "its worker may still be at work"
    let_time_pass()
    act()
    assert Transaction.objects.filter(kind="charge").count() == 1
    reconcile("default")
    reconcile("default")
    row = Transaction.objects.get(kind="charge")
    assert (row.status, orphaned) == ("voided", {row.operation_key: 1})
    assert gateway.verbs.count("void") == 1


def test_what_is_written_again_in_a_transaction_that_rolls_back_is_told_once(
    gateway: RecordingGateway, orphaned: Counter[str]
) -> None:
    rolled_back(partial(charge, KEY))
    (there,) = gateway.bank.transactions()
    let_time_pass()
    rolled_back(lambda: Transaction.retrieve(there.id))
    assert Operation.objects.get().outcome["orphan"] is True
    assert not Transaction.objects.exists()
    reconcile("default")
    reconcile("default")
    assert orphaned == {Transaction.objects.get().operation_key: 1}


def ended_by_others(gateway: RecordingGateway, *, leased: bool = False) -> Callable[[Any], Any]:
    """A fault: somebody else retrieves the charge and ends it before its worker has the answer."""

    def fault(call: Callable[[], Any]) -> Any:
        result = call()
        if not leased:
            at_once(let_time_pass)
        found = at_once(partial(Transaction.retrieve, result.transaction_id))
        assert (found == ["operation_in_progress"]) is leased
        return result

    return fault


@pytest.mark.parametrize("leased", [True, False])
def test_a_rollback_after_others_have_ended_the_charge_leaves_an_orphan(
    gateway: RecordingGateway, orphaned: Counter[str], leased: bool
) -> None:
    gateway.faults["charge"] = ended_by_others(gateway, leased=leased)
    rolled_back(partial(charge, KEY))
    let_time_pass()
    reconcile("default", void_orphans=True)
    row = Transaction.objects.get(kind="charge")
    assert (row.status, orphaned) == ("voided", {row.operation_key: 1})


def test_a_commit_after_others_have_ended_the_charge_leaves_none(
    gateway: RecordingGateway, orphaned: Counter[str]
) -> None:
    gateway.faults["charge"] = ended_by_others(gateway)
    with transaction.atomic():
        row = charge(KEY)
        assert "orphan" in Operation.objects.get().outcome
        at_once(lambda: reconcile("default", void_orphans=True))
    let_time_pass()
    reconcile("default", void_orphans=True)
    row.refresh_from_db()
    assert (row.status, orphaned) == ("approved", {})


def test_a_repetition_in_a_transaction_that_rolls_back_leaves_the_mark(
    gateway: RecordingGateway, orphaned: Counter[str]
) -> None:
    rolled_back(partial(charge, KEY))
    (there,) = gateway.bank.transactions()
    let_time_pass()
    Transaction.retrieve(there.id)
    rolled_back(partial(charge, KEY))
    reconcile("default", void_orphans=True)
    assert orphaned == {}, "whoever repeats the key may be about to commit"
    with suppress(KeyError), transaction.atomic():
        charge(KEY)
        with transaction.atomic():
            raise KeyError
    let_time_pass()
    reconcile("default", void_orphans=True)
    row = Transaction.objects.get(kind="charge")
    assert (row.status, orphaned) == ("voided", {row.operation_key: 1})


def test_a_repetition_in_a_transaction_that_commits_takes_the_mark_away(
    gateway: RecordingGateway, orphaned: Counter[str]
) -> None:
    rolled_back(partial(charge, KEY))
    (there,) = gateway.bank.transactions()
    let_time_pass()
    Transaction.retrieve(there.id)
    with transaction.atomic():
        row = charge(KEY)
        at_once(lambda: reconcile("default", void_orphans=True))
    let_time_pass()
    reconcile("default", void_orphans=True)
    row.refresh_from_db()
    assert (row.status, orphaned) == ("approved", {})


def test_a_worker_that_stalls_before_its_row_hears_that_it_goes_back(
    gateway: RecordingGateway, orphaned: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its outcome is committed, its lease is over, and somebody else has written the row."""
    monkeypatch.setattr(conf, "on_rollback", lambda: "void")
    write_row = rows.write_row

    def stalled(operation: Operation, *args: Any) -> Any:
        monkeypatch.setattr(endings, "write_row", write_row)
        at_once(let_time_pass)  # here it would lock the operation until the rollback
        at_once(partial(Transaction.retrieve, operation.outcome["transaction_id"]))
        return write_row(operation, *args)

    monkeypatch.setattr(endings, "write_row", stalled)
    with pytest.raises(OperationClosed), transaction.atomic():
        charge(KEY)
    reconcile("default")
    row = Transaction.objects.get(kind="charge")
    assert (row.status, orphaned) == ("voided", {row.operation_key: 1})


@pytest.mark.parametrize("way", ["webhook", "retrieve", "look_up", "reconcile"])
def test_an_unknown_outcome_that_its_caller_has_committed_is_no_orphan(
    gateway: RecordingGateway, orphaned: Counter[str], monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """A page that says "we do not know yet" commits, and the order waits for what is found."""
    monkeypatch.setattr(conf, "on_rollback", lambda: "void")
    gateway.faults["charge"] = lose_reply
    with transaction.atomic(), suppress(OutcomeUnknown):
        charge(KEY)
    (there,) = gateway.bank.transactions()
    {
        "webhook": lambda: receive(gateway, notice("transaction", there.id)),
        "retrieve": lambda: Transaction.retrieve(there.id),
        "look_up": lambda: Operation.objects.get().look_up(),
        "reconcile": let_time_pass,
    }[way]()
    assert Transaction.objects.exists() is (way != "reconcile")
    let_time_pass()
    reconcile("default")
    reconcile("default")
    assert (Transaction.objects.get().status, orphaned) == ("approved", {})


@pytest.mark.parametrize("savepoint", [True, False])
def test_an_unknown_outcome_that_a_rollback_took_is_an_orphan(
    gateway: RecordingGateway, orphaned: Counter[str], savepoint: bool
) -> None:
    gateway.faults["charge"] = lose_reply
    with suppress(OutcomeUnknown), transaction.atomic():
        if savepoint:
            with suppress(OutcomeUnknown), transaction.atomic():
                charge(KEY)
        else:
            charge(KEY)
    let_time_pass()
    Operation.objects.get().look_up()
    reconcile("default", void_orphans=True)
    row = Transaction.objects.get(kind="charge")
    assert (row.status, orphaned) == ("voided", {row.operation_key: 1})


def test_a_charge_that_its_own_worker_ends_is_never_marked(gateway: RecordingGateway) -> None:
    with transaction.atomic():
        charge(KEY)
    assert not {"orphan", "give_back"} & set(Operation.objects.get().outcome)


def test_a_repeated_key_and_a_webhook_leave_no_orphan_that_its_caller_has(
    gateway: RecordingGateway, orphaned: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Either its caller gets the row, and it is none, or he is told that it goes back."""
    monkeypatch.setattr(conf, "on_rollback", lambda: "void")
    for n in range(5):
        act = partial(charge, f"order-{n}")
        rolled_back(act)
        there = gateway.bank.transactions()[-1]
        let_time_pass()
        got = at_once(act, partial(Transaction.retrieve, there.id))
        reconcile("default")
        row = Transaction.objects.get(transaction_id=there.id, kind="charge")
        is_callers = "operation_closed" not in got
        assert (row.status == "approved") is is_callers
        assert orphaned[str(row.operation_key)] == (not is_callers)


def test_a_repeated_key_and_reconcile_write_one_row(
    gateway: RecordingGateway, orphaned: Counter[str]
) -> None:
    for n in range(10):
        act = partial(charge, f"order-{n}")
        rolled_back(act)
        let_time_pass()
        at_once(lambda: reconcile("default"), act)
        reconcile("default")
        assert Transaction.objects.count() == n + 1
    assert max(orphaned.values(), default=0) <= 1
    assert gateway.verbs.count("charge") == 10


def test_two_at_once_do_everything_once(
    gateway: RecordingGateway, orphaned: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    trouble(gateway)
    runs: list[Any] = at_once(*[lambda: reconcile("default", void_orphans=True)] * 4)
    assert Counter(found.pk for found in runs).most_common(1)[0][1] >= 1
    let_time_pass()
    reconcile("default", void_orphans=True)
    settled_end(gateway)
    assert set(orphaned.values()) == {1}
    assert gateway.verbs.count("void") == 2
    assert not Reconciliation.objects.filter(state="broken").exists()


def test_without_any_lease_two_at_once_still_do_everything_once(
    gateway: RecordingGateway, orphaned: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that was silent for too long goes on beside the one that took it over."""
    trouble(gateway)
    alone = states(gateway)[0]
    since = Operation.objects.earliest("pk").created_at

    def work() -> None:
        found = Run(gateway, since, void_orphans=True)
        orphans.restore(found)
        operations.look_up_due(found)

    at_once(work, work)
    let_time_pass()
    reconcile("default", void_orphans=True)
    settled_end(gateway)
    assert set(orphaned.values()) == {1}
    assert gateway.verbs.count("void") == 2
    assert len(states(gateway)[0]) == len(alone)


def test_one_of_many_that_begin_at_once_works(
    gateway: RecordingGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[int] = []
    monkeypatch.setattr(run, "PHASES", (Phase("one", lambda found: ran.append(1)),))
    for n in range(1, 11):
        before = len(ran)
        found: list[Any] = at_once(*[lambda: reconcile("default")] * 4)
        assert all(isinstance(each, Reconciliation) for each in found)
        # Whoever comes after another has ended begins one of its own; none share one.
        finished = {each.pk for each in found}
        assert len(ran) - before == len(finished), n
    assert not Reconciliation.objects.exclude(state="finished").exists()
