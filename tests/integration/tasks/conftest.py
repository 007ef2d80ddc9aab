"""A shop with a queue."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from django_dinero.gateways.registry import get_gateway
from django_dinero.tasks import pushing
from tests.integration.tasks.shop import Shop
from tests.support.recording import RecordingGateway


@pytest.fixture
def open_shop(
    settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Shop]]:
    """A shop with these settings of its queue. Nothing waits there before it is tried again."""
    opened: list[Shop] = []
    monkeypatch.setattr(pushing, "DELAYS", (timedelta(),))

    def make(tasks: Any, backends: Any = None) -> Shop:
        options = {"store": str(tmp_path / "bank.sqlite3"), "lease_seconds": 600}
        entry = {"BACKEND": "tests.support.recording.RecordingGateway", "OPTIONS": options}
        settings.TASKS = backends or {}
        settings.DINERO = {**settings.DINERO, "GATEWAYS": {"default": entry}, "TASKS": tasks}
        gateway = get_gateway()
        assert isinstance(gateway, RecordingGateway)
        opened.append(Shop(gateway, options, tmp_path / "held"))
        return opened[-1]

    yield make
    for shop in opened:
        shop.stop()
