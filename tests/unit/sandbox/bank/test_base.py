"""Tokens: what a browser's form sends in place of a card number."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from django_dinero.redaction import Secret
from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.bank.enums import Check, Reason
from django_dinero.sandbox.bank.records import BankRefusal, NewCard, Token, Verdict
from tests.support.testbank import AMEX, BAD_LUHN, MASTERCARD, VISA, plain, row_of

MINUTE = 60


def minted(bank: Bank, number: str = VISA, cvv: str | None = None) -> Token:
    """A fresh token."""
    return Token(Secret(bank.mint_token(number, month=12, year=2090, cvv=cvv)))


def charge(bank: Bank, token: Token) -> Verdict:
    """Pay with a token."""
    return bank.charge(token, Decimal(5), duplicate_window=0)


def reason_of(bank: Bank, token: Token) -> Reason:
    """Why a token is refused."""
    with pytest.raises(BankRefusal) as refused:
        charge(bank, token)
    return refused.value.reason


def test_a_token_pays_once(bank: Bank) -> None:
    token = Token(Secret(bank.mint_token(AMEX, month=3, year=2089, cvv="900")), {"zip": "46217"})
    verdict = charge(bank, token)
    row = row_of(verdict)
    assert (verdict.avs, verdict.cvv, row.brand, row.last_4) == (
        *(Check.Z, Check.M, "amex", "0002"),
    )
    assert (row.month, row.year, row.billing) == (3, 2089, {"zip": "46217"})
    assert reason_of(bank, token) is Reason.TOKEN_USED


def test_a_token_becomes_a_card(bank: Bank) -> None:
    token = minted(bank, MASTERCARD)
    customer = bank.create_customer(cards=[NewCard(token, billing={"zip": "12345"})])
    (card,) = customer.cards
    assert (card.brand, card.month, card.year, card.billing) == (
        *("mastercard", 12, 2090, {"zip": "12345"}),
    )
    with pytest.raises(BankRefusal) as refused:
        bank.add_card(customer.id, NewCard(token))
    assert refused.value.reason is Reason.TOKEN_USED
    again = NewCard(replace(minted(bank, MASTERCARD), billing={"zip": "12345"}))
    with pytest.raises(BankRefusal) as refused:
        bank.add_card(customer.id, again)
    assert (refused.value.reason, refused.value.existing_id) == (Reason.DUPLICATE_CARD, card.id)


def test_a_declined_payment_spends_the_token(bank: Bank) -> None:
    token = replace(minted(bank), billing={"zip": "46282"})
    assert charge(bank, token).reason is Reason.DECLINED
    assert reason_of(bank, token) is Reason.TOKEN_USED


def test_a_token_of_a_wrong_code(bank: Bank) -> None:
    assert charge(bank, minted(bank, cvv="901")).reason is Reason.CVV
    assert charge(bank, minted(bank)).cvv is Check.P


def test_a_token_lasts_15_minutes(bank: Bank) -> None:
    first, second = minted(bank), minted(bank)
    bank.clock.advance(14 * MINUTE)
    assert charge(bank, first).approved
    bank.clock.advance(MINUTE)
    assert reason_of(bank, second) is Reason.TOKEN_EXPIRED


def test_an_unknown_token(bank: Bank) -> None:
    assert reason_of(bank, Token(Secret("no such token"))) is Reason.TOKEN_INVALID
    other = Bank()
    assert reason_of(other, minted(bank)) is Reason.TOKEN_INVALID


def test_no_token_for_a_bad_card(bank: Bank) -> None:
    with pytest.raises(BankRefusal) as refused:
        bank.mint_token(BAD_LUHN)
    assert refused.value.reason is Reason.INVALID_NUMBER
    with pytest.raises(BankRefusal) as refused:
        bank.mint_token(Secret(VISA), month=1, year=2001)
    assert refused.value.reason is Reason.EXPIRED


def test_tokens_do_not_repeat(bank: Bank) -> None:
    tokens = [bank.mint_token(VISA) for _ in range(20)]
    assert len(set(tokens)) == 20
    assert VISA not in tokens[0]


def test_a_token_and_its_number_are_the_same_payment(bank: Bank) -> None:
    assert bank.charge(plain(), Decimal(5)).approved
    assert bank.charge(minted(bank), Decimal(5)).reason is Reason.DUPLICATE
