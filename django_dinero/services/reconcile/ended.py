"""The runs that have ended, as far as later ones build on them."""

from __future__ import annotations

from datetime import datetime

from django.db.models import QuerySet

from django_dinero.db import clock
from django_dinero.db.queries import primary
from django_dinero.gateways.base import Gateway
from django_dinero.models.reconciliation import Reconciliation, ReconciliationState
from django_dinero.services.modes import account_of

State = ReconciliationState

#: The phases that look back as far as a run does. Once they are done, the next run need not look
#: further back than to this one, whatever else is still to be done: each run looks for that anew.
COMPARED = ("operations", "sweep", "settlement", "vault")
#: How many runs are looked at, the newest first: those of some days. Where none of them helps, more
#: is done than is needed.
NEWEST = 1000


def last_begin(gateway: Gateway, *phases: str) -> datetime | None:
    """Return when the newest run began that has done these phases.

    One that somebody let look back less than usual does not count: what is older would never be
    looked at.
    """
    rows = _rows(gateway).filter(is_watermark=True).order_by("-id")
    finished = rows.filter(state=State.FINISHED).values_list("id", "started_at").first()
    last, begin = finished or (0, None)
    broken = rows.filter(state=State.BROKEN, id__gt=last)
    for started_at, done in broken.values_list("started_at", "phases_done")[:NEWEST]:
        if set(phases) <= set(done):
            return started_at
    return begin


def last_unread(gateway: Gateway) -> list[str]:
    """Return the gateway's ids of the customers that it did not show to the newest run that asked.

    Whatever it looked back to: each run asks for those of the one before it.
    """
    rows = _rows(gateway).filter(state__in=(State.FINISHED, State.BROKEN)).order_by("-id")
    for done, unread in rows.values_list("phases_done", "unread")[:NEWEST]:
        if "vault" in done:
            return list(unread)
    return []


def was_done_today(gateway: Gateway, phase: str) -> bool:
    """Say whether a run that began today, by the database's clock, has done a phase."""
    rows = _rows(gateway).filter(state__in=(State.FINISHED, State.BROKEN))
    today = clock.now(rows.db).date()
    for started_at, done in rows.order_by("-id").values_list("started_at", "phases_done")[:NEWEST]:
        if started_at.date() != today:
            return False
        if phase in done:
            return True
    return False


def _rows(gateway: Gateway) -> QuerySet[Reconciliation]:
    return primary(Reconciliation).filter(**account_of(gateway).columns)
