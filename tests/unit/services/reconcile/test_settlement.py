"""Payments that no list of the last days shows: each is asked about, as long as it may change."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db.models import F

from django_dinero.exceptions import GatewayError
from django_dinero.models import Customer, Difference, Transaction
from django_dinero.services.reconcile.phase import Run
from django_dinero.services.reconcile.settlement import ask_about_old
from tests.support.recording import RecordingGateway, lose_reply
from tests.support.sweeping import make_run, told

__all__ = ["make_run", "told"]

pytestmark = pytest.mark.django_db

Make = Callable[..., Run]


def age(days: float) -> None:
    Transaction.objects.update(created_at=F("created_at") - timedelta(days=days))


def asked(gateway: RecordingGateway, run: Run) -> int:
    mark = gateway.mark
    ask_about_old(run)
    assert set(gateway.since(mark)) <= {"retrieve_transaction"}
    return len(gateway.since(mark))


def test_what_settles_late_is_seen(
    gateway: RecordingGateway, settled: Transaction, make_run: Make, told: list[tuple[str, str]]
) -> None:
    age(5)
    assert asked(gateway, make_run()) == 1
    settled.refresh_from_db()
    assert (settled.status, told) == ("settled", [("settled", "charge")])
    assert asked(gateway, make_run()) == 0


def test_an_open_authorization_is_asked_about_after_a_week(
    gateway: RecordingGateway,
    authorization: Transaction,
    make_run: Make,
    told: list[tuple[str, str]],
) -> None:
    gateway.bank.store.execute("UPDATE ledger SET status = 'expired'")
    age(5)
    assert asked(gateway, make_run()) == 0
    age(5)
    assert asked(gateway, make_run()) == 1
    authorization.refresh_from_db()
    assert (authorization.status, told) == ("expired", [("expired", "authorization")])


def test_a_captured_one_is_asked_about_at_once(
    gateway: RecordingGateway, authorization: Transaction, make_run: Make
) -> None:
    capture = authorization.capture("20.00")
    gateway.bank.settle_batch()
    age(5)
    assert asked(gateway, make_run()) == 1
    capture.refresh_from_db()
    assert capture.status == "settled"


def test_what_the_list_shows_or_is_long_over_is_not_asked_about(
    gateway: RecordingGateway, charge: Transaction, make_run: Make
) -> None:
    assert asked(gateway, make_run()) == 0
    age(60)
    assert asked(gateway, make_run()) == 0


def test_a_review_of_weeks_ago_is_read(
    gateway: RecordingGateway, held: Transaction, make_run: Make
) -> None:
    gateway.bank.decide_review(held.transaction_id or "", approve=False)
    age(5)
    ask_about_old(make_run())
    held.refresh_from_db()
    assert held.status == "declined"


def test_what_the_gateway_does_not_have_any_more_is_a_difference(
    gateway: RecordingGateway, charge: Transaction, make_run: Make
) -> None:
    gateway.bank.store.execute("DELETE FROM ledger")
    age(5)
    ask_about_old(make_run())
    assert Difference.objects.get().kind == "missing_there"


def test_one_without_an_answer_does_not_stop_the_others(
    gateway: RecordingGateway, customer: Customer, settled: Transaction, make_run: Make
) -> None:
    Transaction.create("7.00", customer=customer)
    age(5)
    gateway.faults["retrieve_transaction"] = lose_reply
    run = make_run()
    assert asked(gateway, run) == 2
    assert (run.counts["unread"], run.counts["asked"]) == (1, 1)


def test_a_gateway_that_does_not_answer_is_left_alone(
    gateway: RecordingGateway, customer: Customer, make_run: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    for amount in range(1, 7):
        Transaction.create(amount, customer=customer)
    age(5)
    calls = []

    def silent(transaction_id: str) -> None:
        calls.append(transaction_id)
        raise GatewayError("no answer")

    monkeypatch.setattr(gateway, "retrieve_transaction", silent)
    with pytest.raises(GatewayError):
        ask_about_old(make_run())
    assert len(calls) == 3


def test_a_dry_run_writes_nothing(
    gateway: RecordingGateway, settled: Transaction, make_run: Make
) -> None:
    age(5)
    before = Transaction.objects.values().get()
    run = make_run(dry_run=True)
    ask_about_old(run)
    assert Transaction.objects.values().get() == before
    assert run.counts["now_settled"] == 1
