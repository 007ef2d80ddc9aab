"""Events about transactions: the object is fetched, and our books say what the gateway says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from django_dinero import signals
from django_dinero.enums import ReasonKind, RemoteStatus, ResultStatus, TransactionKind
from django_dinero.exceptions import CardDeclinedError, OutcomeUnknown
from django_dinero.gateways.types import Reason, RemoteTransaction, TransactionResult
from django_dinero.models import Customer, Operation, Transaction
from django_dinero.sandbox.bank.records import LedgerRow, VaultCard
from tests.support.recording import RecordingGateway, answer, lose_reply, lose_request
from tests.support.webhooks import PAST, notice, receive

pytestmark = pytest.mark.django_db

Make = Callable[..., Customer]


def last_row(gateway: RecordingGateway) -> LedgerRow:
    """What the bank has done last."""
    return gateway.bank.transactions()[-1]


def told(gateway: RecordingGateway, transaction_id: str, **given: Any) -> str:
    """Receive an event about a transaction; return the state of the event."""
    event = receive(gateway, notice("transaction", transaction_id, **given))
    assert event is not None
    return str(event.state)


def test_a_settled_charge(gateway: RecordingGateway, charge: Transaction) -> None:
    gateway.bank.settle_batch()
    assert told(gateway, charge.transaction_id or "") == "applied"
    charge.refresh_from_db()
    assert charge.status == "settled"


def test_a_refund_made_elsewhere_of_a_capture_with_an_id_of_its_own(
    gateway: RecordingGateway, authorization: Transaction
) -> None:
    """As gateways give captures that count each as a payment."""
    capture = authorization.capture()
    Transaction.objects.filter(pk=capture.pk).update(transaction_id="CAPTURE-1")
    refund = RemoteTransaction(
        "REFUND-1",
        TransactionKind.REFUND,
        RemoteStatus.CAPTURED,
        Decimal("10.00"),
        "USD",
        parent_id="CAPTURE-1",
    )
    gateway.faults["retrieve_transaction"] = answer(refund)
    assert told(gateway, "REFUND-1") == "applied"
    assert Transaction.objects.get(kind="refund").parent == capture
    capture.refresh_from_db()
    assert capture.refunded_amount == Decimal("10.00")


def test_an_answer_about_another_transaction_is_not_believed(
    gateway: RecordingGateway, charge: Transaction
) -> None:
    other = Transaction.create("7.00", customer=charge.customer)
    other.void()
    gateway.faults["retrieve_transaction"] = lambda call: gateway.retrieve_transaction(
        other.transaction_id or ""
    )
    event = receive(gateway, notice("transaction", charge.transaction_id or ""))
    assert event is not None
    assert (event.state, "another transaction" in event.error) == ("parked", True)
    charge.refresh_from_db()
    assert charge.status == "approved"


def test_what_was_voided_here_does_not_come_back_to_life(
    gateway: RecordingGateway, charge: Transaction, caplog: pytest.LogCaptureFixture
) -> None:
    """The gateway's records may lag behind its own answers."""
    charge.void()
    gateway.faults["retrieve_transaction"] = lambda call: replace(
        call(), status=RemoteStatus.CAPTURED
    )
    assert told(gateway, charge.transaction_id or "") == "applied"
    charge.refresh_from_db()
    assert charge.status == "voided"
    assert f"shows {charge.transaction_id} as approved, and it is voided here" in caplog.text


def test_the_webhook_comes_before_the_reply(gateway: RecordingGateway, card: Any) -> None:
    """Both know how the charge ended; one row is written, and users hear of it once."""
    heard: list[Transaction] = []

    def hear(transaction: Transaction, **_: Any) -> None:
        heard.append(transaction)

    def webhook_first(call: Callable[[], Any]) -> Any:
        answer = call()
        row = last_row(gateway)
        assert told(gateway, row.id, operation_key=row.operation_key) == "applied"
        assert Operation.objects.get().state == "succeeded"
        return answer

    gateway.faults["charge"] = webhook_first
    signals.charged.connect(hear)
    try:
        made = Transaction.create(5, **card)
    finally:
        signals.charged.disconnect(hear)
    assert Transaction.objects.get() == made
    assert len(heard) == 1
    assert made.status == "approved"


