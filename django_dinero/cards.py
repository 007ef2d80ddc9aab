"""Card data on its way to a gateway: checked, wrapped as secrets, never stored."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from decimal import Decimal
from typing import Any, cast

from django.utils.translation import gettext as _

from django_dinero.card_numbers import (
    brand_of,
    is_card_number,
    looks_like_card_number,
    luhn_valid,
    stands_by_itself,
)
from django_dinero.exceptions import (
    InvalidCardInput,
    InvalidCVVInput,
    InvalidExpiryInput,
    InvalidInput,
)
from django_dinero.redaction import MASK, Secret, mask_card_numbers, storable
from django_dinero.user_messages import ForCode

#: Characters that are stored of a brand, and of what a gateway shows of a number.
BRAND_LENGTH = 32
LAST_4_LENGTH = 4

#: An expiry year further away than this is a typing error.
MAX_YEARS_AHEAD = 50

_SEPARATORS = re.compile(r"[ -]")
_NUMBER = re.compile(r"[0-9]{12,19}", re.ASCII)
_CVV = re.compile(r"[0-9]{3,4}", re.ASCII)
_SMALL_INT = re.compile(r"[0-9]{1,4}", re.ASCII)

#: Longer than any text field. What is longer is refused for its length before it is looked through.
LONGEST_TEXT = 4000
#: Fields for numbers of another kind, and how long a card number has to be to be refused there.
#: A telephone number has at most 15 digits (E.164). An order reference may well have 13 digits, or
#: 17 and more; but whoever types a card into the wrong field types one of the usual lengths.
_OTHER_NUMBERS: Mapping[str, tuple[int, ...]] = {
    **dict.fromkeys(("phone", "fax"), (16, 17, 18, 19)),
    "order_reference": (14, 15, 16),
    "q": (14, 15, 16),  # a search, for an order reference among others
}
#: Of these, the fields in which a card number may stand among words.
_WITH_WORDS = frozenset(("order_reference", "q"))
#: Ids that a project's code or a gateway chooses, and that nobody types. One that was refused by
#: chance would be refused for ever, and two of them must stay two.
_IDS = frozenset(
    (
        *("idempotency_key", "scope", "owner", "gateway_code"),
        *("customer_id", "card_id", "transaction_id", "network_transaction_id"),
    )
)
# Control characters and lone surrogates fail in XML and in databases.
_UNSENDABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class Address:
    """The billing address of a card, with names and telephone numbers."""

    first_name: str = ""
    last_name: str = ""
    company: str = ""
    address: str = ""
    city: str = ""
    state: str = ""
    zip: str = ""
    country: str = ""
    phone: str = ""
    fax: str = ""

    def as_dict(self) -> dict[str, str]:
        """Return the fields by name, empty ones included."""
        return {name: getattr(self, name) for name in ADDRESS_FIELDS}


ADDRESS_FIELDS: tuple[str, ...] = tuple(f.name for f in fields(Address))


@dataclass(frozen=True, slots=True)
class CardDetails:
    """A card as its holder typed it. :func:`card_details` checks the values and builds it."""

    number: Secret
    cvv: Secret | None = None
    month: int | None = None
    year: int | None = None
    address: Address = field(default_factory=Address)

    @property
    def last_4(self) -> str:
        """The last four digits of the number."""
        return self.number.reveal()[-4:]

    @property
    def brand(self) -> str:
        """The card network by the number's first digits; empty if none is known."""
        return brand_of(self.number.reveal())


@dataclass(frozen=True, slots=True)
class PaymentToken:
    """What a browser-side form gets from the gateway in place of a card number (a nonce).

    ``descriptor`` is the kind of token, for gateways that have several kinds.
    """

    value: Secret
    descriptor: str = ""
    address: Address = field(default_factory=Address)

    def __post_init__(self) -> None:
        # Browsers post a plain text, and a repr of this must not show it.
        object.__setattr__(self, "value", Secret(self.value))


#: Arguments whose values must never be shown.
SECRET_ARGUMENTS = ("number", "cvv", "token")


