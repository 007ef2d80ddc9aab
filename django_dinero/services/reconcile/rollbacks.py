"""What was stored at the gateway, and whose rows a rollback of the caller took.

Only where the journal has a connection of its own can this be known: elsewhere the rollback took
the operation too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import suppress
from functools import partial
from typing import Any

from django.db import IntegrityError, OperationalError, router, transaction
from django.db.models import Q, QuerySet

from django_dinero.db.failures import retry_on_conflict
from django_dinero.db.fields import UtcNow
from django_dinero.db.pages import pages
from django_dinero.db.queries import primary
from django_dinero.db.transactions import impatient_atomic
from django_dinero.exceptions import DineroError
from django_dinero.gateways.base import Gateway
from django_dinero.models.card import CreditCard
from django_dinero.models.customer import Customer
from django_dinero.models.mode import Account
from django_dinero.models.operation import (
    DELETES,
    MONEY_KINDS,
    Operation,
    OperationKind,
    OperationState,
)
from django_dinero.models.records import Intent
from django_dinero.models.sync_state import SyncState
from django_dinero.services import journal, pull
from django_dinero.services.modes import account_of
from django_dinero.services.vault import deletions, push

#: Somebody has the row after all, or may still commit it.
UNSETTLED = "unsettled"


def without_row(
    gateway: Gateway, operations: QuerySet[Operation], *, dry_run: bool = False
) -> Iterator[Operation]:
    """Go through the operations that left something at the gateway which has no row.

    That is what was stored and not deleted, and what was deleted here and the gateway refused to.
    Of those whose rows are seen it is noted: what is gone later was not taken by a rollback, and
    stays at the gateway.
    """
    made = Q(kind__in=(OperationKind.CREATE_CUSTOMER, OperationKind.ADD_CARD))
    left = Q(kind=OperationKind.DELETE_CUSTOMER, state=OperationState.DECLINED)
    left |= made & Q(state=OperationState.SUCCEEDED)
    stored = operations.filter(left).exclude(customer_id="")
    for page in pages(stored):
        ids = {operation.customer_id for operation in page}
        customers = set(_ids(Customer, gateway, ids, "customer_id"))
        cards = set(_ids(CreditCard, gateway, ids, "customer_id", "card_id"))
        committed = [each.pk for each in page if _is_among(each, customers, cards)]
        if committed and not dry_run:
            journal.note_committed(committed, operations.db)
        for operation in page:
            if operation.kind == OperationKind.ADD_CARD:
                # Without its customer the card is not looked for: that tells what became of both.
                there = (operation.customer_id,) not in customers
                there = there or (operation.customer_id, operation.card_id) in cards
            else:
                there = (operation.customer_id,) in customers
            if not (there or was_deleted(operation) or _has_row_of_another_name(operation)):
                yield operation


def _is_among(
    operation: Operation, customers: Collection[tuple[str, ...]], cards: Collection[tuple[str, ...]]
) -> bool:
    """Say whether what an operation stored in a transaction of the caller's has its row."""
    if not was_in_transaction(operation):
        return False
    if operation.kind == OperationKind.ADD_CARD:
        return (operation.customer_id, operation.card_id) in cards
    return (operation.customer_id,) in customers


def _has_row_of_another_name(operation: Operation) -> bool:
    """Say whether another gateway's name, which may stand for the same account, has the row.

    Ids of two accounts can be equal by chance. Then something stays at the gateway that nobody
    wants, which is better than the loss of a card that somebody does.
    """
    ids = {"live": operation.live, "customer_id": operation.customer_id}
    rows: QuerySet[Any]
    if operation.card_id:
        rows = primary(CreditCard)
        rows = rows.filter(**ids, card_id=operation.card_id)
    else:
        rows = primary(Customer).filter(**ids)
    return rows.exclude(gateway_name=operation.gateway_name).exists()


def _ids(
    model: type[Any], gateway: Gateway, ids: set[str], *columns: str
) -> QuerySet[Any, tuple[str, ...]]:
    rows = primary(model)
    found: QuerySet[Any, tuple[str, ...]] = rows.filter(
        **account_of(gateway).columns, customer_id__in=ids
    ).values_list(*columns)
    return found


def was_deleted(operation: Operation) -> bool:
    """Say whether a delete of what an operation stored was written after it, here."""
    later = Operation.objects.using(operation.written_on).filter(
        Q(card_id="") | Q(card_id=operation.card_id),
        kind__in=DELETES,
        customer_id=operation.customer_id,
        **Account.of(operation).columns,
        pk__gt=operation.pk,
    )
    return later.exists() or (not operation.card_id and pull.was_deleted_since(operation))


