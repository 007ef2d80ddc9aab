"""The system check of ``DINERO["TASKS"]``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from typing import Any

from django.apps import AppConfig
from django.core import checks
from django.core.checks import CheckMessage, Error
from django.core.exceptions import ImproperlyConfigured

from django_dinero import conf
from django_dinero.tasks import framework

#: What each engine needs, and the extra that installs it.
PACKAGES = {"django": (framework.NAME, "tasks"), "celery": ("celery", "celery")}


def check_tasks(
    app_configs: Sequence[AppConfig] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Check that the queue of the settings can be used."""
    try:
        conf.dinero()
    except ImproperlyConfigured:
        return []  # check_settings reports it
    try:
        settings = conf.tasks()
    except ImproperlyConfigured as error:
        hint = (
            'For example: "TASKS": {"ENGINE": "django", "BACKEND": "default"}; None for no queue.'
        )
        return [Error(str(error), hint=hint, id="dinero.E014")]
    return [] if settings is None else list(_check(settings))


def _check(settings: conf.Tasks) -> Iterator[CheckMessage]:
    package, extra = PACKAGES[settings.engine]
    if find_spec(package) is None:
        yield Error(
            f'DINERO["TASKS"]["ENGINE"] is {settings.engine!r}, and the package {package} is not '
            "installed.",
            hint=f'python -m pip install "django-dinero[{extra}]"',
            id="dinero.E014",
        )
    elif settings.engine == "django":
        yield from _check_backend(settings)


def _check_backend(settings: conf.Tasks) -> Iterator[CheckMessage]:
    try:
        backend = framework.backend_of(settings)
    except Exception as error:  # a backend of others may raise anything
        yield Error(
            f'DINERO["TASKS"]["BACKEND"]: {settings.backend!r} cannot be used: {error}',
            hint="Name an alias of the setting TASKS of Django.",
            id="dinero.E014",
        )
        return
    queue = framework.queue_of(settings)
    if backend.queues and queue not in backend.queues:
        known = ", ".join(sorted(backend.queues))
        yield Error(
            f'DINERO["TASKS"]["QUEUE"]: the backend {settings.backend!r} has no queue {queue!r}.',
            hint=f"It has: {known}. Add it to QUEUES of the backend, or name another.",
            id="dinero.E014",
        )
    if type(backend).__module__.startswith(f"{framework.NAME}.backends."):
        yield checks.Warning(
            f'DINERO["TASKS"]["BACKEND"]: {type(backend).__name__} has no workers. It does the '
            "work of a job inside the request, or never.",
            hint="Name a backend that has workers, or leave TASKS out of DINERO.",
            id="dinero.W009",
        )
