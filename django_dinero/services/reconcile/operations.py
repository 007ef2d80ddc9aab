"""Look up every operation that is due: what a dead worker, a lost reply or a review left open."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from itertools import chain

from django.db.models import Q, QuerySet

from django_dinero.db.fields import UtcNow
from django_dinero.db.pages import paged
from django_dinero.db.queries import primary
from django_dinero.db.seen import Seen
from django_dinero.gateways.calls import log_broken_call
from django_dinero.logs import fields_of, get_logger
from django_dinero.models.operation import BEING_SENT, UNDECIDED_STATES, Operation, OperationState
from django_dinero.services.in_a_row import FailuresInARow
from django_dinero.services.modes import account_of
from django_dinero.services.reconcile.phase import Run
from django_dinero.services.recovery.lookup import look_up

logger = get_logger("django_dinero.reconcile")

NAME = "operations"


def look_up_due(run: Run) -> None:
    """Ask the gateway about each operation that is due, the oldest first.

    Those that only wait out their last pause come behind the others. After several in a row without
    an answer the rest is left to the next run: each would wait out a timeout of its own. Those that
    got none have a pause then, so that they hold up no others.
    """
    streams, resting = _due(run), _resting(run)
    total = sum(rows.count() for rows in (*streams, resting))
    if run.dry_run:
        run.counts["operations_due"] += total
        return
    run.progress(NAME, 0, total)
    in_vain = FailuresInARow()
    for done, operation in enumerate(_each_once(_oldest_first(streams), paged(resting)), 1):
        _look_up(run, operation)
        run.progress(NAME, done, total)
        if in_vain.note(failed=operation.asked_in_vain) and done < total:
            logger.warning(
                "%s gives no answer; the other operations wait.",
                run.gateway.name,
                extra={"dinero_gateway": run.gateway.name},
            )
            return


def _look_up(run: Run, operation: Operation) -> None:
    try:
        look_up(operation)
    except Exception as error:  # what is wrong with one must not stop the others
        log_broken_call(f"Operation {operation.key}", error, fields_of(operation))
        run.counts["look_ups_broken"] += 1
        return
    run.counts["looked_up"] += 1
    run.counts[f"looked_up_{operation.state}"] += 1


def _due(run: Run) -> list[QuerySet[Operation]]:
    """Return what is due, in queries that have no row in common and an index each.

    A state that every charge passes through has no index. What is there, and is no charge, holds a
    lock. A charge is written when it is sent, so one from before the window was seen by a run.
    """
    rows = primary(Operation).filter(**account_of(run.gateway).columns)
    dead = rows.filter(state__in=BEING_SENT, lease_until__lt=UtcNow())
    waiting = (OperationState.UNKNOWN, *UNDECIDED_STATES)
    passed = Q(next_check_at=None) | Q(next_check_at__lt=UtcNow())
    return [
        rows.filter(passed, rare_state__in=waiting),
        dead.filter(held_lock__gt=""),  # a range: for IS NOT NULL, SQLite reads every row
        dead.filter(held_lock=None, created_at__gte=run.since),
    ]


def _resting(run: Run) -> QuerySet[Operation]:
    """Return what waits out a pause, and can be proven absent by now: nobody should wait longer."""
    rows = primary(Operation).filter(**account_of(run.gateway).columns)
    return rows.filter(
        rare_state=OperationState.UNKNOWN,
        next_check_at__gte=UtcNow(),
        quarantine_until__lt=UtcNow(),
    )


def _oldest_first(streams: list[QuerySet[Operation]]) -> Iterator[Operation]:
    return heapq.merge(*map(paged, streams), key=lambda operation: operation.pk)


def _each_once(first: Iterator[Operation], then: Iterator[Operation]) -> Iterator[Operation]:
    """Go through both. What was not found out in the first rests now, and is among the second."""
    seen = Seen()
    for operation in chain(first, then):
        if operation.pk not in seen:
            seen.add(operation.pk)
            yield operation
