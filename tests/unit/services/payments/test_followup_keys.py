"""A key of a capture, a void or a refund stands for its amount too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from django_dinero.enums import RemoteStatus
from django_dinero.exceptions import IdempotencyKeyReused
from django_dinero.gateways.types import RemoteTransaction
from django_dinero.models import Transaction
from tests.support.recording import RecordingGateway

pytestmark = pytest.mark.django_db

KEY = "take-1001"


def test_a_refund_of_another_amount_needs_another_key(
    gateway: RecordingGateway, settled: Transaction
) -> None:
    first = settled.refund("10.00", idempotency_key=KEY)
    with pytest.raises(IdempotencyKeyReused, match=r"other parameters \(refund 10\.00 USD, "):
        settled.refund("20.00", idempotency_key=KEY)
    assert settled.refund("10.00", idempotency_key=KEY) == first
    # No amount means what was left then, and the rest has changed since.
    assert settled.refund(idempotency_key=KEY) == first
    assert gateway.verbs.count("refund") == 1


def test_a_whole_refund_is_repeated_without_its_amount_or_with_it(
    gateway: RecordingGateway, settled: Transaction
) -> None:
    first = settled.refund(idempotency_key=KEY)
    assert settled.refund(idempotency_key=KEY) == first
    assert settled.refund("50.00", idempotency_key=KEY) == first
    with pytest.raises(IdempotencyKeyReused):
        settled.refund("49.99", idempotency_key=KEY)
    assert gateway.verbs.count("refund") == 1


@pytest.mark.parametrize("amount", [(), ("50.00",)])
def test_a_refund_gets_the_answer_of_a_rival_that_has_voided(
    gateway: RecordingGateway, charge: Transaction, amount: tuple[str, ...]
) -> None:
    """It voids while we ask whether the bank has settled, and what we hear says so."""
    other = Transaction.objects.get(pk=charge.pk)
    found = gateway.retrieve_transaction(charge.transaction_id or "")
    assert isinstance(found, RemoteTransaction)

    def meanwhile(call: Callable[[], object]) -> object:
        other.refund(*amount, idempotency_key=KEY)
        return replace(found, status=RemoteStatus.SETTLED)

    gateway.faults["retrieve_transaction"] = meanwhile
    row = charge.refund(*amount, idempotency_key=KEY)
    assert (row.kind, row.status, row.is_replay) == ("void", "approved", True)
    assert gateway.verbs.count("void") == 1
    assert "refund" not in gateway.verbs
    assert charge.refund(*amount, idempotency_key=KEY) == row


def test_a_capture_of_another_amount_needs_another_key(
    gateway: RecordingGateway, authorization: Transaction
) -> None:
    first = authorization.capture("10.00", idempotency_key=KEY)
    with pytest.raises(IdempotencyKeyReused):
        authorization.capture("20.00", idempotency_key=KEY)
    with pytest.raises(IdempotencyKeyReused):
        authorization.capture(idempotency_key=KEY)
    assert authorization.capture("10.00", idempotency_key=KEY) == first
    assert gateway.verbs.count("capture") == 1
