"""A charge that is asked for inside a transaction, and made right after its commit."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from django_dinero.enums import ReasonKind, ResultStatus
from django_dinero.exceptions import (
    CardDeclinedError,
    IdempotencyKeyReused,
    InsideTransaction,
    InvalidInput,
    NotSent,
    OutcomeUnknown,
)
from django_dinero.gateways.types import Reason, TransactionResult
from django_dinero.models import CreditCard, Customer, Operation, Transaction
from tests.support.isolation import ALIASES
from tests.support.recording import (
    RecordingGateway,
    answer,
    lose_reply,
    lose_request,
    refuse_connection,
)
from tests.unit.services.conftest import card, make_customer

__all__ = ["card", "make_customer"]

pytestmark = pytest.mark.django_db(transaction=True, databases=ALIASES)

Make = Callable[..., Customer]
KEY = "order-1001-1"
DECLINED = TransactionResult(
    ResultStatus.DECLINED, reasons=(Reason(ReasonKind.CARD_DECLINED, "2", "declined"),)
)
PAST = datetime.now(UTC) - timedelta(days=1)


class Interrupted(BaseException):
    """The worker dies."""


def test_a_broken_backend_stops_no_callback_and_holds_no_order(
    gateway: RecordingGateway, make_customer: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What our rows add to the request is checked after the commit, by code of a project's."""
    customer, later = make_customer(), list[str]()

    def broken(request: Any) -> None:
        if transaction.get_connection().in_atomic_block is False:
            raise ValueError("a bug of the backend's")

    monkeypatch.setattr(gateway, "check_request", broken)
    with transaction.atomic():
        pending = customer.charge_on_commit("5.00", order_reference="1001", pays_order=True)
        transaction.on_commit(lambda: later.append("done"))
    assert later == ["done"]
    assert isinstance(pending.error, NotSent)
    assert "ValueError" in str(pending.error)
    assert "bug" not in str(pending.error)
    assert pending.is_done
    operation = Operation.objects.get(key=pending.operation_key)
    assert (operation.state, operation.held_lock) == ("failed", None)
    monkeypatch.undo()
    assert customer.charge("5.00", order_reference="1001", pays_order=True).status == "approved"


def test_nothing_is_sent_before_the_commit(gateway: RecordingGateway, make_customer: Make) -> None:
    customer = make_customer()
    mark = gateway.mark
    with transaction.atomic():
        pending = customer.charge_on_commit("5.00", order_reference="1001", idempotency_key=KEY)
        operation = Operation.objects.get(key=pending.operation_key)
        assert (operation.state, pending.is_done) == ("new", False)
        assert gateway.since(mark) == []
    assert gateway.since(mark) == ["charge"]
    assert pending.error is None
    assert pending.transaction == Transaction.objects.get()
    assert (pending.transaction.status, pending.transaction.order_reference) == ("approved", "1001")
    operation.refresh_from_db()
    assert (operation.state, operation.attempts) == ("succeeded", 1)
    # No rollback can take its row and leave the operation.
    assert "in_transaction" not in operation.intent


def test_a_rollback_takes_the_operation_too(gateway: RecordingGateway, make_customer: Make) -> None:
    customer = make_customer()
    mark = gateway.mark
    with pytest.raises(KeyError), transaction.atomic():
        pending = customer.charge_on_commit("5.00", idempotency_key=KEY)
        raise KeyError
    assert not pending.is_done
    assert gateway.since(mark) == []
    assert not Operation.objects.filter(kind="charge").exists()
    assert customer.charge("5.00", idempotency_key=KEY).status == "approved"


def test_a_refusal_is_kept_and_not_raised(gateway: RecordingGateway, make_customer: Make) -> None:
    customer = make_customer()
    gateway.faults["charge"] = answer(DECLINED)
    later: list[str] = []
    with transaction.atomic():
        pending = customer.cards[0].charge_on_commit("5.00")
        transaction.on_commit(lambda: later.append("told"))
    assert isinstance(pending.error, CardDeclinedError)
    assert pending.transaction == Transaction.objects.get(status="declined")
    assert later == ["told"]


