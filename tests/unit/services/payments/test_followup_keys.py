"""A key of a capture, a void or a refund stands for its amount too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from django_dinero.enums import ReasonKind, RemoteStatus, ResultStatus
from django_dinero.exceptions import (
    IdempotencyKeyReused,
    InvalidTransactionError,
    RefundError,
)
from django_dinero.gateways.types import Reason, RemoteTransaction, TransactionResult
from django_dinero.models import Transaction
from tests.support.recording import RecordingGateway, answer

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


# -- The bank settles before a void arrives that was chosen for a refund --------------------------


def settle_first(gateway: RecordingGateway) -> None:
    """The bank settles after it was asked whether it has, and before the void arrives."""

    def meanwhile(call: Callable[[], object]) -> object:
        gateway.bank.settle_batch()
        return call()

    gateway.faults["void"] = meanwhile


@pytest.mark.parametrize("key", [{}, {"idempotency_key": KEY}], ids=["without a key", "with one"])
def test_a_refund_whose_void_comes_too_late_is_refunded(
    gateway: RecordingGateway, charge: Transaction, key: dict[str, str]
) -> None:
    settle_first(gateway)
    row = charge.refund(**key)
    assert (row.kind, row.status, row.price) == ("refund", "approved", Decimal(50))
    assert gateway.verbs.count("refund") == 1
    if key:
        assert charge.refund(**key) == row
        assert gateway.verbs.count("refund") == 1


def test_a_key_that_a_refused_void_has_refunds_once_the_bank_has_settled(
    gateway: RecordingGateway, charge: Transaction
) -> None:
    """The worker died after it had written the refusal, or the records lagged behind it."""
    settle_first(gateway)
    with pytest.raises(InvalidTransactionError):
        charge.void(idempotency_key=KEY)
    again = Transaction.objects.get(pk=charge.pk)
    row = again.refund(idempotency_key=KEY)
    assert (row.kind, row.status) == ("refund", "approved")
    with pytest.raises(IdempotencyKeyReused):
        again.void(idempotency_key=KEY)
    assert (gateway.verbs.count("void"), gateway.verbs.count("refund")) == (1, 1)


def test_a_void_that_is_refused_for_another_reason_keeps_its_answer(
    gateway: RecordingGateway, charge: Transaction
) -> None:
    refusal = TransactionResult(
        ResultStatus.FAILED, reasons=(Reason(ReasonKind.REFUND, "16", "no such payment"),)
    )
    gateway.faults["void"] = answer(refusal)
    for _time in range(2):
        with pytest.raises(RefundError, match="no such payment"):
            charge.refund(idempotency_key=KEY)
    assert gateway.verbs.count("void") == 1
    assert "refund" not in gateway.verbs
