"""Rows as the caller sees them, though they are read on two connections.

What the caller has deleted in its own open transaction is still there for the journal's connection.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from django.db import router
from django.db.models import QuerySet

from django_dinero.models.card import CreditCard
from django_dinero.models.customer import Customer
from django_dinero.models.operation import DELETES, Operation

RowT = TypeVar("RowT", Customer, CreditCard)


def seen_on_each(rows: QuerySet[RowT]) -> Iterator[list[RowT]]:
    """Yield what each of the caller's connections shows of a query, the primary first.

    The caller's transaction may have begun before a rival's commit, which only the other one shows.
    """
    primary = router.db_for_write(rows.model)
    for using in Operation.objects.aliases_to_read(rows.model):
        found = list(rows.using(using))
        yield found if using == primary else [row for row in found if not _is_deleted(row)]


def _is_deleted(row: Customer | CreditCard) -> bool:
    """Whether the caller's open transaction has deleted a row, and so written its tombstone."""
    card_id = row.card_id if isinstance(row, CreditCard) else ""
    own = Operation.objects.uncommitted(kind__in=DELETES, lock_name=row.lock_name, card_id=card_id)
    return bool(own)
