"""The last moment at which a request may still leave for the gateway.

A worker that was stopped between claiming an operation and sending it (SIGSTOP, a debugger) must
not send it when it wakes: by then somebody else may have proven it absent.
"""

from __future__ import annotations

import time
from contextvars import ContextVar

from django.utils.translation import gettext as _

from django_dinero.exceptions import NotSent

#: ``time.monotonic()`` after which nothing may be sent; None for calls that change nothing.
send_before: ContextVar[float | None] = ContextVar("dinero_send_before", default=None)


def check_may_send() -> None:
    """Raise :class:`NotSent` if the moment has passed. Called right before the first byte."""
    limit = send_before.get()
    if limit is not None and time.monotonic() > limit:
        raise NotSent(_("This worker was held up for too long before sending; nothing was sent."))
