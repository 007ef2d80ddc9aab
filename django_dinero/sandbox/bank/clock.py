"""The bank's time: real UTC time plus an offset that its store keeps."""

from __future__ import annotations

import datetime
import math

from django_dinero.sandbox.bank.store import Store, reads, writes


class Clock:
    """Time that a test can move on. All processes on one store file share the offset."""

    def __init__(self, store: Store) -> None:
        self.store = store

    @reads
    def now(self) -> datetime.datetime:
        """Return the bank's time, aware, in UTC."""
        return datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=self._offset())

    @writes
    def advance(self, seconds: float) -> datetime.datetime:
        """Move the bank's time forward and return it.

        Raises:
            ValueError: ``seconds`` is negative, or leads beyond the calendar.
        """
        if not 0 <= seconds < math.inf:
            raise ValueError("seconds: the bank's time does not go back, give 0 or more.")
        self.store.put("clock_offset", repr(self._offset() + seconds))
        try:
            return self.now()
        except OverflowError:
            raise ValueError("seconds: the calendar ends before that, give less.") from None

    def _offset(self) -> float:
        return float(self.store.get("clock_offset", "0"))


def stamp(moment: datetime.datetime) -> str:
    """Return a time as text for the store. The order of the texts is that of the times."""
    return moment.astimezone(datetime.UTC).isoformat(timespec="microseconds")


def moment(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text)
