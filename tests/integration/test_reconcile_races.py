"""Reconcile beside itself, beside a worker, and after a rollback that was a real one."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from django.db import connections, transaction

from django_dinero import signals
from django_dinero.exceptions import DineroError
from django_dinero.models import Operation, Reconciliation, Transaction
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
from tests.support.recording import RecordingGateway
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
