"""An instance whose transaction was rolled back, and whose primary key another row has got."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction

from django_dinero.exceptions import InvalidInput
from django_dinero.models import CreditCard, Customer
from tests.support.recording import RecordingGateway

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")


class RolledBackError(Exception):
    """What rolls a transaction back."""


def rolled_back() -> Customer:
    customer = Customer(email="ann@example.com", first_name="Ann")
    with pytest.raises(RolledBackError), transaction.atomic():
        customer.save()
        raise RolledBackError
    return customer


def take_key_of(ann: Customer, card: dict[str, Any]) -> Customer:
    """Store another customer under the same primary key."""
    bob = Customer.create("bob@example.com", **card)
    key = ann.pk
    if bob.pk != key:  # only SQLite gives it out again by itself
        CreditCard.objects.all().update_without_push(default_of=None)
        ann.pk = bob.pk
    return Customer.objects.get(pk=bob.pk)


def test_it_is_saved_as_a_row_of_its_own(gateway: RecordingGateway, card: dict[str, Any]) -> None:
    ann = rolled_back()
    bob = take_key_of(ann, card)
    ann.save()
    assert ann.pk != bob.pk
    stored = Customer.objects.get(pk=bob.pk)
    assert (stored.email, stored.public_id) == ("bob@example.com", bob.public_id)
    assert gateway.bank.customer(bob.customer_id or "").email == "bob@example.com"
    assert gateway.bank.customer(ann.customer_id or "").email == "ann@example.com"


def test_it_is_not_charged(gateway: RecordingGateway, card: dict[str, Any]) -> None:
    ann = rolled_back()
    take_key_of(ann, card)
    mark = gateway.mark
    with pytest.raises(InvalidInput, match="no card"):
        ann.charge("5.00")
    assert gateway.since(mark) == []


def test_a_change_in_a_savepoint_that_was_rolled_back_is_saved_again(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    Customer.create("bob@example.com", **card)
    customer = Customer.objects.get()
    with transaction.atomic():
        customer.first_name = "A"
        customer.save()
        with pytest.raises(RolledBackError), transaction.atomic():
            customer.first_name = "B"
            customer.save()
            raise RolledBackError
    assert customer.first_name == "B"
    customer.save()
    assert Customer.objects.get().first_name == "B"


def test_its_delete_leaves_the_other_row_alone(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    ann = rolled_back()
    bob = take_key_of(ann, card)
    mark = gateway.mark
    assert ann.delete() == (0, {})
    assert Customer.objects.get() == bob
    assert gateway.since(mark) == []
