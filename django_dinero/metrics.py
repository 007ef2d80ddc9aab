"""Counters and gauges for Prometheus, for projects that ask for them.

.. code-block:: python

    from django_dinero.metrics import register

    register()

It takes ``pip install "django-dinero[prometheus]"``. ``docs/watching.md`` lists what there is. No
label has a value of which there are many: gateways that a resolver knows count as ``(resolved)``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError

from django_dinero import conf, observing, signals
from django_dinero.exceptions import DineroError
from django_dinero.gateways.registry import gateways, get_gateway
from django_dinero.logs import get_logger
from django_dinero.models.difference import Difference
from django_dinero.models.operation import Operation, OperationState
from django_dinero.observing import Event, GatewayCalled, ReconcileEnded, WebhookHandled
from django_dinero.services.status import Status, status_of

try:
    from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram
    from prometheus_client.core import GaugeMetricFamily
    from prometheus_client.registry import Collector
except ImportError as error:
    told = 'django_dinero.metrics needs: pip install "django-dinero[prometheus]"'
    raise ImportError(told) from error

logger = get_logger("django_dinero.observing")

#: What stands for the gateways that a resolver knows, of which there may be thousands.
RESOLVED = "(resolved)"
#: Seconds. A card network may take 40 to answer.
CALL_BUCKETS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 60)
RUN_BUCKETS = (1, 5, 15, 60, 300, 900, 3600)


class Counters:
    """What this process has done since it began.

    Args:
        registry: where they are registered.
    """

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self.operations = Counter(
            "dinero_operations",
            "Operations that came to a state, by the state",
            ("gateway", "kind", "outcome"),
            registry=registry,
        )
        self.calls = Counter(
            "dinero_gateway_calls",
            "Calls of a gateway, by how they ended",
            ("gateway", "verb", "outcome"),
            registry=registry,
        )
        self.call_seconds = Histogram(
            "dinero_gateway_call_seconds",
            "How long calls of a gateway took",
            ("gateway", "verb"),
            buckets=CALL_BUCKETS,
            registry=registry,
        )
        self.differences = Counter(
            "dinero_differences",
            "Differences found between the books and the gateway's",
            ("gateway", "kind"),
            registry=registry,
        )
        self.webhooks = Counter(
            "dinero_webhooks",
            "Webhooks, by what became of them when they came and at each attempt to apply them",
            ("gateway", "result"),
            registry=registry,
        )
        self.runs = Counter(
            "dinero_reconcile_runs",
            "Runs of reconcile, by how they ended",
            ("gateway", "state"),
            registry=registry,
        )
        self.run_seconds = Histogram(
            "dinero_reconcile_seconds",
            "How long runs of reconcile took",
            ("gateway",),
            buckets=RUN_BUCKETS,
            registry=registry,
        )

    def connect(self) -> None:
        """Begin to count; again does no harm."""
        observing.listen(self.hear)
        uid = f"dinero.metrics.{id(self)}"
        signals.operation_changed.connect(self.on_change, weak=False, dispatch_uid=uid)
        signals.difference_found.connect(self.on_difference, weak=False, dispatch_uid=uid)

    def disconnect(self) -> None:
        """Count no more."""
        observing.stop_listening(self.hear)
        uid = f"dinero.metrics.{id(self)}"
        signals.operation_changed.disconnect(dispatch_uid=uid)
        signals.difference_found.disconnect(dispatch_uid=uid)

    def on_change(self, operation: Operation, new_state: str, **kwargs: Any) -> None:
        """Count an operation, unless it has only been sent."""
        if new_state != OperationState.SENT:
            labels = (_label(operation.gateway_name), str(operation.kind), str(new_state))
            self.operations.labels(*labels).inc()

    def on_difference(self, difference: Difference, **kwargs: Any) -> None:
        """Count a new difference."""
        self.differences.labels(_label(difference.gateway_name), str(difference.kind)).inc()

    def hear(self, event: Event) -> None:
        """Count an event."""
        gateway = _label(event.gateway_name)
        match event:
            case GatewayCalled(verb=verb, outcome=outcome, seconds=seconds):
                self.calls.labels(gateway, verb, outcome).inc()
                self.call_seconds.labels(gateway, verb).observe(seconds)
            case WebhookHandled(result=result):
                self.webhooks.labels(gateway, result).inc()
            case ReconcileEnded(state=state, seconds=seconds):
                self.runs.labels(gateway, state).inc()
                self.run_seconds.labels(gateway).observe(seconds)


def _label(gateway_name: str) -> str:
    return gateway_name if gateway_name in conf.gateways() else RESOLVED


#: The gauges of one value for each gateway. None leaves a gateway out.
GAUGES: dict[str, tuple[str, Callable[[Status], float | None]]] = {
    "dinero_open_differences": (
        "Open differences",
        lambda status: status.differences.count,
    ),
    "dinero_failed_pushes": (
        "Customers and cards whose last push failed",
        lambda status: status.failed_pushes,
    ),
    "dinero_waiting_pushes": (
        "Customers and cards that are still to be pushed",
        lambda status: status.waiting_pushes,
    ),
    "dinero_waiting_deletes": (
        "Deletes that are still to be sent",
        lambda status: status.waiting_deletes,
    ),
    "dinero_waiting_events": (
        "Webhooks that are still to be applied",
        lambda status: status.waiting_events.count,
    ),
    "dinero_oldest_waiting_event_seconds": (
        "How long the oldest of them has waited",
        lambda status: status.waiting_events.oldest_seconds,
    ),
    "dinero_given_up_events": (
        "Webhooks that were tried too often",
        lambda status: status.given_up_events,
    ),
    "dinero_last_reconcile_age_seconds": (
        "How long ago the newest finished run of reconcile began",
        lambda status: status.reconciled_seconds,
    ),
    "dinero_last_reconcile_broken": (
        "Whether the newest run of reconcile broke off",
        lambda status: status.last_run == "broken",
    ),
}
#: The states of operations that somebody waits for, by the name of their tally.
TALLIES = ("dead", "unknown", "needs_attention", "held", "requires_action")
OPEN = "dinero_open_operations"
OLDEST = "dinero_oldest_open_operation_seconds"
READABLE = "dinero_status_readable"


class StatusCollector(Collector):
    """How things stand at each configured gateway, read from the database at each scrape.

    No gateway is asked. It takes the queries of :mod:`django_dinero.health`, which have an index
    each.
    """

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Return what there is, without a value: registering asks no database."""
        yield from _families().values()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Read how things stand. A gateway that cannot be read has no more than one gauge, at 0."""
        families = _families()
        for name in gateways:
            status = _status(name)
            families[READABLE].add_metric((name,), float(status is not None))
            if status is not None:
                _add(families, name, status)
        yield from families.values()


def _families() -> dict[str, GaugeMetricFamily]:
    one, two = ("gateway",), ("gateway", "state")
    found = {name: GaugeMetricFamily(name, text, labels=one) for name, (text, _) in GAUGES.items()}
    text = "Operations without an end, by what they wait for"
    found[OPEN] = GaugeMetricFamily(OPEN, text, labels=two)
    text = "How long the oldest of them has been there"
    found[OLDEST] = GaugeMetricFamily(OLDEST, text, labels=two)
    text = "Whether the database said how things stand at the gateway"
    found[READABLE] = GaugeMetricFamily(READABLE, text, labels=one)
    return found


def _add(families: dict[str, GaugeMetricFamily], name: str, status: Status) -> None:
    for state in TALLIES:
        tally = getattr(status, state)
        families[OPEN].add_metric((name, state), tally.count)
        families[OLDEST].add_metric((name, state), tally.oldest_seconds)
    for gauge, (_text, value_of) in GAUGES.items():
        value = value_of(status)
        if value is not None:
            families[gauge].add_metric((name,), float(value))


def _status(name: str) -> Status | None:
    try:
        return status_of(get_gateway(name), ask_gateway=False)
    except (DineroError, ImproperlyConfigured, DatabaseError) as error:
        logger.error("%s: %s", name, type(error).__name__, extra={"dinero_gateway": name})
        return None


#: By registry, so that registering twice does no harm.
_registered: dict[int, tuple[CollectorRegistry, Counters]] = {}


def register(registry: CollectorRegistry = REGISTRY) -> Counters:
    """Count from now on, and tell at each scrape how things stand.

    Call it once in each process, for example in the ``ready()`` of an app of your own.

    Args:
        registry: where; by default the one that ``prometheus_client`` and django-prometheus show.
    """
    if id(registry) not in _registered:
        _registered[id(registry)] = (registry, Counters(registry))
        registry.register(StatusCollector())
    counters = _registered[id(registry)][1]
    counters.connect()
    return counters
