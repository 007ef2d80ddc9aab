"""Mark what the gateway no longer has."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from django.db import router, transaction
from django.db.models import Q

from django_dinero.db.failures import retry_on_conflict
from django_dinero.db.fields import UtcIn, UtcNow
from django_dinero.models import default_card
from django_dinero.models.card import CreditCard
from django_dinero.models.customer import Customer
from django_dinero.models.sync_state import SyncState
from django_dinero.send_deadline import uptime

#: The columns of a row that is gone at the gateway. Without a digest, any later edit is pushed.
GONE = {"sync_state": SyncState.MISSING, "sync_error": "", "synced_digest": ""}


def mark_gone(row: Customer, asked: float) -> bool:
    """Mark a customer that the gateway says it does not have, and its cards, as missing.

    Edits that wait stay: their push finds out.

    Args:
        row: as it was before the gateway was asked.
        asked: ``send_deadline.uptime()`` right before that.

    Returns:
        Whether it was marked. It is not if it has changed since, was marked already, or the gateway
        showed it to somebody who asked later.
    """
    using = router.db_for_write(Customer)
    return retry_on_conflict(partial(_mark, row, asked, using), using)


def _mark(row: Customer, asked: float, using: str) -> bool:
    asked_at = UtcIn(timedelta(seconds=asked - uptime()))
    with transaction.atomic(using=using):
        default_card.lock([row.pk], using)
        rows = Customer.objects.using(using).filter(pk=row.pk, version=row.version)
        # A time that has not come yet proves nothing, as for Snapshot.was_pulled().
        older = Q(pulled_at=None) | Q(pulled_at__lte=asked_at) | Q(pulled_at__gt=UtcNow())
        rows = rows.filter(older)
        marked = bool(
            rows.filter(sync_state=SyncState.SYNCED).update_without_push(**GONE, pulled_at=asked_at)
        )
        # Of a customer that is marked already, cards may be left: whoever marked it asked no more.
        if marked or rows.filter(sync_state=SyncState.MISSING).exists():
            mark_cards_gone(row.pk, using, asked_at)
        return marked


def mark_cards_gone(customer_pk: int, using: str, asked_at: UtcNow) -> None:
    """Mark the cards of a customer that is gone as missing, under its lock; edits wait on.

    Args:
        asked_at: when the gateway was asked for the customer.
    """
    cards = CreditCard.objects.using(using).filter(customer=customer_pk)
    synced = cards.filter(sync_state=SyncState.SYNCED)
    synced.update_without_push(**GONE, default_of=None, pulled_at=asked_at)
