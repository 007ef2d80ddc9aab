"""What an earlier payment allows no more, or not at all: by its age, its currency, a repetition."""

from __future__ import annotations

from decimal import Decimal

import pytest

from django_dinero.enums import RemoteStatus
from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.bank.enums import Outcome, Reason
from django_dinero.sandbox.bank.records import Order, Verdict
from tests.support.testbank import authorized, held, settled

DAY = 86_400


def reason_of(verdict: Verdict) -> Reason | None:
    """The reason of a verdict that failed."""
    assert verdict.outcome is Outcome.FAILED
    return verdict.reason


def test_a_refund_years_later(bank: Bank) -> None:
    early, late = settled(bank), settled(bank, "20.00")
    bank.clock.advance(180 * DAY - 60)
    assert bank.refund(early.id).approved
    bank.clock.advance(120)
    assert reason_of(bank.refund(late.id)) is Reason.NOT_REFUNDABLE


def test_nothing_is_done_to_what_has_lapsed(bank: Bank) -> None:
    row, waiting = authorized(bank), held(bank)
    bank.clock.advance(30 * DAY)
    assert reason_of(bank.void(row.id)) is Reason.NOT_VOIDABLE
    assert reason_of(bank.decide_review(waiting.id, approve=True)) is Reason.NOT_HELD
    for each in (row, waiting):
        assert bank.retrieve_transaction(each.id).status is RemoteStatus.EXPIRED


@pytest.mark.parametrize("currency", ["EUR", "usd"])
def test_another_currency_than_the_payments(bank: Bank, currency: str) -> None:
    row, paid = authorized(bank), settled(bank, "20.00")
    assert reason_of(bank.capture(row.id, currency=currency)) is Reason.INVALID_CURRENCY
    assert reason_of(bank.refund(paid.id, currency=currency)) is Reason.INVALID_CURRENCY
    assert bank.capture(row.id, currency="USD").approved
    assert bank.refund(paid.id, currency="USD").approved


def test_another_invoice_is_another_refund(bank: Bank) -> None:
    paid = settled(bank)
    for invoice in ("A", "B"):
        order = Order(invoice=invoice)
        assert bank.refund(paid.id, Decimal(1), order=order).approved
        assert reason_of(bank.refund(paid.id, Decimal(1), order=order)) is Reason.DUPLICATE