@pytest.mark.parametrize("verb", ["capture", "void", "refund"])
def test_the_webhook_comes_before_the_reply_to_a_follow_up(
    gateway: RecordingGateway, make_customer: Make, verb: str
) -> None:
    original = Transaction.create(50, customer=make_customer(), settle=verb == "refund")
    if verb == "refund":
        gateway.bank.settle_batch()
        told(gateway, original.transaction_id or "")
    seen: list[str] = []

    def webhook_first(call: Callable[[], Any]) -> Any:
        answer = call()
        operation = Operation.objects.latest("pk")
        object_id = last_row(gateway).id if verb == "refund" else original.transaction_id or ""
        assert told(gateway, object_id, operation_key=operation.key) == "applied"
        operation.refresh_from_db()
        seen.append(operation.state)
        return answer

    gateway.faults[verb] = webhook_first
    verbs = {"capture": original.settle, "void": original.void, "refund": original.refund}
    made = verbs[verb]()
    assert seen == ["succeeded"]
    assert made.kind == verb
    assert original.children.count() == 1
    assert Operation.objects.latest("pk").state == "succeeded"


@pytest.mark.parametrize("says_key", [True, False])
def test_a_charge_whose_reply_was_lost(
    gateway: RecordingGateway, card: Any, says_key: bool
) -> None:
    gateway.faults["charge"] = lose_reply
    with pytest.raises(OutcomeUnknown):
        Transaction.create(5, **card)
    row = last_row(gateway)
    key = row.operation_key if says_key else ""
    assert told(gateway, row.id, operation_key=key) == "applied"
    assert Operation.objects.get().state == "succeeded"
    assert Transaction.objects.get().status == "approved"


@pytest.mark.parametrize("verb", ["settle", "void", "refund"])
def test_a_follow_up_whose_reply_was_lost(
    gateway: RecordingGateway, make_customer: Make, verb: str
) -> None:
    original = Transaction.create(50, customer=make_customer(), settle=verb == "refund")
    if verb == "refund":
        gateway.bank.settle_batch()
        told(gateway, original.transaction_id or "")
    gateway.faults["capture" if verb == "settle" else verb] = lose_reply
    with pytest.raises(OutcomeUnknown):
        getattr(original, verb)()
    operation = Operation.objects.latest("pk")
    object_id = last_row(gateway).id if verb == "refund" else original.transaction_id or ""
    assert told(gateway, object_id, operation_key=operation.key) == "applied"
    operation.refresh_from_db()
    assert operation.state == "succeeded"
    (child,) = original.children.all()
    assert child.operation_key == operation.key


@pytest.mark.parametrize("absent", [True, False])
def test_what_landed_after_it_was_proven_absent(
    gateway: RecordingGateway, card: Any, absent: bool
) -> None:
    heard: list[Transaction] = []

    def hear(transaction: Transaction, **_: Any) -> None:
        heard.append(transaction)

    gateway.faults["charge"] = lose_reply
    with pytest.raises(OutcomeUnknown):
        Transaction.create(5, **card)
    if absent:
        Operation.objects.update(state="absent", held_lock=None)
    signals.landed_late.connect(hear)
    try:
        for _ in range(2):
            assert told(gateway, last_row(gateway).id) == "applied"
    finally:
        signals.landed_late.disconnect(hear)
    assert Operation.objects.get().state == "succeeded"
    assert heard == [Transaction.objects.get()] * absent


def test_a_refund_made_at_the_gateway(gateway: RecordingGateway, charge: Transaction) -> None:
    gateway.bank.settle_batch()
    gateway.bank.refund(charge.transaction_id or "", Decimal("20.00"))
    assert told(gateway, last_row(gateway).id) == "applied"
    charge.refresh_from_db()
    (refund,) = charge.children.all()
    assert (refund.kind, refund.price, refund.operation_key) == ("refund", Decimal(20), None)


