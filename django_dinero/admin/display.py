"""Columns and texts that several lists have."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Protocol

from django.conf import settings
from django.contrib import admin
from django.contrib.admin import AdminSite
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from django_dinero.admin.badges import state_badge
from django_dinero.enums import TransactionKind
from django_dinero.models import (
    CreditCard,
    Difference,
    Operation,
    Reconciliation,
    Transaction,
    WebhookEvent,
)
from django_dinero.models.synced import SyncedModel
from django_dinero.money import amount_text

#: What stands where there is nothing.
NONE = "-"
#: Who has started a payment, in words.
INITIATORS = {
    "customer": _("the cardholder"),
    "merchant": _("the merchant, without the cardholder"),
}


def sync_state(row: SyncedModel) -> str:
    """Return the state in words, in the colour of what it means."""
    return state_badge(row.sync_state, row.get_sync_state_display())


def plain_sync_state(row: SyncedModel) -> str:
    """Return the same without a colour."""
    return str(row.get_sync_state_display())


@admin.display(description=_("state"), ordering="state")
def state(row: Operation | Difference | Reconciliation | WebhookEvent) -> str:
    """Return a row's state, coloured likewise."""
    return state_badge(row.state, row.get_state_display())


@admin.display(description=_("mode"), ordering="live", empty_value="")
def mode_badge(
    row: SyncedModel | Transaction | Operation | Difference | Reconciliation | WebhookEvent,
) -> str:
    """Return a badge on what is of a test account, nothing on what is of a live one."""
    return "" if row.live else test_badge()


def test_badge() -> str:
    """Return the badge itself."""
    return format_html('<span class="dinero-test">{}</span>', _("test"))


def short_time(moment: datetime) -> str:
    """Return a time in few characters; the year only where it is another than this."""
    when = timezone.localtime(moment) if settings.USE_TZ else moment
    this_year = when.year == timezone.localdate(datetime.now(UTC)).year
    # Translators: formats as in Django's "date" filter.
    short = gettext("M j, H:i") if this_year else gettext("M j, Y")
    full = date_format(when, "DATETIME_FORMAT")
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', when.isoformat(), full, date_format(when, short)
    )


@admin.display(description=_("kind"), ordering="kind")
def transaction_kind(row: Transaction) -> str:
    """Return what a transaction does, with the badge of a test account."""
    return format_html("{} {}", row.get_kind_display(), mode_badge(row))


@admin.display(description=_("expires"), ordering="year")
def expiry(card: CreditCard) -> str:
    """Return month and year, empty where the gateway masks them."""
    return f"{card.month:02d}/{card.year}" if card.month and card.year else ""


@admin.display(description=_("amount"), ordering="price")
def transaction_amount(row: Transaction) -> str:
    """Return the price with its currency's decimals; what was given back is negative."""
    sign = "\N{MINUS SIGN}" if row.kind == TransactionKind.REFUND else ""
    return _amount(row.price, row.currency, sign)


@admin.display(description=_("amount"), ordering="amount")
def operation_amount(row: Operation) -> str:
    """Return the amount that an operation moves, empty where it moves none."""
    return money(row.amount, row.currency)


def money(amount: Any, currency: str) -> str:
    """Return an amount with its currency's decimals, empty where there is none."""
    return _amount(amount, currency) if amount is not None else ""


class CardDigits(Protocol):
    """Whatever knows a card's brand and last four digits."""

    @property
    def brand(self) -> str: ...

    @property
    def last_4(self) -> str: ...


def card_text(card: CardDigits) -> str:
    """Return the brand and the last four digits of a card; empty where they are not known."""
    return f"{card.brand} •••• {card.last_4}".strip() if card.last_4 else ""


def card_html(row: Transaction) -> str:
    """Return the same for a list, where the digits stand below each other."""
    if not row.last_4:
        return ""
    return format_html('{} <span class="dinero-digits">•••• {}</span>', row.brand, row.last_4)


def initiator_text(initiator: str) -> str:
    """Return in words whether the cardholder was there; empty where that is not known."""
    return str(INITIATORS.get(initiator, initiator))


def breakable(text: object) -> str:
    """Return an e-mail address or the like that a narrow column breaks behind its sign."""
    name, sign, host = str(text).partition("@")
    return format_html("{}{}<wbr>{}", name, sign, host) if sign else name


def anchor(site: AdminSite, name: str, pk: object, text: object) -> str:
    """Return text as a link to a row's page; as it is where there is no row or no such page.

    Args:
        site: the site that the page belongs to.
        name: the model's name in lower case.
        pk: the row's key, None for no row.
        text: what is shown.
    """
    if pk is None:
        return str(text)
    try:
        address = reverse(f"admin:dinero_{name}_change", args=(pk,), current_app=site.name)
    except NoReverseMatch:
        return str(text)
    return format_html('<a href="{}">{}</a>', address, text)


def _amount(amount: Any, currency: str, sign: str = "") -> str:
    return format_html(
        '<span class="dinero-money">{}{}</span>', sign, amount_text(amount, currency)
    )
