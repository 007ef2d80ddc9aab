"""The counters of the throttles in a cache that workers share: Redis."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from django.core.cache import caches

from django_dinero import throttle_rates
from django_dinero.api.counting import Counter, take
from django_dinero.throttle_rates import Rate

NOON = 1_800_000_000.0


@pytest.fixture
def prefix(settings: Any, redis_url: str) -> Iterator[str]:
    """The cache is Redis, with keys of this test alone."""
    name = f"dinero-test-{uuid.uuid4().hex}"
    backend = "django.core.cache.backends.redis.RedisCache"
    settings.CACHES = {"default": {"BACKEND": backend, "LOCATION": redis_url, "KEY_PREFIX": name}}
    client = redis.Redis.from_url(redis_url)
    yield name
    for key in client.scan_iter(f"{name}*"):
        client.delete(key)
    client.close()


def test_of_many_at_once_no_more_pass_than_may(prefix: str) -> None:
    each, passed = Counter(Rate(20, 3600), "many"), list[int]()

    def knock() -> None:
        for _number in range(15):
            if take([each], [], NOON) is None:
                passed.append(1)

    threads = [threading.Thread(target=knock) for _number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 0 < len(passed) <= 20
    # Each that was refused gave back what it had counted.
    while take([each], [], NOON) is None:
        passed.append(1)
    assert len(passed) == 20


def test_what_is_counted_does_not_stay(prefix: str, redis_url: str) -> None:
    each = Counter(Rate(1, 60), "short")
    assert take([each], [], NOON) is None
    assert take([each], [], NOON) is not None
    client = redis.Redis.from_url(redis_url)
    (key,) = client.scan_iter(f"{prefix}*")
    assert 60 < client.ttl(key) <= 90
    client.close()


def test_it_counts_by_itself(prefix: str) -> None:
    assert throttle_rates.counts_by_itself(caches["default"])
