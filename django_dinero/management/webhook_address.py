"""What is wrong with an address before a gateway sends its webhooks there."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.urls import Resolver404, resolve, reverse
from django.urls.exceptions import NoReverseMatch
from django.utils.translation import gettext as _

from django_dinero.gateways.base import Gateway
from django_dinero.webhooks import urls


def doubts(url: str, gateway: Gateway) -> list[str]:
    """Return what speaks against an address; another host may serve it all the same.

    Args:
        url: the whole address.
        gateway: who is to send webhooks there.
    """
    parts = urlsplit(url)
    found = [_of_scheme(parts.scheme), _of_path(parts.path, gateway)]
    return [doubt for doubt in found if doubt]


def _of_scheme(scheme: str) -> str:
    if scheme == "https":
        return ""
    return _("Over http everybody on the way reads along: https is better.")


def _of_path(path: str, gateway: Gateway) -> str:
    try:
        match = resolve(path or "/")
    except Resolver404:
        match = None
    if match is None or urls.app_name not in match.app_names:
        return _("No address of this project takes webhooks there.") + _cure(gateway)
    name = match.kwargs.get("gateway_name")
    if name != gateway.name:
        text = _("Webhooks that come there are read as those of “%(name)s”.") % {"name": name}
        return text + _cure(gateway)
    return ""


def _cure(gateway: Gateway) -> str:
    try:
        path = reverse(f"{urls.app_name}:webhook", args=[gateway.name])
    except NoReverseMatch:
        text = _("A line in urls.py is missing: path(“webhooks/”, include(“%(module)s”)).")
        return f" {text}" % {"module": urls.__name__}
    return " " + _("Its path is %(path)s.") % {"path": path}
