"""A project without USE_TZ, on both sides of Greenwich: a lost charge is found and made once."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from django_dinero.exceptions import OutcomeUnknown
from django_dinero.models import Customer, Operation, Transaction
from django_dinero.sandbox.http.faults import FaultName
from django_dinero.sandbox.http.server import SandboxServer

pytestmark = pytest.mark.django_db

CARD: dict[str, Any] = {"number": "4111111111111111", "month": 12, "year": 2035, "zip": "12345"}
PAST = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
KEY = "order-1001-1"


@pytest.fixture(params=["UTC", "Europe/Berlin", "America/New_York"])
def customer(request: pytest.FixtureRequest, bank: SandboxServer, settings: Any) -> Customer:
    settings.USE_TZ, settings.TIME_ZONE = False, request.param
    return Customer.create("bill@example.com", **CARD)


def lost_charge(bank: SandboxServer, customer: Customer) -> Operation:
    bank.faults.add(FaultName.DROP_AFTER, "createTransactionRequest")
    with pytest.raises(OutcomeUnknown) as caught:
        Transaction.create("5.00", customer=customer, idempotency_key=KEY)
    operation = caught.value.operation
    assert isinstance(operation, Operation)
    return operation


def test_a_lost_charge_is_found(bank: SandboxServer, customer: Customer) -> None:
    operation = lost_charge(bank, customer)
    Operation.objects.update(quarantine_until=PAST)
    assert operation.look_up().state == "succeeded"
    assert len(bank.bank.transactions()) == 1


def test_a_charge_that_has_settled_meanwhile_is_found(
    bank: SandboxServer, customer: Customer
) -> None:
    operation = lost_charge(bank, customer)
    bank.bank.settle_batch()
    Operation.objects.update(quarantine_until=PAST)
    assert operation.look_up().state == "succeeded"
    assert Transaction.create("5.00", customer=customer, idempotency_key=KEY).status == "settled"
    assert len(bank.bank.transactions()) == 1


def test_a_quarantine_is_not_over_because_of_a_time_zone(
    bank: SandboxServer, customer: Customer
) -> None:
    bank.faults.add(FaultName.DROP_BEFORE, "createTransactionRequest")
    with pytest.raises(OutcomeUnknown) as caught:
        Transaction.create("5.00", customer=customer, idempotency_key=KEY)
    operation = caught.value.operation
    assert operation.look_up().state == "unknown"
    Operation.objects.update(quarantine_until=PAST)
    assert operation.look_up().state == "absent"
    assert Transaction.create("5.00", customer=customer, idempotency_key=KEY).status == "approved"
    assert len(bank.bank.transactions()) == 1
