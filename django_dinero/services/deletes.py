"""Deletes: a row leaves its operation behind, a tombstone that drives the gateway's delete."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from django_dinero import signals
from django_dinero.exceptions import DineroError, NotSent
from django_dinero.gateways.types import Done, Refusal
from django_dinero.models.card import CreditCard
from django_dinero.models.customer import Customer
from django_dinero.models.operation import OPEN_STATES, Operation, OperationKind, OperationState
from django_dinero.services import journal, outbox, replay
from django_dinero.services.lookup import resolve


def bury(row: Customer | CreditCard, using: str) -> Operation | None:
    """Write the tombstone of a deleted row, in the transaction that deletes it."""
    if not row.customer_id:
        return None
    is_card = isinstance(row, CreditCard)
    return Operation.objects.using(using).create(
        kind=OperationKind.DELETE_CARD if is_card else OperationKind.DELETE_CUSTOMER,
        gateway_name=row.gateway_name,
        target=outbox.card_target(row)
        if isinstance(row, CreditCard)
        else outbox.customer_target(row),
        customer_id=row.customer_id,
        card_id=row.card_id if isinstance(row, CreditCard) else "",
    )


def _target(row: Customer | CreditCard) -> str:
    if isinstance(row, CreditCard):
        return outbox.card_target(row)
    return outbox.customer_target(row)


def push_delete(key: str) -> None:
    """Delete at the gateway what a tombstone names; gone already is a success."""
    operation = Operation.objects.filter(key=key, state=OperationState.NEW).first()
    if operation is None:
        return
    if operation.kind == OperationKind.DELETE_CARD and _covered(operation):
        journal.move(operation, OperationState.SUCCEEDED, outcome={"covered": True})
        return
    failure: DineroError | None = None
    try:
        _send_delete(operation)
    except DineroError as error:
        failure = error
    if failure is not None:
        # Without an operation the gateway could not be used at all, and the tombstone still waits.
        if isinstance(failure, NotSent) and failure.operation is not None:
            _bury_again(operation)
        signals.send(signals.push_failed, Operation, instance=operation, error=failure)
        raise failure
    _announce_deleted(operation)


def _covered(operation: Operation) -> bool:
    """Whether the card's customer is being deleted too: that takes its cards along."""
    deletes = Operation.objects.filter(
        kind=OperationKind.DELETE_CUSTOMER,
        gateway_name=operation.gateway_name,
        customer_id=operation.customer_id,
        state__in=(*OPEN_STATES, OperationState.SUCCEEDED),
    )
    return deletes.exists()


def _send_delete(operation: Operation) -> None:
    gateway = outbox.gateway_of(operation)
    verb = gateway.delete_card if operation.card_id else gateway.delete_customer
    gateway.require(operation.kind)
    _take_slot(operation)
    ids = [operation.customer_id, operation.card_id]
    result: Done | Refusal = journal.send(gateway, operation, lambda: verb(*[i for i in ids if i]))
    if isinstance(result, Refusal):
        raise outbox.refused(operation, result)
    journal.conclude(operation, OperationState.SUCCEEDED, {"already": result.already}, lambda: None)


def _take_slot(operation: Operation) -> None:
    for _attempt in range(2):
        try:
            with transaction.atomic(using=operation._state.db):
                Operation.objects.filter(pk=operation.pk).update(target_slot=operation.target)
            return
        except IntegrityError:
            pass
        holder = Operation.objects.filter(target_slot=operation.target).first()
        if holder is not None and resolve(holder).is_open:
            raise replay.unfinished(holder)
    raise journal.TargetBusy(_("Another operation on the same object is not finished."))


def _bury_again(operation: Operation) -> None:
    """Nothing was sent: a new tombstone takes the place of the failed one."""
    Operation.objects.create(
        kind=operation.kind,
        gateway_name=operation.gateway_name,
        target=operation.target,
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
