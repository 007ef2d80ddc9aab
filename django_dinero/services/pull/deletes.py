"""Deletes that meet what was stored again: a waiting one must not eat what came after it."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Q

from django_dinero.models.operation import (
    DELETES,
    OPEN_STATES,
    Operation,
    OperationKind,
    OperationState,
)
from django_dinero.services import journal
from django_dinero.services.journal.records import RecordedOutcome

#: States of a delete that has not reached the gateway, and that can still be called off.
NOT_SENT = (OperationState.NEW, OperationState.ABSENT)


def cancel_all(deletes: Iterable[Operation]) -> None:
    """End deletes that were not sent, because the gateway has what they name for us again."""
    for delete in deletes:
        journal.move(delete, OperationState.FAILED, RecordedOutcome(error="stored again"))


def cancel_for_customer(creation: Operation, customer_id: str) -> set[str]:
    """End the deletes of a customer that was stored again, and those of its cards.

    Only what was deleted before this creation began counts. Its lock keeps the delete of the
    customer from being sent meanwhile. The delete of a card may be on its way.

    Returns:
        The ids of cards whose delete can no longer be called off.
    """
    rows = Operation.objects.using(creation.written_on).filter(
        Q(customer_id=customer_id) | Q(customer_id="", lock_name=creation.lock_name),
        gateway_name=creation.gateway_name,
        kind__in=DELETES,
        state__in=(*OPEN_STATES, OperationState.ABSENT),
    )
    earlier = [delete for delete in rows if first_of(delete).pk < creation.pk]
    cancel_all(delete for delete in earlier if delete.state in NOT_SENT)
    return {delete.card_id for delete in earlier if delete.is_open and delete.card_id}


def was_deleted_since(creation: Operation) -> bool:
    """Say whether a customer was deleted here after the operation that creates it had begun."""
    if not creation.lock_name:
        return False
    tombstones = Operation.objects.using(creation.written_on).filter(
        kind=OperationKind.DELETE_CUSTOMER, lock_name=creation.lock_name, pk__gt=creation.pk
    )
    return any(first_of(delete).pk > creation.pk for delete in tombstones)


def first_of(delete: Operation) -> Operation:
    """Return the tombstone that this delete repeats. Its place in the journal says when."""
    rows = Operation.objects.using(delete.written_on)
    while delete.parent_key:
        parent = rows.filter(key=delete.parent_key).first()
        if parent is None:
            break
        delete = parent
    return delete
