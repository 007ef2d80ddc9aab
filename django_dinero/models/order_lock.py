"""The name of an order, and its lock: one attempt to pay it is under way at a time."""

from __future__ import annotations

from django.db.models import Q
from django.db.models.functions import Length
from django.db.models.lookups import Exact
from django.utils.translation import gettext as _

from django_dinero import conf, identifiers
from django_dinero.cards import text_of
from django_dinero.exceptions import InvalidInput
from django_dinero.models.mode import lock_prefix

#: Hex digits of a reference's digest: enough to tell any two apart.
_DIGITS = 32


def named_order(order_reference: object) -> str:
    """Return an order's reference as it is stored: without the blanks around it.

    Raises:
        InvalidInput: nothing is left. Every charge without a reference would pay that order.
    """
    text = text_of(order_reference)
    if not text:
        raise InvalidInput({"order_reference": _("Name the order that is paid.")})
    return text


def order_lock_name(order_reference: str, gateway_name: str | None, *, live: bool) -> str:
    """Return the lock name of an order, the same at all gateways of one shop.

    A gateway that a resolver knows is a tenant's: two tenants may both have an order 1001.

    Args:
        order_reference: as it is passed to the charges. References that differ in case or accents
            are two orders, as they are in the database.
        gateway_name: where it is paid; None only where all gateways are of one shop.
        live: whether it is paid with real money.

    Raises:
        InvalidInput: the reference is blank.
    """
    digest = identifiers.digest({"order_reference": named_order(order_reference)})[:_DIGITS]
    return f"{lock_prefix(live)}order:{_tenant(gateway_name)}:{digest}"


def order_lock_names(order_reference: str, gateway_name: str | None) -> list[str]:
    """Return the lock names of an order: paid with real money, and paid in tests.

    Args:
        order_reference: as for :func:`order_lock_name`.
        gateway_name: where it is paid; None only where all gateways are of one shop.

    Raises:
        InvalidInput: the reference is blank.
    """
    return [order_lock_name(order_reference, gateway_name, live=live) for live in (False, True)]


def of_the_shop() -> Q:
    """Return the condition for operations about an order of the one shop, not of a tenant.

    The gateway may have another place since, or none.
    """
    found = Q()
    for live in (False, True):
        own = f"{lock_prefix(live)}order::"
        # The length counts too: a tenant's name may begin with a colon.
        is_as_long = Exact(Length("lock_name"), len(own) + _DIGITS)
        found |= Q(is_as_long, lock_name__startswith=own)
    return found


def _tenant(gateway_name: str | None) -> str:
    """Return the name of the tenant that a gateway is; empty where it is of the one shop."""
    is_tenant = conf.gateway_resolver() and gateway_name not in conf.gateways()
    return str(gateway_name) if is_tenant else ""
