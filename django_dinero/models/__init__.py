"""The models: customers, their stored cards, transactions, and the journal of operations.

Beside them: what reconcile has found, its runs, the pulls of whole accounts, and the webhooks that
came in.
"""

from __future__ import annotations

from django_dinero.models.card import CreditCard
from django_dinero.models.customer import Customer
from django_dinero.models.difference import Difference
from django_dinero.models.operation import Operation
from django_dinero.models.reconciliation import Reconciliation
from django_dinero.models.transaction import Transaction
from django_dinero.models.vault_pull import VaultPull
from django_dinero.models.webhook_event import WebhookEvent

__all__ = [
    "CreditCard",
    "Customer",
    "Difference",
    "Operation",
    "Reconciliation",
    "Transaction",
    "VaultPull",
    "WebhookEvent",
]
