"""The fixtures of the services, and queues that are looked into."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from celery import current_app

from django_dinero.models import Operation
from django_dinero.tasks import framework, with_celery
from tests.support.queues import Queued, queued
from tests.support.recording import RecordingGateway
from tests.unit.services.conftest import card, charge, customer, make_customer

__all__ = ["Queued", "card", "charge", "customer", "make_customer", "queued"]

BACKENDS = f"{framework.NAME}.backends"


class Done(list[tuple[Any, ...]]):
    """The jobs that were done, with their arguments. Calling it does one."""

    def __call__(self, *job: Any) -> str:
        self.append(job)
        return "done"


@pytest.fixture
def use(settings: Any, gateway: RecordingGateway) -> Callable[..., None]:
    """Name an engine in the settings, with a backend of Django's tasks by its class."""

    def choose(tasks: Any, backend: str = "dummy.DummyBackend", **params: Any) -> None:
        settings.TASKS = {"default": {"BACKEND": f"{BACKENDS}.{backend}", **params}}
        settings.DINERO = {**settings.DINERO, "TASKS": tasks}

    return choose


@pytest.fixture
def dummy(use: Callable[..., None]) -> Any:
    """Django's tasks, on a backend that keeps what it is given and does nothing."""
    use("django")
    return framework.load().task_backends["default"]


@pytest.fixture
def eager(settings: Any, gateway: RecordingGateway) -> Any:
    """Celery, doing each task at once."""
    settings.DINERO = {**settings.DINERO, "TASKS": "celery"}
    app = current_app._get_current_object()
    before = app.conf.task_always_eager
    app.conf.task_always_eager = True
    yield with_celery
    app.conf.task_always_eager = before


@pytest.fixture
def let_time_pass() -> Callable[[], None]:
    """Let every lease, quarantine and pause run out."""

    def age() -> None:
        past = "2020-01-01T00:00:00Z"
        for column in ("lease_until", "quarantine_until", "next_check_at"):
            Operation.objects.filter(**{f"{column}__isnull": False}).update(**{column: past})

    return age
