"""Which card of a customer is the default: one at most, and it moves under the customer's lock.

Two requests that each make another card the default would otherwise meet at the unique column, or
leave both rows saying that the gateway has what only one of them sent.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import F, QuerySet
from django.db.transaction import Atomic

from django_dinero.db.transactions import foreign_blocks, in_testcase, locked
from django_dinero.models.customer import Customer
from django_dinero.models.sync_state import SyncState

if TYPE_CHECKING:
    from django_dinero.models.card import CreditCard
    from django_dinero.models.sync_state import SyncedQuerySet


@dataclass
class Choice:
    """That a card was made the default inside a transaction of the caller's.

    After a rollback the instance still says so, and the row does not; a save that is tried again
    must write it again.

    Attributes:
        block: the caller's outermost block.
        version: the row's after the write; None until then.
        committed: whether it can no longer be rolled back.
    """

    block: Atomic
    version: int | None = None
    committed: bool = False

    @classmethod
    def inside(cls, using: str) -> Choice | None:
        """Return a choice that is made now, None outside the caller's transactions."""
        blocks = foreign_blocks(using)
        if not blocks:
            return None
        choice = cls(blocks[0])
        transaction.on_commit(choice._commit, using=using)
        return choice

    def _commit(self) -> None:
        self.committed = True

    def was_rolled_back(self, card: CreditCard, using: str) -> bool:
        """Say whether the row no longer has what was written."""
        if self.committed:
            return False
        # A TestCase never commits: there, and after a savepoint, the version has to tell.
        if self.block not in foreign_blocks(using) and not in_testcase(using):
            return True
        rows = type(card)._base_manager.using(using).filter(pk=card.pk)
        stored = rows.values_list("version", flat=True).first()
        return stored is not None and self.version is not None and stored < self.version


def lock(customer_pks: Collection[int] | QuerySet[Any, Any], using: str) -> None:
    """Keep others from moving the default of these customers until the transaction ends.

    An UPDATE that changes nothing: SQLite has no ``SELECT ... FOR UPDATE``, and fails at once where
    a transaction reads first and writes later.
    """
    rows = Customer.objects.using(using).filter(pk__in=customer_pks)
    rows.update_without_push(version=F("version"))


def release(cards: SyncedQuerySet[CreditCard], customer_pk: int, *, to: int | None) -> None:
    """Take the default away from the card that has it, unless that is the one with the key ``to``.

    A card that is synced stays so: the gateway takes the default from it by itself when the other
    one is pushed. Its version is raised, so that a push already under way does not mark it synced.
    """
    # FOR UPDATE reads what is committed now, under MariaDB's REPEATABLE READ too.
    for card in locked(cards.filter(default_slot=customer_pk), cards.db):
        if card.pk == to:
            continue
        card.default_slot = None
        # Without a digest, a later edit that puts the default back counts as a change.
        marks: dict[str, Any] = {"default_slot": None, "synced_digest": ""}
        if card.sync_state == SyncState.SYNCED:
            # In this order: MariaDB sees in an assignment what the one before it wrote.
            marks |= {**card.synced_marks(), "synced_version": F("version") + 1}
        cards.filter(pk=card.pk).update_without_push(**marks, version=F("version") + 1)


def promote(cards: SyncedQuerySet[CreditCard], customer_pk: int) -> CreditCard | None:
    """Make the first of ``cards`` the default if none is, waiting to be pushed; return it.

    After the default card was deleted, each gateway has its own idea of what comes next; and one
    whose default was never pushed still names the card before it.
    """
    rows = cards.filter(customer=customer_pk).exclude(sync_state=SyncState.MISSING)
    rest = list(locked(rows.order_by("pk"), cards.db))
    if not rest or any(card.is_default for card in rest):
        return None
    cards.filter(pk=rest[0].pk).update(default_slot=customer_pk)
    return rest[0]
