"""Deleting a customer of whom nobody knows yet whether the gateway has it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from django_dinero.exceptions import DineroError, OperationInProgress, OutcomeUnknown
from django_dinero.models import CreditCard, Customer, Operation, Transaction
from django_dinero.services import pull
from django_dinero.services.recovery.lookup import look_up
from django_dinero.services.vault import deletions
from tests.support.recording import RecordingGateway, lose_reply, lose_request

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
