"""Follow-ups that the rows, the gateway or another worker do not allow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from django_dinero.enums import ReasonKind, RemoteStatus, ResultStatus
from django_dinero.exceptions import (
    CardDeclinedError,
    GatewayError,
    HeldForReview,
    InvalidInput,
    InvalidTransactionError,
    OutcomeUnknown,
    RefundError,
    UnsupportedFeature,
)
from django_dinero.gateways.types import Reason, TransactionResult
from django_dinero.models import Customer, Operation, Transaction
from tests.support.racing import before_statement
from tests.support.recording import RecordingGateway, answer, lose_request

pytestmark = pytest.mark.django_db

Make = Callable[..., Customer]


@pytest.fixture
def charge(make_customer: Make) -> Transaction:
    return Transaction.create("50.00", customer=make_customer())


@pytest.fixture
def authorization(make_customer: Make) -> Transaction:
    return Transaction.create("50.00", customer=make_customer(), settle=False)


@pytest.fixture
def held(gateway: RecordingGateway, make_customer: Make) -> Transaction:
    gateway.bank.hold_next()
    with pytest.raises(HeldForReview) as caught:
        Transaction.create("50.00", customer=make_customer())
    row: Transaction = caught.value.transaction
    return row


# -- What a row is, and how it stands --------------------------------------------------------------


def test_a_voided_authorization_is_not_settled(authorization: Transaction) -> None:
    authorization.void()
    with pytest.raises(InvalidTransactionError, match="cannot be captured: voided"):
        authorization.settle()


def test_a_void_is_not_voided(charge: Transaction) -> None:
    with pytest.raises(InvalidTransactionError, match="A void cannot be voided"):
        charge.void().void()


def test_what_took_no_money_says_why_it_is_not_refunded(charge: Transaction) -> None:
    void = charge.void()
    for row, why in ((void, "A void cannot be refunded."), (charge, "refunded: voided.")):
        with pytest.raises(RefundError, match=why) as caught:
            row.refund()
        assert caught.value.transaction == row


def test_a_voided_refund_leaves_its_charge_and_can_be_asked_again(
    gateway: RecordingGateway, charge: Transaction
) -> None:
    gateway.bank.settle_batch()
    refund = charge.refund("30.00")
    refund.void()
    charge.refresh_from_db()
    assert (refund.status, charge.status) == ("voided", "settled")
    assert charge.refunded_amount == 0
    assert charge.refund().price == Decimal(50)


def test_an_authorization_that_was_not_settled_is_voided_instead(
    gateway: RecordingGateway, authorization: Transaction
) -> None:
    mark = gateway.mark
    with pytest.raises(RefundError, match="Nothing of this authorization was captured; void it"):
        authorization.refund()
    assert gateway.since(mark) == []


def test_an_authorization_that_was_settled_in_parts_names_its_captures(
    gateway: RecordingGateway, authorization: Transaction
) -> None:
    authorization.settle("20.00")
    Transaction.objects.create(
        gateway_name="default",
        kind="capture",
        status="approved",
        price=10,
        currency="USD",
        parent=authorization,
        transaction_id="part-2",
    )
    mark = gateway.mark
    with pytest.raises(RefundError, match="captured in parts; refund one of the captures"):
        authorization.refund()
    assert gateway.since(mark) == []


def test_no_more_is_refunded_than_is_left(gateway: RecordingGateway, charge: Transaction) -> None:
    gateway.bank.settle_batch()
    charge.refund("30.00")
    mark = gateway.mark
    with pytest.raises(RefundError, match=r"At most 20\.00 USD of it is left"):
        charge.refund("20.01")
    charge.refund()
    with pytest.raises(RefundError, match="All of it has been refunded"):
        charge.refund()
    assert gateway.since(mark).count("refund") == 1


def test_a_row_that_changed_before_it_was_locked_is_not_sent(
    gateway: RecordingGateway, charge: Transaction
) -> None:
    """Another worker's void came between our first look and our lock."""
    with (
        before_statement("SAVEPOINT", lambda: Transaction.objects.get().void()),
        pytest.raises(InvalidTransactionError, match="voided") as caught,
    ):
        charge.void()
    assert gateway.verbs.count("void") == 1
    operation = caught.value.operation
    assert (operation.state, operation.held_lock) == ("failed", None)
    assert operation.outcome["code"] == "invalid_transaction"


