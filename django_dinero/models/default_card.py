"""Which card of a customer is the default: one at most, and it moves under the customer's lock.

Two requests that each make another card the default would otherwise meet at the unique column, or
leave both rows saying that the gateway has what only one of them sent.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from django.db.models import F

from django_dinero.models.customer import Customer
from django_dinero.models.marks import SyncState

if TYPE_CHECKING:
    from django_dinero.models.card import CreditCard
    from django_dinero.models.marks import MirroredQuerySet


def lock(customer_pks: Collection[int], using: str) -> None:
    """Keep others from moving the default of these customers until the transaction ends.

    An UPDATE that changes nothing: SQLite has no ``SELECT ... FOR UPDATE``, and fails at once where
    a transaction reads first and writes later.
    """
    rows = Customer.objects.using(using).filter(pk__in=customer_pks)
    rows.update_mirrored(version=F("version"))


def release(cards: MirroredQuerySet[CreditCard], customer_pk: int, *, to: int | None) -> None:
    """Take the default from whichever of ``cards`` has it but the one with the key ``to``.

    The gateway takes it from that card by itself when the other one is pushed, so that one which is
    synced stays so. The new version tells a push of it that is under way now.
    """
    # FOR UPDATE reads what is committed now, also in a MariaDB transaction that began before.
    holders = cards.select_for_update().filter(default_slot=customer_pk)
    for card in holders:
        if card.pk == to:
            continue
        card.default_slot = None
        # Without a digest, a later edit that puts the default back counts as a change.
        marks: dict[str, Any] = {"default_slot": None, "synced_digest": ""}
        if card.sync_state == SyncState.SYNCED:
            # In this order: MariaDB sees in an assignment what the one before it wrote.
            marks |= {**card.synced_marks(), "synced_version": F("version") + 1}
        cards.filter(pk=card.pk).update_mirrored(**marks, version=F("version") + 1)


def promote(cards: MirroredQuerySet[CreditCard], customer_pk: int) -> CreditCard | None:
    """Make the first of ``cards`` the default if none is, waiting to be pushed; return it.

    After the default card was deleted, each gateway has its own idea of what comes next; and one
    whose default was never pushed still names the card before it.
    """
    rest = list(cards.filter(customer=customer_pk).exclude(sync_state=SyncState.MISSING))
    if not rest or any(card.is_default for card in rest):
        return None
    cards.filter(pk=rest[0].pk).update(default_slot=customer_pk)
    return rest[0]
