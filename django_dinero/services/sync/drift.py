"""Find where an account and our rows differ, without touching either side."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice

from django.db.models import Max, Q, QuerySet

from django_dinero.db.pages import paged
from django_dinero.db.queries import primary
from django_dinero.db.seen import Seen
from django_dinero.gateways.base import Gateway
from django_dinero.gateways.types import RemoteCustomer
from django_dinero.models.card import CreditCard
from django_dinero.models.customer import Customer
from django_dinero.models.sync_state import WAITING, SyncState
from django_dinero.services.modes import account_of
from django_dinero.services.progress import Progress, tell_nobody
from django_dinero.services.pull import Snapshot
from django_dinero.services.sync import reading
from django_dinero.services.sync.comparing import Drift, Side, compare
from django_dinero.services.sync.reading import Pace

#: Customers that are compared at a time. SQLite may bind only 999 values.
BATCH = 400


def find_drift(gateway: Gateway, pace: Pace, progress: Progress = tell_nobody) -> Iterator[Drift]:
    """Go through all differences between an account and our rows. Nothing is written, or sent.

    Left out is what is known or will be seen next time: rows that are marked as missing, and what
    was pushed, added or deleted while the gateway was asked.

    Raises:
        NotSent, GatewayError: the list could not be read to its end. Then nothing is told of
            what is stored here only.
    """
    newest = _rows(gateway).aggregate(newest=Max("pk"))["newest"] or 0
    seen, count = Seen(), 0
    source = reading.customers(gateway, pace)
    snapshot = Snapshot(of_many=True)
    while batch := list(islice(source, BATCH)):
        yield from _compare_batch(gateway, batch, snapshot, seen)
        count += len(batch)
        progress("customers", count, None)
        snapshot = Snapshot(of_many=True)
    yield from _only_here(gateway, newest, seen)


def _rows(gateway: Gateway) -> QuerySet[Customer]:
    """Return the customers that are of the account that the gateway is now, or of none yet."""
    rows = primary(Customer)
    ours = Q(live=gateway.live) | Q(customer_id=None)
    return rows.filter(ours, gateway_name=gateway.name)


def _compare_batch(
    gateway: Gateway, batch: Sequence[RemoteCustomer], snapshot: Snapshot, seen: Seen
) -> Iterator[Drift]:
    ids = [remote.customer_id for remote in batch]
    snapshot.ask_about(account_of(gateway), ids)
    stored = snapshot.read(_rows(gateway).filter(customer_id__in=ids))
    rows = {row.customer_id: row for row in stored}
    seen.update(row.pk for row in rows.values())
    cards: dict[int, list[CreditCard]] = defaultdict(list)
    for card in primary(CreditCard).filter(customer__in=[row.pk for row in rows.values()]):
        cards[card.customer_pk].append(card)
    for remote in batch:
        row = rows.get(remote.customer_id)
        if row is None:
            yield _only_there(remote, snapshot)
            continue
        found = list(compare(row, cards[row.pk], remote))
        if found and not snapshot.is_rewritten(row):
            yield from (_with_deletes(each, snapshot) for each in found)


def _only_there(remote: RemoteCustomer, snapshot: Snapshot) -> Drift:
    customer_id = remote.customer_id
    return Drift(
        side=Side.THERE, customer_id=customer_id, waits=snapshot.is_deleted_here(customer_id)
    )


def _with_deletes(drift: Drift, snapshot: Snapshot) -> Drift:
    """Say of a card that is stored there only whether its delete waits."""
    if drift.side is not Side.THERE:
        return drift
    waits = snapshot.is_deleted_here(drift.customer_id, drift.card_id)
    return replace(drift, waits=waits or snapshot.is_being_added_to(drift.customer_id))


def _only_here(gateway: Gateway, newest: int, seen: Seen) -> Iterator[Drift]:
    rows = _rows(gateway).filter(pk__lte=newest).exclude(sync_state=SyncState.MISSING)
    for row in paged(rows):
        if row.pk not in seen and not row.is_new:
            waits = row.sync_state in WAITING
            customer_id = row.customer_id or ""
            yield Drift(side=Side.HERE, customer_id=customer_id, customer_pk=row.pk, waits=waits)
