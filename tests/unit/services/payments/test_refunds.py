"""Refunds: no more than was taken, through voids and captures, whatever was lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction

from django_dinero.enums import RemoteStatus, ResultStatus
from django_dinero.exceptions import (
    ActionRequired,
    DineroError,
    HeldForReview,
    InvalidInput,
    InvalidTransactionError,
    OutcomeUnknown,
    RefundError,
    UnsupportedFeature,
)
from django_dinero.gateways.types import TransactionResult
from django_dinero.models import Customer, Operation, Transaction
from django_dinero.models.family import Family
from django_dinero.models.standing import Standing, standing_of
from django_dinero.models.transaction_status import TransactionStatus
from tests.support.recording import (
    RecordingGateway,
    answer,
    lose_reply,
    lose_request,
)

pytestmark = pytest.mark.django_db

Make = Callable[..., Customer]
KEY = "order-1001"
on_two_connections = pytest.mark.django_db(transaction=True, databases=["default", "journal"])


def test_an_unsettled_whole_refund_is_a_void(charge: Transaction) -> None:
    row = charge.refund()
    assert (row.kind, row.price, row.parent) == ("void", Decimal(50), charge)
    assert charge.status == "voided"


def test_one_whose_row_has_gone_under_the_lock_keeps_nobody_waiting(
    gateway: RecordingGateway, charge: Transaction
) -> None:
    def row_goes(call: Callable[[], Any]) -> Any:
        Transaction.objects.filter(pk=charge.pk).delete()
        return call()

    gateway.faults["retrieve_transaction"] = row_goes
    with pytest.raises(InvalidTransactionError) as caught:
        charge.refund(idempotency_key=KEY)
    void = Operation.objects.get(kind="void")
    assert (void.state, void.held_lock, void.outcome["code"]) == (
        "failed",
        None,
        caught.value.code,
    )
    assert "void" not in gateway.verbs


def test_every_instance_at_hand_says_what_was_voided(authorization: Transaction) -> None:
    authorization.settle("20.00")
    void = authorization.refund()
    assert void.kind == "void"
    assert void.parent is not None
    assert (void.parent.kind, void.parent.status) == ("capture", "voided")
    assert authorization.status == "voided"


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


def test_unknown_arguments_and_bad_amounts_are_refused(charge: Transaction) -> None:
    with pytest.raises(TypeError, match="Accepted"):
        charge.refund(5, reason="x")  # type: ignore[call-arg]
    with pytest.raises(InvalidInput):
        charge.refund("5.001")


def test_an_idempotency_key_covers_refunds_and_their_voids(
    gateway: RecordingGateway, charge: Transaction
) -> None:
    key = "refund-1001"
    row = charge.refund(idempotency_key=key)
    assert charge.refund(idempotency_key=key) == row
    assert gateway.verbs.count("void") == 1


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


@pytest.mark.parametrize("status", [RemoteStatus.VOIDED, RemoteStatus.CHARGED_BACK])
def test_what_the_gateway_has_otherwise_is_not_refunded(
    gateway: RecordingGateway, charge: Transaction, status: RemoteStatus
) -> None:
    remote: Any = gateway.retrieve_transaction(charge.transaction_id or "")
    gateway.faults["retrieve_transaction"] = answer(replace(remote, status=status))
    label = TransactionStatus(status.value).label
    with pytest.raises(RefundError, match=f"cannot refund it now: {label}"):
        charge.refund()
    charge.refresh_from_db()
    assert charge.status == status.value


def without_void(gateway: RecordingGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway, "supports", lambda verb: verb != "void")


@pytest.mark.parametrize("amount", ["10.00", None])
def test_nobody_is_sent_to_a_void_that_the_gateway_does_not_have(
    gateway: RecordingGateway,
    charge: Transaction,
    monkeypatch: pytest.MonkeyPatch,
    amount: str | None,
) -> None:
    without_void(gateway, monkeypatch)
    with pytest.raises(RefundError, match="after the next settlement") as caught:
        charge.refund(amount)
    assert "Void" not in str(caught.value)


@pytest.mark.parametrize("can_void", [True, False])
def test_a_gateway_may_refund_what_is_not_settled(
    gateway: RecordingGateway,
    charge: Transaction,
    monkeypatch: pytest.MonkeyPatch,
    can_void: bool,
) -> None:
    if not can_void:
        without_void(gateway, monkeypatch)
    monkeypatch.setattr(gateway, "refunds_unsettled", True)
    gateway.faults["refund"] = answer(
        TransactionResult(ResultStatus.APPROVED, "88", amount=Decimal(10))
    )
    row = charge.refund("10.00")
    assert (row.kind, row.price, charge.refunded_amount) == ("refund", Decimal(10), Decimal(10))
    assert "void" not in gateway.verbs


def test_what_was_refunded_in_part_is_not_voided(
    gateway: RecordingGateway, charge: Transaction, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway, "refunds_unsettled", True)
    part = TransactionResult(ResultStatus.APPROVED, "88", amount=Decimal(10))
    gateway.faults["refund"] = answer(part)
    charge.refund("10.00")
    mark = gateway.mark
    with pytest.raises(InvalidTransactionError, match="refund the rest"):
        charge.void()
    assert gateway.since(mark) == []


def test_a_part_that_is_refunded_before_the_lock_stops_the_void_of_the_whole(
    gateway: RecordingGateway, charge: Transaction, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway, "refunds_unsettled", True)
    gateway.faults["refund"] = answer(
        TransactionResult(ResultStatus.APPROVED, "88", amount=Decimal(10))
    )
    rival = Transaction.objects.get(pk=charge.pk)

    def meanwhile(ask: Callable[[], Any]) -> Any:
        found = ask()
        rival.refund("10.00")
        return found

    gateway.faults["retrieve_transaction"] = meanwhile
    with pytest.raises(InvalidTransactionError, match="refund the rest"):
        charge.refund()
    charge.refresh_from_db()
    assert (charge.status, charge.refunded_amount) == ("approved", Decimal(10))


def test_a_gateway_that_can_do_neither_says_so(
    gateway: RecordingGateway, charge: Transaction, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway, "supports", lambda verb: False)
    with pytest.raises(UnsupportedFeature):
        charge.refund()


# -- Lost, rolled back, held -----------------------------------------------------------------------


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


def test_a_refund_that_a_rollback_took_counts(
    gateway: RecordingGateway, settled: Transaction
) -> None:
    lost = settled.refund("30.00")
    Transaction.objects.filter(pk=lost.pk).delete()
    with pytest.raises(RefundError, match=r"20\.00 USD"):
        settled.refund("30.00")
    again = settled.children.get()
    names = ("operation_key", "public_id", "transaction_id", "price", "last_4", "parent_id")
    assert [getattr(again, n) for n in names] == [getattr(lost, n) for n in names]
    assert gateway.verbs.count("refund") == 1


def test_a_refund_that_a_rollback_takes_while_ours_waits_counts(
    gateway: RecordingGateway, settled: Transaction, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was ended between our first look and our taking the lock."""
    from_bank = gateway.retrieve_transaction(settled.transaction_id or "")

    def meanwhile(call: Callable[[], Any]) -> Any:
        Transaction.objects.get(pk=settled.pk).refund("30.00")
        Transaction.objects.filter(kind="refund").delete()
        return from_bank

    gateway.faults["retrieve_transaction"] = meanwhile
    with pytest.raises(RefundError, match=r"20\.00 USD"):
        settled.refund("30.00")
    assert gateway.verbs.count("refund") == 1


