"""A clock that stands still, for code that asks ``datetime.datetime.now``."""

from __future__ import annotations

import datetime
from typing import Any

import pytest


def stop_clock(monkeypatch: pytest.MonkeyPatch, now: datetime.datetime) -> None:
    """Let ``datetime.datetime.now`` return ``now`` (aware) in the zone that it is asked for."""

    class Stopped(datetime.datetime):
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> Any:
            return now.astimezone(tz)

    monkeypatch.setattr(datetime, "datetime", Stopped)
