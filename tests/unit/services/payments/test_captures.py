"""Captures: the whole or a part of an authorization, once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from django_dinero.enums import ReasonKind, ResultStatus
from django_dinero.exceptions import (
    GatewayError,
    HeldForReview,
    InvalidAmountError,
    InvalidTransactionError,
    OutcomeUnknown,
)
from django_dinero.gateways.types import Reason, TransactionResult
from django_dinero.models import Customer, Operation, Transaction
from django_dinero.models.due import to_capture
from django_dinero.models.family import Family
from tests.support.recording import (
    RecordingGateway,
    answer,
    lose_request,
)
from tests.support.rollbacks import lose_in_rollback

pytestmark = pytest.mark.django_db

Make = Callable[..., Customer]
KEY = "order-1001"


def test_an_authorization_is_settled_whole_by_default(authorization: Transaction) -> None:
    capture = authorization.settle()
    assert (capture.kind, capture.status, capture.price) == ("capture", "approved", Decimal(50))
    assert capture.parent == authorization
    assert authorization.captured_amount == 50
    assert (capture.customer, capture.card, capture.last_4) == (
        authorization.customer,
        authorization.card,
        "1111",
    )


def test_an_authorization_is_settled_in_part(authorization: Transaction) -> None:
    assert authorization.settle("20.00").price == 20
    assert authorization.captured_amount == 20


def test_what_cannot_be_settled_says_why(
    gateway: RecordingGateway, charge: Transaction, authorization: Transaction
) -> None:
    mark = gateway.mark
    with pytest.raises(InvalidTransactionError, match="charge"):
        charge.settle()
    with pytest.raises(InvalidAmountError, match=r"50\.00 USD"):
        authorization.settle("50.01")
    with pytest.raises(InvalidAmountError):
        authorization.settle(20.0)  # type: ignore[arg-type]
    assert gateway.since(mark) == []
    assert Operation.objects.filter(kind="capture").count() == 0
    authorization.settle("20.00")
    with pytest.raises(InvalidTransactionError, match="already"):
        authorization.settle("20.00")


@pytest.mark.parametrize("status", ["charged_back", "returned"])
def test_what_was_captured_and_lost_is_not_captured_again(
    gateway: RecordingGateway, authorization: Transaction, status: str
) -> None:
    capture = authorization.capture("20.00")
    # At a gateway whose captures have ids of their own, the authorization stands as it was.
    lost = {"status": status, "transaction_id": "OWN"}
    Transaction.objects.filter(pk=capture.pk).update(**lost)
    fresh = Transaction.objects.get(pk=authorization.pk)
    assert (fresh.status, Family.of(fresh).left_to_capture) == ("approved", Decimal(0))
    mark = gateway.mark
    with pytest.raises(InvalidTransactionError, match="captured already"):
        fresh.capture("20.00")
    assert gateway.since(mark) == []


def test_a_voided_authorization_is_not_settled(authorization: Transaction) -> None:
    authorization.void()
    with pytest.raises(InvalidTransactionError, match="cannot be captured: voided"):
        authorization.settle()


def test_a_refused_capture_is_no_movement_of_its_authorization(
    gateway: RecordingGateway, authorization: Transaction
) -> None:
    reasons = (Reason(ReasonKind.GATEWAY_ERROR, "E1", "not now"),)
    refused = TransactionResult(
        ResultStatus.FAILED, authorization.transaction_id or "", reasons=reasons
    )
    for _time in range(2):
        gateway.faults["capture"] = answer(refused)
        with pytest.raises(GatewayError, match="not now") as caught:
            authorization.settle()
        row = caught.value.transaction
        assert (row.kind, row.status, row.transaction_id) == ("capture", "failed", None)
    assert authorization.settle().transaction_id


def test_a_lost_settlement_is_not_sent_again_under_its_key(
    gateway: RecordingGateway, authorization: Transaction
) -> None:
    gateway.faults["capture"] = lose_request
    for _time in range(2):
        with pytest.raises(OutcomeUnknown):
            authorization.settle(idempotency_key="settle-1001")
    assert gateway.verbs.count("capture") == 1


def test_the_same_key_returns_the_first_capture(
    gateway: RecordingGateway, authorization: Transaction
) -> None:
    first = authorization.settle("20.00", idempotency_key="settle-1001")
    assert authorization.settle("20.00", idempotency_key="settle-1001") == first
    assert first.price == Decimal(20)
    assert gateway.verbs.count("capture") == 1


def test_a_capture_that_a_rollback_took_is_not_made_twice(
    gateway: RecordingGateway, authorization: Transaction
) -> None:
    lose_in_rollback(authorization.settle("20.00"))
    with pytest.raises(InvalidTransactionError, match="captured already"):
        authorization.settle("20.00")
    assert gateway.verbs.count("capture") == 1
    gateway.bank.settle_batch()
    Transaction.objects.filter(kind="capture").delete()
    assert authorization.refund("5.00").parent == Transaction.objects.get(kind="capture")


def test_a_capture_that_is_held_is_not_made_twice(
    gateway: RecordingGateway, authorization: Transaction
) -> None:
    gateway.faults["capture"] = answer(TransactionResult(ResultStatus.HELD, "88"))
    with pytest.raises(HeldForReview):
        authorization.capture()
    mark = gateway.mark
    with pytest.raises(InvalidTransactionError, match="captured already, or its capture is held"):
        authorization.capture()
    assert gateway.since(mark) == []
    assert Family.of(authorization).left_to_capture == 0
    assert not to_capture(Transaction.objects.all(), datetime.now(UTC)).exists()
