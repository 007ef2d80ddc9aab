"""The clock of a process that may be stopped, or whose machine may be suspended."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest


def set_uptime(monkeypatch: pytest.MonkeyPatch, now: Callable[[], float]) -> None:
    """Let :func:`send_deadline.uptime` show what ``now`` returns, whichever clock it reads."""
    monkeypatch.setattr(time, "monotonic", now)
    monkeypatch.setattr(time, "clock_gettime", lambda clock: now())
