"""The documented triggers of the test bank, by billing zip and card code."""

from __future__ import annotations

from decimal import Decimal

import pytest

from django_dinero.enums import RemoteStatus
from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.bank.enums import Check, Outcome, Reason
from django_dinero.sandbox.bank.records import Account, PlainCard, Verdict
from tests.support.testbank import AMEX, MASTERCARD, VISA, plain, row_of

TEN = Decimal("10.00")


def pay(bank: Bank, card: PlainCard, amount: Decimal = TEN) -> Verdict:
    """Charge without a duplicate window."""
    return bank.charge(card, amount, duplicate_window=0)


@pytest.mark.parametrize(
    ("zip_code", "letter"),
    [
        ("46201", Check.A),
        ("46203", Check.E),
        ("46204", Check.G),
        ("46206", Check.P),
        ("46207", Check.R),
        ("46208", Check.S),
        ("46209", Check.U),
        ("46211", Check.W),
        ("46214", Check.X),
        ("46217", Check.Z),
        ("12345", Check.Y),
        ("", Check.Y),
    ],
)
def test_zip_triggers(bank: Bank, zip_code: str, letter: Check) -> None:
    verdict = pay(bank, plain(MASTERCARD, zip=zip_code))
    assert (verdict.outcome, verdict.avs, row_of(verdict).avs) == (
        *(Outcome.APPROVED, letter, letter),
    )


@pytest.mark.parametrize(
    ("number", "zip_code", "letter"),
    [
        (AMEX, "46204", Check.Y),
        (AMEX, "46211", Check.Y),
        (AMEX, "46214", Check.Y),
        (AMEX, "46217", Check.Z),
        (VISA, "46214", Check.Y),
        (VISA, "46211", Check.W),
    ],
)
def test_networks_without_a_letter(bank: Bank, number: str, zip_code: str, letter: Check) -> None:
    assert pay(bank, plain(number, zip=zip_code)).avs is letter


@pytest.mark.parametrize(
    ("cvv", "letter"),
    [
        ("900", Check.M),
        ("902", Check.S),
        ("903", Check.U),
        ("904", Check.P),
        ("123", Check.P),
        ("", Check.P),
    ],
)
def test_card_code_triggers(bank: Bank, cvv: str, letter: Check) -> None:
    verdict = pay(bank, plain(cvv=cvv))
    assert (verdict.outcome, verdict.cvv, row_of(verdict).cvv) == (
        *(Outcome.APPROVED, letter, letter),
    )


@pytest.mark.parametrize(
    ("zip_code", "cvv", "reason", "letters"),
    [
        ("46282", "900", Reason.DECLINED, "PP"),
        ("46282", "901", Reason.DECLINED, "PP"),
        ("46205", "900", Reason.AVS, "NM"),
        ("12345", "901", Reason.CVV, "YN"),
        ("46205", "901", Reason.AVS_AND_CVV, "NN"),
    ],
)
def test_declines_are_kept(
    bank: Bank, zip_code: str, cvv: str, reason: Reason, letters: str
) -> None:
    verdict = pay(bank, plain(cvv=cvv, zip=zip_code))
    row = row_of(verdict)
    assert (verdict.outcome, verdict.reason) == (Outcome.DECLINED, reason)
    assert verdict.avs + verdict.cvv == letters
    assert (row.status, row.reason, row.amount) == (RemoteStatus.DECLINED, reason, TEN)
    assert (row.settled_amount, row.auth_code, row.network_transaction_id) == (None, "", "")
    assert bank.transactions() == (row,)


def test_the_account_says_what_it_declines() -> None:
    lenient = Bank(account=Account(reject_avs="", reject_cvv="SU"))
    assert pay(lenient, plain(cvv="901", zip="46205")).approved
    assert pay(lenient, plain(cvv="902")).reason is Reason.CVV
    strict = Bank(account=Account(reject_avs="AN"))
    assert pay(strict, plain(zip="46201")).reason is Reason.AVS


def test_a_partial_approval_is_no_success(bank: Bank) -> None:
    verdict = pay(bank, plain(zip="46225"))
    row = row_of(verdict)
    assert (verdict.outcome, verdict.reason, verdict.approved) == (
        *(Outcome.PARTIAL, Reason.PARTIAL_APPROVAL, False),
    )
    assert [str(row.amount), str(row.settled_amount)] == ["1.23", "1.23"]
    assert row.requested_amount == TEN
    assert bank.void(row.id).approved
    assert pay(bank, plain(zip="46225"), Decimal("1.23")).approved


@pytest.mark.parametrize(
    ("zip_code", "balance"), [("46226", "1.23"), ("46227", "-1.23"), ("46228", "0.00")]
)
def test_a_prepaid_card_tells_its_balance(bank: Bank, zip_code: str, balance: str) -> None:
    verdict = pay(bank, plain(zip=zip_code))
    assert verdict.approved
    assert str(verdict.balance) == balance
