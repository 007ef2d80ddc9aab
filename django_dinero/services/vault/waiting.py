"""Drive what waits: push the rows that are marked, and send the deletes that were not sent.

Both go on where others stopped: a process that died, a gateway that was out of reach, rows that
were changed in bulk. Two at once are harmless, because an operation takes its lock before it is
sent, and the second one finds nothing left to do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from django.db import Error, router
from django.db.models import Count, Max, Q, QuerySet

from django_dinero.db.fields import UtcIn, UtcNow
from django_dinero.db.pages import pages
from django_dinero.db.queries import primary
from django_dinero.exceptions import (
    AuthenticationError,
    DineroError,
    GatewayUnavailableError,
    NeedsAttention,
    NotSent,
    OperationInProgress,
    OutcomeUnknown,
)
from django_dinero.gateways.base import Gateway
from django_dinero.logs import get_logger
from django_dinero.models.card import CreditCard
from django_dinero.models.customer import Customer
from django_dinero.models.operation import DELETES, Operation, OperationKind, OperationState
from django_dinero.models.sync_state import WAITING, SyncState
from django_dinero.services.in_a_row import FailuresInARow
from django_dinero.services.modes import account_of
from django_dinero.services.progress import Progress, tell_nobody
from django_dinero.services.pull import (
    RESTS,
    record_deletion_again,
    rest_after,
    to_be_repeated,
)
from django_dinero.services.recovery.lookup import look_up
from django_dinero.services.vault.deletions import push_delete
from django_dinero.services.vault.push import push_card, push_customer

logger = get_logger("django_dinero.push")

Row = Customer | CreditCard

#: Errors that say nothing of the row: several in a row, and the gateway cannot be used now.
UNUSABLE = (NotSent, AuthenticationError, GatewayUnavailableError)
#: What may end by itself: another operation, or an answer that is looked up.
UNFINISHED = (OperationInProgress, OutcomeUnknown, NeedsAttention)
PUSHES = (OperationKind.CREATE_CUSTOMER, OperationKind.UPDATE_CUSTOMER, OperationKind.UPDATE_CARD)
#: States of a delete that has not come to its end.
UNSENT = (OperationState.NEW, OperationState.SENT, OperationState.UNKNOWN)
#: How a push ended that the gateway refused, or that did not reach it.
REFUSED = (OperationState.FAILED, OperationState.DECLINED)


class GatewayOut(Exception):
    """The gateway cannot be used now; the rest waits for the next time."""


@dataclass(slots=True)
class _Turns:
    """Does one push or delete after the other, and counts how each ended."""

    name: str
    limit: int | None
    progress: Progress
    total: int
    counts: Counter[str] = field(default_factory=Counter)
    done: int = 0
    unusable: FailuresInARow = field(default_factory=FailuresInARow)

    def take(self, what: object, act: Callable[[], str]) -> None:
        """Do one push or delete.

        Raises:
            GatewayOut: the gateway cannot be used, or the limit is reached.
        """
        failure: Exception | None = None
        try:
            ended = act()
        except UNFINISHED as error:
            ended, failure = "waits", error
        except (DineroError, Error) as error:
            ended, failure = "failed", error
        if failure is not None:
            code = getattr(failure, "code", type(failure).__name__)
            logger.info("%s %s: %s (%s)", self.name, what, ended, code)
        self.counts[f"{self.name}_{ended}"] += 1
        self.done += 1
        self.progress(self.name, self.done, self.total)
        if self.unusable.note(failed=isinstance(failure, UNUSABLE)):
            self.counts["gave_up"] += 1
            raise GatewayOut
        if self.limit is not None and self.done >= self.limit:
            raise GatewayOut


# -- Rows ----------------------------------------------------------------------------------------


def drive_pushes(
    gateway: Gateway,
    limit: int | None = None,
    *,
    patient: bool = True,
    progress: Progress = tell_nobody,
) -> Counter[str]:
    """Push what is marked: customers first, then cards, the oldest first.

    What fails is noted on its row and does not stop the others. A row that the gateway has refused
    before rests, longer each time: the first repetition comes at once, the next after a minute,
    five, thirty, two hours, six hours. The journal counts the attempts of the past day. A saved
    row is pushed at once by its save, whatever it did before. After three errors in a row that say
    that the gateway cannot be used, the rest waits for the next call.

    Args:
        limit: how many rows are pushed at most.
        patient: whether rows rest that were refused lately.
        progress: is told of each row.

    Returns:
        How many were ``push_done``, ``push_failed``, ``push_waits`` (for another operation, or for
        an answer that is looked up) and ``push_rests``; ``gave_up`` where it broke off.
    """
    total = sum(waiting_rows(model, gateway).count() for model in (Customer, CreditCard))
    turns = _Turns("push", limit, progress, total)
    try:
        _push_all(gateway, Customer, push_customer, turns, patient=patient)
        _push_all(gateway, CreditCard, push_card, turns, patient=patient)
    except GatewayOut:
        pass
    return turns.counts


def waiting_rows(model: type[Any], gateway: Gateway) -> QuerySet[Any]:
    """Return the rows of a gateway that wait to be pushed.

    Rows of another account that had the same name before are not among them: no push sends them.
    """
    rows = primary(model)
    rows = rows.filter(gateway_name=gateway.name, sync_state__in=WAITING)
    ours = Q(live=gateway.live)
    if model is Customer:
        ours |= Q(customer_id=None)
    found: QuerySet[Any] = rows.filter(ours)
    return found


def _push_all(
    gateway: Gateway,
    model: type[Any],
    push: Callable[[int], Row | None],
    turns: _Turns,
    *,
    patient: bool,
) -> None:
    for page in pages(waiting_rows(model, gateway)):
        resting = _resting(page) if patient else frozenset()
        for row in page:
            if row.pk in resting:
                turns.counts["push_rests"] += 1
            else:
                turns.take(row.pk, partial(_push, row, push))


def _push(row: Row, push: Callable[[int], Row | None]) -> str:
    after = push(row.pk)
    if after is None or after.sync_state in WAITING:
        # Another worker is pushing it. Or it has gone since, and nothing is left to do.
        rows = type(row)._default_manager.using(router.db_for_write(type(row)))
        return "waits" if rows.filter(pk=row.pk, sync_state__in=WAITING).exists() else "done"
    return "failed" if after.sync_state == SyncState.MISSING else "done"


def _resting(rows: Collection[Row]) -> frozenset[int]:
    """Return the primary keys of those that are not to be pushed again yet.

    The database's clock decides: it has stamped the operations.
    """
    names = {row.lock_name for row in rows}
    operations = Operation.objects.newest()
    # Being sent by somebody, or to be looked up later.
    held = operations.filter(held_lock__in=names, next_check_at__gt=UtcNow())
    busy = set(held.values_list("held_lock", flat=True))
    failed = operations.filter(
        lock_name__in=names, kind__in=PUSHES, state__in=REFUSED, sent_at__gt=UtcIn(-4 * RESTS[-1])
    )
    attempts = failed.order_by().values_list("lock_name", "card_id")
    figures = attempts.annotate(count=Count("pk"), last=Max("sent_at"), now=Max(UtcNow()))
    tired = {
        (name, card_id)
        for name, card_id, count, last, now in figures
        if now - last < rest_after(count)
    }
    return frozenset(row.pk for row in rows if row.lock_name in busy or _name_of(row) in tired)


def _name_of(row: Row) -> tuple[str, str]:
    return row.lock_name, row.card_id if isinstance(row, CreditCard) else ""


# -- Deletes -------------------------------------------------------------------------------------


def drive_deletes(
    gateway: Gateway,
    limit: int | None = None,
    *,
    patient: bool = True,
    progress: Progress = tell_nobody,
) -> Counter[str]:
    """Send the deletes that wait, and repeat those that are proven not to have happened.

    A delete whose answer was lost is looked up first: after its quarantine it may be repeated. One
    that failed rests, as rows do (``next_check_at`` of its tombstone).

    Args:
        limit: how many are sent at most.
        patient: whether deletes rest that failed lately.
        progress: is told of each.

    Returns:
        How many were ``delete_done``, ``delete_failed`` (and wait on, unless the gateway refused
        them for good) and ``delete_waits``; ``gave_up`` where it broke off.
    """
    for operation in list(_lost_deletes(gateway)):
        progress("delete", 0, None)  # a run of reconcile keeps its lease by it
        look_up(operation)
    for operation in list(_to_be_repeated(gateway).order_by("pk")):
        record_deletion_again(operation)
    due = list(_due_deletes(gateway, patient=patient).order_by("pk").values_list("key", flat=True))
    turns = _Turns("delete", limit, progress, len(due))
    try:
        for key in due:
            turns.take(key, partial(_delete, key))
    except GatewayOut:
        pass
    return turns.counts


def _delete(key: str) -> str:
    push_delete(key)
    return "done"


def drive_delete(key: str, using: str) -> bool:
    """Bring one delete further, by the key of its first tombstone or of a later one.

    Returns:
        Whether it still waits, for another operation or for an answer that is looked up.

    Raises:
        DineroError: as :func:`push_delete` does.
    """
    operation = _newest(key, using)
    if operation is None:
        return False
    look_up(operation)
    rows = Operation.objects.using(using).filter(pk=operation.pk)
    if to_be_repeated(rows).exists():
        operation = record_deletion_again(operation)
    push_delete(operation.key, using)
    operation.refresh_from_db(using=using)
    return operation.state in UNSENT


def _newest(key: str, using: str) -> Operation | None:
    """Return the last repetition of a delete."""
    rows = Operation.objects.using(using)
    operation = rows.filter(key=key, kind__in=DELETES).first()
    later = operation
    while later is not None:
        operation = later
        # Found by the lock name, which has an index.
        later = rows.filter(lock_name=operation.lock_name, parent_key=operation.key).first()
    return operation


def _deletes(gateway: Gateway) -> QuerySet[Operation]:
    rows = primary(Operation)
    return rows.filter(**account_of(gateway).columns, kind__in=DELETES)


def _due_deletes(gateway: Gateway, *, patient: bool) -> QuerySet[Operation]:
    free = Q(lease_until=None) | Q(lease_until__lt=UtcNow())
    due = _deletes(gateway).filter(free, state=OperationState.NEW)
    if patient:
        due = due.filter(Q(next_check_at=None) | Q(next_check_at__lte=UtcNow()))
    return due


def _lost_deletes(gateway: Gateway) -> QuerySet[Operation]:
    sent = Q(state=OperationState.SENT, lease_until__lt=UtcNow())
    return _deletes(gateway).filter(sent | Q(state=OperationState.UNKNOWN))


def _to_be_repeated(gateway: Gateway) -> QuerySet[Operation]:
    return to_be_repeated(_deletes(gateway))


# -- What is left --------------------------------------------------------------------------------


def still_waiting(gateway: Gateway) -> dict[str, int]:
    """Return how many customers, cards and deletes wait, by these names."""
    deletes = _deletes(gateway).filter(state__in=UNSENT).count() + _to_be_repeated(gateway).count()
    return {
        "customers": waiting_rows(Customer, gateway).count(),
        "cards": waiting_rows(CreditCard, gateway).count(),
        "deletes": deletes,
    }
