"""What people call the arguments of our verbs."""

from __future__ import annotations

from contextlib import suppress

from django.core.exceptions import FieldDoesNotExist
from django.utils.text import capfirst

from django_dinero.models.card import CreditCard
from django_dinero.models.customer import Customer
from django_dinero.models.operation import Operation
from django_dinero.models.transaction import Transaction

#: Where a label is looked for, in this order.
MODELS = (CreditCard, Customer, Transaction, Operation)


def label_of(name: str) -> str:
    """Return the label of an argument: that of the column of its name, or its name in words."""
    for model in MODELS:
        with suppress(FieldDoesNotExist):
            field = model._meta.get_field(name)
            return str(capfirst(str(getattr(field, "verbose_name", name))))
    return str(capfirst(name.replace("_", " ")))
