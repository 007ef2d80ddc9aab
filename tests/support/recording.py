"""A gateway that keeps a list of what was asked of it, and breaks the wire on request."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Mapping
from typing import Any

from django_dinero.exceptions import NotSent, OutcomeUnknown
from django_dinero.gateways.base import VERBS
from django_dinero.gateways.sandbox import SandboxGateway

Fault = Callable[[Callable[[], Any]], Any]


class RecordingGateway(SandboxGateway):
    """The in-process sandbox, with ``calls`` in order and ``faults`` by verb, each used once."""

    #: So that tests may let it lag behind, as other gateways do.
    finds_at_once = False

    def __init__(self, name: str, options: Mapping[str, Any] | None = None) -> None:
        super().__init__(name, options)
        self.calls: list[tuple[str, tuple[Any, ...]]] = []
        self.faults: dict[str, Fault] = {}
        #: Is given each verb and its call, and makes the call.
        self.around: Callable[[str, Callable[[], Any]], Any] | None = None
        self._list_lock = threading.Lock()

    @property
    def verbs(self) -> list[str]:
        """The names of the calls so far."""
        return [verb for verb, _args in self.calls]

    def since(self, mark: int) -> list[str]:
        """The names of the calls after the first ``mark``."""
        return self.verbs[mark:]

    @property
    def mark(self) -> int:
        """How many calls there were."""
        return len(self.calls)


def _recorded(verb: str) -> Callable[..., Any]:
    original = getattr(SandboxGateway, verb)

    @functools.wraps(original)
    def method(self: RecordingGateway, *args: Any, **kwargs: Any) -> Any:
        with self._list_lock:
            self.calls.append((verb, args))
            fault = self.faults.pop(verb, None)
        call = functools.partial(original, self, *args, **kwargs)
        if fault is not None:
            return fault(call)
        return call() if self.around is None else self.around(verb, call)

    return method


for _verb in VERBS:
    setattr(RecordingGateway, _verb, _recorded(_verb))


def lose_reply(call: Callable[[], Any]) -> Any:
    """The gateway does it; the answer never comes."""
    call()
    raise OutcomeUnknown("the reply was lost")


def lose_request(call: Callable[[], Any]) -> Any:
    """The request left and never arrived; nobody here can tell."""
    raise OutcomeUnknown("the connection broke after sending")


def refuse_connection(call: Callable[[], Any]) -> Any:
    """Nothing reached the socket."""
    raise NotSent("connection refused")


def answer(result: Any) -> Fault:
    """The gateway does nothing and answers this."""
    return lambda call: result
