"""Compares the books of a shop with those of its bank, in a process of its own."""

from __future__ import annotations

import os
import sys
from collections import Counter
from pathlib import Path

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.faults.settings"
django.setup()

from django_dinero.models import (  # noqa: E402
    CreditCard,
    Customer,
    Operation,
    Reconciliation,
    Transaction,
)
from django_dinero.sandbox.bank.bank import Bank  # noqa: E402
from tests.faults import comparing, found, history, sums, truth, vault  # noqa: E402

#: The invariant that a difference of the ledgers breaks, by its first word.
BROKEN = {
    "lost:": found.LOST,
    "invented:": found.GHOSTS,
    "double:": found.DOUBLED,
    "differs:": found.BOOKS,
}


def main() -> int:
    """Print the differences and a summary as JSON; return the exit code."""
    store, told = Path(sys.argv[1]), Path(sys.argv[2])
    bank = Bank(store)
    lines: dict[str, list[str]] = {name: [] for name in found.COLUMNS}
    for line in comparing.differences(bank):
        lines[BROKEN[line.split()[0]]].append(line)
    lines[found.VAULT] += vault.differences(bank)
    lines[found.OPEN] += comparing.left_open()
    lines[found.BOOKS] += comparing.told()
    lines[found.UNTRUE] += truth.differences(bank, history.read(told))
    lines[found.UNTRUE] += truth.sent_late(history.read(told))
    if not Transaction.objects.exists():
        lines[found.BOOKS].append("nothing was done: there are no books to compare")
    states = Counter(Operation.objects.values_list("state", flat=True))
    summary = {
        "operations": sum(states.values()),
        "states": dict(sorted(states.items())),
        "rows": Transaction.objects.count(),
        "customers": Customer.objects.count(),
        "cards": CreditCard.objects.count(),
        "reconciled": Reconciliation.objects.count(),
    }
    books = found.Books(lines, sums.by_currency(store), summary)
    print(books.write())
    return 1 if books.differences else 0


if __name__ == "__main__":
    sys.exit(main())
