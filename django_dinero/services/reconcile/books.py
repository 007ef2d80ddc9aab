"""The books: what each UTC day took, here and at the gateway, currency by currency.

Both sides of a payment count on the day on which it was submitted, by the gateway's clock: a row
here may have been written days later. So the sums are taken while the sweep goes through the
gateway's list, and a pair of numbers for each day and currency is all that is kept.

A payment counts on both sides if it has a row here, wherever it was made. What other software made,
and was not pulled in, counts on neither. What has a key of ours and no row counts at the gateway
alone, and what the gateway does not have counts here alone. What a person has closed counts on
neither, and so does what is being made, and an authorization whose capture has an id of its own.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime
from decimal import Decimal

from django_dinero.models.difference import Difference, DifferenceKind
from django_dinero.money import EXACT, plain_amount
from django_dinero.services.reconcile.covered import Covered
from django_dinero.services.reconcile.differences import Found
from django_dinero.services.reconcile.findings import Findings

Day = tuple[date, str]


class Books:
    """Sums of approved and settled charges and captures, less refunds, by day and currency."""

    def __init__(self) -> None:
        self._here: dict[Day, Decimal] = defaultdict(Decimal)
        self._there: dict[Day, Decimal] = defaultdict(Decimal)

    def add(self, moment: datetime | None, currency: str, *, here: Decimal, there: Decimal) -> None:
        """Add a payment to its day.

        Args:
            moment: when it was submitted; without it, it stands in no day.
            currency: ISO 4217.
            here: what of it counts here, in major units.
            there: what of it counts at the gateway.
        """
        if moment is None:
            return
        day = moment.astimezone(UTC).date(), currency
        self._here[day] = EXACT.add(self._here[day], here)
        self._there[day] = EXACT.add(self._there[day], there)

    def close(self, covered: Covered, findings: Findings) -> None:
        """Write down which days differ, of those that are covered wholly."""
        for day, currency in sorted(self._here):
            here, there = self._here[day, currency], self._there[day, currency]
            if covered.has_day(day):
                findings.run.counts["days"] += 1
                if here != there:
                    findings.add(_found(day, currency, here, there))
        findings.resolve(
            findings.not_found_again(DifferenceKind.BOOKS),
            lambda row: _is_covered(row, covered),
        )


def _is_covered(row: Difference, covered: Covered) -> bool:
    return row.day is not None and covered.has_day(row.day)


def _found(day: date, currency: str, here: Decimal, there: Decimal) -> Found:
    facts = {
        "day": str(day),
        "here": plain_amount(here, currency),
        "there": plain_amount(there, currency),
    }
    return Found(
        kind=DifferenceKind.BOOKS,
        subject=f"{day} {currency}",
        reason="books",
        facts=facts,
        day=day,
        currency=currency,
        amount_here=here,
        amount_there=there,
    )