def is_over(operation: Operation) -> bool:
    """Say whether nobody can be on the way to write the rows of an operation any more.

    By the database's clock: its lease and its quarantine are over, and nothing else is under way
    on the same customer. A transaction that is open for longer is noticed by :func:`take_back`.
    """
    rows = Operation.objects.using(operation.written_on)
    over = rows.filter(
        pk=operation.pk, lease_until__lt=UtcNow(), quarantine_until__lt=UtcNow()
    ).exists()
    return over and not rows.filter(held_lock=operation.lock_name).exists()


def is_being_stored(row: Customer) -> bool:
    """Say whether the gateway may not have a customer yet whose row is here."""
    rows = Operation.objects.newest()
    creations = rows.filter(kind=OperationKind.CREATE_CUSTOMER, lock_name=row.lock_name)
    return creations.filter(quarantine_until__gt=UtcNow()).exists()


def is_wanted(operation: Operation) -> bool:
    """Say whether what an operation stored is kept: a payment names it, or its row lacks the id."""
    if operation.kind == OperationKind.DELETE_CUSTOMER:
        return False
    return _is_paid_with(operation) or _has_row_without_id(operation)


def _has_row_without_id(operation: Operation) -> bool:
    rows = primary(Customer).filter(
        **Account.of(operation).columns, customer_key=operation.customer_key, customer_id=None
    )
    return operation.kind == OperationKind.CREATE_CUSTOMER and rows.exists()


def _is_paid_with(operation: Operation) -> bool:
    rows = Operation.objects.using(operation.written_on).filter(
        kind__in=MONEY_KINDS,
        customer_id=operation.customer_id,
        **Account.of(operation).columns,
    )
    ended = (OperationState.FAILED, OperationState.DECLINED, OperationState.CLOSED)
    if operation.card_id:
        rows = rows.filter(card_id=operation.card_id)
    return rows.exclude(state__in=ended).exists()


def was_in_transaction(operation: Operation) -> bool:
    """Say whether the caller could roll back the rows of an operation while it stayed."""
    return Intent.of(operation).in_transaction


def take_back(operation: Operation) -> str:
    """Delete at the gateway what an operation stored there, and return how that ended.

    The delete is an operation of its own, committed before it is sent.

    Returns:
        ``taken_back``, ``take_back_waits`` (for the delete), or :data:`UNSETTLED`.
    """
    using = router.db_for_write(Customer)
    tombstone: Operation | None = None
    with suppress(IntegrityError, OperationalError, Customer.DoesNotExist):
        tombstone = retry_on_conflict(partial(_record_deletion, operation, using), using)
    if tombstone is None:
        return UNSETTLED
    try:
        deletions.push_delete(tombstone.key)
        _push_default(operation, using)
    except DineroError:
        return "take_back_waits"
    return "taken_back"


def _push_default(operation: Operation, using: str) -> None:
    """Push the default card of a customer if it waits for that; if it fails, it waits on."""
    default = CreditCard.objects.using(using).filter(
        **Account.of(operation).columns, customer_id=operation.customer_id, default_of__isnull=False
    )
    for pk in default.values_list("pk", flat=True):
        with suppress(DineroError):
            push.push_card(pk, using)


def _record_deletion(operation: Operation, using: str) -> Operation | None:
    """Write the row that was rolled back, and delete it, in one transaction.

    The unique columns make this wait for a transaction that has the same row and is still open. If
    that commits, the row is there, and nothing is deleted.
    """
    with impatient_atomic(using):
        row = _row_of(operation, using)
        type(row)._default_manager.using(using).bulk_create([row])
        if was_deleted(operation):  # by another sweep, which had the row until now
            transaction.set_rollback(True, using=using)
            return None
        tombstone = deletions.record_deletion(row, using)
        QuerySet(type(row), using=using).filter(pk=row.pk)._raw_delete(using)
        if isinstance(row, CreditCard) and Intent.of(operation).is_default:
            # It took the default at the gateway, and leaves none there.
            pull.push_default_again(row.customer_pk, using)
        return tombstone


def _row_of(operation: Operation, using: str) -> Customer | CreditCard:
    common: dict[str, Any] = {
        **Account.of(operation).columns,
        "customer_id": operation.customer_id,
        "sync_state": SyncState.SYNCED,
    }
    if operation.kind == OperationKind.CREATE_CUSTOMER:
        return Customer(**common, customer_key=operation.customer_key)
    customers = Customer.objects.using(using).filter(**Account.of(operation).columns)
    customer = customers.get(customer_id=operation.customer_id)
    return CreditCard(**common, card_id=operation.card_id, customer=customer)
