"""What was taken and given back: by day, by settlement batch, and what is still only reserved."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from decimal import Decimal
from operator import attrgetter
from typing import Any

from django.db.models import Count, Min, Q, QuerySet, Sum

from django_dinero.db.fields import UtcDay
from django_dinero.db.queries import primary
from django_dinero.enums import TransactionKind
from django_dinero.models.due import uncaptured
from django_dinero.models.totals import gave, in_vain, took
from django_dinero.models.transaction import Transaction
from django_dinero.models.transaction_status import COUNTED, TransactionStatus
from django_dinero.money import EXACT, summed
from django_dinero.services.ledger.standings import SETTLED

#: What a bank may refuse: a capture or a void that was refused has moved nothing either way.
ASKS = (TransactionKind.CHARGE, TransactionKind.AUTHORIZATION, TransactionKind.REFUND)


_COLUMNS = ("day", "currency", "kind", "status", "reason")


@dataclass(frozen=True, slots=True)
class Line:
    """What one gateway took in one currency, on a day or in a settlement batch.

    Amounts are in major units. ``day`` is in UTC; of a batch it is the one on which the first of it
    was settled. ``declined`` counts charges, authorizations and refunds that were refused.
    """

    day: datetime.date | None
    gateway_name: str
    live: bool
    currency: str
    batch_id: str
    charges: int
    charged: Decimal
    refunds: int
    refunded: Decimal
    declined: int

    @property
    def net(self) -> Decimal:
        """What is left of what was taken."""
        return EXACT.subtract(self.charged, self.refunded)


@dataclass(frozen=True, slots=True)
class Reserved:
    """An authorization that nobody has captured, and for how many whole days."""

    row: Transaction
    days: int


@dataclass(frozen=True, slots=True)
class Activity:
    """How many transactions of one kind, with one ending, were made on a UTC day, and their sum.

    What counts in sums has the status *approved*, settled or not.
    """

    day: datetime.date
    currency: str
    kind: str
    status: str
    reason: str
    count: int
    amount: Decimal


def activity(
    rows: QuerySet[Transaction], since: datetime.date, until: datetime.date
) -> list[Activity]:
    """Count and add up what was made on each UTC day and how it ended.

    Refunds of payments that came back altogether are left out.

    Args:
        rows: of which transactions.
        since: the first day.
        until: the last day.
    """
    made = _between(rows, since, until).exclude(in_vain())
    # In two: nearly all rows count, and a database takes half again as long to tell them apart by
    # what the few others have.
    lines = [
        *_added_up(made.filter(rare_status=None), "day", "currency", "kind"),
        *_added_up(made.exclude(rare_status=None), *_COLUMNS),
    ]
    # Sorted here: a database sorts what it counts, and these lines are few.
    return sorted(lines, key=attrgetter(*_COLUMNS))


def _added_up(rows: QuerySet[Transaction], *columns: str) -> Iterator[Activity]:
    found = rows.order_by().annotate(day=UtcDay("created_at")).values(*columns)
    counted = {"status": TransactionStatus.APPROVED.value, "reason": ""}
    for each in found.annotate(count=Count("pk"), amount=Sum("price")):
        yield Activity(**{**counted, **each, "amount": summed(each["amount"], each["currency"])})


def by_day(names: Collection[str], since: datetime.date, until: datetime.date) -> Iterator[Line]:
    """Add up each UTC day on which anything was made here, from ``since`` to ``until``.

    A payment counts on the day on which it was made, whatever became of it later: one that was
    voided or charged back since does not count any more, and neither do its refunds.
    """
    days = _between(_rows(names), since, until).annotate(day=UtcDay("created_at"))
    yield from _lines(days, "day", "gateway_name", "live", "currency", counted=COUNTED)


def by_batch(names: Collection[str], since: datetime.date, until: datetime.date) -> Iterator[Line]:
    """Add up each batch that the bank has settled in these UTC days, as it was settled.

    What was returned or charged back since is in its batch all the same.
    """
    rows = _rows(names).filter(settled_at__gte=_midnight(since)).exclude(batch_id="")
    rows = rows.filter(settled_at__lt=_midnight(until + datetime.timedelta(days=1)))
    columns = ("gateway_name", "live", "currency", "batch_id")
    yield from _lines(rows, *columns, counted=SETTLED, day=UtcDay(Min("settled_at")))


def reserved(names: Collection[str], before: datetime.datetime) -> Iterator[Reserved]:
    """Go through the authorizations made before a moment that still hold money, the oldest first.

    Card networks let one stand for a week or more; Authorize.Net ends it after 30 days.
    """
    rows = uncaptured(_rows(names).filter(created_at__lt=before))
    now = datetime.datetime.now(datetime.UTC)
    for row in rows.order_by("created_at", "pk").iterator():
        yield Reserved(row, (now - row.created_at).days)


def _rows(names: Collection[str]) -> QuerySet[Transaction]:
    return primary(Transaction).filter(gateway_name__in=names)


def _between(
    rows: QuerySet[Transaction], since: datetime.date, until: datetime.date
) -> QuerySet[Transaction]:
    after = _midnight(until + datetime.timedelta(days=1))
    return rows.filter(created_at__gte=_midnight(since), created_at__lt=after)


def _midnight(day: datetime.date) -> datetime.datetime:
    return datetime.datetime.combine(day, datetime.time(), datetime.UTC)


def _lines(
    rows: QuerySet[Transaction],
    *columns: str,
    counted: Collection[TransactionStatus],
    **more: Any,
) -> Iterator[Line]:
    taken, given = took(counted), gave(counted)
    sums = (
        rows.order_by()
        .values(*columns)
        .annotate(
            charges=Count("pk", filter=taken),
            charged=Sum("price", filter=taken),
            refunds=Count("pk", filter=given),
            refunded=Sum("price", filter=given),
            declined=Count("pk", filter=Q(kind__in=ASKS, status=TransactionStatus.DECLINED)),
            **more,
        )
    )
    for found in sums.order_by(*more, *columns):
        currency = found["currency"]
        yield Line(
            day=found["day"],
            gateway_name=found["gateway_name"],
            live=found["live"],
            currency=currency,
            batch_id=found.get("batch_id", ""),
            charges=found["charges"],
            charged=summed(found["charged"], currency),
            refunds=found["refunds"],
            refunded=summed(found["refunded"], currency),
            declined=found["declined"],
        )
