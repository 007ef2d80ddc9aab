"""Of which time a complete list of the gateway's proves something."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Self

from django_dinero.db import clock
from django_dinero.db.queries import primary
from django_dinero.gateways.calls import ask
from django_dinero.models.transaction import Transaction
from django_dinero.services.reconcile.phase import Run

#: Clocks run apart, and a list may lag behind what the gateway has.
MARGIN = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Covered:
    """The time that a list from ``since`` covers for certain.

    Attributes:
        since: by the gateway's clock.
        until: before the list was begun, by the margin of clocks and lists.
    """

    since: datetime
    until: datetime

    @classmethod
    def of(cls, run: Run, since: datetime, until: datetime | None) -> Self:
        """Return what a list covers that is begun now.

        Args:
            since: from when on it is read.
            until: up to when it is complete, at most; None for now.

        Raises:
            DineroError: the gateway's time cannot be learned.
        """
        now = clock.now(primary(Transaction).db)
        theirs = ask(run.gateway, run.gateway.clock)
        if theirs is not None:
            now = min(now, theirs)
        margin = max(MARGIN, timedelta(seconds=run.gateway.quarantine_seconds))
        end = now - margin
        return cls(since, end if until is None else min(end, until))

    def has_day(self, day: date) -> bool:
        """Say whether the whole of a UTC day lies inside."""
        begins = datetime.combine(day, time(), UTC)
        # Taken from the end: a gateway's nonsense may name the last day that there is.
        return self.since <= begins <= self.until - timedelta(days=1)
