"""What a dialect of the test bank hands to whatever carries it: a server, or an adapter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer over HTTP: its status, its body, and its headers."""

    status: int
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)


class Speaks(Protocol):
    """A dialect of the bank."""

    def answer(self, body: bytes, content_type: str = ...) -> Reply:
        """Return the reply to a request."""

    def not_yet(self, body: bytes, content_type: str = ...) -> Reply:
        """Return how it is said that there is no such record, whatever was asked for."""
