"""Keep less of events that have ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from django.db.models import QuerySet

from django_dinero.db.failures import retry_on_conflict
from django_dinero.db.fields import UtcIn
from django_dinero.gateways.base import Gateway
from django_dinero.models.webhook_event import EventState, WebhookEvent
from django_dinero.services.modes import account_of
from django_dinero.services.webhooks import events
from django_dinero.services.webhooks.strays import old_strays

#: Rows written or deleted in one statement.
BATCH = 500


@dataclass(frozen=True, slots=True)
class Purged:
    """How many events were emptied, how many deleted, and how many given up.

    Given up are those that waited for a gateway that is not configured any more.
    """

    emptied: int
    deleted: int
    given_up: int


def purge(days: int, gateway: Gateway | None = None) -> Purged:
    """Empty the bodies of events that ended and arrived long ago; delete those that were not ours.

    What has waited as long for a gateway that is not configured any more is given up, and emptied.

    What is left of an event is its id. Without it, the same webhook sent again would count as new.

    Args:
        days: how old an event has to be, by when it was received, by the database's clock.
        gateway: whose events; None for all.
    """
    old = events.rows().filter(received_at__lt=UtcIn(-timedelta(days=days)))
    if gateway is not None:
        old = old.filter(**account_of(gateway).columns)
    ended = old.filter(state__in=(EventState.APPLIED, EventState.GIVEN_UP))
    given_up = _in_batches(old_strays(old).filter(events.free()), _given_up)
    return Purged(
        given_up=given_up,
        emptied=_in_batches(ended.exclude(body="", error=""), _emptied),
        deleted=_in_batches(old.filter(state=EventState.NOT_OURS), _deleted),
    )


def _emptied(rows: QuerySet[WebhookEvent]) -> int:
    return rows.update(body="", error="")


def _given_up(rows: QuerySet[WebhookEvent]) -> int:
    return rows.update(state=EventState.GIVEN_UP, next_try_at=None)


def _deleted(rows: QuerySet[WebhookEvent]) -> int:
    count, _by_model = rows.delete()
    return count


def _in_batches(rows: QuerySet[WebhookEvent], act: Callable[[QuerySet[WebhookEvent]], int]) -> int:
    count = 0
    while pks := list(rows.order_by("pk").values_list("pk", flat=True)[:BATCH]):
        count += retry_on_conflict(partial(act, rows.filter(pk__in=pks)), rows.db)
    return count
