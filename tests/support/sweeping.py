"""A run over the recording gateway, and what receivers hear."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db.models import F

from django_dinero import signals
from django_dinero.models import Transaction
from django_dinero.services.reconcile.phase import Run
from tests.support.recording import RecordingGateway

#: What happens to a payment after it was made.
LATER = (
    *("settled", "expired", "returned", "charged_back", "canceled"),
    *("landed_late", "charge_orphaned"),
)


@pytest.fixture
def make_run(gateway: RecordingGateway) -> Callable[..., Run]:
    """A run that looks two days back, or as far as it is told."""

    def make(days: float = 2, **values: Any) -> Run:
        return Run(gateway, datetime.now(UTC) - timedelta(days=days), **values)

    return make


@pytest.fixture
def told() -> Iterator[list[tuple[str, str]]]:
    """The signals about what became of payments: their names, and the kinds of the rows."""
    heard: list[tuple[str, str]] = []
    receivers = []
    for name in LATER:

        def receive(sender: Any, transaction: Any, name: str = name, **kwargs: Any) -> None:
            heard.append((name, transaction.kind))

        getattr(signals, name).connect(receive)
        receivers.append((name, receive))
    yield heard
    for name, receive in receivers:
        getattr(signals, name).disconnect(receive)


@pytest.fixture
def two_days_ago(gateway: RecordingGateway) -> Callable[[], None]:
    """Move both sides back to a day that is over."""

    def move() -> None:
        past = timedelta(days=2)
        Transaction.objects.update(created_at=F("created_at") - past)
        stamp = (datetime.now(UTC) - past).isoformat()
        gateway.bank.store.execute("UPDATE ledger SET submitted_at = ?", (stamp,))

    return move
