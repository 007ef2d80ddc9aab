"""Expiry dates of stored cards, in words that need no legend."""

from __future__ import annotations

import calendar
from datetime import MAXYEAR, MINYEAR, UTC, date, datetime

from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _

from django_dinero.admin.display import expiry
from django_dinero.models import CreditCard
from django_dinero.models.due import CARD_EXPIRES_IN


def last_day(card: CreditCard) -> date | None:
    """Return the last day on which a card is good.

    None where the gateway masks the date, and for what was typed into a form that was refused.
    """
    if not card.month or not card.year:
        return None
    if not (1 <= card.month <= 12 and MINYEAR <= card.year <= MAXYEAR):
        return None
    return date(card.year, card.month, calendar.monthrange(card.year, card.month)[1])


def expiry_in_words(card: CreditCard) -> str:
    """Return month and year, and whether that is past or near."""
    shown, remark = expiry(card), _remark(card)
    return f"{shown} ({remark})" if remark else shown


def expiry_marked(card: CreditCard) -> str:
    """Return the same with a colour for what is past, and one for what is near."""
    remark = _remark(card)
    if not remark:
        return expiry(card)
    css = "dinero-bad" if is_expired(card) else "dinero-soon"
    return format_html('{} <span class="{}">{}</span>', expiry(card), css, remark)


def is_expired(card: CreditCard) -> bool:
    """Say whether a card's last day is past."""
    last = last_day(card)
    return last is not None and last < _today()


def _remark(card: CreditCard) -> str:
    last = last_day(card)
    if last is None:
        return ""
    if is_expired(card):
        return _("expired")
    return _("expires soon") if last - _today() <= CARD_EXPIRES_IN else ""


def _today() -> date:
    # An aware time: without USE_TZ, localdate() has none by itself.
    return timezone.localdate(datetime.now(UTC))
