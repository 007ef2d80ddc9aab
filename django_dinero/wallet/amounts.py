"""Amounts as a shopper reads them."""

from __future__ import annotations

from decimal import Decimal

from django_dinero import money


def amount_text(amount: Decimal | int | str, currency: str) -> str:
    """As :func:`.money.amount_text`; the currency stays in the line of its number."""
    return "\u00a0".join(money.amount_text(amount, currency).rsplit(" ", 1))


def shown_amount(amount: Decimal | int | str, currency: str) -> str:
    """Return what a form that pays sends back: the amount it was shown with, in no language."""
    return money.plain_amount(Decimal(amount), currency)
