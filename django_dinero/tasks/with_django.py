"""The jobs as tasks of Django's own framework: ``django.tasks``, or its backport on Django 5.2.

A worker finds a task by the dotted path of its function, so each is a function of this module.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone

from django_dinero import conf
from django_dinero.tasks import framework
from django_dinero.tasks.queue import Argument, run


def _placed(function: Callable[..., str]) -> Any:
    """Make a task of a function, on the backend and in the queue of the settings.

    The framework refuses a task that is placed where the project has no backend or no such queue.
    """
    try:
        settings = conf.tasks()
    except ImproperlyConfigured:
        settings = None
    # A worker may find jobs that were enqueued before the setting was taken out.
    settings = settings or conf.Tasks("django")
    queue = framework.queue_of(settings)
    return framework.load().task(backend=settings.backend, queue_name=queue)(function)


@_placed
def apply_webhook(pk: int, attempts: int) -> str:
    """Apply a stored webhook."""
    return run("apply_webhook", pk, attempts)


@_placed
def push_row(kind: str, pk: int, using: str, attempt: int) -> str:
    """Push a customer or a card that waits."""
    return run("push_row", kind, pk, using, attempt)


@_placed
def push_delete(key: str, using: str, attempt: int) -> str:
    """Send a delete that waits."""
    return run("push_delete", key, using, attempt)


@_placed
def reconcile(gateway_name: str | None = None) -> str:
    """Reconcile a gateway, or all of them."""
    return run("reconcile", gateway_name)


@_placed
def pull_page(pk: int, cursor: str) -> str:
    """Pull the next page of an account."""
    return run("pull_page", pk, cursor)


#: The tasks by their jobs' names.
TASKS: dict[str, Any] = {
    each.name: each for each in (apply_webhook, push_row, push_delete, reconcile, pull_page)
}


def enqueue(
    job: str, args: tuple[Argument, ...], delay: timedelta | None, settings: conf.Tasks
) -> bool:
    """Hand a job to the backend; see :class:`django_dinero.tasks.queue.Engine`."""
    placed = TASKS[job].using(backend=settings.backend, queue_name=framework.queue_of(settings))
    if delay is not None:
        if not framework.backend_of(settings).supports_defer:
            return False
        placed = placed.using(run_after=timezone.now() + delay)
    placed.enqueue(*args)
    return True
