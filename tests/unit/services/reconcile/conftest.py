"""Time that passes for operations, and rows that a rollback took."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from django_dinero import signals
from django_dinero.models import Operation, Transaction
from django_dinero.services.reconcile.phase import Run
from tests.support.recording import RecordingGateway
from tests.support.rollbacks import lose_in_rollback

PAST = "2020-01-01T00:00:00Z"


@pytest.fixture
def run(gateway: RecordingGateway) -> Run:
    """A run that looks back a day."""
    return Run(gateway, datetime.now(UTC) - timedelta(days=1))


@pytest.fixture
def wait() -> Callable[[], None]:
    """Let every lease, quarantine and pause run out."""

    def let_time_pass() -> None:
        for column in ("lease_until", "quarantine_until", "next_check_at"):
            Operation.objects.filter(**{f"{column}__isnull": False}).update(**{column: PAST})

    return let_time_pass


@pytest.fixture
def roll_back(wait: Callable[[], None]) -> Callable[..., None]:
    """Take rows away, as a rollback of the caller does whose journal was committed by itself."""

    def take(*rows: Transaction) -> None:
        lose_in_rollback(*rows)
        wait()

    return take


@pytest.fixture
def orphaned() -> Iterator[list[str]]:
    """The operation keys of the charges that receivers are told about."""
    told: list[str] = []

    def receive(signal: Any, transaction: Transaction, **kwargs: Any) -> None:
        told.append(str(transaction.operation_key))

    signals.charge_orphaned.connect(receive)
    yield told
    signals.charge_orphaned.disconnect(receive)
