"""Whether a request may hold a card number or a CVV: by a setting, and over https."""

from __future__ import annotations

from django.conf import settings
from django.http.request import split_domain_port
from django.utils.translation import gettext as _
from rest_framework.request import Request

from django_dinero import conf
from django_dinero.loopback import is_loopback


def problem_with(request: Request) -> str:
    """Return why the request may not have a card number or CVV in it; empty if it may."""
    if not conf.api().accepts_raw_cards:
        return _(
            "This API takes no card numbers and no CVVs. Send a token from the gateway's form in "
            'the browser, or set DINERO["API_ACCEPTS_RAW_CARDS"].'
        )
    if not (request.is_secure() or _stays_on_this_machine(request)):
        return _("Card numbers and CVVs are taken over https only.")
    return ""


def _stays_on_this_machine(request: Request) -> bool:
    """Say whether a developer tries it out: with DEBUG, from this machine to this machine."""
    if not settings.DEBUG:
        return False
    host, _port = split_domain_port(request.get_host())
    names = (host.strip("[]"), str(request.META.get("REMOTE_ADDR") or ""))
    return all(map(is_loopback, names))
