"""Amounts and currencies: parsed strictly, never rounded, and written as the reader writes them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Context, Decimal
from functools import lru_cache, reduce
from importlib import import_module
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from django_dinero.card_numbers import looks_like_card_number
from django_dinero.exceptions import InvalidAmountInput, InvalidInput
from django_dinero.redaction import Secret
from django_dinero.user_messages import ForCode

#: The size of a price column. Larger amounts are refused here instead of failing in the database.
MAX_DIGITS = 16
DECIMAL_PLACES = 4
#: A context of our own: the thread's may round to six digits or trap harmless signals.
EXACT = Context(prec=64)
_MAX_AMOUNT = Decimal(10) ** (MAX_DIGITS - DECIMAL_PLACES)

# ASCII digits only: Decimal() itself accepts '1_000', '1e3', ' 5 ' and Arabic digits.
_AMOUNT = re.compile(r"[0-9]+(\.[0-9]+)?", re.ASCII)
_STORABLE = re.compile(r"[0-9]{1,12}(\.[0-9]+)?", re.ASCII)
#: Digits before the point, one more than the column holds: Decimal() never reads thousands.
_MAX_WHOLE_DIGITS = MAX_DIGITS - DECIMAL_PLACES + 1
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)

#: The decimals of the currencies that most accounts have. All others are in the package iso4217,
#: which takes 10 ms or more to load: too long for the first charge of a worker.
COMMON_EXPONENTS = {"AUD": 2, "CAD": 2, "CHF": 2, "EUR": 2, "GBP": 2, "JPY": 0, "USD": 2}


@lru_cache(maxsize=256)
def exponent(currency: str) -> int:
    """Return how many decimals ``currency`` has (ISO 4217): 2 for USD, 0 for JPY, 3 for BHD.

    Raises:
        InvalidInput: not an upper-case ISO 4217 code, or a code without minor units (gold).
    """
    if currency in COMMON_EXPONENTS:
        return COMMON_EXPONENTS[currency]
    digits: int | None = None
    if _CURRENCY.fullmatch(str(currency)):
        known = import_module("iso4217").Currency.__members__.get(currency)
        digits = known.exponent if known is not None else None
    if digits is None:
        raise InvalidInput({"currency": _("Not an ISO 4217 currency code in capitals.")})
    return digits


def parse_amount(value: object, currency: str, *, field: str = "price") -> Decimal:
    """Return ``value`` as a positive Decimal with exactly the decimals of ``currency``.

    Args:
        value: a ``Decimal``, ``int`` or ASCII ``str`` in major units (dollars).
        currency: ISO 4217 code.
        field: the name of the field in an error.

    Raises:
        InvalidAmountInput: a float, a bool, NaN, zero, negative, an exponent or separators, more
            decimals than the currency has, or more than the column holds.
        InvalidInput: an unknown currency.
    """
    places = exponent(currency)
    text = _amount_text(value, field)
    if not is_plain(text):
        raise InvalidAmountInput(
            {field: _("Write an amount above zero in plain digits, as 12.50.")}
        )
    if len(text.partition(".")[0]) > _MAX_WHOLE_DIGITS:
        raise _too_large(field)
    amount = Decimal(text)
    if amount <= 0:
        raise InvalidAmountInput({field: _("The amount must be above zero.")})
    if amount >= _MAX_AMOUNT:
        raise _too_large(field)
    exact = amount.quantize(Decimal(1).scaleb(-places, EXACT), context=EXACT)
    # A Decimal may have the zeros of its column (12.5000). Typed text may not.
    typed = "" if isinstance(value, Decimal) else text.partition(".")[2]
    if exact != amount or len(typed) > places:
        raise InvalidAmountInput(
            {
                field: _("%(currency)s has %(places)d decimals; nothing is rounded.")
                % {"currency": currency, "places": places}
            }
        )
    return exact


def is_plain(text: str) -> bool:
    """Say whether a text is an amount in plain digits, with a point before its decimals."""
    return _AMOUNT.fullmatch(text) is not None


def hidden_if_no_amount(value: Any) -> Any:
    """Return an amount, as a secret if it is a card number in the wrong place: it is refused later.

    What can be stored is an amount, whatever its digits are.
    """
    if isinstance(value, int) and abs(value) >= _MAX_AMOUNT**2:
        return value  # too long for a card number, and maybe for str()
    text = str(value)
    if looks_like_card_number(text) and not _STORABLE.fullmatch(text):
        return Secret(text)
    return value


def _amount_text(value: object, field: str) -> str:
    if isinstance(value, Secret):
        problem = _("This looks like a card number; it belongs in the number field only.")
        raise InvalidAmountInput({field: problem})
    if isinstance(value, bool) or not isinstance(value, Decimal | int | str):
        raise InvalidAmountInput(
            {
                field: ForCode(
                    _("Pass a Decimal, an int or a str, not %(type)s.")
                    % {"type": type(value).__name__}
                )
            }
        )
    if isinstance(value, Decimal):
        if not value.is_finite():
            return "nan"
        if value.copy_abs() >= _MAX_AMOUNT:
            raise _too_large(field)
        return format(value, "f") if value.adjusted() > -40 else "nan"
    if isinstance(value, int) and abs(value) >= _MAX_AMOUNT:
        raise _too_large(field)
    return str(value)


def _too_large(field: str) -> InvalidAmountInput:
    return InvalidAmountInput({field: _("The amount is larger than can be stored.")})


def to_minor(amount: Decimal, currency: str) -> int:
    """Return ``amount`` in minor units (cents). parse_amount() has refused what is not exact.

    It is for what is sent. What a gateway has answered is read with :func:`from_minor`.

    Raises:
        InvalidAmountInput: more decimals than the currency has.
        InvalidInput: an unknown currency.
    """
    minor = amount.scaleb(exponent(currency), EXACT)
    if minor != minor.to_integral_value():
        raise InvalidAmountInput({"amount": ForCode(_("More decimals than the currency has."))})
    return int(minor)


def is_storable(amount: Decimal, currency: str) -> bool:
    """Say whether an amount that a gateway tells is one of this currency, and fits its column."""
    try:
        return to_minor(amount, currency) > 0 and amount < _MAX_AMOUNT
    except InvalidInput:
        return False


def from_minor(minor: int, currency: str) -> Decimal:
    """Return ``minor`` units (cents) as an amount with the decimals of ``currency``.

    It reads what a gateway has answered, when money may have moved.

    Raises:
        ValueError: not an upper-case ISO 4217 code. It is no :class:`InvalidInput`, by which a
            backend says that nothing was sent.
    """
    try:
        places = exponent(currency)
    except InvalidInput:
        raise ValueError("The gateway's currency is no ISO 4217 code in capitals.") from None
    return Decimal(minor).scaleb(-places, EXACT)


def normalise(amount: Decimal, currency: str) -> Decimal:
    """Return a stored amount with the decimals of ``currency``: 12.5000 USD is 12.50.

    Raises:
        InvalidInput: as :func:`to_minor`.
    """
    return from_minor(to_minor(amount, currency), currency)


def number_text(number: Decimal) -> str:
    """Return a number in the active language: its separators, all its decimals, a real minus."""
    return number_format(number, force_grouping=True).replace("-", "\N{MINUS SIGN}", 1)


def amount_text(amount: Decimal | int | str, currency: str) -> str:
    """Return an amount with its currency, in the active language: ``1.234,50 EUR`` in German."""
    return f"{number_text(normalise(Decimal(amount), currency))} {currency}"


def plain_amount(amount: Decimal, currency: str) -> str:
    """Return an amount as it is stored in a text, in every language the same: 12.50 USD.

    What a gateway has told stays as it is if it is no amount of the currency, or that none.
    """
    try:
        return f"{normalise(amount, currency)} {currency}"
    except InvalidInput:
        return f"{amount} {currency}".strip()


def summed(total: Decimal | None, currency: str) -> Decimal:
    """Return a sum that a database has made of stored amounts; zero where it added nothing up.

    SQLite adds up in floating point, and what is left behind the currency's decimals is its error.
    """
    unit = Decimal(1).scaleb(-exponent(currency), EXACT)
    return (total or Decimal(0)).quantize(unit, context=EXACT)


def added_up(amounts: Iterable[Decimal]) -> Decimal:
    """Return an exact sum of amounts, whatever the context of the thread is; zero of none."""
    return reduce(EXACT.add, amounts, Decimal(0))
