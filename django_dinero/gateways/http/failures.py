"""Why a call broke, in a few words that quote nothing of the request."""

from __future__ import annotations

import http.client
import ssl

_WORDS: tuple[tuple[type[BaseException], str], ...] = (
    (TimeoutError, "timed out"),
    (http.client.RemoteDisconnected, "the connection was closed without a reply"),
    (http.client.IncompleteRead, "the reply was cut off"),
    (http.client.HTTPException, "this is no HTTP"),
)


class BadReply(Exception):
    """What came back cannot be read as a reply; the text is ours."""


def reason(error: BaseException) -> str:
    """Return the innermost cause in a few words, ours or the operating system's.

    Args:
        error: what a connection raised. Its own text is not used: it may hold the request.
    """
    if isinstance(error, BadReply):
        return str(error)
    cause = _innermost(error)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"bad certificate: {getattr(cause, 'verify_message', '')}"
    if isinstance(cause, ssl.SSLError):
        return f"TLS failed: {getattr(cause, 'reason', None) or type(cause).__name__}"
    if isinstance(cause, OSError) and str(cause).startswith("Tunnel connection failed"):
        return str(cause)[:100]  # it holds the proxy's status
    for kind, text in _WORDS:
        if isinstance(cause, kind):
            return text
    if isinstance(cause, OSError) and isinstance(cause.errno, int) and cause.strerror:
        return str(cause.strerror)
    return type(cause).__name__


def _innermost(error: BaseException) -> BaseException:
    """Follow what an error wraps, but not its context: that may be an error of our caller."""
    seen: set[int] = set()
    inner: BaseException | None = error
    while inner is not None and id(inner) not in seen:
        seen.add(id(inner))
        error = inner
        wrapped = (inner.__cause__, *inner.args)
        inner = next((each for each in wrapped if isinstance(each, BaseException)), None)
    return error
