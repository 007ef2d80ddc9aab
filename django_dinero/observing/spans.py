"""Spans for OpenTelemetry.

The package is never imported here. Whoever traces has imported it and set a provider: without
both there is nothing to do, and a process that does not trace loads nothing for it. No span has a
text that a gateway or a person has written, nor an exception with its message and its frames.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from django_dinero import __version__
from django_dinero.exceptions import (
    AuthenticationError,
    DineroError,
    GatewayError,
    GatewayUnavailableError,
    NotSent,
    OutcomeUnknown,
)
from django_dinero.logs import get_logger

if TYPE_CHECKING:
    from types import ModuleType

    from opentelemetry import trace as api
    from opentelemetry.trace import Tracer, TracerProvider

logger = get_logger("django_dinero.observing")

NAME = "django_dinero"
#: Not the caller's doing, nor the cardholder's: somebody should look.
FAULTS = (NotSent, OutcomeUnknown, GatewayUnavailableError, AuthenticationError)

Attributes = Mapping[str, str | int | float | bool]


class Span(Protocol):
    """A span, or what stands for one where nothing is traced. Both are context managers."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        frames: TracebackType | None,
    ) -> None: ...

    def note(self, attributes: Attributes) -> None:
        """Set attributes."""

    def fail(self, error: BaseException) -> None:
        """Note that the block has failed: by which kind of error, and nothing else of it."""


class _NoSpan:
    __slots__ = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *ending: object) -> None:
        pass

    def note(self, attributes: Attributes) -> None:
        pass

    def fail(self, error: BaseException) -> None:
        pass


NO_SPAN = _NoSpan()


class _Traced:
    """A span of the project's tracer. Whatever that raises is logged, and goes no further."""

    __slots__ = ("_attributes", "_client", "_entered", "_name", "_span", "_trace", "_tracer")

    def __init__(
        self,
        trace: ModuleType,
        tracer: Tracer,
        name: str,
        attributes: Attributes,
        client: bool,
    ) -> None:
        self._trace, self._tracer = trace, tracer
        self._name, self._attributes, self._client = name, attributes, client
        self._entered: AbstractContextManager[api.Span] | None = None
        self._span: api.Span | None = None

    def __enter__(self) -> Self:
        kinds = self._trace.SpanKind
        try:
            entered = self._tracer.start_as_current_span(
                self._name,
                kind=kinds.CLIENT if self._client else kinds.INTERNAL,
                attributes=dict(self._attributes),
                record_exception=False,
                set_status_on_exception=False,
            )
            self._span = entered.__enter__()
            self._entered = entered
        except Exception as error:
            _log(error)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        frames: TracebackType | None,
    ) -> None:
        if self._entered is None:
            return
        if error is not None:
            self.fail(error)
        try:
            # Without the exception: the tracer must not see its text nor its frames.
            self._entered.__exit__(None, None, None)
        except Exception as broken:
            _log(broken)

    def note(self, attributes: Attributes) -> None:
        if self._span is not None:
            _set(self._span, attributes)

    def fail(self, error: BaseException) -> None:
        self.note({"error.type": _type_of(error)})
        if self._span is None or not is_fault(error):
            return
        try:
            self._span.set_status(self._trace.StatusCode.ERROR)
        except Exception as broken:
            _log(broken)


def span(name: str, attributes: Attributes | None = None, *, client: bool = False) -> Span:
    """Return a span around a block, a child of the one that the caller is in.

    Args:
        name: one of few: nothing of a single payment.
        attributes: what is known at its start. No secrets, no names, no texts of others.
        client: whether the block asks another system and waits for it.
    """
    found = _tracer()
    if found is None:
        return NO_SPAN
    return _Traced(*found, f"dinero.{name}", attributes or {}, client)


def note_on_current(attributes: Attributes) -> None:
    """Set attributes of the span that this thread is in, if it is in one."""
    found = _tracer()
    if found is None:
        return
    _set(found[0].get_current_span(), attributes)


def is_traced() -> bool:
    """Say whether a span would be recorded now."""
    return _tracer() is not None


def is_fault(error: BaseException) -> bool:
    """Say whether a verb failed, rather than that a gateway or we refused what was asked."""
    if isinstance(error, FAULTS) or not isinstance(error, DineroError):
        return True
    return type(error) is GatewayError


def _type_of(error: BaseException) -> str:
    return error.code if isinstance(error, DineroError) else type(error).__qualname__


#: The tracer of the provider that was met last.
_known: tuple[TracerProvider, Tracer] | None = None


def _tracer() -> tuple[ModuleType, Tracer] | None:
    global _known
    trace = sys.modules.get("opentelemetry.trace")
    if trace is None:
        return None
    try:
        provider = trace.get_tracer_provider()
        if isinstance(provider, trace.ProxyTracerProvider):
            return None  # nobody has set one
        if _known is None or _known[0] is not provider:
            _known = (provider, provider.get_tracer(NAME, __version__))
    except Exception as error:  # another thread is importing it at this moment, or it is broken
        _log(error)
        return None
    return trace, _known[1]


def _set(found: api.Span, attributes: Attributes) -> None:
    try:
        found.set_attributes(dict(attributes))
    except Exception as error:
        _log(error)


def _log(error: Exception) -> None:
    logger.error("The tracer failed: %s", type(error).__name__)
