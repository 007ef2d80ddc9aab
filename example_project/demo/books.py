"""The books of both sides: the shop's rows, and the bank's own ledger read by another process.

Both count every payment and every refund once, under what has become of it, by the definitions of
``django_dinero.sandbox.bank.totals``:

* ``charged``: money taken: charges, and of authorizations what was captured;
* ``refunded``: refunds that the gateway took;
* ``authorized``: authorizations that nothing was captured of; ``held``: payments under review;
* ``voided``, ``declined``, ``expired``: what was asked for and will not be taken or given back;
* ``returned``, ``charged_back``: money taken, and taken away again by the cardholder's bank.

A capture counts through its authorization and a void through what it cancelled: the bank has one
entry for both.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from django.db.models import Prefetch

from django_dinero.enums import TransactionKind
from django_dinero.models import Transaction
from django_dinero.models.transaction_status import TransactionStatus
from example_project.demo.columns import Columns

#: What is counted, in the order of the table.
BUCKETS = (
    *("charged", "refunded", "authorized", "held", "voided", "declined"),
    *("expired", "returned", "charged_back"),
)
#: Buckets in which the bank sums what was taken, not what was asked for.
TAKEN = ("charged", "returned", "charged_back")
#: What is a movement of its own at the bank.
ORIGINALS = (TransactionKind.CHARGE, TransactionKind.AUTHORIZATION, TransactionKind.REFUND)
#: Attempts that left nothing behind, at the bank neither.
NOTHING = (TransactionStatus.DECLINED, TransactionStatus.FAILED)
READ_SECONDS = 30.0


class NoBooks(Exception):
    """The bank's file could not be summed; the text says why."""


@dataclass(slots=True)
class Total:
    """How many, and their sum in major units."""

    count: int = 0
    sum: Decimal = Decimal(0)


#: By currency and bucket.
Totals = dict[tuple[str, str], Total]


def local(gateway_name: str) -> Totals:
    """Sum the rows of one gateway in this project's database."""
    captures = Transaction.objects.filter(kind=TransactionKind.CAPTURE).exclude(status__in=NOTHING)
    rows = Transaction.objects.filter(gateway_name=gateway_name, kind__in=ORIGINALS)
    totals: Totals = {}
    for row in rows.prefetch_related(Prefetch("children", captures, to_attr="captures")):
        bucket, amount = _counted(row, row.captures)
        if bucket in BUCKETS:
            total = totals.setdefault((row.currency, bucket), Total())
            total.count += 1
            total.sum += amount
    return totals


def _counted(row: Transaction, captures: list[Transaction]) -> tuple[str, Decimal]:
    """Return where a row belongs, and the amount that counts there."""
    status = captures[0].status if captures else row.status
    bucket = str(status)
    if status == TransactionStatus.APPROVED:
        open_authorization = row.kind == TransactionKind.AUTHORIZATION and not captures
        bucket = "authorized" if open_authorization else "charged"
    elif status == TransactionStatus.SETTLED:
        bucket = "charged"
    if bucket == "charged" and row.kind == TransactionKind.REFUND:
        bucket = "refunded"
    if captures and bucket in TAKEN:
        return bucket, sum((Decimal(capture.price) for capture in captures), Decimal(0))
    return bucket, Decimal(row.price)


def bank(store: Path) -> Totals:
    """Sum the bank's file, in a process that knows neither this project nor the client.

    Raises:
        NoBooks: the file is not there, or it is not a test bank's.
    """
    process = subprocess.run(
        [sys.executable, "-m", "django_dinero.sandbox.bank.totals", str(store)],
        capture_output=True,
        text=True,
        timeout=READ_SECONDS,
    )
    if process.returncode:
        raise NoBooks(process.stderr.strip())
    return {
        (currency, bucket): Total(total["count"], Decimal(total["sum"]))
        for currency, totals in json.loads(process.stdout).items()
        for bucket, total in totals.items()
        if total["count"]
    }


def compare(columns: Columns, ours: Totals, theirs: Totals) -> bool:
    """Print both sides as a table, a line per currency and bucket; say whether they agree."""
    agree = True
    rows = []
    for currency in sorted({currency for currency, _ in (*ours, *theirs)}):
        for bucket in BUCKETS:
            here = ours.get((currency, bucket), Total())
            there = theirs.get((currency, bucket), Total())
            if here.count or there.count:
                agree = agree and here == there
                mark = "" if here == there else "DIFFERENT"
                rows.append((f"{currency} {bucket}", *_shown(here), *_shown(there), mark))
    columns.table(("", "rows", "sum here", "entries", "sum at the bank", ""), rows)
    # Nothing on either side is no agreement: the job has moved money.
    return agree and bool(rows)


def _shown(total: Total) -> tuple[str, str]:
    return str(total.count), f"{total.sum:,.2f}"
