"""Cards and addresses, from the gateway's elements to the bank's records and back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from django_dinero.card_numbers import luhn_valid
from django_dinero.redaction import Secret
from django_dinero.sandbox.bank.enums import Validation
from django_dinero.sandbox.bank.records import Card, LedgerRow, MaskedCard, PlainCard, Token
from django_dinero.sandbox.dialects.authorizenet import codes
from django_dinero.sandbox.dialects.authorizenet.codes import ReasonCode
from django_dinero.sandbox.dialects.authorizenet.parse import Node
from django_dinero.sandbox.dialects.authorizenet.reply import Tree
from django_dinero.sandbox.dialects.authorizenet.unserved import payment_reason

#: The gateway's names of address fields → those of :class:`django_dinero.cards.Address`.
ADDRESS: Mapping[str, str] = MappingProxyType(
    {
        "firstName": "first_name",
        "lastName": "last_name",
        "company": "company",
        "address": "address",
        "city": "city",
        "state": "state",
        "zip": "zip",
        "country": "country",
        "phoneNumber": "phone",
        "faxNumber": "fax",
    }
)
_BRANDS = {
    "visa": "Visa",
    "mastercard": "MasterCard",
    "maestro": "MasterCard",
    "amex": "AmericanExpress",
    "discover": "Discover",
    "unionpay": "Discover",
    "jcb": "JCB",
    "diners": "DinersClub",
}
#: ``oldLiveMode`` is the live check that always takes a hundredth.
VALIDATIONS: Mapping[str, Validation] = MappingProxyType(
    {
        "": Validation.NONE,
        "none": Validation.NONE,
        "testMode": Validation.TEST,
        "liveMode": Validation.ADDRESSED,
        "oldLiveMode": Validation.LIVE,
    }
)
ACCEPT_JS = "COMMON.ACCEPT.INAPP.PAYMENT"
#: The descriptors of tokens that are encrypted cards of somebody else's wallet.
WALLETS = frozenset(
    {"COMMON.APPLE.INAPP.PAYMENT", "COMMON.GOOGLE.INAPP.PAYMENT", "COMMON.VCO.ONLINE.PAYMENT"}
)

_YEAR_FIRST = re.compile(r"([0-9]{4})-?([0-9]{2})", re.ASCII)
_MONTH_FIRST = re.compile(r"([0-9]{2})[-/]?([0-9]{4}|[0-9]{2})", re.ASCII)
_MASKED = re.compile(r"X{4}([0-9]{4})", re.ASCII)
_LAST_4 = re.compile(r"(?:X{4})?([0-9]{4})|[0-9]{9,15}([0-9]{4})", re.ASCII)


class BadCard(Exception):
    """A card that is refused by its form.

    Args:
        reason: how a transaction with it is answered.
        field: what the vault calls the field.
        also: what else a transaction with it is answered.
    """

    def __init__(self, reason: ReasonCode, field: str, also: tuple[ReasonCode, ...] = ()) -> None:
        super().__init__(field)
        self.reason = reason
        self.field = field
        self.also = also


def billing_of(node: Node | None) -> dict[str, str]:
    """Return the address of a ``billTo``, empty fields left out."""
    if node is None:
        return {}
    return {ADDRESS[child.name]: child.text for child in node if child.name in ADDRESS}


def expiry_of(text: str) -> tuple[int | None, int | None]:
    """Return month and year; ``XXXX`` gives neither: the stored date stays.

    ``YYYY-MM``, ``MMYY``, ``MM/YY``, ``MM-YYYY`` and ``MMYYYY`` are accepted.

    Raises:
        BadCard: no such month, or none of these forms.
    """
    if text == "XXXX":
        return None, None
    month_first = _MONTH_FIRST.fullmatch(text)
    year_first = _YEAR_FIRST.fullmatch(text) if "-" in text or len(text) == 6 else None
    if year_first is not None and (month_first is None or int(month_first[1]) > 12):
        month, year = int(year_first[2]), int(year_first[1])
    elif month_first is not None:
        month, year = int(month_first[1]), int(month_first[2])
    else:
        raise BadCard(codes.INVALID_EXPIRY, "Expiration Date")
    if not 1 <= month <= 12:
        raise BadCard(codes.INVALID_EXPIRY, "Expiration Date")
    return month, year if year > 99 else 2000 + year


def code_of(node: Node) -> Secret | None:
    """Return the ``cardCode`` of an element that may have one."""
    text = node.value("cardCode")
    return Secret(text) if text else None


def card_of(card: Node, billing: Mapping[str, str]) -> PlainCard:
    """Return a ``creditCard`` given by its number.

    The bank judges the digits: their sum, and how many there are.

    Raises:
        BadCard: a mask, or no number at all; its date.
    """
    number = card.value("cardNumber").strip()
    if not (number.isascii() and number.isdigit()):
        raise BadCard(codes.BAD_NUMBER, "Card Number")
    wrong_too = () if luhn_valid(number) else (codes.BAD_NUMBER,)
    try:
        month, year = expiry_of(card.value("expirationDate"))
    except BadCard as error:
        raise BadCard(error.reason, error.field, wrong_too) from None
    if month is None:
        raise BadCard(codes.INVALID_EXPIRY, "Expiration Date", wrong_too)
    return PlainCard(Secret(number), month, year, code_of(card), billing)


def masked_of(card: Node) -> MaskedCard | None:
    """Return a ``creditCard`` that is ``XXXX1111``, as it was shown; None if it is a number."""
    match = _MASKED.fullmatch(card.value("cardNumber").strip())
    if match is None:
        return None
    return MaskedCard(match[1], *expiry_of(card.value("expirationDate")), code_of(card))


def last_4_of(number: str) -> str:
    """Return the last digits of the card of a refund: ``XXXX1111``, ``1111``, or all of it.

    Raises:
        BadCard: none of these.
    """
    match = _LAST_4.fullmatch(number)
    if match is None:
        raise BadCard(codes.BAD_NUMBER, "Card Number")
    return match[1] or match[2]


def source_of(payment: Node, billing: Mapping[str, str]) -> PlainCard | Token:
    """Return what a ``payment`` pays with.

    Raises:
        BadCard: not a card and not a token of Accept.js; a card refused by its form.
    """
    card, token = payment.find("creditCard"), payment.find("opaqueData")
    if card is not None:
        return card_of(card, billing)
    if token is not None:
        descriptor = token.value("dataDescriptor")
        if descriptor in WALLETS:
            raise BadCard(payment_reason(descriptor), "Payment")
        known = descriptor == ACCEPT_JS
        return Token(Secret(token.value("dataValue") if known else ""), billing)
    if payment.find("bankAccount") is not None:
        raise BadCard(codes.NO_ECHECK, "Bank Account")
    raise BadCard(payment_reason(next(iter(payment)).name), "Payment")


def account_type(brand: str) -> str:
    """Return the gateway's name of a card network, empty if it has none."""
    return _BRANDS.get(brand, "")


def masked(last_4: str) -> str:
    """Return the mask of a number: eight characters, as the schema asks."""
    return f"XXXX{last_4:0>4}"


def billing_tree(billing: Mapping[str, str], *, full: bool = True) -> Tree | None:
    """Return a ``billTo``, or the part of it that a ``shipTo`` has; None for an empty one."""
    names = list(ADDRESS)[: None if full else 8]
    tree = {name: billing[ADDRESS[name]] for name in names if billing.get(ADDRESS[name])}
    return tree or None


def card_tree(card: Card | LedgerRow, *, unmask: bool = False, issuer: bool = False) -> Tree:
    """Return a masked ``creditCard``.

    Args:
        card: from the vault or the ledger.
        unmask: whether to show the expiry date.
        issuer: whether to show the first six digits.
    """
    date = f"{card.year:04}-{card.month:02}" if card.year and card.month else "XXXX"
    return {
        "cardNumber": masked(card.last_4),
        "expirationDate": date if unmask else "XXXX",
        "cardType": account_type(card.brand) or None,
        "issuerNumber": (card.issuer_number or None) if issuer else None,
    }
