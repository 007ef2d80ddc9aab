"""Authorizations of nothing, money taken on a code of elsewhere, credits without a payment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from django_dinero.enums import RemoteStatus
from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.bank.enums import Check, Outcome, Reason, RowKind
from django_dinero.sandbox.bank.records import BankRefusal, VaultCard, Verdict
from django_dinero.sandbox.bank.totals import sums
from tests.support.testbank import AMEX, BAD_LUHN, MASTERCARD, VISA, plain, row_of, stored

ZERO, TEN = Decimal("0.00"), Decimal("10.00")
HOME = {"address": "1 Mill St", "zip": "12180"}


def capture_only(bank: Bank, amount: Decimal = TEN, number: str = VISA) -> Verdict:
    """Take money on the code ABC123."""
    return bank.capture_only(plain(number), amount, auth_code="ABC123", operation_key="op-1")


# -- Nothing --------------------------------------------------------------------------------------


def test_nothing_is_authorized_with_a_visa_and_an_address(bank: Bank) -> None:
    verdict = bank.authorize(plain(cvv="900", **HOME), ZERO)
    row = row_of(verdict)
    assert (verdict.outcome, verdict.avs, verdict.cvv) == (Outcome.APPROVED, Check.Y, Check.M)
    assert (row.status, str(row.amount)) == (RemoteStatus.AUTHORIZED, "0.00")
    assert bank.void(row.id).approved


@pytest.mark.parametrize("missing", ["address", "zip"])
@pytest.mark.parametrize("number", [VISA, AMEX])
def test_nothing_needs_an_address(bank: Bank, number: str, missing: str) -> None:
    given = {name: text for name, text in HOME.items() if name != missing}
    verdict = bank.authorize(plain(number, **given), ZERO)
    assert verdict == Verdict(Outcome.FAILED, reason=Reason.MISSING_ADDRESS)


@pytest.mark.parametrize("number", [MASTERCARD, AMEX])
def test_nothing_needs_a_visa(bank: Bank, number: str) -> None:
    verdict = bank.authorize(plain(number, **HOME), ZERO)
    assert verdict == Verdict(Outcome.FAILED, reason=Reason.ZERO_AMOUNT)


def test_nothing_is_declined_as_any_amount_is(bank: Bank) -> None:
    verdict = bank.authorize(plain(address="1 Mill St", zip="46282"), ZERO)
    assert (verdict.outcome, verdict.reason) == (Outcome.DECLINED, Reason.DECLINED)


def test_nothing_cannot_be_captured(bank: Bank) -> None:
    row = row_of(bank.authorize(plain(**HOME), ZERO))
    assert bank.capture(row.id).reason is Reason.INVALID_AMOUNT
    assert bank.capture(row.id, TEN).reason is Reason.CAPTURE_EXCEEDS_AUTHORIZATION


# -- Approved elsewhere ---------------------------------------------------------------------------


def test_money_is_taken_on_a_code_of_elsewhere(bank: Bank) -> None:
    verdict = capture_only(bank)
    row = row_of(verdict)
    assert (row.kind, row.status) == (RowKind.CAPTURE_ONLY, RemoteStatus.CAPTURED)
    assert (row.auth_code, row.network_transaction_id) == ("ABC123", "")
    assert (row.operation_key, row.settled_amount, verdict.balance) == ("op-1", TEN, None)
    assert bank.retrieve_transaction(row.id) == row


def test_the_banks_own_rules_do_not_ask_again(bank: Bank) -> None:
    bank.hold_next()
    card = plain(cvv="901", zip="46225", address="1 Mill St")
    verdict = bank.capture_only(card, TEN, auth_code="ABC123")
    assert (verdict.outcome, verdict.avs, verdict.cvv) == (Outcome.APPROVED, Check.P, Check.P)
    assert row_of(verdict).amount == TEN
    assert bank.charge(plain(), TEN).outcome is Outcome.HELD


def test_it_is_settled_refunded_and_disputed_as_a_charge(bank: Bank) -> None:
    row, other = row_of(capture_only(bank)), row_of(capture_only(bank, Decimal("9.00")))
    assert bank.refund(row.id).reason is Reason.REFUND_NOT_SETTLED
    bank.settle_batch()
    assert bank.refund(row.id, Decimal("4.00")).approved
    assert bank.chargeback(other.id).status is RemoteStatus.CHARGED_BACK
    assert bank.capture(row.id).reason is Reason.ALREADY_CAPTURED


def test_it_can_be_voided(bank: Bank) -> None:
    assert bank.void(row_of(capture_only(bank)).id).approved


# -- Credits --------------------------------------------------------------------------------------


def test_a_credit_has_no_payment(bank: Bank) -> None:
    verdict = bank.credit(plain(), TEN, operation_key="op-2")
    row = row_of(verdict)
    assert (row.kind, row.status) == (RowKind.REFUND, RemoteStatus.CAPTURED)
    assert (row.parent_id, row.auth_code, row.operation_key) == ("", "", "op-2")
    assert (row.settled_amount, verdict.avs) == (TEN, Check.P)
    assert bank.refund(row.id).reason is Reason.NOT_REFUNDABLE


def test_a_credit_to_a_stored_card(bank: Bank) -> None:
    card = stored(bank)
    row = row_of(bank.credit(card, TEN))
    assert (row.customer_id, row.card_id) == (card.customer_id, card.card_id)
    with pytest.raises(BankRefusal):
        bank.credit(VaultCard(card.customer_id, "1"), TEN)


def test_a_credit_settles_and_nobody_disputes_it(bank: Bank) -> None:
    row = row_of(bank.credit(plain(), TEN))
    assert bank.settle_batch().count == 1
    with pytest.raises(BankRefusal) as caught:
        bank.chargeback(row.id)
    assert caught.value.reason is Reason.NOT_SETTLED


# -- Both -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", [capture_only, lambda bank: bank.credit(plain(), TEN)])
def test_the_same_again_is_a_duplicate(bank: Bank, verb: Callable[[Bank], Verdict]) -> None:
    first, again = verb(bank), verb(bank)
    assert (again.reason, again.row) == (Reason.DUPLICATE, first.row)
    # A charge of the same amount with the same card is something else.
    assert bank.charge(plain(), TEN).approved


def test_a_card_is_refused_by_its_form(bank: Bank) -> None:
    old = replace(plain(BAD_LUHN), year=2001)
    both = Verdict(Outcome.FAILED, reason=Reason.INVALID_NUMBER, also=(Reason.EXPIRED,))
    assert bank.credit(old, TEN) == bank.capture_only(old, TEN, auth_code="1") == both
    assert bank.credit(plain(), ZERO).reason is Reason.INVALID_AMOUNT
    assert capture_only(bank, ZERO).reason is Reason.INVALID_AMOUNT


def test_the_sums_count_them(store_path: Path) -> None:
    bank = Bank(store_path)
    capture_only(bank)
    bank.credit(plain(), Decimal("3.00"))
    bank.authorize(plain(**HOME), ZERO)
    bank.close()
    found = sums(store_path)["USD"]
    assert found["charged"] == {"count": 1, "sum": "10.00"}
    assert found["refunded"] == {"count": 1, "sum": "3.00"}
    assert found["authorized"] == {"count": 1, "sum": "0.00"}
