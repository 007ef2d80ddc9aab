"""The Django admin of the app; Django's ``autodiscover()`` imports this package."""

from __future__ import annotations

from django_dinero.admin.cards import CreditCardAdmin
from django_dinero.admin.customers import CustomerAdmin
from django_dinero.admin.operations import OperationAdmin
from django_dinero.admin.reconciliations import DifferenceAdmin, ReconciliationAdmin
from django_dinero.admin.transactions import TransactionAdmin
from django_dinero.admin.webhook_events import WebhookEventAdmin

__all__ = [
    "CreditCardAdmin",
    "CustomerAdmin",
    "DifferenceAdmin",
    "OperationAdmin",
    "ReconciliationAdmin",
    "TransactionAdmin",
    "WebhookEventAdmin",
]
