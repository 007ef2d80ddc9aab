"""Connections that know whether a call's first byte has left, and keep to the call's deadline.

The class of a ``requests`` or ``urllib3`` exception does not tell whether bytes were sent. A reset
after the request, for one, arrives as an SSL error or as a connection error by chance. So the
connection itself takes notes, in the :class:`Call` of the running context.
"""

from __future__ import annotations

import http.client
import io
import os
import sys
import time
import weakref
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from django_dinero.gateways.http.failures import BadReply
from django_dinero.send_deadline import check_may_send, uptime

#: Seconds for which a kept connection may be idle. A firewall drops silent connections without
#: telling, and a request sent into one ends with an unknown outcome.
MAX_IDLE = 20.0

# One TLS record: OpenSSL accepts it whole or not at all.
_RECORD = 16384


class Phase(StrEnum):
    """What a call was doing when it ended."""

    CONNECTING = "connecting"
    SENDING = "sending"
    READING = "reading the reply"


class SendFailed(Exception):
    """A write failed. It is no OSError, since urllib3 ignores a broken pipe and reads on."""


@dataclass(slots=True)
class Call:
    """What is known of one call.

    Args:
        read_timeout: seconds that one read or write may take.
        deadline: seconds that the whole call may take.
        most: bytes of reply to read at most, headers and the frames of chunks included.
    """

    read_timeout: float
    deadline: float
    most: int = sys.maxsize
    started: float = field(default_factory=time.monotonic)
    phase: Phase = Phase.CONNECTING
    #: Whether a byte of the request may have reached the socket.
    touched: bool = False
    #: Whether a byte of a reply came back.
    answered: bool = False
    #: Whether the connection had served a call before.
    reused: bool = False
    #: Take no connection that was used before.
    fresh: bool = False

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self.started

    @property
    def expired(self) -> bool:
        return self.elapsed >= self.deadline

    def patience(self) -> float:
        """Return the seconds that the next read or write may take.

        Raises:
            TimeoutError: the deadline has passed.
        """
        left = self.started + self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("deadline")
        return min(left, self.read_timeout)


#: The call of this context. A connection belongs to one call at a time.
current: ContextVar[Call] = ContextVar("dinero_http_call")

#: Every connected socket, so that a forked child can let go of them.
_sockets: weakref.WeakSet[Any] = weakref.WeakSet()


def drop_inherited_sockets() -> None:
    """Close a forked child's copies of the parent's sockets; the parent keeps its own.

    Only the descriptor is closed. Nothing is sent on the connection, and no lock is taken that a
    thread of the parent may have held when it forked.
    """
    for sock in list(_sockets):
        descriptor = sock.detach()
        if descriptor >= 0:
            os.close(descriptor)
    _sockets.clear()


class _DeadlineReader(io.RawIOBase):
    """Reads from a socket, within the call's deadline and up to the bytes it may read.

    The socket's own timeout starts again with each byte, so a slow server could drip for ever. A
    body that is too long is cut off elsewhere, but ``http.client`` itself reads headers, trailers
    and a chunk of negative length without end.
    """

    def __init__(self, sock: Any, call: Call) -> None:
        super().__init__()
        self._sock = sock
        self._call = call
        self._raw = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Read once into ``buffer``.

        Raises:
            BadReply: the reply is longer than it may be.
        """
        self._sock.settimeout(self._call.patience())
        count: int | None = self._raw.readinto(buffer)
        if count:
            self._call.answered = True
            self._call.most -= count
        if self._call.most < 0:
            raise BadReply("a reply without end")
        return count

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()


class _Reply(http.client.HTTPResponse):
    """A reply whose status, headers and body are all read under the call's deadline."""

    def __init__(self, sock: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp.close()
        self.fp = io.BufferedReader(_DeadlineReader(sock, current.get()))


class Counted:
    """Mixin for a urllib3 connection that notes what was sent, keeps the deadlines and ages."""

    response_class = _Reply
    # Somebody's http.client.HTTPConnection.debuglevel = 1 would print requests to stdout.
    debuglevel = 0
    sock: Any
    _opening = False
    _served = 0
    _last_used = 0.0

    def connect(self) -> None:
        self._opening = True
        self._served = 0
        try:
            super().connect()  # type: ignore[misc]
        finally:
            self._opening = False
        # TLS inside a proxy's TLS is not a socket; it wraps one.
        _sockets.add(getattr(self.sock, "socket", self.sock))

    @property
    def is_connected(self) -> bool:
        call = current.get(None)
        if call is not None and call.fresh:
            return False
        if uptime() - self._last_used > MAX_IDLE:
            return False
        # Bytes after the last reply, already decrypted, belong to no call.
        if getattr(self.sock, "pending", int)():
            return False
        return bool(super().is_connected)  # type: ignore[misc]

    def send(self, data: Any) -> None:
        """Write ``data``, and note on the call that its first byte may have left.

        Raises:
            NotSent: it is too late to send.
            SendFailed: the socket did not take it.
        """
        if self.sock is None:
            self.connect()
        if self._opening:  # this asks a proxy for a tunnel, and is no part of the call
            super().send(data)  # type: ignore[misc]
            return
        call = current.get()
        if not call.touched:
            call.patience()
            check_may_send()
        call.phase = Phase.SENDING
        call.reused = self._served > 0
        view = memoryview(data)
        while view:
            view = view[self._write(call, view[:_RECORD]) :]

    def _write(self, call: Call, part: memoryview) -> int:
        self.sock.settimeout(call.patience())
        first = not call.touched
        # Noted before the write: a signal handler may raise right after it.
        call.touched = True
        failure: OSError
        try:
            return int(self.sock.send(part))
        except OSError as error:
            failure = error
        # A write that timed out may have sent a part of a record. One that was refused sent none.
        if first and not isinstance(failure, TimeoutError):
            call.touched = False
        raise SendFailed(failure)

    def getresponse(self) -> Any:
        current.get().phase = Phase.READING
        response = super().getresponse()  # type: ignore[misc]
        self._served += 1
        self._last_used = uptime()
        return response
