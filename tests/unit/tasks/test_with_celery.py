"""The tasks of Celery, without a broker. With one: tests/integration/tasks/."""

from __future__ import annotations

import socket
from datetime import timedelta
from typing import Any

import pytest
from celery import Celery, current_app

from django_dinero.tasks import queue, with_celery
from tests.unit.tasks.conftest import Done

pytestmark = pytest.mark.django_db


def test_each_task_has_a_name_of_its_own_and_does_its_job(
    eager: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = Done()
    monkeypatch.setattr(with_celery, "run", done)
    for job in queue.JOBS:
        assert current_app.tasks[f"django_dinero.{job}"].apply(args=(7,)).get() == "done"
    assert done == [(job, 7) for job in queue.JOBS]


def test_a_task_comes_again_when_its_worker_dies_and_is_never_pickled() -> None:
    for task in with_celery.TASKS.values():
        assert (task.acks_late, task.reject_on_worker_lost) == (True, True)
        assert (task.ignore_result, task.serializer) == (True, "json")


def test_where_everything_is_done_at_once_nothing_waits(eager: Any) -> None:
    assert not queue.enqueue("apply_webhook", 7, 0, delay=timedelta(minutes=1))
    assert queue.enqueue("apply_webhook", 7, 0)


def test_a_broker_that_is_down_keeps_nobody_waiting(
    settings: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
    settings.DINERO = {**settings.DINERO, "TASKS": "celery"}
    slept: list[float] = []
    monkeypatch.setattr("kombu.utils.functional.sleep", slept.append)
    monkeypatch.setattr("redis.retry.sleep", slept.append, raising=False)
    before = current_app._get_current_object()
    app = Celery("shop", broker=f"redis://:hunter2@127.0.0.1:{port}/0", set_as_current=False)
    app.set_current()
    try:
        assert not queue.enqueue("reconcile", "default")
    finally:
        before.set_current()
    assert "was not put into the queue (OperationalError)" in caplog.text
    assert "hunter2" not in caplog.text
    assert sum(slept) < 2
