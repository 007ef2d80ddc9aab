"""Settle, void, refund, resolve: what may follow what, and what is told when it may not."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from django_dinero.enums import ReasonKind, ResultStatus
from django_dinero.exceptions import (
    CardDeclinedError,
    HeldForReview,
    InvalidAmountError,
    InvalidInput,
    InvalidTransactionError,
    OperationInProgress,
    OutcomeUnknown,
    RefundError,
)
from django_dinero.gateways.types import Reason, TransactionResult
from django_dinero.models import Customer, Operation, Transaction
from tests.support.recording import RecordingGateway, answer, lose_reply, lose_request

pytestmark = pytest.mark.django_db

Make = Callable[..., Customer]


@pytest.fixture
def customer(make_customer: Make) -> Customer:
    return make_customer()


@pytest.fixture
def charge(customer: Customer) -> Transaction:
    return Transaction.create("50.00", customer=customer, order_reference="A-1")


@pytest.fixture
def authorization(customer: Customer) -> Transaction:
    return Transaction.create("50.00", customer=customer, settle=False)


@pytest.fixture
def settled(gateway: RecordingGateway, charge: Transaction) -> Transaction:
    gateway.bank.settle_batch()
    return charge


# -- Settle ----------------------------------------------------------------------------------------


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


# -- Void ------------------------------------------------------------------------------------------


def test_an_unsettled_charge_is_voided(charge: Transaction) -> None:
    void = charge.void()
    assert (void.kind, void.status, void.price, void.parent) == (
        "void",
        "approved",
        Decimal(50),
        charge,
    )
    assert charge.status == "voided"
    assert charge.captured_amount == 0
    with pytest.raises(InvalidTransactionError):
        charge.void()
    with pytest.raises(InvalidTransactionError):
        void.void()


def test_voiding_a_capture_voids_its_authorization_too(authorization: Transaction) -> None:
    capture = authorization.settle("20.00")
    capture.void()
    authorization.refresh_from_db()
    assert (capture.status, authorization.status) == ("voided", "voided")


def test_every_instance_at_hand_says_what_was_voided(authorization: Transaction) -> None:
    authorization.settle("20.00")
    void = authorization.refund()
    assert void.kind == "void"
    assert void.parent is not None
    assert (void.parent.kind, void.parent.status) == ("capture", "voided")
    assert authorization.status == "voided"


def test_a_settled_charge_is_not_voided(settled: Transaction) -> None:
    Transaction.retrieve(settled.transaction_id or "")
    settled.refresh_from_db()
    assert settled.status == "settled"
    with pytest.raises(InvalidTransactionError, match="refund"):
        settled.void()


# -- Refund ----------------------------------------------------------------------------------------


def test_an_unsettled_whole_refund_is_a_void(charge: Transaction) -> None:
    row = charge.refund()
    assert (row.kind, row.price, row.parent) == ("void", Decimal(50), charge)
    assert charge.status == "voided"


def test_an_unsettled_partial_refund_is_explained(
    gateway: RecordingGateway, charge: Transaction
) -> None:
    with pytest.raises(RefundError, match="not settled"):
        charge.refund("10.00")
    assert "refund" not in gateway.verbs
    assert Operation.objects.filter(kind="refund").count() == 0


def test_refunds_add_up_to_what_was_taken(settled: Transaction) -> None:
    first = settled.refund("10.00")
    assert (first.kind, first.price, first.parent) == ("refund", Decimal(10), settled)
    assert first.transaction_id != settled.transaction_id
    assert settled.refunded_amount == 10
    with pytest.raises(RefundError, match=r"40\.00 USD"):
        settled.refund("40.01")
    assert settled.refund().price == 40
    assert settled.refunded_amount == 50
    with pytest.raises(RefundError):
        settled.refund("0.01")


def test_an_authorization_is_refunded_through_its_capture(
    gateway: RecordingGateway, authorization: Transaction
) -> None:
    with pytest.raises(RefundError, match="void"):
        authorization.refund()
    capture = authorization.settle("20.00")
    gateway.bank.settle_batch()
    row = authorization.refund("5.00")
    assert (row.parent, row.price) == (capture, Decimal(5))


def test_a_lost_refund_blocks_the_next_until_it_is_found(
    gateway: RecordingGateway, settled: Transaction
) -> None:
    gateway.faults["refund"] = lose_reply
    with pytest.raises(OutcomeUnknown):
        settled.refund("30.00")
    # The second call finds the first at the gateway: 20 are left, not 50.
    with pytest.raises(RefundError, match=r"20\.00 USD"):
        settled.refund("30.00")
    assert settled.refunded_amount == 30


def test_a_refund_that_cannot_be_found_yet_blocks_the_next(
    gateway: RecordingGateway, settled: Transaction
) -> None:
    gateway.faults["refund"] = lose_request
    with pytest.raises(OutcomeUnknown):
        settled.refund("30.00")
    with pytest.raises(OutcomeUnknown):
        settled.refund("10.00")
    assert gateway.verbs.count("refund") == 1


def test_a_running_follow_up_keeps_others_out(charge: Transaction) -> None:
    Operation.objects.create(
        kind="void",
        gateway_name="default",
        amount=50,
        currency="USD",
        state="sent",
        lease_until="2999-01-01T00:00:00Z",
        lock_name=f"transaction:{charge.public_id}",
        held_lock=f"transaction:{charge.public_id}",
    )
    with pytest.raises(OperationInProgress):
        charge.void()


def test_an_idempotency_key_covers_refunds_and_their_voids(
    gateway: RecordingGateway, charge: Transaction
) -> None:
    key = "refund-1001"
    row = charge.refund(idempotency_key=key)
    assert charge.refund(idempotency_key=key) == row
    assert gateway.verbs.count("void") == 1


def test_unknown_arguments_and_bad_amounts_are_refused(charge: Transaction) -> None:
    with pytest.raises(TypeError, match="Accepted"):
        charge.refund(5, reason="x")  # type: ignore[call-arg]
    with pytest.raises(InvalidInput):
        charge.refund("5.001")


# -- Held for review -------------------------------------------------------------------------------


@pytest.mark.parametrize(("verb", "status"), [("approve", "approved"), ("decline", "declined")])
def test_a_held_payment_waits_for_a_decision(
    gateway: RecordingGateway, customer: Customer, verb: str, status: str
) -> None:
    gateway.bank.hold_next()
    with pytest.raises(HeldForReview) as caught:
        Transaction.create("5.00", customer=customer)
    held = caught.value.transaction
    assert held.status == "held"
    assert held.captured_amount == 0
    with pytest.raises(InvalidTransactionError):
        held.void()
    assert getattr(held, verb)().status == status
    assert caught.value.operation.state == "held"
    caught.value.operation.refresh_from_db()
    assert caught.value.operation.state == ("succeeded" if verb == "approve" else "declined")
    with pytest.raises(InvalidTransactionError, match="held"):
        held.approve()


def test_a_held_payment_that_the_issuer_declines_after_all(
    gateway: RecordingGateway, customer: Customer
) -> None:
    gateway.bank.hold_next()
    with pytest.raises(HeldForReview) as caught:
        Transaction.create("5.00", customer=customer)
    held = caught.value.transaction
    reason = Reason(ReasonKind.CARD_DECLINED, "2", "Declined.")
    gateway.faults["decide_review"] = answer(
        TransactionResult(ResultStatus.DECLINED, reasons=(reason,))
    )
    with pytest.raises(CardDeclinedError):
        held.approve()
    assert held.status == "declined"
    caught.value.operation.refresh_from_db()
    assert caught.value.operation.state == "declined"


# -- Retrieve --------------------------------------------------------------------------------------


def test_retrieve_brings_the_row_up_to_date(settled: Transaction) -> None:
    row = Transaction.retrieve(settled.transaction_id or "")
    assert (row, row.status) == (settled, "settled")
    assert row.price == Decimal(50)


def test_retrieve_of_an_unknown_id_is_told(gateway: RecordingGateway) -> None:
    with pytest.raises(InvalidTransactionError):
        Transaction.retrieve("999999999")


def test_an_authorization_and_its_capture_are_voided_once(
    authorization: Transaction, monkeypatch: pytest.MonkeyPatch
) -> None:
    capture = authorization.settle()
    first = capture.void()
    # Another worker that looked before the first void was recorded.
    monkeypatch.setattr(
        "django_dinero.services.payments.rules.void_error", lambda family, amount: None
    )
    assert authorization.void() == first
    assert Transaction.objects.filter(kind="void").count() == 1
    assert not Operation.objects.exclude(state="succeeded").exists()
