"""Apply events: take one, fetch its object from the gateway, write what the gateway says.

The body of a webhook only hints at which object to fetch. So it does not matter how old an event
is, in which order events come, or whether somebody sends one again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.utils.translation import gettext as _

from django_dinero import conf, signals
from django_dinero.exceptions import (
    AuthenticationError,
    DineroError,
    GatewayError,
    GatewayUnavailableError,
    NotSent,
    OperationInProgress,
)
from django_dinero.gateways.base import Gateway
from django_dinero.gateways.calls import log_broken_call
from django_dinero.gateways.registry import get_gateway
from django_dinero.logs import get_logger, log_fields
from django_dinero.models.webhook_event import EventState, WebhookEvent
from django_dinero.observing import WebhookHandled, note_on_current, tell
from django_dinero.observing.verbs import verb
from django_dinero.send_deadline import reading_for
from django_dinero.services.in_a_row import FailuresInARow
from django_dinero.services.webhooks import events
from django_dinero.services.webhooks.found import Found
from django_dinero.services.webhooks.transactions import apply_transaction
from django_dinero.services.webhooks.vault import apply_card, apply_customer

logger = get_logger("django_dinero.webhooks")

#: What is done for each kind of object, and the verb that it takes.
APPLIERS: Mapping[str, tuple[str, Callable[[Gateway, WebhookEvent], Found | None]]] = {
    "transaction": ("retrieve_transaction", apply_transaction),
    "customer": ("retrieve_customer", apply_customer),
    "card": ("retrieve_customer", apply_card),
}
#: Events read at a time.
BATCH = 200
#: A gateway that gives no answer so often in a row is not asked for more in this run.
GIVE_UP_AFTER = 5
#: Errors after which it makes no sense to ask the same gateway at once for something else.
UNREACHABLE = (NotSent, GatewayError, GatewayUnavailableError, AuthenticationError)
#: Seconds for which a worker has an event of a gateway that cannot be built.
LEASE = 180.0


def apply_inline(event: WebhookEvent) -> None:
    """Apply an event that has just been stored, within the time that the settings give it.

    Whatever goes wrong stays here: the gateway has its answer, and the event waits.
    """
    try:
        settings = conf.webhooks()
        if settings.inline:
            with reading_for(settings.inline_seconds):
                apply(event.pk)
    except DineroError as error:
        logger.error(
            "%s, event %s waits: %s", event.gateway_name, event.pk, error, extra=_fields(event)
        )
    except Exception as error:
        log_broken_call(f"{event.gateway_name}, event {event.pk}", error, _fields(event))


def _fields(event: WebhookEvent) -> dict[str, object]:
    return {"dinero_gateway": event.gateway_name, "dinero_event": event.pk}


@dataclass(frozen=True, slots=True)
class Attempt:
    """An event as it is after one attempt to apply it, and the error if it failed."""

    event: WebhookEvent
    error: Exception | None = None

    @property
    def was_in_vain(self) -> bool:
        """Whether the gateway gave no answer, so that the next event would fail alike."""
        return type(self.error) in UNREACHABLE


@verb("apply_webhook")
def apply(pk: int) -> Attempt | None:
    """Apply an event; None if it has ended or somebody is at it."""
    name = events.rows().filter(pk=pk).values_list("gateway_name", flat=True).first()
    event = events.take(pk, _lease_seconds(name)) if name is not None else None
    if event is None:
        return None
    with log_fields(dinero_gateway=event.gateway_name, dinero_event=event.pk):
        attempt = _attempt(event)
    tell(WebhookHandled(event.gateway_name, str(event.state)))
    return attempt


def _attempt(event: WebhookEvent) -> Attempt:
    note_on_current({"dinero.gateway": event.gateway_name, "dinero.event": event.pk})
    failure: Exception | None = None
    try:
        found = _apply(event)
    except DineroError as error:
        failure, problem = error, str(error)
    except Exception as error:  # a broken backend or database must not stop the events behind it
        failure = error
        problem = log_broken_call(f"{event.gateway_name}, event {event.pk}", error)
    if failure is None:
        _finish(event, found)
    else:
        events.park(event, problem)
    note_on_current({"dinero.outcome": str(event.state)})
    return Attempt(event, failure)


def _lease_seconds(gateway_name: str) -> float:
    try:
        return get_gateway(gateway_name).lease_seconds
    except Exception:  # _apply meets the same, and its error is kept
        return LEASE


def _apply(event: WebhookEvent) -> Found | None:
    gateway = get_gateway(event.gateway_name)
    verb, applier = APPLIERS.get(event.object_kind, ("", None))
    if applier is None or not event.object_id or not gateway.supports(verb):
        return None
    # A gateway's name may stand for another account by now.
    return applier(gateway, event) if event.live == gateway.live else None


def _finish(event: WebhookEvent, found: Found | None) -> None:
    """Tell the project what was applied, and end the event.

    In this order, so that the signal is sent at least once: a worker that is killed in between
    leaves an event that waits, and the next one applies it and tells of it again.
    """
    if found is not None and found.instance is not None:
        instance = found.instance
        signals.send(signals.webhook_applied, type(instance), instance=instance, event=event)
    events.finish(event, EventState.NOT_OURS if found is None else EventState.APPLIED)


@verb("replay_webhook")
def replay(event: WebhookEvent) -> WebhookEvent:
    """Apply an event again; see :meth:`WebhookEvent.replay`."""
    if not events.begin_again(event):
        raise OperationInProgress(_("Another worker is applying this event."))
    apply(event.pk)
    event.refresh_from_db(using=events.rows().db)
    return event


@verb("drain_webhooks")
def drain(gateway: Gateway, limit: int | None = None) -> Counter[str]:
    """Apply the events of a gateway that wait and are due.

    Args:
        limit: how many at most; None for all.

    Returns:
        How many events are in which state now, of those that were tried.
    """
    return drain_named(gateway.name, limit)


def drain_named(gateway_name: str, limit: int | None) -> Counter[str]:
    """As :func:`drain`, also for a name that no gateway has now."""
    counts: Counter[str] = Counter()
    in_vain, last = FailuresInARow(GIVE_UP_AFTER), 0
    while limit is None or counts.total() < limit:
        left = BATCH if limit is None else min(BATCH, limit - counts.total())
        batch = list(
            events.due(gateway_name).filter(pk__gt=last).values_list("pk", flat=True)[:left]
        )
        if not batch:
            break
        for pk in batch:
            last, attempt = pk, apply(pk)
            if attempt is None:
                continue
            counts[attempt.event.state] += 1
            if in_vain.note(failed=attempt.was_in_vain):
                logger.warning(
                    "%s gives no answer; its events wait.",
                    gateway_name,
                    extra={"dinero_gateway": gateway_name},
                )
                return counts
    return counts
