"""Pull an account page by page, each page by whoever comes next.

How far a pull has come stands in its row alone. A page is begun at the place that its worker was
told, and every write of that place is a compare-and-set: of two who pull the same page one goes on.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from itertools import islice

from django.db.models import QuerySet
from django.utils.module_loading import import_string

from django_dinero.db.failures import retry_on_conflict
from django_dinero.db.fields import UtcIn, UtcNow
from django_dinero.db.queries import primary
from django_dinero.db.seen import Seen
from django_dinero.gateways.base import Gateway
from django_dinero.gateways.registry import get_gateway
from django_dinero.models.vault_pull import VaultPull
from django_dinero.observing.verbs import verb
from django_dinero.services.modes import account_of
from django_dinero.services.sync import pulling, reading
from django_dinero.services.sync.reading import Pace

#: Customers in a page. A gateway without paging lists all its ids for each page.
PAGE = 1000
#: A pull that came no further for so long has lost its worker or its task.
STALLED = timedelta(minutes=10)


def begin(gateway: Gateway, owner_from: str = "", rate: float | None = None) -> VaultPull:
    """Begin a pull that is carried out page by page.

    Args:
        owner_from: the dotted path of a function as ``PullOptions.owner_of``, if there is one.
        rate: the most requests in a second.
    """
    gateway.require("iter_customers")
    return pulling.begin(gateway, in_background=True, owner_from=owner_from, rate=rate)


@verb("pull_page")
def pull_page(pk: int, cursor: str) -> str | None:
    """Pull the page of an account that begins behind a customer.

    Args:
        pk: the pull.
        cursor: the gateway's id of the last customer before the page; empty for the first page.

    Returns:
        Where the next page begins. None if there is none, or somebody else has pulled this one.

    Raises:
        DineroError: the list could not be read. What was written stays, and the pull can go on.
    """
    run = _rows().filter(pk=pk, in_background=True, ended_at=None, cursor=cursor).first()
    if run is None:
        return None
    gateway = get_gateway(run.gateway_name)
    if gateway.live != run.live:  # the name stands for another account by now
        return None
    owner_of = import_string(run.owner_from) if run.owner_from else None
    pace, seen = Pace(run.rate), Seen.from_bytes(run.seen)
    remotes = islice(reading.customers(gateway, pace, run.cursor), PAGE)
    try:
        count = sum(pulling.write_customers(gateway, run, seen, remotes, owner_of))
    except pulling.TakenOver:
        return None
    if count == PAGE:
        return run.cursor
    pulling.finish(gateway, run, seen, pace)
    return None


def stalled(gateway: Gateway) -> VaultPull | None:
    """Return the pull of an account that nobody goes on with, and take note that somebody will."""
    last = _rows().filter(**account_of(gateway).columns).order_by("-pk").first()
    if last is None:
        return None
    waits = _rows().filter(pk=last.pk, in_background=True, ended_at=None)
    waits = waits.filter(touched_at__lt=UtcIn(-STALLED))
    return last if retry_on_conflict(partial(waits.update, touched_at=UtcNow()), waits.db) else None


def _rows() -> QuerySet[VaultPull]:
    return primary(VaultPull)
