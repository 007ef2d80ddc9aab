"""Stops who tries stolen numbers on a shop's pages, at the rates of the API and with its counters.

An attempt asks the gateway about a card: it stores one, or charges one. It is counted for the user,
for the address and for the card; so is a decline. See :mod:`django_dinero.throttle_rates`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest

from django_dinero import throttle_rates
from django_dinero.api import counting
from django_dinero.api.counting import Counter
from django_dinero.api.disclosure import DECLINES
from django_dinero.api.throttling import address_of
from django_dinero.exceptions import DineroError, InvalidInput
from django_dinero.logs import get_logger

logger = get_logger(__name__)


def may_look_up(request: HttpRequest) -> bool:
    """Count a question to the gateway about a payment; say whether the shopper may ask it now.

    A cache that fails stops nobody.
    """
    try:
        found = list(_counters(throttle_rates.OPERATION, "user", str(request.user.pk)))
        return counting.take(found, [], time.time()) is None
    except Exception as error:  # a cache of any make
        _tell(error)
        return True


class CardTesting:
    """One attempt of a signed-in shopper.

    Args:
        request: who asks, and from where.
        scope: ``throttle_rates.STORE`` or ``throttle_rates.CHARGE``.
        card: the public id of the stored card, if it is about one.
    """

    def __init__(self, request: HttpRequest, scope: str, card: str = "") -> None:
        user = ("user", str(request.user.pk))
        asked: Any = request
        address = ("address", address_of(asked))
        self._attempts = [
            *_counters(scope, *user),
            *_counters(throttle_rates.ADDRESS, *address),
            *(_counters(throttle_rates.CARD, "stored", card) if card else ()),
        ]
        self._declines = [
            *_counters(throttle_rates.DECLINES, *user),
            *_counters(throttle_rates.ADDRESS_DECLINES, *address),
        ]

    def wait(self) -> float | None:
        """Count the attempt; return None if it may go on, else the seconds to wait.

        A cache that fails stops nobody.
        """
        try:
            return counting.take(self._attempts, self._declines, time.time())
        except Exception as error:  # a cache of any make
            _tell(error)
            return None

    def note(self, error: DineroError) -> None:
        """Count an error if it is a decline."""
        if not isinstance(error, DECLINES) or isinstance(error, InvalidInput):
            return
        try:
            counting.add(self._declines, time.time())
        except Exception as failure:  # as above
            _tell(failure)


def _counters(scope: str, kind: str, who: str) -> Iterator[Counter]:
    found = counting.counter(scope, kind, who)
    if found is not None:
        yield found


def _tell(error: Exception) -> None:
    text = "The cache failed (%s): attempts with cards are not counted, and no rate holds"
    logger.error(text, type(error).__name__)
