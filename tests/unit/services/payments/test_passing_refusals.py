"""Refusals that say nothing about the payment: its key stays free, and deletes wait."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from django_dinero.enums import ReasonKind, RemoteStatus, ResultStatus
from django_dinero.exceptions import (
    AuthenticationError,
    CustomerNotFoundError,
    GatewayError,
    GatewayUnavailableError,
    NotPermittedError,
    OutcomeUnknown,
    RefundError,
)
from django_dinero.gateways.types import (
    LookupResult,
    Reason,
    Refusal,
    RemoteTransaction,
    TransactionResult,
)
from django_dinero.models import Customer, Operation, Transaction
from django_dinero.services.vault import deletions
from tests.support.aging import grow_old
from tests.support.recording import RecordingGateway, answer, lose_reply

pytestmark = pytest.mark.django_db

Make = Callable[..., Customer]
KEY = "order-1001-1"
PAST = datetime.now(UTC) - timedelta(days=1)
KINDS = [
    (ReasonKind.AUTHENTICATION, AuthenticationError),
    (ReasonKind.NOT_PERMITTED, NotPermittedError),
    (ReasonKind.UNAVAILABLE, GatewayUnavailableError),
]


def failed(kind: ReasonKind) -> TransactionResult:
    return TransactionResult(ResultStatus.FAILED, reasons=(Reason(kind, "E1", "not now"),))


@pytest.mark.parametrize(("kind", "error"), KINDS[:2])
def test_a_charge_is_made_under_its_key_once_the_trouble_has_passed(
    gateway: RecordingGateway, make_customer: Make, kind: ReasonKind, error: type[GatewayError]
) -> None:
    customer = make_customer()
    gateway.faults["charge"] = answer(failed(kind))
    with pytest.raises(error, match="not now") as caught:
        Transaction.create("5.00", customer=customer, idempotency_key=KEY)
    assert caught.value.operation.state == "failed"
    assert not Transaction.objects.exists()
    assert Transaction.create("5.00", customer=customer, idempotency_key=KEY).status == "approved"
    assert len(gateway.bank.transactions()) == 1


def test_trouble_of_which_there_is_no_record_frees_the_key_after_the_quarantine(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    gateway.faults["charge"] = answer(failed(ReasonKind.UNAVAILABLE))
    for _time in range(2):
        with pytest.raises(OutcomeUnknown):
            customer.charge("5.00", idempotency_key=KEY)
    assert not Transaction.objects.exists()
    Operation.objects.update(lease_until=PAST, quarantine_until=PAST)
    assert customer.charge("5.00", idempotency_key=KEY).status == "approved"
    assert len(gateway.bank.transactions()) == 1


def test_another_failure_keeps_the_key(gateway: RecordingGateway, make_customer: Make) -> None:
    customer = make_customer()
    gateway.faults["charge"] = answer(failed(ReasonKind.INVALID_AMOUNT))
    for _time in range(2):
        with pytest.raises(GatewayError, match="not now"):
            Transaction.create("5.00", customer=customer, idempotency_key=KEY)
    assert gateway.verbs.count("charge") == 1


@pytest.mark.parametrize("verb", ["capture", "void"])
def test_what_follows_is_done_under_its_key_later(
    gateway: RecordingGateway, make_customer: Make, verb: str
) -> None:
    row = Transaction.create("5.00", customer=make_customer(), settle=False)
    gateway.faults[verb] = answer(failed(ReasonKind.AUTHENTICATION))
    with pytest.raises(AuthenticationError):
        getattr(row, verb)(idempotency_key=KEY)
    assert getattr(row, verb)(idempotency_key=KEY).status == "approved"


def test_a_review_is_decided_under_its_key_later(
    gateway: RecordingGateway, held: Transaction
) -> None:
    gateway.faults["decide_review"] = answer(failed(ReasonKind.UNAVAILABLE))
    with pytest.raises(GatewayUnavailableError):
        held.approve(idempotency_key=KEY)
    assert held.approve(idempotency_key=KEY).status == "approved"


# -- An account that may not read its transactions ---------------------------------------------


def cannot_be_read(gateway: RecordingGateway) -> None:
    refusal = Refusal((Reason(ReasonKind.NOT_PERMITTED, "E00011", "no details"),))
    gateway.faults["retrieve_transaction"] = answer(refusal)


def test_a_settled_payment_is_refunded_without_asking(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    row = Transaction.create("5.00", customer=make_customer())
    gateway.bank.settle_batch()
    cannot_be_read(gateway)
    assert row.refund("2.00").status == "approved"


def test_the_gateway_says_that_it_is_too_early_to_refund(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    row = Transaction.create("5.00", customer=make_customer())
    cannot_be_read(gateway)
    with pytest.raises(RefundError):
        row.refund()


# -- Found in the gateway's records ---------------------------------------------------------------


def recorded_as_failed(
    *kinds: ReasonKind, **facts: Any
) -> Callable[[Callable[[], object]], object]:
    """The gateway's records have what is searched for, and that it failed, for these reasons."""

    def fault(call: Callable[[], object]) -> object:
        found = call()
        assert isinstance(found, LookupResult)
        (match,) = found.matches
        assert isinstance(match, RemoteTransaction)
        reasons = tuple(Reason(kind, "E1", "not now") for kind in kinds)
        failed_one = replace(match, status=RemoteStatus.FAILED, reasons=reasons, **facts)
        return LookupResult((failed_one,))

    return fault


