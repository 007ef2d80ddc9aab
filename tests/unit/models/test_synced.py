"""Rows of what a vault has: what a save, an update and a fixture mark, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import transaction

from django_dinero.exceptions import CardNotFoundError, InvalidInput, NotSent
from django_dinero.models import CreditCard, Customer
from tests.support.recording import RecordingGateway, refuse_connection
from tests.unit.services.conftest import card, make_customer

__all__ = ["card", "make_customer"]

Make = Callable[..., Customer]

pytestmark = pytest.mark.django_db


def state(customer: Customer) -> tuple[str, int]:
    row = Customer.objects.get(pk=customer.pk)
    return row.sync_state, row.version


# -- Past save() -----------------------------------------------------------------------------------


def test_bulk_update_marks_only_what_is_mirrored(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    before = state(customer)
    mark = gateway.mark
    Customer.objects.bulk_update([customer], ["owner"])
    assert state(customer) == before
    customer.email = "new@example.com"
    Customer.objects.bulk_update([customer], ["email"])
    assert state(customer) == ("pending", before[1] + 1)
    assert gateway.since(mark) == []


def test_what_the_gateway_said_is_written_without_a_mark(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    before = state(customer)
    customer.email = "theirs@example.com"
    Customer.objects.bulk_update_without_push([customer], ["email"])
    assert state(customer) == before
    Customer.objects.filter(pk=customer.pk).update_without_push(email="again@example.com")
    assert state(customer) == before
    assert Customer.objects.get().email == "again@example.com"


def test_a_save_of_what_was_read_before_keeps_the_id_that_a_push_gave(
    gateway: RecordingGateway,
) -> None:
    gateway.faults["create_customer"] = refuse_connection
    with pytest.raises(NotSent):
        Customer(email="bill@example.com").save()
    early, late = Customer.objects.get(), Customer.objects.get()
    late.save()
    early.save()  # nothing changed, so that no push would bring the id again
    [stored] = gateway.bank.customers()
    assert early.customer_id == Customer.objects.get().customer_id == stored.id


def test_get_or_create_pushes_what_it_creates(gateway: RecordingGateway) -> None:
    row, created = Customer.objects.get_or_create(email="bill@example.com")
    assert (created, row.sync_state) == (True, "synced")
    assert Customer.objects.get_or_create(email="bill@example.com") == (row, False)
    assert gateway.verbs == ["create_customer"]


# -- Saving ----------------------------------------------------------------------------------------


def test_a_save_of_some_fields_sends_the_whole_row(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    customer.email = "new@example.com"
    customer.save(update_fields=["email"])
    assert gateway.verbs[-1] == "update_customer"
    assert state(customer)[0] == "synced"
    mark = gateway.mark
    customer.save(update_fields=["owner"])
    assert gateway.since(mark) == []
    customer.sync_error = "not the caller's to write"
    customer.save(update_fields=["owner", "sync_error"])
    assert Customer.objects.get().sync_error == ""


def test_a_save_of_some_fields_does_not_speak_for_the_others(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer(first_name="Bill")
    Customer.objects.update(first_name="Fred")  # waits
    with transaction.atomic():
        customer.save(update_fields=["email"])
        assert state(customer)[0] == "pending"
    assert gateway.verbs[-1] == "update_customer"


def test_update_fields_may_be_an_iterator(gateway: RecordingGateway, make_customer: Make) -> None:
    customer = make_customer()
    customer.email = "new@example.com"
    customer.save(update_fields=iter(["email"]))
    assert Customer.objects.get().email == "new@example.com"


def test_only_the_saved_fields_are_judged(gateway: RecordingGateway, make_customer: Make) -> None:
    customer = make_customer()
    customer.first_name, customer.email = "x" * 500, "new@example.com"
    customer.save(update_fields=["email"])
    with pytest.raises(InvalidInput) as caught:
        customer.save(update_fields=["first_name"])
    assert set(caught.value.errors) == {"first_name"}


def test_deferred_fields_are_not_fetched_to_be_judged(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    make_customer()
    customer = Customer.objects.defer("first_name").get()
    customer.email = "new@example.com"
    customer.save()
    assert "first_name" not in vars(customer) or Customer.objects.get().email == customer.email
    assert state(customer)[0] == "synced"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "Pass a str, not NoneType."),
        (7, "Pass a str, not int."),
        ("x" * 255, "At most"),
    ],
)
def test_a_value_that_cannot_be_stored_names_its_field(
    gateway: RecordingGateway, make_customer: Make, value: Any, text: str
) -> None:
    customer = make_customer()
    before, mark = state(customer), gateway.mark
    customer.first_name = value
    with pytest.raises(InvalidInput) as caught:
        customer.save()
    assert list(caught.value.errors) == ["first_name"]
    assert text in str(caught.value)
    assert caught.value.gateway_name == "default"
    assert (customer.sync_state, customer.version) == before == state(customer)
    assert gateway.since(mark) == []


def test_a_row_of_a_gateway_that_is_gone_is_not_saved(gateway: RecordingGateway) -> None:
    with pytest.raises(InvalidInput, match="nowhere"):
        Customer(gateway_name="nowhere", email="bill@example.com").save()
    assert not Customer.objects.exists()


# -- A row that the gateway lost -------------------------------------------------------------------


def test_a_card_that_is_missing_stays_so_until_it_is_edited(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    make_customer()
    CreditCard.objects.update_without_push(sync_state="missing")
    row, mark = CreditCard.objects.get(), gateway.mark
    row.save()
    row.refresh_from_db()
    assert (row.sync_state, gateway.since(mark)) == ("missing", [])
    row.zip = "99999"
    row.save()
    row.refresh_from_db()
    assert (row.sync_state, gateway.since(mark)) == ("synced", ["update_card"])


def test_an_edit_there_and_back_of_a_missing_card_is_asked_at_the_gateway(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    row = make_customer().add_card(number="4007000000027", zip="12345")
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)  # nothing is concluded from a new card's absence
    CreditCard.objects.update_without_push(created_at=long_ago)
    row.refresh_from_db()
    gateway.bank.delete_card(row.customer_id, row.card_id)
    with pytest.raises(CardNotFoundError):
        edit_zip(row, "99999")
    for zip_code in ("12345", "12345"):
        with pytest.raises(CardNotFoundError):
            CreditCard.objects.update_or_create(pk=row.pk, defaults={"zip": zip_code})
    row.refresh_from_db()
    assert row.sync_state == "missing"


def edit_zip(row: CreditCard, zip_code: str) -> None:
    row.zip = zip_code
    row.save()