def wrap_secrets(arguments: Mapping[str, object], *, misplaced: bool = True) -> None:
    """Turn number, CVV and token among a call's keyword arguments into secrets, in place.

    Call it first in every public method: a traceback shows the local variables of all later calls.

    Args:
        arguments: the call's own dict, annotated as a mapping so that typed options are accepted.
        misplaced: also wrap a card number in any other field (:func:`holds_card_number`), and what
            is longer than any text. It is refused later.
    """
    own = cast("dict[str, object]", arguments)
    for name, value in own.items():
        if name in SECRET_ARGUMENTS and isinstance(value, str | int):
            own[name] = Secret(str(value))
        elif misplaced:
            own[name] = hidden_if_card_number(name, value)


def hidden_if_card_number(name: str, value: Any) -> Any:
    """Return the value of a field, as a secret if it holds a card number: it is refused later.

    Args:
        name: the field's name; see :func:`holds_card_number`.
        value: what a caller passed.
    """
    is_number = isinstance(value, int | Decimal) and 0 < value < 10**19
    if (is_number or isinstance(value, str)) and holds_card_number(name, str(value)):
        return Secret(str(value))
    return value


def card_details(
    values: Mapping[str, object], *, today: datetime.date | None = None
) -> CardDetails:
    """Check the values typed for a card, and return the card with its number and CVV as secrets.

    Args:
        values: ``number`` and optionally ``cvv``, ``month``, ``year`` and the fields of
            :class:`Address`. Empty text and ``None`` count as not given.
        today: the day that "expired" is measured against; the current date by default.

    Raises:
        InvalidCardInput, InvalidExpiryInput, InvalidCVVInput, InvalidInput: every wrong field is
            named in ``errors``; the first wrong one, in this order, decides the class.
    """
    errors: dict[str, str] = {}
    number = _number(values.get("number"), errors)
    month, year = check_expiry(values.get("month"), values.get("year"), errors, today=today)
    cvv = _cvv(values.get("cvv"), errors)
    address = address_of(values, errors)
    if errors or number is None:
        raise card_input_error(errors)
    return CardDetails(number=number, cvv=cvv, month=month, year=year, address=address)


def card_input_error(errors: Mapping[str, str], **context: Any) -> InvalidInput:
    """Return the error for wrong card fields, of the class of the first that is wrong.

    Args:
        errors: what is wrong, by field.
        **context: for the exception.
    """
    if "number" in errors:
        return InvalidCardInput(errors, **context)
    if "month" in errors or "year" in errors:
        return InvalidExpiryInput(errors, **context)
    if "cvv" in errors:
        return InvalidCVVInput(errors, **context)
    return InvalidInput(errors, **context)


def required_text(gateway_name: str, field: str) -> str:
    """Return what is said of a field of a card that a gateway requires and that was not given."""
    text = _("The gateway %(gateway)s requires the card's %(field)s.")
    # A form that lacks the field is to be changed; a date of which half was given has other texts.
    return ForCode(text % {"gateway": gateway_name, "field": field.replace("_", " ")})


def check_cvv(value: object, *, field: str = "cvv") -> Secret | None:
    """Return a CVV as a secret, or None where none was given.

    Raises:
        InvalidCVVInput: not 3 or 4 ASCII digits.
    """
    errors: dict[str, str] = {}
    cvv = _cvv(value, errors)
    if errors:
        raise InvalidCVVInput({field: errors["cvv"]})
    return cvv


def text_of(value: object) -> str:
    """Return typed text stripped of outer blanks; a Secret gives its text, None is empty."""
    if isinstance(value, Secret):
        return value.reveal().strip()
    return "" if value is None else str(value).strip()


def _number(value: object, errors: dict[str, str]) -> Secret | None:
    text = _SEPARATORS.sub("", text_of(value))
    if not text:
        errors["number"] = _("A card number is required.")
    elif not _NUMBER.fullmatch(text):
        errors["number"] = _("A card number has 12 to 19 digits 0-9; spaces and dashes are fine.")
    elif not luhn_valid(text):
        errors["number"] = _("This card number has a typing error (its check digit is wrong).")
    else:
        return Secret(text)
    return None


def _cvv(value: object, errors: dict[str, str]) -> Secret | None:
    text = text_of(value)
    if text and not _CVV.fullmatch(text):
        errors["cvv"] = _("A card verification value has 3 or 4 digits.")
        return None
    return Secret(text) if text else None


