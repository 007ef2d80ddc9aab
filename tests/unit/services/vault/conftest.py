"""A customer's two cards."""

from __future__ import annotations

import pytest

from django_dinero.models import CreditCard
from django_dinero.services.recovery import locking
from tests.support.cards import SECOND, Make
from tests.support.recording import (
    RecordingGateway,
)


@pytest.fixture
def nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits: what would finish first is further up in the same thread."""
    monkeypatch.setattr(locking, "CARDS_PATIENCE", 0.0)


@pytest.fixture
def two(gateway: RecordingGateway, make_customer: Make) -> tuple[CreditCard, CreditCard]:
    """A customer's two cards; the first is the default."""
    customer = make_customer()
    return customer.cards[0], customer.add_card(**SECOND)
