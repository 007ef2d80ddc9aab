"""Finds the gateway behind an alias: imported at first use, one instance per process.

The interface itself is imported then too: with its two dozen dataclasses it costs more than all
that the app needs at start-up, where system checks and the admin already know this module.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from django_dinero import conf
from django_dinero.exceptions import InvalidInput
from django_dinero.gateways.locks import Lock

if TYPE_CHECKING:
    from django_dinero.gateways.base import Gateway

_INTERFACE = "django_dinero.gateways.base.Gateway"

#: Instances kept: a resolver may know thousands of merchants, and each has a pool of connections.
#: The aliases in the settings are never dropped.
MAX_INSTANCES = 200

_lock = Lock()
_instances: dict[str, tuple[conf.Entry, Gateway]] = {}


def get_gateway(gateway_name: str | None = None) -> Gateway:
    """Return the gateway behind an alias; ``None`` means ``"default"``.

    Aliases are the keys of ``DINERO["GATEWAYS"]``. Others are asked of the callable that
    ``DINERO["GATEWAY_RESOLVER"]`` names: it takes the alias and returns a dict with BACKEND and
    OPTIONS, or None. It is asked each time, so a changed credential counts from the next call.

    Raises:
        InvalidInput: no such alias; the message lists the configured ones.
        ImproperlyConfigured: the entry is wrong, or the gateway must not be used with it.
    """
    alias = gateway_name or conf.DEFAULT_GATEWAY
    entry = conf.entry(alias, _config(alias))
    with _lock:
        cached = _instances.pop(alias, None)
        if cached is None or cached[0] != entry:
            cached = (entry, build(alias, entry))
            cached[1].prepare()
        _instances[alias] = cached  # the last one used stands last
        if len(_instances) > MAX_INSTANCES:
            _drop_the_oldest()
    return cached[1]


def _drop_the_oldest() -> None:
    """Forget the resolved gateway that was not used for longest; its connections go with it."""
    for alias in _instances:
        if alias not in conf.gateways():
            del _instances[alias]
            return


def aliases() -> list[str]:
    """Return the aliases in the settings, sorted."""
    return sorted(conf.gateways())


def instances() -> dict[str, tuple[conf.Entry, Gateway]]:
    """Return what was built so far, for :func:`reset` to go back to."""
    with _lock:
        return dict(_instances)


def reset(to: Mapping[str, tuple[conf.Entry, Gateway]] | None = None) -> None:
    """Forget every instance, or those that came after ``to``; the next use builds it anew."""
    with _lock:
        _instances.clear()
        _instances.update(to or {})


def build(alias: str, entry: conf.Entry) -> Gateway:
    """Import the class that an entry names and make an instance, not prepared for calls yet.

    Raises:
        ImproperlyConfigured: it cannot be imported, is no subclass of Gateway, or refuses its
            options.
    """
    try:
        backend = import_string(entry.backend)
    except ImportError as error:
        raise ImproperlyConfigured(
            f"DINERO gateway {alias!r}: cannot import {entry.backend!r}: {error}"
        ) from error
    if not (isinstance(backend, type) and issubclass(backend, import_string(_INTERFACE))):
        raise ImproperlyConfigured(f"DINERO gateway {alias!r}: {entry.backend!r} is no Gateway.")
    gateway: Gateway = backend(alias, entry.options)
    return gateway


def _config(alias: str) -> object:
    config = conf.gateways().get(alias)
    if config is None and conf.gateway_resolver():
        config = import_string(conf.gateway_resolver())(alias)
    if config is None:
        known = ", ".join(aliases()) or _("none; DINERO has no GATEWAYS")
        raise InvalidInput(
            {
                "gateway_name": _("No gateway is called %(alias)r. Configured: %(known)s.")
                % {"alias": alias, "known": known}
            }
        )
    return config


def _forget_on_change(*, setting: str, **kwargs: Any) -> None:
    if setting == "DINERO":
        reset()


setting_changed.connect(_forget_on_change, dispatch_uid="django_dinero.registry")
