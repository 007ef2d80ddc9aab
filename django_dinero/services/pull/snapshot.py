"""Our rows before the gateway was asked. Changes since then are newer than its answer."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from django.db import router
from django.db.models import Max, Q, QuerySet

from django_dinero.db.fields import UtcNow
from django_dinero.models.card import CreditCard
from django_dinero.models.customer import Customer
from django_dinero.models.operation import (
    BEING_SENT,
    DELETES,
    OPEN_STATES,
    Operation,
    OperationKind,
    OperationState,
)
from django_dinero.models.sync_state import WAITING

#: States of a delete that may still be sent. What it names is deleted here and stays deleted.
UNFINISHED_STATES = (*OPEN_STATES, OperationState.ABSENT)


@dataclass
class Snapshot:
    """The versions of our rows before the gateway was asked.

    An empty snapshot means that none was taken. Then no row counts as newer than the answer.

    Attributes:
        versions: by model and primary key; None if no snapshot was taken.
        waiting: the rows that waited to be pushed.
        last_delete: the newest delete that the answer can reflect.
        deletes: ids of what was deleted here and may still be in the answer.
        adding_cards: ids of customers to whom a worker is adding a card. It writes the row itself.
    """

    versions: Mapping[type[Customer | CreditCard], Mapping[int, int]] | None = None
    waiting: Collection[Customer | CreditCard] = ()
    last_delete: int | None = None
    deletes: set[tuple[str, str]] = field(default_factory=set)
    adding_cards: set[str] = field(default_factory=set)

    def is_newer(self, row: Customer | CreditCard) -> bool:
        """Say whether the row was written or pushed since, so that the answer may be older."""
        # A row that waited may have been pushed while the answer was on its way.
        return self.is_rewritten(row) or row in self.waiting

    def is_rewritten(self, row: Customer | CreditCard) -> bool:
        """Say whether the row was written since the snapshot."""
        return self.versions is not None and self._known_versions(row).get(row.pk) != row.version

    def is_new(self, row: Customer | CreditCard) -> bool:
        """Say whether the row was inserted since the snapshot."""
        return self.versions is not None and row.pk not in self._known_versions(row)

    def _known_versions(self, row: Customer | CreditCard) -> Mapping[int, int]:
        return (self.versions or {})[CreditCard if isinstance(row, CreditCard) else Customer]

    def is_deleted_here(self, customer_id: str, card_id: str = "") -> bool:
        """Say whether this was deleted here and is still to be deleted at the gateway."""
        return (customer_id, card_id) in self.deletes

    def read_operations(self, gateway_name: str, customer_ids: Collection[str]) -> None:
        """Read the deletes that the answer may not reflect yet, and which cards are being added."""
        unfinished = Q(state__in=UNFINISHED_STATES)
        if self.last_delete is not None:
            unfinished |= Q(pk__gt=self.last_delete)
        rows = _operations().filter(gateway_name=gateway_name, customer_id__in=customer_ids)
        found = rows.filter(
            Q(unfinished, kind__in=DELETES)
            | Q(kind=OperationKind.ADD_CARD, state__in=BEING_SENT, lease_until__gt=UtcNow())
        )
        for kind, customer_id, card_id in found.values_list("kind", "customer_id", "card_id"):
            if kind in DELETES:
                self.deletes.add((customer_id, card_id))
            else:
                self.adding_cards.add(customer_id)


def take_snapshot(gateway_name: str, customer_id: str) -> Snapshot:
    """Read the versions of a customer and its cards, before the gateway is asked for them."""
    using = router.db_for_write(Customer)
    versions: dict[type[Customer | CreditCard], dict[int, int]] = {}
    waiting: list[Customer | CreditCard] = []
    for model in (Customer, CreditCard):
        rows = model._default_manager.using(using)
        rows = rows.filter(gateway_name=gateway_name, customer_id=customer_id)
        found = list(rows.only("version", "sync_state"))
        versions[model] = {row.pk: row.version for row in found}
        waiting += [row for row in found if row.sync_state in WAITING]
    # Of any kind: the newest key is at hand in the index, and no delete before it is newer.
    last = _operations().aggregate(last=Max("pk"))["last"]
    return Snapshot(versions, waiting, last or 0)


def _operations() -> QuerySet[Operation]:
    return Operation.objects.using(router.db_for_write(Operation))
