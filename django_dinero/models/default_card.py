"""The default card of a customer: at most one, and changed only under the customer's lock.

Without the lock, two requests that each choose another card could collide at the unique column, or
both rows could be marked as synced although the gateway has only one of the two choices.
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
    """The choice of a default card inside the caller's transaction.

    After a rollback the instance still says "default" and the row does not. A repeated save must
    then write the choice again.

    Attributes:
        block: the caller's outermost block.
        version: the version of the row after the write; None before it.
        committed: whether the choice can no longer be rolled back.
    """

    block: Atomic
    version: int | None = None
    committed: bool = False

    @classmethod
    def in_transaction(cls, using: str) -> Choice | None:
        """Return a choice made in the caller's open transaction, or None if none is open."""
        blocks = foreign_blocks(using)
        if not blocks:
            return None
        choice = cls(blocks[0])
        transaction.on_commit(choice._commit, using=using)
        return choice

    def _commit(self) -> None:
        self.committed = True

    def was_rolled_back(self, card: CreditCard, using: str) -> bool:
        """Say whether the row no longer has the choice."""
        if self.committed:
            return False
        # A TestCase never commits. There, and after a rollback to a savepoint, compare versions.
        if self.block not in foreign_blocks(using) and not in_testcase(using):
            return True
        stored = card.stored_row(using).values_list("version", flat=True).first()
        return stored is not None and self.version is not None and stored < self.version


def lock(customer_pks: Collection[int] | QuerySet[Any, Any], using: str) -> None:
    """Keep others from moving the default of these customers until the transaction ends.

    This is an UPDATE that changes nothing. SQLite has no ``SELECT ... FOR UPDATE``, and a
    transaction that reads first and writes later may fail there at once.
    """
    rows = Customer.objects.using(using).filter(pk__in=customer_pks)
    rows.update_without_push(version=F("version"))


def release(cards: SyncedQuerySet[CreditCard], customer_pk: int, *, to: int | None) -> None:
    """Take the default from the card that has it, unless that card's primary key is ``to``.

    A synced card stays synced: the gateway takes the default from it when the other card is
    pushed. Its version is raised, so that a push already under way does not mark it as synced.
    """
    # FOR UPDATE reads the latest committed rows, also under MariaDB's REPEATABLE READ.
    for card in locked(cards.filter(default_of=customer_pk), cards.db):
        if card.pk == to:
            continue
        card.default_of = None
        # Without a digest, making it the default again counts as a change to be pushed.
        values: dict[str, Any] = {"default_of": None, "synced_digest": ""}
        if card.sync_state == SyncState.SYNCED:
            # The order matters: in MariaDB an assignment sees the result of the one before it.
            values |= {**card.synced_bookkeeping(), "synced_version": F("version") + 1}
        cards.filter(pk=card.pk).update_without_push(**values, version=F("version") + 1)


def promote_first(cards: SyncedQuerySet[CreditCard], customer_pk: int) -> CreditCard | None:
    """Make the first of ``cards`` the default if none is, and return it. It waits to be pushed.

    After the default card was deleted, gateways differ in which card they choose next. If the
    deleted card was never pushed as the default, the gateway still has the one before it.
    """
    rows = cards.filter(customer=customer_pk).exclude(sync_state=SyncState.MISSING)
    rest = list(locked(rows.order_by("pk"), cards.db))
    if not rest or any(card.is_default for card in rest):
        return None
    cards.filter(pk=rest[0].pk).update(default_of=customer_pk)
    return rest[0]
