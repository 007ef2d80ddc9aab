"""Throttles against card testing: who tries stolen numbers is stopped before the gateway is asked.

An attempt is a request that asks about a card: to store, change, charge or validate it. It is
counted for the user, for the address, for the card as far as it is known, and for the order that a
shopper pays. So are the declines that come of attempts. The rates are those of
:mod:`django_dinero.throttle_rates`, beside whatever throttles the project has itself.

* Staff with the permission of a route act for others. Not their user, address and declines are
  counted, but the numbers and tokens that they send are.
* A request that is repeated with its ``Idempotency-Key`` is no new attempt, and never stopped.
* A cache that fails stops nobody who is signed in, and each failure is logged. Strangers, of whom
  nothing else is known, are asked to come back.
"""

from __future__ import annotations

import ipaddress
import re
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _
from rest_framework import status
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.settings import api_settings
from rest_framework.throttling import BaseThrottle

from django_dinero import throttle_rates
from django_dinero.api import counting
from django_dinero.api.counting import Counter
from django_dinero.api.parsers import SHORTEST_CARD_NUMBER
from django_dinero.api.permissions import is_signed_in
from django_dinero.logs import get_logger
from django_dinero.redaction import Secret

if TYPE_CHECKING:
    from django_dinero.api.views.base import DineroViewSet

logger = get_logger("django_dinero.api")

#: Scopes of requests that ask about a card.
ATTEMPTS = frozenset({throttle_rates.STORE, throttle_rates.CHARGE})
#: Digits that name a card's issuer: eight of a number of sixteen and more.
LONG, SHORT, SIXTEEN = 8, 6, 16
#: Bits of an IPv6 address that one customer of a provider has to himself.
IPV6_NETWORK = 64
#: What an address that cannot be read is counted as: it must not get a counter for each spelling.
UNREADABLE = "unknown"
#: Some proxies write the port of the connection too, which is another one each time.
_WITH_PORT = re.compile(r"\[(?P<v6>[^\]]*)\](?::\d+)?|(?P<v4>[^:]*):\d+")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class CannotCount(APIException):
    """A stranger's request cannot be counted, and without that they are not served."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = _("This is not available at the moment. Nothing was sent.")
    default_code = "temporarily_unavailable"
    #: Seconds; REST framework makes the header of it.
    wait = 5


class CardTestingThrottle(BaseThrottle):
    """Counts the attempts and the declines of one request."""

    def __init__(self) -> None:
        self._wait: float | None = None
        self._declines: list[Counter] = []

    def allow_request(self, request: Request, view: Any) -> bool:
        """Count the request; say whether it may go on.

        Raises:
            CannotCount: the cache does not work or has no rate to count, for a stranger.
        """
        scope = view.rate_scope
        if not scope or (scope in ATTEMPTS and view.is_repetition):
            return True
        _refuse_uncounted(request)
        attempts = list(_attempts(scope, request, view))
        if scope in ATTEMPTS and not view.sees_all():
            self._declines = list(_declines(request, view))
        try:
            self._wait = counting.take(attempts, self._declines, time.time())
        except Exception as error:  # a cache of any make
            _tell(error)
            if not is_signed_in(request):
                raise CannotCount from None
        return self._wait is None

    def wait(self) -> float | None:
        """Return the seconds to wait, after a refusal."""
        return self._wait

    def count_decline(self) -> None:
        """Note that the attempt was declined."""
        try:
            counting.add(self._declines, time.time())
        except Exception as error:  # as above; the answer is that of the gateway all the same
            _tell(error)


def _refuse_uncounted(request: Request) -> None:
    """Refuse a stranger where the project has switched off what strangers are counted by."""
    if is_signed_in(request):
        return
    if None in map(throttle_rates.rate_of, throttle_rates.OF_STRANGERS):
        logger.error("Strangers may pay, and there is no rate for their addresses: none is served")
        raise CannotCount


def _tell(error: Exception) -> None:
    text = "The cache failed (%s): requests of the API are not counted, and no rate holds"
    logger.error(text, type(error).__name__)


# -- What is counted -------------------------------------------------------------------------------


def _attempts(scope: str, request: Request, view: DineroViewSet) -> Iterator[Counter]:
    if not view.sees_all():
        yield from _counters(scope, *_caller(request))
        if scope in ATTEMPTS:
            yield from _counters(throttle_rates.ADDRESS, "address", address_of(request))
            if view.own_object:
                yield from _counters(throttle_rates.CARD, "stored", view.own_object)
            yield from _of_order(throttle_rates.CARD, view)
    if scope in ATTEMPTS:
        yield from _typed(request)


def _typed(request: Request) -> Iterator[Counter]:
    """Return the counters of a number or token in the body, unless it can be none."""
    body: Any = request.data
    number, token = body.get("number"), body.get("token")
    digits = _digits_of(number) if isinstance(number, Secret) else Secret("")
    # What is shorter is refused. Many may send it, and would share a counter.
    if len(digits) >= SHORTEST_CARD_NUMBER:
        yield from _counters(throttle_rates.CARD, "number", digits)
        yield from _counters(throttle_rates.BIN, "bin", _issuer_of(digits))
    if isinstance(token, Secret) and len(token):
        yield from _counters(throttle_rates.CARD, "token", token)


def _declines(request: Request, view: DineroViewSet) -> Iterator[Counter]:
    yield from _counters(throttle_rates.DECLINES, *_caller(request))
    yield from _counters(throttle_rates.ADDRESS_DECLINES, "address", address_of(request))
    yield from _of_order(throttle_rates.DECLINES, view)


def _of_order(scope: str, view: DineroViewSet) -> Iterator[Counter]:
    """Return the counter of the order that a shopper pays.

    Each token is another one, and strangers have many addresses: the order stays the same.
    """
    order = view.order_of_shopper
    if len(order):
        yield from _counters(scope, "order", order)


def _counters(scope: str, kind: str, who: str | Secret) -> Iterator[Counter]:
    found = counting.counter(scope, kind, who)
    if found is not None:
        yield found


def _caller(request: Request) -> tuple[str, str]:
    if is_signed_in(request):
        return "user", str(request.user.pk)
    return "address", address_of(request)


def _digits_of(number: Secret) -> Secret:
    return Secret("".join(char for char in number.reveal() if char in "0123456789"))


def _issuer_of(digits: Secret) -> Secret:
    return Secret(digits.reveal()[: LONG if len(digits) >= SIXTEEN else SHORT])


def address_of(request: Request) -> str:
    """Return what a request's address is counted as: an IPv6 address as its network."""
    address = client_of(request)
    if address is None:
        return UNREADABLE
    if address.version == 4:
        return str(address)
    return str(ipaddress.ip_network((address, IPV6_NETWORK), strict=False))


def client_of(request: Request) -> Address | None:
    """Return the address that a request comes from, as REST framework's ``NUM_PROXIES`` says.

    Without that setting REST framework believes ``X-Forwarded-For``, which every caller can write.
    Here it is the connection's address then. None where no address can be read.
    """
    written = str(request.META.get("REMOTE_ADDR") or "")
    if api_settings.NUM_PROXIES is not None:
        written = str(BaseThrottle().get_ident(request) or "")
    with_port = _WITH_PORT.fullmatch(written)
    host = (with_port["v6"] or with_port["v4"] or "") if with_port else written
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    # A socket of both versions writes IPv4 addresses so, and all of them are in one network.
    return getattr(address, "ipv4_mapped", None) or address
