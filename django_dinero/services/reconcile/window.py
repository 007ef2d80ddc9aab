"""How far a run looks back."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import router

from django_dinero.db import clock
from django_dinero.db.queries import primary
from django_dinero.exceptions import DineroError
from django_dinero.gateways.base import Gateway
from django_dinero.gateways.calls import ask, log_broken_call
from django_dinero.models.operation import Operation
from django_dinero.models.reconciliation import Reconciliation
from django_dinero.models.transaction import Transaction
from django_dinero.services.modes import account_of
from django_dinero.services.reconcile import ended

#: A run looks this much further back than the last one began: lists lag, and clocks differ.
OVERLAP = timedelta(hours=48)
#: How far the very first run looks back at most. What is older comes with a pull of the account.
FIRST = timedelta(days=90)


def begin_of(gateway: Gateway) -> datetime:
    """Return from when on the next run looks, by whichever clock is earlier: ours or the gateway's.

    How long ago the last run began is told by one clock, the database's. Counted back from the
    gateway's own time it holds however far the two are apart.
    """
    now = clock.now(router.db_for_write(Reconciliation))
    begin = ended.last_begin(gateway, *ended.COMPARED) or _oldest(gateway, now - FIRST) or now
    theirs = _time_of(gateway)
    if theirs is not None:
        begin = min(begin, theirs - (now - begin))
    return begin - OVERLAP


def _oldest(gateway: Gateway, limit: datetime) -> datetime | None:
    """Return when the oldest operation or transaction since ``limit`` was written."""
    found = []
    written: tuple[type[Any], ...] = (Operation, Transaction)
    for model in written:
        rows = primary(model).filter(**account_of(gateway).columns, created_at__gte=limit)
        found.append(rows.order_by("created_at").values_list("created_at", flat=True).first())
    return min((time for time in found if time is not None), default=None)


def _time_of(gateway: Gateway) -> datetime | None:
    try:
        return ask(gateway, gateway.clock)
    except DineroError:
        return None  # the overlap allows for clocks; whatever reads its lists will tell
    except Exception as error:  # of a broken backend: what needs no clock has its turn all the same
        log_broken_call(gateway.name, error, {"dinero_gateway": gateway.name})
        return None
