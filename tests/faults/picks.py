"""The rows that a verb works on: any, and often one of the newest, which others work on too."""

from __future__ import annotations

import random
from typing import Any, TypeVar

from django.db.models import Model

from django_dinero.models import CreditCard, Customer, Transaction

#: So many of the newest customers are wanted more often than others, with this probability.
NEWEST, WANTED = 3, 0.6
RowT = TypeVar("RowT", bound=Model)


def customer(chance: random.Random) -> Customer | None:
    """Return a customer that has a card."""
    return _any(chance, list(Customer.objects.exclude(cards=None).order_by("-pk")[: _most(chance)]))


def anybody(chance: random.Random) -> Customer | None:
    """Return a customer, with or without cards, perhaps one whose creation is unknown."""
    return _any(chance, list(Customer.objects.order_by("-pk")[: _most(chance)]))


def card(chance: random.Random, **wanted: Any) -> CreditCard | None:
    """Return a card."""
    rows = CreditCard.objects.filter(**wanted).order_by("-customer_pk", "pk")
    owners = list(dict.fromkeys(row.customer_pk for row in rows))[: _most(chance)]
    return _any(chance, [row for row in rows if row.customer_pk in owners])


def row(chance: random.Random, **wanted: Any) -> Transaction | None:
    """Return a transaction."""
    return _any(chance, list(Transaction.objects.filter(**wanted).order_by("pk")))


def _most(chance: random.Random) -> int | None:
    return NEWEST if chance.random() < WANTED else None


def _any(chance: random.Random, rows: list[RowT]) -> RowT | None:
    return chance.choice(rows) if rows else None
