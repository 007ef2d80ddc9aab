"""Says why a call broke, in a few words that quote nothing of the request."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from typing import Any


class BadReply(Exception):
    """What came back is no reply to read; the text is ours."""


def reason(error: BaseException) -> str:
    """Return the innermost cause in a few words of ours, or of the system's.

    Args:
        error: what a connection raised. Its own text is not used: it may hold the request.
    """
    if isinstance(error, BadReply):
        return str(error)
    cause = error
    for inner in _inner(error):
        cause = inner
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"bad certificate: {cause.verify_message}"
    if isinstance(cause, TimeoutError):
        return "timed out"
    if isinstance(cause, ssl.SSLError):
        return f"TLS failed: {cause.reason or type(cause).__name__}"
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    return type(cause).__name__


def _inner(error: BaseException) -> Iterator[BaseException]:
    """Go through the errors that ``error`` wraps, outermost first."""
    seen = {id(error)}
    current_error: Any = error
    while True:
        wrapped = [current_error.__cause__, current_error.__context__, *current_error.args]
        found = [e for e in wrapped if isinstance(e, BaseException) and id(e) not in seen]
        if not found:
            return
        current_error = found[0]
        seen.add(id(current_error))
        yield current_error
