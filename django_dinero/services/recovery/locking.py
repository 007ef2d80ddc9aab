"""Locks: one open operation per customer, per customer's cards, and per transaction."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

from django.db import IntegrityError, router, transaction
from django.utils.translation import gettext as _

from django_dinero.db.failures import is_taken, retry_on_conflict
from django_dinero.db.fields import UtcIn, UtcNow
from django_dinero.db.transactions import in_transaction
from django_dinero.exceptions import DineroError, OperationInProgress
from django_dinero.gateways.base import Gateway
from django_dinero.models.card import CreditCard
from django_dinero.models.operation import BEING_SENT, Operation, OperationState
from django_dinero.services import journal
from django_dinero.services.recovery.idempotency import unfinished_error
from django_dinero.services.recovery.lookup import look_up

#: Seconds that an operation on a customer's cards waits for another one being sent.
CARDS_PATIENCE = 5.0
#: Seconds between two checks of the other operation: the first pause and the longest.
PAUSES = (0.05, 0.5)
#: How often another worker may take a free lock first before we give up.
ATTEMPTS = 3


def begin(
    gateway: Gateway,
    kind: str,
    *,
    using: str,
    lock_name: str,
    patience: float = 0,
    error_of: Callable[[Operation], DineroError] = unfinished_error,
    **values: Any,
) -> Operation:
    """Write an operation that takes the lock.

    If an operation of a dead worker has the lock, that one is looked up first.

    Args:
        patience: seconds to wait for a live worker.
        error_of: returns the exception for an unfinished operation that has the lock.

    Raises:
        OperationInProgress: the operation of a live worker has the lock.
        OutcomeUnknown, NeedsAttention: an operation without a known outcome has the lock.
        journal.KeyTaken: the idempotency key already has an operation.
    """
    attempt = partial(journal.begin, gateway, kind, using=using, lock_name=lock_name, **values)
    return _attempt_when_free(attempt, error_of, patience=patience)


def begin_on_cards(gateway: Gateway, kind: str, *, using: str, **values: Any) -> Operation:
    """As :func:`begin`, for the cards of a customer, but wait a moment for a live worker.

    Raises:
        OperationInProgress: another operation on these cards has no answer yet.
        OutcomeUnknown: an operation on the same card has no answer yet.
        NeedsAttention: one of them needs a person's attention.
    """
    attempt = partial(journal.begin, gateway, kind, using=using, **values)
    busy = partial(_busy_cards_error, card_id=values.get("card_id", ""))
    return _attempt_when_free(attempt, busy, patience=_patience())


def take_lock(gateway: Gateway, operation: Operation) -> bool:
    """Take the lock for a tombstone, an operation that was written without its lock.

    Returns:
        Whether it is still to be sent; another worker may have finished it.

    Raises:
        OperationInProgress, OutcomeUnknown, NeedsAttention: as :func:`begin` for the delete of a
            customer, as :func:`begin_on_cards` for that of a card.
    """
    attempt = partial(_try_to_lock, operation, gateway.lease_seconds)
    if operation.card_id:
        busy = partial(_busy_cards_error, card_id=operation.card_id)
        _attempt_when_free(attempt, busy, patience=_patience())
    else:
        _attempt_when_free(attempt, unfinished_error, patience=0)
    return operation.state == OperationState.NEW


def _patience() -> float:
    # Inside the caller's transaction the other worker may be waiting for rows that it has locked.
    return 0 if in_transaction(router.db_for_write(CreditCard)) else CARDS_PATIENCE


def _try_to_lock(operation: Operation, lease_seconds: float) -> Operation:
    rows = Operation.objects.using(operation.written_on)
    lease = UtcIn(timedelta(seconds=lease_seconds))

    def lock() -> None:
        with transaction.atomic(using=operation.written_on):
            # Only if it is still NEW: an operation that has ended must not get a lock.
            rows.filter(pk=operation.pk, state=OperationState.NEW).update(
                held_lock=operation.lock_name, lease_until=lease, updated_at=UtcNow()
            )

    try:
        retry_on_conflict(lock, operation.written_on)
        operation.refresh_from_db()
        return operation
    except IntegrityError as error:
        if not is_taken(error):
            raise
    blocker = rows.filter(held_lock=operation.lock_name).first()
    raise journal.LockHeld(
        _("Another operation on the same object is not finished."), operation=blocker
    )


def _attempt_when_free(
    attempt: Callable[[], Operation],
    error_of: Callable[[Operation], DineroError],
    *,
    patience: float,
) -> Operation:
    """Call ``attempt`` until the lock is free, and return the operation that it began.

    Args:
        error_of: returns the exception for an unfinished operation that has the lock.
        patience: seconds to wait for a live worker; 0 in the caller's transaction, since that
            worker may be waiting for its locks.
    """
    deadline = time.monotonic() + patience
    attempts = 0
    while True:
        attempts += 1
        try:
            return attempt()
        except journal.LockHeld as busy:
            if attempts >= ATTEMPTS and time.monotonic() > deadline:
                raise
            blocker = busy.operation
        if blocker is None:
            time.sleep(PAUSES[0])
        elif _still_locks(blocker, patience, deadline):
            raise error_of(blocker)


def _still_locks(blocker: Operation, patience: float, deadline: float) -> bool:
    """Look up the operation that has the lock, or wait for it; say whether it keeps the lock."""
    pause, longest = PAUSES
    look_up(blocker)
    while _was_just_begun(blocker, patience) and time.monotonic() + pause < deadline:
        time.sleep(pause)
        pause = min(2 * pause, longest)
    blocker.refresh_from_db()
    return blocker.is_open and blocker.held_lock is not None


def _was_just_begun(blocker: Operation, patience: float) -> bool:
    """Say whether the operation that has the lock began less than ``patience`` seconds ago.

    An older one is slow, or its worker is dead, and nobody waits for it. Otherwise every worker
    that meets a dead one would wait in vain.
    """
    began = UtcIn(-timedelta(seconds=patience))
    rows = Operation.objects.using(blocker.written_on).filter(pk=blocker.pk, state__in=BEING_SENT)
    return rows.filter(held_lock__isnull=False, updated_at__gt=began).exists()


def _busy_cards_error(blocker: Operation, *, card_id: str) -> DineroError:
    if blocker.state == OperationState.NEEDS_ATTENTION or (card_id and blocker.card_id == card_id):
        return unfinished_error(blocker)
    # No OutcomeUnknown: it is the other operation, on another card, whose outcome is unknown.
    return OperationInProgress(
        _("Operation %(key)s on this customer's cards is not finished; nothing was sent.")
        % {"key": blocker.key},
        operation=blocker,
    )
