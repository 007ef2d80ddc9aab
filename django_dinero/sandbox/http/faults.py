"""Failures on request: what a network, a gateway or a power cut can do to one call.

A fault waits for the next call, or for the next call of one operation, as often as it is told.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from threading import Event, Lock

from django_dinero.sandbox.http.exchange import Reply

_ROOT = re.compile(rb"<(?:[A-Za-z_][\w.-]*:)?([A-Za-z_][\w.-]*)")
#: How much of a body is searched for its root element.
_HEAD_BYTES = 2000
GARBAGE = b"<html><body>Request blocked. Reference 18.9c0.1700000000</body></html>"
NOT_FOUND = Reply(404, b"Not Found", {"Content-Type": "text/plain"})
#: The code that a process ends with when the fault ``die`` ends it.
DEATH = 70


class FaultName(StrEnum):
    """What goes wrong. All but the first two come after the bank did what it was asked."""

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

    ``root`` is the root element of the requests that it is for, empty for any; ``times`` is how
    often it will happen; ``seconds`` is how late a delayed reply is.
    """

    name: FaultName
    root: str = ""
    times: int = 1
    seconds: float = 1.0


class Dropped(Exception):
    """The connection is to be closed after ``sent``, which may be nothing.

    Args:
        reply: whose head is sent; None for not even that.
        sent: the part of the body that is sent.
    """

    def __init__(self, reply: Reply | None = None, sent: bytes = b"") -> None:
        super().__init__("dropped")
        self.reply = reply
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
        self, name: FaultName | str, root: str = "", *, times: int = 1, seconds: float = 1.0
    ) -> Fault:
        """Let a fault wait behind those that wait already.

        Args:
            name: one of :class:`FaultName`.
            root: the root element it is for, as ``createTransactionRequest``; empty for any.
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
        fault = Fault(known, root, times, seconds)
        with self._lock:
            self._waiting.append(fault)
        return fault

    def waiting(self) -> tuple[Fault, ...]:
        """Return the faults that have not happened yet, each with what is left of its times."""
        with self._lock:
            return tuple(self._waiting)

    def clear(self) -> None:
        """Forget them all."""
        with self._lock:
            self._waiting.clear()

    def end_delays(self) -> None:
        """Let the replies that are delayed now, or would be later, come at once."""
        self._end_of_delays.set()

    def answer(
        self,
        body: bytes,
        answer: Callable[[], Reply],
        *,
        not_yet: Callable[[], Reply] = lambda: NOT_FOUND,
        patience: float | None = None,
    ) -> Reply:
        """Return what ``answer`` does, or what a fault makes of it.

        Args:
            body: the request, for its root element.
            answer: what the bank does; called once, or as the fault has it.
            not_yet: how the bank says that it has no such record.
            patience: seconds that the caller is known to wait; a longer delay is cut short.

        Raises:
            Dropped: the connection is to be closed.
            TooLate: a delay is longer than ``patience``.
        """
        if not self._waiting:
            return answer()
        fault = self._take(root_of(body))
        if fault is None:
            return answer()
        if fault.name is FaultName.DROP_BEFORE:
            raise Dropped
        if fault.name is FaultName.NOT_YET:
            return not_yet()
        return self._after(fault, answer, patience)

    def _after(self, fault: Fault, answer: Callable[[], Reply], patience: float | None) -> Reply:
        reply = answer()
        if fault.name is FaultName.REPEAT:
            return answer()
        if fault.name is FaultName.DELAY:
            if patience is not None and fault.seconds >= patience:
                raise TooLate
            self._end_of_delays.wait(fault.seconds)
        elif fault.name is FaultName.DROP_AFTER:
            raise Dropped
        elif fault.name is FaultName.TRUNCATE:
            raise Dropped(reply, reply.body[: len(reply.body) // 2])
        elif fault.name is FaultName.GARBAGE:
            return Reply(200, GARBAGE, {"Content-Type": "text/html"})
        elif fault.name is FaultName.STATUS_500:
            return Reply(500, b"Internal Server Error", {"Content-Type": "text/plain"})
        elif fault.name is FaultName.DIE:
            self._die()
            raise Dropped
        return reply

    def _take(self, root: str) -> Fault | None:
        with self._lock:
            for index, fault in enumerate(self._waiting):
                if fault.root not in ("", root):
                    continue
                if fault.times > 1:
                    self._waiting[index] = replace(fault, times=fault.times - 1)
                else:
                    del self._waiting[index]
                return fault
        return None


def root_of(body: bytes) -> str:
    """Return the name of a request's root element, empty if there is none at its beginning."""
    match = _ROOT.search(body[:_HEAD_BYTES])
    return match[1].decode("ascii") if match else ""
