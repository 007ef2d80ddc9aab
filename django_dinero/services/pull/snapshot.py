"""What our rows were when the gateway was asked: its answer is older than what came since."""

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

#: A delete in one of these may still be to come: what it names is gone here, and stays so.
UNDONE = (*OPEN_STATES, OperationState.ABSENT)


@dataclass
class Snapshot:
    """Versions of rows by primary key; without any, no row counts as newer.

    Attributes:
        versions: by model; None if nobody looked before the gateway was asked.
        waiting: the rows that waited to be pushed then.
        last_operation: the newest delete that the answer can know of.
        deletes: ids of what was deleted here and may still be in the answer.
        adding: customers for whom a worker is storing a card, which writes its row itself.
    """

    versions: Mapping[type[Customer | CreditCard], Mapping[int, int]] | None = None
    waiting: Collection[Customer | CreditCard] = ()
    last_operation: int | None = None
    deletes: set[tuple[str, str]] = field(default_factory=set)
    adding: set[str] = field(default_factory=set)

    def is_newer(self, row: Customer | CreditCard) -> bool:
        """Say whether the row was written or pushed since; the answer does not know that yet."""
        # What waited may have been pushed while the answer was on its way.
        return self.is_rewritten(row) or row in self.waiting

    def is_rewritten(self, row: Customer | CreditCard) -> bool:
        """Say whether the row was written since."""
        return self.versions is not None and self._known(row).get(row.pk) != row.version

    def is_new(self, row: Customer | CreditCard) -> bool:
        """Say whether the row was not there yet."""
        return self.versions is not None and row.pk not in self._known(row)

    def _known(self, row: Customer | CreditCard) -> Mapping[int, int]:
        return (self.versions or {})[CreditCard if isinstance(row, CreditCard) else Customer]

    def deleted(self, customer_id: str, card_id: str = "") -> bool:
        """Say whether this was deleted here and is only still to be deleted at the gateway."""
        return (customer_id, card_id) in self.deletes

    def read_operations(self, gateway_name: str, customer_ids: Collection[str]) -> None:
        """Read which deletes the answer may not know of, and which cards are being stored."""
        undone = Q(state__in=UNDONE)
        if self.last_operation is not None:
            undone |= Q(pk__gt=self.last_operation)
        rows = _operations().filter(gateway_name=gateway_name, customer_id__in=customer_ids)
        found = rows.filter(
            Q(undone, kind__in=DELETES)
            | Q(kind=OperationKind.ADD_CARD, state__in=BEING_SENT, lease_until__gt=UtcNow())
        )
        for kind, customer_id, card_id in found.values_list("kind", "customer_id", "card_id"):
            if kind in DELETES:
                self.deletes.add((customer_id, card_id))
            else:
                self.adding.add(customer_id)


def take_snapshot(gateway_name: str, customer_id: str) -> Snapshot:
    """Look at a customer and the cards, before the gateway is asked for them."""
    using = router.db_for_write(Customer)
    versions: dict[type[Customer | CreditCard], dict[int, int]] = {}
    waiting: list[Customer | CreditCard] = []
    for model in (Customer, CreditCard):
        rows = model._default_manager.using(using)
        rows = rows.filter(gateway_name=gateway_name, customer_id=customer_id)
        found = list(rows.only("version", "sync_state"))
        versions[model] = {row.pk: row.version for row in found}
        waiting += [row for row in found if row.sync_state in WAITING]
    last = _operations().filter(kind__in=DELETES).aggregate(last=Max("pk"))["last"]
    return Snapshot(versions, waiting, last or 0)


def _operations() -> QuerySet[Operation]:
    return Operation.objects.using(router.db_for_write(Operation))
