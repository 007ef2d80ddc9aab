"""Push, and hand a push that has to be repeated to the queue.

The receivers use this before the services are loaded, so nothing of them is imported here.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from django_dinero.exceptions import (
    GatewayUnavailableError,
    NotSent,
    OperationInProgress,
    OutcomeUnknown,
)
from django_dinero.models import CreditCard, Customer
from django_dinero.models.sync_state import WAITING
from django_dinero.tasks.queue import enqueue

RowT = TypeVar("RowT", bound=Customer | CreditCard)

#: Errors of a push that may be gone a little later. What the gateway refuses needs an edit first.
PASSING = (NotSent, GatewayUnavailableError, OutcomeUnknown, OperationInProgress)
#: How long each repetition waits. After the last one it is reconcile's turn, which comes anyway.
DELAYS = tuple(timedelta(minutes=each) for each in (1, 5, 30))


def push(
    kind: str, pk: int, using: str, send: Callable[[int, str], RowT | None], attempt: int = 0
) -> RowT | None:
    """Push a row with ``send``; enqueue another attempt if it still waits after that.

    Args:
        kind: ``"customer"`` or ``"card"``.
        using: the database alias of the row.
        send: pushes the row with this primary key on this database.
        attempt: how many repetitions there were before.

    Returns:
        The row after the push; None if it has gone, or another worker is pushing it.

    Raises:
        DineroError: as ``send`` does.
    """
    try:
        row = send(pk, using)
    except PASSING:
        _again("push_row", kind, pk, using, attempt=attempt)
        raise
    if row is None or row.sync_state in WAITING:
        _again("push_row", kind, pk, using, attempt=attempt)
    return row


def push_delete(
    key: str, using: str, send: Callable[[str, str], bool | None], attempt: int = 0
) -> bool:
    """Send the delete of a tombstone with ``send``; enqueue another attempt if it still waits.

    Args:
        send: sends it, and may say whether it still waits.

    Returns:
        Whether it still waits.

    Raises:
        DineroError: as ``send`` does.
    """
    try:
        waits = bool(send(key, using))
    except PASSING:
        _again("push_delete", key, using, attempt=attempt)
        raise
    if waits:
        _again("push_delete", key, using, attempt=attempt)
    return waits


def _again(job: str, *args: int | str, attempt: int) -> None:
    if attempt < len(DELAYS):
        enqueue(job, *args, attempt + 1, delay=DELAYS[attempt], or_at_once=attempt == 0)