def test_a_refund_made_there_that_repeats_the_key_of_its_charge(
    gateway: RecordingGateway, charge: Transaction
) -> None:
    gateway.bank.settle_batch()
    key = charge.operation_key or ""
    gateway.bank.refund(charge.transaction_id or "", Decimal("50.00"), operation_key=key)
    assert told(gateway, last_row(gateway).id, operation_key=key) == "applied"
    (refund,) = charge.children.all()
    assert (refund.kind, refund.price, refund.operation_key) == ("refund", Decimal(50), None)


@pytest.mark.parametrize("repeats_key", [True, False])
def test_the_webhook_of_a_refund_comes_before_that_of_its_charge(
    gateway: RecordingGateway, card: Any, repeats_key: bool
) -> None:
    """It is not taken for the charge, though it may be of the same amount and have its key."""
    gateway.faults["charge"] = lose_reply
    with pytest.raises(OutcomeUnknown):
        Transaction.create(20, **card)
    charged = last_row(gateway)
    gateway.bank.settle_batch()
    key = charged.operation_key if repeats_key else ""
    gateway.bank.refund(charged.id, Decimal("20.00"), operation_key=key)
    assert told(gateway, last_row(gateway).id) == "applied"
    refund = Transaction.objects.get(kind="refund")
    assert refund.parent is not None
    assert (refund.parent.transaction_id, refund.parent.status) == (charged.id, "settled")
    assert Operation.objects.get().state == "succeeded"


def test_a_capture_made_at_the_gateway_before_its_authorization_was_read(
    gateway: RecordingGateway, card: Any
) -> None:
    gateway.faults["charge"] = lose_reply
    with pytest.raises(OutcomeUnknown):
        Transaction.create(50, settle=False, **card)
    gateway.bank.capture(last_row(gateway).id)
    assert told(gateway, last_row(gateway).id) == "applied"
    kinds = Transaction.objects.order_by("pk").values_list("kind", "status")
    assert list(kinds) == [("authorization", "approved"), ("capture", "approved")]


def test_a_review_decided_at_the_gateway(gateway: RecordingGateway, held: Transaction) -> None:
    gateway.bank.decide_review(held.transaction_id or "", approve=True)
    assert told(gateway, held.transaction_id or "") == "applied"
    held.refresh_from_db()
    assert held.status == "approved"
    assert Operation.objects.latest("pk").state == "succeeded"


def test_the_webhook_comes_before_the_reply_to_a_decision(
    gateway: RecordingGateway, held: Transaction
) -> None:
    def webhook_first(call: Callable[[], Any]) -> Any:
        answer = call()
        assert told(gateway, held.transaction_id or "") == "applied"
        return answer

    gateway.faults["decide_review"] = webhook_first
    assert held.approve().status == "approved"
    states = Operation.objects.filter(kind__in=("charge", "approve_held"))
    assert set(states.values_list("state", flat=True)) == {"succeeded"}


@pytest.mark.parametrize("state", ["needs_attention", "closed"])
def test_what_was_left_to_a_person_is_not_ended(
    gateway: RecordingGateway, card: Any, state: str
) -> None:
    gateway.faults["charge"] = lose_reply
    with pytest.raises(OutcomeUnknown):
        Transaction.create(5, **card)
    Operation.objects.update(state=state, held_lock=None)
    assert told(gateway, last_row(gateway).id) == "applied"
    assert Operation.objects.get().state == state
    assert not Transaction.objects.exists()


