"""The slices of time in which a run that looks far back is swept, the oldest first.

Each is a piece of work that ends: how much is kept in memory is bounded, and a run that is killed,
or that several tasks carry out one after the other, goes on with the next slice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from django_dinero.db import clock
from django_dinero.db.queries import primary
from django_dinero.models.transaction import Transaction
from django_dinero.services.reconcile.covered import MARGIN
from django_dinero.services.reconcile.phase import Run

#: The length of a slice. The usual run looks back two days and is one slice.
SPAN = timedelta(days=7)
#: A slice begins so much before the last one ended, as what was made near its edges counts as
#: covered by none.
OVERLAP = 4 * MARGIN
#: A slice's list is read so much further: what was submitted in it settles a little later. What
#: settles later still is asked about by itself.
LATE = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of the time that a run looks back.

    Attributes:
        since: its begin, by the gateway's clock.
        until: its end, a midnight in UTC, so that each day lies in one slice; None for now.
    """

    since: datetime
    until: datetime | None

    @property
    def listed(self) -> tuple[datetime, ...]:
        """From when on the gateway's list is read, and up to when if not to now."""
        return (self.since,) if self.until is None else (self.since, self.until + LATE)

    def leaves(self, submitted_at: datetime | None) -> bool:
        """Say whether a payment is left to the next slice, whose list has it too."""
        if self.until is None or submitted_at is None:
            return False
        return submitted_at >= self.until + OVERLAP


def slices_of(run: Run) -> Iterator[Slice]:
    """Yield the slices that are still to be swept. The last one reaches to now, and is longer."""
    now = clock.now(primary(Transaction).db)
    begin, overlap = run.since, timedelta()
    if run.swept_until is not None:
        begin, overlap = run.swept_until, OVERLAP
    while begin + 2 * SPAN < now:
        end = _midnight(begin + SPAN)
        yield Slice(begin - overlap, end)
        begin, overlap = end, OVERLAP
    yield Slice(begin - overlap, None)


def _midnight(moment: datetime) -> datetime:
    return datetime.combine(moment.astimezone(UTC).date(), time(), UTC)
