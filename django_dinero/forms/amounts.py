"""Amounts as the active language writes them, read without being misread.

``1.234`` is one thousand to a German and one and a bit to an American. Whatever could be read in
two ways is refused, with the two ways in which it can be typed instead.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import numberformat
from django.utils.formats import get_format
from django.utils.translation import gettext as _

from django_dinero.exceptions import InvalidInput
from django_dinero.forms.fields import SHORT
from django_dinero.money import exponent, is_plain, parse_amount

#: Blanks that group digits: the plain one, the no-break one, the narrow one, the thin one.
_BLANKS = re.compile("[ \u00a0\u202f\u2009]")


class AmountField(forms.CharField):
    """An amount, cleaned by :func:`read_amount` once the form knows its currency."""

    def __init__(self, **options: Any) -> None:
        attrs = {"class": SHORT, "inputmode": "decimal", "autocomplete": "off", "size": "12"}
        super().__init__(
            max_length=32, localize=True, widget=forms.TextInput(attrs=attrs), **options
        )

    def prepare_value(self, value: Any) -> Any:
        """Return what the field shows: an amount as the language writes it, or what was typed."""
        return _written(value) if isinstance(value, Decimal) else value


def read_amount(text: str, currency: str) -> Decimal:
    """Return the amount that was typed.

    Plain digits with a point are read in every language, as everywhere else, and digits with the
    language's own decimal separator. Digits may be grouped, as the language groups them, where the
    decimals follow.

    Args:
        text: as it was typed.
        currency: ISO 4217 code.

    Raises:
        InvalidInput: there is no such currency.
        ValidationError: it is no amount, or could be read in two ways.
    """
    places = exponent(currency)
    plain = plain_amount(text.strip(), places)
    if not is_plain(plain):
        refused = _("Write an amount above zero in plain digits, as %(example)s.")
        raise ValidationError(refused % {"example": _written(Decimal(1234), places)})
    try:
        return parse_amount(plain, currency)
    except InvalidInput as error:
        refusal = [each for texts in error.errors.values() for each in texts]
    raise ValidationError(refusal)


def plain_amount(typed: str, places: int) -> str:
    """Return an amount of this language in plain digits with a point; anything else as it is.

    Args:
        typed: without blanks around it.
        places: how many decimals its currency has.

    Raises:
        ValidationError: it could be read in two ways.
    """
    decimal, group = get_format("DECIMAL_SEPARATOR"), get_format("THOUSAND_SEPARATOR")
    if _could_be_grouped(typed, decimal, places):
        text = _(
            "This can be read in two ways. Write it with all its decimals and without a separator "
            "between thousands, as %(example)s."
        )
        # Not an amount made of what was typed: one reading is a thousand times the other.
        raise ValidationError(text % {"example": _written(Decimal(1234), places)})
    whole, separator, decimals = typed.rpartition(decimal)
    if not separator:
        return typed
    if len(decimals) == places:
        whole = _ungrouped(whole, group)
    return f"{whole}.{decimals}"


def _written(amount: Decimal, places: int | None = None) -> str:
    """Return an amount as the language writes it, without groups whatever the settings say."""
    return numberformat.format(amount, get_format("DECIMAL_SEPARATOR"), places, grouping=0)


def _could_be_grouped(typed: str, decimal: str, places: int) -> bool:
    """Say whether it is digits with one comma or point, which may stand between thousands.

    The language's own decimal separator before as many decimals as the currency has says what it
    says: ``1,234`` is a good amount of Bahraini dinars in German.
    """
    found = re.fullmatch(r"[1-9][0-9]{0,2}([.,])[0-9]{3}", typed, re.ASCII)
    return found is not None and not (found[1] == decimal and places == 3)


def _ungrouped(whole: str, group: str) -> str:
    """Return digits without the separators of their groups; as they are if they are not grouped."""
    marks = _BLANKS if _BLANKS.fullmatch(group) else re.compile(re.escape(group))
    if group and re.fullmatch(rf"[0-9]{{1,3}}({marks.pattern}[0-9]{{3}})+", whole, re.ASCII):
        return marks.sub("", whole)
    return whole
