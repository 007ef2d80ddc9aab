"""A shop's worker: how a view is asked for something, and what it makes up."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django.db import connection

from django_dinero.models import Customer
from tests.faults import asking, picks
from tests.faults.settings import THREADS
from tests.faults.telling import Telling

CARD: dict[str, Any] = {
    "number": "4111111111111111",
    "month": 12,
    "year": 2035,
    "address": "1 Elm St",
}
NUMBERS = ("4007000000027", "4012888818888", "5424000000000015")
ATOMIC_ON_SQLITE = (
    *("charge_on_commit", "create", "edit", "edit_card", "make_default"),
    *("delete_card", "delete_default", "delete_customer"),
)
#: Verbs of several threads, each of which has a view of its own.
SEVERAL = ("submit_twice", "race")
#: How often a view raises after it has done what was asked for, where it has a transaction.
VIEW_RAISES = 0.15


class Asked(Telling):
    """What all verbs of a worker share."""

    def asked(self, act: Callable[[], object]) -> object:
        """Do a verb in a view, as a shop does with ATOMIC_REQUESTS or without.

        Threads have views of their own.
        """
        return act() if self._verb["verb"] in SEVERAL else self._in_view(act)

    def _in_view(self, act: Callable[[], object]) -> object:
        atomic = connection.settings_dict["ATOMIC_REQUESTS"] and self._may_be_atomic()
        if not atomic:
            return act()
        if picks.customer(self.random) is None:
            self._first()
        return asking.in_view(act, raises=self._now_and_then(VIEW_RAISES))

    def _may_be_atomic(self) -> bool:
        """Say whether a view has its transaction.

        Not on SQLite, where money must not move in one, and where a rollback takes the operation of
        what was stored with it: then nobody knows of that here.
        """
        return connection.vendor != "sqlite" or self._verb["verb"] in ATOMIC_ON_SQLITE

    def _at_once(self, *acts: Callable[[], object]) -> list[object]:
        tried = [partial(self.tried, partial(self._in_view, act)) for act in acts]
        return asking.at_once(*tried) if THREADS else [each() for each in tried]

    # -- Made up ---------------------------------------------------------------------------------

    def _first(self) -> Customer:
        """A shop without a customer that has a card gets one."""
        email = self._email()
        self.begin(first=email)
        return Customer.create(email, **CARD, zip="80202")

    def _price(self, least: int = 100) -> str:
        return f"{self.random.randint(least, 9999) / 100:.2f}"

    def _key(self) -> str:
        return f"{self.share.name}-order-{self._verb['n']}"

    def _email(self) -> str:
        return f"{self.share.name}-{self.random.randrange(10**6)}@example.com"

    def _zip(self) -> str:
        return f"{self.random.randint(10000, 45000)}"

    def _now_and_then(self, probability: float) -> bool:
        return self.random.random() < probability
