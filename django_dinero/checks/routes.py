"""A check of the project's routes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage
from django.urls import URLResolver, get_resolver

WALLET_VIEWS = "django_dinero.wallet.views"


def check_routes(
    app_configs: Sequence[AppConfig] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Find routes of the project that the API's catch-all route hides."""
    if not getattr(settings, "ROOT_URLCONF", None):
        return []
    hidden: list[str] = []
    prefix: str | None = None
    for route, is_api in _routes(get_resolver().url_patterns):
        if prefix is not None and route.startswith(prefix):
            hidden.append(route)
        elif is_api:
            prefix = route
    if not hidden:
        return []
    names = ", ".join(map(repr, hidden[:5])) + (", …" if hidden[5:] else "")
    return [
        checks.Warning(
            f"Below {prefix!r} the API answers what it does not know with a 404, before these "
            f"routes are reached: {names}.",
            hint="Include django_dinero.api.urls after them, or below a prefix of its own.",
            id="dinero.W006",
        )
    ]


def api_is_served() -> bool:
    """Say whether the project has the API among its routes."""
    if not getattr(settings, "ROOT_URLCONF", None):
        return False
    return any(is_api for _route, is_api in _routes(get_resolver().url_patterns))


def wallet_is_served() -> bool:
    """Say whether the project has views of the wallet among its routes, or subclasses of them."""
    if not getattr(settings, "ROOT_URLCONF", None):
        return False
    views = (
        getattr(each.callback, "view_class", None) for each in _views(get_resolver().url_patterns)
    )
    return any(_is_of_wallet(view) for view in views if view is not None)


def _is_of_wallet(view: type[Any]) -> bool:
    # By name: an import would load the wallet in projects that have none.
    return any(each.__module__ == WALLET_VIEWS for each in view.__mro__)


def _views(patterns: Iterable[Any]) -> Iterator[Any]:
    for each in patterns:
        if isinstance(each, URLResolver):
            yield from _views(each.url_patterns)
        else:
            yield each


def _routes(patterns: Iterable[Any], prefix: str = "") -> Iterator[tuple[str, bool]]:
    """Return every route in order, and whether the API is included there."""
    for each in patterns:
        route = prefix + str(each.pattern).removeprefix("^")
        is_api = isinstance(each, URLResolver) and each.app_name == "dinero-api"
        if isinstance(each, URLResolver) and not is_api:
            yield from _routes(each.url_patterns, route)
        else:
            yield route, is_api
