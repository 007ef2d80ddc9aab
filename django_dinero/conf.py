"""The ``DINERO`` setting, read on each access so that ``override_settings`` works."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

DEFAULT_GATEWAY = "default"

KNOWN = frozenset({"GATEWAYS", "GATEWAY_RESOLVER", "JOURNAL_ALIAS"})


@dataclass(frozen=True, slots=True)
class Entry:
    """The configuration of a gateway: the dotted path of its class, and its options."""

    backend: str
    options: dict[str, Any] = field(repr=False)


def dinero() -> Mapping[str, Any]:
    """Return ``settings.DINERO``, empty if it is not set.

    Raises:
        ImproperlyConfigured: it is not a mapping.
    """
    value = getattr(settings, "DINERO", {})
    if not isinstance(value, Mapping):
        raise ImproperlyConfigured("DINERO must be a dict.")
    return value


def gateways() -> Mapping[str, Any]:
    """Return the configured gateways by name; :func:`entry` reads one."""
    value = dinero().get("GATEWAYS", {})
    if not isinstance(value, Mapping):
        raise ImproperlyConfigured('DINERO["GATEWAYS"] must be a dict of gateways.')
    return value


def entry(name: str, config: object) -> Entry:
    """Read an entry of GATEWAYS. Its options are copied, so that later changes have no effect.

    Raises:
        ImproperlyConfigured: it has the wrong shape, or an unknown key that would have no effect.
    """
    if not isinstance(config, Mapping):
        raise ImproperlyConfigured(f"DINERO gateway {name!r} must be a dict.")
    unknown = sorted(set(map(str, config)) - {"BACKEND", "OPTIONS"})
    if unknown:
        raise ImproperlyConfigured(
            f"DINERO gateway {name!r} has unknown keys: {', '.join(unknown)}. Known: BACKEND, "
            "OPTIONS; what a backend is told goes into OPTIONS."
        )
    backend = config.get("BACKEND")
    if not isinstance(backend, str) or not backend:
        raise ImproperlyConfigured(f"DINERO gateway {name!r} has no BACKEND.")
    options = config.get("OPTIONS") or {}
    if not isinstance(options, Mapping):
        raise ImproperlyConfigured(f"DINERO gateway {name!r}: OPTIONS must be a dict.")
    return Entry(backend, dict(options))


def gateway_resolver() -> str:
    """Return the dotted path of a callable that configures gateways not in GATEWAYS, or ''."""
    return str(dinero().get("GATEWAY_RESOLVER") or "")


def journal_alias() -> str:
    """Return the database alias on which the journal commits by itself, or '' for none."""
    return str(dinero().get("JOURNAL_ALIAS") or "")
