"""One open operation per customer, per customer's cards, and per transaction."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

from django.db import IntegrityError, router, transaction
from django.utils.translation import gettext as _

from django_dinero.db.fields import UtcNow
from django_dinero.db.transactions import in_transaction
from django_dinero.exceptions import DineroError, OperationInProgress
from django_dinero.gateways.base import Gateway
from django_dinero.models.card import CreditCard
from django_dinero.models.operation import BEING_SENT, Operation, OperationState
from django_dinero.services import journal
from django_dinero.services.recovery.idempotency import unfinished_error
from django_dinero.services.recovery.lookup import look_up

#: Seconds that an operation on a customer's cards waits for another one that is being sent.
CARDS_PATIENCE = 5.0
#: Seconds between two looks at it: the first, and the longest.
PAUSES = (0.05, 0.5)
#: How often a free lock may be lost to somebody else before we give up.
ATTEMPTS = 3


def begin(gateway: Gateway, kind: str, *, using: str, lock_name: str, **values: Any) -> Operation:
    """Write an operation that holds ``lock_name``; one that a dead worker left there is resolved.

    Raises:
        OperationInProgress: a live worker holds it.
        OutcomeUnknown, NeedsAttention: so does an operation whose outcome is still to be found.
        journal.KeyTaken: the idempotency key has an operation.
    """
    attempt = partial(journal.begin, gateway, kind, using=using, lock_name=lock_name, **values)
    return _when_free(attempt, unfinished_error, patience=0)


def begin_on_cards(gateway: Gateway, kind: str, *, using: str, **values: Any) -> Operation:
    """As :func:`begin`, for the cards of a customer: it waits a moment for a live worker.

    Raises:
        OperationInProgress: another operation on these cards has no answer yet.
        OutcomeUnknown: one on this very card has none.
        NeedsAttention: one of them waits for a person.
    """
    attempt = partial(journal.begin, gateway, kind, using=using, **values)
    busy = partial(_cards_busy, card_id=values.get("card_id", ""))
    return _when_free(attempt, busy, patience=_patience())


def lock(gateway: Gateway, operation: Operation) -> bool:
    """Take the lock of a tombstone, which is written without it.

    Returns:
        Whether it is still to be sent; somebody else may have finished it.

    Raises:
        OperationInProgress, OutcomeUnknown, NeedsAttention: as :func:`begin` for the delete of a
            customer, as :func:`begin_on_cards` for that of a card.
    """
    attempt = partial(_hold, operation, gateway.lease_seconds)
    if operation.card_id:
        busy = partial(_cards_busy, card_id=operation.card_id)
        _when_free(attempt, busy, patience=_patience())
    else:
        _when_free(attempt, unfinished_error, patience=0)
    return operation.state == OperationState.NEW


def _patience() -> float:
    # In the caller's transaction the rows that it has locked may be what the other one waits for.
    return 0 if in_transaction(router.db_for_write(CreditCard)) else CARDS_PATIENCE


def _hold(operation: Operation, lease_seconds: float) -> Operation:
    rows = Operation.objects.using(operation.written_on)
    lease = UtcNow() + timedelta(seconds=lease_seconds)
    try:
        with transaction.atomic(using=operation.written_on):
            # Of a NEW one alone: what was closed meanwhile must hold nothing.
            rows.filter(pk=operation.pk, state=OperationState.NEW).update(
                held_lock=operation.lock_name, lease_until=lease, updated_at=UtcNow()
            )
        operation.refresh_from_db()
        return operation
    except IntegrityError:
        pass
    holder = rows.filter(held_lock=operation.lock_name).first()
    raise journal.LockHeld(
        _("Another operation on the same object is not finished."), operation=holder
    )


def _when_free(
    attempt: Callable[[], Operation],
    error_of: Callable[[Operation], DineroError],
    *,
    patience: float,
) -> Operation:
    """Return what ``attempt`` does once nobody holds the lock.

    Args:
        error_of: makes the error of an operation that holds it and is not finished.
        patience: seconds to wait for a live worker; 0 in the caller's transaction, whose locks may
            be what that worker waits for.
    """
    give_up = time.monotonic() + patience
    attempts = 0
    while True:
        attempts += 1
        try:
            return attempt()
        except journal.LockHeld as busy:
            if attempts >= ATTEMPTS and time.monotonic() > give_up:
                raise
            holder = busy.operation
        if holder is None:
            time.sleep(PAUSES[0])
        elif _still_holds(holder, patience, give_up):
            raise error_of(holder)


def _still_holds(holder: Operation, patience: float, give_up: float) -> bool:
    """Resolve what holds a lock, or wait for it; say whether it goes on holding it."""
    pause, longest = PAUSES
    look_up(holder)
    while _is_young(holder, patience) and time.monotonic() + pause < give_up:
        time.sleep(pause)
        pause = min(2 * pause, longest)
    holder.refresh_from_db()
    return holder.is_open and holder.held_lock is not None


def _is_young(holder: Operation, patience: float) -> bool:
    """Whether it has just begun to be sent: what has been for longer is slow, or its worker died.

    So that many which wait for the same dead worker do not all wait in vain.
    """
    began = UtcNow() - timedelta(seconds=patience)
    rows = Operation.objects.using(holder.written_on).filter(pk=holder.pk, state__in=BEING_SENT)
    return rows.filter(held_lock__isnull=False, updated_at__gt=began).exists()


def _cards_busy(holder: Operation, *, card_id: str) -> DineroError:
    if holder.state == OperationState.NEEDS_ATTENTION or (card_id and holder.card_id == card_id):
        return unfinished_error(holder)
    # Not that the outcome is unknown: what is unknown is the other one's, about another card.
    return OperationInProgress(
        _("Operation %(key)s on this customer's cards is not finished; nothing was sent.")
        % {"key": holder.key},
        operation=holder,
    )
