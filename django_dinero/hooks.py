"""The door to the services, for what ``django.setup()`` imports: models and receivers.

A model offers ``transaction.refund()``, yet models stand below the services that know how: the
app's ``ready()`` fills this table, and nothing below imports upward. It is filled with dotted paths
and not with functions, which are imported at their first call, as Django does with its own
backends: services bring the gateways' interface along, and a process that never asks a gateway
(``migrate``, a worker of other queues) would pay more for them at its start than for all the rest
of the app. The registry of gateways and the admin's pages do the same for the same reason.
"""

from __future__ import annotations

from typing import Any

from django.utils.module_loading import import_string

_verbs: dict[str, str] = {}


def provide(**paths: str) -> None:
    """Plug verbs in: the dotted path of a function by the name that :func:`call` uses."""
    _verbs.update(paths)


def call(verb: str, *args: Any, **kwargs: Any) -> Any:
    """Call a plugged-in verb.

    Raises:
        RuntimeError: ``django_dinero`` is not in INSTALLED_APPS, or apps are not ready yet.
    """
    if verb not in _verbs:
        raise RuntimeError(
            "django_dinero is not ready: put 'django_dinero' into INSTALLED_APPS and call "
            "django.setup() first."
        )
    return import_string(_verbs[verb])(*args, **kwargs)
