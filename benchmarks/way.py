"""The way of each verb on the in-process gateway: files, changes of file, statements.

``python -m benchmarks.way`` counts, for one call of each verb: the files of ``django_dinero`` that
are entered, the service files among them, how often the services change from one of their files to
another, and the SQL statements without BEGIN, COMMIT and savepoints. The counts hold still from run
to run, so they are exact figures and no timings.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from types import FrameType
from typing import Any

import django

# Whatever is set already, by a test run for example: its database would be dropped.
os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"
django.setup()

from django.db import connection  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402

import django_dinero  # noqa: E402
from benchmarks.database import created  # noqa: E402
from django_dinero.gateways.registry import get_gateway  # noqa: E402
from django_dinero.models import Customer, Transaction  # noqa: E402

PACKAGE = str(Path(django_dinero.__file__).parent) + os.sep
SERVICES = PACKAGE + "services" + os.sep
#: Statements that only bracket others.
BRACKETS = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE", "ROLLBACK", "START TRANSACTION")
CARD: dict[str, Any] = {"number": "4111111111111111", "cvv": "900", "month": 12, "year": 2040}
ADDRESS: dict[str, Any] = {"address": "123 Elm St", "zip": "12345"}

Verb = Callable[[], object]


@dataclass(frozen=True)
class Target:
    """What a verb may cost at most; None where there is no target."""

    files: int | None = None
    services: int | None = None
    changes: int | None = None
    statements: int | None = None


#: From the plan of this layout: at most so many files, and so many statements on SQLite.
TARGETS = {
    "charge a stored card": Target(24, 6, 16, 6),
    "replay of its key": Target(statements=2),
    "capture": Target(statements=8),
    "void": Target(statements=8),
    "refund of a settled charge": Target(None, 8, 24, 9),
    "customer with a card": Target(26, 6, 24, 7),
    "add_card": Target(statements=7),
    "changed e-mail": Target(statements=7),
    "changed address": Target(statements=8),
}


@dataclass(frozen=True)
class Way:
    """What one call of a verb entered and asked the database."""

    files: tuple[str, ...]
    services: tuple[str, ...]
    changes: int
    statements: tuple[str, ...]


def way_of(verb: Verb) -> Way:
    """Call a verb once and return its way."""
    entered: list[str] = []

    def note(frame: FrameType, event: str, argument: object) -> None:
        name = frame.f_code.co_filename
        if event == "call" and name.startswith(PACKAGE):
            entered.append(name)

    with CaptureQueriesContext(connection) as context:
        sys.setprofile(note)
        try:
            verb()
        finally:
            sys.setprofile(None)
    inside = [name for name in entered if name.startswith(SERVICES)]
    return Way(
        files=_named(entered),
        services=_named(inside),
        changes=sum(here != there for here, there in pairwise(inside)),
        statements=tuple(
            query["sql"]
            for query in context.captured_queries
            if not query["sql"].startswith(BRACKETS)
        ),
    )


def _named(names: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.removeprefix(PACKAGE) for name in names))


def verbs() -> dict[str, Verb]:
    """Return what is measured, by name, ready to be called once in this order."""
    gateway = get_gateway()
    customer = Customer.create("ada@example.com", **CARD, **ADDRESS)
    Transaction.create(1, customer=customer)  # what a worker does once only is done
    card = customer.cards[0]
    authorized = Transaction.create(20, card=card, settle=False)
    settled = Transaction.create(40, card=card)
    gateway.bank.settle_batch()  # type: ignore[attr-defined]
    fresh = Transaction.create(50, card=card)

    def edit() -> None:
        customer.email = "ada@example.org"
        customer.save()

    def move() -> None:
        card.zip = "54321"
        card.save()

    def keyed() -> Transaction:
        return Transaction.create(6, card=card, idempotency_key="order-1001-1")

    return {
        "charge a stored card": keyed,
        "replay of its key": keyed,
        "capture": authorized.capture,
        "void": fresh.void,
        "refund of a settled charge": settled.refund,
        "refund of what has not settled": Transaction.create(7, card=card).refund,
        "customer with a card": lambda: Customer.create("bob@example.com", **CARD, **ADDRESS),
        "add_card": lambda: customer.add_card(
            number="5424000000000015", month=12, year=2040, **ADDRESS
        ),
        "changed e-mail": edit,
        "changed address": move,
        "delete a card": lambda: customer.cards[0].delete(),
        "delete a customer": customer.delete,
    }


def _shown(count: int, target: int | None) -> str:
    return (
        f"{count}" if target is None else f"{count} ({'<=' if count <= target else '!'} {target})"
    )


def main() -> None:
    """Print a table; with ``-v`` the files and statements of each verb too."""
    with created():
        print(f"{'verb':32} {'files':>12} {'services':>12} {'changes':>12} {'statements':>12}")
        for name, verb in verbs().items():
            way, target = way_of(verb), TARGETS.get(name, Target())
            print(
                f"{name:32} {_shown(len(way.files), target.files):>12} "
                f"{_shown(len(way.services), target.services):>12} "
                f"{_shown(way.changes, target.changes):>12} "
                f"{_shown(len(way.statements), target.statements):>12}"
            )
            if "-v" in sys.argv:
                print(*(f"    {line}" for line in (*way.files, *way.statements)), sep="\n")


if __name__ == "__main__":
    main()
