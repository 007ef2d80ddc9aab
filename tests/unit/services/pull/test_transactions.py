"""Transactions as the gateway has them, asked for by their id."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from django_dinero.enums import RemoteStatus, TransactionKind
from django_dinero.exceptions import (
    InvalidTransactionError,
)
from django_dinero.gateways.types import Refusal
from django_dinero.models import Customer, Operation, Transaction
from tests.support.recording import (
    RecordingGateway,
    answer,
)

pytestmark = pytest.mark.django_db


def test_retrieve_brings_the_row_up_to_date(settled: Transaction) -> None:
    row = Transaction.retrieve(settled.transaction_id or "")
    assert (row, row.status) == (settled, "settled")
    assert row.price == Decimal(50)


def test_retrieve_of_an_unknown_id_is_told(gateway: RecordingGateway) -> None:
    with pytest.raises(InvalidTransactionError):
        Transaction.retrieve("999999999")


@pytest.mark.parametrize(
    "told",
    [
        {"amount": Decimal("10.005")},
        {"amount": Decimal(10) ** 12},
        {"currency": "usd"},
        {"currency": ""},
    ],
    ids=str,
)
def test_a_payment_whose_amount_is_none_gets_no_row(
    gateway: RecordingGateway, charge: Transaction, told: dict[str, Any]
) -> None:
    """No list could be read any more that has such a row in it."""
    found = gateway.retrieve_transaction(charge.transaction_id or "")
    assert not isinstance(found, Refusal)
    other = replace(found, transaction_id="777", operation_key="", **told)
    gateway.faults["retrieve_transaction"] = answer(other)
    with pytest.raises(InvalidTransactionError, match="777 has an amount that cannot be stored"):
        Transaction.retrieve("777")
    assert [*Transaction.objects.all()] == [charge]


def test_a_row_whose_price_is_none_of_its_currency_hides_no_other(charge: Transaction) -> None:
    Transaction.objects.update(price=Decimal("10.0050"))
    assert Transaction.objects.get().price == Decimal("10.005")


def test_a_capture_elsewhere_whose_amount_is_none_is_not_written(
    gateway: RecordingGateway, authorization: Transaction, caplog: pytest.LogCaptureFixture
) -> None:
    found = gateway.retrieve_transaction(authorization.transaction_id or "")
    assert not isinstance(found, Refusal)
    odd = replace(found, status=RemoteStatus.CAPTURED, settled_amount=Decimal("10.005"))
    gateway.faults["retrieve_transaction"] = answer(odd)
    assert Transaction.retrieve(authorization.transaction_id or "") == authorization
    assert not Transaction.objects.filter(kind="capture").exists()
    assert "was captured for 10.005 USD" in caplog.text


def test_a_held_payment_that_was_approved_for_no_amount_is_left_to_a_person(
    gateway: RecordingGateway, charge: Transaction
) -> None:
    Transaction.objects.update(status="held")
    Operation.objects.filter(kind="charge").update(state="held")
    found = gateway.retrieve_transaction(charge.transaction_id or "")
    assert not isinstance(found, Refusal)
    gateway.faults["retrieve_transaction"] = answer(replace(found, amount=Decimal("10.005")))
    charge.refresh_from_gateway()
    assert charge.price == Decimal("50.00")
    assert Operation.objects.get(kind="charge").state == "needs_attention"


def test_a_refund_elsewhere_is_that_of_its_payments_customer(
    gateway: RecordingGateway, customer: Customer
) -> None:
    """Also where the gateway names no customer: by the id it is found when a person is erased."""
    charge = customer.charge(50)
    gateway.bank.settle_batch()
    gateway.bank.refund(charge.transaction_id or "", Decimal(5))
    refund = gateway.bank.transactions()[-1]
    found = gateway.retrieve_transaction(refund.id)
    assert not isinstance(found, Refusal)
    gateway.faults["retrieve_transaction"] = answer(replace(found, customer_id="", card_id=""))
    row = Transaction.retrieve(refund.id)
    assert (row.customer_id, row.card_id) == (charge.customer_id, charge.card_id)
    assert row.customer_id != ""


def test_a_refund_that_repeats_the_key_of_its_charge(
    gateway: RecordingGateway, settled: Transaction
) -> None:
    """It was made in the gateway's pages, and the operation of the charge is not ended by it."""
    key, transaction_id = settled.operation_key or "", settled.transaction_id or ""
    gateway.bank.refund(transaction_id, Decimal("50.00"), operation_key=key)
    refund = gateway.bank.transactions()[-1]
    Transaction.objects.all().delete()
    Operation.objects.update(state="unknown")
    with pytest.raises(InvalidTransactionError, match="retrieve"):
        Transaction.retrieve(refund.id)
    assert Transaction.retrieve(transaction_id).kind == "charge"
    assert Transaction.retrieve(refund.id).kind == "refund"
    assert Operation.objects.get(kind="charge").state == "succeeded"


def test_one_row_is_brought_up_to_date(gateway: RecordingGateway, settled: Transaction) -> None:
    assert settled.refresh_from_gateway() is settled
    assert (settled.status, settled.batch_id) == ("settled", gateway.bank.batches()[-1].id)
    assert settled.settled_at is not None


def test_a_capture_is_brought_up_to_date_with_its_authorization(
    gateway: RecordingGateway, authorization: Transaction
) -> None:
    capture = authorization.capture("20.00")
    gateway.bank.settle_batch()
    assert capture.refresh_from_gateway().status == "settled"
    authorization.refresh_from_db()
    assert authorization.status == "settled"


def test_a_void_tells_of_its_payment(gateway: RecordingGateway, charge: Transaction) -> None:
    void = charge.void()
    Transaction.objects.filter(pk=charge.pk).update(status="approved")
    assert void.refresh_from_gateway().status == "approved"
    charge.refresh_from_db()
    assert charge.status == "voided"


def test_what_was_refused_has_nothing_to_ask_about(
    gateway: RecordingGateway, charge: Transaction
) -> None:
    Transaction.objects.update(transaction_id=None)
    mark = gateway.mark
    with pytest.raises(InvalidTransactionError):
        charge.refresh_from_gateway()
    assert gateway.since(mark) == []


def test_a_capture_with_an_id_of_its_own_is_brought_up_to_date(
    gateway: RecordingGateway, authorization: Transaction
) -> None:
    """As gateways give captures that count each as a payment."""
    capture = authorization.capture()
    found: Any = gateway.retrieve_transaction(capture.transaction_id or "")
    Transaction.objects.filter(pk=capture.pk).update(transaction_id="CAPTURE-1")
    settled = replace(
        found,
        transaction_id="CAPTURE-1",
        kind=TransactionKind.CAPTURE,
        status=RemoteStatus.SETTLED,
        operation_key=capture.operation_key,
    )
    gateway.faults["retrieve_transaction"] = answer(settled)
    assert Transaction.retrieve("CAPTURE-1") == capture
    capture.refresh_from_db()
    assert capture.status == "settled"
