"""What was taken and given back, in sums: from the bank's own file, and from our rows."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path

from django.db.models import Sum

from django_dinero.models import Operation, Transaction
from django_dinero.models.operation import OperationState
from django_dinero.sandbox.bank import totals
from django_dinero.sandbox.bank.schema import UNITS
from tests.faults.comparing import LIVE


def by_currency(store: Path) -> dict[str, list[str]]:
    """Return the sums of each currency: taken at the bank, here, given back at the bank, here.

    What was left to a person and is in no row here is not counted at the bank either: a part that
    was approved, and whose void failed.
    """
    found = totals.sums(store)
    left = _left_to_a_person(store)
    currencies = {*found, *Transaction.objects.values_list("currency", flat=True)}
    sums = {}
    for currency in sorted(currencies):
        there = found.get(currency)
        taken = Decimal(there["charged"]["sum"]) if there else Decimal(0)
        back = Decimal(there["refunded"]["sum"]) if there else Decimal(0)
        ours, given = _ours(currency, "charge", "capture"), _ours(currency, "refund")
        values = (taken - left.get(currency, Decimal(0)), ours, back, given)
        sums[currency] = [f"{value:.2f}" for value in values]
    return sums


def _ours(currency: str, *kinds: str) -> Decimal:
    rows = Transaction.objects.filter(currency=currency, kind__in=kinds, status__in=LIVE)
    total = rows.aggregate(total=Sum("price"))["total"]
    return Decimal(total or 0)


def _left_to_a_person(store: Path) -> dict[str, Decimal]:
    attention = Operation.objects.filter(state=OperationState.NEEDS_ATTENTION)
    booked = Transaction.objects.filter(status__in=LIVE).values_list("operation_key", flat=True)
    keys = sorted({*attention.values_list("key", flat=True)} - {*booked})
    if not keys:
        return {}
    marks = ", ".join("?" * len(keys))
    sql = (
        "SELECT currency, sum(settled_units) FROM ledger WHERE status IN ('captured', 'settled')"  # noqa: S608
        f" AND kind <> 'refund' AND operation_key IN ({marks}) GROUP BY currency"
    )
    with closing(sqlite3.connect(store)) as file:
        return {name: Decimal(units) / UNITS for name, units in file.execute(sql, keys)}
