"""``customer.cards``: a list to look at, and a manager to query."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, overload

from django.db.models.fields.related_descriptors import (
    ReverseManyToOneDescriptor,
    create_reverse_many_to_one_manager,
)
from django.utils.functional import cached_property

from django_dinero.cards import wrap_secrets
from django_dinero.db.fields import GetT, RowForeignKey, SetT
from django_dinero.models.customer import Customer
from django_dinero.models.sync_state import SyncedQuerySet

if TYPE_CHECKING:
    from django_dinero.models.card import CreditCard

    _ListBase = SyncedQuerySet["CreditCard"]
else:
    _ListBase = object


class CardListMixin(_ListBase):
    """Makes ``customer.cards`` a list to look at, and leaves it a manager to query."""

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
        # list() and the template loop ask for the length, then for the rows at once after it: they
        # get the rows that were counted. Any later loop asks again, one after add_card() at once.
        rows = self._rows()
        self._counted = (self.instance.cards_changed, rows)
        return len(rows)

    def __iter__(self) -> Iterator[CreditCard]:
        # A generator: list() asks for the iterator first, and for the length before the first row.
        yield from self._counted_rows()

    def __reversed__(self) -> Iterator[CreditCard]:
        return reversed(self._counted_rows())

    def _counted_rows(self) -> list[CreditCard]:
        counted, self._counted = self._counted, None
        fresh = counted is not None and counted[0] == self.instance.cards_changed
        return counted[1] if counted and fresh else self._rows()

    def __bool__(self) -> bool:
        return bool(self._rows())

    def __contains__(self, card: object) -> bool:
        return card in self._rows()

    def create(self, **kwargs: Any) -> CreditCard:
        """Store one more card, as :meth:`Customer.add_card` does."""
        wrap_secrets(kwargs, misplaced=False)
        return super().create(**kwargs)

    create.alters_data = True  # type: ignore[attr-defined]

    async def acreate(self, **kwargs: Any) -> CreditCard:
        """As :meth:`create`."""
        wrap_secrets(kwargs, misplaced=False)
        return await super().acreate(**kwargs)

    acreate.alters_data = True  # type: ignore[attr-defined]

    def add(self, *cards: CreditCard, bulk: bool = False) -> None:
        """Save new cards of this customer; another customer's card cannot be moved here.

        Django's ``bulk`` would write past :meth:`CreditCard.save` and is not followed.
        """
        super().add(*cards, bulk=False)  # type: ignore[misc]

    add.alters_data = True  # type: ignore[attr-defined]


class _CardsDescriptor(ReverseManyToOneDescriptor):  # type: ignore[type-arg]
    @cached_property
    def related_manager_cls(self) -> type[Any]:
        manager = type(self.rel.related_model._default_manager)
        made = create_reverse_many_to_one_manager(manager, self.rel)
        return type("CardListManager", (CardListMixin, made), {})


class CustomerForeignKey(RowForeignKey[SetT, GetT]):
    """The customer of a card; its reverse, ``customer.cards``, can be indexed and counted."""

    related_accessor_class = _CardsDescriptor


if TYPE_CHECKING:
    #: What ``customer.cards`` is, for type checkers.
    CardList = CardListMixin
