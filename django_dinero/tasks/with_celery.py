"""The jobs as tasks of Celery, by the names ``django_dinero.apply_webhook`` and so on."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from celery import shared_task

from django_dinero import conf
from django_dinero.tasks.queue import JOBS, Argument, run


def _shared(job: str) -> Any:
    # A job may come twice, so it is taken off the queue when it is done: a worker that dies in
    # the middle leaves it to another one. Nobody waits for a result.
    make = shared_task(
        name=f"django_dinero.{job}",
        acks_late=True,
        reject_on_worker_lost=True,
        ignore_result=True,
        serializer="json",
    )
    return make(_named(job))


def _named(job: str) -> Any:
    def function(*args: Argument) -> str:
        return run(job, *args)

    function.__name__ = function.__qualname__ = job
    return function


#: The tasks by their jobs' names.
TASKS = {job: _shared(job) for job in JOBS}
#: Whoever waits is somebody's request. A connection that has died is opened again once, at once.
ONCE = {"max_retries": 1, "interval_start": 0, "interval_step": 0, "interval_max": 0}
#: Seconds to connect to the broker.
PATIENCE = 2


def enqueue(
    job: str, args: tuple[Argument, ...], delay: timedelta | None, settings: conf.Tasks
) -> bool:
    """Hand a job to Celery; see :class:`django_dinero.tasks.queue.Engine`."""
    task = TASKS[job]
    told = {
        "args": args,
        "countdown": None if delay is None else delay.total_seconds(),
        "queue": settings.queue or None,
    }
    if task.app.conf.task_always_eager:
        # There is no broker, and nothing can wait.
        return delay is None and bool(task.apply_async(**told))
    with task.app.producer_or_acquire() as producer:
        # Celery by itself would go on trying for six seconds.
        producer.connection.ensure_connection(**ONCE, timeout=PATIENCE)
        task.apply_async(**told, producer=producer, retry=True, retry_policy=ONCE)
    return True
