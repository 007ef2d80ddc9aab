"""Closing by hand what only a person could finish."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from django_dinero import signals
from django_dinero.enums import ResultStatus
from django_dinero.exceptions import InvalidInput, NeedsAttention, OperationClosed
from django_dinero.gateways.types import TransactionResult
from django_dinero.models import Operation, Transaction
from tests.support import sinks
from tests.support.recording import RecordingGateway, answer

pytestmark = pytest.mark.django_db

KEY = "order-1001-1"
FOUND = "Not in the gateway's records of that day."


@pytest.fixture
def doubtful(gateway: RecordingGateway, card: dict[str, Any]) -> Operation:
    """A charge that the gateway approved with another amount."""
    approved = TransactionResult(ResultStatus.APPROVED, "9001", amount=Decimal(4))
    gateway.faults["charge"] = answer(approved)
    with pytest.raises(NeedsAttention) as caught:
        Transaction.create(5, idempotency_key=KEY, **card)
    operation = caught.value.operation
    assert isinstance(operation, Operation)
    return operation


def test_it_has_no_result_and_says_who_closed_it_and_why(doubtful: Operation) -> None:
    assert doubtful.close(note=FOUND, by="Ann") is doubtful
    stored = Operation.objects.get()
    assert (stored.state, stored.held_lock, stored.is_open) == ("closed", None, False)
    assert (stored.outcome["closed_by"], stored.outcome["note"]) == ("Ann", FOUND)
    assert "result" not in stored.outcome
    assert not stored.has_result


def test_its_key_stays_taken_and_writes_nothing(
    doubtful: Operation, gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    doubtful.close(note=FOUND, by="Ann")
    mark = gateway.mark
    with pytest.raises(OperationClosed, match=r"closed by Ann: Not in .* Use a new key") as caught:
        Transaction.create(5, idempotency_key=KEY, **card)
    assert caught.value.operation == doubtful
    assert gateway.since(mark) == []
    assert not Transaction.objects.exists()
    assert Transaction.create(5, idempotency_key="order-1001-2", **card).status == "approved"


def test_receivers_hear_of_it(doubtful: Operation) -> None:
    heard: list[tuple[str, str]] = []

    def receive(**kwargs: Any) -> None:
        heard.append((kwargs["old_state"], kwargs["new_state"]))

    signals.operation_changed.connect(receive)
    try:
        doubtful.close(note=FOUND, by="Ann")
    finally:
        signals.operation_changed.disconnect(receive)
    assert heard == [("needs_attention", "closed")]


def test_what_the_gateway_has_all_the_same_is_brought_in(
    gateway: RecordingGateway, doubtful: Operation, card: dict[str, Any]
) -> None:
    doubtful.close(note="The gateway has it.", by="Ann")
    other = Transaction.create(7, **card)
    assert Transaction.retrieve(str(other.transaction_id)) == other
    assert doubtful.look_up().state == "closed"


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"note": " ", "by": "Ann"}, {"note"}),
        ({"note": "x" * 501, "by": "Ann"}, {"note"}),
        ({"note": FOUND, "by": ""}, {"by"}),
        ({"note": FOUND, "by": None}, {"by"}),
        ({"note": "", "by": "x" * 151}, {"note", "by"}),
        ({"note": "card 4111111111111111", "by": "Ann"}, {"note"}),
    ],
)
def test_who_and_why_are_required(
    doubtful: Operation, given: dict[str, Any], named: set[str]
) -> None:
    with pytest.raises(InvalidInput) as caught:
        doubtful.close(**given)
    assert set(caught.value.errors) == named
    assert Operation.objects.get().state == "needs_attention"


@pytest.mark.parametrize("field", ["note", "by"])
def test_a_card_number_typed_here_is_not_in_the_traceback(doubtful: Operation, field: str) -> None:
    number = "4111111111111111"
    texts = {"note": FOUND, "by": "Ann", field: f"card {number}"}
    with pytest.raises(InvalidInput) as caught:
        doubtful.close(**texts)
    assert set(caught.value.errors) == {field}
    assert sinks.found(sinks.traceback_with_locals(caught.value, skip=__file__), [number]) == []


def test_only_what_needs_attention_is_closed(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    Transaction.create(5, **card)
    operation = Operation.objects.get()
    with pytest.raises(InvalidInput, match="Only what needs attention can be closed"):
        operation.close(note=FOUND, by="Ann")
    assert Operation.objects.get().state == "succeeded"


def test_two_that_close_it_at_once_are_one_and_a_refusal(doubtful: Operation) -> None:
    stale = Operation.objects.get()
    doubtful.close(note=FOUND, by="Ann")
    with pytest.raises(InvalidInput, match="closed by hand"):
        stale.close(note="Other.", by="Bob")
    assert Operation.objects.get().outcome["closed_by"] == "Ann"
