"""A tracer whose spans are kept, in place of whatever provider the process has."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter


class Spans:
    """The spans that have ended, in the order in which they did."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(SimpleSpanProcessor(self._exporter))

    @property
    def all(self) -> tuple[ReadableSpan, ...]:
        """Every span."""
        return self._exporter.get_finished_spans()

    @property
    def names(self) -> list[str]:
        """Their names."""
        return [span.name for span in self.all]

    def called(self, name: str) -> ReadableSpan:
        """The one span of this name."""
        (found,) = [span for span in self.all if span.name == name]
        return found

    def text(self) -> str:
        """All that they say: names, attributes, events, and why they failed."""
        told = [
            (s.name, dict(s.attributes or {}), s.events, s.status.description) for s in self.all
        ]
        return "\n".join(map(repr, told))


@contextmanager
def traced() -> Iterator[Spans]:
    """Keep the spans of a block."""
    spans = Spans()
    with patch.object(trace, "get_tracer_provider", lambda: spans.provider):
        yield spans
