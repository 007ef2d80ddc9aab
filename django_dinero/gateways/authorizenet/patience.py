"""Patience with ids that were just created: the gateway may not find them for some seconds."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django_dinero.gateways.authorizenet import codes
from django_dinero.gateways.authorizenet.client import Client, Reply
from django_dinero.gateways.locks import Lock
from django_dinero.send_deadline import time_left

#: Seconds for which an id that was just created may still be "not found" (reported: 2 to 15 s,
#: sandbox and production).
FRESH_SECONDS = 60.0
#: No worker that waits for replies creates more ids than this in a minute.
MAX_FRESH = 10_000
FIRST_PAUSE = 0.5
#: Stands in place of the time of creation: the id was deleted, and "not found" is the truth.
DELETED = float("-inf")


class FreshIds:
    """Remembers which ids were created within the last minute, here or elsewhere."""

    def __init__(self) -> None:
        self._created: OrderedDict[str, float] = OrderedDict()
        self._lock = Lock()

    def add(self, *ids: str) -> None:
        """Remember ids as created now."""
        self._put(time.monotonic(), ids)

    def expect(self, *ids: str) -> None:
        """Remember ids as new that another process created, unless this one has deleted them."""
        with self._lock:
            unknown = tuple(each for each in ids if each not in self._created)
        self._put(time.monotonic(), unknown)

    def deleted(self, *ids: str) -> None:
        """Remember ids as deleted: nobody waits for them any more."""
        self._put(DELETED, ids)

    def any(self, *ids: str) -> bool:
        """Say whether one of the ids was created less than a minute ago, and none deleted."""
        limit = time.monotonic() - FRESH_SECONDS
        with self._lock:
            times = [self._created.get(each, limit) for each in ids]
        return DELETED not in times and any(created > limit for created in times)

    def _put(self, value: float, ids: tuple[str, ...]) -> None:
        with self._lock:
            for each in ids:
                self._created[each] = value
                self._created.move_to_end(each)
            while len(self._created) > MAX_FRESH:
                self._created.popitem(last=False)


@dataclass(frozen=True, slots=True)
class PatientClient:
    """A client that repeats a call whose ids are too new to be found.

    Args:
        client: makes the calls.
        fresh: the ids that this process created.
        seconds: how long one call may wait in all; 0 is not at all.
    """

    client: Client
    fresh: FreshIds
    seconds: float

    def read(
        self, operation: str, values: Mapping[str, Any], *, about: tuple[str, ...] = ()
    ) -> Reply:
        """Make a call that changes nothing at the gateway.

        Args:
            operation: name without ``Request``.
            values: the operation's own elements.
            about: the ids of the customer and the card that it is about. While one of them is
                fresh and not found, the call is made again.
        """
        return self._call(operation, values, about, changes=False, key="")

    def change(
        self,
        operation: str,
        values: Mapping[str, Any],
        *,
        key: str = "",
        about: tuple[str, ...] = (),
    ) -> Reply:
        """Make a call that changes something; ``key`` is our operation key.

        "Not found" is an answer: the gateway did nothing, so repeating is safe for money too.
        """
        return self._call(operation, values, about, changes=True, key=key)

    def _call(
        self,
        operation: str,
        values: Mapping[str, Any],
        about: tuple[str, ...],
        *,
        changes: bool,
        key: str,
    ) -> Reply:
        reply = self.client.call(operation, values, changes=changes, key=key)
        pause, left = FIRST_PAUSE, time_left(self.seconds)
        while reply.code == codes.NOT_FOUND and left > 0 and self.fresh.any(*about):
            time.sleep(min(pause, left))
            left -= pause
            pause *= 2
            reply = self.client.call(operation, values, changes=changes, key=key)
        return reply
