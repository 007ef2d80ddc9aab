"""Answers that come after something else was written: the newer word stands."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from django_dinero.enums import (
    NextActionKind,
    ReasonKind,
    RemoteStatus,
    ResultStatus,
    TransactionKind,
)
from django_dinero.exceptions import (
    ActionRequired,
    CardDeclinedError,
    DineroError,
    GatewayUnavailableError,
    HeldForReview,
    NeedsAttention,
    OperationClosed,
)
from django_dinero.gateways.types import (
    LookupResult,
    NextAction,
    Reason,
    RemoteTransaction,
    TransactionResult,
)
from django_dinero.models import Operation, Transaction
from django_dinero.redaction import Secret
from tests.support.recording import RecordingGateway, answer

pytestmark = pytest.mark.django_db

KEY = "order-1001-1"
PAST = "2020-01-01T00:00:00Z"
PAGE = NextAction(NextActionKind.REDIRECT, Secret("https://bank.example/3ds/77"))
REMOTE = RemoteTransaction(
    transaction_id="77",
    kind=TransactionKind.CHARGE,
    status=RemoteStatus.CAPTURED,
    amount=Decimal(5),
    currency="USD",
)


def during(act: Callable[[], object], result: Any) -> Callable[[Callable[[], Any]], Any]:
    """A fault of the gateway: something else happens while the answer is on its way."""

    def fault(call: Callable[[], Any]) -> Any:
        act()
        return result

    return fault


def waiting(gateway: RecordingGateway, card: dict[str, Any], status: ResultStatus) -> Transaction:
    """A charge that is held, or waits for the card's holder."""
    action = PAGE if status is ResultStatus.REQUIRES_ACTION else None
    gateway.faults["charge"] = answer(TransactionResult(status, "77", next_action=action))
    with pytest.raises((ActionRequired, HeldForReview)):
        Transaction.create(5, idempotency_key=KEY, **card)
    return Transaction.objects.get()