def lose(gateway: RecordingGateway, customer: Customer) -> Operation:
    """A charge whose answer was lost, and that was given back since."""
    gateway.faults["charge"] = lose_reply
    with pytest.raises(OutcomeUnknown) as caught:
        customer.charge("5.00", idempotency_key=KEY)
    operation: Operation = caught.value.operation
    return operation


@pytest.mark.parametrize("kind", [kind for kind, _error in KINDS])
def test_a_charge_that_is_found_to_have_met_trouble_is_made_under_its_key(
    gateway: RecordingGateway, make_customer: Make, kind: ReasonKind
) -> None:
    customer = make_customer()
    operation = lose(gateway, customer)
    gateway.faults["find_operation"] = recorded_as_failed(kind)
    assert operation.look_up().state == "failed"
    assert operation.outcome["error"] == "not now"
    assert not Transaction.objects.exists()
    assert customer.charge("5.00", idempotency_key=KEY).status == "approved"


@pytest.mark.parametrize("kinds", [(), (ReasonKind.INVALID_AMOUNT,)])
def test_a_charge_that_is_found_to_have_failed_otherwise_keeps_its_key(
    gateway: RecordingGateway, make_customer: Make, kinds: tuple[ReasonKind, ...]
) -> None:
    customer = make_customer()
    operation = lose(gateway, customer)
    gateway.faults["find_operation"] = recorded_as_failed(*kinds)
    for _time in range(2):
        with pytest.raises(GatewayError):
            customer.charge("5.00", idempotency_key=KEY)
    operation.refresh_from_db()
    assert (operation.state, Transaction.objects.get().status) == ("failed", "failed")
    assert gateway.verbs.count("charge") == 1


@pytest.mark.parametrize("kind", [ReasonKind.CARD_NOT_FOUND, ReasonKind.CUSTOMER_NOT_FOUND])
def test_a_card_that_was_new_is_charged_under_its_key_however_that_is_told(
    gateway: RecordingGateway, make_customer: Make, kind: ReasonKind
) -> None:
    card = make_customer().add_card(number="5424000000000015", month=12, year=2040)
    for lost in (False, True):
        gateway.faults["charge"] = lose_reply if lost else made_and_refused(kind)
        if not lost:
            gateway.faults["find_operation"] = recorded_as_failed(kind)
        with pytest.raises(OutcomeUnknown if lost else GatewayUnavailableError) as caught:
            card.charge("5.00", idempotency_key=KEY)
        operation = caught.value.operation
        gateway.faults["find_operation"] = recorded_as_failed(kind)
        assert operation.look_up().state == "failed"
        gateway.faults.clear()
        assert "does not find this card yet" in operation.outcome["error"]
        assert not Transaction.objects.exists()
    grow_old()  # it was new when it was charged
    assert card.charge("5.00", idempotency_key=KEY).status == "approved"


