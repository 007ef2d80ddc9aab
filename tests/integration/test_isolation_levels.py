"""Rivals at each isolation level that a project may choose: one answer, and errors of ours only."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from django.db import connections

from django_dinero.models import Customer, Transaction
from tests.databases import VENDOR
from tests.support.racing import at_once
from tests.support.recording import RecordingGateway
from tests.unit.services.conftest import card, gateway, make_customer

__all__ = ["card", "gateway", "make_customer"]

ALIASES = ["default"] if VENDOR == "sqlite" else ["default", "journal"]
pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True, databases=ALIASES)]

ROUNDS = 5
LEVELS = ["", "repeatable read", "serializable"]
BUSY = {"operation_in_progress"}


@pytest.fixture(params=LEVELS if VENDOR != "sqlite" else [""], autouse=True)
def isolation(request: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The level of each connection that is opened in the test; empty for Django's own."""
    for alias in ALIASES if request.param else []:
        entry = connections.settings[alias]
        options = {**entry.get("OPTIONS", {}), "isolation_level": _level(request.param)}
        monkeypatch.setitem(entry, "OPTIONS", options)
        connections[alias].close()
        monkeypatch.setitem(connections[alias].settings_dict, "OPTIONS", options)
    yield
    for alias in ALIASES:
        connections[alias].close()


def _level(name: str) -> Any:
    if VENDOR != "postgresql":
        return name
    from psycopg import IsolationLevel  # noqa: PLC0415 - there with PostgreSQL alone

    return IsolationLevel[name.upper().replace(" ", "_")]


def test_one_key_is_one_charge(gateway: RecordingGateway, make_customer: Any) -> None:
    pk = make_customer().pk

    def charge(key: str) -> Transaction:
        return Customer.objects.get(pk=pk).charge(5, idempotency_key=key)

    for n in range(ROUNDS):
        found = at_once(*[partial(charge, f"order-{n}")] * 4)
        assert {each for each in found if isinstance(each, str)} <= BUSY
        assert len({each for each in found if isinstance(each, Transaction)}) == 1
    assert len(gateway.bank.transactions()) == Transaction.objects.count() == ROUNDS


def test_one_key_is_one_customer(gateway: RecordingGateway, card: dict[str, Any]) -> None:
    for n in range(ROUNDS):
        create = partial(Customer.create, f"{n}@example.com", idempotency_key=f"sign-{n}", **card)
        found = at_once(*[create] * 3)
        assert {each for each in found if isinstance(each, str)} <= BUSY
    assert Customer.objects.count() == len(list(gateway.iter_customers())) == ROUNDS


def test_a_capture_against_a_void(gateway: RecordingGateway, make_customer: Any) -> None:
    customer = make_customer()
    for n in range(ROUNDS):
        row = Transaction.create(n + 1, customer=customer, settle=False)
        one, two = (Transaction.objects.get(pk=row.pk) for _ in range(2))
        found = at_once(one.capture, two.void)
        refusals = {each for each in found if isinstance(each, str)}
        assert refusals <= {*BUSY, "invalid_transaction"}
        row.refresh_from_db()
        (entry,) = (e for e in gateway.bank.transactions() if e.id == row.transaction_id)
        assert (entry.status == "voided") is (row.status == "voided")
