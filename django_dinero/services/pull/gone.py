"""Mark what the gateway no longer has."""

from __future__ import annotations

from functools import partial

from django.db import router, transaction

from django_dinero.db.failures import retry_on_conflict
from django_dinero.models import default_card
from django_dinero.models.card import CreditCard
from django_dinero.models.customer import Customer
from django_dinero.models.sync_state import SyncState

#: The columns of a row that is gone at the gateway. Without a digest, any later edit is pushed.
GONE = {"sync_state": SyncState.MISSING, "sync_error": "", "synced_digest": ""}


def mark_gone(row: Customer) -> bool:
    """Mark a customer that the gateway says it does not have, and its cards, as missing.

    Edits that wait stay: their push finds out.

    Args:
        row: as it was before the gateway was asked.

    Returns:
        Whether it was marked. It is not if it has changed since, or was marked already.
    """
    using = router.db_for_write(Customer)
    return retry_on_conflict(partial(_mark, row, using), using)


def _mark(row: Customer, using: str) -> bool:
    with transaction.atomic(using=using):
        default_card.lock([row.pk], using)
        rows = Customer.objects.using(using).filter(pk=row.pk, version=row.version)
        marked = bool(rows.filter(sync_state=SyncState.SYNCED).update_without_push(**GONE))
        # Of a customer that is marked already, cards may be left: whoever marked it asked no more.
        if marked or rows.filter(sync_state=SyncState.MISSING).exists():
            mark_cards_gone(row.pk, using)
        return marked


def mark_cards_gone(customer_pk: int, using: str) -> None:
    """Mark the cards of a customer that is gone as missing, under its lock; edits wait on."""
    cards = CreditCard.objects.using(using).filter(customer=customer_pk)
    cards.filter(sync_state=SyncState.SYNCED).update_without_push(**GONE, default_of=None)
