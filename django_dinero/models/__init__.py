"""The local side of the vault and of the books."""

from __future__ import annotations

from django_dinero.models.card import CreditCard
from django_dinero.models.customer import Customer
from django_dinero.models.operation import Operation
from django_dinero.models.transaction import Transaction

__all__ = ["CreditCard", "Customer", "Operation", "Transaction"]
