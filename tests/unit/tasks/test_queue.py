"""Handing jobs over: to the engine of the settings, and to nobody's harm where that fails."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from django_dinero import conf
from django_dinero.tasks import queue, with_celery, with_django, work
from tests.support.queues import Queued
from tests.unit.tasks.conftest import Done

pytestmark = pytest.mark.django_db


def test_without_the_setting_nothing_is_enqueued(
    queued: Queued, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conf, "tasks", lambda: None)
    assert not queue.is_configured()
    assert not queue.enqueue("reconcile", "default")
    assert queued == []


def test_a_job_is_handed_over_with_its_arguments(queued: Queued) -> None:
    assert queue.is_configured()
    assert queue.enqueue("reconcile", "default")
    assert queue.enqueue("push_row", "card", 7, "default", 2, delay=timedelta(minutes=5))
    assert queued == [
        ("reconcile", ("default",), None),
        ("push_row", ("card", 7, "default", 2), timedelta(minutes=5)),
    ]


@pytest.mark.parametrize("engine", conf.ENGINES)
def test_both_engines_know_every_job(engine: str) -> None:
    tasks = {"django": with_django.TASKS, "celery": with_celery.TASKS}[engine]
    assert set(tasks) == set(queue.JOBS) == set(work.JOBS)


def test_a_queue_that_is_down_fails_nobody(
    dummy: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*args: Any, **kwargs: Any) -> None:
        raise ConnectionError("redis://:hunter2@10.0.0.7/0 refused")

    monkeypatch.setattr(dummy, "enqueue", broken)
    with caplog.at_level(logging.ERROR, "django_dinero.tasks"):
        assert not queue.enqueue("apply_webhook", 7, 0)
    assert "apply_webhook(7, 0) was not put into the queue (ConnectionError)" in caplog.text
    assert "hunter2" not in caplog.text


@pytest.mark.parametrize(
    "tasks", ["rq", {"ENGINE": "django", "BACKEND": "nowhere"}, {"ENGINE": "django", "QUEUE": "x"}]
)
def test_a_queue_that_is_configured_wrongly_fails_nobody(
    use: Callable[..., None], caplog: pytest.LogCaptureFixture, tasks: Any
) -> None:
    use(tasks)
    assert not queue.enqueue("apply_webhook", 7, 0)
    assert "was not put into the queue" in caplog.text


def test_whoever_must_wait_is_not_taken_where_nobody_can(
    use: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    done = Done()
    monkeypatch.setattr(with_django, "run", done)
    use("django", "immediate.ImmediateBackend")
    assert not queue.enqueue("apply_webhook", 7, 0, delay=timedelta(minutes=1))
    assert done == []
    assert queue.enqueue("apply_webhook", 7, 0, delay=timedelta(minutes=1), or_at_once=True)
    assert done == [("apply_webhook", 7, 0)]


def test_neither_the_services_nor_celery_are_loaded_before_they_are_needed() -> None:
    code = (
        "import django, sys; django.setup()\n"
        "from django_dinero.tasks import queue\n"
        "assert not queue.enqueue('reconcile', None)\n"
        "loaded = [name for name in sys.modules if name.startswith('django_dinero.services')]\n"
        "print(loaded, 'celery' in sys.modules)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env={"DJANGO_SETTINGS_MODULE": "tests.settings", "PYTHONPATH": "."},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stdout == "[] False\n", ran.stderr
