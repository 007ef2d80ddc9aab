"""When to stop asking a gateway: after so many failures in a row."""

from __future__ import annotations

#: After so many the rest is left for another time.
GIVE_UP_AFTER = 3


class FailuresInARow:
    """Counts failures in a row. One that is no failure begins the count anew.

    Args:
        limit: after how many it is time to give up.
    """

    def __init__(self, limit: int = GIVE_UP_AFTER) -> None:
        self.limit = limit
        self._count = 0

    def note(self, *, failed: bool) -> bool:
        """Note how one more ended; say whether it is time to give up."""
        self._count = self._count + 1 if failed else 0
        return self._count >= self.limit
