"""The gateway's clock and ours differ: a lost charge is found, none is wrongly called absent."""

from __future__ import annotations

import datetime
import sqlite3
from typing import Any

import pytest
from django.utils import timezone

from django_dinero.exceptions import GatewayError, OutcomeUnknown
from django_dinero.gateways.registry import get_gateway
from django_dinero.models import Customer, Operation, Transaction
from django_dinero.sandbox.http import dates, server
from django_dinero.sandbox.http.faults import FaultName
from django_dinero.sandbox.http.server import SandboxServer

pytestmark = pytest.mark.django_db

CARD: dict[str, Any] = {"number": "4111111111111111", "month": 12, "year": 2035, "zip": "12345"}
HOUR = 3600.0


@pytest.fixture(params=[-HOUR, HOUR], ids=["behind", "ahead"])
def offset(request: pytest.FixtureRequest, bank: SandboxServer) -> float:
    """Seconds by which the gateway's clock differs from ours."""
    seconds: float = request.param
    with bank.bank.store.writing():
        bank.bank.store.put("clock_offset", repr(seconds))
    return seconds


def lost_charge(bank: SandboxServer) -> Operation:
    customer = Customer.create("bill@example.com", **CARD)
    bank.faults.add(FaultName.DROP_AFTER, "createTransactionRequest")
    with pytest.raises(OutcomeUnknown) as caught:
        Transaction.create("5.00", customer=customer, idempotency_key="order-1001-1")
    operation = caught.value.operation
    assert isinstance(operation, Operation)
    Operation.objects.update(quarantine_until="2020-01-01T00:00:00Z")
    return operation


def test_a_lost_charge_is_found_however_far_the_clocks_are_apart(
    bank: SandboxServer, offset: float
) -> None:
    operation = lost_charge(bank)
    assert operation.look_up().state == "succeeded"
    assert len(bank.bank.transactions()) == 1


def test_the_gateways_time_is_learned(bank: SandboxServer, offset: float) -> None:
    told = get_gateway().clock()
    assert told is not None
    assert abs((told - timezone.now()).total_seconds() - offset) < 60


def test_without_the_gateways_time_nothing_is_absent(
    bank: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    operation = lost_charge(bank)
    monkeypatch.setattr(server, "date_header", lambda bank: "yesterday")
    with pytest.raises(GatewayError, match="Date"):
        get_gateway().clock()
    assert operation.look_up().state == "unknown"
    assert "Date" in operation.outcome["lookup"]


def test_a_bank_that_cannot_be_read_tells_this_machines_time(
    bank: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> datetime.datetime:

        raise sqlite3.OperationalError("locked")

    monkeypatch.setattr(bank.bank.clock, "now", broken)
    assert dates.date_header(bank.bank).endswith("GMT")
