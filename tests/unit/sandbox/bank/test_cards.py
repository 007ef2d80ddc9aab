"""Cards in the vault: checks, duplicates, limits, replacement."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from functools import partial

import pytest

from django_dinero.enums import RemoteStatus
from django_dinero.redaction import Secret
from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.bank.enums import Check, Outcome, Reason, RowKind, Validation
from django_dinero.sandbox.bank.records import (
    BankRefusal,
    MaskedCard,
    NewCard,
    PaidCard,
    PlainCard,
    Token,
    Verdict,
)
from tests.support.testbank import (
    AMEX,
    BAD_LUHN,
    MASTERCARD,
    VISA,
    new_card,
    plain,
    row_of,
    stored,
)

HOME = {"first_name": "Bill", "last_name": "Smith", "address": "123 Elm St", "zip": "12345"}


def refusal(call: Callable[[], object]) -> BankRefusal:
    """What a call is refused with."""
    with pytest.raises(BankRefusal) as refused:
        call()
    return refused.value


@pytest.fixture
def customer(bank: Bank) -> str:
    """The id of a customer without cards."""
    return bank.create_customer("k").id


def test_a_card_is_kept_without_its_number(bank: Bank, customer: str) -> None:
    card = bank.add_card(customer, new_card(AMEX, cvv="900", **HOME))
    assert (card.customer_id, card.last_4, card.brand) == (customer, "0002", "amex")
    assert (card.month, card.year, card.billing) == (12, 2090, HOME)
    assert (card.is_default, card.validation) == (True, None)
    assert bank.card(customer, card.id) == card
    assert bank.customer(customer).cards == (card,)


def test_billing_beside_the_card(bank: Bank, customer: str) -> None:
    card = bank.add_card(customer, NewCard(plain(zip="1"), billing={"city": "Berlin", "zip": ""}))
    assert card.billing == {"city": "Berlin"}


def test_a_billing_field_that_no_address_has(bank: Bank, customer: str) -> None:
    with pytest.raises(ValueError, match="postcode"):
        bank.add_card(customer, new_card(postcode="1"))
    assert bank.customer(customer).cards == ()


def test_the_default_moves(bank: Bank, customer: str) -> None:
    first = bank.add_card(customer, new_card())
    second = bank.add_card(customer, NewCard(plain(AMEX), is_default=True))
    assert second.is_default
    assert not bank.card(customer, first.id).is_default
    bank.update_card(customer, first.id, MaskedCard("1111"), is_default=True)
    assert [card.is_default for card in bank.customer(customer).cards] == [True, False]
    bank.update_card(customer, first.id, MaskedCard("1111"), is_default=False)
    assert [card.is_default for card in bank.customer(customer).cards] == [True, False]
    bank.delete_card(customer, first.id)
    assert [card.is_default for card in bank.customer(customer).cards] == [False]


def test_the_same_card_twice(bank: Bank, customer: str) -> None:
    card = bank.add_card(customer, new_card(**HOME))
    other_date = replace(plain(**HOME), month=1, year=2080)
    refused = refusal(lambda: bank.add_card(customer, NewCard(other_date)))
    assert (refused.reason, refused.existing_id) == (Reason.DUPLICATE_CARD, card.id)
    city = refusal(lambda: bank.add_card(customer, new_card(**HOME, city="Berlin")))
    assert city.reason is Reason.DUPLICATE_CARD
    assert bank.customer(customer).cards == (card,)


@pytest.mark.parametrize("name", sorted(HOME))
def test_another_name_or_address_is_another_card(bank: Bank, customer: str, name: str) -> None:
    bank.add_card(customer, new_card(**HOME))
    bank.add_card(customer, new_card(**{**HOME, name: "other"}))
    bank.add_card(customer, new_card(**{**HOME, name: ""}))
    assert len(bank.customer(customer).cards) == 3


def test_the_same_card_elsewhere(bank: Bank, customer: str) -> None:
    stored(bank)
    first = bank.add_card(customer, new_card())
    bank.add_card(customer, new_card(MASTERCARD))
    bank.delete_card(customer, first.id)
    assert bank.add_card(customer, new_card()).id != first.id


def test_the_limit(bank: Bank, customer: str) -> None:
    for number in range(10):
        bank.add_card(customer, new_card(zip=str(number)))
    refused = refusal(lambda: bank.add_card(customer, new_card(zip="10")))
    assert refused.reason is Reason.CARD_LIMIT
    again = refusal(lambda: bank.add_card(customer, new_card(zip="1")))
    assert again.reason is Reason.DUPLICATE_CARD
    assert len(bank.customer(customer).cards) == 10


# -- Checks ---------------------------------------------------------------------------------------


def test_without_a_check_anything_is_stored(bank: Bank, customer: str) -> None:
    old = replace(plain(BAD_LUHN), year=2001)
    card = bank.add_card(customer, NewCard(old))
    assert (card.last_4, card.year, card.validation) == ("1112", 2001, None)
    assert bank.validate_card(customer, card.id, Validation.NONE) == Verdict(Outcome.APPROVED)
    test = bank.validate_card(customer, card.id, Validation.TEST)
    number, date = Reason.INVALID_NUMBER, Reason.EXPIRED
    assert test == Verdict(Outcome.FAILED, reason=number, also=(date,))


@pytest.mark.parametrize("mode", [Validation.TEST, Validation.LIVE])
@pytest.mark.parametrize(
    ("card", "reason"),
    [
        (plain(BAD_LUHN), Reason.INVALID_NUMBER),
        (replace(plain(), year=2001), Reason.EXPIRED),
    ],
)
def test_a_card_that_fails_is_not_stored(
    bank: Bank, customer: str, mode: Validation, card: PlainCard, reason: Reason
) -> None:
    refused = refusal(lambda: bank.add_card(customer, NewCard(card), mode))
    assert (refused.reason, refused.row) == (reason, None)
    assert refused.verdict == Verdict(Outcome.FAILED, reason=reason)
    assert bank.customer(customer).cards == ()


@pytest.mark.parametrize(
    ("card", "reason"),
    [
        (plain(zip="46282"), Reason.DECLINED),
        (plain(zip="46205"), Reason.AVS),
        (plain(cvv="901"), Reason.CVV),
        (plain(cvv="901", zip="46205"), Reason.AVS_AND_CVV),
    ],
)
def test_only_a_live_check_asks_the_cards_bank(
    bank: Bank, customer: str, card: PlainCard, reason: Reason
) -> None:
    refused = refusal(lambda: bank.add_card(customer, NewCard(card), Validation.LIVE))
    assert refused.reason is reason
    assert refused.verdict is not None
    assert (refused.verdict.outcome, refused.verdict.row) == (Outcome.DECLINED, refused.row)
    assert bank.customer(customer).cards == ()
    (row,) = bank.transactions(validations=True)
    assert (row, row.status, row.reason) == (refused.row, RemoteStatus.DECLINED, reason)
    accepted = bank.add_card(customer, NewCard(card), Validation.TEST)
    assert accepted.validation == Verdict(Outcome.APPROVED)


@pytest.mark.parametrize(("number", "amount"), [(VISA, "0.00"), (AMEX, "0.01")])
def test_a_live_check_leaves_a_voided_entry(
    bank: Bank, customer: str, number: str, amount: str
) -> None:
    card = bank.add_card(customer, new_card(number, cvv="900", **HOME), Validation.LIVE)
    assert card.validation is not None
    assert (card.validation.avs, card.validation.cvv) == (Check.Y, Check.M)
    row = row_of(card.validation)
    assert (row.kind, row.status, str(row.amount)) == (
        *(RowKind.VALIDATION, RemoteStatus.VOIDED, amount),
    )
    assert row.auth_code
    assert bank.retrieve_transaction(row.id) == row


def test_the_check_runs_before_duplicate_and_limit(bank: Bank, customer: str) -> None:
    for number in range(10):
        bank.add_card(customer, new_card(zip=str(number)))
    for zip_code, reason in (("1", Reason.DUPLICATE_CARD), ("10", Reason.CARD_LIMIT)):
        card = new_card(zip=zip_code)
        refused = refusal(partial(bank.add_card, customer, card, Validation.LIVE))
        assert refused.reason is reason
        assert refused.verdict is not None
        assert bank.retrieve_transaction(row_of(refused.verdict).id) == refused.verdict.row
    bad = NewCard(plain(BAD_LUHN))
    assert refusal(lambda: bank.add_card(customer, bad, Validation.TEST)).reason is (
        Reason.INVALID_NUMBER
    )


def test_a_stored_card_checked_again(bank: Bank) -> None:
    card = stored(bank, zip="46217")
    verdict = bank.validate_card(card.customer_id, card.card_id)
    assert (verdict.outcome, verdict.avs, verdict.cvv) == (Outcome.APPROVED, Check.Z, Check.P)
    assert row_of(verdict).card_id == card.card_id
    wrong = bank.validate_card(card.customer_id, card.card_id, cvv=Secret("901"))
    assert (wrong.outcome, wrong.reason) == (Outcome.DECLINED, Reason.CVV)


# -- Replacement ----------------------------------------------------------------------------------


def test_an_update_replaces_the_whole_billing(bank: Bank, customer: str) -> None:
    card = bank.add_card(customer, new_card(**HOME))
    changed = bank.update_card(customer, card.id, MaskedCard("1111"), {"city": "Berlin"})
    assert (changed.id, changed.billing) == (card.id, {"city": "Berlin"})
    assert (changed.last_4, changed.month, changed.year) == ("1111", 12, 2090)
    assert bank.card(customer, card.id) == changed
    bare = bank.update_card(customer, card.id, MaskedCard("1111", 1, 2080))
    assert (bare.billing, bare.month, bare.year) == ({}, 1, 2080)


def test_a_mask_must_be_that_of_the_card(bank: Bank, customer: str) -> None:
    card = bank.add_card(customer, new_card(**HOME))
    refused = refusal(lambda: bank.update_card(customer, card.id, MaskedCard("0002")))
    assert refused.reason is Reason.MASKED_MISMATCH
    assert bank.card(customer, card.id) == card


def test_a_new_number_keeps_the_id(bank: Bank, customer: str) -> None:
    card = bank.add_card(customer, new_card(**HOME))
    changed = bank.update_card(customer, card.id, plain(AMEX, city="Bonn"))
    assert (changed.id, changed.last_4, changed.brand) == (card.id, "0002", "amex")
    assert (changed.billing, changed.is_default) == ({"city": "Bonn"}, True)
    other = bank.update_card(customer, card.id, plain(AMEX, city="Bonn"), {"city": "Ulm"})
    assert other.billing == {"city": "Ulm"}
    token = Token(Secret(bank.mint_token(MASTERCARD, month=1, year=2080)), {"zip": "9"})
    last = bank.update_card(customer, card.id, token)
    assert (last.brand, last.month, last.year, last.billing) == (
        *("mastercard", 1, 2080, {"zip": "9"}),
    )


def test_an_update_is_checked_too(bank: Bank, customer: str) -> None:
    card = bank.add_card(customer, new_card(**HOME))
    old = MaskedCard("1111", 1, 2001)
    refused = refusal(
        lambda: bank.update_card(customer, card.id, old, HOME, validation=Validation.TEST)
    )
    assert refused.reason is Reason.EXPIRED
    wrong = MaskedCard("1111", cvv=Secret("901"))
    declined = refusal(
        lambda: bank.update_card(customer, card.id, wrong, HOME, validation=Validation.LIVE)
    )
    assert declined.reason is Reason.CVV
    assert bank.card(customer, card.id) == card
    fine = bank.update_card(customer, card.id, MaskedCard("1111"), HOME, validation=Validation.LIVE)
    assert fine.validation is not None
    assert row_of(fine.validation).card_id == card.id


def test_an_update_makes_no_duplicate(bank: Bank, customer: str) -> None:
    first = bank.add_card(customer, new_card(**HOME))
    second = bank.add_card(customer, new_card(AMEX, **HOME))
    refused = refusal(lambda: bank.update_card(customer, second.id, plain(**HOME)))
    assert (refused.reason, refused.existing_id) == (Reason.DUPLICATE_CARD, first.id)
    assert bank.update_card(customer, first.id, plain(**HOME)) == first


def test_an_unknown_card(bank: Bank, customer: str) -> None:
    other = stored(bank)
    for card_id in ("1", "", other.card_id):
        calls: list[Callable[[], object]] = [
            partial(bank.card, customer, card_id),
            partial(bank.update_card, customer, card_id, plain()),
            partial(bank.delete_card, customer, card_id),
            partial(bank.validate_card, customer, card_id),
        ]
        assert {refusal(call).reason for call in calls} == {Reason.CARD_NOT_FOUND}


def test_a_deleted_card_is_gone(bank: Bank) -> None:
    card = stored(bank)
    bank.delete_card(card.customer_id, card.card_id)
    for call in (bank.card, bank.delete_card):
        refused = refusal(partial(call, card.customer_id, card.card_id))
        assert refused.reason is Reason.CARD_NOT_FOUND
    assert refusal(lambda: bank.charge(card, Decimal(1))).reason is Reason.CARD_NOT_FOUND


def test_the_first_six_digits_are_kept(bank: Bank, customer: str) -> None:
    card = bank.add_card(customer, new_card(MASTERCARD))
    assert card.issuer_number == "542400"
    token = Token(Secret(bank.mint_token(AMEX, month=1, year=2080)))
    assert bank.add_card(customer, NewCard(token)).issuer_number == "370000"
    paid = bank.charge(plain("4007000000027"), Decimal("1.00"))
    assert paid.row is not None
    assert bank.add_card(customer, NewCard(PaidCard(paid.row.id))).issuer_number == "400700"


@pytest.mark.parametrize("number", ["4111", "41111111111", "not a number"])
def test_of_what_is_no_card_nothing_more_is_kept(bank: Bank, customer: str, number: str) -> None:
    assert bank.add_card(customer, new_card(number)).issuer_number == ""


def test_the_customer_type_is_replaced_with_the_card(bank: Bank, customer: str) -> None:
    card = bank.add_card(customer, replace(new_card(), customer_type="business"))
    assert bank.card(customer, card.id).customer_type == "business"
    changed = bank.update_card(customer, card.id, MaskedCard("1111"))
    assert (changed.customer_type, changed.issuer_number) == ("", "411111")
