"""An operation is sent once, and what becomes of it when its worker does not come back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import connection

from django_dinero.exceptions import (
    InvalidInput,
    NotSent,
    OperationInProgress,
    OutcomeUnknown,
    UnsupportedFeature,
)
from django_dinero.models import Operation
from django_dinero.money import from_minor
from django_dinero.services import journal
from django_dinero.services.recovery import lookup
from tests.support.journaling import begin
from tests.support.recording import RecordingGateway

pytestmark = pytest.mark.django_db

# -- Sending ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (NotSent("refused"), "failed"),
        (InvalidInput({"zip": "too long"}), "failed"),
        (UnsupportedFeature("no"), "failed"),
        (OutcomeUnknown("lost"), "unknown"),
        (RuntimeError("boom"), "unknown"),
        (KeyError("x"), "unknown"),
    ],
)
def test_what_an_error_leaves(gateway: RecordingGateway, error: Exception, state: str) -> None:
    operation = begin(gateway)

    def call() -> None:
        raise error

    expected = OutcomeUnknown if state == "unknown" else type(error)
    with pytest.raises(expected) as caught:
        journal.send(gateway, operation, call, object)
    assert operation.state == state
    assert caught.value.operation == operation  # type: ignore[attr-defined]
    assert operation.outcome["code"] == caught.value.code  # type: ignore[attr-defined]


@pytest.mark.parametrize("currency", ["usd", "", None])
def test_an_odd_currency_in_an_answer_proves_nothing(
    gateway: RecordingGateway, currency: Any
) -> None:
    operation = begin(gateway)
    with pytest.raises(OutcomeUnknown):
        journal.send(gateway, operation, partial(from_minor, 1250, currency), object)
    assert Operation.objects.get().state == "unknown"


def test_an_interrupt_leaves_it_sent(gateway: RecordingGateway) -> None:
    operation = begin(gateway)

    def call() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        journal.send(gateway, operation, call, object)
    assert Operation.objects.get().state == "sent"


def test_an_operation_is_sent_once(gateway: RecordingGateway) -> None:
    operation = begin(gateway)
    rival = Operation.objects.get()
    sent: list[str] = []
    journal.send(gateway, operation, lambda: sent.append("first"), object)
    with pytest.raises(OperationInProgress):
        journal.send(gateway, rival, lambda: sent.append("second"), object)
    assert sent == ["first"]
    assert operation.attempts == 1
    assert operation.sent_at is not None
    assert operation.quarantine_until is not None
    quarantine = (operation.quarantine_until - operation.sent_at).total_seconds()
    assert abs(quarantine - gateway.quarantine_seconds) < 5
    assert operation.worker


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_one_sends(gateway: RecordingGateway) -> None:
    operation = begin(gateway)
    start, sent = threading.Barrier(8), []

    def work() -> None:
        try:
            mine = Operation.objects.get(pk=operation.pk)
            start.wait()
            journal.send(gateway, mine, lambda: sent.append(1), object)
        except OperationInProgress:
            pass
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sent == [1]


# -- Workers that do not come back -----------------------------------------------------------------


def dead(gateway: RecordingGateway, state: str, **values: Any) -> Operation:
    operation = begin(gateway)
    past = "2020-01-01T00:00:00Z"
    Operation.objects.filter(pk=operation.pk).update(
        **{"state": state, "lease_until": past, "sent_at": past, **values}
    )
    operation.refresh_from_db()
    return operation


def test_a_lease_that_runs_is_left_alone(gateway: RecordingGateway) -> None:
    for state in ("new", "sent"):
        operation = dead(gateway, state, lease_until="2999-01-01T00:00:00Z")
        assert lookup.look_up(operation).state == state


@pytest.mark.parametrize(
    ("state", "quarantine", "becomes"),
    [
        ("new", "2999-01-01T00:00:00Z", "failed"),
        ("sent", "2999-01-01T00:00:00Z", "unknown"),
        ("sent", "2020-01-01T00:00:00Z", "absent"),
        ("unknown", "2999-01-01T00:00:00Z", "unknown"),
        ("unknown", "2020-01-01T00:00:00Z", "absent"),
        ("needs_attention", "2020-01-01T00:00:00Z", "needs_attention"),
    ],
)
def test_what_becomes_of_a_dead_workers_operation(
    gateway: RecordingGateway, state: str, quarantine: str, becomes: str
) -> None:
    operation = dead(gateway, state, quarantine_until=quarantine)
    assert lookup.look_up(operation).state == becomes


def test_an_incomplete_list_proves_nothing(gateway: RecordingGateway) -> None:
    from_lookup: Callable[..., Any] = lambda call: type(call())(matches=(), complete=False)  # noqa: E731
    gateway.faults["find_operation"] = from_lookup
    operation = dead(gateway, "unknown", quarantine_until="2020-01-01T00:00:00Z")
    assert lookup.look_up(operation).state == "unknown"
    assert operation.next_check_at is not None


def test_a_gateway_that_cannot_be_reached_proves_nothing(gateway: RecordingGateway) -> None:
    def unreachable(call: Callable[[], Any]) -> Any:
        raise NotSent("no route")

    gateway.faults["find_operation"] = unreachable
    operation = dead(gateway, "unknown", quarantine_until="2020-01-01T00:00:00Z")
    assert lookup.look_up(operation).state == "unknown"
    assert "no route" in operation.outcome["lookup"]
