"""What speaks against an address to which a gateway is to send its webhooks."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from django.urls import Resolver404, get_script_prefix, resolve, reverse
from django.urls.exceptions import NoReverseMatch
from django.utils.translation import gettext as _

from django_dinero.gateways.base import Gateway
from django_dinero.loopback import is_loopback
from django_dinero.webhooks import urls


def doubts(url: str, gateway: Gateway) -> list[str]:
    """Return what speaks against an address; another host may serve it all the same.

    Args:
        url: the whole address.
        gateway: who is to send webhooks there.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return []  # no address at all: registering it says so
    found = [
        _of_scheme(parts.scheme, host),
        _of_path(parts.path, gateway),
        gateway.webhook_problem(),
    ]
    return [doubt for doubt in found if doubt]


def _of_scheme(scheme: str, host: str) -> str:
    if scheme == "https" or is_loopback(host):
        return ""
    return _("Over http everybody on the way reads along: https is better.")


def _of_path(path: str, gateway: Gateway) -> str:
    name = _gateway_name(path)
    if name == gateway.name:
        return ""
    text = _("No address of this project takes webhooks there.")
    if name is not None:
        text = _("Webhooks that come there are read as those of “%(name)s”.") % {"name": name}
    return f"{text} {_cure(gateway)}"


def _gateway_name(path: str) -> str | None:
    """Return the gateway whose webhooks a path takes; None if it takes none."""
    prefix = get_script_prefix()
    if not path.startswith(prefix):
        return None
    try:
        match = resolve("/" + unquote(path.removeprefix(prefix)))
    except Resolver404:
        return None
    return match.kwargs.get("gateway_name") if urls.app_name in match.app_names else None


def _cure(gateway: Gateway) -> str:
    try:
        path = reverse(f"{urls.app_name}:webhook", args=[gateway.name])
    except NoReverseMatch:
        text = _('A line in urls.py is missing: path("webhooks/", include("%(module)s")).')
        return text % {"module": urls.__name__}
    text = _("The path of “%(name)s” is %(path)s.")
    return text % {"name": gateway.name, "path": path}
