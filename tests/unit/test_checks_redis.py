"""The check of how long a Redis is waited for."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from celery import Celery, current_app
from django.core.cache.backends.base import BaseCache

from django_dinero.checks import check_redis

REDIS = "django.core.cache.backends.redis.RedisCache"
LOCMEM = "django.core.cache.backends.locmem.LocMemCache"
CONNECT, READ = "socket_connect_timeout", "socket_timeout"
#: As redis-py has it before its version 8, where the settings say nothing.
NONE = {CONNECT: None, READ: None}


class LikeDjangoRedis(BaseCache):
    """A cache that keeps its client where django-redis does."""

    def __init__(self, location: str, params: dict[str, Any]) -> None:
        super().__init__(params)
        pool = SimpleNamespace(
            connection_class=SimpleNamespace, connection_kwargs=params["OPTIONS"]
        )
        found = SimpleNamespace(connection_pool=pool)
        self.client = SimpleNamespace(get_client=lambda write: found)


def found_for(settings: Any, backend: str, **options: Any) -> list[str]:
    """What is found on a cache with these options."""
    settings.CACHES = {
        "default": {
            "BACKEND": backend,
            "LOCATION": "redis://:hunter2@127.0.0.1:1/0",
            "OPTIONS": options,
        }
    }
    found = check_redis()
    assert all(each.id == "dinero.W015" and each.hint for each in found)
    assert "hunter2" not in f"{found}"
    return [each.msg for each in found]


@pytest.mark.parametrize("backend", [REDIS, f"{__name__}.LikeDjangoRedis"])
@pytest.mark.parametrize(
    ("options", "missing"),
    [
        (NONE, "no socket_connect_timeout and no socket_timeout"),
        ({CONNECT: 1, READ: None}, "no socket_timeout"),
        ({CONNECT: 1, READ: 1}, ""),
    ],
)
def test_a_cache_without_limits(settings: Any, backend: str, options: Any, missing: str) -> None:
    texts = found_for(settings, backend, **options)
    assert len(texts) == bool(missing)
    assert all(f"has {missing}: where" in text for text in texts)


def test_other_caches_and_projects_without_rates(settings: Any) -> None:
    assert found_for(settings, LOCMEM) == []
    assert found_for(settings, REDIS, pool_class="no.such.Pool", **NONE) == []
    settings.ROOT_URLCONF = "tests.unit.test_checks_api"  # neither the API nor the wallet
    assert found_for(settings, REDIS, **NONE) == []
    settings.DINERO = "nonsense"
    assert check_redis() == []


@pytest.fixture
def app(settings: Any) -> Iterator[Any]:
    """Make an app of Celery with a broker and options; the settings name it as the queue."""
    settings.DINERO = {**settings.DINERO, "TASKS": "celery"}
    settings.CACHES = {"default": {"BACKEND": LOCMEM}}
    before = current_app._get_current_object()

    def make(broker: str, **options: Any) -> None:
        made = Celery("shop", broker=broker, set_as_current=False)
        made.conf.broker_transport_options = options
        made.set_current()

    yield make
    before.set_current()


@pytest.mark.parametrize(
    ("broker", "options", "expected"),
    [
        ("redis://:hunter2@127.0.0.1:1/0", {}, 1),
        ("rediss://127.0.0.1:1/0", {CONNECT: 2}, 1),
        ("redis://127.0.0.1:1/0", {CONNECT: 2, READ: 10}, 0),
        ("memory://", {}, 0),
        ("nothing://", {}, 0),
    ],
)
def test_a_broker_without_limits(
    settings: Any, app: Any, broker: str, options: Any, expected: int
) -> None:
    app(broker, **options)
    found = check_redis()
    assert [each.id for each in found] == ["dinero.W015"] * expected
    assert "hunter2" not in f"{found}"
    assert all("broker_transport_options" in str(each.hint) for each in found)
    settings.DINERO = {**settings.DINERO, "TASKS": None}
    assert check_redis() == []