def test_an_instance_that_is_out_of_date_is_refused_at_once(
    gateway: RecordingGateway, charge: Transaction
) -> None:
    stale = Transaction.objects.get()
    charge.void()
    mark = gateway.mark
    assert stale.status == "approved"
    with pytest.raises(InvalidTransactionError, match="voided"):
        stale.void()
    assert gateway.since(mark) == []
    assert Operation.objects.filter(kind="void").count() == 1


# -- What the gateway says -------------------------------------------------------------------------


@pytest.mark.parametrize("status", [RemoteStatus.VOIDED, RemoteStatus.CHARGED_BACK])
def test_what_the_gateway_has_otherwise_is_not_refunded(
    gateway: RecordingGateway, charge: Transaction, status: RemoteStatus
) -> None:
    remote: Any = gateway.retrieve_transaction(charge.transaction_id or "")
    gateway.faults["retrieve_transaction"] = answer(replace(remote, status=status))
    with pytest.raises(RefundError, match=f"cannot refund it now: {status.value}"):
        charge.refund()
    charge.refresh_from_db()
    assert charge.status == status.value


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


def test_a_gateway_that_can_do_neither_says_so(
    gateway: RecordingGateway, charge: Transaction, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway, "supports", lambda verb: False)
    with pytest.raises(UnsupportedFeature):
        charge.refund()


# -- Held payments ---------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["approve", "decline"])
def test_a_decision_that_the_gateway_refuses_leaves_it_held(
    gateway: RecordingGateway, held: Transaction, verb: str
) -> None:
    reasons = (Reason(ReasonKind.GATEWAY_ERROR, "E1", "ask again tomorrow"),)
    gateway.faults["decide_review"] = answer(
        TransactionResult(ResultStatus.FAILED, reasons=reasons)
    )
    with pytest.raises(GatewayError, match="ask again tomorrow") as caught:
        getattr(held, verb)()
    assert caught.value.operation.state == "failed"
    held.refresh_from_db()
    assert held.status == "held"
    assert Operation.objects.get(key=held.operation_key).state == "held"


@pytest.mark.parametrize(
    ("verb", "outcome", "status"),
    [
        ("approve", ResultStatus.APPROVED, "approved"),
        ("decline", ResultStatus.DECLINED, "declined"),
        ("decline", ResultStatus.APPROVED, "declined"),  # "yes, it is declined"
    ],
)
def test_what_a_decision_makes_of_it(
    gateway: RecordingGateway, held: Transaction, verb: str, outcome: ResultStatus, status: str
) -> None:
    gateway.faults["decide_review"] = answer(TransactionResult(outcome))
    assert getattr(held, verb)().status == status
    charge = Operation.objects.get(key=held.operation_key)
    assert charge.outcome["result"] == status


def test_an_approval_that_ended_in_a_decline_is_none(
    gateway: RecordingGateway, held: Transaction
) -> None:
    reasons = (Reason(ReasonKind.CARD_DECLINED, "2", "declined"),)
    gateway.faults["decide_review"] = answer(
        TransactionResult(ResultStatus.DECLINED, reasons=reasons)
    )
    with pytest.raises(CardDeclinedError):
        held.approve()


def test_a_held_payment_of_other_software_is_decided_too(
    gateway: RecordingGateway, held: Transaction
) -> None:
    Operation.objects.all().delete()
    Transaction.objects.update(operation_key=None)
    held.refresh_from_db()
    assert held.approve().status == "approved"


# -- Idempotency keys ------------------------------------------------------------------------------


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


def test_a_key_written_by_a_rival_meanwhile_answers_for_both(
    gateway: RecordingGateway, charge: Transaction, monkeypatch: pytest.MonkeyPatch
) -> None:
    rival = charge.void(idempotency_key="void-1001")
    # What the loser saw: a row that still stood, and no operation of this key.
    Transaction.objects.filter(pk=charge.pk).update(status="approved")
    stale = Transaction.objects.get(pk=charge.pk)
    monkeypatch.setattr("django_dinero.services.payments.followups._earlier", lambda *args: None)
    assert stale.void(idempotency_key="void-1001") == rival
    assert gateway.verbs.count("void") == 1


@pytest.mark.parametrize("given", [{"amount": 5}, {"colour": "red"}])
def test_unknown_arguments_of_a_decision_are_refused(
    held: Transaction, given: dict[str, Any]
) -> None:
    with pytest.raises(TypeError, match="Accepted: description, idempotency_key, scope"):
        held.approve(**given)


def test_a_number_in_a_description_is_refused(charge: Transaction) -> None:
    with pytest.raises(InvalidInput) as caught:
        charge.void(description="card 4111 1111 1111 1111")
    assert "description" in caught.value.errors
