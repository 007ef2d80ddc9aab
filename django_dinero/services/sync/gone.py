"""Mark the customers that a complete pull of their account has not seen."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import timedelta
from functools import partial

from django_dinero.db.failures import retry_on_conflict
from django_dinero.db.fields import UtcIn, UtcNow
from django_dinero.db.pages import key_pages
from django_dinero.db.queries import primary
from django_dinero.db.seen import Seen
from django_dinero.exceptions import CustomerNotFoundError, DineroError
from django_dinero.gateways.base import Gateway
from django_dinero.logs import get_logger
from django_dinero.models.customer import Customer
from django_dinero.models.operation import Operation, OperationKind
from django_dinero.models.sync_state import SyncState
from django_dinero.models.vault_pull import VaultPull
from django_dinero.send_deadline import uptime
from django_dinero.services import pull
from django_dinero.services.errors import read_customer
from django_dinero.services.in_a_row import FailuresInARow
from django_dinero.services.modes import account_of
from django_dinero.services.sync.reading import Pace

logger = get_logger("django_dinero.sync")

#: How old the note may become that a pull is worked on; well below what counts as stalled.
TOUCH_AFTER = timedelta(minutes=1)


def mark_unseen(gateway: Gateway, run: VaultPull, seen: Seen, pace: Pace) -> int:
    """Mark the customers that are gone, and return their number.

    Each is asked for by itself first: a list may lag behind, and what was stored while it was read
    may be missing in it. Rows that wait are left to their push, which finds out.

    Raises:
        DineroError: several in a row could not be read. The rest is for whoever goes on.
    """
    gone, unread = 0, FailuresInARow()
    for row in unseen(gateway, run, seen):
        pace.wait()
        _touch(run)
        asked = uptime()
        try:
            is_there = _is_there(gateway, row)
        except DineroError as error:
            logger.warning("Customer %s could not be read: %s", row.customer_id, error.code)
            if unread.note(failed=True):
                raise
            continue
        unread.note(failed=False)
        if not is_there and pull.mark_gone(row, asked):
            gone += 1
    return gone


def _touch(run: VaultPull) -> None:
    """Note that somebody is at work on a pull, or another worker would take it for stalled."""
    rows = primary(VaultPull).filter(pk=run.pk, ended_at=None)
    due = rows.filter(touched_at__lt=UtcIn(-TOUCH_AFTER))
    retry_on_conflict(partial(due.update, touched_at=UtcNow()), due.db)


def unseen(gateway: Gateway, run: VaultPull, seen: Seen) -> Iterator[Customer]:
    """Go through the synced customers of a gateway that a walk since ``run`` began has not seen."""
    rows = primary(Customer).filter(
        **account_of(gateway).columns,
        customer_id__isnull=False,
        sync_state=SyncState.SYNCED,
        pk__lte=run.newest_pk,
    )
    # Nearly all were seen, and are not fetched for that.
    for keys in key_pages(rows):
        page = rows.filter(pk__in=[pk for pk in keys if pk not in seen]).order_by("pk")
        missed = [row for row in page if not row.is_new]
        stored_since = _stored_since(run, missed)
        yield from (row for row in missed if row.lock_name not in stored_since)


def _is_there(gateway: Gateway, row: Customer) -> bool:
    """Ask the gateway whether it has a customer."""
    customer_id = row.customer_id or ""
    try:
        read_customer(gateway, customer_id)
    except CustomerNotFoundError:
        return False
    return True


def _stored_since(run: VaultPull, rows: Collection[Customer]) -> set[str]:
    """Return the lock names of those that were stored at the gateway since the pull began."""
    if not rows:
        return set()
    creations = Operation.objects.newest().filter(
        kind=OperationKind.CREATE_CUSTOMER,
        lock_name__in=[row.lock_name for row in rows],
        updated_at__gte=run.started_at,
    )
    return set(creations.values_list("lock_name", flat=True))
