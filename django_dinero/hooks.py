"""Where the upper layers plug in what the lower ones call.

A model offers ``transaction.refund()``, yet models stand below the services that know how: the
app's ``ready()`` fills this table, and nothing below imports upward. A dotted name would do the
same at the price of an import inside a function, which the layer check forbids.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_verbs: dict[str, Callable[..., Any]] = {}


def provide(**verbs: Callable[..., Any]) -> None:
    """Plug verbs in, by the name that :func:`call` uses; ``AppConfig.ready()`` does it."""
    _verbs.update(verbs)


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
    return _verbs[verb](*args, **kwargs)
