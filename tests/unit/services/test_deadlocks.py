"""A write by itself that a rival's is in the way of is written again; nobody else would do it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import OperationalError

from django_dinero.models import Customer, Difference, Operation, Transaction
from django_dinero.models.difference import DifferenceKind
from django_dinero.models.transaction_status import TransactionStatus
from django_dinero.services import ledger
from django_dinero.services.reconcile import differences
from django_dinero.services.reconcile.differences import Found
from django_dinero.services.vault.erasure import erase
from tests.support.racing import before_statement
from tests.support.recording import RecordingGateway
from tests.unit.services.conftest import card, make_customer

__all__ = ["card", "make_customer"]

pytestmark = pytest.mark.django_db(transaction=True)


def deadlock() -> None:
    """MariaDB gives up one of two transactions that wait for each other."""
    raise OperationalError(1213, "Deadlock found when trying to get lock")


@pytest.fixture
def customer(gateway: RecordingGateway, make_customer: Callable[..., Customer]) -> Customer:
    return make_customer()


def test_where_a_payment_stands(gateway: RecordingGateway, customer: Customer) -> None:
    charge = customer.charge(5)
    gateway.bank.settle_batch()
    with before_statement("UPDATE dinero_transaction", deadlock):
        assert charge.refresh_from_gateway().status == "settled"
    assert Transaction.objects.get().status == "settled"


def test_how_other_softwares_held_payment_was_decided(
    gateway: RecordingGateway, customer: Customer
) -> None:
    charge = customer.charge(5)
    Operation.objects.all().delete()
    Transaction.objects.update(operation_key=None, status=TransactionStatus.HELD)
    charge.refresh_from_db()
    decision = ledger.Decision.of(charge, ledger.RemoteStanding(TransactionStatus.APPROVED))
    with before_statement("UPDATE dinero_transaction", deadlock):
        assert decision.write()
    assert Transaction.objects.get().status == "approved"


def test_an_erasure(gateway: RecordingGateway, customer: Customer) -> None:
    customer.charge(5, description="for Bill")
    with before_statement("UPDATE dinero_transaction", deadlock):
        erase(customer)
    assert Transaction.objects.get().description == ""


@pytest.mark.parametrize("act", ["close", "resolve", "note"])
def test_a_difference(act: str, gateway: RecordingGateway) -> None:
    found = Found(kind=DifferenceKind.BOOKS, subject="2026-11-28 USD", reason="books")
    difference = differences.record(gateway, found)
    assert difference is not None
    acts: dict[str, Callable[[], object]] = {
        "close": lambda: difference.close(note="explained", by="ann"),
        "resolve": lambda: differences.resolve(Difference.objects.all()),
        "note": lambda: differences.note_asked(difference),
    }
    with before_statement("UPDATE dinero_difference", deadlock):
        acts[act]()
    stored = Difference.objects.get()
    states = {"close": "closed", "resolve": "resolved", "note": "open"}
    assert (stored.state, "asked_at" in stored.facts) == (states[act], act == "note")