def check_expiry(
    month: object,
    year: object,
    errors: dict[str, str],
    *,
    today: datetime.date | None = None,
) -> tuple[int | None, int | None]:
    """Return month (1-12) and four-digit year, and add what is wrong to ``errors``.

    A two-digit year means 20xx. Both may be missing: some gateways do not require them.
    """
    month_text, year_text = text_of(month), text_of(year)
    if not month_text and not year_text:
        return None, None
    month_number = int(month_text) if _SMALL_INT.fullmatch(month_text) else 0
    if not 1 <= month_number <= 12:
        errors["month"] = (
            _("The expiry month is a number from 1 to 12.")
            if month_text
            else _("The expiry month is missing.")
        )
    if len(year_text) not in (2, 4) or not _SMALL_INT.fullmatch(year_text):
        errors["year"] = (
            _("The expiry year has two or four digits.")
            if year_text
            else _("The expiry year is missing.")
        )
    if "year" in errors:
        return None, None
    year_number = int(year_text) + (2000 if len(year_text) == 2 else 0)
    today = today or datetime.datetime.now(datetime.UTC).date()
    # Of a month that is wrong itself, the last one counts: only the year is told then.
    _check_year(year_number, 12 if "month" in errors else month_number, today, errors)
    return (None, None) if "month" in errors else (month_number, year_number)


def _check_year(year: int, month: int, today: datetime.date, errors: dict[str, str]) -> None:
    # A card is valid to the end of its month in its holder's time zone. One day of grace covers
    # every time zone.
    yesterday = today - datetime.timedelta(days=1)
    if (year, month) < (yesterday.year, yesterday.month):
        errors["year"] = _("The card has expired.")
    elif year > today.year + MAX_YEARS_AHEAD:
        errors["year"] = _("The expiry year is too far away.")


def address_of(values: Mapping[str, object], errors: dict[str, str]) -> Address:
    """Return the address fields in ``values``, and add unsendable texts to ``errors``."""
    texts: dict[str, str] = {}
    for name in ADDRESS_FIELDS:
        problem = unsendable(text_of(values.get(name)), name)
        if problem:
            errors[name] = problem
        else:
            texts[name] = text_of(values.get(name))
    return Address(**texts)


def control_character(text: str) -> str:
    """Return why ``text`` must not be sent if it has a control character, or an empty string."""
    if _UNSENDABLE.search(text):
        return _("The text has a character that cannot be sent (a control character).")
    return ""


def unsendable(text: str, name: str = "") -> str:
    """Return why ``text`` must not be sent or stored, or an empty string.

    Control characters and lone surrogates fail in XML and in databases. A card number in a name
    or an address would be stored in the clear.

    Args:
        text: the content of a field.
        name: the field's name; see :func:`holds_card_number`.
    """
    if len(text) > LONGEST_TEXT:
        return _("At most %(limit)d characters.") % {"limit": LONGEST_TEXT}
    problem = control_character(text)
    if problem:
        return problem
    if holds_card_number(name, text):
        return _("This looks like a card number; it belongs in the number field only.")
    return ""


def holds_card_number(name: str, text: str) -> bool:
    """Say whether a card number was typed into a field where none belongs.

    Args:
        name: the field's name. In a field for telephone numbers the whole text has to be a card
            number, and in one for order references a word of it, of a length that such numbers do
            not have or seldom have. Ids are never taken for one. In every other field a card number
            may stand anywhere.
        text: its content. One that is longer than any field's counts as holding one.
    """
    if name in _IDS:
        return False
    if len(text) > LONGEST_TEXT:
        return True
    lengths = _OTHER_NUMBERS.get(name)
    if lengths is None:
        return looks_like_card_number(text)
    return (stands_by_itself if name in _WITH_WORDS else is_card_number)(text, lengths)


def without_card_numbers(name: str, text: str) -> str:
    """Return a field's text, as other software wrote it: storable, with card numbers masked.

    Args:
        name: the field's name; see :func:`holds_card_number`.
        text: its content.
    """
    text = storable(text)
    if not holds_card_number(name, text):
        return text
    return MASK if name in _OTHER_NUMBERS.keys() - _WITH_WORDS else mask_card_numbers(text)
