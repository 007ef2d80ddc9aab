"""Held payments: decided here, at the gateway, or twice, and what their operations say then."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from django_dinero import signals
from django_dinero.enums import ReasonKind, RemoteStatus, ResultStatus
from django_dinero.exceptions import (
    CardDeclinedError,
    GatewayError,
    HeldForReview,
    IdempotencyKeyReused,
    InvalidTransactionError,
    NeedsAttention,
    OperationClosed,
    OperationInProgress,
    OutcomeUnknown,
)
from django_dinero.gateways.types import Reason, Refusal, TransactionResult
from django_dinero.models import Customer, Operation, Transaction
from django_dinero.services import ledger
from tests.support.racing import before_statement
from tests.support.recording import RecordingGateway, answer, lose_reply, lose_request

pytestmark = pytest.mark.django_db

Make = Callable[..., Customer]
KEY = "order-1001"
REFUSED = TransactionResult(
    ResultStatus.FAILED, reasons=(Reason(ReasonKind.INVALID_TRANSACTION, "E1", "not held"),)
)


@pytest.fixture
def heard() -> Iterator[list[str]]:
    """What users are told about money, in order."""
    told: list[str] = []

    def receive(signal: Any, transaction: Transaction, **kwargs: Any) -> None:
        told.append("charged" if signal is signals.charged else kwargs["error"].code)

    signals.charged.connect(receive)
    signals.charge_failed.connect(receive)
    yield told
    signals.charged.disconnect(receive)
    signals.charge_failed.disconnect(receive)


def charge_of(held: Transaction) -> Operation:
    return Operation.objects.get(key=held.operation_key)


def seen(gateway: RecordingGateway, held: Transaction, status: RemoteStatus) -> None:
    """The gateway shows the payment so, once."""
    found: Any = gateway.retrieve_transaction(held.transaction_id or "")
    gateway.faults["retrieve_transaction"] = answer(replace(found, status=status))


def answered(result: TransactionResult) -> Callable[[Callable[[], Any]], Any]:
    """The gateway decides as it is told, and answers ``result``."""

    def fault(call: Callable[[], Any]) -> Any:
        call()
        return result

    return fault


def cannot_be_read(gateway: RecordingGateway) -> None:
    """The account may charge, and may not read what it has charged."""
    refusal = Refusal((Reason(ReasonKind.AUTHENTICATION, "E00011", "no details"),))
    gateway.faults["retrieve_transaction"] = answer(refusal)


# -- Decided here ----------------------------------------------------------------------------------


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

    def issuer_declines(call: Callable[[], Any]) -> Any:
        gateway.bank.decide_review(held.transaction_id or "", approve=False)
        return TransactionResult(ResultStatus.DECLINED, reasons=(reason,))

    gateway.faults["decide_review"] = issuer_declines
    with pytest.raises(CardDeclinedError):
        held.approve()
    assert held.status == "declined"
    caught.value.operation.refresh_from_db()
    assert caught.value.operation.state == "declined"


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
    gateway.faults["decide_review"] = answered(TransactionResult(outcome))
    assert getattr(held, verb)().status == status
    charge = Operation.objects.get(key=held.operation_key)
    assert charge.outcome["result"] == status


def test_a_decline_that_the_records_do_not_bear_out_is_unknown(
    gateway: RecordingGateway, held: Transaction
) -> None:
    reasons = (Reason(ReasonKind.CARD_DECLINED, "2", "declined"),)
    gateway.faults["decide_review"] = answer(
        TransactionResult(ResultStatus.DECLINED, reasons=reasons)
    )
    with pytest.raises(OutcomeUnknown, match="do not bear its answer out"):
        held.approve()
    held.refresh_from_db()
    assert (held.status, charge_of(held).state) == ("held", "held")


def test_a_held_payment_of_other_software_is_decided_too(
    gateway: RecordingGateway, held: Transaction
) -> None:
    Operation.objects.all().delete()
    Transaction.objects.update(operation_key=None)
    held.refresh_from_db()
    assert held.approve().status == "approved"


@pytest.mark.parametrize("given", [{"amount": 5}, {"colour": "red"}])
def test_unknown_arguments_of_a_decision_are_refused(
    held: Transaction, given: dict[str, Any]
) -> None:
    with pytest.raises(TypeError, match="Accepted: by, description, idempotency_key, scope"):
        held.approve(**given)


@pytest.mark.parametrize(("verb", "told"), [("approve", "charged"), ("decline", "card_declined")])
def test_users_hear_of_a_decision_once(
    held: Transaction, heard: list[str], verb: str, told: str
) -> None:
    getattr(held, verb)()
    Transaction.retrieve(held.transaction_id or "")
    assert heard == [told]


def test_an_instance_that_is_out_of_date_decides_nothing(
    gateway: RecordingGateway, held: Transaction
) -> None:
    stale = Transaction.objects.get()
    held.approve()
    with pytest.raises(InvalidTransactionError, match="Only a held payment"):
        stale.decline()
    assert gateway.verbs.count("decide_review") == 1
    assert stale.status == "approved"


def test_a_decision_between_our_look_and_our_lock_stands(
    gateway: RecordingGateway, held: Transaction
) -> None:
    with (
        before_statement("SAVEPOINT", lambda: Transaction.objects.get().approve()),
        pytest.raises(InvalidTransactionError, match="Only a held payment"),
    ):
        held.decline()
    assert gateway.verbs.count("decide_review") == 1
    assert Operation.objects.get(kind="decline_held").state == "failed"
    held.refresh_from_db()
    assert held.status == "approved"


def test_what_was_read_of_a_decision_meanwhile_is_further_on(
    gateway: RecordingGateway, held: Transaction
) -> None:
    def settled(call: Callable[[], Any]) -> Any:
        result = call()
        Transaction.objects.update(status="settled")
        return result

    gateway.faults["decide_review"] = settled
    assert held.approve().status == "settled"
    assert charge_of(held).state == "succeeded"


def test_a_running_decision_keeps_others_out(gateway: RecordingGateway, held: Transaction) -> None:
    other = Transaction.objects.get()

    def meanwhile(call: Callable[[], Any]) -> Any:
        with pytest.raises(OperationInProgress):
            other.decline()
        return call()

    gateway.faults["decide_review"] = meanwhile
    assert held.approve().status == "approved"


def test_a_key_decides_once(gateway: RecordingGateway, held: Transaction) -> None:
    first = held.approve(idempotency_key="approve-1001")
    again = Transaction.objects.get().approve(idempotency_key="approve-1001")
    assert (again, again.status) == (first, "approved")
    assert (first.is_replay, again.is_replay) == (False, True)
    assert gateway.verbs.count("decide_review") == 1
    with pytest.raises(IdempotencyKeyReused):
        held.decline(idempotency_key="approve-1001")


def test_a_decision_is_a_replay_only_if_another_call_has_made_it(
    gateway: RecordingGateway, held: Transaction
) -> None:
    customer = Customer.objects.get()
    with pytest.raises(HeldForReview) as caught:
        Transaction.create("50.00", customer=customer, idempotency_key=KEY)
    row = caught.value.transaction
    assert row.is_replay
    other = Transaction.objects.get()

    def rival() -> None:
        other.approve(idempotency_key="approve-1001")

    with before_statement("SAVEPOINT", rival):
        assert row.approve(idempotency_key="approve-1001").is_replay
    assert not other.is_replay
    assert gateway.verbs.count("decide_review") == 1


def test_a_decision_of_a_replayed_payment_is_no_replay(
    gateway: RecordingGateway, held: Transaction
) -> None:
    held.is_replay = True
    assert not held.approve().is_replay


def test_a_key_of_a_refused_decision_tells_it_again(
    gateway: RecordingGateway, held: Transaction
) -> None:
    gateway.faults["decide_review"] = answer(REFUSED)
    for _time in range(2):
        with pytest.raises(InvalidTransactionError, match="not held"):
            held.approve(idempotency_key="approve-1001")
    assert gateway.verbs.count("decide_review") == 1


def test_the_key_of_a_charge_tells_what_was_decided(
    gateway: RecordingGateway, held: Transaction
) -> None:
    held.approve()
    customer = Customer.objects.get()
    assert Transaction.create("50.00", customer=customer, idempotency_key=KEY) == held
    assert gateway.verbs.count("charge") == 1


def test_an_answer_to_another_decision_needs_a_person(
    gateway: RecordingGateway, held: Transaction
) -> None:
    result = TransactionResult(ResultStatus.APPROVED, operation_key="SOMEBODYELSESKEY0000")
    gateway.faults["decide_review"] = answer(result)
    with pytest.raises(NeedsAttention):
        held.approve()
    held.refresh_from_db()
    assert held.status == "held"
    with pytest.raises(NeedsAttention):
        held.decline()


# -- Decided elsewhere, or by a call whose reply was lost ------------------------------------------


@pytest.mark.parametrize(
    ("status", "row", "state", "told"),
    [
        (RemoteStatus.CAPTURED, "approved", "succeeded", "charged"),
        (RemoteStatus.SETTLED, "settled", "succeeded", "charged"),
        (RemoteStatus.CHARGED_BACK, "charged_back", "succeeded", "charged"),
        (RemoteStatus.DECLINED, "declined", "declined", "card_declined"),
        (RemoteStatus.VOIDED, "voided", "declined", "card_declined"),
        (RemoteStatus.EXPIRED, "expired", "declined", "card_declined"),
    ],
)
def test_a_decision_in_the_gateways_own_pages_is_read(
    gateway: RecordingGateway,
    held: Transaction,
    heard: list[str],
    status: RemoteStatus,
    row: str,
    state: str,
    told: str,
) -> None:
    seen(gateway, held, status)
    assert Transaction.retrieve(held.transaction_id or "").status == row
    assert charge_of(held).state == state
    assert heard == [told]
    customer = Customer.objects.get()
    if state == "succeeded":
        assert Transaction.create("50.00", customer=customer, idempotency_key=KEY) == held
    else:
        with pytest.raises(CardDeclinedError):
            Transaction.create("50.00", customer=customer, idempotency_key=KEY)


def test_a_decision_made_here_is_newer_than_what_the_gateway_said_before(
    gateway: RecordingGateway, held: Transaction
) -> None:
    found: Any = gateway.retrieve_transaction(held.transaction_id or "")

    def slow(call: Callable[[], Any]) -> Any:
        Transaction.objects.get().decline()
        return replace(found, status=RemoteStatus.EXPIRED)

    gateway.faults["retrieve_transaction"] = slow
    assert Transaction.retrieve(held.transaction_id or "").status == "declined"
    assert Transaction.objects.get().status == "declined"


def test_what_the_gateway_approved_before_is_approved(
    gateway: RecordingGateway, held: Transaction
) -> None:
    gateway.bank.decide_review(held.transaction_id or "", approve=True)
    assert held.approve().status == "approved"
    assert Operation.objects.get(kind="approve_held").state == "succeeded"
    assert charge_of(held).state == "succeeded"


def test_what_the_gateway_approved_before_is_not_declined(
    gateway: RecordingGateway, held: Transaction
) -> None:
    gateway.bank.decide_review(held.transaction_id or "", approve=True)
    with pytest.raises(GatewayError):
        held.decline()
    held.refresh_from_db()
    assert held.status == "approved"


@pytest.mark.parametrize(
    ("verb", "status", "state"),
    [("approve", "approved", "succeeded"), ("decline", "declined", "declined")],
)
def test_a_decision_whose_reply_was_lost_is_looked_up(
    gateway: RecordingGateway, held: Transaction, verb: str, status: str, state: str
) -> None:
    gateway.faults["decide_review"] = lose_reply
    with pytest.raises(OutcomeUnknown) as caught:
        getattr(held, verb)()
    decision = caught.value.operation
    assert decision.look_up().state == "succeeded"
    held.refresh_from_db()
    assert (held.status, charge_of(held).state) == (status, state)
    assert gateway.verbs.count("decide_review") == 1


def test_a_decision_that_never_arrived_is_absent_after_the_quarantine(
    gateway: RecordingGateway, held: Transaction
) -> None:
    gateway.faults["decide_review"] = lose_request
    with pytest.raises(OutcomeUnknown) as caught:
        held.approve()
    decision = caught.value.operation
    assert decision.look_up().state == "unknown"
    with pytest.raises(OutcomeUnknown):
        held.approve()
    Operation.objects.update(quarantine_until="2020-01-01T00:00:00Z")
    assert decision.look_up().state == "absent"
    assert held.approve().status == "approved"


def test_a_lost_decision_that_cannot_be_read_stays_unknown(
    gateway: RecordingGateway, held: Transaction
) -> None:
    gateway.faults["decide_review"] = lose_reply
    with pytest.raises(OutcomeUnknown) as caught:
        held.approve()
    Operation.objects.update(quarantine_until="2020-01-01T00:00:00Z")
    cannot_be_read(gateway)
    assert caught.value.operation.look_up().state == "unknown"


def test_a_decline_that_the_gateway_took_for_an_approval_is_told_as_one(
    gateway: RecordingGateway, held: Transaction
) -> None:
    def approves(call: Callable[[], Any]) -> Any:
        gateway.bank.decide_review(held.transaction_id or "", approve=True)
        return TransactionResult(ResultStatus.APPROVED)

    gateway.faults["decide_review"] = approves
    with pytest.raises(InvalidTransactionError, match="records say: approved"):
        held.decline()
    held.refresh_from_db()
    assert (held.status, charge_of(held).state) == ("approved", "succeeded")
    assert Operation.objects.get(kind="decline_held").state == "failed"
    assert held.void().status == "approved"


def test_an_answer_that_the_records_do_not_bear_out_is_unknown(
    gateway: RecordingGateway, held: Transaction
) -> None:
    gateway.faults["decide_review"] = answer(TransactionResult(ResultStatus.APPROVED))
    with pytest.raises(OutcomeUnknown, match="do not bear its answer out"):
        held.approve()
    held.refresh_from_db()
    assert held.status == "held"


@pytest.mark.parametrize(("verb", "status"), [("approve", "approved"), ("decline", "declined")])
def test_an_account_that_may_not_read_believes_the_answer(
    gateway: RecordingGateway, held: Transaction, verb: str, status: str
) -> None:
    cannot_be_read(gateway)
    gateway.faults["decide_review"] = answered(TransactionResult(ResultStatus.APPROVED))
    assert getattr(held, verb)().status == status


def test_an_approval_of_another_amount_needs_a_person(
    gateway: RecordingGateway, held: Transaction
) -> None:
    found: Any = gateway.retrieve_transaction(held.transaction_id or "")
    part = replace(found, status=RemoteStatus.CAPTURED, amount=found.amount - 1)
    gateway.faults["retrieve_transaction"] = answer(part)
    with pytest.raises(NeedsAttention, match="another amount"):
        held.approve(idempotency_key="review-1")
    held.refresh_from_db()
    assert (held.status, held.price) == ("approved", Decimal("49.00"))
    assert charge_of(held).state == "needs_attention"
    mark = gateway.mark
    with pytest.raises(NeedsAttention, match="another amount"):  # of the price that it has by now
        held.approve(idempotency_key="review-1")
    assert "decide_review" not in gateway.since(mark)


@pytest.mark.parametrize("amount", ["49.00", "51.00"])
def test_what_was_approved_with_another_amount_is_booked_as_it_is(
    gateway: RecordingGateway, held: Transaction, heard: list[str], amount: str
) -> None:
    found: Any = gateway.retrieve_transaction(held.transaction_id or "")
    other = replace(found, status=RemoteStatus.SETTLED, amount=Decimal(amount))
    gateway.faults["retrieve_transaction"] = answer(other)
    charge = charge_of(held).look_up()
    assert charge.state == "needs_attention"
    charge.close(note="The shop accepts the difference.", by="ann")
    held.refresh_from_db()
    assert (held.status, held.price, held.captured_amount) == (
        "settled",
        Decimal(amount),
        Decimal(amount),
    )
    assert heard == []
    with pytest.raises(OperationClosed):
        Transaction.create("50.00", customer=Customer.objects.get(), idempotency_key=KEY)
    gateway.bank.decide_review(held.transaction_id or "", approve=True)
    gateway.bank.settle_batch()
    assert held.refund("49.00").status == "approved"


def test_what_other_software_holds_is_booked_as_it_was_approved(
    gateway: RecordingGateway, held: Transaction
) -> None:
    Operation.objects.all().delete()
    Transaction.objects.update(operation_key=None)
    found: Any = gateway.retrieve_transaction(held.transaction_id or "")
    other = replace(found, status=RemoteStatus.CAPTURED, amount=Decimal("49.00"), currency="CAD")
    gateway.faults["retrieve_transaction"] = answer(other)
    row = Transaction.retrieve(held.transaction_id or "")
    assert (row.status, row.price, row.currency) == ("approved", Decimal("49.00"), "CAD")


def test_a_gateway_that_cannot_be_asked_leaves_it_held(
    gateway: RecordingGateway, held: Transaction
) -> None:
    gateway.faults["decide_review"] = answer(REFUSED)
    gateway.faults["retrieve_transaction"] = lose_request
    with pytest.raises(InvalidTransactionError, match="not held"):
        held.approve()
    held.refresh_from_db()
    assert (held.status, charge_of(held).state) == ("held", "held")


def test_a_decision_that_a_rollback_took_from_the_row_is_written_again(
    gateway: RecordingGateway, held: Transaction
) -> None:
    held.approve()
    Transaction.objects.update(status="held")
    stale = Transaction.objects.get()
    assert stale.void().kind == "void"
    assert charge_of(held).state == "succeeded"


def test_a_row_of_nobody_has_no_operation_to_agree_with(held: Transaction) -> None:
    Transaction.objects.update(operation_key=None)
    held.refresh_from_db()
    ledger.align_undecided(held)
    assert held.status == "held"
