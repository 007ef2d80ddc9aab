"""A process that was stopped wakes up hours later, by its own clock, though nobody has waited."""

from __future__ import annotations

import signal
import time

#: Seconds by which the clock jumps: more than a claim may be sent for (a third of the lease), and
#: less than a call's deadline. Who wakes in the middle of a call reads the reply that lies there.
JUMP = 2500.0

_running, _gettime = time.monotonic, time.clock_gettime
_slept = 0.0


def install() -> None:
    """Let the clock of this process, and of its children, jump at each SIGCONT."""
    time.monotonic = _now
    time.clock_gettime = _gettime_slept
    signal.signal(signal.SIGCONT, _woken)


def _now() -> float:
    return _running() + _slept


def _gettime_slept(clock: int) -> float:
    return _gettime(clock) + (_slept if clock == time.CLOCK_BOOTTIME else 0)


def jump() -> None:
    """Let hours have passed for this process."""
    global _slept
    _slept += JUMP


def _woken(_signal: int, _frame: object) -> None:
    jump()
