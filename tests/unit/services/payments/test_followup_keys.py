"""A key of a capture, a void or a refund stands for its amount too."""

from __future__ import annotations

import pytest

from django_dinero.exceptions import IdempotencyKeyReused
from django_dinero.models import Transaction
from tests.support.recording import RecordingGateway

pytestmark = pytest.mark.django_db

KEY = "take-1001"


def test_a_refund_of_another_amount_needs_another_key(
    gateway: RecordingGateway, settled: Transaction
) -> None:
    first = settled.refund("10.00", idempotency_key=KEY)
    with pytest.raises(IdempotencyKeyReused):
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
