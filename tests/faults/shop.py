"""One worker of the shop: random verbs, until it has done its share or is killed."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable
from typing import Any, TypeVar

from django.db import connection

from django_dinero.exceptions import DineroError, NotSent, OperationInProgress, OutcomeUnknown
from django_dinero.models import Customer, Operation, Transaction
from django_dinero.models.operation import OperationState
from django_dinero.services.lookup import resolve

CARD: dict[str, Any] = {
    "number": "4111111111111111",
    "month": 12,
    "year": 2035,
    "address": "1 Elm St",
}
RowT = TypeVar("RowT")

#: What a resolved journal must not have any more.
OPEN = (OperationState.NEW, OperationState.SENT, OperationState.UNKNOWN)


class Worker:
    """Does random things, each decided by ``seed`` alone; a refusal is an answer like others."""

    def __init__(self, name: str, seed: int) -> None:
        self.name = name
        self.random = random.Random(seed)
        self.made = 0

    def work(self, count: int) -> None:
        """Do so many things."""
        verbs: list[Callable[[], object]] = [self.charge] * 6
        verbs += [self.capture, self.void, self.refund] * 2 + [self.store, self.add_card]
        for _ in range(count):
            with contextlib.suppress(DineroError):
                self.random.choice(verbs)()

    def charge(self) -> None:
        """Charge or authorize, and as a shop does: again with the same key until it is clear."""
        customer = self._customer()
        self.made += 1
        key = f"{self.name}-order-{self.made:05d}"
        price = f"{self.random.randint(100, 9999) / 100:.2f}"
        settle = self.random.random() < 0.7
        for _attempt in range(self.random.randint(1, 3)):
            try:
                Transaction.create(price, customer=customer, settle=settle, idempotency_key=key)
            except (NotSent, OutcomeUnknown, OperationInProgress):
                continue
            return

    def capture(self) -> None:
        """Capture a random authorization, all of it or a part."""
        row = self._row(kind="authorization", status="approved")
        part = self.random.choice([None, f"{float(row.price) / 2:.2f}"]) if row else None
        if row:
            row.settle(part)

    def void(self) -> None:
        """Void something."""
        row = self._row(status="approved", kind__in=["charge", "authorization"])
        if row:
            row.void()

    def refund(self) -> None:
        """Refund something, all of it or a part."""
        row = self._row(status__in=["approved", "settled"], kind__in=["charge", "capture"])
        if row:
            row.refund(self.random.choice([None, "0.50"]))

    def store(self) -> None:
        """Store a customer with a card."""
        Customer.create(f"{self.random.random()}@example.com", **CARD, zip="80202")

    def add_card(self) -> None:
        """Store one more card."""
        self._customer().add_card(**CARD, zip=f"{self.random.randint(10000, 45000)}")

    def _customer(self) -> Customer:
        found = self._any(list(Customer.objects.exclude(cards=None).order_by("pk")))
        return found or Customer.create("first@example.com", **CARD, zip="80202")

    def _row(self, **wanted: Any) -> Transaction | None:
        rows = Transaction.objects.filter(**wanted)
        return self._any(list(rows.order_by("pk")))

    def _any(self, rows: list[RowT]) -> RowT | None:
        return self.random.choice(rows) if rows else None


def resolve_all() -> int:
    """Resolve what is open, as far as it goes now; return how much still is."""
    for operation in Operation.objects.filter(state__in=OPEN).order_by("pk"):
        with contextlib.suppress(DineroError):
            resolve(operation)
    connection.close()
    return Operation.objects.filter(state__in=OPEN).count()
