"""A run tells of its progress between any two questions to the gateway, which keeps its lease."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from django_dinero.exceptions import OutcomeUnknown
from django_dinero.models import Customer, Operation, Transaction, WebhookEvent
from django_dinero.services.reconcile import backlog, orphans, sweep, tidy
from django_dinero.services.reconcile.phase import Run
from tests.support.recording import RecordingGateway, lose_reply
from tests.support.webhooks import notice, receive

pytestmark = pytest.mark.django_db


class Steps(list[Any]):
    """What a run tells: each step, and how often the gateway was asked before it."""

    def __init__(self, gateway: RecordingGateway) -> None:
        super().__init__()
        self.gateway = gateway

    def __call__(self, phase: str, done: int, total: int | None) -> None:
        self.append((phase, len(self.gateway.calls)))


@pytest.fixture
def steps(gateway: RecordingGateway) -> Steps:
    return Steps(gateway)


@pytest.fixture
def kept(gateway: RecordingGateway, steps: Steps) -> Run:
    """A run over a day whose steps are noted."""
    return Run(gateway, datetime.now(UTC) - timedelta(days=1), progress=steps)


def test_webhooks(
    gateway: RecordingGateway,
    customer: Customer,
    kept: Run,
    steps: Steps,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(backlog, "AT_ONCE", 1)
    for row in [Transaction.create(amount, customer=customer) for amount in range(1, 4)]:
        gateway.faults["retrieve_transaction"] = lose_reply
        receive(gateway, notice("transaction", row.transaction_id or ""))
    WebhookEvent.objects.update(next_try_at=None)
    before = len(gateway.calls)
    backlog.apply_webhooks(kept)
    assert kept.counts["event_applied"] == 3
    assert [asked - before for _phase, asked in steps] == [0, 1, 2]


def test_orphans_that_are_given_back(
    gateway: RecordingGateway,
    customer: Customer,
    kept: Run,
    steps: Steps,
    roll_back: Callable[..., None],
) -> None:
    roll_back(*[Transaction.create(amount, customer=customer) for amount in range(1, 4)])
    Operation.objects.filter(kind="charge").update(intent={"in_transaction": True})
    kept = Run(gateway, kept.since, void_orphans=True, progress=steps)
    orphans.restore(kept)
    assert kept.counts["orphans_given_back"] == 3
    assert len({asked for _phase, asked in steps}) == 4  # before the first, and after each


def test_what_the_sweep_asks_about(
    gateway: RecordingGateway, customer: Customer, kept: Run, steps: Steps
) -> None:
    for amount in range(1, 4):
        Transaction.create(amount, customer=customer)
    Transaction.objects.update(status="voided")
    sweep.sweep(kept)
    assert [phase for phase, _asked in steps].count("payments") == 3


def test_deletes_whose_answer_was_lost(
    gateway: RecordingGateway, customer: Customer, kept: Run, steps: Steps
) -> None:
    gateway.faults["delete_customer"] = lose_reply
    with pytest.raises(OutcomeUnknown):
        customer.delete()
    assert Operation.objects.filter(kind="delete_customer", state="unknown").exists()
    backlog.drive_deletes(kept)
    assert steps[0][0] == "delete"


def test_tidying(kept: Run, steps: Steps) -> None:
    tidy.tidy(kept)
    assert [phase for phase, _asked in steps] == [tidy.NAME]
