"""A list as CSV: all of its rows, a page in memory at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.db.models import Model, QuerySet
from django.http import StreamingHttpResponse

from django_dinero.csv_rows import csv_lines
from django_dinero.enums import TransactionKind
from django_dinero.models import (
    CreditCard,
    Customer,
    Difference,
    Operation,
    Reconciliation,
    Transaction,
    WebhookEvent,
)
from django_dinero.models.family import Family
from django_dinero.models.standing import standing_of
from django_dinero.money import EXACT, normalise

#: What stands under a heading: the name of an attribute, or what is made of the row.
Column = str | Callable[[Any], object]
#: Rows that are read at a time.
PAGE = 500


def signed_price(row: Transaction) -> Decimal:
    """Return the amount as it changes the balance: what was given back is negative."""
    price = normalise(Decimal(row.price), row.currency)
    return EXACT.minus(price) if row.kind == TransactionKind.REFUND else price


def _amount(name: str) -> Callable[[Operation | Difference], Decimal | None]:
    """Return what reads an amount of a row, with the decimals of its currency."""

    def read(row: Operation | Difference) -> Decimal | None:
        amount = getattr(row, name)
        return None if amount is None else normalise(Decimal(amount), row.currency)

    return read


_ACCOUNT: Mapping[str, Column] = {"gateway_name": "gateway_name", "live": "live"}

COLUMNS: Mapping[type[Model], Mapping[str, Column]] = {
    Transaction: {
        "id": "public_id",
        "created_at": "created_at",
        "kind": "kind",
        "standing": lambda row: standing_of(Family.of(row)).value,
        "price": signed_price,
        "currency": "currency",
        **_ACCOUNT,
        "transaction_id": "transaction_id",
        "order_reference": "order_reference",
        "description": "description",
        "email": lambda row: row.customer.email if row.customer is not None else "",
        "customer_id": "customer_id",
        "brand": "brand",
        "last_4": "last_4",
        "auth_code": "auth_code",
        "reason": "reason",
        "settled_at": "settled_at",
        "batch_id": "batch_id",
    },
    Customer: {
        "id": "public_id",
        "created_at": "created_at",
        "email": "email",
        "first_name": "first_name",
        "last_name": "last_name",
        "cards": lambda row: len(row.cards.all()),
        "sync_state": "sync_state",
        **_ACCOUNT,
        "customer_id": "customer_id",
    },
    CreditCard: {
        "id": "public_id",
        "created_at": "created_at",
        "email": lambda row: row.customer.email,
        "brand": "brand",
        "last_4": "last_4",
        "month": "month",
        "year": "year",
        "is_default": "is_default",
        "sync_state": "sync_state",
        **_ACCOUNT,
        "customer_id": "customer_id",
        "card_id": "card_id",
    },
    Operation: {
        "id": "key",
        "created_at": "created_at",
        "kind": "kind",
        "state": "state",
        "amount": _amount("amount"),
        "currency": "currency",
        **_ACCOUNT,
        "idempotency_key": "idempotency_key",
        "transaction_id": "transaction_id",
        "customer_id": "customer_id",
        "card_id": "card_id",
    },
    Difference: {
        "first_seen_at": "first_seen_at",
        "last_seen_at": "last_seen_at",
        "kind": "kind",
        "state": "state",
        "subject": "subject",
        "text": "shown_text",
        "amount_here": _amount("amount_here"),
        "amount_there": _amount("amount_there"),
        "currency": "currency",
        **_ACCOUNT,
        "transaction_id": "transaction_id",
        "customer_id": "customer_id",
        "note": "note",
    },
    Reconciliation: {
        "started_at": "started_at",
        "ended_at": "ended_at",
        "state": "state",
        **_ACCOUNT,
        "error": "error",
    },
    WebhookEvent: {
        "received_at": "received_at",
        "applied_at": "applied_at",
        "event_type": "event_type",
        "state": "state",
        **_ACCOUNT,
        "object_kind": "object_kind",
        "object_id": "object_id",
        "event_id": "event_id",
        "error": "error",
    },
}


def columns_of(model: type[Model]) -> Mapping[str, Column]:
    """Return the columns of a model's file, by their headings."""
    known = (columns for each, columns in COLUMNS.items() if issubclass(model, each))
    return next(known, {})


def csv_response(
    name: str, columns: Mapping[str, Column], rows: QuerySet[Any]
) -> StreamingHttpResponse:
    """Return rows as a file, the newest first.

    It is written while it is sent, a page of rows at a time, and no cursor is left open: a list of
    millions takes no more memory than a short one, with any database and any connection pool.

    Args:
        name: what the file is called, before the date.
        columns: by their headings.
        rows: as the list has them; their order is not kept.
    """
    cells = ([_value(row, each) for each in columns.values()] for row in _newest_first(rows))
    response = StreamingHttpResponse(
        csv_lines(columns, cells), content_type="text/csv; charset=utf-8"
    )
    day = datetime.now(UTC).date().isoformat()
    response["Content-Disposition"] = f'attachment; filename="{name}-{day}.csv"'
    response["Cache-Control"] = "private, no-store"
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _newest_first(rows: QuerySet[Any]) -> Iterator[Any]:
    """Go through rows by primary key, from the highest; what is written meanwhile is left out."""
    in_order = rows.order_by("-pk")
    page = list(in_order[:PAGE])
    while page:
        yield from page
        further = len(page) == PAGE
        page = list(in_order.filter(pk__lt=page[-1].pk)[:PAGE]) if further else []


def _value(row: Any, column: Column) -> object:
    found: object = column(row) if callable(column) else getattr(row, column)
    if isinstance(found, datetime):
        return found.astimezone(UTC).isoformat(timespec="seconds")
    return found