def test_a_look_up_does_not_bring_back_what_was_voided_meanwhile(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    row = waiting(gateway, card, ResultStatus.REQUIRES_ACTION)

    def end_and_void() -> None:
        gateway.faults["retrieve_transaction"] = answer(REMOTE)
        Operation.objects.get(kind="charge").look_up()
        gateway.faults["void"] = answer(TransactionResult(ResultStatus.APPROVED, "77"))
        Transaction.objects.get(pk=row.pk).void()

    gateway.faults["retrieve_transaction"] = during(end_and_void, REMOTE)
    Operation.objects.get(kind="charge").look_up()
    assert Transaction.objects.get(pk=row.pk).status == "voided"


@pytest.mark.parametrize("status", [ResultStatus.REQUIRES_ACTION, ResultStatus.HELD])
@pytest.mark.parametrize("way", ["look up", "retrieve"])
def test_another_amount_than_was_asked_for_needs_attention(
    gateway: RecordingGateway, card: dict[str, Any], status: ResultStatus, way: str
) -> None:
    waiting(gateway, card, status)
    less = replace(REMOTE, amount=Decimal("1.23"))
    gateway.faults["retrieve_transaction"] = answer(less)
    if way == "look up":
        Operation.objects.get().look_up()
    else:
        Transaction.retrieve("77")
    row = Transaction.objects.get()
    assert (row.status, row.price) == ("approved", Decimal("1.23"))
    operation = Operation.objects.get()
    assert operation.state == "needs_attention"
    assert operation.outcome["error"] == "The gateway has it with another amount or currency."


def test_a_late_answer_leaves_what_needs_attention_to_a_person(
    gateway: RecordingGateway, card: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    def look_up() -> None:
        Operation.objects.update(lease_until=PAST)
        other = replace(REMOTE, transaction_id="78")
        gateway.faults["find_operation"] = answer(LookupResult((REMOTE, other)))
        Operation.objects.get().look_up()

    approved = TransactionResult(ResultStatus.APPROVED, "77")
    gateway.faults["charge"] = during(look_up, approved)
    with caplog.at_level(logging.CRITICAL), pytest.raises(NeedsAttention, match="2 matches"):
        Transaction.create(5, **card)
    assert Operation.objects.get().state == "needs_attention"
    assert not Transaction.objects.exists()
    assert "the gateway answered: approved (transaction 77)" in caplog.text


def test_a_late_answer_of_what_was_closed_by_hand_is_logged(
    gateway: RecordingGateway, card: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    def close() -> None:
        Operation.objects.update(state="needs_attention")
        Operation.objects.get().close(note="Not there.", by="Ann")

    gateway.faults["charge"] = during(close, TransactionResult(ResultStatus.APPROVED, "77"))
    with caplog.at_level(logging.CRITICAL), pytest.raises(OperationClosed):
        Transaction.create(5, **card)
    assert "is closed at default, and the gateway answered: approved (transaction 77)" in (
        caplog.text
    )


# -- Somebody else has ended it while the answer was on its way ------------------------------------


def found(gateway: RecordingGateway, *matches: RemoteTransaction) -> Callable[[], None]:
    """A look-up that takes the worker for dead, and finds this in complete lists."""

    def look_up() -> None:
        Operation.objects.update(lease_until=PAST, quarantine_until=PAST)
        gateway.faults["find_operation"] = answer(LookupResult(matches, complete=True))
        Operation.objects.get().look_up()

    return look_up


def close() -> None:
    """A person closes it."""
    Operation.objects.update(state="needs_attention")
    Operation.objects.get().close(note="Not there.", by="Ann")


def refused(kind: ReasonKind) -> TransactionResult:
    """A gateway's refusal."""
    return TransactionResult(ResultStatus.FAILED, reasons=(Reason(kind, "E1", "not now"),))


WITHOUT_ID = TransactionResult(ResultStatus.APPROVED, "0")
OF_ANOTHER = TransactionResult(ResultStatus.APPROVED, "77", operation_key="B" * 20)
DECLINED = replace(REMOTE, status=RemoteStatus.DECLINED)
IN_TROUBLE = replace(
    REMOTE,
    status=RemoteStatus.FAILED,
    reasons=(Reason(ReasonKind.UNAVAILABLE, "E9", "out of order"),),
)


@pytest.mark.parametrize(
    "late",
    [
        WITHOUT_ID,
        OF_ANOTHER,
        refused(ReasonKind.DUPLICATE_TRANSACTION),
        refused(ReasonKind.UNAVAILABLE),
        refused(ReasonKind.CARD_NOT_FOUND),
    ],
    ids=["without an id", "of another key", "duplicate", "trouble", "no card"],
)
def test_what_was_found_paid_meanwhile_is_returned(
    gateway: RecordingGateway, card: dict[str, Any], late: TransactionResult
) -> None:
    gateway.faults["charge"] = during(found(gateway, REMOTE), late)
    row = Transaction.create(5, **card)
    assert row == Transaction.objects.get()
    assert (row.status, row.transaction_id, row.is_replay) == ("approved", "77", False)
    assert Operation.objects.get().state == "succeeded"


@pytest.mark.parametrize(
    "late",
    [WITHOUT_ID, OF_ANOTHER, refused(ReasonKind.DUPLICATE_TRANSACTION)],
    ids=["without an id", "of another key", "duplicate"],
)
def test_what_was_found_declined_meanwhile_is_refused(
    gateway: RecordingGateway, card: dict[str, Any], late: TransactionResult
) -> None:
    gateway.faults["charge"] = during(found(gateway, DECLINED), late)
    with pytest.raises(CardDeclinedError) as caught:
        Transaction.create(5, **card)
    assert caught.value.transaction == Transaction.objects.get()


def test_a_late_answer_that_is_not_believed_is_logged(
    gateway: RecordingGateway, card: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    less = TransactionResult(ResultStatus.APPROVED, "79", amount=Decimal(4), currency="USD")
    gateway.faults["charge"] = during(found(gateway, REMOTE), less)
    with caplog.at_level(logging.CRITICAL):
        assert Transaction.create(5, **card).transaction_id == "77"
    assert "is succeeded at default, and the gateway answered: approved (transaction 79)" in (
        caplog.text
    )


def test_a_late_duplicate_is_not_logged_as_lost_money(
    gateway: RecordingGateway, card: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    late = refused(ReasonKind.DUPLICATE_TRANSACTION)
    gateway.faults["charge"] = during(found(gateway, REMOTE), late)
    with caplog.at_level(logging.CRITICAL):
        Transaction.create(5, **card)
    assert not caplog.records


def test_a_late_decline_of_what_was_found_in_trouble_leaves_its_key_free(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    late = TransactionResult(ResultStatus.DECLINED, "77")
    gateway.faults["charge"] = during(found(gateway, IN_TROUBLE), late)
    with pytest.raises(GatewayUnavailableError, match="out of order") as caught:
        Transaction.create(5, idempotency_key=KEY, **card)
    assert caught.value.operation.state == "failed"
    assert caught.value.gateway_code == "E9"
    assert Transaction.create(5, idempotency_key=KEY, **card).status == "approved"


def test_a_late_approval_without_an_id_of_what_was_not_found_is_left_to_a_person(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    """Nothing could find it again, and the gateway says that it was approved."""
    gateway.faults["charge"] = during(found(gateway), WITHOUT_ID)
    for _time in range(2):
        with pytest.raises(NeedsAttention, match="without an id") as caught:
            Transaction.create(5, idempotency_key=KEY, **card)
        assert caught.value.operation.state == "needs_attention"
    assert gateway.verbs.count("charge") == 1


@pytest.mark.parametrize(
    "late",
    [WITHOUT_ID, OF_ANOTHER, refused(ReasonKind.AUTHENTICATION)],
    ids=["without an id", "of another key", "passing"],
)
@pytest.mark.parametrize(
    ("how", "error"), [("closed", OperationClosed), ("needs_attention", NeedsAttention)]
)
def test_what_was_left_to_a_person_meanwhile_is_told_as_such(
    gateway: RecordingGateway,
    card: dict[str, Any],
    how: str,
    error: type[DineroError],
    late: TransactionResult,
) -> None:
    two = found(gateway, REMOTE, replace(REMOTE, transaction_id="78"))
    gateway.faults["charge"] = during(close if how == "closed" else two, late)
    with pytest.raises(error) as caught:
        Transaction.create(5, **card)
    assert caught.value.operation.state == how
