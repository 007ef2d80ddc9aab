"""Go through what a gateway tells, at a given pace."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from itertools import islice

from django_dinero.gateways.base import Gateway
from django_dinero.gateways.types import RemoteCustomer
from django_dinero.services.errors import read


class Pace:
    """Lets no more requests through in a second than it is told.

    Args:
        rate: requests per second; None for as many as there are.
    """

    def __init__(self, rate: float | None = None) -> None:
        self._pause = 1 / rate if rate else 0.0
        self._next = time.monotonic()

    def wait(self) -> None:
        """Wait until the next request may leave."""
        now = time.monotonic()
        if self._next > now:
            time.sleep(self._next - now)
        # What was not used before is not made up for: a gateway counts each second by itself.
        self._next = max(self._next, now) + self._pause


def customers(gateway: Gateway, pace: Pace, after: str = "") -> Iterator[RemoteCustomer]:
    """Go through all customers of an account, or those behind one.

    Args:
        after: as for :meth:`Gateway.iter_customers`.

    Raises:
        NotSent: the gateway is out of reach.
        GatewayError: not all of them could be read.
        UnsupportedFeature: the gateway cannot list them.
    """
    gateway.require("iter_customers")
    begin = partial(gateway.iter_customers, after) if after else gateway.iter_customers
    walk = read(gateway, begin)
    step = partial(_next, walk)
    pace.wait()
    while told := read(gateway, step, verb="iter_customers"):
        yield told[0]
        pace.wait()


def _next(walk: Iterator[RemoteCustomer]) -> tuple[RemoteCustomer, ...]:
    """Return the next customer, alone in a tuple; an empty one at the end."""
    return tuple(islice(walk, 1))
