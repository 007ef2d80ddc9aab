"""Cards for the test bank, short to write."""

from __future__ import annotations

from decimal import Decimal

from django_dinero.redaction import Secret
from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.bank.enums import RowKind
from django_dinero.sandbox.bank.records import LedgerRow, NewCard, PlainCard, VaultCard, Verdict

VISA = "4111111111111111"
MASTERCARD = "5424000000000015"
AMEX = "370000000000002"
BAD_LUHN = "4111111111111112"
#: Far enough for every test that moves the bank's clock.
MONTH, YEAR = 12, 2090


def plain(number: str = VISA, cvv: str = "", **billing: str) -> PlainCard:
    """A card by its number; keywords are its billing address."""
    return PlainCard(Secret(number), MONTH, YEAR, Secret(cvv) if cvv else None, billing)


def new_card(number: str = VISA, cvv: str = "", **billing: str) -> NewCard:
    """The same for the vault."""
    return NewCard(plain(number, cvv, **billing))


def stored(bank: Bank, number: str = VISA, **billing: str) -> VaultCard:
    """A card in the vault, of a new customer."""
    customer = bank.create_customer(cards=[NewCard(plain(number, "", **billing))])
    return VaultCard(customer.id, customer.cards[0].id)


def row_of(verdict: Verdict) -> LedgerRow:
    """The row of a verdict that must have one."""
    assert verdict.row is not None
    return verdict.row


def charged(bank: Bank, amount: str = "10.00", number: str = VISA) -> LedgerRow:
    """An approved charge that is not settled yet."""
    verdict = bank.charge(plain(number), Decimal(amount), duplicate_window=0)
    assert verdict.approved
    return row_of(verdict)


def authorized(bank: Bank, amount: str = "10.00") -> LedgerRow:
    """An approved authorization."""
    verdict = bank.authorize(plain(), Decimal(amount), duplicate_window=0)
    assert verdict.approved
    return row_of(verdict)


def settled(bank: Bank, amount: str = "10.00") -> LedgerRow:
    """A charge that a batch settled."""
    row = charged(bank, amount)
    bank.settle_batch()
    return bank.retrieve_transaction(row.id)


def held(bank: Bank, kind: RowKind = RowKind.CHARGE) -> LedgerRow:
    """A payment that waits for its review."""
    bank.hold_next()
    capture = kind is RowKind.CHARGE
    return row_of(bank.charge(plain(), Decimal("10.00"), duplicate_window=0, capture=capture))
