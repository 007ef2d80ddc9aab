"""What is told to whoever watches: spans for OpenTelemetry, and events for counters.

Nothing here changes what the app does. A tracer or a counter that fails is logged, and the payment
goes on. Where nobody watches, a look into a dict and an empty list is all that it costs.
"""

from __future__ import annotations

from django_dinero.observing.calls import GatewayCall
from django_dinero.observing.events import (
    Event,
    GatewayCalled,
    ReconcileEnded,
    WebhookHandled,
    listen,
    stop_listening,
    tell,
)
from django_dinero.observing.spans import note_on_current, span

__all__ = [
    "Event",
    "GatewayCall",
    "GatewayCalled",
    "ReconcileEnded",
    "WebhookHandled",
    "listen",
    "note_on_current",
    "span",
    "stop_listening",
    "tell",
]
