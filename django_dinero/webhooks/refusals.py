"""Webhooks that cannot be believed: counted and logged, and not stored."""

from __future__ import annotations

import time
from threading import Lock

from django.core.exceptions import SuspiciousOperation
from django.http import HttpResponse

#: Seconds in which a gateway's endpoint tells the log once. Anybody can send it thousands.
WINDOW = 60.0


class WebhookRefused(SuspiciousOperation):
    """A webhook whose signature is wrong, or that is none. Django answers 400 and logs it."""


class Refusals:
    """Counts the refusals of each gateway in this process; safe to share between threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._told: dict[str, float] = {}
        self._untold: dict[str, int] = {}

    def count(self, gateway_name: str) -> int | None:
        """Count one more.

        Returns:
            How many there were since the log was told last, this one included; None while it is
            too early to tell it again.
        """
        now = time.monotonic()
        with self._lock:
            count = self._untold.get(gateway_name, 0) + 1
            early = now - self._told.get(gateway_name, -WINDOW) < WINDOW
            self._untold[gateway_name] = count if early else 0
            if early:
                return None
            self._told[gateway_name] = now
        return count


refusals = Refusals()


def leave_out_of_log(response: HttpResponse) -> HttpResponse:
    """Return a response that Django's logger ``django.request`` does not warn of.

    It warns of each answer from 400 on, so that whoever sends thousands would fill the log. Django
    marks in the same way what it has logged before.
    """
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response
