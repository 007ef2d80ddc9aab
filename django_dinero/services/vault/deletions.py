"""Deletes: a row leaves its operation behind, a tombstone that drives the gateway's delete."""

from __future__ import annotations

from django.db import router
from django.db.models import QuerySet

from django_dinero import signals
from django_dinero.exceptions import DineroError, NotSent
from django_dinero.gateways.types import Ack, Refusal
from django_dinero.models.card import CreditCard
from django_dinero.models.customer import Customer
from django_dinero.models.operation import OPEN_STATES, Operation, OperationKind, OperationState
from django_dinero.services import journal
from django_dinero.services.journal.records import RecordedOutcome
from django_dinero.services.recovery import locking
from django_dinero.services.vault.push import gateway_of

#: A creation in one of these may have reached the gateway, or still reach it.
MAYBE = (*OPEN_STATES, OperationState.SUCCEEDED)


def record_deletion(row: Customer | CreditCard, using: str) -> Operation | None:
    """Write the tombstone of a deleted row, in the transaction that deletes it."""
    if isinstance(row, CreditCard):
        kind, lock_name = OperationKind.DELETE_CARD, row.lock_name
    else:
        kind, lock_name = OperationKind.DELETE_CUSTOMER, row.lock_name
    if not row.customer_id and not _creation(lock_name, using).filter(state__in=MAYBE).exists():
        return None
    return Operation.objects.using(using).create(
        kind=kind,
        gateway_name=row.gateway_name,
        lock_name=lock_name,
        customer_id=row.customer_id or "",
        card_id=row.card_id if isinstance(row, CreditCard) else "",
    )


def _creation(lock_name: str, using: str) -> QuerySet[Operation]:
    """What created the customer that is this lock name."""
    return Operation.objects.using(using).filter(
        kind=OperationKind.CREATE_CUSTOMER, lock_name=lock_name
    )


def push_delete(key: str, using: str | None = None) -> None:
    """Delete at the gateway what a tombstone names; gone already is a success.

    Raises:
        DineroError: the gateway refused, or its answer is lost.
        OperationInProgress, OutcomeUnknown: another operation on the same object is not finished;
            the tombstone waits.
    """
    operations = Operation.objects.using(using or router.db_for_write(Operation))
    operation = operations.filter(key=key, state=OperationState.NEW).first()
    if operation is None:
        return
    if operation.kind == OperationKind.DELETE_CARD and _covered(operation):
        journal.move(operation, OperationState.SUCCEEDED, RecordedOutcome(covered=True))
        return
    failure: DineroError | None = None
    try:
        _send_delete(operation)
    except DineroError as error:
        failure = error
    if failure is not None:
        # Without an operation the gateway could not be used at all, and the tombstone still waits.
        if isinstance(failure, NotSent) and failure.operation is not None:
            record_deletion_again(operation)
        signals.send(signals.push_failed, Operation, instance=operation, error=failure)
        raise failure
    if operation.customer_id and operation.state == OperationState.SUCCEEDED:
        _announce_deleted(operation)


def _covered(operation: Operation) -> bool:
    """Whether the card's customer is being deleted too: that takes its cards along."""
    deletes = Operation.objects.using(operation.written_on).filter(
        kind=OperationKind.DELETE_CUSTOMER,
        gateway_name=operation.gateway_name,
        customer_id=operation.customer_id,
        state__in=(*OPEN_STATES, OperationState.SUCCEEDED),
    )
    return deletes.exists()


def _send_delete(operation: Operation) -> None:
    gateway = gateway_of(operation)
    verb = gateway.delete_card if operation.card_id else gateway.delete_customer
    gateway.require(operation.kind)
    if not locking.lock(gateway, operation):
        return
    if not operation.customer_id and not _learn_id(operation):
        journal.move(operation, OperationState.SUCCEEDED, RecordedOutcome(already=True))
        return
    ids = [operation.customer_id, operation.card_id]
    result: Ack | Refusal = journal.send(gateway, operation, lambda: verb(*[i for i in ids if i]))
    if isinstance(result, Refusal):
        raise journal.close_refused(operation, result)
    journal.conclude(
        operation, OperationState.SUCCEEDED, RecordedOutcome(already=result.already), lambda: None
    )


def _learn_id(operation: Operation) -> bool:
    """Fill in the id that the customer got after it was deleted here; say whether it got one."""
    using = operation.written_on
    created = _creation(operation.lock_name, using).exclude(customer_id="").last()
    if created is not None:
        operation.customer_id = created.customer_id
        operation.save(using=using, update_fields=["customer_id"])
    return created is not None


def record_deletion_again(operation: Operation) -> Operation:
    """Write a new tombstone for a delete that is proven not to have happened."""
    return Operation.objects.using(operation.written_on).create(
        kind=operation.kind,
        gateway_name=operation.gateway_name,
        lock_name=operation.lock_name,
        customer_id=operation.customer_id,
        card_id=operation.card_id,
        parent_key=operation.key,
    )


def _announce_deleted(operation: Operation) -> None:
    ids = {"gateway_name": operation.gateway_name, "customer_id": operation.customer_id}
    if operation.card_id:
        signals.send(signals.card_deleted, CreditCard, **ids, card_id=operation.card_id)
    else:
        signals.send(signals.customer_deleted, Customer, **ids)