def test_a_gateway_that_finds_at_once_is_not_asked_again_in_a_minute(
    gateway: RecordingGateway, make_customer: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A test bank in memory that has begun anew: it says at once what helps."""
    monkeypatch.setattr(gateway, "finds_at_once", True)
    customer = make_customer()
    gateway.bank.delete_customer(str(customer.customer_id))
    with pytest.raises(CustomerNotFoundError, match="Its option 'store' gives it a file"):
        customer.charge("5.00", idempotency_key=KEY)


@pytest.mark.parametrize("kind", [ReasonKind.CARD_NOT_FOUND, ReasonKind.CUSTOMER_NOT_FOUND])
def test_a_card_that_has_gone_keeps_the_key_however_that_is_told(
    gateway: RecordingGateway, make_customer: Make, kind: ReasonKind
) -> None:
    operation = lose(gateway, make_customer())
    gateway.faults["find_operation"] = recorded_as_failed(kind)
    assert operation.look_up().has_result
    assert Transaction.objects.get().status == "failed"


@pytest.mark.parametrize(
    ("kind", "rows"), [(ReasonKind.UNAVAILABLE, 0), (ReasonKind.INVALID_AMOUNT, 1)]
)
@pytest.mark.parametrize("facts", [{"amount": Decimal(0)}, {"currency": "CAD"}])
def test_the_record_of_a_failure_need_not_have_the_amount_that_was_asked_for(
    gateway: RecordingGateway,
    make_customer: Make,
    kind: ReasonKind,
    rows: int,
    facts: dict[str, Any],
) -> None:
    """Nothing was approved: there is nothing that could be another amount."""
    operation = lose(gateway, make_customer())
    gateway.faults["find_operation"] = recorded_as_failed(kind, **facts)
    assert operation.look_up().state == "failed"
    assert Transaction.objects.filter(status="failed", price="5.00").count() == rows


def test_trouble_in_a_list_that_is_incomplete_frees_no_key(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    """As where it is answered at once: the payment may be in the part that was not read."""
    customer = make_customer()
    operation = lose(gateway, customer)
    trouble = recorded_as_failed(ReasonKind.UNAVAILABLE)

    def incomplete(call: Callable[[], object]) -> object:
        found = trouble(call)
        assert isinstance(found, LookupResult)
        return replace(found, complete=False)

    gateway.faults["find_operation"] = incomplete
    assert operation.look_up().state == "unknown"
    assert customer.charge("5.00", idempotency_key=KEY).status == "approved"
    assert gateway.verbs.count("charge") == 1


def test_the_record_of_a_passing_refusal_is_no_charge(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    gateway.faults["charge"] = made_and_refused(ReasonKind.UNAVAILABLE)
    gateway.faults["find_operation"] = recorded_as_failed()
    with pytest.raises(GatewayUnavailableError, match="not now"):
        customer.charge("5.00", idempotency_key=KEY)
    assert not Transaction.objects.exists()
    assert customer.charge("5.00", idempotency_key=KEY).status == "approved"


# -- Deletes -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "error"), KINDS)
def test_a_delete_that_meets_one_waits(
    gateway: RecordingGateway, make_customer: Make, kind: ReasonKind, error: type[GatewayError]
) -> None:
    customer = make_customer()
    gateway.faults["delete_card"] = answer(Refusal((Reason(kind, "E1", "not now"),)))
    with pytest.raises(error):
        customer.cards[0].delete()
    deletes = Operation.objects.filter(kind="delete_card").order_by("pk")
    assert [each.state for each in deletes] == ["failed", "new"]
    deletions.push_delete(deletes[1].key)
    deletes[1].refresh_from_db()
    assert deletes[1].state == "succeeded"
    assert gateway.bank.customer(customer.customer_id or "").cards == ()


def test_a_delete_that_the_gateway_refuses_for_good_ends(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    refusal = Refusal((Reason(ReasonKind.GATEWAY_ERROR, "E00105", "a subscription"),))
    gateway.faults["delete_card"] = answer(refusal)
    with pytest.raises(GatewayError, match="a subscription"):
        make_customer().cards[0].delete()
    (operation,) = Operation.objects.filter(kind="delete_card")
    assert operation.state == "declined"


# -- What was done all the same ----------------------------------------------------------------


def made_and_refused(kind: ReasonKind) -> Callable[[Callable[[], object]], TransactionResult]:
    """A proxy delivers the request twice; the answer that comes back is the second one's."""

    def fault(call: Callable[[], object]) -> TransactionResult:
        call()
        return failed(kind)

    return fault


@pytest.mark.parametrize("kind", [kind for kind, _error in KINDS])
def test_a_charge_that_was_made_all_the_same_is_found(
    gateway: RecordingGateway, make_customer: Make, kind: ReasonKind
) -> None:
    customer = make_customer()
    gateway.faults["charge"] = made_and_refused(kind)
    row = customer.charge("5.00", idempotency_key=KEY)
    assert (row.status, row.is_replay) == ("approved", False)
    assert customer.charge("5.00", idempotency_key=KEY) == row
    assert len(gateway.bank.transactions()) == 1


def test_a_refund_that_was_made_all_the_same_is_found(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    row = make_customer().charge("5.00")
    gateway.bank.settle_batch()
    gateway.faults["refund"] = made_and_refused(ReasonKind.UNAVAILABLE)
    assert row.refund("2.00", idempotency_key=KEY).status == "approved"
    assert sum(each.kind == "refund" for each in gateway.bank.transactions()) == 1


@pytest.mark.parametrize("complete", [False, True], ids=["incomplete", "it lags"])
def test_trouble_whose_records_do_not_show_it_is_unknown(
    gateway: RecordingGateway, make_customer: Make, complete: bool
) -> None:
    customer = make_customer()
    gateway.faults["charge"] = made_and_refused(ReasonKind.UNAVAILABLE)
    gateway.faults["find_operation"] = answer(LookupResult(complete=complete))
    with pytest.raises(OutcomeUnknown) as caught:
        customer.charge("5.00", idempotency_key=KEY)
    assert caught.value.operation.look_up().state == "succeeded"
    assert len(gateway.bank.transactions()) == 1


def test_a_new_card_that_is_not_found_frees_no_key_unsearched(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    card = customer.add_card(number="5424000000000015", month=12, year=2040)
    gateway.faults["charge"] = made_and_refused(ReasonKind.CARD_NOT_FOUND)
    gateway.faults["find_operation"] = answer(LookupResult(complete=False))
    with pytest.raises(OutcomeUnknown):
        card.charge("5.00", idempotency_key=KEY)
    assert card.charge("5.00", idempotency_key=KEY).status == "approved"
    assert len(gateway.bank.transactions()) == 1


def test_an_approval_that_was_carried_out_all_the_same_counts(
    gateway: RecordingGateway, held: Transaction
) -> None:
    gateway.faults["decide_review"] = made_and_refused(ReasonKind.UNAVAILABLE)
    assert held.approve().status == "approved"


def test_a_delete_that_waits_knows_that_its_card_was_new(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    card = make_customer().add_card(number="5424000000000015", month=12, year=2040)
    gateway.faults["delete_card"] = answer(
        Refusal((Reason(ReasonKind.UNAVAILABLE, "E1", "not now"),))
    )
    with pytest.raises(GatewayUnavailableError):
        card.delete()
    first, again = Operation.objects.filter(kind="delete_card").order_by("pk")
    assert first.intent == again.intent == {"is_new": True}


# -- Decisions ---------------------------------------------------------------------------------


def test_a_decision_in_trouble_whose_record_is_lost_is_unknown(
    gateway: RecordingGateway, held: Transaction
) -> None:
    gateway.faults["decide_review"] = made_and_refused(ReasonKind.UNAVAILABLE)
    gateway.faults["retrieve_transaction"] = lose_reply
    with pytest.raises(OutcomeUnknown) as caught:
        held.approve(idempotency_key=KEY)
    assert caught.value.operation.look_up().state == "succeeded"
    assert held.approve(idempotency_key=KEY).status == "approved"


def test_a_decision_that_a_look_up_found_meanwhile_is_no_refusal(
    gateway: RecordingGateway, held: Transaction
) -> None:
    late: list[Callable[[], object]] = []

    def arrives_late(call: Callable[[], object]) -> TransactionResult:
        late.append(call)
        return failed(ReasonKind.UNAVAILABLE)

    def is_decided_and_found(call: Callable[[], object]) -> object:
        read = call()
        late[0]()
        Operation.objects.update(lease_until=PAST, quarantine_until=PAST)
        assert Operation.objects.get(kind="approve_held").look_up().state == "succeeded"
        return read

    gateway.faults["decide_review"] = arrives_late
    gateway.faults["retrieve_transaction"] = is_decided_and_found
    assert held.approve().status == "approved"
