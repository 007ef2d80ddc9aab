"""Gateways: one interface (``base``), a class per provider, and ``gateways["name"]`` to find one.

Importing this package imports nothing else, not even the registry: what only needs the dataclasses
of ``types`` must work without Django's settings.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django_dinero.gateways.registry import gateways, get_gateway

__all__ = ["gateways", "get_gateway"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(import_module("django_dinero.gateways.registry"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
