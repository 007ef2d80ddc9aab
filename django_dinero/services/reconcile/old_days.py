"""Days whose books differ, and which no run looks back to any more: compared again at times.

What is behind such a difference may be mended later, and it ends when the day agrees.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from itertools import islice

from django_dinero.db import clock
from django_dinero.db.queries import primary
from django_dinero.models.difference import Difference, DifferenceKind
from django_dinero.services.reconcile import differences
from django_dinero.services.reconcile.findings import Findings
from django_dinero.services.reconcile.slices import OVERLAP, Slice

#: How many days a run compares again. Each costs a list of a few days.
AT_ONCE = 3
#: How long each of them rests after that.
REST = timedelta(hours=6)
DAY = timedelta(days=1)


def days_again(findings: Findings) -> Iterator[Slice]:
    """Yield the days that are to be compared again, those that have rested longest first."""
    if not findings.run.dry_run:
        yield from islice(_days_again(findings), AT_ONCE)


def _days_again(findings: Findings) -> Iterator[Slice]:
    rested = clock.now(primary(Difference).db) - REST
    for row in findings.not_found_again(DifferenceKind.BOOKS):
        if differences.last_asked_at(row.last_seen_at, row.facts) > rested:
            return
        begin = None if row.day is None else datetime.combine(row.day, time(), UTC)
        if begin is not None and begin < findings.run.since:
            findings.note_asked(row)  # or a day that cannot be read would hold up the others
            yield Slice(begin - OVERLAP, begin + DAY)
