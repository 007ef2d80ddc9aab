"""A process with tables of one size: does what it is told on stdin, and answers how long it took.

Two such processes, one with a hundred times as many rows, are told the same in turn.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import django

django.setup()

from django.contrib.auth.models import User  # noqa: E402

from benchmarks.database import created  # noqa: E402
from benchmarks.growth_fill import fill, settle_down  # noqa: E402
from benchmarks.growth_shop import BUSY, QUIET, Shop  # noqa: E402
from benchmarks.growth_size import size_of_charges, size_of_each  # noqa: E402
from benchmarks.growth_snapshot import under_a_long_snapshot  # noqa: E402
from django_dinero.models import Customer  # noqa: E402

CARD: dict[str, Any] = {"number": "4111111111111111", "cvv": "900", "month": 12, "year": 2040}
ADDRESS: dict[str, Any] = {"address": "123 Elm St", "zip": "12345"}


#: What the other process may order: each is given a task's name and a number of rounds.
COMMANDS: dict[str, Callable[[Shop, str, int], object]] = {
    "time": Shop.run,
    "pages": Shop.pages,
    "snapshot": under_a_long_snapshot,
}


def main(transactions: int, charges: int) -> None:
    """Fill the tables, say so, and serve until stdin ends.

    Args:
        transactions: how many there are.
        charges: how many are made, before the tables are filled, to see what room they take.
    """
    with created():
        for _number in range(BUSY + QUIET):
            user = User.objects.create(username=f"user{User.objects.count() + 1}")
            Customer.create(f"{user.username}@example.com", owner=user, **CARD, **ADDRESS)
        sizes = size_of_charges(charges)
        fill(transactions, BUSY, QUIET)
        settle_down()
        if sizes:
            sizes["all, of those in the tables"] = size_of_each(charges + transactions)
        shop = Shop()
        _say({"sizes": sizes, "tasks": list(shop.tasks)})
        for line in sys.stdin:
            order = json.loads(line)
            _say(COMMANDS[order["command"]](shop, order["task"], order["number"]))


def _say(answer: object) -> None:
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
