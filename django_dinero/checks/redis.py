"""Checks of how long Redis is waited for: a dead one must not hold payments up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from typing import Any

from django.apps import AppConfig
from django.core import checks
from django.core.cache import DEFAULT_CACHE_ALIAS, caches
from django.core.cache.backends.redis import RedisCache
from django.core.checks import CheckMessage
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from django_dinero import conf
from django_dinero.checks.routes import api_is_served, wallet_is_served

CONNECT, READ = "socket_connect_timeout", "socket_timeout"
CACHE_HINT = (
    "Set both to a second or two: socket_connect_timeout and socket_timeout in the OPTIONS of "
    "Django's RedisCache, SOCKET_CONNECT_TIMEOUT and SOCKET_TIMEOUT in those of django-redis."
)
BROKER_HINT = (
    "app.conf.broker_transport_options = {'socket_connect_timeout': 2, 'socket_timeout': 10}"
)


def check_redis(
    app_configs: Sequence[AppConfig] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Find caches and brokers in Redis that are waited for without a limit."""
    try:
        tasks = conf.tasks()
    except ImproperlyConfigured:
        tasks = None  # check_tasks reports it
    counts = api_is_served() or wallet_is_served()
    with_celery = tasks is not None and tasks.engine == "celery" and find_spec("celery")
    return [*(_check_cache() if counts else ()), *(_check_broker() if with_celery else ())]


def _check_cache() -> Iterator[CheckMessage]:
    missing = _without_limit(_connection_of_cache())
    if missing:
        yield checks.Warning(
            f"The default cache is in Redis, and has no {' and no '.join(missing)}: where Redis is "
            "dead, every payment whose attempts are counted waits for it.",
            hint=CACHE_HINT,
            id="dinero.W015",
        )


def _check_broker() -> Iterator[CheckMessage]:
    given = _broker_options()
    missing = () if given is None else [each for each in (CONNECT, READ) if not given.get(each)]
    if missing:
        yield checks.Warning(
            f"The broker of Celery is in Redis, and has no {' and no '.join(missing)}: where Redis "
            "is dead, whoever hands a job over waits for it.",
            hint=BROKER_HINT,
            id="dinero.W015",
        )


def _without_limit(connection: object) -> list[str]:
    """Return the limits that a connection lacks; none of what is no connection of Redis."""
    return [name for name in (CONNECT, READ) if getattr(connection, name, 0) is None]


def _connection_of_cache() -> object | None:
    """Return a connection as the default cache would open it; None where that cannot be told.

    Newer versions of redis-py have limits by themselves, so that the settings alone do not tell.
    """
    try:
        cache: Any = caches[DEFAULT_CACHE_ALIAS]
        # django-redis has its client there.
        maker = cache._cache if isinstance(cache, RedisCache) else cache.client
        pool = maker.get_client(write=True).connection_pool
        connection: object = pool.connection_class(**pool.connection_kwargs)
    except Exception:  # a cache of any make, or without its package
        return None
    return connection


def _broker_options() -> dict[str, Any] | None:
    """Return the options of Celery's connection to Redis; None where it has another broker."""
    try:
        broker: Any = import_string("celery.current_app").connection_for_write()
        if broker.transport.driver_type != "redis":
            return None
        options: dict[str, Any] = broker.transport_options
    except Exception:  # a broker of any make, or without its package
        return None
    return options
