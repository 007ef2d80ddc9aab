"""The controls of a test bank that is served: time, settlement, reviews, tokens, faults."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict
from threading import Lock
from typing import Any, Final, TypeVar

from django_dinero.redaction import Secret, scrub
from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.bank.records import BankRefusal, LedgerRow
from django_dinero.sandbox.http.exchange import Response
from django_dinero.sandbox.http.faults import Faults
from django_dinero.sandbox.http.sender import Sender

_Value = TypeVar("_Value", int, float, str)

#: What each control that changes something takes, with values to copy.
CONTROLS: Final[Mapping[str, Mapping[str, object]]] = {
    "settle": {},
    "hold": {"count": 1},
    "advance": {"seconds": 86400},
    "finish_action": {"id": "60012300401"},
    "refuse_action": {"id": "60012300401"},
    "mint": {"number": "4111111111111111", "month": 12, "year": 2040, "cvv": "900"},
    "chargeback": {"id": "60012300401"},
    "return": {"id": "60012300401"},
    "webhook": {"name": "late", "times": 1, "seconds": 1.0},
    "fault": {"name": "drop_after", "operation": "", "times": 1, "seconds": 1.0},
}


class BadInput(ValueError):
    """A value is missing or of the wrong kind; the message names it."""


class Counts:
    """How many connections were opened and how many requests came, by their operation."""

    def __init__(self) -> None:
        self._connections = 0
        self._requests: Counter[str] = Counter()
        self._lock = Lock()

    @property
    def connections(self) -> int:
        """How many connections were accepted so far."""
        return self._connections

    @property
    def requests(self) -> dict[str, int]:
        """How many requests came so far, by their operation."""
        with self._lock:
            return dict(self._requests)

    def connected(self) -> None:
        with self._lock:
            self._connections += 1

    def requested(self, operation: str) -> None:
        with self._lock:
            self._requests[operation or "(none)"] += 1


class Control:
    """Answers ``/_control/<name>`` in JSON.

    Args:
        bank: what most controls change.
        faults: what ``fault`` adds to.
        counts: what ``stats`` and ``connections`` tell.
        sender: what ``webhook`` changes and ``webhooks`` tells.
    """

    def __init__(self, bank: Bank, faults: Faults, counts: Counts, sender: Sender) -> None:
        self.bank = bank
        self.faults = faults
        self.counts = counts
        self.sender = sender
        self._reads: dict[str, Callable[[], object]] = {
            "connections": lambda: {"connections": counts.connections},
            "stats": self._stats,
            "webhooks": lambda: {"sent": [asdict(each) for each in sender.sent()]},
        }
        self._writes: dict[str, Callable[[Mapping[str, Any]], object]] = {
            "settle": self._settle,
            "hold": self._hold,
            "advance": self._advance,
            "mint": self._mint,
            "webhook": self._webhook,
            "fault": self._fault,
            "finish_action": lambda given: self._change(bank.finish_action, given),
            "refuse_action": lambda given: self._change(bank.refuse_action, given),
            "chargeback": lambda given: self._change(bank.chargeback, given),
            "return": lambda given: self._change(bank.return_item, given),
        }

    def answer(self, method: str, name: str, body: bytes) -> Response:
        """Return the response: 200 and what happened, or 4xx and ``{"error": …}``.

        Args:
            method: GET or POST; what changes something is a POST.
            name: the last part of the path.
            body: a JSON object with the values; empty for none.
        """
        if method == "GET" and name in self._reads:
            return _json(200, self._reads[name]())
        if method != "POST" or name not in self._writes:
            known = f"GET {', '.join(self._reads)}; POST {', '.join(self._writes)}"
            return _json(404, {"error": f"No control {method} {name!r}. There are: {known}."})
        try:
            return _json(200, self._writes[name](_values(name, body)))
        except BankRefusal as error:
            return _json(409, {"error": error.reason.value})
        except (ValueError, TypeError) as error:
            return _json(400, {"error": scrub(str(error))})

    # -- Controls ----------------------------------------------------------------------------

    def _stats(self) -> object:
        return {
            "connections": self.counts.connections,
            "requests": self.counts.requests,
            "faults": [asdict(fault) for fault in self.faults.waiting()],
            "now": self.bank.clock.now().isoformat(),
        }

    def _settle(self, given: Mapping[str, Any]) -> object:
        batch = self.bank.settle_batch()
        return {"batch": batch.id, "count": batch.count}

    def _hold(self, given: Mapping[str, Any]) -> object:
        count = _get(given, "count", 1)
        self.bank.hold_next(count)
        return {"hold": count}

    def _advance(self, given: Mapping[str, Any]) -> object:
        _need(given, "seconds")
        return {"now": self.bank.clock.advance(_get(given, "seconds", 0.0)).isoformat()}

    def _mint(self, given: Mapping[str, Any]) -> object:
        _need(given, "number")
        cvv = _get(given, "cvv", "")
        token = self.bank.mint_token(
            Secret(_get(given, "number", "")),
            month=_get(given, "month", 0) or None,
            year=_get(given, "year", 0) or None,
            cvv=Secret(cvv) if cvv else None,
        )
        return {"token": token}

    def _fault(self, given: Mapping[str, Any]) -> object:
        if not given.get("name"):
            self.faults.clear()
            return {"faults": []}
        self.faults.add(
            _get(given, "name", ""),
            _get(given, "operation", ""),
            times=_get(given, "times", 1),
            seconds=_get(given, "seconds", 1.0),
        )
        return {"faults": [asdict(fault) for fault in self.faults.waiting()]}

    def _webhook(self, given: Mapping[str, Any]) -> object:
        if not given.get("name"):
            self.sender.clear()
            return {"webhook": []}
        trick = self.sender.play(
            _get(given, "name", ""),
            times=_get(given, "times", 1),
            seconds=_get(given, "seconds", 1.0),
        )
        return {"webhook": [asdict(trick)]}

    def _change(self, verb: Callable[[str], LedgerRow], given: Mapping[str, Any]) -> object:
        _need(given, "id")
        row = verb(_get(given, "id", ""))
        return {"id": row.id, "status": row.status.value}


def _values(control: str, body: bytes) -> Mapping[str, Any]:
    """Return what a control was given; an unknown name is refused."""
    example = json.dumps(CONTROLS[control])
    if not body.strip():
        return {}
    try:
        given = json.loads(body)
    except ValueError:
        raise BadInput(f"The body is not JSON; {control} takes {example}.") from None
    if not isinstance(given, dict):
        raise BadInput(f"The body is not a JSON object; {control} takes {example}.")
    unknown = sorted(set(given) - set(CONTROLS[control]))
    if unknown:
        raise BadInput(f"{', '.join(unknown)}: no such value; {control} takes {example}.")
    return given


def _need(given: Mapping[str, Any], name: str) -> None:
    if name not in given:
        raise BadInput(f"{name}: is missing.")


def _get(given: Mapping[str, Any], name: str, default: _Value) -> _Value:
    """Return a value of the type of ``default``, and ``default`` where it was not given."""
    value: Any = given.get(name, default)
    kind = type(default)
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind:
        raise BadInput(f"{name}: give a value like {default!r}.")
    checked: _Value = value
    return checked


def _json(status: int, value: object) -> Response:
    body = json.dumps(value).encode("utf-8") + b"\n"
    return Response(status, body, {"Content-Type": "application/json"})
