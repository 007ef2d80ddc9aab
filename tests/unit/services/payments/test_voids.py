"""Voids: what has not settled is taken back, by whoever comes first."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from django_dinero.exceptions import (
    InvalidInput,
    InvalidTransactionError,
    OperationInProgress,
)
from django_dinero.models import Customer, Operation, Transaction
from tests.support.racing import before_statement
from tests.support.recording import (
    RecordingGateway,
)
from tests.support.rollbacks import lose_in_rollback

pytestmark = pytest.mark.django_db

Make = Callable[..., Customer]
KEY = "order-1001"


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


@pytest.mark.parametrize("is_lost", [False, True], ids=["here", "lost"])
def test_what_was_refunded_of_a_capture_keeps_its_authorization_from_a_void(
    gateway: RecordingGateway, authorization: Transaction, is_lost: bool
) -> None:
    """Also where a rollback has taken the row of the refund, which follows the capture."""
    capture = authorization.capture()
    gateway.bank.settle_batch()
    refund = capture.refund("20.00")
    if is_lost:
        lose_in_rollback(refund)
    fresh = Transaction.objects.get(pk=authorization.pk)
    assert fresh.status == "approved"
    mark = gateway.mark
    with pytest.raises(InvalidTransactionError, match="refunded already"):
        fresh.void()
    assert gateway.since(mark) == []
    assert Transaction.objects.get(kind="refund").public_id == refund.public_id


def test_a_gateway_that_refuses_a_void_leaves_the_refund(settled: Transaction) -> None:
    """The row here does not know yet that the bank has settled; the gateway names no way out."""
    for _time in range(2):
        with pytest.raises(InvalidTransactionError) as caught:
            settled.void(idempotency_key="void-1")
        assert str(caught.value).endswith("If the bank has settled it, refund it.")
        assert caught.value.gateway_code == "already_settled"
        assert caught.value.operation is not None


def test_what_was_given_back_is_not_sent_to_a_refund(settled: Transaction) -> None:
    settled.refund()
    with pytest.raises(InvalidTransactionError, match="All of it has been refunded"):
        settled.void()


@pytest.mark.parametrize("status", ["held", "settled"])
def test_what_is_not_given_back_yet_is_not_told_as_refunded(
    settled: Transaction, status: str
) -> None:
    """A refund of all of it that is held, and a refund itself."""
    refund = settled.refund()
    Transaction.objects.filter(pk=refund.pk).update(status=status)
    asked = settled if status == "held" else Transaction.objects.get(pk=refund.pk)
    wanted = "The bank has settled this" if status == "held" else "This cannot be voided: settled"
    with pytest.raises(InvalidTransactionError, match=wanted):
        asked.void()


def test_a_settled_charge_is_not_voided(settled: Transaction) -> None:
    Transaction.retrieve(settled.transaction_id or "")
    settled.refresh_from_db()
    assert settled.status == "settled"
    with pytest.raises(InvalidTransactionError, match="refund"):
        settled.void()


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


def test_an_authorization_and_its_capture_are_voided_once(
    gateway: RecordingGateway, authorization: Transaction
) -> None:
    capture = authorization.settle()
    first: list[Transaction] = []

    def meanwhile(call: Callable[[], Any]) -> Any:
        """Another worker voids the capture, whose lock is another one."""
        first.append(capture.void())
        return call()

    gateway.faults["void"] = meanwhile
    assert [authorization.void()] == first
    assert Transaction.objects.filter(kind="void").count() == 1
    assert not Operation.objects.exclude(state="succeeded").exists()


def test_a_void_is_not_voided(charge: Transaction) -> None:
    with pytest.raises(InvalidTransactionError, match="A void cannot be voided"):
        charge.void().void()


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


def test_a_key_written_by_a_rival_meanwhile_answers_for_both(
    gateway: RecordingGateway, charge: Transaction
) -> None:
    rival = Transaction.objects.get()
    with before_statement("SAVEPOINT", lambda: rival.void(idempotency_key="void-1001")):
        void = charge.void(idempotency_key="void-1001")
    assert void == Transaction.objects.get(kind="void")
    assert gateway.verbs.count("void") == 1


def test_a_number_in_a_description_is_refused(charge: Transaction) -> None:
    with pytest.raises(InvalidInput) as caught:
        charge.void(description="card 4111 1111 1111 1111")
    assert "description" in caught.value.errors


def test_a_void_that_a_rollback_took_stands(
    gateway: RecordingGateway, authorization: Transaction
) -> None:
    lose_in_rollback(authorization.void())
    Transaction.objects.update(status="approved")
    authorization.refresh_from_db()
    with pytest.raises(InvalidTransactionError, match="cannot be captured: voided"):
        authorization.settle()
    assert "capture" not in gateway.verbs
