"""Failures on request: what a network, a gateway or a power cut can do to one call.

A fault waits for the next call, or for the next call of one operation, and happens as often
as asked.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from threading import Event, Lock

from django_dinero.sandbox.http.exchange import Dialect, Request, Response

GARBAGE = b"<html><body>Request blocked. Reference 18.9c0.1700000000</body></html>"
#: The code that a process ends with when the fault ``die`` ends it.
DEATH = 70


class FaultName(StrEnum):
    """What goes wrong. All but the first two happen after the bank did what it was asked."""

    #: The connection closes before the bank sees the request.
    DROP_BEFORE = "drop_before"
    #: The bank says that it has no such record, as a gateway does for seconds after it made one.
    NOT_YET = "not_yet"
    #: The connection closes in place of the reply.
    DROP_AFTER = "drop_after"
    #: The reply comes late, by ``seconds``.
    DELAY = "delay"
    #: The connection closes in the middle of the reply.
    TRUNCATE = "truncate"
    #: A page of a proxy comes in place of the reply, with status 200.
    GARBAGE = "garbage"
    #: The reply is lost behind a status 500.
    STATUS_500 = "status_500"
    #: The request arrives twice; the reply is that of the second time.
    REPEAT = "repeat"
    #: The bank's process ends.
    DIE = "die"


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault that waits.

    ``operation`` is the one that it is for, by the dialect's name of it, empty for any. ``times``
    is how often it will happen; ``seconds`` is how late a delayed reply is.
    """

    name: FaultName
    operation: str = ""
    times: int = 1
    seconds: float = 1.0


class Dropped(Exception):
    """The connection is to be closed after ``sent``, which may be nothing.

    Args:
        response: whose head is sent; None for not even that.
        sent: the part of the body that is sent.
    """

    def __init__(self, response: Response | None = None, sent: bytes = b"") -> None:
        super().__init__("dropped")
        self.response = response
        self.sent = sent


class TooLate(Exception):
    """The reply would come later than the caller waits."""


class Faults:
    """The faults that wait; safe to share between threads.

    Args:
        die: ends the process, for the fault of that name.
    """

    def __init__(self, die: Callable[[], object] = lambda: os._exit(DEATH)) -> None:
        self._waiting: list[Fault] = []
        self._lock = Lock()
        self._die = die
        self._end_of_delays = Event()

    def add(
        self, name: FaultName | str, operation: str = "", *, times: int = 1, seconds: float = 1.0
    ) -> Fault:
        """Let a fault wait behind those that wait already.

        Args:
            name: one of :class:`FaultName`.
            operation: the one it is for, as the dialect names it; empty for any.
            times: how often it happens, 1 or more.
            seconds: for ``delay``, 0 or more.

        Raises:
            ValueError: there is no such fault, or a number is out of its range.
        """
        try:
            known = FaultName(name)
        except ValueError:
            names = ", ".join(FaultName)
            raise ValueError(f"name: {name!r} is none of {names}.") from None
        if times < 1:
            raise ValueError("times: give 1 or more.")
        if not 0 <= seconds < 3600:
            raise ValueError("seconds: give 0 or more, and less than an hour.")
        fault = Fault(known, operation, times, seconds)
        with self._lock:
            self._waiting.append(fault)
        return fault

    def waiting(self) -> tuple[Fault, ...]:
        """Return the faults that have not happened yet, each with how often it still will."""
        with self._lock:
            return tuple(self._waiting)

    def clear(self) -> None:
        with self._lock:
            self._waiting.clear()

    def end_delays(self) -> None:
        """Send at once what is delayed now, and delay nothing from now on."""
        self._end_of_delays.set()

    def answer(
        self, request: Request, dialect: Dialect, *, patience: float | None = None
    ) -> Response:
        """Return what the dialect answers, or what a fault makes of it.

        Args:
            request: what was asked for.
            dialect: asked once, or as often as the fault has it.
            patience: seconds that the caller is known to wait; a longer delay is cut short.

        Raises:
            Dropped: the connection is to be closed.
            TooLate: a delay is longer than ``patience``.
        """
        if not self._waiting:
            return dialect.answer(request)
        fault = self._take(dialect.operation_of(request))
        if fault is None:
            return dialect.answer(request)
        if fault.name is FaultName.DROP_BEFORE:
            raise Dropped
        if fault.name is FaultName.NOT_YET:
            return dialect.not_found(request)
        return self._after(fault, lambda: dialect.answer(request), patience)

    def _after(
        self, fault: Fault, answer: Callable[[], Response], patience: float | None
    ) -> Response:
        response = answer()
        if fault.name is FaultName.REPEAT:
            return answer()
        if fault.name is FaultName.DELAY:
            if patience is not None and fault.seconds >= patience:
                raise TooLate
            self._end_of_delays.wait(fault.seconds)
        elif fault.name is FaultName.DROP_AFTER:
            raise Dropped
        elif fault.name is FaultName.TRUNCATE:
            raise Dropped(response, response.body[: len(response.body) // 2])
        elif fault.name is FaultName.GARBAGE:
            return Response(200, GARBAGE, {"Content-Type": "text/html"})
        elif fault.name is FaultName.STATUS_500:
            return Response(500, b"Internal Server Error", {"Content-Type": "text/plain"})
        elif fault.name is FaultName.DIE:
            self._die()
            raise Dropped
        return response

    def _take(self, operation: str) -> Fault | None:
        with self._lock:
            for index, fault in enumerate(self._waiting):
                if fault.operation not in ("", operation):
                    continue
                if fault.times > 1:
                    self._waiting[index] = replace(fault, times=fault.times - 1)
                else:
                    del self._waiting[index]
                return fault
        return None
