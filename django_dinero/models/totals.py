"""What was taken and given back, added up: which rows count, and the sums of a list."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from decimal import Decimal

from django.db.models import Count, Q, QuerySet, Sum

from django_dinero.enums import TransactionKind
from django_dinero.models.transaction import Transaction
from django_dinero.models.transaction_status import COUNTED, LOST, TransactionStatus
from django_dinero.money import EXACT, normalise, summed

#: What takes money; an authorization takes none.
TAKES = (TransactionKind.CHARGE, TransactionKind.CAPTURE)
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Total:
    """What some rows come to, in one currency, of live or of test accounts; in major units.

    ``amount`` adds up all of them, whatever they are and however they ended.
    """

    currency: str
    live: bool
    count: int
    amount: Decimal
    charged: Decimal
    refunded: Decimal

    @property
    def net(self) -> Decimal:
        """What is left of what was taken."""
        return EXACT.subtract(self.charged, self.refunded)


def totals_of(rows: Iterable[Transaction]) -> list[Total]:
    """As :func:`totals`, for rows that have been read already.

    If there are refunds among them, the payments that they refund are looked up in one query.
    """
    rows = list(rows)
    in_vain = _refunds_in_vain(rows)
    found: dict[tuple[bool, str], Total] = {}
    for row in rows:
        key = (not row.live, row.currency)
        zero = normalise(ZERO, row.currency)
        total = found.get(key) or Total(row.currency, row.live, 0, zero, zero, zero)
        found[key] = _with(total, row, counts=row.status in COUNTED and row.pk not in in_vain)
    return [total for _key, total in sorted(found.items())]


def _refunds_in_vain(rows: Iterable[Transaction]) -> set[int]:
    """Return the keys of refunds of payments that came back altogether."""
    refunds = [row for row in rows if row.kind == TransactionKind.REFUND]
    if not refunds:
        return set()
    refunded = Transaction.objects.filter(pk__in={row.parent_id for row in refunds})
    lost = set(refunded.filter(status__in=LOST).order_by().values_list("pk", flat=True))
    return {row.pk for row in refunds if row.parent_id in lost}


def _with(total: Total, row: Transaction, *, counts: bool) -> Total:
    price = Decimal(row.price)
    return replace(
        total,
        count=total.count + 1,
        amount=EXACT.add(total.amount, price),
        charged=EXACT.add(total.charged, price if counts and row.kind in TAKES else ZERO),
        refunded=EXACT.add(
            total.refunded, price if counts and row.kind == TransactionKind.REFUND else ZERO
        ),
    )


def took(counted: Collection[TransactionStatus] = COUNTED) -> Q:
    """Return the condition for rows that took money.

    Args:
        counted: the statuses that count.
    """
    return Q(kind__in=TAKES, status__in=counted)


def gave(counted: Collection[TransactionStatus] = COUNTED) -> Q:
    """Return the condition for rows that gave money back.

    If a payment came back altogether, it does not count, and neither do its refunds: otherwise a
    day could come to less than nothing. Where ``counted`` has its status, both count.
    """
    refunds = Q(kind=TransactionKind.REFUND, status__in=counted)
    return refunds & ~_of_lost([status for status in LOST if status not in counted])


def in_vain() -> Q:
    """Return the condition for refunds of payments that came back altogether."""
    return Q(kind=TransactionKind.REFUND) & _of_lost(LOST)


def _of_lost(statuses: Collection[TransactionStatus]) -> Q:
    """Return the condition for what follows a payment that came back.

    Those payments are few, and an index has them: a join would look up the original of every row.
    """
    if not statuses:
        return Q(pk__in=())
    lost = Transaction.objects.filter(rare_status__in=statuses)
    return Q(parent__in=lost.order_by().values("pk"))


def totals(rows: QuerySet[Transaction]) -> list[Total]:
    """Add rows up, by currency and mode; it reads all of them, so that they should be few."""
    found = (
        rows.order_by()
        .values("currency", "live")
        .annotate(
            count=Count("pk"),
            amount=Sum("price"),
            charged=Sum("price", filter=took()),
            refunded=Sum("price", filter=gave()),
        )
    )
    return [
        Total(
            currency=each["currency"],
            live=each["live"],
            count=each["count"],
            amount=summed(each["amount"], each["currency"]),
            charged=summed(each["charged"], each["currency"]),
            refunded=summed(each["refunded"], each["currency"]),
        )
        for each in found.order_by("-live", "currency")
    ]
