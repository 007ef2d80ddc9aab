"""What is timed while the tables grow: charges, replays, lists, searches."""

from __future__ import annotations

import time
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any

from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from benchmarks.growth_pages import pages_read
from django_dinero.models import CreditCard, Customer, Operation, Transaction

#: Customers that the sandbox's bank knows, each with one card: the first have half of all charges.
BUSY, QUIET = 20, 20
#: A charge's amount, counted up in cents: no bank takes two for the same one.
CENTS = 10_000

Task = Callable[[int], object]


class Shop:
    """The tasks by name; each is given the number of its round and prepares nothing in its time."""

    def __init__(self) -> None:
        self.cards = list(CreditCard.objects.select_related("customer").order_by("pk")[:BUSY])
        found = CreditCard.objects.select_related("customer").order_by("pk")
        self.quiet = list(found[BUSY : BUSY + QUIET])
        self.charged = 0
        self.staff = Client()
        self.staff.force_login(User.objects.create_superuser("staff"))
        self.tasks: dict[str, Task] = {
            "charge of a busy card": lambda number: self.charge(self.cards[number % BUSY]),
            "charge of a quiet card": lambda number: self.charge(self.quiet[number % QUIET]),
            "replay of its key": self._replay,
            "Customer.retrieve": lambda number: Customer.retrieve(
                str(self.cards[number % BUSY].customer_id)
            ),
            "Transaction.retrieve": lambda number: Transaction.retrieve(self.pulled),
            "API: a shopper's own transactions": partial(self._own_list, self.quiet),
            "API: those of a busy shopper": partial(self._own_list, self.cards),
            **{f"admin list: {name}": partial(self._page, path) for name, path in LISTS.items()},
            **{name: partial(self._page, path) for name, path in OTHERS.items()},
            **{
                f"admin search: {name}, {kind}": partial(self._page, f"{LISTS[name]}?q={term}")
                for name, texts in terms().items()
                for kind, term in texts.items()
            },
        }
        first = Transaction.create("1.01", card=self.quiet[0], idempotency_key="replayed")
        self.replayed, self.pulled = first.pk, str(first.transaction_id)

    def run(self, task: str, number: int) -> float:
        """Run a task once; return milliseconds."""
        run = self.tasks[task]
        start = time.perf_counter()
        run(number)
        return (time.perf_counter() - start) * 1000

    def pages(self, task: str, rounds: int) -> float | None:
        """Run a task some times; return how many pages the database reads for it."""
        before = pages_read()
        for number in range(rounds):
            self.tasks[task](number)
        after = pages_read()
        return None if before is None or after is None else (after - before) / rounds

    def charge(self, card: CreditCard) -> Transaction:
        """Charge a stored card."""
        self.charged += 1
        return Transaction.create(Decimal(CENTS + self.charged) / 100, card=card)

    def _replay(self, number: int) -> None:
        row = Transaction.create("1.01", card=self.quiet[0], idempotency_key="replayed")
        assert row.pk == self.replayed

    def _own_list(self, cards: list[CreditCard], number: int) -> None:
        customer = cards[number % len(cards)].customer
        client: Any = APIClient()
        client.force_authenticate(customer.owner)
        answer = client.get("/api/transactions/")
        assert answer.status_code == 200, answer.content
        assert answer.data["results"]

    def _page(self, path: str, number: int) -> None:
        answer = self.staff.get(f"/admin/dinero/{path}")
        assert answer.status_code == 200, answer


LISTS = {
    "customers": "customer/",
    "cards": "creditcard/",
    "transactions": "transaction/",
    "operations": "operation/",
}
#: The last days of many, and the rows that an index has first.
OTHERS = {
    "admin: overview": "transaction/overview/?mode=test",
    "admin list: transactions by amount": "transaction/?o=0",
}


def terms() -> dict[str, dict[str, str]]:
    """Return what is searched for, by list and kind: all of one shopper, in the midst of them."""
    middle = Customer.objects.count() // 2
    customer = Customer.objects.order_by("pk")[middle]
    card = customer.cards.get()
    row = Transaction.objects.filter(card=card).order_by("pk").first()
    row = row or Transaction.objects.order_by("pk")[0]
    operation = Operation.objects.get(key=row.operation_key)
    busy = str(Customer.objects.order_by("pk")[BUSY - 1].customer_id)
    day = timezone.localdate(row.created_at).isoformat()
    name = f"{customer.first_name} {customer.last_name}"
    of_shopper = {
        "e-mail": customer.email,
        "last four digits": card.last_4,
        "customer id": str(customer.customer_id),
        "day": day,
        "nothing": "no such thing",
        "no such number": "123456789",
    }
    return {
        "customers": {
            **of_shopper,
            "name": name,
            "customer key": customer.customer_key,
            "public id": str(customer.public_id),
        },
        "cards": {
            **of_shopper,
            "name": name,
            "card id": card.card_id,
            "public id": str(card.public_id),
        },
        "transactions": {
            **of_shopper,
            "id of a busy customer": busy,
            "card id": card.card_id,
            "transaction id": str(row.transaction_id),
            "operation key": str(row.operation_key),
            "order reference": row.order_reference,
            "public id": str(row.public_id),
            "frequent amount": "9.99",
            "rare amount": "731.00 USD",
            "no such amount": "4321.99",
        },
        "operations": {
            "customer id": str(customer.customer_id),
            "id of a busy customer": busy,
            "key": operation.key,
            "idempotency key": str(operation.idempotency_key),
            "transaction id": str(row.transaction_id),
            "public id": str(row.public_id),
            "lock name": f"customer:default:{customer.customer_key}",
            "nothing": "no such thing",
        },
    }
