"""How long a gateway may be asked: the deadline for sending, and the budget of a worker.

A worker may be stopped between claiming an operation and sending it (SIGSTOP, a debugger, a machine
that is suspended). It must not send when it continues, because another worker may have proven the
operation absent by then.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.utils.translation import gettext as _

from django_dinero.exceptions import NotSent

#: :func:`uptime` after which nothing may be sent; None for calls that change nothing.
send_before: ContextVar[float | None] = ContextVar("dinero_send_before", default=None)

#: ``time.monotonic()`` at which whoever only reads at a gateway has to be done; None for any time.
read_until: ContextVar[float | None] = ContextVar("dinero_read_until", default=None)


def uptime() -> float:
    """Return seconds since some moment, those included in which the machine was suspended.

    ``time.monotonic()`` stands still then on Linux (clock_gettime(2)).
    """
    if sys.platform == "linux":
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


@contextmanager
def reading_for(seconds: float) -> Iterator[None]:
    """Let the calls of this block take so many seconds in all.

    Around calls that change something it would only make more unknown outcomes.
    """
    token = read_until.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        read_until.reset(token)


def time_left(seconds: float) -> float:
    """Return the seconds that a call may take: those given, or what is left of the budget."""
    end = read_until.get()
    return seconds if end is None else max(min(seconds, end - time.monotonic()), 0.0)


def check_may_send() -> None:
    """Raise :class:`NotSent` if the deadline has passed. Call it right before the first byte."""
    limit = send_before.get()
    if limit is not None and uptime() > limit:
        raise NotSent(_("This worker was held up for too long before sending; nothing was sent."))
