"""One open operation per customer, card and transaction."""

from __future__ import annotations

from typing import Any

from django_dinero.gateways.base import Gateway
from django_dinero.models.operation import Operation
from django_dinero.services import journal, replay
from django_dinero.services.lookup import resolve


def begin(gateway: Gateway, kind: str, *, using: str, target: str, **values: Any) -> Operation:
    """Write an operation that holds ``target``; one that a dead worker left there is resolved.

    Raises:
        OperationInProgress: a live worker holds it.
        OutcomeUnknown, NeedsReview: so does an operation whose outcome is still to be found.
        journal.KeyTaken: the idempotency key has an operation.
    """
    try:
        return journal.begin(gateway, kind, using=using, target=target, **values)
    except journal.TargetBusy as busy:
        holder = busy.operation
    if holder is not None and resolve(holder).is_open:
        raise replay.unfinished(holder)
    return journal.begin(gateway, kind, using=using, target=target, **values)
