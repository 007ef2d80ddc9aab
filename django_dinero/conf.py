"""The ``DINERO`` setting, read live so that ``override_settings`` works."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

DEFAULT_GATEWAY = "default"

KNOWN = frozenset({"GATEWAYS", "GATEWAY_RESOLVER", "JOURNAL_ALIAS"})


def dinero() -> Mapping[str, Any]:
    """Return ``settings.DINERO``, empty if it is not set.

    Raises:
        ImproperlyConfigured: it is no mapping.
    """
    value = getattr(settings, "DINERO", {})
    if not isinstance(value, Mapping):
        raise ImproperlyConfigured("DINERO must be a dict.")
    return value


def gateways() -> Mapping[str, Mapping[str, Any]]:
    """Return the configured gateways by alias."""
    value = dinero().get("GATEWAYS", {})
    if not isinstance(value, Mapping):
        raise ImproperlyConfigured('DINERO["GATEWAYS"] must be a dict of aliases.')
    return value


def gateway_resolver() -> str:
    """Return the dotted path of a callable that configures aliases not in GATEWAYS, or ''."""
    return str(dinero().get("GATEWAY_RESOLVER") or "")


def journal_alias() -> str:
    """Return the database alias on which the journal commits by itself, or '' for none."""
    return str(dinero().get("JOURNAL_ALIAS") or "")
