"""One call of a gateway, as it is told to logs, traces and counters."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Final, Self

from django_dinero import logs
from django_dinero.exceptions import (
    DineroError,
    InvalidInput,
    NotSent,
    OutcomeUnknown,
    UnsupportedFeature,
)
from django_dinero.observing import events, spans

logger = logs.get_logger("django_dinero.gateways")

#: How a call can end. Those of money are the words of :class:`~django_dinero.enums.ResultStatus`.
OUTCOMES: Final = (
    *("approved", "declined", "held", "failed", "requires_action"),
    # What was asked is done or was read; the gateway refused; nothing was sent to it.
    *("done", "refused", "not_sent", "not_asked"),
    # No answer that can be trusted; the backend raised what no backend may; the worker was stopped.
    *("unknown", "broken", "stopped"),
)
#: How a call ended that raised, by what it raised.
_RAISED: tuple[tuple[type[BaseException], str], ...] = (
    (OutcomeUnknown, "unknown"),
    (NotSent, "not_sent"),
    (InvalidInput, "not_asked"),
    (UnsupportedFeature, "not_asked"),
    (DineroError, "refused"),
    (Exception, "broken"),
)


class GatewayCall:
    """The time around one call; set :attr:`outcome` before it is left.

    Args:
        verb: the gateway's method; empty if nobody is asked, so that there is nothing to tell.
        operation: the one that it is the call of; None if it only reads.
    """

    __slots__ = ("_gateway_name", "_operation", "_span", "_started", "_verb", "outcome")

    def __init__(
        self, gateway_name: str, verb: str, operation: logs.Loggable | None = None
    ) -> None:
        self._gateway_name = gateway_name
        self._verb = verb
        self._operation = operation
        self._started = 0.0
        self._span: spans.Span = spans.NO_SPAN
        self.outcome = "done"

    def __enter__(self) -> Self:
        if self._verb and spans.is_traced():
            attributes = {"dinero.gateway": self._gateway_name, "dinero.verb": self._verb}
            if self._operation is not None:
                attributes["dinero.operation"] = self._operation.key
                attributes["dinero.kind"] = str(self._operation.kind)
            self._span = spans.span(f"gateway.{self._verb}", attributes, client=True)
        self._span.__enter__()
        self._started = time.perf_counter()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        frames: TracebackType | None,
    ) -> None:
        seconds = time.perf_counter() - self._started
        if error is not None:
            self.fail(error)
        self._span.note({"dinero.outcome": self.outcome})
        self._span.__exit__(None, None, None)
        if not self._verb:
            return
        if logger.isEnabledFor(logs.INFO):
            self._log(seconds)
        if events.listeners:
            kind_of = "" if self._operation is None else str(self._operation.kind)
            events.tell(
                events.GatewayCalled(self._gateway_name, self._verb, kind_of, self.outcome, seconds)
            )

    def fail(self, error: BaseException) -> None:
        """Note how it ended that raised. The exception itself is kept nowhere."""
        self.outcome = next(
            (word for raised, word in _RAISED if isinstance(error, raised)), "stopped"
        )
        self._span.fail(error)

    def _log(self, seconds: float) -> None:
        fields = {
            **({} if self._operation is None else logs.fields_of(self._operation)),
            "dinero_gateway": self._gateway_name,
            "dinero_verb": self._verb,
            "dinero_outcome": self.outcome,
            "dinero_seconds": round(seconds, 6),
        }
        logger.info(
            "%s: %s was %s after %.3f s",
            self._gateway_name,
            self._verb,
            self.outcome,
            seconds,
            extra=fields,
        )
