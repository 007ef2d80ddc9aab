"""Counters in the cache that many processes share: how often something was done lately.

REST framework's own throttles read a list, add to it and write it back. Of a hundred requests at
once most would overwrite each other, and pass. Here each period is cut into buckets, and a bucket
is a number that the cache itself counts up. What was counted is forgotten after the period, and at
most a quarter of it later.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.core.cache import DEFAULT_CACHE_ALIAS, BaseCache, caches
from django.utils.crypto import salted_hmac

from django_dinero import throttle_rates
from django_dinero.redaction import Secret
from django_dinero.throttle_rates import Rate

#: Into how many buckets a period is cut.
PARTS = 4


@dataclass(frozen=True, slots=True)
class Counter:
    """How often one caller, address or card did one thing.

    Attributes:
        rate: how often it may be done.
        name: its place in the cache. It shows neither who was counted nor what.
    """

    rate: Rate
    name: str

    @property
    def length(self) -> float:
        """The seconds of a bucket."""
        return self.rate.seconds / PARTS

    def keys(self, now: float) -> list[str]:
        """Return the cache keys of all buckets that count now, the oldest first."""
        newest = int(now / self.length)
        return [f"{self.name}:{number}" for number in range(newest - PARTS, newest + 1)]

    def wait(self, counts: Sequence[int], now: float) -> float | None:
        """Return the seconds until it may be done once more; None if it may be done now.

        Args:
            counts: of the buckets that count now, the oldest first.
            now: seconds since the epoch.
        """
        left = sum(counts)
        if left < self.rate.count:
            return None
        newest = int(now / self.length)
        for age, count in enumerate(counts):
            left -= count
            if left < self.rate.count:
                return (newest + age + 1) * self.length - now
        return float(self.rate.seconds)


def counter(scope: str, kind: str, who: str | Secret) -> Counter | None:
    """Return the counter of a scope; None where the scope has no rate.

    Args:
        scope: one of :mod:`django_dinero.throttle_rates`.
        kind: what ``who`` is, so that a user is no card.
        who: whose attempts are counted. It may be a card number: the name is an HMAC with a key
            from ``SECRET_KEY``, since a plain hash of a number is found by trying all numbers.
    """
    rate = throttle_rates.rate_of(scope)
    if rate is None:
        return None
    hidden = who if isinstance(who, Secret) else Secret(who)
    # JSON may have lone surrogates, which UTF-8 has not. They are refused after this.
    told = hidden.reveal().encode("utf-8", "surrogatepass")
    mac = salted_hmac(f"django_dinero.api:{scope}:{kind}", told, algorithm="sha256")
    return Counter(rate, f"dinero:{scope}:{rate.seconds}:{mac.hexdigest()[:32]}")


def take(wanted: Iterable[Counter], also: Iterable[Counter], now: float) -> float | None:
    """Count once in every counter of ``wanted``, unless one has no room.

    It counts first and looks then: of many at once no more pass than may.

    Args:
        wanted: what is to be done now.
        also: counters that must have room, and are not counted up.
        now: seconds since the epoch.

    Returns:
        None if it may be done and was counted, otherwise the seconds to wait; nothing was counted.
    """
    cache, wanted, also = caches[DEFAULT_CACHE_ALIAS], list(wanted), list(also)
    _change(cache, wanted, now, 1)
    found = cache.get_many([key for each in (*wanted, *also) for key in each.keys(now)])
    waits = []
    for number, each in enumerate((*wanted, *also)):
        counts = [found.get(key) or 0 for key in each.keys(now)]
        if number < len(wanted):
            counts[-1] -= 1  # its own
        waits.append(each.wait(counts, now))
    longest = max((wait for wait in waits if wait is not None), default=None)
    if longest is not None:
        _change(cache, wanted, now, -1)
    return longest


def add(counters: Iterable[Counter], now: float) -> None:
    """Count once in every counter, whether it has room or not."""
    _change(caches[DEFAULT_CACHE_ALIAS], counters, now, 1)


def _change(cache: BaseCache, counters: Iterable[Counter], now: float, by: int) -> None:
    for each in counters:
        key, life = each.keys(now)[-1], math.ceil(each.rate.seconds + 2 * each.length)
        if not throttle_rates.counts_by_itself(cache):
            cache.set(key, (cache.get(key) or 0) + by, life)
        elif not _increased(cache, key, by) and not cache.add(key, by, life):
            _increased(cache, key, by)  # another one has just made it


def _increased(cache: BaseCache, key: str, by: int) -> bool:
    try:
        cache.incr(key, by)
    except ValueError:
        return False  # it is not there
    return True
