"""How often the API lets something be done: our rates, and the project's in their place.

They stand in ``REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"]`` beside the project's own, under names
that begin with ``dinero-``. ``None`` switches one off. The system checks read this module too: it
imports no REST framework.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

from django.conf import settings
from django.core.cache import BaseCache
from django.core.exceptions import ImproperlyConfigured

STORE: Final = "dinero-store"
CHARGE: Final = "dinero-charge"
ADDRESS: Final = "dinero-address"
BIN: Final = "dinero-bin"
CARD: Final = "dinero-card"
DECLINES: Final = "dinero-declines"
ADDRESS_DECLINES: Final = "dinero-address-declines"
OPERATION: Final = "dinero-operation"

DEFAULTS: Mapping[str, str] = MappingProxyType(
    {
        STORE: "20/hour",
        CHARGE: "30/hour",
        ADDRESS: "100/hour",
        BIN: "100/hour",
        CARD: "10/hour",
        DECLINES: "10/hour",
        ADDRESS_DECLINES: "30/hour",
        OPERATION: "60/minute",
    }
)
#: Without these, callers who are not signed in are not served: their address is all that is known.
OF_STRANGERS: tuple[str, ...] = (CHARGE, ADDRESS)
#: By the first letter, as REST framework reads them.
SECONDS: Mapping[str, int] = MappingProxyType({"s": 1, "m": 60, "h": 3600, "d": 86_400})


@dataclass(frozen=True, slots=True)
class Rate:
    """So many in so many seconds."""

    count: int
    seconds: int


def rate_of(scope: str) -> Rate | None:
    """Return the rate of a scope; None where there is no limit.

    Raises:
        ImproperlyConfigured: the project's rate cannot be read.
    """
    text = given().get(scope, DEFAULTS[scope])
    return None if text is None else _read(scope, text)


def given() -> Mapping[str, Any]:
    """Return the rates that the project has set, ours and others'."""
    rest_framework: Mapping[str, Any] = getattr(settings, "REST_FRAMEWORK", None) or {}
    rates: Mapping[str, Any] = rest_framework.get("DEFAULT_THROTTLE_RATES") or {}
    return rates


@lru_cache(maxsize=64)
def _read(scope: str, text: object) -> Rate:
    count, slash, period = text.partition("/") if isinstance(text, str) else ("", "", "")
    if not (slash and count.isascii() and count.isdigit() and period[:1] in SECONDS):
        raise ImproperlyConfigured(
            f'REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"]["{scope}"] is a rate like "10/hour", or '
            "None for no limit."
        )
    return Rate(int(count), SECONDS[period[0]])


def counts_by_itself(cache: BaseCache) -> bool:
    """Say whether a cache counts a number up in one step, whoever else does so at that moment."""
    return type(cache).incr is not BaseCache.incr
