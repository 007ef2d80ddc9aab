"""One worker of the shop: random verbs, until it has done its share or is killed."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable
from typing import Any, TypeVar

from django.core.exceptions import ObjectDoesNotExist
from django.db import transaction

from django_dinero.exceptions import DineroError, NotSent, OperationInProgress, OutcomeUnknown
from django_dinero.models import CreditCard, Customer, Transaction

CARD: dict[str, Any] = {
    "number": "4111111111111111",
    "month": 12,
    "year": 2035,
    "address": "1 Elm St",
}
NUMBERS = ("4007000000027", "4012888818888", "5424000000000015")
RowT = TypeVar("RowT")


class ChangedMyMindError(Exception):
    """What rolls a transaction back."""


class Worker:
    """Does random things, each decided by ``seed`` alone; a refusal is an answer like others."""

    def __init__(self, name: str, seed: int) -> None:
        self.name = name
        self.random = random.Random(seed)
        self.made = 0

    def work(self, count: int, begun: Callable[[], object]) -> None:
        """Do so many things, and tell of each when it begins."""
        verbs: list[Callable[[], object]] = [self.charge] * 6
        verbs += [self.capture, self.void, self.refund] * 2 + [self.store, self.add_card] * 2
        verbs += [self.create, self.edit, self.edit_in_a_transaction, self.edit_in_bulk]
        verbs += [self.edit_card, self.replace_number, self.delete_card, self.delete_customer]
        for _ in range(count):
            begun()
            with contextlib.suppress(DineroError, ObjectDoesNotExist):
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
        Customer.create(self._email(), **CARD, zip="80202")

    def add_card(self) -> None:
        """Store one more card."""
        is_default = self.random.random() < 0.3
        self._customer().add_card(**CARD, zip=self._zip(), is_default=is_default)

    def create(self) -> None:
        """Store a customer without a card: the row is pushed after its commit."""
        Customer(email=self._email(), first_name="No", last_name="Card").save()

    def edit(self) -> None:
        """Change a customer."""
        customer = self._customer()
        customer.email = self._email()
        customer.save()

    def edit_in_a_transaction(self) -> None:
        """Change a customer and a card in a transaction, which is rolled back now and then."""
        customer = self._customer()
        with contextlib.suppress(ChangedMyMindError), transaction.atomic():
            customer.email = self._email()
            customer.save()
            for card in customer.cards.all()[:1]:
                card.zip = self._zip()
                card.save()
            if self.random.random() < 0.4:
                raise ChangedMyMindError

    def edit_in_bulk(self) -> None:
        """Change a customer past save(): it waits for a push."""
        Customer.objects.filter(pk=self._customer().pk).update(email=self._email())

    def edit_card(self) -> None:
        """Change a card, and make it the default now and then."""
        card = self._any(list(CreditCard.objects.order_by("pk")))
        if card:
            card.zip, card.month = self._zip(), self.random.randint(1, 12)
            if self.random.random() < 0.4:
                card.is_default = True
            card.save()

    def replace_number(self) -> None:
        """Give a card a new number."""
        card = self._any(list(CreditCard.objects.order_by("pk")))
        if card:
            card.number = self.random.choice(NUMBERS)
            card.save()

    def delete_card(self) -> None:
        """Delete a card."""
        card = self._any(list(CreditCard.objects.order_by("pk")))
        if card:
            card.delete()

    def delete_customer(self) -> None:
        """Delete a customer, with or without cards, perhaps one whose creation is unknown."""
        customer = self._any(list(Customer.objects.order_by("pk")))
        if customer:
            customer.delete()

    def _email(self) -> str:
        return f"{self.random.random()}@example.com"

    def _zip(self) -> str:
        return f"{self.random.randint(10000, 45000)}"

    def _customer(self) -> Customer:
        found = self._any(list(Customer.objects.exclude(cards=None).order_by("pk")))
        return found or Customer.create("first@example.com", **CARD, zip="80202")

    def _row(self, **wanted: Any) -> Transaction | None:
        rows = Transaction.objects.filter(**wanted)
        return self._any(list(rows.order_by("pk")))

    def _any(self, rows: list[RowT]) -> RowT | None:
        return self.random.choice(rows) if rows else None
