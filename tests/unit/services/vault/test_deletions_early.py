"""Deleting a customer of whom nobody knows yet whether the gateway has it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction

from django_dinero.exceptions import DineroError, NotSent, OperationInProgress, OutcomeUnknown
from django_dinero.models import CreditCard, Customer, Operation, Transaction
from django_dinero.services import pull
from django_dinero.services.recovery.lookup import look_up
from django_dinero.services.vault import deletions, push
from django_dinero.services.vault.waiting import drive_deletes
from tests.support.racing import at_once
from tests.support.recording import (
    RecordingGateway,
    lose_reply,
    lose_request,
    refuse_connection,
)

pytestmark = pytest.mark.django_db

Make = Callable[..., Customer]
PAST = "2020-01-01T00:00:00Z"


def unknown(gateway: RecordingGateway, fault: Callable[..., Any]) -> Customer:
    """A customer whose creation got no answer."""
    gateway.faults["create_customer"] = fault
    customer = Customer(email="lost@example.com")
    with pytest.raises(OutcomeUnknown):
        customer.save()
    return customer


def tombstone() -> Operation:
    return Operation.objects.get(kind="delete_customer")


def test_one_that_is_found_is_deleted_there(gateway: RecordingGateway) -> None:
    unknown(gateway, lose_reply).delete()
    assert list(gateway.iter_customers()) == []
    assert not Customer.objects.exists()
    created = Operation.objects.get(kind="create_customer")
    assert tombstone().customer_id == created.customer_id
    assert (created.state, tombstone().state) == ("succeeded", "succeeded")


def test_one_that_is_found_later_does_not_come_back(gateway: RecordingGateway) -> None:
    customer = unknown(gateway, lose_reply)
    gateway.faults["find_operation"] = lose_request
    with pytest.raises(OutcomeUnknown):
        customer.delete()
    assert (tombstone().state, tombstone().customer_id) == ("new", "")
    look_up(Operation.objects.get(kind="create_customer"))
    assert not Customer.objects.exists()
    deletions.push_delete(tombstone().key)
    assert list(gateway.iter_customers()) == []


def test_one_that_never_arrived_needs_no_delete(gateway: RecordingGateway) -> None:
    customer = unknown(gateway, lose_request)
    with pytest.raises(OutcomeUnknown):
        customer.delete()
    Operation.objects.filter(kind="create_customer").update(quarantine_until=PAST)
    deletions.push_delete(tombstone().key)
    assert (tombstone().state, tombstone().outcome) == ("succeeded", {"already": True})
    assert "delete_customer" not in gateway.verbs


def test_one_that_is_being_created_is_deleted_after_it(gateway: RecordingGateway) -> None:
    def deleted_meanwhile(call: Callable[[], Any]) -> Any:
        answer = call()
        with pytest.raises(OperationInProgress):
            Customer.objects.get().delete()
        return answer

    gateway.faults["create_customer"] = deleted_meanwhile
    Customer(email="bill@example.com").save()
    assert not Customer.objects.exists()
    deletions.push_delete(tombstone().key)
    assert tombstone().state == "succeeded"
    assert list(gateway.iter_customers()) == []


def test_one_that_went_without_a_tombstone_while_it_was_created_is_deleted_after_it(
    gateway: RecordingGateway,
) -> None:
    """Whoever deleted it had looked for a creation before this one began."""

    def deleted_meanwhile(call: Callable[[], Any]) -> Any:
        Customer.objects.all()._raw_delete("default")
        return call()

    gateway.faults["create_customer"] = deleted_meanwhile
    Customer(email="bill@example.com").save()
    assert gateway.verbs == ["create_customer", "delete_customer"]
    created = Operation.objects.get(kind="create_customer")
    assert tombstone().customer_id == created.customer_id
    assert (created.state, tombstone().state) == ("succeeded", "succeeded")
    assert list(gateway.iter_customers()) == []


def test_its_delete_waits_where_it_fails(gateway: RecordingGateway) -> None:
    def deleted_meanwhile(call: Callable[[], Any]) -> Any:
        Customer.objects.all()._raw_delete("default")
        return call()

    gateway.faults["create_customer"] = deleted_meanwhile
    gateway.faults["delete_customer"] = refuse_connection
    Customer(email="bill@example.com").save()
    assert len(list(gateway.iter_customers())) == 1
    drive_deletes(gateway, patient=False)
    assert list(gateway.iter_customers()) == []


@pytest.mark.parametrize("is_known", [True, False])
def test_one_that_has_a_row_again_by_then_stays(gateway: RecordingGateway, is_known: bool) -> None:
    """A look-up has written it, or it was saved again and waits for the lock."""

    def made_anew(call: Callable[[], Any]) -> Any:
        answer = call()
        row = Customer.objects.get()
        Customer.objects.all()._raw_delete("default")
        row.pk += 1
        row.customer_id = answer.customer_id if is_known else None
        Customer.objects.bulk_create([row])
        return answer

    gateway.faults["create_customer"] = made_anew
    Customer(email="bill@example.com").save()
    push.push_customer(Customer.objects.get().pk)
    assert "delete_customer" not in gateway.verbs
    (stored,) = gateway.iter_customers()
    assert Customer.objects.get().customer_id == stored.customer_id


@pytest.mark.autonomous
@pytest.mark.django_db(transaction=True, databases="__all__")
def test_one_whose_delete_is_not_committed_when_its_creation_begins(
    gateway: RecordingGateway,
) -> None:
    """Neither sees the other one: the delete no creation, and the creation a row as before."""
    gateway.faults["create_customer"] = refuse_connection
    with pytest.raises(NotSent):
        Customer(email="bill@example.com").save()
    deleted, sent = threading.Event(), threading.Event()

    def delete_slowly() -> None:
        with transaction.atomic():
            Customer.objects.get().delete()
            deleted.set()
            assert sent.wait(30)

    def push_meanwhile() -> None:
        assert deleted.wait(30)
        push.push_customer(Customer.objects.get().pk)

    def let_it_commit(call: Callable[[], Any]) -> Any:
        sent.set()
        return call()

    gateway.faults["create_customer"] = let_it_commit
    at_once(delete_slowly, push_meanwhile)
    assert not Customer.objects.exists()
    assert gateway.verbs[-2:] == ["create_customer", "delete_customer"]
    assert list(gateway.iter_customers()) == []


def test_one_whose_creation_was_refused_leaves_no_tombstone(gateway: RecordingGateway) -> None:
    customer = unknown(gateway, lose_request)
    Operation.objects.update(state="declined", held_lock=None)
    customer.delete()
    assert not Operation.objects.filter(kind="delete_customer").exists()


@pytest.mark.parametrize("verb", ["update_customer", "update_card"])
def test_a_row_that_is_deleted_during_its_push_raises_nothing(
    gateway: RecordingGateway, make_customer: Make, verb: str
) -> None:
    customer = make_customer()
    row = customer.cards[0]

    def deleted_meanwhile(call: Callable[[], Any]) -> Any:
        answer = call()
        CreditCard.objects.all()._raw_delete("default")
        if verb == "update_customer":
            Customer.objects.all()._raw_delete("default")
        return answer

    gateway.faults[verb] = deleted_meanwhile
    customer.email, row.zip = "new@example.com", "99999"
    (customer if verb == "update_customer" else row).save()
    assert gateway.verbs[-1] == verb


def test_a_charge_in_flight_is_booked_though_its_customer_is_deleted(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()

    def deleted_meanwhile(call: Callable[[], Any]) -> Any:
        answer = call()
        Customer.objects.get().delete()
        return answer

    gateway.faults["charge"] = deleted_meanwhile
    Transaction.create(5, customer=customer)
    row = Transaction.objects.get()
    assert (row.status, row.customer, row.customer_id) == ("approved", None, customer.customer_id)
    assert row.last_4 == "1111"


def test_a_delete_whose_answer_is_lost_is_buried_again(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    gateway.faults["delete_customer"] = lose_request
    with pytest.raises(DineroError):
        customer.delete()
    first = tombstone()
    Operation.objects.filter(pk=first.pk).update(quarantine_until=PAST)
    first.refresh_from_db()
    assert look_up(first).state == "absent"
    second = pull.record_deletion_again(first)
    assert (second.state, second.parent_key) == ("new", first.key)
    deletions.push_delete(second.key)
    assert list(gateway.iter_customers()) == []
