"""A sweep while payments are made: none is called missing, none is written twice."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.db.models import F

from django_dinero import signals
from django_dinero.exceptions import DineroError
from django_dinero.models import Customer, Difference, Operation, Transaction
from django_dinero.services.reconcile import covered
from django_dinero.services.reconcile import sweep as sweeping
from django_dinero.services.reconcile.phase import Run
from django_dinero.services.reconcile.sweep import sweep
from tests.databases import VENDOR
from tests.support.racing import at_once
from tests.support.recording import RecordingGateway
from tests.unit.services.conftest import card, make_customer

__all__ = ["card", "make_customer"]

ALIASES = ["default"] if VENDOR == "sqlite" else ["default", "journal"]
pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True, databases=ALIASES)]

Make = Callable[..., Customer]


def two_days(gateway: RecordingGateway, **values: Any) -> Run:
    return Run(gateway, datetime.now(UTC) - timedelta(days=2), **values)


def test_payments_made_meanwhile_are_neither_missing_nor_doubled(
    gateway: RecordingGateway, make_customer: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Without the margin each row that the list is too old for is asked about.
    monkeypatch.setattr(covered, "MARGIN", timedelta(0))
    monkeypatch.setattr(sweeping, "MARGIN", timedelta(0))
    gateway.quarantine_seconds = 0
    customers = [make_customer(email=f"{number}@example.com") for number in range(3)]
    paid: list[Customer] = []

    def pay(customer: Customer) -> None:
        try:
            for number in range(1, 9):
                charge = Transaction.create(number, customer=customer)
                with suppress(DineroError):  # it may have settled by now
                    if number % 4 == 0:
                        charge.void()
                    elif number % 4 == 1:
                        Transaction.create(number, customer=customer, settle=False).capture(1)
        finally:
            paid.append(customer)

    def meanwhile(work: Callable[[], object]) -> None:
        for _ in range(100):
            if len(paid) == len(customers):
                return
            work()

    at_once(
        *[partial(pay, customer) for customer in customers],
        lambda: meanwhile(lambda: sweep(two_days(gateway))),
        lambda: meanwhile(gateway.bank.settle_batch),
    )
    sweep(two_days(gateway))
    at_bank = {entry.id: entry.status for entry in gateway.bank.transactions()}
    rows = Transaction.objects.exclude(kind="void").exclude(kind="capture")
    assert sorted(row.transaction_id or "" for row in rows) == sorted(at_bank)
    words = {"captured": "approved", "authorized": "approved"}
    for row in rows.exclude(status__in=("failed", "declined")):
        there = str(at_bank[row.transaction_id or ""])
        assert row.status == words.get(there, there)
    assert not Difference.objects.exclude(kind="books").exists()
    assert not Operation.objects.filter(state__in=("unknown", "needs_attention")).exists()


def test_sweeps_at_once_tell_each_thing_once(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    told: list[str] = []

    def receive(sender: Any, transaction: Transaction, **kwargs: Any) -> None:
        told.append(transaction.transaction_id or "")

    customer = make_customer()
    paid = [Transaction.create(number, customer=customer) for number in range(1, 6)]
    gateway.bank.settle_batch()
    Transaction.objects.update(created_at=F("created_at") - timedelta(hours=12))
    signals.settled.connect(receive)
    try:
        at_once(
            *[lambda: sweep(two_days(gateway))] * 3,
            lambda: Transaction.retrieve(paid[0].transaction_id or ""),
        )
    finally:
        signals.settled.disconnect(receive)
    assert sorted(told) == sorted(row.transaction_id or "" for row in paid)
    assert set(Transaction.objects.values_list("status", flat=True)) == {"settled"}


def test_what_lands_late_is_told_once_by_two_sweeps(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    told: list[str] = []

    def receive(sender: Any, transaction: Transaction, **kwargs: Any) -> None:
        told.append(transaction.operation_key or "")

    charge = Transaction.create(5, customer=make_customer())
    Transaction.objects.all().delete()
    Operation.objects.filter(key=charge.operation_key).update(state="absent", outcome={})
    signals.landed_late.connect(receive)
    try:
        at_once(*[lambda: sweep(two_days(gateway))] * 4)
    finally:
        signals.landed_late.disconnect(receive)
    assert told == [charge.operation_key]
    assert Transaction.objects.count() == 1
