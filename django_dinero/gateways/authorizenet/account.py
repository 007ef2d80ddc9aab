"""What the parts of the Authorize.Net gateway share: the client, and patience with new ids."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from django_dinero.enums import ReasonKind
from django_dinero.gateways.authorizenet import codes, responses
from django_dinero.gateways.authorizenet.client import Client, Reply
from django_dinero.gateways.authorizenet.options import Options
from django_dinero.gateways.base import Gateway
from django_dinero.gateways.locks import Lock
from django_dinero.gateways.types import Refusal, RemoteCustomer

#: Seconds for which an id that was just created may still be "not found" (reported: 2 to 15 s,
#: sandbox and production).
FRESH_SECONDS = 60.0
#: Ids remembered as fresh; more are created in a minute by no worker that waits for replies.
MAX_FRESH = 10_000
FIRST_PAUSE = 0.5
#: In place of the time of its creation: the id was deleted, and "not found" is the truth.
DELETED = float("-inf")


class FreshIds:
    """Remembers which ids this process created within the last minute."""

    def __init__(self) -> None:
        self._created: OrderedDict[str, float] = OrderedDict()
        self._lock = Lock()

    def add(self, *ids: str) -> None:
        """Remember ids as created now."""
        self._put(time.monotonic(), ids)

    def deleted(self, *ids: str) -> None:
        """Remember ids as deleted: nobody waits for them any more."""
        self._put(DELETED, ids)

    def any(self, *ids: str) -> bool:
        """Say whether one of the ids was created less than a minute ago, and none deleted."""
        limit = time.monotonic() - FRESH_SECONDS
        with self._lock:
            times = [self._created.get(each, limit) for each in ids]
        return DELETED not in times and any(created > limit for created in times)

    def _put(self, value: float, ids: tuple[str, ...]) -> None:
        with self._lock:
            for each in ids:
                self._created[each] = value
                self._created.move_to_end(each)
            while len(self._created) > MAX_FRESH:
                self._created.popitem(last=False)


class Account(Gateway):
    """One merchant account: its options, its client, and the call that all verbs make."""

    options: Options
    client: Client
    fresh: FreshIds

    def call(
        self,
        operation: str,
        values: Mapping[str, Any],
        *,
        changes: bool,
        key: str = "",
        about: tuple[str, ...] = (),
    ) -> Reply:
        """Make a call; while ids that were just created are not found yet, make it again.

        "Not found" is an answer: nothing was done, so that repeating it is safe for money too.

        Args:
            operation: name without ``Request``.
            values: the operation's own elements.
            changes: whether it changes something at the gateway.
            key: our operation key.
            about: the ids of customer and card that it speaks of.
        """
        reply = self.client.call(operation, values, changes=changes, key=key)
        pause, left = FIRST_PAUSE, self.options.replication_seconds
        while reply.code == codes.NOT_FOUND and left > 0 and self.fresh.any(*about):
            time.sleep(min(pause, left))
            left -= pause
            pause *= 2
            reply = self.client.call(operation, values, changes=changes, key=key)
        return reply

    def fetch_customer(self, customer_id: str) -> RemoteCustomer | Refusal:
        """Fetch a customer with all cards, expiry dates unmasked."""
        profile = self.fetch_profile(customer_id)
        return profile if isinstance(profile, Refusal) else responses.customer(profile)

    def fetch_profile(self, customer_id: str) -> dict[str, Any] | Refusal:
        """Fetch a customer as the gateway shows it."""
        values = {"customerProfileId": customer_id, "unmaskExpirationDate": "true"}
        reply = self.call("getCustomerProfile", values, changes=False, about=(customer_id,))
        if not reply.ok:
            return reply.refusal(ReasonKind.CUSTOMER_NOT_FOUND)
        profile: dict[str, Any] = reply.content.get("profile") or {}
        return profile

    def fetch_payment_profile(
        self, customer_id: str, card_id: str, *, unmask: bool
    ) -> dict[str, Any] | Refusal:
        """Fetch one card as the gateway shows it."""
        values = {
            "customerProfileId": customer_id,
            "customerPaymentProfileId": card_id,
            "unmaskExpirationDate": "true" if unmask else None,
        }
        about = (customer_id, card_id)
        reply = self.call("getCustomerPaymentProfile", values, changes=False, about=about)
        if not reply.ok:
            return reply.refusal(ReasonKind.CARD_NOT_FOUND)
        profile: dict[str, Any] = reply.content.get("paymentProfile") or {}
        return profile
