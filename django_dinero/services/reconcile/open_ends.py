"""What still needs a person, once a run has done what a program can."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from django_dinero.db.fields import UtcNow
from django_dinero.db.queries import primary
from django_dinero.gateways.base import Gateway
from django_dinero.models.operation import Operation, OperationState
from django_dinero.services.modes import account_of
from django_dinero.services.reconcile import differences
from django_dinero.services.reconcile.phase import Run

State = OperationState

NEEDS_ATTENTION = "needs_attention"
UNKNOWN = "unknown_past_quarantine"
DIFFERENCES = "open_differences"
#: What of the counts of a run needs somebody.
NAMES = (NEEDS_ATTENTION, UNKNOWN, DIFFERENCES)


#: How many are named.
NAMED = 5


def count(run: Run) -> None:
    """Count what waits for a person at the run's gateway, by :data:`NAMES`."""
    for name, rows in _waiting(run.gateway).items():
        run.counts[name] = rows.count()


def named(gateway: Gateway) -> dict[str, list[str]]:
    """Return the first few of each, so that somebody can look them up."""
    found = {name: list(rows.order_by("pk")[:NAMED]) for name, rows in _waiting(gateway).items()}
    return {name: [str(row) for row in rows] for name, rows in found.items() if rows}


def _waiting(gateway: Gateway) -> dict[str, QuerySet[Any]]:
    rows = primary(Operation).filter(**account_of(gateway).columns)
    return {
        NEEDS_ATTENTION: rows.filter(rare_state=State.NEEDS_ATTENTION),
        UNKNOWN: rows.filter(rare_state=State.UNKNOWN, quarantine_until__lt=UtcNow()),
        DIFFERENCES: differences.open_ones(gateway),
    }
