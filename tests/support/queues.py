"""A queue that is looked into."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from django_dinero import conf


class Queued(list[tuple[str, tuple[Any, ...], timedelta | None]]):
    """What was put into the queue: job, arguments, and how long it is to wait."""

    @property
    def jobs(self) -> list[str]:
        """The names of the jobs, in order."""
        return [job for job, _args, _delay in self]


@pytest.fixture
def queued(monkeypatch: pytest.MonkeyPatch) -> Queued:
    """A queue that keeps what it is given. The gateway stays the one that it was."""
    found = Queued()
    monkeypatch.setattr(conf, "tasks", lambda: conf.Tasks("django"))

    def enqueue(job: str, args: tuple[Any, ...], delay: timedelta | None, settings: Any) -> bool:
        found.append((job, args, delay))
        return True

    monkeypatch.setattr("django_dinero.tasks.with_django.enqueue", enqueue)
    return found
