"""What passes between the bank's transport and a dialect. Neither knows the other's insides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from django_dinero.sandbox.bank.changes import Change


@dataclass(frozen=True, slots=True)
class Request:
    """A request over HTTP.

    ``path`` is without its query, which is in ``query`` as it was sent. ``repr`` shows neither
    headers nor body: they carry credentials and card numbers.
    """

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    query: str = field(default="", repr=False)

    def header(self, name: str) -> str:
        """Return a header's value, empty where it was not sent; the case of names is ignored."""
        wanted = name.lower()
        return next((text for key, text in self.headers.items() if key.lower() == wanted), "")


@dataclass(frozen=True, slots=True)
class Response:
    """An answer over HTTP."""

    status: int
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Route:
    """Where a dialect is served.

    ``path`` is what clients are configured with, without a slash at its end; ``below`` also serves
    every path below it. ``usage`` tells a lost client where to go, in words that can follow a
    colon.
    """

    path: str
    methods: tuple[str, ...]
    usage: str
    below: bool = False
    #: Where else it is served.
    others: tuple[Route, ...] = ()

    def serves(self, path: str) -> bool:
        """Say whether a request with this path is the dialect's."""
        return self.methods_at(path) != ()

    def methods_at(self, path: str) -> tuple[str, ...]:
        """Return the methods that a path is served by, none if it is not the dialect's."""
        if path == self.path or (self.below and path.startswith(f"{self.path}/")):
            return self.methods
        return next((m for each in self.others if (m := each.methods_at(path))), ())

    @property
    def all_methods(self) -> tuple[str, ...]:
        """The methods of all its paths."""
        return (*self.methods, *(m for each in self.others for m in each.all_methods))


@dataclass(frozen=True, slots=True)
class Told:
    """A webhook, ready to be sent: the provider's name of the event, and what goes over the wire.

    ``forged`` are headers as somebody would send them who has no key.
    """

    event: str
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    forged: Mapping[str, str] = field(repr=False)


class Notifier(Protocol):
    """The webhooks of one provider."""

    def tell(self, change: Change) -> Told | None:
        """Return the webhook of a change; None where the provider sends none."""


class Dialect(Protocol):
    """The bank as one provider's API; safe to share between threads."""

    @property
    def route(self) -> Route:
        """Where it is served."""

    def operation_of(self, request: Request) -> str:
        """Return the provider's name of what is asked for, empty where it asks for nothing.

        Faults are aimed at operations and requests are counted by them, so this must be cheap and
        must not raise, whatever was sent.
        """

    def answer(self, request: Request) -> Response:
        """Do what is asked for. Nothing that a client sends raises."""

    def not_found(self, request: Request) -> Response:
        """Say that there is no such record, whatever was asked for, and do nothing."""
