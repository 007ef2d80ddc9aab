"""A process with a shop of its own: tells what the database needs for each page of its admin."""

from __future__ import annotations

import json
import sys

import django

django.setup()

from django.test import Client  # noqa: E402

from benchmarks.admin_fill import fill_shop  # noqa: E402
from benchmarks.admin_pages import pages  # noqa: E402
from benchmarks.admin_time import database_time  # noqa: E402
from benchmarks.database import created  # noqa: E402


def main(transactions: int, rounds: int) -> None:
    """Fill the tables, open each page, and print a line of JSON for it.

    Args:
        transactions: how many there are, and operations of them.
        rounds: how often each query is executed; the shortest time counts.
    """
    with created():
        staff = Client()
        staff.force_login(fill_shop(transactions))
        for what, address in pages().items():
            ms, queries = database_time(staff, address, rounds)
            print(json.dumps({"what": what, "ms": ms, "queries": queries}), flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
