"""Nothing that the bank hands around shows a number, a code or a key."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from decimal import Decimal

import pytest

from django_dinero.redaction import Secret
from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.bank.enums import Outcome, Reason
from django_dinero.sandbox.bank.records import (
    Account,
    BankRefusal,
    MaskedCard,
    NewCard,
    Token,
    VaultCard,
    Verdict,
)
from tests.support.testbank import VISA, plain

SECRETS = (VISA, "7391", "a-token", "sandbox-key", Account().signature_key.reveal())


@pytest.mark.parametrize(
    "value",
    [
        plain(cvv="7391"),
        NewCard(plain(cvv="7391")),
        MaskedCard("1111", cvv=Secret("7391")),
        VaultCard("1", "2", Secret("7391")),
        Token(Secret("a-token")),
        Account(),
        Bank(),
    ],
)
def test_reprs_show_no_secret(value: object) -> None:
    shown = f"{value!r} {value}"
    assert not [secret for secret in SECRETS if secret in shown]


def test_what_the_bank_answers_shows_no_secret(bank: Bank) -> None:
    customer = bank.create_customer("k", cards=[NewCard(plain(cvv="7391"))])
    verdict = bank.charge(plain(cvv="7391"), Decimal(1))
    shown = f"{customer!r} {verdict!r} {BankRefusal(Reason.DUPLICATE, verdict=verdict)!r}"
    assert not [secret for secret in SECRETS if secret in shown]


def test_a_refusal_says_why() -> None:
    refusal = BankRefusal(Reason.DUPLICATE_CARD, existing_id="7")
    assert (str(refusal), refusal.existing_id, refusal.row) == ("duplicate_card", "7", None)


def test_only_approved_is_approved() -> None:
    approved = [outcome for outcome in Outcome if Verdict(outcome).approved]
    assert approved == [Outcome.APPROVED]


def test_records_are_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        Account().currency = "EUR"  # type: ignore[misc]
