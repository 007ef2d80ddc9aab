"""The tasks of Django's own framework, on the Django that is installed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django.utils.module_loading import import_string

from django_dinero.tasks import framework, queue, with_django
from tests.unit.tasks.conftest import Done

pytestmark = pytest.mark.django_db


def test_a_worker_finds_each_task_by_its_path(dummy: Any) -> None:
    for name, task in with_django.TASKS.items():
        assert import_string(task.module_path) is task
        assert task.module_path == f"django_dinero.tasks.with_django.{name}"


def test_a_task_is_put_on_the_backend_and_into_the_queue_of_the_settings(
    settings: Any, gateway: Any
) -> None:
    settings.TASKS = {
        "default": {"BACKEND": f"{framework.NAME}.backends.immediate.ImmediateBackend"},
        "payments": {
            "BACKEND": f"{framework.NAME}.backends.dummy.DummyBackend",
            "QUEUES": ["money"],
        },
    }
    where = {"ENGINE": "django", "BACKEND": "payments", "QUEUE": "money"}
    settings.DINERO = {**settings.DINERO, "TASKS": where}
    assert queue.enqueue("push_row", "card", 7, "default", 1)
    (result,) = framework.load().task_backends["payments"].results
    assert (result.task.queue_name, result.args) == ("money", ["card", 7, "default", 1])
    assert result.task.run_after is None


def test_a_task_waits(dummy: Any) -> None:
    before = timezone.now()
    assert queue.enqueue("apply_webhook", 7, 1, delay=timedelta(minutes=5))
    (result,) = dummy.results
    assert before + timedelta(minutes=5) <= result.task.run_after
    assert result.task.run_after <= timezone.now() + timedelta(minutes=5)


@pytest.mark.parametrize(
    ("job", "args"),
    [
        ("apply_webhook", (7, 0)),
        ("push_row", ("card", 7, "default", 1)),
        ("push_delete", ("KEY", "default", 1)),
        ("reconcile", (None,)),
        ("reconcile", ("default",)),
        ("pull_page", (7, "cus_1")),
    ],
)
def test_each_task_does_its_job(
    use: Callable[..., None], monkeypatch: pytest.MonkeyPatch, job: str, args: tuple[Any, ...]
) -> None:
    use("django", "immediate.ImmediateBackend")
    done = Done()
    monkeypatch.setattr(with_django, "run", done)
    assert queue.enqueue(job, *args)
    assert done == [(job, *args)]
