"""Checks of what the REST API may do, and of what protects it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import AppConfig, apps
from django.conf import settings
from django.core import checks
from django.core.cache import DEFAULT_CACHE_ALIAS, InvalidCacheBackendError, caches
from django.core.cache.backends.dummy import DummyCache
from django.core.cache.backends.locmem import LocMemCache
from django.core.checks import CheckMessage, Error
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from django_dinero import conf, throttle_rates
from django_dinero.checks.routes import api_is_served, wallet_is_served

#: The prefix of our rates among the project's.
PREFIX = "dinero-"


def check_api(app_configs: Sequence[AppConfig] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Check the settings of the API, and its rates."""
    try:
        conf.dinero()
    except ImproperlyConfigured:
        return []  # check_settings reports it
    try:
        api = conf.api()
    except ImproperlyConfigured as error:
        return [Error(str(error), id="dinero.E015")]
    return [
        *_check_callable("API_GATEWAYS", api.gateways),
        *_check_callable("API_GUEST_CHARGES", api.guest_charges),
        *_check_rates(),
        *(_check_shoppers() if api.guest_charges else ()),
        *(_check_browsable() if api.browsable else ()),
    ]


def check_api_deployment(
    app_configs: Sequence[AppConfig] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Find what leaves card numbers or rates unprotected on a server in production."""
    try:
        api = conf.api()
    except ImproperlyConfigured:
        return []  # check_api reports it
    is_served = api_is_served()
    if not is_served and not wallet_is_served():
        return []
    return [
        *(_check_https() if is_served and api.accepts_raw_cards else ()),
        *(_check_pages() if is_served and api.browsable else ()),
        *_check_cache(),
        # Of strangers' charges it is an error.
        *(() if api.guest_charges else _check_addresses()),
    ]


def _check_callable(key: str, path: str) -> Iterator[CheckMessage]:
    if not path:
        return
    try:
        found = import_string(path)
    except Exception as error:  # the module may raise anything
        text = str(error) if isinstance(error, ImportError) else f"{type(error).__name__}: {error}"
        yield Error(f'DINERO["{key}"]: {text}', id="dinero.E015")
        return
    if not callable(found):
        yield Error(f'DINERO["{key}"]: {path!r} is not callable.', id="dinero.E015")


def _check_rates() -> Iterator[CheckMessage]:
    for scope in throttle_rates.DEFAULTS:
        try:
            throttle_rates.rate_of(scope)
        except ImproperlyConfigured as error:
            yield Error(str(error), id="dinero.E018")
    unknown = sorted(n for n in throttle_rates.given() if str(n).startswith(PREFIX))
    unknown = [name for name in unknown if name not in throttle_rates.DEFAULTS]
    if unknown:
        yield checks.Warning(
            f'REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"] has unknown names: {", ".join(unknown)}.',
            hint=f"Known: {', '.join(throttle_rates.DEFAULTS)}.",
            id="dinero.W010",
        )


def _check_shoppers() -> Iterator[CheckMessage]:
    """Check what the charges of strangers hang on: their address, and rates for it."""
    given = throttle_rates.given()
    off = [scope for scope in throttle_rates.OF_STRANGERS if given.get(scope, "") is None]
    if off:
        yield Error(
            f'DINERO["API_GUEST_CHARGES"] lets strangers pay, and has no limit: {", ".join(off)}.',
            hint="Remove the None from DEFAULT_THROTTLE_RATES: the address is all that is known of "
            "a stranger.",
            id="dinero.E017",
        )
    if _proxies() is None:
        yield Error(
            'DINERO["API_GUEST_CHARGES"] lets strangers pay, and REST_FRAMEWORK["NUM_PROXIES"] '
            "does not say how many proxies stand before this server.",
            hint="0 for none. Behind a proxy without it, all strangers would share one address and "
            "its limit.",
            id="dinero.E017",
        )


def _check_addresses() -> Iterator[CheckMessage]:
    if _proxies() is None:
        yield checks.Warning(
            'REST_FRAMEWORK["NUM_PROXIES"] is not set: an address is that of the connection. '
            "Behind a proxy all callers share one, and its rates.",
            hint="Set how many proxies stand before this server, 0 for none.",
            id="dinero.W013",
        )


def _proxies() -> object:
    return (getattr(settings, "REST_FRAMEWORK", None) or {}).get("NUM_PROXIES")


def _check_browsable() -> Iterator[CheckMessage]:
    if not apps.is_installed("rest_framework"):
        yield Error(
            'DINERO["API_BROWSABLE"] is on, and rest_framework is not in INSTALLED_APPS: its pages '
            "have no templates.",
            id="dinero.E015",
        )


def _check_pages() -> Iterator[CheckMessage]:
    if settings.DEBUG:
        return
    yield checks.Warning(
        'DINERO["API_BROWSABLE"] is on, and DEBUG is off: browsers get pages of the API that are '
        "meant for development.",
        hint="Leave it out of the settings of production.",
        id="dinero.W014",
    )


def _check_https() -> Iterator[CheckMessage]:
    redirects = getattr(settings, "SECURE_SSL_REDIRECT", False)
    if redirects and getattr(settings, "SECURE_HSTS_SECONDS", 0):
        return
    yield checks.Warning(
        'DINERO["API_ACCEPTS_RAW_CARDS"] is on, and browsers are not told to use https.',
        hint="Set SECURE_SSL_REDIRECT and SECURE_HSTS_SECONDS, and SECURE_PROXY_SSL_HEADER behind "
        "a proxy. Better, take tokens only.",
        id="dinero.W011",
    )


def _check_cache() -> Iterator[CheckMessage]:
    try:
        cache: Any = caches[DEFAULT_CACHE_ALIAS]
    except InvalidCacheBackendError:
        return  # Django reports it
    hint = "Use a cache that all workers share and that counts by itself, as Redis or Memcached."
    if isinstance(cache, DummyCache):
        text = "The cache keeps nothing, so no rate of the API holds."
    elif isinstance(cache, LocMemCache):
        text = "Each worker has a cache of its own: with several, each rate of the API is higher."
    elif not throttle_rates.counts_by_itself(cache):
        text = "The cache does not count by itself: of many requests at once, some are not counted."
    else:
        return
    yield checks.Warning(text, hint=hint, id="dinero.W012")