@pytest.mark.autonomous
@on_two_connections
def test_refunds_rolled_back_add_up_to_no_more_than_was_taken(
    gateway: RecordingGateway, settled: Transaction
) -> None:
    with pytest.raises(KeyError), transaction.atomic():
        settled.refund("30.00")
        raise KeyError
    with transaction.atomic(), pytest.raises(RefundError, match=r"20\.00 USD"):
        settled.refund("30.00")
    assert settled.refunded_amount == 30


def test_a_refund_of_a_capture_that_a_rollback_took_too_counts(
    gateway: RecordingGateway, authorization: Transaction
) -> None:
    authorization.settle("20.00")
    gateway.bank.settle_batch()
    authorization.refund("15.00")
    Transaction.objects.filter(kind="refund").delete()
    Transaction.objects.filter(kind="capture").delete()
    with pytest.raises(RefundError, match=r"5\.00 USD"):
        authorization.refund("10.00")
    assert gateway.verbs.count("refund") == 1


@pytest.mark.parametrize(
    ("outcome", "error"),
    [(ResultStatus.HELD, HeldForReview), (ResultStatus.REQUIRES_ACTION, ActionRequired)],
)
def test_an_undecided_refund_counts_until_it_is_decided(
    gateway: RecordingGateway,
    make_customer: Make,
    outcome: ResultStatus,
    error: type[DineroError],
) -> None:
    charge = Transaction.create("50.00", customer=make_customer(), order_reference="A-1")
    gateway.bank.settle_batch()
    gateway.faults["refund"] = answer(TransactionResult(outcome, "9001"))
    with pytest.raises(error) as caught:
        charge.refund("30.00")
    # It has given nothing back yet.
    assert charge.refunded_amount == 0
    assert standing_of(Family.of(charge)) == Standing.SETTLED
    with pytest.raises(RefundError, match=r"20\.00 USD"):
        charge.refund("30.00")
    assert charge.refund().price == 20
    assert Transaction.objects.paid_for("A-1").get() == charge
    waiting = Transaction.objects.filter(pk=caught.value.transaction.pk)
    waiting.update(status="declined")
    Operation.objects.filter(key=waiting.get().operation_key).update(state="declined")
    assert charge.refund().price == 30
