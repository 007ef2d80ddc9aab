"""The room that charges take in the database: rows and indexes."""

from __future__ import annotations

from decimal import Decimal

from django.db import connection

from django_dinero.models import CreditCard, Operation, Transaction

#: How many cards the charges are spread over.
CARDS = 20


def size_of_each(count: int) -> float:
    """Return the bytes of each of ``count`` charges: all that the tables have."""
    return _sizes()["all"] / count


def size_of_charges(count: int) -> dict[str, float]:
    """Make charges in empty tables; return the bytes of each.

    What an update leaves behind counts: it is what charges take between two runs of a vacuum. The
    cards are the newest: the busy ones, which are the first, get their first charge later.
    """
    cards = list(CreditCard.objects.select_related("customer").order_by("-pk")[:CARDS])
    before = _sizes()
    for number in range(count):
        price = Decimal(999 + number % 50)  # most shops have few prices
        Transaction.create(
            price,
            card=cards[number % len(cards)],
            order_reference=f"A-{number}",
            idempotency_key=f"size-{number}",
        )
    grown = {name: size - before[name] for name, size in _sizes().items()}
    return {name: size / count for name, size in grown.items()} if count else {}


def _sizes() -> dict[str, float]:
    if connection.vendor != "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
            return {"all": cursor.fetchone()[0]}
    with connection.cursor() as cursor:
        tables = [model._meta.db_table for model in (Operation, Transaction)]
        cursor.execute(
            "SELECT sum(pg_table_size(t)), sum(pg_indexes_size(t)) FROM unnest(%s::regclass[]) t",
            [tables],
        )
        rows, indexes = map(float, cursor.fetchone())
    return {"rows": rows, "indexes": indexes, "all": rows + indexes}
