"""One open operation per customer, per customer's cards, and per transaction."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from django_dinero.db import in_transaction
from django_dinero.exceptions import DineroError, OperationInProgress
from django_dinero.gateways.base import Gateway
from django_dinero.models.operation import Operation, OperationState
from django_dinero.services import journal, replay
from django_dinero.services.lookup import resolve

#: Seconds that an operation on a customer's cards waits for another one that is being sent.
CARDS_PATIENCE = 5.0
#: Seconds between two looks at it: the first, and the longest.
PAUSES = (0.05, 0.5)
#: Tries to take a target that is found free each time, and taken by somebody else then.
ATTEMPTS = 3
BEING_SENT = (OperationState.NEW, OperationState.SENT)


def begin(gateway: Gateway, kind: str, *, using: str, target: str, **values: Any) -> Operation:
    """Write an operation that holds ``target``; one that a dead worker left there is resolved.

    Raises:
        OperationInProgress: a live worker holds it.
        OutcomeUnknown, NeedsReview: so does an operation whose outcome is still to be found.
        journal.KeyTaken: the idempotency key has an operation.
    """
    attempt = partial(journal.begin, gateway, kind, using=using, target=target, **values)
    return _when_free(attempt, replay.unfinished, patience=0)


def begin_on_cards(gateway: Gateway, kind: str, *, using: str, **values: Any) -> Operation:
    """As :func:`begin`, for the cards of a customer: it waits a moment for a live worker.

    Raises:
        OperationInProgress: another operation on these cards has no answer yet.
        OutcomeUnknown: one on this very card has none.
        NeedsReview: one of them waits for a person.
    """
    attempt = partial(journal.begin, gateway, kind, using=using, **values)
    busy = partial(_cards_busy, card_id=values.get("card_id", ""))
    return _when_free(attempt, busy, patience=_patience(using))


def hold(operation: Operation, *, on_cards: bool) -> None:
    """Take the target of an operation that was written without it, as a tombstone is.

    Raises:
        as :func:`begin`, or :func:`begin_on_cards`.
    """
    attempt = partial(_take, operation)
    if on_cards:
        busy = partial(_cards_busy, card_id=operation.card_id)
        _when_free(attempt, busy, patience=_patience(operation.written_on))
    else:
        _when_free(attempt, replay.unfinished, patience=0)


def _take(operation: Operation) -> Operation:
    rows = Operation.objects.using(operation.written_on)
    try:
        with transaction.atomic(using=operation.written_on):
            rows.filter(pk=operation.pk).update(target_slot=operation.target)
        return operation
    except IntegrityError:
        pass
    holder = rows.filter(target_slot=operation.target).first()
    raise journal.TargetBusy(
        _("Another operation on the same object is not finished."), operation=holder
    )


def _patience(using: str) -> float:
    # In the caller's transaction the rows that it has locked may be what the other one waits for.
    return 0 if in_transaction(using) else CARDS_PATIENCE


def _when_free(
    attempt: Callable[[], Operation],
    error_of: Callable[[Operation], DineroError],
    *,
    patience: float,
) -> Operation:
    give_up = time.monotonic() + patience
    for attempts in count(1):
        try:
            return attempt()
        except journal.TargetBusy as busy:
            if attempts >= ATTEMPTS and time.monotonic() > give_up:
                raise  # taken by others again and again
            holder = busy.operation
        if holder is not None and _still_open(holder, give_up):
            raise error_of(holder)
    raise AssertionError("unreachable")


def _still_open(holder: Operation, give_up: float) -> bool:
    """Resolve what holds a target, or wait for it; say whether it is not finished even so."""
    pause, longest = PAUSES
    while resolve(holder).state in BEING_SENT and time.monotonic() + pause < give_up:
        time.sleep(pause)
        pause = min(2 * pause, longest)
        holder.refresh_from_db()
    return holder.is_open


def _cards_busy(holder: Operation, *, card_id: str) -> DineroError:
    if holder.state == OperationState.MANUAL or (card_id and holder.card_id == card_id):
        return replay.unfinished(holder)
    # Not that the outcome is unknown: what is unknown is the other one's, about another card.
    return OperationInProgress(
        _("Operation %(key)s on this customer's cards is not finished; nothing was sent.")
        % {"key": holder.key},
        operation=holder,
    )
