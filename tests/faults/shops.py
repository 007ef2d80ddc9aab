"""How a run is divided among shops: each has a database, a bank and a seed of its own."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import product

from tests.databases import URL_VARIABLES

#: Verbs of one shop. All its look-ups list all its payments: many small shops take less time.
SIZE = 500
CURRENCIES = ("USD", "EUR", "GBP")


class Semantics(StrEnum):
    """What the bank does with a payment's request that comes a second time."""

    #: It gives the first answer again.
    KEY = "idempotency key"
    #: It refuses it, and names the first payment.
    WINDOW = "duplicate window"
    #: It would pay twice. All that helps a shop is not to send twice, and to search.
    SEARCH = "search only"


@dataclass(frozen=True, slots=True)
class Terms:
    """What one shop is like.

    Attributes:
        number: its place in the run, from 0.
        seed: decides its plan; see :mod:`.plan`.
        operations: how many verbs are planned.
        vendor: its database: ``sqlite``, ``postgresql`` or ``mariadb``.
        semantics: its bank's.
        atomic: whether its project has ATOMIC_REQUESTS.
        currency: its bank's.
    """

    number: int
    seed: int
    operations: int
    vendor: str
    semantics: Semantics
    atomic: bool
    currency: str

    def __str__(self) -> str:
        atomic = "ATOMIC_REQUESTS" if self.atomic else "autocommit"
        return f"{self.vendor}, {self.semantics}, {atomic}, {self.currency}"

    @property
    def may_hold_writers(self) -> bool:
        """Whether a process may be stopped in its view's transaction.

        On SQLite nobody else could write until it goes on.
        """
        return not (self.atomic and self.vendor == "sqlite")


def shops(seed: int, operations: int, vendors: Sequence[str]) -> Iterator[Terms]:
    """Yield the shops of a run, each database in turn, each with every sort of bank in turn."""
    count = max(len(vendors), -(-operations // SIZE)) if operations >= len(vendors) else 1
    kinds = list(product(Semantics, (False, True)))
    random.Random(f"{seed}:kinds").shuffle(kinds)
    for number in range(count):
        semantics, atomic = kinds[number // len(vendors) % len(kinds)]
        share = operations // count + (number < operations % count)
        # The first has the run's own seed. With one shop there is no other.
        own = seed + 1009 * number
        currency = random.Random(f"{own}:currency").choice(CURRENCIES)
        vendor = vendors[number % len(vendors)]
        yield Terms(number, own, share, vendor, semantics, atomic, currency)


def vendors() -> tuple[str, ...]:
    """Return the database that the environment names, or all that it has an address of."""
    chosen = os.environ.get("DINERO_TEST_DB")
    if chosen:
        return (chosen,)
    served = (name for name, variable in URL_VARIABLES.items() if os.environ.get(variable))
    return ("sqlite", *served)
