"""Inside the caller's own transaction: pushes wait, money needs a journal of its own."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import Any

import pytest
from django.db import connection, transaction

from django_dinero.enums import ReasonKind
from django_dinero.exceptions import HeldForReview, InsideTransaction
from django_dinero.gateways.types import Reason, Refusal
from django_dinero.models import Customer, Operation, Transaction
from django_dinero.services.vault import waiting
from tests.support.recording import RecordingGateway, answer
from tests.unit.services.conftest import card, make_customer

__all__ = ["card", "make_customer"]

pytestmark = pytest.mark.django_db(transaction=True)

REFUSED = Refusal((Reason(ReasonKind.GATEWAY_ERROR, "E1", "not today"),))


def test_a_push_waits_for_the_commit_and_raises_nothing(gateway: RecordingGateway) -> None:
    customer = Customer.create("bill@example.com")
    mark = gateway.mark
    gateway.faults["update_customer"] = answer(REFUSED)
    with transaction.atomic():
        customer.email = "fred@example.com"
        customer.save()
        assert gateway.since(mark) == []
        assert customer.sync_state == "pending"
    customer.refresh_from_db()
    assert gateway.since(mark) == ["update_customer"]
    assert (customer.sync_state, customer.sync_error) == ("error", "not today")


def test_a_rolled_back_save_is_not_pushed(gateway: RecordingGateway) -> None:
    with pytest.raises(KeyError), transaction.atomic():
        Customer(email="bill@example.com").save()
        raise KeyError
    assert gateway.calls == []
    with transaction.atomic():
        try:
            with transaction.atomic():
                Customer(email="savepoint@example.com").save()
                raise KeyError
        except KeyError:
            pass
        Customer(email="kept@example.com").save()
    assert gateway.verbs == ["create_customer"]
    assert Customer.objects.get().email == "kept@example.com"


def test_the_last_of_many_saves_is_pushed_once(gateway: RecordingGateway) -> None:
    customer = Customer.create("bill@example.com")
    mark = gateway.mark
    with transaction.atomic():
        for n in range(5):
            customer.email = f"n{n}@example.com"
            customer.save()
    assert gateway.since(mark) == ["update_customer"]
    assert gateway.calls[-1][1][0].email == "n4@example.com"


def test_a_callback_of_the_projects_that_raises_leaves_the_push_to_sync(
    gateway: RecordingGateway,
) -> None:
    """Django drops the callbacks behind one that raises, and ours with them."""

    def fail() -> None:
        raise KeyError

    customer = Customer.create("bill@example.com")
    with pytest.raises(KeyError), transaction.atomic():
        transaction.on_commit(fail)
        customer.email = "fred@example.com"
        customer.save()
    customer.refresh_from_db()
    assert (customer.email, customer.sync_state) == ("fred@example.com", "pending")
    waiting.drive_pushes(gateway)
    customer.refresh_from_db()
    assert customer.sync_state == "synced"
    remote = gateway.retrieve_customer(customer.customer_id or "")
    assert remote.email == "fred@example.com"  # type: ignore[union-attr]


@pytest.mark.sqlite
def test_money_is_refused_before_anything_is_sent(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    with transaction.atomic(), pytest.raises(InsideTransaction, match="non_atomic_requests"):
        Transaction.create(5, **card)
    assert gateway.calls == []
    assert Operation.objects.count() == 0


@pytest.mark.sqlite
@pytest.mark.parametrize("verb", ["capture", "void", "refund", "approve"])
def test_what_follows_is_refused_before_the_gateway_is_asked(
    gateway: RecordingGateway, card: dict[str, Any], verb: str
) -> None:
    if verb == "approve":
        gateway.bank.hold_next()
    with suppress(HeldForReview):
        Transaction.create(5, settle=verb != "capture", **card)
    mark = gateway.mark
    with transaction.atomic(), pytest.raises(InsideTransaction):
        getattr(Transaction.objects.get(), verb)()
    assert gateway.since(mark) == []
    assert Operation.objects.count() == 1


@pytest.mark.autonomous
@pytest.mark.django_db(transaction=True, databases=["default", "journal"])
def test_the_journal_outlives_the_callers_rollback(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    with pytest.raises(KeyError), transaction.atomic():
        first = Transaction.create(5, idempotency_key="order-1001", **card)
        raise KeyError
    assert Transaction.objects.count() == 0
    operation = Operation.objects.get()
    assert (operation.state, operation.key) == ("succeeded", first.operation_key)
    again = Transaction.create(5, idempotency_key="order-1001", **card)
    assert again.transaction_id == first.transaction_id
    assert gateway.verbs == ["charge"]


@pytest.mark.autonomous
@pytest.mark.django_db(transaction=True, databases=["default", "journal"])
def test_a_customer_and_a_charge_in_one_transaction(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    with transaction.atomic():
        customer = Customer.create("bill@example.com", **card)
        row = Transaction.create(5, customer=customer)
    row.refresh_from_db()
    assert (row.customer, row.status) == (customer, "approved")


def test_two_workers_save_one_row_and_the_last_version_wins(gateway: RecordingGateway) -> None:
    customer = Customer.create("bill@example.com")
    inside, go_on = threading.Event(), threading.Event()

    def slow(call: object) -> object:
        inside.set()
        go_on.wait(10)
        return call()  # type: ignore[operator]

    def first() -> None:
        row = Customer.objects.get(pk=customer.pk)
        row.email = "first@example.com"
        try:
            row.save()
        finally:
            connection.close()

    gateway.faults["update_customer"] = slow
    thread = threading.Thread(target=first)
    thread.start()
    assert inside.wait(10)
    row = Customer.objects.get(pk=customer.pk)
    row.email = "second@example.com"
    row.save()  # its push finds the other one at work, and leaves the change to it
    go_on.set()
    thread.join()
    row.refresh_from_db()
    assert (row.email, row.sync_state) == ("second@example.com", "synced")
    remote = gateway.retrieve_customer(customer.customer_id or "")
    assert remote.email == "second@example.com"  # type: ignore[union-attr]
