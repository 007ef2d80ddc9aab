"""Delete customers and cards at the gateway after their rows were deleted here.

The transaction that deletes a row writes a *tombstone*: a NEW operation that names what is still
to be deleted at the gateway.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial

from django.db import router
from django.db.models import Q, QuerySet

from django_dinero import identifiers, signals
from django_dinero.db.on_commit import run_after_commit
from django_dinero.exceptions import DineroError
from django_dinero.gateways.types import Ack, Refusal
from django_dinero.models.card import CreditCard
from django_dinero.models.customer import Customer
from django_dinero.models.mode import Account
from django_dinero.models.operation import OPEN_STATES, Operation, OperationKind, OperationState
from django_dinero.models.records import Intent, RecordedOutcome
from django_dinero.observing.verbs import verb
from django_dinero.services import journal, modes, pull
from django_dinero.services.recovery import locking
from django_dinero.services.vault.gateways import gateway_of

#: States in which a creation may have reached the gateway, or may still do so.
MAY_HAVE_CREATED = (*OPEN_STATES, OperationState.SUCCEEDED)


def record_deletion(
    row: Customer | CreditCard, using: str, *, with_customer: bool = False, **columns: str
) -> Operation | None:
    """Write the tombstone of a deleted row, in the transaction that deletes it.

    The gateway has nothing to delete if the row is of another account than the gateway is now.

    Args:
        with_customer: whether a card goes because its customer does.
        **columns: more that is written into the tombstone.
    """
    if modes.foreign_error(row) is not None:
        return None
    if (
        not row.customer_id
        and not _creations_of(row.lock_name, using).filter(state__in=MAY_HAVE_CREATED).exists()
    ):
        return None
    kind, card_id = OperationKind.DELETE_CUSTOMER, ""
    if isinstance(row, CreditCard):
        kind, card_id = OperationKind.DELETE_CARD, row.card_id
    return Operation.objects.using(using).create(
        kind=kind,
        gateway_name=row.gateway_name,
        lock_name=row.lock_name,
        live=row.live,
        customer_id=row.customer_id or "",
        card_id=card_id,
        intent=Intent(is_new=row.is_new, with_customer=with_customer).to_json(),
        **columns,
    )


def delete_created(creation: Operation, row: Customer, customer_id: str) -> None:
    """Delete a customer at the gateway, after the commit, whose row went while it was created.

    Whoever deletes a row in a longer transaction may have looked for its creation before that
    began, and so has written no tombstone. It is written with the end of the creation, unless the
    customer has a row again: a look-up found it, or it is stored again under its key.
    """
    using = row._state.db or router.db_for_write(Customer)
    again = Customer.objects.using(using).filter(
        Q(customer_id=customer_id) | Q(customer_key=row.customer_key), **Account.of(row).columns
    )
    if pull.was_deleted_since(creation) or again.exists():
        return
    row.customer_id = customer_id
    tombstone = record_deletion(row, using, key=identifiers.key_after("gone", creation.key))
    if tombstone is not None:
        run_after_commit(using, tombstone.key, partial(_push_quietly, tombstone.key, using))


def _push_quietly(key: str, using: str) -> None:
    """As :func:`push_delete`. What fails waits in the journal: nobody here has asked for it."""
    with suppress(DineroError):
        push_delete(key, using)


def _creations_of(lock_name: str, using: str) -> QuerySet[Operation]:
    """Return the operations that create the customer with this lock name."""
    return Operation.objects.using(using).filter(
        kind=OperationKind.CREATE_CUSTOMER, lock_name=lock_name
    )


@verb("push_delete")
def push_delete(key: str, using: str | None = None) -> None:
    """Delete at the gateway what a tombstone names. If it is gone already, that is a success.

    Raises:
        DineroError: the gateway refused, or its answer was lost.
        OperationInProgress, OutcomeUnknown: another operation on the same object is not finished;
            the tombstone waits.
    """
    operations = Operation.objects.using(using or router.db_for_write(Operation))
    operation = operations.filter(key=key, state=OperationState.NEW).first()
    if operation is None:
        return
    if operation.kind == OperationKind.DELETE_CARD and _is_deleted_with_customer(operation):
        journal.move(operation, OperationState.SUCCEEDED, RecordedOutcome(covered=True))
        return
    failure: DineroError | None = None
    try:
        _send_delete(operation)
    except DineroError as error:
        failure = error
    if failure is not None:
        # An error without an operation means that the gateway could not be used at all. Then the
        # tombstone still waits, and no new one is needed.
        if isinstance(failure, pull.PROVEN_UNDONE) and failure.operation is not None:
            pull.record_deletion_again(operation)
        signals.send(signals.push_failed, Operation, instance=operation, error=failure)
        raise failure
    if operation.customer_id and operation.state == OperationState.SUCCEEDED:
        _announce_deleted(operation)


def _is_deleted_with_customer(operation: Operation) -> bool:
    """Whether the card's customer is deleted too, which deletes its cards.

    A delete that is still to come may be called off, because the customer is stored again. That
    brings back only the cards that were to go with it.
    """
    states: tuple[OperationState, ...] = (OperationState.SUCCEEDED,)
    if Intent.of(operation).with_customer:
        states = (*OPEN_STATES, OperationState.SUCCEEDED)
    deletes = Operation.objects.using(operation.written_on).filter(
        kind=OperationKind.DELETE_CUSTOMER,
        **Account.of(operation).columns,
        customer_id=operation.customer_id,
        state__in=states,
    )
    return deletes.exists()


def _send_delete(operation: Operation) -> None:
    gateway = gateway_of(operation)
    verb = gateway.delete_card if operation.card_id else gateway.delete_customer
    gateway.require(operation.kind)
    if not locking.take_lock(gateway, operation):
        return
    if not operation.customer_id and not _fill_in_customer_id(operation):
        journal.move(operation, OperationState.SUCCEEDED, RecordedOutcome(already=True))
        return
    ids = [operation.customer_id, operation.card_id]
    if Intent.of(operation).is_new:
        # "Not found" would count as deleted, and the customer or card would stay in the vault.
        gateway.expect(*(each for each in ids if each))
    call = partial(verb, *[i for i in ids if i])
    result: Ack | Refusal = journal.send(gateway, operation, call, Ack | Refusal)
    if isinstance(result, Refusal):
        raise journal.end_refused(operation, result)
    journal.end_operation(
        operation, OperationState.SUCCEEDED, RecordedOutcome(already=result.already), lambda: None
    )


def _fill_in_customer_id(operation: Operation) -> bool:
    """Fill in the id if the customer got one after it was deleted here; say whether it did."""
    using = operation.written_on
    creations = _creations_of(operation.lock_name, using).exclude(customer_id="")
    # A creation that began after the row was deleted has stored the customer again.
    earlier = creations.filter(pk__lt=pull.first_of(operation).pk)
    created = earlier.order_by("pk").last()  # of a key that was used again, the newest
    if created is not None:
        operation.customer_id = created.customer_id
        operation.save(using=using, update_fields=["customer_id"])
    return created is not None


def _announce_deleted(operation: Operation) -> None:
    ids = {**Account.of(operation).columns, "customer_id": operation.customer_id}
    if operation.card_id:
        signals.send(signals.card_deleted, CreditCard, **ids, card_id=operation.card_id)
    else:
        signals.send(signals.customer_deleted, Customer, **ids)
