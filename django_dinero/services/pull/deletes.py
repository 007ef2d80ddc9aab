"""Deletes that are repeated, and deletes of what was stored again.

A delete that still waits must not remove what was stored after it.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from datetime import timedelta
from functools import partial

from django.db.models import Exists, OuterRef, Q, QuerySet

from django_dinero.db.failures import retry_on_conflict
from django_dinero.db.fields import UtcIn, UtcNow
from django_dinero.exceptions import (
    AuthenticationError,
    GatewayUnavailableError,
    NotPermittedError,
    NotSent,
)
from django_dinero.gateways.types import RemoteCustomer
from django_dinero.identifiers import key_after
from django_dinero.models import journal_notes
from django_dinero.models.mode import Account
from django_dinero.models.operation import (
    DELETES,
    OPEN_STATES,
    Operation,
    OperationKind,
    OperationState,
)
from django_dinero.models.records import Intent, RecordedOutcome
from django_dinero.services import journal

#: States of a delete that has not reached the gateway, and that can still be called off.
NOT_SENT = (OperationState.NEW, OperationState.ABSENT)
#: Errors after which a delete was not done, and may be done later.
PROVEN_UNDONE = (NotSent, AuthenticationError, NotPermittedError, GatewayUnavailableError)
#: How long what failed rests, by how often it was sent; from then on the last of these. The first
#: repetition is for an outage that has just passed, the later ones for what lasts.
RESTS = tuple(timedelta(minutes=each) for each in (0, 1, 5, 30, 120, 360))

# -- Repeated ------------------------------------------------------------------------------------


def to_be_repeated(deletes: QuerySet[Operation]) -> QuerySet[Operation]:
    """Return those deletes that are proven undone, and that nobody has repeated yet.

    Whoever sent one repeats it by itself, unless its process died before that.
    """
    # Found by the lock name, which has an index.
    again = Operation.objects.filter(lock_name=OuterRef("lock_name"), parent_key=OuterRef("key"))
    passing = Q(
        rare_state=OperationState.FAILED,
        outcome__code__in=sorted({error.code for error in PROVEN_UNDONE}),
    )
    return deletes.filter(passing | Q(rare_state=OperationState.ABSENT)).filter(~Exists(again))


def record_deletion_again(operation: Operation) -> Operation:
    """Write a new tombstone for a delete that is proven not to have happened, once.

    Its key follows from the first one's: whoever finds out the same at the same moment gets the
    same tombstone. After a failure it rests for a while, as ``next_check_at`` says.
    """
    key = key_after("delete again", operation.key)
    rows = Operation.objects.using(operation.written_on)
    columns = {
        "kind": operation.kind,
        "gateway_name": operation.gateway_name,
        "lock_name": operation.lock_name,
        "live": operation.live,
        "customer_id": operation.customer_id,
        "card_id": operation.card_id,
        "parent_key": operation.key,
        "intent": operation.intent,
        "attempts": operation.attempts,
        "next_check_at": _rested(operation),
    }
    retry_on_conflict(partial(rows.get_or_create, key=key, defaults=columns), operation.written_on)
    return rows.get(key=key)


def _rested(operation: Operation) -> UtcNow:
    if operation.state == OperationState.ABSENT:
        return UtcNow()  # it has waited for its quarantine
    return UtcIn(rest_after(operation.attempts))


def rest_after(failures: int) -> timedelta:
    """Return how long something rests that has failed so many times."""
    return RESTS[min(max(failures, 1), len(RESTS)) - 1]


# -- Called off ----------------------------------------------------------------------------------


def cancel_all(deletes: Iterable[Operation]) -> None:
    """End deletes that were not sent, because the gateway has what they name for us again."""
    for delete in deletes:
        journal.move(
            delete, OperationState.FAILED, RecordedOutcome(error=journal_notes.STORED_AGAIN)
        )


def cancel_repetitions(undone: Iterable[Operation]) -> None:
    """Call off the repetitions of deletes that are proven undone.

    A repetition that is missing is written first, under the one key that it can have. Otherwise its
    worker, or whoever finds the delete later, could still write it.
    """
    again = [record_deletion_again(delete) for delete in undone]
    cancel_all(each for each in again if each.state in NOT_SENT)


def cancel_for_customer(creation: Operation, remote: RemoteCustomer) -> set[str]:
    """End the deletes of a customer that was stored again, and those of its cards.

    Only what was deleted before this creation began counts. Its lock keeps the delete of the
    customer from being sent meanwhile. The delete of a card may be on its way. A card that was
    deleted by itself stays deleted, unless it is the one that the customer was stored with again.

    Args:
        remote: the customer as the gateway has it.

    Returns:
        The ids of cards whose delete is not called off.
    """
    about = Q(customer_id=remote.customer_id) | Q(customer_id="", lock_name=creation.lock_name)
    about &= Q(**Account.of(creation).columns, kind__in=DELETES)
    rows = Operation.objects.using(creation.written_on).filter(about)
    # Before the others are read: what is written meanwhile is among them.
    for delete in _earlier(to_be_repeated(rows), creation):
        record_deletion_again(delete)
    waiting = rows.filter(state__in=(*OPEN_STATES, OperationState.ABSENT))
    own = Operation.objects.uncommitted(about)
    earlier = _earlier((*waiting, *own), creation)
    wanted = _cards_wanted(creation, remote)
    cancel_all(
        delete for delete in earlier if delete.state in NOT_SENT and _comes_back(delete, wanted)
    )
    left = (*OPEN_STATES, OperationState.ABSENT)
    return {delete.card_id for delete in earlier if delete.card_id and delete.state in left}


def _cards_wanted(creation: Operation, remote: RemoteCustomer) -> set[str]:
    """Return the ids of the cards that may be the one that a customer was to be stored with."""
    last_4 = Intent.of(creation).last_4
    return {card.card_id for card in remote.cards if last_4 and card.last_4 == last_4}


def _comes_back(delete: Operation, wanted: Container[str]) -> bool:
    by_itself = bool(delete.card_id) and not Intent.of(delete).with_customer
    return not by_itself or delete.card_id in wanted


def _earlier(deletes: Iterable[Operation], creation: Operation) -> list[Operation]:
    return [delete for delete in deletes if first_of(delete).pk < creation.pk]


def was_deleted_since(creation: Operation) -> bool:
    """Say whether a customer was deleted here after the operation that creates it had begun."""
    if not creation.lock_name:
        return False
    later = Q(kind=OperationKind.DELETE_CUSTOMER, lock_name=creation.lock_name, pk__gt=creation.pk)
    tombstones = Operation.objects.using(creation.written_on).filter(later)
    own = Operation.objects.uncommitted(later)
    return any(first_of(delete).pk > creation.pk for delete in (*tombstones, *own))


def first_of(delete: Operation) -> Operation:
    """Return the tombstone that this delete repeats. Its place in the journal says when."""
    rows = Operation.objects.using(delete.written_on)
    while delete.parent_key:
        parent = rows.filter(key=delete.parent_key).first()
        if parent is None:
            break
        delete = parent
    return delete
