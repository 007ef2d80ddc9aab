"""Amounts as a shopper reads them."""

from __future__ import annotations

from decimal import Decimal

from django.utils import formats

from django_dinero.money import exponent, normalise


def amount_text(amount: Decimal | int | str, currency: str) -> str:
    """Return an amount with its currency, in the reader's way to write numbers."""
    value = normalise(Decimal(amount), currency)
    number = formats.number_format(value, exponent(currency), force_grouping=True)
    return f"{number}\u00a0{currency}"
