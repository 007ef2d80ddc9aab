"""Refusals that say nothing about the payment: its key stays free, and deletes wait."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from django_dinero.enums import ReasonKind, ResultStatus
from django_dinero.exceptions import (
    AuthenticationError,
    GatewayError,
    GatewayUnavailableError,
    NotPermittedError,
    OutcomeUnknown,
    RefundError,
)
from django_dinero.gateways.types import LookupResult, Reason, Refusal, TransactionResult
from django_dinero.models import Customer, Operation, Transaction
from django_dinero.services.vault import deletions
from tests.support.recording import RecordingGateway, answer

pytestmark = pytest.mark.django_db

Make = Callable[..., Customer]
KEY = "order-1001-1"
KINDS = [
    (ReasonKind.AUTHENTICATION, AuthenticationError),
    (ReasonKind.NOT_PERMITTED, NotPermittedError),
    (ReasonKind.UNAVAILABLE, GatewayUnavailableError),
]


def failed(kind: ReasonKind) -> TransactionResult:
    return TransactionResult(ResultStatus.FAILED, reasons=(Reason(kind, "E1", "not now"),))


@pytest.mark.parametrize(("kind", "error"), KINDS)
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


def test_trouble_whose_records_cannot_be_searched_is_unknown(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    gateway.faults["charge"] = made_and_refused(ReasonKind.UNAVAILABLE)
    gateway.faults["find_operation"] = answer(LookupResult(complete=False))
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