def test_a_lost_answer_is_looked_up_under_its_key(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    gateway.faults["charge"] = lose_reply
    with transaction.atomic():
        pending = customer.charge_on_commit("5.00", idempotency_key=KEY)
    assert isinstance(pending.error, OutcomeUnknown)
    assert customer.charge("5.00", idempotency_key=KEY).operation_key == pending.operation_key
    assert len(gateway.bank.transactions()) == 1


def test_outside_of_a_transaction_it_is_made_at_once(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    pending = Transaction.charge_on_commit("5.00", **card)
    assert pending.transaction == Transaction.objects.get(status="approved")


@pytest.mark.django_db(transaction=False)
def test_in_a_testcase_it_is_made_when_the_block_ends(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    with transaction.atomic():
        pending = Transaction.charge_on_commit("5.00", **card)
        assert not pending.is_done
    assert pending.transaction == Transaction.objects.get(status="approved")


def test_what_is_wrong_is_raised_at_once(gateway: RecordingGateway, make_customer: Make) -> None:
    customer = make_customer()
    with transaction.atomic(), pytest.raises(InvalidInput, match="price"):
        customer.charge_on_commit("5.001")
    with transaction.atomic(), pytest.raises(TypeError, match="setle"):
        customer.charge_on_commit("5.00", setle=False)  # type: ignore[call-arg]
    assert not Operation.objects.filter(kind="charge").exists()


def test_a_key_is_charged_once(gateway: RecordingGateway, make_customer: Make) -> None:
    customer = make_customer()
    with transaction.atomic():
        first = customer.charge_on_commit("5.00", idempotency_key=KEY)
        again = customer.charge_on_commit("5.00", idempotency_key=KEY)
        other = customer.charge_on_commit("6.00", idempotency_key=KEY)
    assert again.transaction == first.transaction == Transaction.objects.get()
    assert again.operation_key == first.operation_key
    assert isinstance(other.error, IdempotencyKeyReused)
    assert len(gateway.bank.transactions()) == 1


def test_a_key_whose_first_call_was_not_sent_is_committed_anew(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    """A project stores the operation's key with its order, and finds the charge by it."""
    customer = make_customer()
    gateway.faults["charge"] = refuse_connection
    with pytest.raises(NotSent):
        customer.charge("5.00", idempotency_key=KEY)
    failed = Operation.objects.get(state="failed")
    with transaction.atomic():
        pending = customer.charge_on_commit("5.00", idempotency_key=KEY)
        assert Operation.objects.get(key=pending.operation_key).state == "new"
    assert pending.operation_key != failed.key
    assert pending.transaction is not None
    assert pending.transaction.operation_key == pending.operation_key


def test_other_parameters_do_not_free_a_key(gateway: RecordingGateway, make_customer: Make) -> None:
    customer = make_customer()
    gateway.faults["charge"] = refuse_connection
    with pytest.raises(NotSent):
        customer.charge("5.00", idempotency_key=KEY)
    with transaction.atomic():
        other = customer.charge_on_commit("6.00", idempotency_key=KEY)
    assert isinstance(other.error, IdempotencyKeyReused)
    assert Operation.objects.get(state="failed").idempotency_key == KEY


def test_what_breaks_after_a_repetition_was_sent_is_not_told_as_not_sent(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    """Its first operation is found not to have happened only after the commit."""
    customer = make_customer()
    gateway.faults["charge"] = lose_request
    with pytest.raises(OutcomeUnknown):
        customer.charge("5.00", idempotency_key=KEY)
    Operation.objects.filter(state="unknown").update(quarantine_until=PAST, lease_until=PAST)

    def charged_and_broken(call: Any) -> Any:
        call()
        raise ValueError("a bug of the backend's")

    gateway.faults["charge"] = charged_and_broken
    with transaction.atomic():
        pending = customer.charge_on_commit("5.00", idempotency_key=KEY)
    assert isinstance(pending.error, OutcomeUnknown)
    assert len(gateway.bank.transactions()) == 1
    assert pending.error.operation == Operation.objects.get(idempotency_key=KEY)


def test_a_number_that_is_replaced_in_the_same_transaction_is_the_one_in_the_books(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    """Refunds go by the digits of the card that was charged."""
    customer = make_customer()
    with transaction.atomic():
        pending = customer.charge_on_commit("5.00")
        card = CreditCard.objects.get()
        card.number, card.month, card.year = "5555555555554444", 11, 2036
        card.save()
    row = pending.transaction
    assert row is not None
    assert (row.last_4, row.brand) == ("4444", "mastercard")
    assert row.number_key == CreditCard.objects.get().number_key
    gateway.bank.settle_batch()
    assert row.refund("3.00").status == "approved"


def test_a_key_is_answered_when_its_card_has_gone(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    stored = customer.cards[0]
    first = stored.charge("5.00", idempotency_key=KEY)
    CreditCard.objects.get(pk=stored.pk).delete()
    mark = gateway.mark
    with transaction.atomic():
        pending = stored.charge_on_commit("5.00", idempotency_key=KEY)
    assert pending.transaction == first
    assert gateway.since(mark) == []


@pytest.mark.parametrize("is_paid", [True, False], ids=["paid", "asked for twice"])
def test_an_order_that_its_own_key_has_paid_is_answered(
    is_paid: bool, gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    order: dict[str, Any] = {"order_reference": "1001", "pays_order": True, "idempotency_key": KEY}
    first = customer.charge("5.00", **order) if is_paid else None
    with transaction.atomic():
        pendings = [customer.charge_on_commit("5.00", **order) for _time in range(2)]
    assert [each.error for each in pendings] == [None, None]
    paid = Transaction.objects.get()
    assert {each.transaction for each in pendings} | ({first} if first else set()) == {paid}
    assert gateway.verbs.count("charge") == 1


def test_a_worker_that_dies_after_the_commit_has_charged_nobody(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()

    def die() -> None:
        raise Interrupted

    with pytest.raises(Interrupted), transaction.atomic():
        transaction.on_commit(die)
        pending = customer.charge_on_commit("5.00", idempotency_key=KEY)
    operation = Operation.objects.get(key=pending.operation_key)
    assert operation.look_up().state == "new"
    Operation.objects.filter(pk=operation.pk).update(lease_until=PAST)
    operation.refresh_from_db()
    assert (operation.look_up().state, gateway.bank.transactions()) == ("failed", ())
    assert customer.charge("5.00", idempotency_key=KEY).status == "approved"


def test_one_that_was_taken_for_dead_is_not_sent(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()

    def is_found_dead() -> None:
        Operation.objects.update(lease_until=PAST)
        assert Operation.objects.get(kind="charge").look_up().state == "failed"

    with transaction.atomic():
        transaction.on_commit(is_found_dead)
        pending = customer.charge_on_commit("5.00", idempotency_key=KEY)
    assert isinstance(pending.error, NotSent)
    assert gateway.bank.transactions() == ()
    assert customer.charge("5.00", idempotency_key=KEY).status == "approved"


@pytest.mark.parametrize("by_customer", [True, False])
def test_a_card_that_is_deleted_in_the_same_transaction_is_not_charged(
    gateway: RecordingGateway, make_customer: Make, by_customer: bool
) -> None:
    customer = make_customer()
    card = customer.cards[0]
    with transaction.atomic():
        pending = (customer if by_customer else card).charge_on_commit("5.00")
        card.delete()
    assert isinstance(pending.error, InvalidInput)
    assert Operation.objects.get(key=pending.operation_key).state == "failed"
    assert gateway.bank.transactions() == ()


def test_without_autocommit_nobody_could_tell_of_the_commit(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    connection.set_autocommit(False)
    try:
        with pytest.raises(InsideTransaction, match="Autocommit is off"):
            customer.charge_on_commit("5.00")
    finally:
        connection.rollback()
        connection.set_autocommit(True)
    assert not Operation.objects.filter(kind="charge").exists()
