"""Columns and texts that several lists have."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin import AdminSite
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from django_dinero.models import CreditCard, Operation, Transaction
from django_dinero.models.operation import OperationState
from django_dinero.models.sync_state import SyncState
from django_dinero.models.synced import SyncedModel
from django_dinero.models.transaction import TransactionStatus
from django_dinero.money import normalise

#: What stands where there is nothing.
NONE = "-"
#: States and statuses in which somebody has to look.
BAD = (
    *(SyncState.ERROR, SyncState.MISSING),
    *(OperationState.UNKNOWN, OperationState.NEEDS_ATTENTION),
    *(TransactionStatus.HELD, TransactionStatus.RETURNED, TransactionStatus.CHARGED_BACK),
)


def sync_state(row: SyncedModel) -> str:
    """Return the state in words, in the colour of errors where somebody has to look."""
    return _marked(row.sync_state, row.get_sync_state_display())


@admin.display(description=_("state"), ordering="state")
def operation_state(row: Operation) -> str:
    """Return an operation's state, coloured likewise."""
    return _marked(row.state, row.get_state_display())


@admin.display(description=_("status"), ordering="status")
def transaction_status(row: Transaction) -> str:
    """Return a transaction's status, coloured likewise."""
    return _marked(row.status, row.get_status_display())


def _marked(value: str, text: object) -> str:
    return format_html('<span class="dinero-bad">{}</span>', text) if value in BAD else str(text)


@admin.display(description=_("mode"), ordering="live")
def mode_badge(row: SyncedModel | Transaction | Operation) -> str:
    """Return a badge on what is of a test account, nothing on what is of a live one."""
    return "" if row.live else format_html('<span class="dinero-test">{}</span>', _("test"))


@admin.display(description=_("expires"), ordering="year")
def expiry(card: CreditCard) -> str:
    """Return month and year, empty where the gateway masks them."""
    return f"{card.month:02d}/{card.year}" if card.month and card.year else ""


@admin.display(description=_("amount"), ordering="price")
def transaction_amount(row: Transaction) -> str:
    """Return the price with its currency's decimals."""
    return _amount(row.price, row.currency)


@admin.display(description=_("amount"), ordering="amount")
def operation_amount(row: Operation) -> str:
    """Return the amount that an operation moves, empty where it moves none."""
    return _amount(row.amount, row.currency) if row.amount is not None else ""


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


def _amount(amount: Any, currency: str) -> str:
    return format_html(
        '<span class="dinero-money">{} {}</span>', normalise(amount, currency), currency
    )
