"""What callers of a fault run were told, held against the bank."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from django_dinero.sandbox.bank.bank import Bank
from tests.faults import truth
from tests.support.testbank import plain

KEY, OTHER = "K2FQ7WXA3MNBVC4ERTYU", "A2FQ7WXA3MNBVC4ERTYU"


@pytest.fixture
def bank() -> Bank:
    """A bank that has a payment with the key."""
    found = Bank()
    found.charge(plain(), Decimal("5.00"), operation_key=KEY)
    return found


def told(code: str = "", key: str = KEY, **row: Any) -> dict[str, Any]:
    event: dict[str, Any] = {"who": "w0", "what": "ended", "code": code}
    if row:
        return {**event, "result": "ok", "returned": {"operation_key": key, **row}}
    return {**event, "operation": {"key": key, "kind": "charge"}}


def lies(bank: Bank, *events: dict[str, Any]) -> list[str]:
    return [line.split()[1] for line in truth.differences(bank, events)]


def test_not_sent_must_be_true(bank: Bank) -> None:
    assert lies(bank, told("not_sent")) == [KEY]
    assert lies(bank, told("not_sent", OTHER)) == []


def test_unknown_is_true_whatever_happened(bank: Bank) -> None:
    assert lies(bank, told("outcome_unknown"), told("outcome_unknown", OTHER)) == []


def test_an_attempt_that_was_repeated_counts_too(bank: Bank) -> None:
    assert lies(bank, {**told("card_declined"), "what": "attempt failed"}) == [KEY]


def test_a_void_takes_the_lie_back(bank: Bank) -> None:
    bank.void(bank.transactions()[0].id)
    assert lies(bank, told("card_declined")) == []


def test_paid_must_be_true(bank: Bank) -> None:
    paid = {"kind": "charge", "status": "approved"}
    assert lies(bank, told(**paid), told(key=OTHER, **paid)) == [OTHER]
    assert lies(bank, told(key=OTHER, kind="charge", status="declined")) == []


def test_what_each_thread_was_told_counts(bank: Bank) -> None:
    both = [told("not_sent"), told("outcome_unknown")]
    assert lies(bank, {"who": "w0", "what": "ended", "returned": both}) == [KEY]


def test_who_was_taken_for_dead_must_not_send() -> None:
    stop = {"who": "w0", "what": "stop", "when": "before sending", "key": KEY}
    asks = {"who": "bank", "of": "w0", "what": "request", "told": f"refId={KEY}"}
    assert list(truth.sent_late([asks, stop])) == []
    assert list(truth.sent_late([stop, {**asks, "told": f"refId={OTHER}"}])) == []
    assert list(truth.sent_late([stop, {**asks, "of": "w1"}])) == []
    assert len(list(truth.sent_late([stop, asks]))) == 1
