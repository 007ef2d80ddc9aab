"""What an event was about."""

from __future__ import annotations

from dataclasses import dataclass

from django_dinero.models.card import CreditCard
from django_dinero.models.customer import Customer
from django_dinero.models.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Found:
    """The row that is now as the gateway has the object; None where there is none to show."""

    instance: Transaction | Customer | CreditCard | None
