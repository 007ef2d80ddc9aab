"""Captures and voids that the gateway does not decide at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from django_dinero.enums import ReasonKind, RemoteStatus, ResultStatus
from django_dinero.exceptions import HeldForReview, InvalidTransactionError, OutcomeUnknown
from django_dinero.gateways.types import Reason, TransactionResult
from django_dinero.models import Operation, Transaction
from django_dinero.services.reconcile.run import reconcile
from tests.support.recording import RecordingGateway, answer

pytestmark = pytest.mark.django_db

HELD = (Reason(ReasonKind.HELD, "253", "review"),)


def held(call: Callable[[], Any]) -> Any:
    """The bank does it, and says that it holds it: whoever reviews it there approves it."""
    return replace(call(), outcome=ResultStatus.HELD, reasons=HELD)


def held_undone(authorization: Transaction) -> TransactionResult:
    """The bank holds the capture, and has taken nothing yet."""
    return TransactionResult(
        ResultStatus.HELD, transaction_id=authorization.transaction_id or "", reasons=HELD
    )


@pytest.fixture
def part(gateway: RecordingGateway, authorization: Transaction) -> Transaction:
    """A capture of 20.00 of 50.00, held here and approved at the bank."""
    gateway.faults["capture"] = held
    with pytest.raises(HeldForReview) as caught:
        authorization.capture("20.00")
    row: Transaction = caught.value.transaction
    assert (row.status, row.transaction_id) == ("held", authorization.transaction_id)
    return row


def captures() -> list[tuple[str, Decimal]]:
    rows = Transaction.objects.filter(kind="capture").order_by("pk")
    return [*rows.values_list("status", "price")]


@pytest.mark.parametrize("way", ["look_up", "retrieve", "refresh", "approve", "reconcile"])
def test_it_is_decided_once_whoever_hears_of_it(
    way: str, gateway: RecordingGateway, authorization: Transaction, part: Transaction
) -> None:
    operation = Operation.objects.get(key=part.operation_key)
    ways: dict[str, Callable[[], object]] = {
        "look_up": operation.look_up,
        "retrieve": lambda: Transaction.retrieve(authorization.transaction_id or ""),
        "refresh": part.refresh_from_gateway,
        "approve": part.approve,
        "reconcile": lambda: reconcile("default"),
    }
    ways[way]()
    operation.look_up()
    assert captures() == [("approved", Decimal(20))]
    assert operation.state == "succeeded"
    authorization.refresh_from_db()
    assert (authorization.captured_amount, authorization.price) == (Decimal(20), Decimal(50))
    gateway.bank.settle_batch()
    assert Transaction.objects.get(kind="capture").refund("5.00").status == "approved"


def test_as_long_as_nothing_was_taken_it_stays_held(
    gateway: RecordingGateway, authorization: Transaction
) -> None:
    gateway.faults["capture"] = answer(held_undone(authorization))
    with pytest.raises(HeldForReview):
        authorization.capture("20.00")
    operation = Operation.objects.get(kind="capture")
    assert operation.look_up().state == "held"
    Transaction.retrieve(authorization.transaction_id or "")
    assert captures() == [("held", Decimal(20))]


def test_one_of_another_amount_needs_a_person(
    gateway: RecordingGateway, authorization: Transaction, part: Transaction
) -> None:
    found: Any = gateway.retrieve_transaction(authorization.transaction_id or "")
    gateway.faults["retrieve_transaction"] = answer(replace(found, settled_amount=Decimal(15)))
    operation = Operation.objects.get(key=part.operation_key)
    assert operation.look_up().state == "needs_attention"
    assert captures() == [("approved", Decimal(15))]


def test_after_a_refusal_the_next_capture_has_the_id(
    gateway: RecordingGateway, authorization: Transaction
) -> None:
    gateway.faults["capture"] = answer(held_undone(authorization))
    with pytest.raises(HeldForReview):
        authorization.capture("20.00")
    found: Any = gateway.retrieve_transaction(authorization.transaction_id or "")
    gateway.faults["retrieve_transaction"] = answer(replace(found, status=RemoteStatus.DECLINED))
    assert Operation.objects.get(kind="capture").look_up().state == "declined"
    assert authorization.capture("30.00").transaction_id == authorization.transaction_id
    assert captures() == [("declined", Decimal(20)), ("approved", Decimal(30))]


def test_a_void_that_is_not_decided_is_looked_up(
    gateway: RecordingGateway, charge: Transaction
) -> None:
    """It has no row to be reviewed; the payment's own record says whether it is voided."""
    gateway.faults["void"] = held
    with pytest.raises(OutcomeUnknown):
        charge.void()
    assert Operation.objects.get(kind="void").look_up().state == "succeeded"
    charge.refresh_from_db()
    assert charge.status == "voided"
    with pytest.raises(InvalidTransactionError):
        charge.void()
