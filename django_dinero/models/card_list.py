"""``customer.cards``: a related manager that also behaves like a list."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, overload

from django_dinero.db.fields import GetT, RowForeignKey, SetT
from django_dinero.models.customer import Customer
from django_dinero.models.related import HidingDescriptor
from django_dinero.models.sync_state import SyncedQuerySet

if TYPE_CHECKING:
    from django_dinero.models.card import CreditCard

    _ListBase = SyncedQuerySet["CreditCard"]
else:
    _ListBase = object


class CardListMixin(_ListBase):
    """Adds indexing, ``len()`` and iteration to the related manager of ``customer.cards``."""

    instance: Customer
    _counted: tuple[int, list[CreditCard]] | None = None

    def _rows(self) -> list[CreditCard]:
        return list(self.all())

    @overload  # type: ignore[override]
    def __getitem__(self, index: int) -> CreditCard: ...
    @overload
    def __getitem__(self, index: slice) -> list[CreditCard]: ...
    def __getitem__(self, index: int | slice) -> CreditCard | list[CreditCard]:
        if not isinstance(index, int | slice):  # a template asks for "0" first
            raise TypeError(f"A position or a slice, not {index!r}.")
        return self._rows()[index]

    def __len__(self) -> int:
        # list() and a template's loop ask for the length and then for the rows. They get the rows
        # that were just counted, without a second query. Every later loop queries again.
        rows = self._rows()
        self._counted = (self.instance.card_changes, rows)
        return len(rows)

    def __iter__(self) -> Iterator[CreditCard]:
        # A generator, because list() asks for the iterator first and then for the length.
        yield from self._counted_rows()

    def __reversed__(self) -> Iterator[CreditCard]:
        return reversed(self._counted_rows())

    def _counted_rows(self) -> list[CreditCard]:
        counted, self._counted = self._counted, None
        fresh = counted is not None and counted[0] == self.instance.card_changes
        return counted[1] if counted and fresh else self._rows()

    def __bool__(self) -> bool:
        return bool(self._rows())

    def __contains__(self, card: object) -> bool:
        return card in self._rows()

    def add(self, *cards: CreditCard, bulk: bool = False) -> None:
        """Save new cards of this customer. Another customer's card cannot be moved here.

        ``bulk`` is ignored, because it would bypass :meth:`CreditCard.save`.
        """
        super().add(*cards, bulk=False)  # type: ignore[misc]

    add.alters_data = True  # type: ignore[attr-defined]


class _CardsDescriptor(HidingDescriptor):
    mixins = (CardListMixin,)


class CustomerForeignKey(RowForeignKey[SetT, GetT]):
    """The customer of a card. Its reverse, ``customer.cards``, also behaves like a list."""

    related_accessor_class = _CardsDescriptor


if TYPE_CHECKING:
    #: What ``customer.cards`` is, for type checkers.
    CardList = CardListMixin
