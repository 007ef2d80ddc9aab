"""Counters in the cache: exact in any order of requests, forgotten in time, telling nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache

from django_dinero import throttle_rates
from django_dinero.api import counting
from django_dinero.api.counting import PARTS, Counter, counter, take
from django_dinero.redaction import Secret
from django_dinero.throttle_rates import Rate

#: A moment at the beginning of a bucket.
NOON = 1_800_000_000.0
HOUR = 3600


@pytest.fixture(autouse=True)
def empty_cache() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


def counted(count: int, seconds: int = HOUR, name: str = "x") -> Counter:
    """A counter of so many in so many seconds."""
    return Counter(Rate(count, seconds), name)


def passes(each: Counter, times: int, now: float = NOON) -> list[bool]:
    """Whether each of so many requests at one moment passes."""
    return [take([each], [], now) is None for _number in range(times)]


def test_so_many_pass_and_no_more() -> None:
    assert passes(counted(3), 5) == [True, True, True, False, False]


def test_a_rate_of_nothing_lets_nothing_pass() -> None:
    assert take([counted(0)], [], NOON) == HOUR


def test_what_was_refused_is_not_counted() -> None:
    each = counted(2)
    assert passes(each, 50)[:3] == [True, True, False]
    later = NOON + HOUR + HOUR / PARTS
    assert passes(each, 3, later) == [True, True, False]


@pytest.mark.parametrize("start", [0.0, 1.0, HOUR / PARTS - 1])
def test_the_wait_is_as_long_as_was_said(start: float) -> None:
    each, now = counted(1), NOON + start
    assert passes(each, 1, now) == [True]
    wait = take([each], [], now)
    assert wait is not None
    assert HOUR <= wait + start <= HOUR * (1 + 1 / PARTS)
    assert take([each], [], now + wait - 1) is not None
    assert take([each], [], now + wait) is None


def test_each_is_forgotten_by_itself() -> None:
    each, quarter = counted(4), HOUR / PARTS
    for number in range(4):
        assert passes(each, 1, NOON + number * quarter) == [True]
    last = NOON + 3 * quarter
    wait = take([each], [], last)
    assert wait == 2 * quarter  # the first one's
    assert passes(each, 2, last + wait) == [True, False]


def test_all_of_them_must_have_room() -> None:
    narrow, wide = counted(1, name="narrow"), counted(9, name="wide")
    assert take([narrow, wide], [], NOON) is None
    assert take([narrow, wide], [], NOON) is not None
    assert passes(wide, 9, NOON) == [True] * 8 + [False]  # the refused one was given back


def test_some_are_only_asked() -> None:
    asked, wanted = counted(2, name="asked"), counted(100, name="wanted")
    for _number in range(2):
        assert take([wanted], [asked], NOON) is None
        counting.add([asked], NOON)
    assert take([wanted], [asked], NOON) is not None
    assert passes(wanted, 98, NOON) == [True] * 98


def test_of_many_at_once_no_more_pass_than_may() -> None:
    each, passed = counted(20), list[int]()

    def knock() -> None:
        for _number in range(10):
            if take([each], [], NOON) is None:
                passed.append(1)

    threads = [threading.Thread(target=knock) for _number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # One that is refused may have pushed another one out in the same instant, never in.
    assert len(passed) <= 20
    assert len(passed) + sum(passes(each, 20)) == 20


@pytest.mark.parametrize(
    "backend",
    [
        "django.core.cache.backends.filebased.FileBasedCache",
        "django.core.cache.backends.locmem.LocMemCache",
    ],
)
def test_counters_outlive_the_caches_default_timeout(
    settings: Any, tmp_path: Any, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.CACHES = {"default": {"BACKEND": backend, "LOCATION": str(tmp_path), "TIMEOUT": 0}}
    assert passes(counted(2), 3) == [True, True, False]


def test_a_cache_that_keeps_nothing_lets_everything_pass(settings: Any) -> None:
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
    assert passes(counted(1), 3) == [True, True, True]


# -- Names -----------------------------------------------------------------------------------------

NUMBER = "4111111111111111"


def name_of(scope: str, kind: str, who: str | Secret) -> str:
    """The place of a counter."""
    found = counter(scope, kind, who)
    assert found is not None
    return found.name


def test_a_name_shows_nothing_and_needs_the_key(settings: Any) -> None:
    first = name_of(throttle_rates.CARD, "number", Secret(NUMBER))
    assert NUMBER not in first
    assert "1111" not in first.replace(first.rsplit(":", 1)[1], "")
    assert first == name_of(throttle_rates.CARD, "number", NUMBER)
    settings.SECRET_KEY = "another"
    assert name_of(throttle_rates.CARD, "number", NUMBER) != first


def test_names_are_told_apart() -> None:
    names = {
        name_of(throttle_rates.CARD, "number", "1"),
        name_of(throttle_rates.CARD, "token", "1"),
        name_of(throttle_rates.CHARGE, "user", "1"),
        name_of(throttle_rates.STORE, "user", "1"),
        name_of(throttle_rates.CARD, "number", "2"),
    }
    assert len(names) == 5


def test_a_scope_without_a_rate_counts_nothing(settings: Any) -> None:
    settings.REST_FRAMEWORK = {"DEFAULT_THROTTLE_RATES": {throttle_rates.CARD: None}}
    assert counter(throttle_rates.CARD, "number", NUMBER) is None


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("10/hour", Rate(10, 3600)),
        ("5/s", Rate(5, 1)),
        ("7/minute", Rate(7, 60)),
        ("0/day", Rate(0, 86_400)),
    ],
)
def test_rates_read_as_the_framework_reads_them(settings: Any, text: str, rate: Rate) -> None:
    settings.REST_FRAMEWORK = {"DEFAULT_THROTTLE_RATES": {throttle_rates.BIN: text}}
    assert throttle_rates.rate_of(throttle_rates.BIN) == rate
