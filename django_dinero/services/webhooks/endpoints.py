"""The endpoints that a gateway sends webhooks to, at the gateway."""

from __future__ import annotations

from functools import partial
from urllib.parse import urlsplit

from django.utils.translation import gettext as _

from django_dinero.exceptions import InvalidInput
from django_dinero.gateways.base import Gateway
from django_dinero.gateways.types import WebhookEndpoint
from django_dinero.services.errors import read


def list_endpoints(gateway: Gateway) -> tuple[WebhookEndpoint, ...]:
    """Return the endpoints that the account has.

    Raises:
        UnsupportedFeature: the gateway cannot be asked for them.
        GatewayError, NotSent: they could not be read.
    """
    return read(gateway, gateway.list_webhooks)


def register(gateway: Gateway, url: str) -> WebhookEndpoint:
    """Let the gateway send webhooks to an address; one that has it already is returned.

    So it may be repeated, after a lost answer too.

    Raises:
        InvalidInput: the address is none that a gateway can reach safely.
        UnsupportedFeature, GatewayError, NotSent: as for :func:`list_endpoints`.
    """
    no_address = InvalidInput({"url": _("This is no address.")}, gateway_name=gateway.name)
    try:
        parts = urlsplit(url)
    except ValueError:  # brackets that do not fit, as in "http://[::1"
        raise no_address from None
    if parts.scheme != "https" and gateway.live:
        raise InvalidInput({"url": _("Give an address with https.")}, gateway_name=gateway.name)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise no_address
    known = {each.url: each for each in list_endpoints(gateway)}
    return known.get(url) or read(gateway, partial(gateway.register_webhook, url), changes=True)


def remove(gateway: Gateway, endpoint_id: str) -> bool:
    """Let the gateway send no more webhooks to an endpoint; removing it twice does no harm.

    Returns:
        Whether there was one.

    Raises:
        UnsupportedFeature, GatewayError, NotSent: as for :func:`list_endpoints`.
    """
    return not read(gateway, partial(gateway.remove_webhook, endpoint_id), changes=True).already
