"""Push saved customers and cards to the gateway after the commit.

There is no queue: ``sync_state`` and ``version`` of a row say that it is to be pushed. Its
operation is written when the push begins.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from django.core.exceptions import ObjectDoesNotExist
from django.db import Error, router, transaction

from django_dinero import identifiers, signals
from django_dinero.db.failures import retry_on_conflict
from django_dinero.db.fields import UtcNow
from django_dinero.enums import ReasonKind
from django_dinero.exceptions import DineroError, OperationInProgress
from django_dinero.gateways.base import Gateway
from django_dinero.gateways.types import (
    Ack,
    CardUpdate,
    CustomerUpdate,
    Refusal,
    RemoteCard,
    RemoteCustomer,
)
from django_dinero.logs import get_logger
from django_dinero.models import default_card, journal_notes
from django_dinero.models.card import CreditCard
from django_dinero.models.customer import Customer
from django_dinero.models.mode import Account
from django_dinero.models.operation import (
    BEING_SENT,
    Operation,
    OperationKind,
    OperationState,
)
from django_dinero.models.records import RecordedOutcome
from django_dinero.models.sync_state import WAITING, SyncedQuerySet, SyncState
from django_dinero.observing.verbs import verb
from django_dinero.redaction import scrub
from django_dinero.services import journal, pull
from django_dinero.services.recovery import locking
from django_dinero.services.vault import creations, deletions
from django_dinero.services.vault.gateways import gateway_of

logger = get_logger("django_dinero.push")

RowT = TypeVar("RowT", Customer, CreditCard)
AnswerT = TypeVar("AnswerT")

#: How often a row is pushed again at once because it changed during its push.
MAX_PUSHES = 10


def push_customer(pk: int, using: str | None = None) -> Customer | None:
    """Push a customer if its row waits for it. An error is noted on the row and raised.

    Returns:
        The row as it is after that; None if it is gone, or another worker is pushing this very row
        and will push its newest values. Where an operation on something else holds the lock, the
        row waits on, ``sync_error`` says for what, and ``push_failed`` is sent.
    """
    return _push(Customer, pk, using or router.db_for_write(Customer), _send_customer)


def push_card(pk: int, using: str | None = None) -> CreditCard | None:
    """Push a card if its row waits for it, as :func:`push_customer` does."""
    return _push(CreditCard, pk, using or router.db_for_write(CreditCard), _send_card)


@verb("push")
def _push(model: type[RowT], pk: int, using: str, send: Callable[[RowT], None]) -> RowT | None:
    row: RowT | None = None
    for _attempt in range(MAX_PUSHES):
        row = model._default_manager.using(using).filter(pk=pk).first()
        if row is None or row.sync_state not in WAITING:
            return row
        busy: OperationInProgress | None = None
        failure: DineroError | None = None
        try:
            send(row)
        except OperationInProgress as error:
            busy = error
        except DineroError as error:
            failure = error
        if busy is not None:
            return _left_to_another(row, busy)
        if failure is not None:
            _note(row, failure, _mark_failed)
            raise failure
        if row.sync_state not in WAITING:
            return row  # as the push left it
    return row


def _left_to_another(row: RowT, error: OperationInProgress) -> RowT | None:
    """Leave a row to whoever pushes it; or to the next push, if the lock is held for another one.

    Returns:
        None if another worker is pushing it; the row, which waits on, if nobody is.
    """
    logger.info(
        "Push of %s %s waits: %s",
        row._meta.model_name,
        row.pk,
        error,
        extra={"dinero_gateway": row.gateway_name},
    )
    if _pushes(error.operation, row):
        return None  # that worker reads the row again afterwards, and pushes this change
    _note(row, error, _mark_waiting)
    return row


def _pushes(holder: Operation | None, row: Customer | CreditCard) -> bool:
    """Whether the operation that holds a row's lock pushes this very row.

    All cards of a customer have one lock, and so has a customer with one that was deleted under its
    key.
    """
    if holder is None or holder.state not in BEING_SENT:
        return False
    if isinstance(row, CreditCard):
        return holder.kind == OperationKind.UPDATE_CARD and holder.card_id == row.card_id
    return holder.kind in (OperationKind.CREATE_CUSTOMER, OperationKind.UPDATE_CUSTOMER)


def _note(
    row: Customer | CreditCard,
    error: DineroError,
    mark: Callable[[Customer | CreditCard, DineroError], None],
) -> None:
    """Note an error on its row. If the database fails too, the row waits to be pushed as before."""
    try:
        mark(row, error)
    except Error as broken:
        logger.error(
            "Push of %s %s failed (%s), and so did the database: %s",
            row._meta.model_name,
            row.pk,
            error.code,
            type(broken).__name__,
            extra={"dinero_gateway": row.gateway_name, "dinero_outcome": error.code},
        )


def _mark_waiting(row: Customer | CreditCard, error: DineroError) -> None:
    """Say on a row what its push waits for. It stays marked as one that waits."""
    # One that was refused keeps the text of the refusal.
    same = _stored_row(row).filter(version=row.version, sync_state=SyncState.PENDING)
    text = {"sync_error": scrub(str(error))[:1000]}
    waits = retry_on_conflict(partial(same.update_without_push, **text), same.db)
    _reread(row)
    if waits:
        signals.send(signals.push_failed, type(row), instance=row, error=error)


def _mark_failed(row: Customer | CreditCard, error: DineroError) -> None:
    state = SyncState.ERROR
    lost = (ReasonKind.CUSTOMER_NOT_FOUND.value, ReasonKind.CARD_NOT_FOUND.value)
    if error.code in lost and not row.is_new:
        state = SyncState.MISSING
    failure: dict[str, Any] = {"sync_state": state, "sync_error": scrub(str(error))[:1000]}
    new_default: CreditCard | None = None
    if state == SyncState.MISSING:
        # The gateway has nothing of it: a later edit must ask, even if it brings back old values.
        failure["synced_digest"] = ""
    using = row._state.db or router.db_for_write(type(row))
    if state == SyncState.MISSING and isinstance(row, CreditCard):
        new_default = retry_on_conflict(partial(_mark_missing, row, failure, using), using)
    elif state == SyncState.MISSING and isinstance(row, Customer):
        retry_on_conflict(partial(_mark_customer_missing, row, failure, using), using)
    else:
        same = _stored_row(row).filter(version=row.version)
        retry_on_conflict(partial(same.update_without_push, **failure), same.db)
    _reread(row)
    logger.warning(
        "Push of %s %s failed: %s",
        row._meta.model_name,
        row.pk,
        error.code,
        extra={"dinero_gateway": row.gateway_name, "dinero_outcome": error.code},
    )
    signals.send(signals.push_failed, type(row), instance=row, error=error)
    if new_default is not None:
        with suppress(DineroError):  # the error is noted on that card's row
            push_card(new_default.pk, row._state.db)


def _mark_missing(card: CreditCard, failure: Mapping[str, Any], using: str) -> CreditCard | None:
    """Mark a card as missing at the gateway; return the new default card if it was the default."""
    with transaction.atomic(using=using):
        default_card.lock([card.customer_pk], using)
        rows = _stored_row(card).filter(version=card.version)
        marks = {**failure, "pulled_at": UtcNow(), "default_of": None}
        if not rows.update_without_push(**marks) or not card.is_default:
            return None
        return default_card.promote_first(CreditCard.objects.using(using), card.customer_pk)


def _mark_customer_missing(customer: Customer, failure: Mapping[str, Any], using: str) -> None:
    """Mark a customer as missing at the gateway, and its cards, of which none can be charged."""
    with transaction.atomic(using=using):
        default_card.lock([customer.pk], using)
        rows = _stored_row(customer).filter(version=customer.version)
        if rows.update_without_push(**failure, pulled_at=UtcNow()):
            pull.mark_cards_gone(customer.pk, using, UtcNow())


def _stored_row(row: Customer | CreditCard) -> SyncedQuerySet[Any]:
    """Return a query for the row of an instance, on the database that it was read from."""
    return SyncedQuerySet(type(row), using=row._state.db).filter(pk=row.pk)


def _reread(row: Customer | CreditCard) -> bool:
    """Load a row again; say whether it still exists."""
    try:
        row.refresh_from_db(using=row._state.db)
    except ObjectDoesNotExist:
        return False
    return True


def _reread_locked(operation: Operation, row: Customer | CreditCard) -> bool:
    """As :func:`_reread`, under the lock of an operation that is not sent yet."""
    with journal.released_on_failure(operation):
        return _reread(row)


def _mark_synced(row: Customer | CreditCard, **facts: str) -> bool:
    """Mark a row as synced, and write facts of the gateway into it.

    If it changed since it was read, it stays waiting. In that case its digest is cleared too,
    because another card may take the default before this one is pushed again.

    Returns:
        Whether the instance now has what its row has.
    """
    values = {**row.synced_bookkeeping(), "synced_version": row.version, **facts}
    if _stored_row(row).filter(version=row.version).update_without_push(**values):
        for name, value in values.items():
            setattr(row, name, value)
        row.remember_loaded()
        return True
    waits = {"sync_state": SyncState.PENDING, "sync_error": "", "synced_digest": ""}
    _stored_row(row).update_without_push(**waits, synced_version=row.version, **facts)
    return _reread(row)


def _begin(gateway: Gateway, kind: str, lock_name: str, **values: Any) -> Operation:
    return locking.begin(
        gateway, kind, using=Operation.objects.alias_for_vault(), lock_name=lock_name, **values
    )


# -- Customers -----------------------------------------------------------------------------------


def _send_customer(row: Customer) -> None:
    gateway = gateway_of(row)
    gateway.expect(*row.new_ids)
    if row.customer_id is None:
        _create_customer(gateway, row)
    elif _has_nothing_new(row):
        _mark_synced(row)
    else:
        _update_customer(gateway, row)


def _create_customer(gateway: Gateway, row: Customer) -> None:
    gateway.require("create_customer")
    if row.live != gateway.live:  # it was saved before the gateway's configuration changed
        _stored_row(row).update_without_push(live=gateway.live)
        row.live = gateway.live
    request = creations.creation_request(row)
    operation = _begin(
        gateway,
        OperationKind.CREATE_CUSTOMER,
        row.lock_name,
        key=request.operation_key,
        intent=creations.creation_intent(row),
    )
    if not _reread_locked(operation, row):
        journal.move(
            operation, OperationState.FAILED, RecordedOutcome(error=journal_notes.DELETED_MEANWHILE)
        )
        return
    if row.customer_id is not None:
        # While we waited for the lock, a look-up found that the customer exists already.
        journal.move(
            operation, OperationState.FAILED, RecordedOutcome(error=journal_notes.EXISTS_ALREADY)
        )
        _send_customer(row)  # with what was edited since
        return
    remote = creations.send_creation(gateway, operation, request)
    outcome = RecordedOutcome(customer_id=remote.customer_id)
    exists = journal.end_operation(
        operation,
        OperationState.SUCCEEDED,
        outcome,
        lambda: _write_created(operation, row, remote),
        customer_id=remote.customer_id,
    )
    if exists:
        signals.send(signals.customer_pushed, Customer, customer=row, created=True)


def _write_created(operation: Operation, row: Customer, remote: RemoteCustomer) -> bool:
    """Write what the gateway has of a new customer; say whether its row still exists.

    If the gateway had the customer before, it may have cards, and other values. Then ours are
    still to be pushed. If the row was deleted meanwhile, the customer goes at the gateway too.
    """
    ids = {"customer_id": remote.customer_id}
    if row.differs_from(remote):
        _stored_row(row).update_without_push(**ids, synced_digest="", sync_error="")
        exists = _reread(row)
    else:
        exists = _mark_synced(row, **ids)
    if exists and remote.cards:
        pull.write_customer(Account.of(row), remote)
    if not exists:
        deletions.delete_created(operation, row, remote.customer_id)
    return exists


def _update_customer(gateway: Gateway, row: Customer) -> None:
    gateway.require("update_customer")
    operation = _begin(
        gateway,
        OperationKind.UPDATE_CUSTOMER,
        row.lock_name,
        key=identifiers.new_key(),
        customer_id=row.customer_id or "",
    )
    if not _still_waits(operation, row):
        return
    request = CustomerUpdate(
        operation_key=operation.key,
        customer_id=operation.customer_id,
        customer_key=row.customer_key,
        email=row.email,
        first_name=row.first_name,
        last_name=row.last_name,
    )
    _send(gateway, operation, partial(gateway.update_customer, request), Ack)
    if _end_push(operation, row, RecordedOutcome(customer_id=request.customer_id)):
        signals.send(signals.customer_pushed, Customer, customer=row, created=False)


# -- Cards ---------------------------------------------------------------------------------------


def _send_card(row: CreditCard) -> None:
    gateway = gateway_of(row)
    gateway.expect(*row.new_ids)
    if _has_nothing_new(row):
        _mark_synced(row)
        return
    gateway.require("update_card")
    operation = locking.begin_on_cards(
        gateway,
        OperationKind.UPDATE_CARD,
        using=Operation.objects.alias_for_vault(),
        lock_name=row.lock_name,
        key=identifiers.new_key(),
        customer_id=row.customer_id,
        card_id=row.card_id,
    )
    if not _still_waits(operation, row):
        return
    request = CardUpdate(
        operation_key=operation.key,
        customer_id=row.customer_id,
        card_id=row.card_id,
        address=row.billing_address,
        month=row.month,
        year=row.year,
        is_default=row.is_default,
    )
    result = _send(gateway, operation, partial(gateway.update_card, request), RemoteCard)
    facts = {"last_4": result.last_4 or row.last_4, "brand": result.brand or row.brand}
    if pull.is_other_number(row, result):
        facts["number_key"] = operation.key
    if _end_push(operation, row, RecordedOutcome(card_id=row.card_id), **facts):
        signals.send(signals.card_pushed, CreditCard, card=row, created=False)


# -- Both ----------------------------------------------------------------------------------------


def _has_nothing_new(row: Customer | CreditCard) -> bool:
    """Whether the gateway has the row's values and no operation on its way could change them."""
    same = row.synced_digest == row.pushed_digest()
    return same and not journal.is_locked(row.lock_name)


def _still_waits(operation: Operation, row: Customer | CreditCard) -> bool:
    """Load a row again under its lock; if nothing is left to push, end the operation."""
    if _reread_locked(operation, row) and row.sync_state in WAITING:
        return True
    journal.move(
        operation, OperationState.FAILED, RecordedOutcome(error=journal_notes.NOTHING_LEFT_TO_PUSH)
    )
    _reread(row)  # whoever met our lock since we read it left its change to us
    return False


def _send(
    gateway: Gateway,
    operation: Operation,
    call: Callable[[], AnswerT | Refusal],
    answer: type[AnswerT],
) -> AnswerT:
    """Send a push; a refusal ends its operation and is raised."""
    result = journal.send(gateway, operation, call, answer | Refusal)
    if isinstance(result, Refusal):
        raise journal.end_refused(operation, result)
    return result


def _end_push(
    operation: Operation,
    row: Customer | CreditCard,
    outcome: RecordedOutcome,
    **facts: str,
) -> bool:
    """End a push, and write facts of the gateway into its row.

    Returns:
        Whether the row still exists. The instance is up to date with it then.
    """
    return journal.end_operation(
        operation,
        OperationState.SUCCEEDED,
        outcome,
        lambda: _mark_synced(row, **facts),
    )
