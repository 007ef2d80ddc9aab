"""Keep less of a person: once a day, empty what old operations and events have of one.

No operation is deleted. Its key is what a repeated idempotency key, a payment in the gateway's list
and a row that a rollback took are known by: without it a repetition would charge again, and the
gateway's payment would be nobody's. What a person has told goes, and what the books need stays. So
does a keyed digest of the e-mail address: the books keep a description and an IP address, and
without it nobody could find them who is asked to erase a guest, or a customer who was deleted.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from django.core.exceptions import ImproperlyConfigured
from django.db.models import QuerySet

from django_dinero import conf
from django_dinero.db.failures import retry_on_conflict
from django_dinero.db.fields import UtcIn
from django_dinero.db.json import WithoutKeys
from django_dinero.db.pages import key_pages
from django_dinero.db.queries import primary
from django_dinero.exceptions import DineroError
from django_dinero.models.operation import Operation, OperationState
from django_dinero.models.records import PERSONAL
from django_dinero.services import webhooks
from django_dinero.services.modes import account_of
from django_dinero.services.reconcile import ended
from django_dinero.services.reconcile.orphans import lost_rows
from django_dinero.services.reconcile.phase import Run

NAME = "tidy"
#: Nothing is under way any more, and nobody has to look.
FINISHED = (
    OperationState.SUCCEEDED,
    OperationState.DECLINED,
    OperationState.FAILED,
    OperationState.ABSENT,
    OperationState.CLOSED,
)
#: By how much the order of the keys may differ from that of the times.
MARGIN = 1000


def tidy(run: Run) -> None:
    """Empty operations and events that are old enough, once a day.

    Raises:
        DineroError: a setting is wrong.
    """
    try:
        keep_operations = conf.keep_operations_days()
        keep_events = conf.webhooks().keep_days
    except ImproperlyConfigured as error:
        raise DineroError(str(error)) from error
    if ended.was_done_today(run.gateway, NAME):
        return  # reconcile runs every few minutes, and each time all that is old would be read
    if keep_operations is not None:
        _empty_operations(run, keep_operations)
    if not run.dry_run:
        run.progress(NAME, run.counts["operations_emptied"], None)  # which keeps the run
        done = webhooks.purge(keep_events, run.gateway)
        run.counts["events_emptied"] += done.emptied + done.deleted


def _empty_operations(run: Run, days: int) -> None:
    old = _old(run, days)
    if run.dry_run:
        run.counts["operations_to_empty"] += old.count()
        return
    for keys in key_pages(old):
        run.counts["operations_emptied"] += _empty(old, keys)
        run.progress(NAME, run.counts["operations_emptied"], None)


def _old(run: Run, days: int) -> QuerySet[Operation]:
    """Return what has ended, is old enough, and says something of a person."""
    rows = primary(Operation).filter(
        **account_of(run.gateway).columns, created_at__lt=UtcIn(-timedelta(days=days))
    )
    # Up to the newest of these, or each last page would look through all that came later.
    newest = rows.order_by("-created_at", "-pk").values_list("pk", flat=True).first()
    if newest is None:
        return rows.none()
    told = rows.filter(pk__lte=newest + MARGIN, intent__has_any_keys=list(PERSONAL))
    return told.filter(state__in=FINISHED)


def _empty(old: QuerySet[Operation], keys: list[int]) -> int:
    """Empty the intents of some operations in one statement; return of how many.

    Only the intent is written, which no end of an operation changes: one may land at this moment.
    """
    page = Operation.objects.using(old.db).filter(pk__in=keys)
    # A row that is still to be written again is written with what the intent has.
    lost = set(lost_rows(page).values_list("pk", flat=True))
    found = page.filter(pk__in=[key for key in keys if key not in lost])
    emptied = partial(found.update, intent=WithoutKeys("intent", *PERSONAL))
    return retry_on_conflict(emptied, old.db)
