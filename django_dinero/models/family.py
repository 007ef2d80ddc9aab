"""A transaction with all that follows it: what was captured of it, and what is left to refund."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Self

from django_dinero.db.queries import primary
from django_dinero.enums import TransactionKind
from django_dinero.models.transaction import Transaction
from django_dinero.models.transaction_status import (
    COUNTED,
    TAKEN_OR_OPEN,
    UNDECIDED,
    TransactionStatus,
)
from django_dinero.money import EXACT, added_up, normalise

#: What a list of transactions prefetches for :meth:`Family.of`.
FOLLOWING = "children__children"


@dataclass(frozen=True, slots=True)
class Family:
    """A transaction with all that follows it, read at one moment."""

    row: Transaction
    children: tuple[Transaction, ...]

    @classmethod
    def of(cls, row: Transaction) -> Self:
        """Return a transaction with what follows it and its captures.

        They come from a prefetch of :data:`FOLLOWING` where there is one, as in lists. Otherwise
        each level costs a query, of the primary database.
        """
        children = sorted(_children_of(row), key=_by_age)
        captures = (each for each in children if each.kind == TransactionKind.CAPTURE)
        further = [more for capture in captures for more in _children_of(capture)]
        return cls(row, (*children, *sorted(further, key=_by_age)))

    def joined_by(self, rows: Iterable[Transaction]) -> Self:
        """Return the family with more of its rows, which were read on another connection.

        One that voids the row has voided the instance too.
        """
        known = {child.pk for child in self.children}
        above = {self.row.pk, *(each.pk for each in self.captures)}
        more = [each for each in rows if each.parent_id in above and each.pk not in known]
        for each in more:
            is_void = each.kind == TransactionKind.VOID and each.parent_id == self.row.pk
            if is_void and each.status == TransactionStatus.APPROVED:
                self.row.status = TransactionStatus.VOIDED.value
        return replace(self, children=(*self.children, *more))

    @property
    def captures(self) -> list[Transaction]:
        """The captures of an authorization, whatever became of them."""
        return [each for each in self.children if each.kind == TransactionKind.CAPTURE]

    def sum_of(
        self, kind: TransactionKind, statuses: Collection[TransactionStatus] = COUNTED
    ) -> Decimal:
        """Add up the children of a kind."""
        found = [c for c in self.children if c.kind == kind and c.status in statuses]
        return normalise(added_up(Decimal(c.price) for c in found), self.row.currency)

    @property
    def captured(self) -> Decimal:
        """How much was taken: the price of a charge or capture, or the sum of captures."""
        if self.row.status not in COUNTED:
            return normalise(Decimal(0), self.row.currency)
        if self.row.kind in (TransactionKind.CHARGE, TransactionKind.CAPTURE):
            return normalise(Decimal(self.row.price), self.row.currency)
        return self.sum_of(TransactionKind.CAPTURE)

    @property
    def was_captured(self) -> bool:
        """Whether an authorization has been captured, also if the money came back since.

        A capture that the gateway holds may still go out.
        """
        return any(each.status in TAKEN_OR_OPEN for each in self.captures)

    @property
    def left_to_capture(self) -> Decimal:
        """How much can still be captured: all of an authorization that stands, and only once."""
        stands = self.row.status == TransactionStatus.APPROVED and not self.was_captured
        if self.row.kind == TransactionKind.AUTHORIZATION and stands:
            return normalise(Decimal(self.row.price), self.row.currency)
        return normalise(Decimal(0), self.row.currency)

    @property
    def left_to_refund(self) -> Decimal:
        """How much can still be refunded. An undecided refund counts as given: it may still go out.

        Never less than nothing: of a payment that was charged back after a refund nothing is left.
        """
        left = max(EXACT.subtract(self.captured, self.given_back), Decimal(0))
        return normalise(left, self.row.currency)

    @property
    def given_back(self) -> Decimal:
        """How much was refunded, with what is held or waits for somebody's confirmation."""
        return self.sum_of(TransactionKind.REFUND, (*COUNTED, *UNDECIDED))


def _children_of(row: Transaction) -> Iterable[Transaction]:
    known = "children" in getattr(row, "_prefetched_objects_cache", {})
    return row.children.all() if known else primary(Transaction).filter(parent=row)


def _by_age(row: Transaction) -> int:
    return int(row.pk)
