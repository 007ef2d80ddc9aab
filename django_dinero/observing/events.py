"""Events for counters: what has happened, in words of which there are few."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django_dinero.logs import get_logger

logger = get_logger("django_dinero.observing")


@dataclass(frozen=True, slots=True)
class GatewayCalled:
    """A gateway was asked, and has answered or not.

    Attributes:
        verb: what was called, one of the gateway's own methods.
        kind: of the operation that it is the call of; empty if it only reads.
        outcome: how it ended, one of :data:`django_dinero.observing.calls.OUTCOMES`.
    """

    gateway_name: str
    verb: str
    kind: str
    outcome: str
    seconds: float


@dataclass(frozen=True, slots=True)
class WebhookHandled:
    """A webhook came, or was applied.

    Attributes:
        result: ``stored``, ``known``, ``refused`` or ``not_stored`` when it came, and the state of
            its event after each attempt to apply it.
    """

    gateway_name: str
    result: str


@dataclass(frozen=True, slots=True)
class ReconcileEnded:
    """A run of reconcile has ended in this process, as ``finished`` or ``broken``."""

    gateway_name: str
    state: str
    seconds: float


Event = GatewayCalled | WebhookHandled | ReconcileEnded
Listener = Callable[[Event], None]

#: Whoever counts. Empty unless a project has asked for it.
listeners: list[Listener] = []


def listen(listener: Listener) -> None:
    """Let a function hear of every event, once."""
    if listener not in listeners:
        listeners.append(listener)


def stop_listening(listener: Listener) -> None:
    """Tell a function no more."""
    if listener in listeners:
        listeners.remove(listener)


def tell(event: Event) -> None:
    """Tell every listener of an event. One that fails is logged."""
    for listener in tuple(listeners):
        try:
            listener(event)
        except Exception as error:  # counting must not break what is counted
            logger.error("A listener failed: %s", type(error).__name__)
