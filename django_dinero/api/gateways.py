"""The gateways that a caller may use: which they are, what they can do, what a browser needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, cast

from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string
from rest_framework import serializers

from django_dinero import conf
from django_dinero.exceptions import InvalidInput
from django_dinero.gateways.base import Gateway
from django_dinero.gateways.registry import gateways
from django_dinero.logs import get_logger
from django_dinero.models import Customer

logger = get_logger("django_dinero.api")

#: What a project names in ``DINERO["API_GATEWAYS"]``.
Naming = Callable[[Any], Iterable[str]]
#: What a gateway can do, by the verb of the interface that does it.
CAPABILITIES: Mapping[str, str] = {
    "customers": "create_customer",
    "cards": "add_card",
    "validation": "validate_card",
    "charges": "charge",
    "captures": "capture",
    "voids": "void",
    "refunds": "refund",
    "reviews": "decide_review",
    "lists": "iter_transactions",
    "webhooks": "parse_webhook",
}
#: A capability without a verb: a script in the browser turns cards into tokens.
TOKENS = "browser_tokens"


class GatewaySerializer(serializers.Serializer[Any]):
    """A gateway. ``currencies`` is null where it has several and does not list them."""

    name = serializers.CharField(read_only=True)
    provider = serializers.CharField(read_only=True)
    live = serializers.BooleanField(read_only=True)
    currencies = serializers.ListField(
        child=serializers.CharField(), allow_null=True, read_only=True
    )
    capabilities = serializers.ListField(
        child=serializers.ChoiceField([*CAPABILITIES, TOKENS]), read_only=True
    )
    required_card_fields = serializers.ListField(child=serializers.CharField(), read_only=True)
    browser_keys = serializers.DictField(child=serializers.CharField(), read_only=True)


def names_for(user: Any, *, all_of_them: bool) -> list[str]:
    """Return the names of the gateways that a user may use, the default one first.

    Args:
        user: who asks; None or an anonymous one if nobody is signed in.
        all_of_them: whether the user may use whatever the settings have.
    """
    path = conf.api().gateways
    if path:
        return list(cast("Naming", import_string(path))(user))
    first = conf.DEFAULT_GATEWAY
    usual = [first] if first in gateways else []
    if all_of_them:
        return sorted(gateways, key=lambda name: (name != first, name))
    if user is None or not user.is_authenticated:
        return usual
    owned = Customer.objects.filter(owner=user).order_by()
    names = set(owned.values_list("gateway_name", flat=True).distinct())
    return [*usual, *sorted(names - {first})]


def described(names: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Return what there is to say of each gateway; one that cannot be used is left out."""
    for name in names:
        try:
            gateway = gateways[name]
        except (InvalidInput, ImproperlyConfigured) as error:
            logger.error("The gateway %s cannot be used: %s", name, error)
            continue
        yield _described(gateway)


def _described(gateway: Gateway) -> dict[str, Any]:
    keys = dict(gateway.browser_keys())
    able = [each for each, verb in CAPABILITIES.items() if gateway.supports(verb)]
    return {
        "name": gateway.name,
        "provider": gateway.provider,
        "live": gateway.live,
        "currencies": [gateway.currency] if gateway.single_currency else None,
        "capabilities": [*able, *([TOKENS] if keys else [])],
        "required_card_fields": list(gateway.required_card_fields),
        "browser_keys": keys,
    }
