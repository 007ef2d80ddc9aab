"""Django's tasks framework, wherever it is: in Django from 6.0 on, before that in a package."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from django_dinero import conf

#: The package that has the framework on this Django.
NAME = "django.tasks" if find_spec("django.tasks") else "django_tasks"
#: The queue where none is named.
DEFAULT_QUEUE = "default"


def load() -> Any:
    """Return the framework.

    Raises:
        ImportError: this Django has none, and the backport is not installed.
    """
    return import_module(NAME)


def queue_of(settings: conf.Tasks) -> str:
    """Return the name of the queue that the settings mean."""
    return settings.queue or DEFAULT_QUEUE


def backend_of(settings: conf.Tasks) -> Any:
    """Return the backend that the settings name.

    Raises:
        ImproperlyConfigured: the project's ``TASKS`` has no such alias, or its class is not there.
    """
    return load().task_backends[settings.backend]
