"""Charges and voids while another connection keeps an old snapshot: nothing can be tidied up."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from benchmarks.growth_pages import pages_read
from benchmarks.growth_shop import BUSY, Shop
from benchmarks.report import lower_quartile

#: Parts that the run is cut into; the last is compared with the first.
PARTS = 8


def under_a_long_snapshot(shop: Shop, task: str, pairs: int) -> dict[str, float]:
    """Charge and void; return what more each takes after 1,000 of them.

    Returns:
        Milliseconds, and pages that the database reads.
    """
    times: list[float] = []
    pages: list[float] = []
    with _snapshot():
        for number in range(pairs):
            before = pages_read()
            start = time.perf_counter()
            shop.charge(shop.cards[number % BUSY]).void()
            times.append((time.perf_counter() - start) * 1000)
            pages.append((pages_read() or 0) - (before or 0))
    return {"ms": _slope(times), "pages": _slope(pages)}


@contextmanager
def _snapshot() -> Iterator[None]:
    """Hold a snapshot on a connection of its own, as a backup or a long report does."""
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
            cursor.execute("SELECT count(*) FROM dinero_customer")
        yield
    finally:
        other.close()


def _slope(times: list[float]) -> float:
    part = max(1, len(times) // PARTS)
    distance = max(1, len(times) - part)
    return (lower_quartile(times[-part:]) - lower_quartile(times[:part])) / distance * 1000
