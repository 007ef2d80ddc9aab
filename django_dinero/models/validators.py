"""Validators of the models' fields, for forms and serializers of projects."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from django_dinero.cards import unsendable


def validate_sendable(text: str) -> None:
    """Refuse a text that cannot be sent to a gateway, or that holds a card number.

    Raises:
        ValidationError: its message does not quote the text.
    """
    problem = unsendable(text)
    if problem:
        raise ValidationError(problem, code="unsendable")


def validate_month(month: int) -> None:
    """Refuse a number that is no month.

    Raises:
        ValidationError: it is not within 1 to 12.
    """
    if not 1 <= month <= 12:
        raise ValidationError(_("The expiry month is a number from 1 to 12."), code="month")
