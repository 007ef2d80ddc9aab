"""The operations of ours that a webhook may be about, before their workers know how they ended."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import QuerySet

from django_dinero.db.fields import UtcIn
from django_dinero.gateways.base import Gateway
from django_dinero.models.operation import (
    OPEN_STATES,
    Operation,
    OperationKind,
)
from django_dinero.services import journal
from django_dinero.services.modes import account_of
from django_dinero.services.recovery import lookup

#: They have the id of their original at some gateways, whose records name its key alone.
ON_ANOTHER = (OperationKind.CAPTURE, OperationKind.VOID)
#: For how long a caller's transaction may be open that holds the row of an ended operation.
CALLERS_PATIENCE = timedelta(minutes=1)


def operations(gateway: Gateway) -> QuerySet[Operation]:
    """Return the operations of this account."""
    rows = Operation.objects.newest()
    return rows.filter(**account_of(gateway).columns)


def named(gateway: Gateway, key: str) -> Operation | None:
    """Return the operation with this key of ours."""
    return operations(gateway).filter(key=key).first() if key else None


def resolve_follow_up(operation: Operation) -> None:
    """Find out how an open capture or void ended, and end it here.

    Its worker may be waiting for the answer at this moment. Whoever comes first ends it.
    """
    if operation.kind not in ON_ANOTHER or operation.state not in OPEN_STATES:
        return
    if not journal.has_worker(operation):
        lookup.look_up(operation)
        return
    found, _problem = lookup.search(operation)
    if len(found.matches) == 1:
        lookup.end_from_matches(operation, found.matches)


def resolve_or_wait(operation: Operation) -> None:
    """Find out how an operation of the vault ended.

    Raises:
        OperationInProgress: its worker is at it, or it cannot be told yet.
    """
    if operation.state in OPEN_STATES:
        lookup.look_up(operation)  # that of a live worker stays as it is
    if operation.state in OPEN_STATES:
        raise journal.in_progress(operation)


def may_be_uncommitted(operation: Operation) -> bool:
    """Say whether the row of an ended operation may be in a transaction that is still open."""
    rows = Operation.objects.using(operation.written_on).filter(pk=operation.pk)
    return rows.filter(updated_at__gt=UtcIn(-CALLERS_PATIENCE)).exists()
