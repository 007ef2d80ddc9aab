"""Go through many rows with little memory."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TypeVar

from django.db import models

ModelT = TypeVar("ModelT", bound=models.Model)

#: Rows that are read at a time.
PAGE = 200
#: Primary keys that are read at a time. SQLite may bind 999 of them.
KEYS = 900
#: Primary keys that are read at a time, of rows in the order of their time.
KEYS_BY_TIME = 1000


def pages(rows: models.QuerySet[ModelT], size: int | None = None) -> Iterator[list[ModelT]]:
    """Yield rows in pages by primary key; what is added meanwhile comes last.

    No cursor is left open, so rows may be written in between, and any connection pool will do.
    """
    last = 0
    while page := list(rows.filter(pk__gt=last).order_by("pk")[: size or PAGE]):
        yield page
        last = page[-1].pk


def key_pages(rows: models.QuerySet[ModelT], size: int = KEYS) -> Iterator[list[int]]:
    """Yield the primary keys of rows in pages."""
    last = 0
    keys = rows.order_by("pk").values_list("pk", flat=True)
    while page := list(keys.filter(pk__gt=last)[:size]):
        yield page
        last = page[-1]


def key_pages_by_time(rows: models.QuerySet[ModelT]) -> Iterator[list[int]]:
    """Yield the primary keys of rows in pages, by ``created_at`` and then by key.

    It is for rows that an index has in this order. A row that is changed meanwhile, so that it is
    none of them any more, takes no others along.
    """
    in_order = rows.order_by("created_at", "pk").values_list("created_at", "pk")
    page = list(in_order[:KEYS_BY_TIME])
    while page:
        yield [pk for _moment, pk in page]
        page = list(in_order.filter(_behind(*page[-1]))[:KEYS_BY_TIME])


def _behind(moment: datetime, pk: int) -> models.Q:
    # The first term is for the index: a database does not see it in the others.
    return models.Q(created_at__gte=moment) & (
        models.Q(created_at__gt=moment) | models.Q(pk__gt=pk)
    )


def paged(rows: models.QuerySet[ModelT]) -> Iterator[ModelT]:
    """Go through rows by primary key, a page at a time."""
    for page in pages(rows):
        yield from page
