"""Events of gateways that are not configured any more. They wait, and nobody is there to ask."""

from __future__ import annotations

from collections import Counter

from django.db.models import Count, QuerySet
from django.utils.translation import ngettext

from django_dinero.db.failures import translate_database_failures
from django_dinero.gateways.registry import gateways
from django_dinero.models.webhook_event import WAITING_STATES, WebhookEvent
from django_dinero.services.webhooks import events
from django_dinero.services.webhooks.applying import drain_named


def count_strays() -> dict[str, int]:
    """Return how many events wait, by the name of a gateway that is not configured."""
    waiting = events.rows().filter(waiting_state__in=WAITING_STATES)
    others = waiting.exclude(gateway_name__in=list(gateways)).order_by()
    counts = others.values_list("gateway_name").annotate(count=Count("pk"))
    # Those that only the resolver knows are configured.
    return {name: count for name, count in sorted(counts) if name not in gateways}


def stray_problem(count: int) -> str:
    """Return what somebody has to know of a gateway that is not configured."""
    return ngettext(
        "It is not configured, and %(count)d webhook of it waits.",
        "It is not configured, and %(count)d webhooks of it wait.",
        count,
    ) % {"count": count}


@translate_database_failures()
def drain_strays(limit: int | None = None) -> dict[str, Counter[str]]:
    """Try the events that are due of gateways that are not configured.

    Each is parked, as any that cannot be applied, and given up at its last try. If its gateway is
    back in time, it is applied.

    Args:
        limit: how many at most of each gateway; None for all.

    Returns:
        How many events are in which state now, of those that were tried, by their gateway's name.
    """
    return {name: drain_named(name, limit) for name in count_strays()}


def old_strays(old: QuerySet[WebhookEvent]) -> QuerySet[WebhookEvent]:
    """Return those of these events that wait for a gateway that is not configured."""
    return old.filter(waiting_state__in=WAITING_STATES, gateway_name__in=list(count_strays()))
