"""A transaction with all that follows it: what was captured of it, and what is left to refund."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal

from django_dinero.enums import TransactionKind
from django_dinero.models.transaction import COUNTED, Transaction, TransactionStatus
from django_dinero.money import EXACT, normalise


@dataclass(frozen=True, slots=True)
class Family:
    """A transaction with all that follows it, read at one moment."""

    row: Transaction
    children: tuple[Transaction, ...]

    def sum_of(
        self, kind: TransactionKind, statuses: Collection[TransactionStatus] = COUNTED
    ) -> Decimal:
        """Add up the children of a kind."""
        found = [c for c in self.children if c.kind == kind and c.status in statuses]
        return normalise(sum((Decimal(c.price) for c in found), Decimal(0)), self.row.currency)

    @property
    def captured(self) -> Decimal:
        """How much was taken: the price of a charge or capture, or the sum of captures."""
        if self.row.status not in COUNTED:
            return Decimal(0)
        if self.row.kind in (TransactionKind.CHARGE, TransactionKind.CAPTURE):
            return normalise(Decimal(self.row.price), self.row.currency)
        return self.sum_of(TransactionKind.CAPTURE)

    @property
    def left_to_refund(self) -> Decimal:
        """How much can still be refunded; a refund that the gateway holds may still go out."""
        on_its_way = self.sum_of(TransactionKind.REFUND, (*COUNTED, TransactionStatus.HELD))
        return EXACT.subtract(self.captured, on_its_way)
