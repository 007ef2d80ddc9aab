"""The rows of events: stored once, taken by one worker at a time, and brought to an end.

Every change of state is a compare-and-set, and leases are measured by the database's clock.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta
from functools import partial

from django.db import IntegrityError, router, transaction
from django.db.models import F, Q, QuerySet

from django_dinero import conf
from django_dinero.db.failures import retry_on_conflict
from django_dinero.db.fields import UtcIn, UtcNow
from django_dinero.db.queries import primary
from django_dinero.gateways.base import Gateway
from django_dinero.gateways.types import WebhookNotice
from django_dinero.identifiers import worker_name
from django_dinero.logs import get_logger
from django_dinero.models.webhook_event import WAITING_STATES, EventState, WebhookEvent
from django_dinero.redaction import scrub

logger = get_logger("django_dinero.webhooks")

#: Characters of a body that are kept. Notices have some hundred.
MAX_BODY = 16_384
#: Characters of an error that are kept.
MAX_ERROR = 1000
#: Seconds until the next try, by how often it was tried; the last one counts for all that follow.
WAITS = (5, 30, 120, 600, 3600, 21_600, 86_400)


def store(gateway: Gateway, notice: WebhookNotice, raw_body: bytes) -> WebhookEvent | None:
    """Write a verified webhook down.

    Returns:
        The new event; None if it is here already.
    """
    event = _new_event(gateway, notice, raw_body)
    using = router.db_for_write(WebhookEvent)
    try:
        retry_on_conflict(partial(_insert, event, using), using)
    except IntegrityError:
        if not _same(event).exists():
            raise
        return None
    return event


def _insert(event: WebhookEvent, using: str) -> None:
    with transaction.atomic(using=using):
        event.save(using=using, force_insert=True)


def _same(event: WebhookEvent) -> QuerySet[WebhookEvent]:
    return rows().filter(event_id=event.event_id, gateway_name=event.gateway_name, live=event.live)


def _new_event(gateway: Gateway, notice: WebhookNotice, raw_body: bytes) -> WebhookEvent:
    elsewhere = notice.live is not None and notice.live != gateway.live
    return WebhookEvent(
        gateway_name=gateway.name,
        live=gateway.live,
        event_id=_event_id(notice, raw_body),
        event_type=scrub(notice.event_type, *gateway.secrets)[:255],
        object_kind=_id(notice.object_kind, 20),
        object_id=_id(notice.object_id, 255),
        operation_key=_key(notice.operation_key),
        customer_id=_id(notice.customer_id, 255),
        # An event of the test account, sent to the live one's endpoint, or the other way round.
        state=EventState.NOT_OURS if elsewhere else EventState.RECEIVED,
        body=scrub(raw_body.decode("utf-8", "replace"), *gateway.secrets)[:MAX_BODY],
    )


def _event_id(notice: WebhookNotice, raw_body: bytes) -> str:
    """Return what tells this event from others; a gateway without event ids sends the same body."""
    if _id(notice.event_id, 255):
        return notice.event_id
    told = notice.event_id.encode("utf-8", "surrogatepass") or raw_body
    return hashlib.sha256(told).hexdigest()


def _id(text: str, limit: int) -> str:
    """Return an id as it can be stored; one that cannot be is nobody's."""
    return text if len(text) <= limit and text.isprintable() else ""


def _key(text: str) -> str:
    """Return the key that a notice names. Others type what they like there, a card number too."""
    return _id(text, 64) if scrub(text) == text else ""


def rows() -> QuerySet[WebhookEvent]:
    """Return all events, as the database that is written to has them."""
    return primary(WebhookEvent)


def due(gateway_name: str) -> QuerySet[WebhookEvent]:
    """Return the events of a gateway that wait and may be tried now, the oldest first."""
    waiting = rows().filter(gateway_name=gateway_name, waiting_state__in=WAITING_STATES)
    waiting = waiting.filter(Q(next_try_at=None) | Q(next_try_at__lte=UtcNow()))
    return waiting.filter(free()).order_by("pk")


def free() -> Q:
    """Return what tells the events that no worker has."""
    return Q(lease_until=None) | Q(lease_until__lt=UtcNow())


def take(pk: int, lease_seconds: float) -> WebhookEvent | None:
    """Take an event for so many seconds; None if it has ended or another worker has it."""
    waiting = rows().filter(free(), pk=pk, state__in=WAITING_STATES)
    taken = partial(
        waiting.update,
        worker=worker_name(),
        lease_until=UtcIn(timedelta(seconds=lease_seconds)),
        attempts=F("attempts") + 1,
    )
    return rows().get(pk=pk) if retry_on_conflict(taken, rows().db) else None


def begin_again(event: WebhookEvent) -> bool:
    """Let an event be taken as if it had just come; False if a worker has it."""
    again = partial(
        rows().filter(free(), pk=event.pk).update,
        state=EventState.RECEIVED,
        attempts=0,
        lease_until=None,
        next_try_at=None,
        error="",
    )
    return bool(retry_on_conflict(again, rows().db))


def finish(event: WebhookEvent, state: EventState) -> bool:
    """End an event that this worker has taken; False if it has lost it meanwhile."""
    return _write(event, state=state, error="", next_try_at=None, applied_at=UtcNow())


def wait_after(attempts: int) -> float:
    """Return for how many seconds an event waits that was tried so often."""
    return WAITS[min(attempts, len(WAITS)) - 1]


def park(event: WebhookEvent, problem: str) -> None:
    """Let an event wait for its next try, or for a person if it was tried often enough."""
    state, wait = EventState.PARKED, wait_after(event.attempts)
    if event.attempts >= conf.webhooks().max_tries:
        state = EventState.GIVEN_UP
        logger.error("%s, event %s: given up: %s", event.gateway_name, event.pk, problem)
    next_try = UtcIn(timedelta(seconds=wait)) if state == EventState.PARKED else None
    _write(event, state=state, error=scrub(problem)[:MAX_ERROR], next_try_at=next_try)


def _write(event: WebhookEvent, **columns: object) -> bool:
    ours = rows().filter(
        pk=event.pk, state__in=WAITING_STATES, worker=event.worker, attempts=event.attempts
    )
    written = retry_on_conflict(partial(ours.update, lease_until=None, **columns), ours.db)
    event.refresh_from_db(using=ours.db)
    return bool(written)
