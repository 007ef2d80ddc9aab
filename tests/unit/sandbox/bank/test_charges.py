"""Taking money: verdicts, triggers, the duplicate window, what is kept of a payment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from django_dinero.enums import RemoteStatus
from django_dinero.redaction import Secret
from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.bank.enums import Check, Outcome, Reason, RowKind
from django_dinero.sandbox.bank.records import (
    Account,
    BankRefusal,
    Order,
    PlainCard,
    Token,
    VaultCard,
    Verdict,
)
from tests.support.testbank import (
    AMEX,
    BAD_LUHN,
    MASTERCARD,
    VISA,
    charged,
    plain,
    row_of,
    stored,
)

TEN = Decimal("10.00")


def pay(bank: Bank, card: PlainCard | Token | VaultCard, amount: Decimal = TEN) -> Verdict:
    """Charge without a duplicate window."""
    return bank.charge(card, amount, duplicate_window=0)


def test_a_charge_is_kept_with_all_that_came_with_it(bank: Bank) -> None:
    order = Order("inv-1", "Socks", "127.0.0.1", "c-7", "bill@example.com")
    card = plain(cvv="900", zip="12345", last_name="Smith")
    verdict = bank.charge(card, Decimal("12.5"), operation_key="op-1", order=order)
    row = row_of(verdict)
    assert (verdict.outcome, verdict.reason, verdict.avs, verdict.cvv) == (
        *(Outcome.APPROVED, None, Check.Y, Check.M),
    )
    assert (row.kind, row.status) == (RowKind.CHARGE, RemoteStatus.CAPTURED)
    assert [str(row.amount), str(row.settled_amount)] == ["12.50", "12.50"]
    assert (row.currency, row.operation_key, row.invoice) == ("USD", "op-1", "inv-1")
    assert (row.description, row.customer_ip) == ("Socks", "127.0.0.1")
    assert (row.customer_reference, row.email) == ("c-7", "bill@example.com")
    assert (row.last_4, row.brand, row.month, row.year) == ("1111", "visa", 12, 2090)
    assert row.billing == {"last_name": "Smith", "zip": "12345"}
    assert bank.retrieve_transaction(row.id) == row


def test_ids_are_long_and_count_up(bank: Bank) -> None:
    first, second = charged(bank), charged(bank)
    assert len(first.id) == 11
    assert int(second.id) == int(first.id) + 1


def test_an_approval_has_codes_of_its_own(bank: Bank) -> None:
    first, second = charged(bank), charged(bank)
    assert (len(first.auth_code), len(first.network_transaction_id)) == (6, 15)
    assert first.auth_code != second.auth_code
    assert first.network_transaction_id != second.network_transaction_id


def test_authorize_takes_no_money_yet(bank: Bank) -> None:
    row = row_of(bank.authorize(plain(), TEN))
    assert (row.kind, row.status, row.settled_amount) == (
        *(RowKind.AUTHORIZATION, RemoteStatus.AUTHORIZED, None),
    )
    other = bank.charge(plain(), TEN, capture=False, duplicate_window=0)
    assert row_of(other).kind is RowKind.AUTHORIZATION


@pytest.mark.parametrize(
    "amount", ["0", "-1", "1.001", "NaN", "sNaN", "Infinity", "1000000000000", "1e-30"]
)
@pytest.mark.parametrize("verb", [Bank.charge, Bank.authorize])
def test_a_bad_amount_fails(bank: Bank, amount: str, verb: Callable[..., Verdict]) -> None:
    verdict = verb(bank, plain(MASTERCARD, address="1 Mill St", zip="1"), Decimal(amount))
    zero = amount == "0" and verb is Bank.authorize
    reason = Reason.ZERO_AMOUNT if zero else Reason.INVALID_AMOUNT
    assert verdict == Verdict(Outcome.FAILED, reason=reason)
    assert bank.transactions() == ()


def test_all_that_is_wrong_with_a_card(bank: Bank) -> None:
    old = replace(plain(BAD_LUHN), year=2001)
    verdict = bank.charge(old, TEN)
    assert (verdict.reason, verdict.also) == (Reason.INVALID_NUMBER, (Reason.EXPIRED,))


def test_a_float_is_no_amount(bank: Bank) -> None:
    with pytest.raises(TypeError, match="Decimal"):
        bank.charge(plain(), 1.5)  # type: ignore[arg-type]


def test_currencies(bank: Bank) -> None:
    verdict = bank.charge(plain(), TEN, currency="EUR")
    assert verdict == Verdict(Outcome.FAILED, reason=Reason.INVALID_CURRENCY)
    wide = Bank(account=Account(currency="JPY", currencies=("KWD",)))
    assert str(row_of(pay(wide, plain(), Decimal("500"))).amount) == "500"
    assert pay(wide, plain(), Decimal("500.5")).reason is Reason.INVALID_AMOUNT
    kuwait = wide.charge(plain(), Decimal("1.234"), currency="KWD")
    assert (str(row_of(kuwait).amount), row_of(kuwait).currency) == ("1.234", "KWD")


@pytest.mark.parametrize("number", [BAD_LUHN, "4111", "", VISA.replace("1", "\u0661")])
def test_a_bad_number_fails(bank: Bank, number: str) -> None:
    assert pay(bank, plain(number)) == Verdict(Outcome.FAILED, reason=Reason.INVALID_NUMBER)


def test_a_card_is_good_to_the_end_of_its_month(bank: Bank) -> None:
    now = bank.clock.now()
    assert pay(bank, replace(plain(), month=now.month, year=now.year)).approved
    assert pay(bank, replace(plain(), month=None, year=None)).approved
    before = replace(plain(), month=now.month, year=now.year - 1)
    assert pay(bank, before) == Verdict(Outcome.FAILED, reason=Reason.EXPIRED)
    assert bank.charge(before, TEN).reason is Reason.EXPIRED


def test_the_same_payment_again_is_a_duplicate(bank: Bank) -> None:
    card = plain(cvv="900", zip="12345")
    first = bank.charge(card, TEN, order=Order("inv-1"), operation_key="a")
    again = bank.charge(card, Decimal("10"), order=Order("inv-1"), operation_key="b")
    assert again == Verdict(Outcome.FAILED, first.row, Check.Y, Check.M, Reason.DUPLICATE)
    assert len(bank.transactions()) == 1


@pytest.mark.parametrize("field", ["first_name", "last_name", "address", "zip", "company", "city"])
def test_another_address_is_another_payment(bank: Bank, field: str) -> None:
    assert bank.charge(plain(), TEN).approved
    assert bank.charge(plain(**{field: "1"}), TEN).approved


def test_what_makes_another_payment(bank: Bank) -> None:
    assert bank.charge(plain(), TEN).approved
    assert bank.charge(plain(MASTERCARD), TEN).approved
    assert bank.charge(replace(plain(), month=11), TEN).approved
    assert bank.authorize(plain(), TEN).approved
    assert bank.charge(plain(), Decimal("10.01")).approved
    assert bank.charge(plain(), TEN, order=Order("other")).approved
    assert bank.charge(plain(), TEN, order=Order(customer_reference="c")).approved
    assert bank.charge(plain(), TEN, duplicate_window=60).approved
    assert bank.charge(stored(bank), TEN).approved
    assert bank.charge(plain(phone="555"), TEN).reason is Reason.DUPLICATE


def test_the_duplicate_window_ends(bank: Bank) -> None:
    assert bank.charge(plain(), TEN, duplicate_window=60).approved
    bank.clock.advance(59)
    assert bank.charge(plain(), TEN, duplicate_window=60).reason is Reason.DUPLICATE
    bank.clock.advance(2)
    assert bank.charge(plain(), TEN, duplicate_window=60).approved


def test_the_duplicate_window_of_the_account(bank: Bank) -> None:
    assert bank.charge(plain(), TEN).approved
    assert bank.charge(plain(), TEN, duplicate_window=120).reason is Reason.DUPLICATE
    off = Bank(account=Account(duplicate_window=0))
    assert off.charge(plain(), TEN).approved
    assert off.charge(plain(), TEN).approved


def test_a_declined_payment_repeated_is_a_duplicate(bank: Bank) -> None:
    first = bank.charge(plain(zip="46282"), TEN)
    again = bank.charge(plain(zip="46282"), TEN)
    assert (again.outcome, again.row) == (Outcome.FAILED, first.row)


def test_a_stored_card(bank: Bank) -> None:
    card = stored(bank, AMEX, zip="46217")
    row = row_of(pay(bank, card))
    assert (row.customer_id, row.card_id) == (card.customer_id, card.card_id)
    assert (row.last_4, row.brand, row.avs) == ("0002", "amex", Check.Z)
    default = pay(bank, VaultCard(card.customer_id))
    assert row_of(default).card_id == card.card_id


def test_a_stored_card_has_no_code_of_its_own(bank: Bank) -> None:
    customer = bank.create_customer(cards=[])
    with pytest.raises(BankRefusal) as refused:
        pay(bank, VaultCard(customer.id))
    assert refused.value.reason is Reason.CARD_NOT_FOUND
    card = stored(bank)
    assert pay(bank, card).cvv is Check.P
    assert pay(bank, replace(card, cvv=Secret("901"))).reason is Reason.CVV


@pytest.mark.parametrize(
    ("customer", "card", "reason"),
    [
        ("1", "1", Reason.CUSTOMER_NOT_FOUND),
        ("x", "", Reason.CUSTOMER_NOT_FOUND),
        (None, "1", Reason.CARD_NOT_FOUND),
    ],
)
def test_no_such_card(bank: Bank, customer: str | None, card: str, reason: Reason) -> None:
    known = stored(bank)
    with pytest.raises(BankRefusal) as refused:
        pay(bank, VaultCard(customer or known.customer_id, card))
    assert refused.value.reason is reason


def test_a_card_of_another_customer_is_not_found(bank: Bank) -> None:
    mine, other = stored(bank), stored(bank)
    with pytest.raises(BankRefusal) as refused:
        pay(bank, VaultCard(mine.customer_id, other.card_id))
    assert refused.value.reason is Reason.CARD_NOT_FOUND


def test_held_payments(bank: Bank) -> None:
    bank.hold_next()
    declined = pay(bank, plain(zip="46282"))
    assert declined.outcome is Outcome.DECLINED
    held = pay(bank, plain())
    row = row_of(held)
    assert (held.outcome, held.reason, row.status) == (
        Outcome.HELD,
        Reason.HELD,
        RemoteStatus.HELD,
    )
    assert (row.settled_amount, row.reason) == (None, Reason.HELD)
    assert row.auth_code
    assert pay(bank, plain()).approved
    bank.hold_next(2)
    outcomes = [pay(bank, plain()).outcome for _ in range(3)]
    assert outcomes == [Outcome.HELD, Outcome.HELD, Outcome.APPROVED]
