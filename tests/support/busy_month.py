"""A shop's last month, for pages that show one: the same each time, whatever the day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django_dinero.models import Transaction
from django_dinero.testing.factories import (
    CreditCardFactory,
    CustomerFactory,
    OperationFactory,
    TransactionFactory,
)

PEOPLE = (
    *(("ada@example.com", "Ada", "Lovelace"), ("grace@example.com", "Grace", "Hopper")),
    *(("alan@example.com", "Alan", "Turing"), ("edsger@example.com", "Edsger", "Dijkstra")),
    ("barbara.liskov@department.example.org", "Barbara", "Liskov"),
)
CARDS = (("visa", "1111"), ("mastercard", "4444"), ("amex", "0005"), ("visa", "4242"))
REASONS = ("card_declined", "card_declined", "card_declined", "cvv_mismatch", "avs_mismatch")
DAYS = 30


def fill(days: int = DAYS, *, live: bool = True) -> None:
    """Write a month of payments of a shop, and a few things that need somebody."""
    cards = list(_cards(live=live))
    number = 0
    for ago in reversed(range(days)):
        for order in range(3 + (ago * 7) % 5):
            number += 1
            _payment(number, ago, order, cards[number % len(cards)], live=live)
    now = datetime.now(UTC)
    given: dict[str, Any] = {"live": live, "kind": "charge", "amount": "25", "currency": "USD"}
    OperationFactory(state="unknown", quarantine_until=now - timedelta(hours=3), **given)
    OperationFactory(state="needs_attention", **given)


def _cards(*, live: bool) -> Iterator[Any]:
    for position, (email, first, last) in enumerate(PEOPLE):
        brand, last_4 = CARDS[position % len(CARDS)]
        customer = CustomerFactory(email=email, first_name=first, last_name=last, live=live)
        yield CreditCardFactory(
            customer=customer, brand=brand, last_4=last_4, live=live, is_default=True
        )


def _payment(number: int, ago: int, order: int, card: Any, *, live: bool) -> None:
    moment = datetime.now(UTC) - timedelta(days=ago, minutes=7 * order)
    price = Decimal(900 + (number * 7919) % 24000) / 100
    given: dict[str, Any] = {
        "card": card,
        "customer": card.customer,
        "live": live,
        "price": price,
        "order_reference": f"A-{1000 + number}",
    }
    status = "settled" if ago > 1 else "approved"
    if number % 11 == 7:
        given["reason"] = REASONS[(number // 11) % len(REASONS)]
        row = TransactionFactory(status="declined", **given)
    elif number % 9 == 4:
        row = TransactionFactory(kind="authorization", status="approved", **given)
        if number % 2:
            part = {**given, "price": price if number % 4 == 1 else round(price / 2, 2)}
            _age(TransactionFactory(kind="capture", parent=row, status=status, **part), moment)
    elif number % 67 == 3:
        row = TransactionFactory(held=True, **given)
    elif number % 83 == 5:
        row = TransactionFactory(status="charged_back", **given)
    else:
        row = TransactionFactory(status=status, **given)
        if number % 17 == 2:
            part = {**given, "price": price if number % 2 else Decimal("5.00")}
            later = moment + timedelta(hours=5)
            _age(TransactionFactory(kind="refund", parent=row, **part), later)
    _age(row, moment)


def _age(row: Transaction, moment: datetime) -> None:
    Transaction.objects.filter(pk=row.pk).update(created_at=moment, updated_at=moment)
