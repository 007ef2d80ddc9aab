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
    RefundError,
)
from django_dinero.gateways.types import Reason, Refusal, TransactionResult
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
