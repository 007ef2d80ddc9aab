"""Taking money: verdicts, triggers, the duplicate window, what is kept of a payment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from django_dinero.sandbox.bank import Bank
from django_dinero.sandbox.records import (
    Account,
    BankRefusal,
    Check,
    Kind,
    Order,
    Outcome,
    PlainCard,
    Reason,
    Status,
    Token,
    VaultCard,
    Verdict,
)
from django_dinero.secrets import Secret
from tests.support.testbank import (
    AMEX,
    BAD_LUHN,
    MASTERCARD,
    VISA,
    charged,
    entry_of,
    plain,
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
    entry = entry_of(verdict)
    assert (verdict.outcome, verdict.reason, verdict.avs, verdict.cvv) == (
        *(Outcome.approved, None, Check.Y, Check.M),
    )
    assert (entry.kind, entry.status) == (Kind.charge, Status.captured)
    assert [str(entry.amount), str(entry.settled_amount)] == ["12.50", "12.50"]
    assert (entry.currency, entry.operation_key, entry.invoice) == ("USD", "op-1", "inv-1")
    assert (entry.description, entry.customer_ip) == ("Socks", "127.0.0.1")
    assert (entry.customer_reference, entry.email) == ("c-7", "bill@example.com")
    assert (entry.last_4, entry.brand, entry.month, entry.year) == ("1111", "visa", 12, 2090)
    assert entry.billing == {"last_name": "Smith", "zip": "12345"}
    assert bank.retrieve_transaction(entry.id) == entry


def test_ids_are_long_and_count_up(bank: Bank) -> None:
    first, second = charged(bank), charged(bank)
    assert (len(first.id), first.id[:3]) == (11, "600")
    assert int(second.id) == int(first.id) + 1


def test_an_approval_has_codes_of_its_own(bank: Bank) -> None:
    first, second = charged(bank), charged(bank)
    assert (len(first.auth_code), len(first.network_transaction_id)) == (6, 15)
    assert first.auth_code != second.auth_code
    assert first.network_transaction_id != second.network_transaction_id


def test_authorize_takes_no_money_yet(bank: Bank) -> None:
    entry = entry_of(bank.authorize(plain(), TEN))
    assert (entry.kind, entry.status, entry.settled_amount) == (
        *(Kind.authorization, Status.authorized, None),
    )
    other = bank.charge(plain(), TEN, settle=False, duplicate_window=0)
    assert entry_of(other).kind is Kind.authorization


@pytest.mark.parametrize(
    "amount", ["0", "-1", "1.001", "NaN", "sNaN", "Infinity", "1000000000000", "1e-30"]
)
@pytest.mark.parametrize("verb", [Bank.charge, Bank.authorize])
def test_a_bad_amount_fails(bank: Bank, amount: str, verb: Callable[..., Verdict]) -> None:
    verdict = verb(bank, plain(), Decimal(amount))
    assert verdict == Verdict(Outcome.failed, reason=Reason.invalid_amount)
    assert bank.transactions() == ()


def test_a_float_is_no_amount(bank: Bank) -> None:
    with pytest.raises(TypeError, match="Decimal"):
        bank.charge(plain(), 1.5)  # type: ignore[arg-type]


def test_currencies(bank: Bank) -> None:
    verdict = bank.charge(plain(), TEN, currency="EUR")
    assert verdict == Verdict(Outcome.failed, reason=Reason.invalid_currency)
    wide = Bank(account=Account(currency="JPY", currencies=("KWD",)))
    assert str(entry_of(pay(wide, plain(), Decimal("500"))).amount) == "500"
    assert pay(wide, plain(), Decimal("500.5")).reason is Reason.invalid_amount
    kuwait = wide.charge(plain(), Decimal("1.234"), currency="KWD")
    assert (str(entry_of(kuwait).amount), entry_of(kuwait).currency) == ("1.234", "KWD")


@pytest.mark.parametrize("number", [BAD_LUHN, "4111", "", VISA.replace("1", "\u0661")])
def test_a_bad_number_fails(bank: Bank, number: str) -> None:
    assert pay(bank, plain(number)) == Verdict(Outcome.failed, reason=Reason.invalid_number)


def test_a_card_is_good_to_the_end_of_its_month(bank: Bank) -> None:
    now = bank.clock.now()
    assert pay(bank, replace(plain(), month=now.month, year=now.year)).approved
    assert pay(bank, replace(plain(), month=None, year=None)).approved
    before = replace(plain(), month=now.month, year=now.year - 1)
    assert pay(bank, before) == Verdict(Outcome.failed, reason=Reason.expired)
    assert bank.charge(before, TEN).reason is Reason.expired


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
    assert (verdict.outcome, verdict.avs, entry_of(verdict).avs) == (
        *(Outcome.approved, letter, letter),
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
    assert (verdict.outcome, verdict.cvv, entry_of(verdict).cvv) == (
        *(Outcome.approved, letter, letter),
    )


@pytest.mark.parametrize(
    ("zip_code", "cvv", "reason", "letters"),
    [
        ("46282", "900", Reason.declined, "PP"),
        ("46282", "901", Reason.declined, "PP"),
        ("46205", "900", Reason.avs, "NM"),
        ("12345", "901", Reason.cvv, "YN"),
        ("46205", "901", Reason.avs_and_cvv, "NN"),
    ],
)
def test_declines_are_kept(
    bank: Bank, zip_code: str, cvv: str, reason: Reason, letters: str
) -> None:
    verdict = pay(bank, plain(cvv=cvv, zip=zip_code))
    entry = entry_of(verdict)
    assert (verdict.outcome, verdict.reason) == (Outcome.declined, reason)
    assert verdict.avs + verdict.cvv == letters
    assert (entry.status, entry.reason, entry.amount) == (Status.declined, reason, TEN)
    assert (entry.settled_amount, entry.auth_code, entry.network_transaction_id) == (None, "", "")
    assert bank.transactions() == (entry,)


def test_the_account_says_what_it_declines() -> None:
    lenient = Bank(account=Account(reject_avs="", reject_cvv="SU"))
    assert pay(lenient, plain(cvv="901", zip="46205")).approved
    assert pay(lenient, plain(cvv="902")).reason is Reason.cvv
    strict = Bank(account=Account(reject_avs="AN"))
    assert pay(strict, plain(zip="46201")).reason is Reason.avs


def test_a_partial_approval_is_no_success(bank: Bank) -> None:
    verdict = pay(bank, plain(zip="46225"))
    entry = entry_of(verdict)
    assert (verdict.outcome, verdict.reason, verdict.approved) == (
        *(Outcome.partial, Reason.partial_approval, False),
    )
    assert [str(entry.amount), str(entry.settled_amount)] == ["1.23", "1.23"]
    assert entry.requested_amount == TEN
    assert bank.void(entry.id).approved
    assert pay(bank, plain(zip="46225"), Decimal("1.23")).approved


@pytest.mark.parametrize(
    ("zip_code", "balance"), [("46226", "1.23"), ("46227", "-1.23"), ("46228", "0.00")]
)
def test_a_prepaid_card_tells_its_balance(bank: Bank, zip_code: str, balance: str) -> None:
    verdict = pay(bank, plain(zip=zip_code))
    assert verdict.approved
    assert str(verdict.balance) == balance


def test_the_same_payment_again_is_a_duplicate(bank: Bank) -> None:
    card = plain(cvv="900", zip="12345")
    first = bank.charge(card, TEN, order=Order("inv-1"), operation_key="a")
    again = bank.charge(card, Decimal("10"), order=Order("inv-1"), operation_key="b")
    assert again == Verdict(Outcome.failed, first.entry, Check.Y, Check.M, Reason.duplicate)
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
    assert bank.charge(plain(phone="555"), TEN).reason is Reason.duplicate


def test_the_duplicate_window_ends(bank: Bank) -> None:
    assert bank.charge(plain(), TEN, duplicate_window=60).approved
    bank.clock.advance(59)
    assert bank.charge(plain(), TEN, duplicate_window=60).reason is Reason.duplicate
    bank.clock.advance(2)
    assert bank.charge(plain(), TEN, duplicate_window=60).approved


def test_the_duplicate_window_of_the_account(bank: Bank) -> None:
    assert bank.charge(plain(), TEN).approved
    assert bank.charge(plain(), TEN, duplicate_window=120).reason is Reason.duplicate
    off = Bank(account=Account(duplicate_window=0))
    assert off.charge(plain(), TEN).approved
    assert off.charge(plain(), TEN).approved


def test_a_declined_payment_repeated_is_a_duplicate(bank: Bank) -> None:
    first = bank.charge(plain(zip="46282"), TEN)
    again = bank.charge(plain(zip="46282"), TEN)
    assert (again.outcome, again.entry) == (Outcome.failed, first.entry)


def test_a_stored_card(bank: Bank) -> None:
    card = stored(bank, AMEX, zip="46217")
    entry = entry_of(pay(bank, card))
    assert (entry.customer_id, entry.card_id) == (card.customer_id, card.card_id)
    assert (entry.last_4, entry.brand, entry.avs) == ("0002", "amex", Check.Z)
    default = pay(bank, VaultCard(card.customer_id))
    assert entry_of(default).card_id == card.card_id


def test_a_stored_card_has_no_code_of_its_own(bank: Bank) -> None:
    customer = bank.create_customer(cards=[])
    with pytest.raises(BankRefusal) as refused:
        pay(bank, VaultCard(customer.id))
    assert refused.value.reason is Reason.card_not_found
    card = stored(bank)
    assert pay(bank, card).cvv is Check.P
    assert pay(bank, replace(card, cvv=Secret("901"))).reason is Reason.cvv


@pytest.mark.parametrize(
    ("customer", "card", "reason"),
    [
        ("1", "1", Reason.customer_not_found),
        ("x", "", Reason.customer_not_found),
        (None, "1", Reason.card_not_found),
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
    assert refused.value.reason is Reason.card_not_found


def test_held_payments(bank: Bank) -> None:
    bank.hold_next()
    declined = pay(bank, plain(zip="46282"))
    assert declined.outcome is Outcome.declined
    held = pay(bank, plain())
    entry = entry_of(held)
    assert (held.outcome, held.reason, entry.status) == (Outcome.held, Reason.held, Status.held)
    assert (entry.settled_amount, entry.reason) == (None, Reason.held)
    assert entry.auth_code
    assert pay(bank, plain()).approved
    bank.hold_next(2)
    outcomes = [pay(bank, plain()).outcome for _ in range(3)]
    assert outcomes == [Outcome.held, Outcome.held, Outcome.approved]
