"""The lock of an order: one attempt to pay it is under way at a time."""

from __future__ import annotations

import unicodedata

from django_dinero import conf, identifiers
from django_dinero.models.mode import lock_prefix

#: Hex digits of a reference's digest: enough to tell any two apart.
_DIGITS = 32


def order_lock_name(order_reference: str, gateway_name: str, *, live: bool) -> str:
    """Return the lock name of an order, the same at all gateways of one shop.

    A gateway that a resolver knows is a tenant's: two tenants may both have an order 1001.

    Args:
        order_reference: as it is passed to the charges.
        gateway_name: where it is paid.
        live: whether it is paid with real money.
    """
    tenant = "" if gateway_name in conf.gateways() else gateway_name
    digest = identifiers.digest({"order_reference": _folded(order_reference)})[:_DIGITS]
    return f"{lock_prefix(live)}order:{tenant}:{digest}"


def _folded(order_reference: str) -> str:
    """Return a text without what some databases overlook when they compare two.

    What a shop's own database takes for one order has one lock.
    """
    plain = unicodedata.normalize("NFKD", order_reference)
    letters = "".join(each for each in plain if not unicodedata.combining(each))
    return letters.casefold().strip()