def test_a_second_payment_with_one_key_is_told(
    gateway: RecordingGateway, charge: Transaction, caplog: pytest.LogCaptureFixture
) -> None:
    """It is not taken for the first one, whose row stays as it is."""
    card = VaultCard(charge.customer_id, charge.card_id)
    key = charge.operation_key or ""
    again = gateway.bank.charge(
        card, Decimal("50.00"), duplicate_window=0, operation_key=key, capture=False
    )
    assert again.row is not None
    gateway.bank.void(again.row.id)
    Operation.objects.update(updated_at=PAST)
    assert told(gateway, again.row.id, operation_key=key) == "parked"
    assert f"a second payment for operation {key}" in caplog.text
    charge.refresh_from_db()
    assert charge.status == "approved"
    assert Transaction.objects.count() == 1


def test_what_is_not_ours_is_not_applied(gateway: RecordingGateway, charge: Transaction) -> None:
    """Another program uses the same account."""
    card = VaultCard(charge.customer_id, charge.card_id)
    charged = gateway.bank.charge(card, Decimal("7.00"), duplicate_window=0)
    assert charged.row is not None
    assert told(gateway, charged.row.id) == "not_ours"
    gateway.bank.settle_batch()
    gateway.bank.refund(charged.row.id, Decimal("7.00"))
    assert told(gateway, last_row(gateway).id) == "not_ours"
    assert told(gateway, "999999999") == "not_ours"
    assert Transaction.objects.count() == 1


def test_ours_that_the_gateway_does_not_find_yet_waits(
    gateway: RecordingGateway, card: Any
) -> None:
    gateway.faults["charge"] = lose_request
    with pytest.raises(OutcomeUnknown):
        Transaction.create(5, **card)
    key = Operation.objects.get().key
    event = receive(gateway, notice("transaction", "60012399999", operation_key=key))
    assert event is not None
    assert event.state == "parked"
    assert "does not find it" in event.error


def test_another_amount_is_left_to_a_person(gateway: RecordingGateway, card: Any) -> None:
    gateway.faults["charge"] = lose_reply
    with pytest.raises(OutcomeUnknown):
        Transaction.create(5, **card)
    Operation.objects.update(amount=Decimal(6))
    assert told(gateway, last_row(gateway).id) == "applied"
    assert Operation.objects.get().state == "needs_attention"
    assert not Transaction.objects.exists()


def test_a_row_that_its_caller_may_still_commit_is_waited_for(
    gateway: RecordingGateway, card: Any
) -> None:
    made = Transaction.create(5, **card)
    object_id, key = made.transaction_id or "", made.operation_key
    Transaction.objects.all().delete()
    assert told(gateway, object_id, operation_key=key or "") == "parked"
    assert not Transaction.objects.exists()
    Operation.objects.update(updated_at=PAST)
    assert told(gateway, object_id, operation_key=key or "") == "applied"
    assert Transaction.objects.get().operation_key == key


def test_rows_of_the_other_mode_are_not_touched(
    gateway: RecordingGateway, charge: Transaction
) -> None:
    Transaction.objects.update(live=True)
    Operation.objects.update(live=True)
    gateway.bank.settle_batch()
    assert told(gateway, charge.transaction_id or "") == "not_ours"
    charge.refresh_from_db()
    assert charge.status == "approved"


def test_what_was_approved_in_part_is_left_to_the_worker_that_gives_it_back(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    states = []

    def approve_in_part(call: Callable[[], TransactionResult]) -> TransactionResult:
        made = call()
        gateway.bank.store.execute("UPDATE ledger SET amount = '30.00', settled_amount = '30.00'")
        key = Operation.objects.get(kind="charge").key
        states.append(told(gateway, made.transaction_id or "", operation_key=key))
        gateway.bank.void(made.transaction_id or "")
        reason = Reason(ReasonKind.CARD_DECLINED, "295", "Only a part was approved.")
        return TransactionResult(
            ResultStatus.DECLINED, made.transaction_id, amount=Decimal(30), reasons=(reason,)
        )

    gateway.faults["charge"] = approve_in_part
    with pytest.raises(CardDeclinedError):
        make_customer().charge("50.00")
    assert states == ["parked"]
    assert Operation.objects.get(kind="charge").state == "declined"
