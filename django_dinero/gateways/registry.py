"""Finds a gateway by its name: imported at first use, one instance per process.

Threads that need a gateway for the first time at once may each build one; all get the first that is
ready, and the others are dropped.

The interface is imported then too. With its two dozen dataclasses it costs more than all that the
app needs at start-up, where system checks and the admin import this module.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextvars import ContextVar
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
#: Gateways in the settings are never dropped.
MAX_INSTANCES = 200

_lock = Lock()
_instances: dict[str, tuple[conf.Entry, Gateway]] = {}
#: The gateways that this thread is making, the outermost first.
_being_made: ContextVar[tuple[str, ...]] = ContextVar("dinero_gateways_being_made", default=())


class GatewayMisconfigured(ImproperlyConfigured):
    """A gateway could not be made of its configuration. What needed it has not been sent."""


class Gateways:
    """The gateways by name, as Django's ``caches`` are: ``gateways["old"]``.

    Names are the keys of ``DINERO["GATEWAYS"]``. Others are asked of the callable that
    ``DINERO["GATEWAY_RESOLVER"]`` names: it takes the name and returns a dict with BACKEND and
    OPTIONS, or None. It is asked each time, so a changed credential counts from the next call.

    Iteration and length are those of the names in the settings, sorted; ``in`` asks the resolver
    too, and builds nothing.
    """

    def __getitem__(self, name: str) -> Gateway:
        """Return a gateway, ready for calls.

        Raises:
            InvalidInput: no gateway has this name; the message lists the configured ones.
            GatewayMisconfigured: the entry is wrong, the gateway must not be used with it, or it
                asks for itself while it is made.
        """
        try:
            entry = conf.entry(name, _config(name))
            return _kept(name, entry) or _keep(name, entry, _made_ready(name, entry))
        except GatewayMisconfigured:
            raise
        except ImproperlyConfigured as error:
            raise GatewayMisconfigured(*error.args) from error

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(conf.gateways()))

    def __len__(self) -> int:
        return len(conf.gateways())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and _find_config(name) is not None


#: The one instance; also in :mod:`django_dinero.gateways`.
gateways = Gateways()


def get_gateway(gateway_name: str | None = None) -> Gateway:
    """Return a gateway by its name, ``"default"`` if none is given; see :class:`Gateways`."""
    return gateways[gateway_name or conf.DEFAULT_GATEWAY]


def built(gateway_name: str) -> Gateway:
    """Return a gateway as it was built last. The resolver is asked only if it was not yet.

    Raises:
        InvalidInput, ImproperlyConfigured: as for :class:`Gateways`.
    """
    with _lock:
        cached = _instances.get(gateway_name)
    return cached[1] if cached is not None else gateways[gateway_name]


def instances() -> dict[str, tuple[conf.Entry, Gateway]]:
    """Return what was built so far, for :func:`reset` to go back to."""
    with _lock:
        return dict(_instances)


def reset(to: Mapping[str, tuple[conf.Entry, Gateway]] | None = None) -> None:
    """Forget every instance, or those that came after ``to``; the next use builds it anew."""
    with _lock:
        _instances.clear()
        _instances.update(to or {})


def build(name: str, entry: conf.Entry) -> Gateway:
    """Import the class that an entry names and make an instance, not prepared for calls yet.

    Raises:
        ImproperlyConfigured: it cannot be imported, is no subclass of Gateway, or refuses its
            options.
    """
    try:
        backend = import_string(entry.backend)
    except ImportError as error:
        raise ImproperlyConfigured(
            f"DINERO gateway {name!r}: cannot import {entry.backend!r}: {error}"
        ) from error
    if not (isinstance(backend, type) and issubclass(backend, import_string(_INTERFACE))):
        raise ImproperlyConfigured(f"DINERO gateway {name!r}: {entry.backend!r} is no Gateway.")
    gateway: Gateway = backend(name, entry.options)
    return gateway


def _kept(name: str, entry: conf.Entry) -> Gateway | None:
    """Return the instance that was built of an entry, and note that it is used."""
    with _lock:
        cached = _instances.get(name)
        if cached is None or cached[0] != entry:
            return None
        _instances[name] = _instances.pop(name)  # the last one used stands last
        return cached[1]


def _made_ready(name: str, entry: conf.Entry) -> Gateway:
    """Build and prepare an instance. No lock is held: it may be slow, or ask for other gateways.

    Raises:
        ImproperlyConfigured: as for :func:`build`, from ``prepare``, or it asks for itself.
    """
    names = _being_made.get()
    if name in names:
        way = " > ".join([*names[names.index(name) :], name])
        raise ImproperlyConfigured(f"DINERO gateway {name!r} needs itself to be made: {way}.")
    token = _being_made.set((*names, name))
    try:
        gateway = build(name, entry)
        gateway.prepare()
    finally:
        _being_made.reset(token)
    return gateway


def _keep(name: str, entry: conf.Entry, gateway: Gateway) -> Gateway:
    """Keep an instance and return it, or the one that another thread was quicker to keep."""
    with _lock:
        cached = _instances.pop(name, None)
        if cached is None or cached[0] != entry:
            cached = (entry, gateway)
        _instances[name] = cached
        if len(_instances) > MAX_INSTANCES:
            _drop_the_oldest()
    return cached[1]


def _drop_the_oldest() -> None:
    """Forget the resolved gateway that was not used for longest; its connections go with it."""
    for name in _instances:
        if name not in conf.gateways():
            del _instances[name]
            return


def _config(name: str) -> object:
    config = _find_config(name)
    if config is None:
        known = ", ".join(gateways) or _("none; DINERO has no GATEWAYS")
        raise InvalidInput(
            {
                "gateway_name": _("No gateway is called %(name)r. Configured: %(known)s.")
                % {"name": name, "known": known}
            }
        )
    return config


def _find_config(name: str) -> object | None:
    """Return the entry of a name, from the settings or the resolver, None where there is none."""
    config = conf.gateways().get(name)
    if config is None and conf.gateway_resolver():
        config = import_string(conf.gateway_resolver())(name)
    return config


def _forget_on_change(*, setting: str, **kwargs: Any) -> None:
    if setting == "DINERO":
        reset()


setting_changed.connect(_forget_on_change, dispatch_uid="django_dinero.registry")
