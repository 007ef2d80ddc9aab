"""Who runs: one run per gateway at a time, and one that was killed is taken over.

Every change is a compare-and-set, and leases are measured by the database's clock.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import Error, IntegrityError, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from django_dinero.db.failures import retry_on_conflict
from django_dinero.db.fields import UtcIn, UtcNow
from django_dinero.db.queries import primary
from django_dinero.gateways.base import Gateway
from django_dinero.identifiers import digest, new_key, worker_name
from django_dinero.models.reconciliation import Reconciliation, ReconciliationState
from django_dinero.services.modes import account_of

State = ReconciliationState

#: How long a run may be silent before others take it for dead. Longer than any step of a phase.
LEASE = timedelta(minutes=10)
#: A run that began longer ago is not gone on with: what it had done is out of date.
RESUMED = timedelta(hours=24)
ERROR_LENGTH = 2000


class LeaseLostError(Exception):
    """Another run has taken this one over, since it was silent for too long."""


def take(
    gateway: Gateway, start: Callable[[], tuple[datetime, bool]], *, anew: bool
) -> tuple[Reconciliation, bool]:
    """Begin a run, or take over one that was killed.

    Args:
        start: returns from when on a new run looks, and whether it becomes the watermark.
        anew: whether a run that was killed is left as it is, since another start was asked for.

    Returns:
        The run, and whether it is this caller's. One that is not is somebody else's, who works.
    """
    name = digest({"gateway": gateway.name, "live": gateway.live})
    worker = f"{new_key()} {worker_name()}"[:100]
    while True:
        running = _rows().filter(running_name=name).first()
        if running is None:
            begun = _begin(gateway, name, worker, start)
            if begun is not None:
                return begun, True
        elif not anew and _take_over(running, worker):
            return running, True
        elif not _give_up(running):
            running.refresh_from_db(using=_rows().db)
            if running.state == State.RUNNING:
                return running, False


def prolong(run: Reconciliation, **columns: Any) -> None:
    """Keep a run, and write down how far it has come.

    Raises:
        LeaseLostError: it is another worker's by now.
    """
    values = {"lease_until": UtcIn(LEASE), **columns}
    if not retry_on_conflict(partial(_mine(run).update, **values), _rows().db):
        raise LeaseLostError


def let_go(run: Reconciliation, **columns: Any) -> None:
    """Let the next run go on at once with one that is stopped."""
    with suppress(Error):
        _mine(run).update(lease_until=UtcIn(-timedelta(seconds=1)), **columns)


def end(run: Reconciliation, problems: list[str], counts: Counter[str]) -> None:
    """End a run, as broken off if there were problems. The instance is up to date afterwards.

    Raises:
        LeaseLostError: it is another worker's by now.
    """
    prolong(
        run,
        state=State.BROKEN if problems else State.FINISHED,
        running_name=None,
        lease_until=None,
        ended_at=UtcNow(),
        counts=dict(counts),
        error="\n".join(problems)[:ERROR_LENGTH],
    )
    run.refresh_from_db(using=_rows().db)


def _begin(
    gateway: Gateway, name: str, worker: str, start: Callable[[], tuple[datetime, bool]]
) -> Reconciliation | None:
    since, is_watermark = start()

    def insert() -> Reconciliation:
        with transaction.atomic(using=_rows().db):
            return _rows().create(
                **account_of(gateway).columns,
                running_name=name,
                worker=worker,
                lease_until=UtcIn(LEASE),
                since=since,
                is_watermark=is_watermark,
            )

    try:
        row = retry_on_conflict(insert, _rows().db)
    except IntegrityError:  # somebody else has just begun one
        return None
    row.refresh_from_db(using=_rows().db)
    return row


def _take_over(run: Reconciliation, worker: str) -> bool:
    """Take a run whose worker has died; return whether this caller won it."""
    dead = _dead(run).filter(started_at__gt=UtcIn(-RESUMED))
    if not retry_on_conflict(
        partial(dead.update, worker=worker, lease_until=UtcIn(LEASE)), _rows().db
    ):
        return False
    run.refresh_from_db(using=_rows().db)
    return True


def _give_up(run: Reconciliation) -> bool:
    """End a run whose worker has died, for another to begin; return whether it is ended."""
    values = {
        "state": State.BROKEN,
        "running_name": None,
        "lease_until": None,
        "ended_at": UtcNow(),
        "error": _("Its process died, and nobody has gone on with it."),
    }
    return bool(retry_on_conflict(partial(_dead(run).update, **values), _rows().db))


def _mine(run: Reconciliation) -> QuerySet[Reconciliation]:
    return _rows().filter(pk=run.pk, state=State.RUNNING, worker=run.worker)


def _dead(run: Reconciliation) -> QuerySet[Reconciliation]:
    return _rows().filter(pk=run.pk, state=State.RUNNING, lease_until__lt=UtcNow())


def _rows() -> QuerySet[Reconciliation]:
    return primary(Reconciliation)
