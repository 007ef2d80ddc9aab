"""A card's holder has to confirm a payment first: what is written, told and found out later."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from django_dinero import signals
from django_dinero.enums import NextActionKind, RemoteStatus, ResultStatus, TransactionKind
from django_dinero.exceptions import (
    ActionRequired,
    CardDeclinedError,
    NotSent,
    RefundError,
)
from django_dinero.gateways.types import (
    LookupResult,
    NextAction,
    RemoteTransaction,
    TransactionResult,
)
from django_dinero.models import Operation, Transaction
from django_dinero.redaction import Secret
from tests.support.recording import RecordingGateway, answer, lose_request, refuse_connection

pytestmark = pytest.mark.django_db

KEY = "order-1001-1"
PAGE = NextAction(NextActionKind.REDIRECT, Secret("https://bank.example/3ds/77"))
ASKED = TransactionResult(ResultStatus.REQUIRES_ACTION, "77", next_action=PAGE)
REMOTE = RemoteTransaction(
    transaction_id="77",
    kind=TransactionKind.CHARGE,
    status=RemoteStatus.REQUIRES_ACTION,
    amount=Decimal(5),
    currency="USD",
    next_action=PAGE,
)


@pytest.fixture
def waiting(gateway: RecordingGateway, card: dict[str, Any]) -> ActionRequired:
    """A charge that waits for the card's holder."""
    gateway.faults["charge"] = answer(ASKED)
    with pytest.raises(ActionRequired) as caught:
        Transaction.create(5, idempotency_key=KEY, **card)
    return caught.value


def test_the_error_says_what_comes_next(waiting: ActionRequired) -> None:
    assert waiting.next_action == PAGE
    assert waiting.code == "action_required"
    row, operation = Transaction.objects.get(), Operation.objects.get()
    assert (row.status, row.price) == ("requires_action", Decimal(5))
    assert (operation.state, operation.is_open, operation.held_lock) == (
        "requires_action",
        True,
        None,
    )


def test_nothing_of_it_is_kept_that_lets_anybody_confirm(waiting: ActionRequired) -> None:
    rows = [*Operation.objects.values(), *Transaction.objects.values()]
    assert "bank.example" not in repr(rows)
    assert "bank.example" not in repr(waiting) + str(waiting)


def test_it_is_no_money(waiting: ActionRequired) -> None:
    row = Transaction.objects.get()
    assert row.captured_amount == 0
    with pytest.raises(RefundError, match="waits for the card's holder"):
        row.refund()


def test_it_can_be_cancelled(gateway: RecordingGateway, waiting: ActionRequired) -> None:
    gateway.faults["void"] = answer(TransactionResult(ResultStatus.APPROVED, "77"))
    row = Transaction.objects.get()
    assert row.void().kind == "void"
    assert row.status == Transaction.objects.get(parent=None).status == "voided"
    assert Operation.objects.get(kind="charge").state == "declined"


def test_a_repetition_gets_the_same_action(
    gateway: RecordingGateway, waiting: ActionRequired, card: dict[str, Any]
) -> None:
    gateway.faults["retrieve_transaction"] = answer(REMOTE)
    with pytest.raises(ActionRequired) as caught:
        Transaction.create(5, idempotency_key=KEY, **card)
    assert caught.value.next_action == PAGE
    assert caught.value.transaction == Transaction.objects.get()
    assert gateway.verbs.count("charge") == 1


def test_a_gateway_that_cannot_be_asked_again_leaves_it_waiting(
    gateway: RecordingGateway, waiting: ActionRequired, card: dict[str, Any]
) -> None:
    gateway.faults["retrieve_transaction"] = refuse_connection
    with pytest.raises(ActionRequired) as caught:
        Transaction.create(5, idempotency_key=KEY, **card)
    assert caught.value.next_action is None
    assert Operation.objects.get().outcome["lookup"] == "connection refused"


@pytest.mark.parametrize(
    ("status", "state", "booked", "told"),
    [
        (RemoteStatus.CAPTURED, "succeeded", "approved", "charged"),
        (RemoteStatus.SETTLED, "succeeded", "settled", "charged"),
        (RemoteStatus.DECLINED, "declined", "declined", "charge_failed"),
        (RemoteStatus.EXPIRED, "declined", "expired", "charge_failed"),
        (RemoteStatus.HELD, "held", "held", "charge_failed"),
    ],
)
def test_a_look_up_finishes_it(
    gateway: RecordingGateway,
    waiting: ActionRequired,
    status: RemoteStatus,
    state: str,
    booked: str,
    told: str,
) -> None:
    heard: list[str] = []

    def charged(**kwargs: Any) -> None:
        heard.append("charged")

    def failed(**kwargs: Any) -> None:
        heard.append("charge_failed")

    signals.charged.connect(charged)
    signals.charge_failed.connect(failed)
    gateway.faults["retrieve_transaction"] = answer(replace(REMOTE, status=status))
    try:
        operation = Operation.objects.get().look_up()
    finally:
        signals.charged.disconnect(charged)
        signals.charge_failed.disconnect(failed)
    assert (operation.state, Transaction.objects.get().status) == (state, booked)
    assert heard == [told]


def test_after_it_was_confirmed_the_key_returns_the_charge(
    gateway: RecordingGateway, waiting: ActionRequired, card: dict[str, Any]
) -> None:
    gateway.faults["retrieve_transaction"] = answer(replace(REMOTE, status=RemoteStatus.CAPTURED))
    row = Transaction.create(5, idempotency_key=KEY, **card)
    assert row == Transaction.create(5, idempotency_key=KEY, **card)
    assert (row.status, row.captured_amount) == ("approved", Decimal(5))
    assert gateway.verbs.count("charge") == 1


def test_after_it_was_refused_the_key_says_so(
    gateway: RecordingGateway, waiting: ActionRequired, card: dict[str, Any]
) -> None:
    gateway.faults["retrieve_transaction"] = answer(replace(REMOTE, status=RemoteStatus.DECLINED))
    for _time in range(2):
        with pytest.raises(CardDeclinedError, match="did not confirm"):
            Transaction.create(5, idempotency_key=KEY, **card)


def test_retrieving_it_finishes_it_too(gateway: RecordingGateway, waiting: ActionRequired) -> None:
    gateway.faults["retrieve_transaction"] = answer(replace(REMOTE, status=RemoteStatus.CAPTURED))
    assert Transaction.retrieve("77").status == "approved"
    assert Operation.objects.get().state == "succeeded"


def test_a_lost_answer_that_is_found_waits_for_the_holder_too(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    gateway.faults["charge"] = lose_request
    with pytest.raises(Exception, match="connection broke"):
        Transaction.create(5, idempotency_key=KEY, **card)
    found = replace(REMOTE, operation_key=Operation.objects.get().key)
    gateway.faults["find_operation"] = answer(LookupResult((found,)))
    with pytest.raises(ActionRequired) as caught:
        Transaction.create(5, idempotency_key=KEY, **card)
    assert caught.value.next_action == PAGE
    assert Operation.objects.get().state == "requires_action"


def test_a_refused_connection_is_not_taken_for_an_answer(
    gateway: RecordingGateway, waiting: ActionRequired
) -> None:
    gateway.faults["retrieve_transaction"] = refuse_connection
    with pytest.raises(NotSent):
        Transaction.retrieve("77")
    assert Operation.objects.get().state == "requires_action"
