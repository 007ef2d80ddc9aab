"""A payment read as a whole, starting from any of its rows."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Self

from django.db.models import Q

from django_dinero.models.family import Family
from django_dinero.models.operation import Operation
from django_dinero.models.transaction import Transaction
from django_dinero.services.payments.timeline import Event, timeline

#: The longest chain: an authorization, its capture, the refund of that, the void of the refund.
LEVELS = 4


@dataclass(frozen=True, slots=True)
class Story:
    """A payment with all that has followed it.

    Attributes:
        row: the transaction that was asked for.
        root: what it goes back to: the charge or the authorization.
        rows: all of the payment, the root first, then by age.
        operations: those that made the rows, and the others that were about them.
    """

    row: Transaction
    root: Transaction
    rows: tuple[Transaction, ...]
    operations: tuple[Operation, ...]

    @classmethod
    def of(cls, row: Transaction) -> Self:
        """Read the payment that a transaction is part of: a few queries, however long it is."""
        root = row
        for _level in range(LEVELS):
            if root.parent is None:
                break
            root = root.parent
        rows = [root]
        newest = [root.pk]
        for _level in range(LEVELS):
            found = list(Transaction.objects.filter(parent__in=newest).order_by("pk"))
            if not found:
                break
            rows += found
            newest = [each.pk for each in found]
        known = [row if each.pk == row.pk else each for each in rows]
        return cls(row, known[0], tuple(known), tuple(_operations(known)))

    def of_rows(self, pks: Collection[int]) -> Self:
        """Return the story of some of the rows alone, with the operations about them.

        Args:
            pks: the primary keys of those that may be shown; the row itself is always one.
        """
        rows = tuple(each for each in self.rows if each.pk in pks or each.pk == self.row.pk)
        keys = {each.operation_key for each in rows} | {each.lock_name for each in rows}
        operations = [each for each in self.operations if {each.key, each.lock_name} & keys]
        root = self.root if self.root in rows else self.row
        return replace(self, root=root, rows=rows, operations=tuple(operations))

    @property
    def family(self) -> Family:
        """The transaction with what follows it, and with what follows its captures."""
        return self.family_of(self.row)

    def family_of(self, row: Transaction) -> Family:
        """Return one row of the payment with what follows it."""
        below = {row.pk}
        children = []
        for each in self.rows:
            if each.parent_id in below:
                below.add(each.pk)
                children.append(each)
        return Family(row, tuple(children))

    def events(self) -> list[Event]:
        """Return what happened, the oldest first."""
        return timeline(self.rows, self.operations)


def _operations(rows: list[Transaction]) -> list[Operation]:
    # Found by keys and lock names, which have an index.
    keys = [row.operation_key for row in rows if row.operation_key]
    locks = [row.lock_name for row in rows]
    return list(Operation.objects.filter(Q(key__in=keys) | Q(lock_name__in=locks)).order_by("pk"))
