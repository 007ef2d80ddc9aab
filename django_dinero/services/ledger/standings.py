"""Where a payment stands, as the gateway tells: the one place that writes it into rows.

Whoever finds it first, a pull, a look-up or a sweep, changes the row by compare-and-set, and its
signal goes out once, after the commit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Self

from django.db import router, transaction
from django.dispatch import Signal

from django_dinero import signals
from django_dinero.db.failures import retry_on_conflict
from django_dinero.db.on_commit import when_committed
from django_dinero.db.queries import primary
from django_dinero.db.transactions import locked
from django_dinero.enums import TransactionKind
from django_dinero.gateways.types import RemoteTransaction
from django_dinero.models.records import truncate_for_columns
from django_dinero.models.transaction import Transaction
from django_dinero.models.transaction_status import COUNTED, TransactionStatus
from django_dinero.services.ledger.statuses import FROM_REMOTE

STANDING_SIGNALS: Mapping[str, Signal] = {
    TransactionStatus.SETTLED: signals.settled,
    TransactionStatus.EXPIRED: signals.expired,
    TransactionStatus.RETURNED: signals.returned,
    TransactionStatus.CHARGED_BACK: signals.charged_back,
}
#: What the bank has settled, whatever became of it.
SETTLED = (
    TransactionStatus.SETTLED,
    TransactionStatus.RETURNED,
    TransactionStatus.CHARGED_BACK,
)


@dataclass(frozen=True, slots=True)
class RemoteStanding:
    """A status, with the time and the batch of its settlement where they are known."""

    status: TransactionStatus
    settled_at: datetime | None = None
    batch_id: str = ""

    @classmethod
    def of(cls, remote: RemoteTransaction) -> Self:
        """Return where a transaction stands at the gateway."""
        status = FROM_REMOTE[remote.status]
        if status not in SETTLED:
            return cls(status)
        texts = truncate_for_columns({"batch_id": remote.batch_id})
        return cls(status, remote.settled_at, texts["batch_id"])

    @property
    def columns(self) -> dict[str, Any]:
        """What is written into a row; what the gateway does not tell stays as it is."""
        columns: dict[str, Any] = {"status": self.status.value}
        if self.settled_at is not None:
            columns["settled_at"] = self.settled_at
        if self.batch_id:
            columns["batch_id"] = self.batch_id
        return columns

    def is_of(self, row: Transaction) -> bool:
        """Say whether the row says the same, or as much of it as the gateway tells."""
        timed = row.settled_at is not None or self.settled_at is None
        return row.status == self.status and timed and bool(row.batch_id or not self.batch_id)


Changes = Sequence[tuple[Transaction, RemoteStanding]]


def write_standing(row: Transaction, standing: RemoteStanding) -> bool:
    """Write where a payment stands; return False if another process changed its row first."""
    if standing.is_of(row):
        return True
    columns = {**standing.columns, "updated_at": datetime.now(UTC)}
    same = primary(Transaction).filter(pk=row.pk, status=row.status)
    if not retry_on_conflict(partial(same.update, **columns), same.db):
        return False
    _take_over([row], columns)
    return True


def write_standings(changes: Changes) -> list[Transaction]:
    """As :func:`write_standing` for many rows at once, in a handful of statements.

    Returns:
        The rows that another process changed first. They are not up to date.
    """
    using = router.db_for_write(Transaction)
    groups: dict[tuple[str, RemoteStanding], list[Transaction]] = defaultdict(list)
    for row, standing in changes:
        if not standing.is_of(row):
            groups[row.status, standing].append(row)
    if not groups:
        return []
    now = datetime.now(UTC)
    olds = {row.pk: old for (old, _new), rows in groups.items() for row in rows}

    def write() -> set[int]:
        with transaction.atomic(using=using):
            wanted = primary(Transaction).filter(pk__in=olds)
            # Locked in one order, so that two workers with the same rows do not deadlock.
            found = locked(wanted.order_by("pk"), using).values_list("pk", "status")
            stand = dict(found)
            for (old, standing), rows in groups.items():
                pks = [row.pk for row in rows if stand.get(row.pk) == old]
                if pks:
                    columns = {**standing.columns, "updated_at": now}
                    primary(Transaction).filter(pk__in=pks, status=old).update(**columns)
            return {pk for pk, status in stand.items() if status == olds[pk]}

    won = retry_on_conflict(write, using)
    for (_old, standing), rows in groups.items():
        ours = [row for row in rows if row.pk in won]
        _take_over(ours, {**standing.columns, "updated_at": now})
    return [row for rows in groups.values() for row in rows if row.pk not in won]


def announce_standing(row: Transaction, was: str = "") -> None:
    """Send the signal of a row's status, if it has one.

    An authorization alone is not paid out: its capture is what settles, comes back or is disputed.

    Args:
        was: the status before; empty for a new row, and for one that was undecided.
    """
    signal = STANDING_SIGNALS.get(row.status)
    if was in COUNTED and row.status in (TransactionStatus.VOIDED, TransactionStatus.FAILED):
        signal = signals.canceled
    taken = row.kind == TransactionKind.AUTHORIZATION and row.status in SETTLED
    if signal is not None and not taken and row.kind != TransactionKind.VOID:
        signals.send(signal, Transaction, transaction=row)


def _take_over(rows: Iterable[Transaction], columns: Mapping[str, Any]) -> None:
    """Set the written values on the instances; after the commit, signal each new status."""
    for row in rows:
        was = row.status
        for name, value in columns.items():
            setattr(row, name, value)
        if row.status != was:
            using = router.db_for_write(Transaction)
            when_committed(using, partial(announce_standing, row, was))
