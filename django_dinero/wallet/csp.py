"""A content security policy for pages with the card's form: strict, but for the gateway's script.

Whoever can run a script of his own on such a page can read the card as it is typed. The policy lets
scripts come from this site and from the gateway alone, and lets them talk to these two alone.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from django.http.response import HttpResponseBase

from django_dinero.forms import content_policy
from django_dinero.forms.content_policy import Policy
from django_dinero.gateways.base import Gateway

SELF, NONE = "'self'", "'none'"


def sources(gateway: Gateway | None) -> Policy:
    """Return what the gateway's script needs, by directive, to be added to a policy of your own."""
    script = gateway.browser_script() if gateway is not None else None
    if script is None:
        return {}
    parts = urlsplit(script.url)
    return {
        "script-src": [f"{parts.scheme}://{parts.netloc}"],
        "connect-src": list(script.connects_to),
    }


def policy(gateway: Gateway | None) -> Policy:
    """Return the whole policy of a page; without a gateway, of one without the card's form."""
    needed = sources(gateway)
    return {
        "default-src": [NONE],
        "script-src": [SELF, *needed.get("script-src", [])],
        "connect-src": [SELF, *needed.get("connect-src", [])],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }


def protect(response: HttpResponseBase, gateway: Gateway | None) -> None:
    """Give a response the policy, in the words of whatever middleware writes such headers.

    Django's own (from 6.0 on) and django-csp take it from the response. Without them, whatever
    other middleware is called, it is the header. What the view has set itself stays.
    """
    response["X-Frame-Options"] = "DENY"
    content_policy.write_whole(response, policy(gateway))
