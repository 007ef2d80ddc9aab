"""The sweep over Authorize.Net's lists, which tell less than the transactions themselves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db.models import F

from django_dinero.exceptions import DineroError, OutcomeUnknown
from django_dinero.gateways.authorizenet import lists
from django_dinero.gateways.registry import get_gateway
from django_dinero.models import Customer, Difference, Operation, Transaction
from django_dinero.sandbox.http.faults import FaultName
from django_dinero.sandbox.http.server import SandboxServer
from django_dinero.services.reconcile.phase import Run
from django_dinero.services.reconcile.settlement import ask_about_old
from django_dinero.services.reconcile.sweep import sweep

pytestmark = pytest.mark.django_db

CARD: dict[str, Any] = {"number": "4111111111111111", "month": 12, "year": 2035, "zip": "12345"}


@pytest.fixture
def customer(bank: SandboxServer) -> Customer:
    """A customer with a card, whose checks do not stand in the way of what is counted."""
    return Customer.create("bill@example.com", **CARD)


def make_run(days: float = 2) -> Run:
    return Run(get_gateway(), datetime.now(UTC) - timedelta(days=days))


def age(days: float) -> None:
    Transaction.objects.update(created_at=F("created_at") - timedelta(days=days))


def details_asked(bank: SandboxServer) -> int:
    return bank.counts.requests.get("getTransactionDetailsRequest", 0)


def test_a_day_of_everything_agrees_and_then_settles(
    bank: SandboxServer, customer: Customer
) -> None:
    paid = Transaction.create("50.00", customer=customer)
    Transaction.create("7.00", customer=customer).void()
    Transaction.create("9.00", customer=customer, settle=False)
    part = Transaction.create("30.00", customer=customer, settle=False).capture("10.00")
    before, run = details_asked(bank), make_run()
    sweep(run)
    assert (run.counts["differences"], details_asked(bank)) == (0, before)
    batch = bank.bank.settle_batch()
    run = make_run()
    sweep(run)
    assert (run.counts["now_settled"], run.counts["differences"]) == (2, 0)
    for row in (paid, part, part.parent):
        assert row is not None
        row.refresh_from_db()
        assert (row.status, row.batch_id) == ("settled", batch.id)
        assert row.settled_at is not None
        assert abs(row.settled_at - batch.settled_at) < timedelta(seconds=1)
    assert details_asked(bank) == before
    refund = paid.refund("20.00")
    bank.bank.settle_batch()
    sweep(make_run())
    refund.refresh_from_db()
    assert (refund.status, Difference.objects.count()) == ("settled", 0)


def test_what_was_captured_in_the_gateways_own_pages_gets_its_row(
    bank: SandboxServer, customer: Customer
) -> None:
    row = Transaction.create("50.00", customer=customer, settle=False)
    bank.bank.capture(row.transaction_id or "")
    sweep(make_run())
    assert row.children.get().kind == "capture"
    assert not Difference.objects.exists()


@pytest.mark.parametrize("settled", [False, True])
def test_what_was_refunded_in_the_gateways_own_pages_gets_its_row(
    bank: SandboxServer, customer: Customer, settled: bool
) -> None:
    row = Transaction.create("50.00", customer=customer)
    bank.bank.settle_batch()
    bank.bank.refund(row.transaction_id or "", Decimal("20.00"))
    if settled:
        bank.bank.settle_batch()
    for _run in range(2):
        asked = details_asked(bank)
        sweep(make_run())
    assert details_asked(bank) == asked, "it is asked about once"
    refund = Transaction.objects.get(kind="refund")
    assert (refund.parent, refund.status) == (row, "settled" if settled else "approved")
    assert not Difference.objects.exists()


def test_what_was_authorized_weeks_ago_is_seen_when_it_settles(
    bank: SandboxServer, customer: Customer
) -> None:
    row = Transaction.create("50.00", customer=customer, settle=False)
    old = (datetime.now(UTC) - timedelta(days=20)).isoformat()
    bank.bank.store.execute("UPDATE ledger SET submitted_at = ?", (old,))
    age(20)
    capture = row.capture("50.00")
    bank.bank.settle_batch()
    sweep(make_run())
    capture.refresh_from_db()
    assert capture.status == "settled"


def test_a_return_of_weeks_later_is_seen_by_its_settled_payment_being_asked(
    bank: SandboxServer, customer: Customer
) -> None:
    row = Transaction.create("50.00", customer=customer)
    bank.bank.settle_batch()
    bank.bank.return_item(row.transaction_id or "")
    age(5)
    ask_about_old(make_run())
    row.refresh_from_db()
    assert row.status == "returned"


def test_a_charge_without_an_answer_is_ended(bank: SandboxServer, customer: Customer) -> None:
    bank.faults.add(FaultName.DROP_AFTER, "createTransactionRequest")
    with pytest.raises(OutcomeUnknown):
        Transaction.create("50.00", customer=customer)
    sweep(make_run())
    assert Operation.objects.get(kind="charge").state == "succeeded"
    assert Transaction.objects.get().price == 50


def test_a_list_whose_second_page_fails_proves_nothing(
    bank: SandboxServer, customer: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "PAGE", 6)
    for amount in range(1, 9):
        Transaction.create(amount, customer=customer)
    age(0.5)
    bank.bank.store.execute("DELETE FROM ledger WHERE amount = '1.00'")
    first_pages = lists._page

    def broken(client: Any, operation: str, values: Any, limit: int, number: int) -> Any:
        if number == 2:
            bank.faults.add(FaultName.TRUNCATE, operation + "Request")
        return first_pages(client, operation, values, limit, number)

    with monkeypatch.context() as patch:
        patch.setattr(lists, "_page", broken)
        with pytest.raises(DineroError):
            sweep(make_run())
    assert not Difference.objects.exists()
    sweep(make_run(days=0.7))
    assert Difference.objects.get().kind == "missing_there"
