"""A content security policy for pages with the card's form: strict, but for the gateway's script.

Whoever can run a script of his own on such a page can read the card as it is typed. The policy lets
scripts come from this site and from the gateway alone, and lets them talk to these two alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from django.conf import settings
from django.http.response import HttpResponseBase
from django.utils.module_loading import import_string

from django_dinero.gateways.base import Gateway

SELF, NONE = "'self'", "'none'"
Policy = Mapping[str, list[str]]
#: What takes a policy from the response and writes the header: Django's own, and django-csp's.
MIDDLEWARE = (
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "csp.middleware.CSPMiddleware",
)


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
    other middleware is called, it is the header. A header that the view has set itself stays.
    """
    response["X-Frame-Options"] = "DENY"
    wanted = dict(policy(gateway))
    if not any(_writes_policies(path) for path in settings.MIDDLEWARE):
        text = "; ".join(f"{name} {' '.join(values)}" for name, values in wanted.items())
        response.headers.setdefault("Content-Security-Policy", text)
        return
    for name in ("_csp_config", "_csp_replace"):  # of both, and of django-csp alone
        if not hasattr(response, name):
            setattr(response, name, wanted)


def _writes_policies(path: str) -> bool:
    """Say whether a middleware is one of the two that we know, or of a class made from one."""
    known = tuple(each for each in map(_found, MIDDLEWARE) if isinstance(each, type))
    middleware = _found(path)
    return isinstance(middleware, type) and issubclass(middleware, known)


def _found(path: str) -> object:
    try:
        return import_string(path)
    except ImportError:  # not installed, or not in this release of Django
        return None
