"""What a transaction's page shows above its fields: the money, and what happened to it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from django.contrib.admin import AdminSite
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.utils.translation import gettext as _

from django_dinero.admin.display import card_text, money, transaction_amount
from django_dinero.admin.related import rows_of
from django_dinero.admin.views.safety import link, sees
from django_dinero.enums import TransactionKind
from django_dinero.exceptions import DineroError
from django_dinero.gateways.registry import get_gateway
from django_dinero.models import Transaction
from django_dinero.models.family import Family
from django_dinero.models.standing import standing_of
from django_dinero.services.payments.story import Story
from django_dinero.services.payments.timeline import Event, made_by


def payment(site: AdminSite, request: HttpRequest, row: Transaction) -> dict[str, Any]:
    """Return what ``admin/dinero/payment.html`` shows.

    Rows that the project's own admin hides from this user are left out. The money is that of the
    whole payment: a sum of some rows would offer what was captured or refunded already.
    """
    story = Story.of(row)
    family = story.family
    shown = rows_of(site, request, Transaction).filter(pk__in=[each.pk for each in story.rows])
    story = story.of_rows(set(shown.values_list("pk", flat=True)))
    return {
        "amount": transaction_amount(row),
        "standing": standing_of(family),
        "root": None if story.root == row else story.root,
        "root_url": "" if story.root == row else link(request, "transaction", story.root),
        "card": card_text(row),
        "customer": row.customer if sees(request, "customer") else None,
        "customer_url": link(request, "customer", row.customer),
        "console_url": console_url(row),
        "sums": list(_sums(family)),
        "events": [_shown(request, row, event) for event in reversed(story.events())],
    }


def _sums(family: Family) -> Iterable[tuple[str, str]]:
    """Yield how much was taken and given back, and how much still can be; nothing of nothing."""
    row = family.row
    sums: tuple[tuple[str, Decimal], ...] = (
        (_("Left to capture"), family.left_to_capture),
        (_("Captured"), family.captured if row.kind == TransactionKind.AUTHORIZATION else _NONE),
        (_("Refunded"), family.sum_of(TransactionKind.REFUND)),
        (_("Left to refund"), family.left_to_refund),
    )
    return ((label, money(amount, row.currency)) for label, amount in sums if amount)


_NONE = Decimal(0)


def _shown(request: HttpRequest, row: Transaction, event: Event) -> dict[str, Any]:
    other = event.row if event.row is not None and event.row.pk != row.pk else None
    if event.made_by and not sees(request, "customer"):
        # Without a row it names no owner: a user's name may be an e-mail address.
        event = replace(event, made_by=made_by(event.operation))
    return {
        "event": event,
        "amount": money(event.amount, event.currency),
        "url": link(request, "transaction", other),
        "operation_url": link(request, "operation", event.operation),
    }


def console_url(row: Transaction) -> str:
    """Return the address of a transaction's page at the provider, empty if none is known."""
    try:
        gateway = get_gateway(row.gateway_name)
    except (DineroError, ImproperlyConfigured):
        return ""
    if gateway.live != row.live:
        return ""  # another account's, where the id is nothing or somebody else's
    return gateway.console_url("transaction", row.transaction_id or "") or ""
