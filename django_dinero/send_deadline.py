"""The deadline for sending a request to the gateway.

A worker may be stopped between claiming an operation and sending it (SIGSTOP, a debugger). It must
not send when it continues, because another worker may have proven the operation absent by then.
"""

from __future__ import annotations

import time
from contextvars import ContextVar

from django.utils.translation import gettext as _

from django_dinero.exceptions import NotSent

#: ``time.monotonic()`` after which nothing may be sent; None for calls that change nothing.
send_before: ContextVar[float | None] = ContextVar("dinero_send_before", default=None)


def check_may_send() -> None:
    """Raise :class:`NotSent` if the deadline has passed. Call it right before the first byte."""
    limit = send_before.get()
    if limit is not None and time.monotonic() > limit:
        raise NotSent(_("This worker was held up for too long before sending; nothing was sent."))
