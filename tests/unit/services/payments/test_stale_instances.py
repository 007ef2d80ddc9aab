"""Instances that are older than what became of their rows."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from django_dinero.exceptions import InvalidInput, InvalidTransactionError
from django_dinero.models import CreditCard, Transaction
from tests.support.recording import RecordingGateway

pytestmark = pytest.mark.django_db

KEY = "order-1001-1"


@pytest.mark.parametrize("verb", ["void", "refund", "capture"])
def test_another_transaction_with_the_same_primary_key_is_left_alone(
    gateway: RecordingGateway, make_customer: Any, verb: str
) -> None:
    """A rollback took its row, and the database gave the key to the next one."""
    customer = make_customer()
    stranger = customer.charge("99.00", settle=verb != "capture")
    stale = Transaction.objects.get()
    stale.public_id = uuid.uuid4()
    mark = gateway.mark
    with pytest.raises(InvalidTransactionError, match="has no row any more; retrieve"):
        getattr(stale, verb)()
    assert gateway.since(mark) == []
    stranger.refresh_from_db()
    assert stranger.status == "approved"


def test_a_key_is_answered_after_card_and_customer_have_gone(make_customer: Any) -> None:
    customer = make_customer()
    row = customer.cards[0].charge(5, idempotency_key=KEY)
    stale = CreditCard.objects.get()
    customer.delete()
    assert stale.charge(5, idempotency_key=KEY) == row
    with pytest.raises(InvalidInput, match="deleted with its customer"):
        stale.charge(5)
