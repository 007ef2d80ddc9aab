"""Approvals without an id that can be kept: the gateway's records tell what was made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from django_dinero.enums import ResultStatus
from django_dinero.exceptions import OutcomeUnknown
from django_dinero.gateways.types import TransactionResult
from django_dinero.models import Operation, Transaction
from tests.support.recording import RecordingGateway, answer

pytestmark = pytest.mark.django_db

KEY = "order-1001-1"
NO_IDS = ["", "0", "77\x00", "7\n7", "7" * 256]
IDS = ["none", "zero", "a NUL", "two lines", "too long"]


def under(transaction_id: str) -> Callable[[Callable[[], Any]], Any]:
    """A fault: the gateway does it, and tells another id."""
    return lambda call: replace(call(), transaction_id=transaction_id)


@pytest.mark.parametrize("transaction_id", NO_IDS, ids=IDS)
def test_a_charge_is_found_under_its_key(
    transaction_id: str, gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    gateway.faults["charge"] = under(transaction_id)
    with pytest.raises(OutcomeUnknown):
        Transaction.create(5, idempotency_key=KEY, **card)
    assert Operation.objects.get().state == "unknown"
    row = Transaction.create(5, idempotency_key=KEY, **card)
    (made,) = gateway.bank.transactions()
    assert (row.transaction_id, row.status) == (made.id, "approved")
    assert gateway.verbs.count("charge") == 1


@pytest.mark.parametrize("transaction_id", NO_IDS, ids=IDS)
def test_a_refund_is_found_under_its_key(
    transaction_id: str, gateway: RecordingGateway, settled: Transaction
) -> None:
    gateway.faults["refund"] = under(transaction_id)
    with pytest.raises(OutcomeUnknown):
        settled.refund(5, idempotency_key=KEY)
    row = settled.refund(5, idempotency_key=KEY)
    assert row.transaction_id in {entry.id for entry in gateway.bank.transactions()}
    assert (row.status, settled.refunded_amount) == ("approved", Decimal(5))


@pytest.mark.parametrize("transaction_id", NO_IDS, ids=IDS)
def test_a_capture_has_the_id_of_its_authorization(
    transaction_id: str, gateway: RecordingGateway, authorization: Transaction
) -> None:
    gateway.faults["capture"] = under(transaction_id)
    capture = authorization.capture()
    assert capture.transaction_id == authorization.transaction_id
    gateway.bank.settle_batch()
    assert capture.refund(5).status == "approved"


@pytest.mark.parametrize("status", [ResultStatus.APPROVED, ResultStatus.HELD])
def test_where_nothing_was_made_nothing_is_written(
    status: ResultStatus, gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    gateway.faults["charge"] = answer(TransactionResult(status, "0"))
    with pytest.raises(OutcomeUnknown):
        Transaction.create(5, idempotency_key=KEY, **card)
    assert not Transaction.objects.exists()
    assert Operation.objects.get().outcome["error"] == (
        "The gateway approved it without an id that can be kept."
    )
