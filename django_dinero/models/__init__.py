"""The models: customers, their stored cards, transactions, and the journal of operations."""

from __future__ import annotations

from django_dinero.models.card import CreditCard
from django_dinero.models.customer import Customer
from django_dinero.models.operation import Operation
from django_dinero.models.transaction import Transaction

__all__ = ["CreditCard", "Customer", "Operation", "Transaction"]
