"""Rows that a rollback took, that were read from the gateway first, that lag on a replica."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction

from django_dinero import signals
from django_dinero.enums import ReasonKind, RemoteStatus, ResultStatus, TransactionKind
from django_dinero.exceptions import (
    DuplicateTransactionError,
    HeldForReview,
    InvalidTransactionError,
    NeedsAttention,
    NotSent,
    OutcomeUnknown,
)
from django_dinero.gateways.types import Reason, RemoteTransaction, TransactionResult
from django_dinero.models import Customer, Operation, Transaction
from django_dinero.testing.factories import TransactionFactory
from tests.support.recording import RecordingGateway, answer, lose_reply, refuse_connection

pytestmark = pytest.mark.django_db

Make = Callable[..., Customer]
KEY = "order-1001"
on_two_connections = pytest.mark.django_db(transaction=True, databases=["default", "journal"])


# -- What a rollback of the caller took ------------------------------------------------------------


def test_a_row_written_again_has_the_public_id_that_was_shown(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    first = Transaction.create(5, idempotency_key=KEY, **card)
    first_id = first.public_id
    Transaction.objects.filter(pk=first.pk).delete()
    assert Transaction.create(5, idempotency_key=KEY, **card).public_id == first_id


@pytest.mark.autonomous
@on_two_connections
def test_a_key_is_free_again_inside_a_transaction_too(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    """The key is freed on the journal's connection: on the caller's it would lock out the other."""
    gateway.faults["charge"] = refuse_connection
    with pytest.raises(NotSent):
        Transaction.create(5, idempotency_key=KEY, **card)
    with transaction.atomic():
        row = Transaction.create(5, idempotency_key=KEY, **card)
    row.refresh_from_db()
    assert row.status == "approved"


@pytest.mark.autonomous
@on_two_connections
def test_a_lost_charge_is_found_inside_a_transaction_too(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    gateway.faults["charge"] = lose_reply
    with pytest.raises(OutcomeUnknown):
        Transaction.create(5, idempotency_key=KEY, **card)
    with pytest.raises(KeyError), transaction.atomic():
        Transaction.create(5, idempotency_key=KEY, **card)
        raise KeyError
    assert Operation.objects.get().state == "succeeded"
    assert not Transaction.objects.exists()
    assert Transaction.create(5, idempotency_key=KEY, **card).status == "approved"
    assert gateway.verbs.count("charge") == 1


@pytest.mark.autonomous
@on_two_connections
def test_a_decision_that_is_rolled_back_stands_at_the_gateway_and_is_seen(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    gateway.bank.hold_next()
    with pytest.raises(HeldForReview) as caught:
        Transaction.create(5, idempotency_key=KEY, **card)
    held = caught.value.transaction
    with pytest.raises(KeyError), transaction.atomic():
        held.approve()
        raise KeyError
    assert Transaction.objects.get().status == "held"
    again = Transaction.create(5, idempotency_key=KEY, **card)
    assert (again, again.status) == (held, "approved")


def lost_follow_up(gateway: RecordingGateway, verb: str) -> tuple[Transaction, Operation]:
    """A follow-up without an answer, and its original, whose row a rollback took."""
    customer = Customer.create("bill@example.com", number="4111111111111111", month=12, year=2040)
    original = Transaction.create(5, customer=customer, settle=verb != "capture")
    if verb == "refund":
        gateway.bank.settle_batch()
    gateway.faults[verb] = lose_reply
    with pytest.raises(OutcomeUnknown) as caught:
        getattr(original, verb)()
    Transaction.objects.all().delete()
    operation: Operation = caught.value.operation
    return original, operation


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("verb", ["capture", "void", "refund"])
def test_a_follow_up_whose_original_was_rolled_back_is_found(
    gateway: RecordingGateway, verb: str
) -> None:
    original, operation = lost_follow_up(gateway, verb)
    assert operation.look_up().state == "succeeded"
    row = Transaction.objects.get(kind=verb)
    assert row.parent is not None
    assert (row.operation_key, row.parent.public_id) == (operation.key, original.public_id)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("verb", ["capture", "void", "refund"])
def test_a_follow_up_that_was_rolled_back_with_its_original_is_written_again(
    gateway: RecordingGateway, verb: str
) -> None:
    _original, operation = lost_follow_up(gateway, verb)
    operation.look_up()
    Transaction.objects.filter(kind=verb).delete()
    Transaction.objects.all().delete()
    assert operation.look_up().state == "succeeded"
    assert Transaction.objects.get(kind=verb).parent is not None


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("verb", ["capture", "void", "refund"])
def test_a_follow_up_never_follows_another_row_that_got_the_key_of_its_original(
    gateway: RecordingGateway, verb: str
) -> None:
    original, operation = lost_follow_up(gateway, verb)
    stranger = TransactionFactory(id=original.pk, authorization=True)
    assert operation.look_up().state == "succeeded"
    row = Transaction.objects.get(kind=verb)
    assert row.parent is not None
    assert (row.parent.public_id, row.parent == stranger) == (original.public_id, False)
    with pytest.raises(InvalidTransactionError, match="has no row any more"):
        getattr(original, verb)()  # an instance from before the rollback
    stranger.refresh_from_db()
    assert (stranger.status, stranger.children.count()) == ("approved", 0)


@pytest.mark.autonomous
@on_two_connections
@pytest.mark.parametrize("verb", ["capture", "void"])
def test_so_it_is_where_the_caller_has_rolled_both_back(
    gateway: RecordingGateway, card: dict[str, Any], verb: str
) -> None:
    lost: list[Transaction] = []
    with pytest.raises(KeyError), transaction.atomic():
        lost.append(Transaction.create(5, settle=False, idempotency_key=KEY, **card))
        getattr(lost[0], verb)(idempotency_key="second")
        raise KeyError
    stranger = TransactionFactory(id=lost[0].pk, authorization=True)
    again = Transaction.create(5, settle=False, idempotency_key=KEY, **card)
    follow_up = again.children.get()
    assert (again.public_id, follow_up.kind) == (lost[0].public_id, verb)
    assert getattr(again, verb)(idempotency_key="second") == follow_up
    stranger.refresh_from_db()
    assert (stranger.status, stranger.children.count()) == ("approved", 0)


@pytest.mark.parametrize("verb", ["approve", "decline"])
def test_a_decision_whose_payment_was_rolled_back_is_found(
    gateway: RecordingGateway, held: Transaction, verb: str
) -> None:
    gateway.faults["decide_review"] = lose_reply
    with pytest.raises(OutcomeUnknown) as caught:
        getattr(held, verb)()
    Transaction.objects.all().delete()
    assert caught.value.operation.look_up().state == "succeeded"
    assert Transaction.objects.get().status == f"{verb}d"


@pytest.mark.django_db(transaction=True)
def test_a_capture_of_what_other_software_authorized_waits_until_that_is_retrieved(
    gateway: RecordingGateway,
) -> None:
    original, operation = lost_follow_up(gateway, "capture")
    Operation.objects.exclude(pk=operation.pk).delete()
    Operation.objects.update(parent_key="")
    operation.refresh_from_db()
    assert operation.look_up().state == "unknown"
    assert f"retrieve {original.transaction_id} first" in operation.note("lookup")
    found = Transaction.retrieve(original.transaction_id or "")
    Transaction.objects.filter(kind="capture").delete()  # the pull knows of it already
    assert operation.look_up().state == "succeeded"
    assert Transaction.objects.get(kind="capture").parent == found
    Transaction.objects.filter(kind="capture").delete()
    Transaction.objects.filter(pk=found.pk).delete()
    assert operation.look_up().state == "succeeded"
    assert not Transaction.objects.exists()


# -- What somebody read from the gateway before the answer was here --------------------------------


def test_a_charge_read_from_the_gateway_before_its_answer_is_one_row(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    def meanwhile(call: Callable[[], Any]) -> Any:
        result = call()
        found: Any = gateway.bank.retrieve_transaction(result.transaction_id)
        remote = RemoteTransaction(
            found.id, TransactionKind.CHARGE, RemoteStatus.SETTLED, Decimal(5), "USD", last_4="1111"
        )
        gateway.faults["retrieve_transaction"] = answer(remote)
        Transaction.retrieve(found.id)
        return result

    gateway.faults["charge"] = meanwhile
    row = Transaction.create(5, order_reference="A-1", **card)
    stored = Transaction.objects.get()
    assert (stored, stored.operation_key) == (row, Operation.objects.get().key)
    # What the gateway's books said is newer than the answer to the charge.
    assert (stored.status, stored.order_reference, stored.avs) == ("settled", "A-1", "Y")


def test_a_lost_charge_that_is_retrieved_by_its_id_is_ours(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    told: list[str] = []

    def receive(transaction: Transaction, **kwargs: Any) -> None:
        told.append(str(transaction.operation_key))

    gateway.faults["charge"] = lose_reply
    signals.charged.connect(receive)
    try:
        with pytest.raises(OutcomeUnknown):
            Transaction.create(5, idempotency_key=KEY, order_reference="A-1", **card)
        (entry,) = gateway.bank.transactions()
        row = Transaction.retrieve(entry.id)
    finally:
        signals.charged.disconnect(receive)
    operation = Operation.objects.get()
    assert (operation.state, told) == ("succeeded", [operation.key])
    assert (row.operation_key, row.order_reference) == (operation.key, "A-1")
    assert Transaction.create(5, idempotency_key=KEY, order_reference="A-1", **card) == row


def test_a_lost_row_that_is_retrieved_by_its_id_is_written_as_it_was(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    first = Transaction.create(5, order_reference="A-1", **card)
    remote_id, key = first.transaction_id or "", first.operation_key
    Transaction.objects.filter(pk=first.pk).delete()
    row = Transaction.retrieve(remote_id)
    assert (row.operation_key, row.order_reference) == (key, "A-1")


def test_an_id_of_another_transaction_needs_a_person(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    first = Transaction.create(5, **card)
    gateway.faults["charge"] = answer(
        TransactionResult(ResultStatus.APPROVED, first.transaction_id or "")
    )
    with pytest.raises(NeedsAttention, match="the id of another transaction") as caught:
        Transaction.create(6, **card)
    assert caught.value.operation.outcome["transaction_id"] == first.transaction_id
    assert Transaction.objects.get() == first


def test_a_refused_duplicate_is_left_to_a_person(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    first = Transaction.create(5, **card)
    reasons = (Reason(ReasonKind.DUPLICATE_TRANSACTION, "E1", "the same again"),)
    gateway.faults["charge"] = answer(
        TransactionResult(ResultStatus.FAILED, first.transaction_id or "", reasons=reasons)
    )
    with pytest.raises(DuplicateTransactionError) as caught:
        Transaction.create(5, **card)
    assert caught.value.operation.state == "needs_attention"
    assert caught.value.operation.outcome["error"] == "the same again"
    assert Transaction.objects.get() == first
    assert len(gateway.calls) == 2


# -- What the gateway says in other words than our columns hold ------------------------------------


def test_an_approval_in_strange_words_is_an_approval(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    said = TransactionResult(
        ResultStatus.APPROVED,
        "9001",
        auth_code="A" * 100,
        avs="the address\x00 matches",
        cvv="M\ud800",
        network_transaction_id="n" * 300,
        brand="b" * 100,
        reasons=(Reason(ReasonKind.GATEWAY_ERROR, "c" * 100, "t\x00\ud800" * 600),),
    )
    gateway.faults["charge"] = answer(said)
    row = Transaction.create(5, **card)
    row.refresh_from_db()
    assert (row.auth_code, row.avs, row.cvv) == ("A" * 32, "the addr", "M")
    assert (row.network_transaction_id, row.gateway_code) == ("n" * 255, "c" * 40)
    assert set(row.gateway_text) == {"t"}


# -- What was written here after the gateway was asked ---------------------------------------------


def test_an_older_answer_of_the_gateway_takes_nothing_back(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    charge = Transaction.create("50.00", customer=make_customer())

    def slow(call: Callable[[], Any]) -> Any:
        found = call()
        Transaction.objects.get().void()
        return found

    gateway.faults["retrieve_transaction"] = slow
    assert Transaction.retrieve(charge.transaction_id or "").status == "voided"
    charge.refresh_from_db()
    assert charge.status == "voided"


def test_what_the_gateway_voided_is_voided_with_its_captures(
    gateway: RecordingGateway, authorization: Transaction
) -> None:
    capture = authorization.settle("20.00")
    gateway.bank.void(authorization.transaction_id or "")
    assert Transaction.retrieve(authorization.transaction_id or "").status == "voided"
    capture.refresh_from_db()
    assert capture.status == "voided"


def test_what_settled_has_settled_with_its_captures(
    gateway: RecordingGateway, authorization: Transaction
) -> None:
    capture = authorization.settle("20.00")
    gateway.bank.settle_batch()
    Transaction.retrieve(authorization.transaction_id or "")
    capture.refresh_from_db()
    authorization.refresh_from_db()
    assert (authorization.status, capture.status) == ("settled", "settled")
    assert authorization.captured_amount == 20
    assert Transaction.objects.filter(kind="capture").count() == 1


@pytest.mark.parametrize("ours", [True, False])
def test_a_capture_in_the_gateways_own_pages_is_in_the_books(
    gateway: RecordingGateway, authorization: Transaction, ours: bool
) -> None:
    remote_id = authorization.transaction_id or ""
    gateway.bank.capture(remote_id, Decimal("20.00"))
    gateway.bank.settle_batch()
    if not ours:
        found: Any = gateway.retrieve_transaction(remote_id)
        gateway.faults["retrieve_transaction"] = answer(replace(found, operation_key=""))
        Transaction.objects.filter(pk=authorization.pk).delete()
    row = Transaction.retrieve(remote_id)
    capture = row.children.get()
    assert (capture.kind, capture.status) == ("capture", "settled")
    assert row.captured_amount == 20
    assert (capture.price, capture.last_4) == (Decimal(20), "1111")
    assert row.refund("5.00").parent == capture
    Transaction.retrieve(remote_id)
    assert row.children.count() == 1


def test_what_moved_no_money_gets_no_row(gateway: RecordingGateway) -> None:
    remote = RemoteTransaction(
        "9001", TransactionKind.AUTHORIZATION, RemoteStatus.AUTHORIZED, Decimal(0), "USD"
    )
    gateway.faults["retrieve_transaction"] = answer(remote)
    with pytest.raises(InvalidTransactionError, match="9001 moved no money"):
        Transaction.retrieve("9001")
    assert not Transaction.objects.exists()


# -- A replica that lags ---------------------------------------------------------------------------


class Lagging:
    """A router to a replica on which nothing of ours has arrived yet."""

    def db_for_read(self, model: type, **hints: Any) -> str | None:
        assert model not in (Operation, Transaction), f"{model} was read from the replica"
        return None


def test_no_money_hangs_on_what_a_replica_shows(
    gateway: RecordingGateway, make_customer: Make, settings: Any
) -> None:
    customer = make_customer()
    settings.DATABASE_ROUTERS = [Lagging()]
    charge = Transaction.create("50.00", customer=customer, idempotency_key=KEY)
    assert Transaction.create("50.00", customer=customer, idempotency_key=KEY) == charge
    Transaction.create("5.00", customer=customer).void()
    gateway.bank.settle_batch()
    refund = charge.refund("20.00", idempotency_key="refund-1001")
    assert charge.refund("20.00", idempotency_key="refund-1001") == refund
    authorization = Transaction.create("50.00", customer=customer, settle=False)
    authorization.settle("20.00")
    gateway.bank.settle_batch()
    authorization.refund("5.00")
    Transaction.retrieve(authorization.transaction_id or "")
    gateway.bank.hold_next()
    with pytest.raises(HeldForReview) as caught:
        Transaction.create("7.00", customer=customer)
    assert caught.value.transaction.approve().status == "approved"
    gateway.faults["charge"] = lose_reply
    with pytest.raises(OutcomeUnknown):
        Transaction.create("8.00", customer=customer, idempotency_key="order-1002")
    found = Transaction.create("8.00", customer=customer, idempotency_key="order-1002")
    assert found.status == "approved"
