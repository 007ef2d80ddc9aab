"""A save writes what its instance changed: others' changes stay, and rollbacks are remembered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from django_dinero.models import CreditCard, Customer
from tests.support.recording import RecordingGateway
from tests.unit.services.conftest import card, make_customer

__all__ = ["card", "make_customer"]

Make = Callable[..., Customer]

pytestmark = pytest.mark.django_db


def texts() -> tuple[str, ...]:
    row = Customer.objects.get()
    return row.email, row.first_name, row.last_name


def updates(call: Callable[[], object]) -> list[str]:
    """The UPDATEs of customers, without those that a push writes."""
    with CaptureQueriesContext(connection) as context:
        call()
    sql = [query["sql"] for query in context.captured_queries]
    mine = [each for each in sql if each.startswith("UPDATE") and "dinero_customer" in each]
    return [each for each in mine if "synced_digest" not in each]


# -- Two instances of one row ----------------------------------------------------------------------


def test_saves_of_different_fields_keep_both(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    make_customer()
    one, two = Customer.objects.get(), Customer.objects.get()
    one.email = "new@example.com"
    one.save()
    two.first_name = "Ada"
    two.save()
    assert texts() == ("new@example.com", "Ada", "")
    sent = gateway.calls[-1][1][0]
    assert (sent.email, sent.first_name) == ("new@example.com", "Ada")
    assert two.email == "new@example.com"


def test_saves_of_different_fields_of_a_card_keep_both(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    make_customer()
    one, two = CreditCard.objects.get(), CreditCard.objects.get()
    one.city = "Rome"
    one.save()
    two.month, two.year = 1, 2035
    two.save()
    sent = gateway.calls[-1][1][0]
    assert (sent.address.city, sent.month, sent.year) == ("Rome", 1, 2035)


def test_a_save_that_changes_nothing_brings_nothing_back(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    make_customer()
    stale = Customer.objects.get()
    Customer.objects.update(email="new@example.com")
    version = Customer.objects.get().version
    stale.save()
    assert texts()[0] == stale.email == "new@example.com"
    assert Customer.objects.get().version == version
    assert gateway.calls[-1][1][0].email == "new@example.com"  # it waited, and is pushed


def test_named_fields_are_written_in_any_case(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    make_customer()
    stale = Customer.objects.get()
    Customer.objects.update(email="new@example.com", first_name="Ada")
    stale.save(update_fields=["email"])
    assert texts() == ("bill@example.com", "Ada", "")


def test_an_owner_is_written_only_when_it_was_changed(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    users = [get_user_model().objects.create(username=name) for name in "ab"]
    make_customer(owner=users[0])
    stale = Customer.objects.get()
    Customer.objects.update(owner=users[1])
    stale.first_name = "Ada"
    stale.save()
    assert Customer.objects.get().owner == users[1]


def test_an_edit_during_the_push_is_pushed_too(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()

    def edited(call: Callable[[], Any]) -> Any:
        Customer.objects.update(last_name="Jones")
        return call()

    gateway.faults["update_customer"] = edited
    mark = gateway.mark
    customer.email = "new@example.com"
    customer.save()
    assert gateway.since(mark) == ["update_customer", "update_customer"]
    assert gateway.calls[-1][1][0].last_name == customer.last_name == "Jones"
    assert (customer.sync_state, customer.version) == ("synced", customer.synced_version)


def test_what_was_changed_and_not_saved_stays_on_the_instance(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    customer.email, customer.first_name = "new@example.com", "Ada"
    customer.save(update_fields=["email"])
    assert (customer.first_name, texts()[1]) == ("Ada", "")
    customer.save()
    assert texts() == ("new@example.com", "Ada", "")


# -- Statements ------------------------------------------------------------------------------------


def test_a_change_is_written_and_marked_in_one_statement(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    customer.email = "new@example.com"
    [sql] = updates(customer.save)
    written = sql.split("WHERE")[0]
    assert "new@example.com" in written
    assert "version" in written
    assert "first_name" not in written


@pytest.mark.parametrize("path", ["update", "get"])
def test_a_saved_instance_needs_no_query_to_know_its_state(
    gateway: RecordingGateway, make_customer: Make, path: str
) -> None:
    customer = make_customer()
    if path == "get":
        customer = Customer.objects.get()
    customer.email = "new@example.com"
    customer.save()
    with CaptureQueriesContext(connection) as context:
        state = (customer.sync_state, customer.version, customer.synced_version)
    assert (state, len(context)) == (("synced", 2, 2), 0)
    stored = Customer.objects.get()
    assert customer.synced_digest == stored.synced_digest == stored.pushed_digest()


# -- Transactions ----------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("nested", [False, True])
def test_a_save_that_was_rolled_back_is_written_again(
    gateway: RecordingGateway, make_customer: Make, nested: bool
) -> None:
    customer = make_customer()
    customer.email = "new@example.com"
    with transaction.atomic():
        with pytest.raises(KeyError), transaction.atomic():
            customer.save()
            raise KeyError
        if nested:
            customer.save()
    if not nested:
        customer.save()
    assert texts()[0] == "new@example.com"
    assert gateway.calls[-1][1][0].email == "new@example.com"


def test_a_rollback_inside_a_testcase_is_remembered_too(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    customer.email = "new@example.com"
    with pytest.raises(KeyError), transaction.atomic():
        customer.save()
        raise KeyError
    customer.first_name = "Ada"
    customer.save()
    assert texts() == ("new@example.com", "Ada", "")


@pytest.mark.django_db(transaction=True)
def test_an_instance_is_up_to_date_after_the_callers_commit(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    with transaction.atomic():
        customer.email = "new@example.com"
        customer.save()
        assert customer.sync_state == "pending"
        customer.first_name = "not saved"
    assert (customer.sync_state, customer.first_name) == ("synced", "not saved")
    assert texts() == ("new@example.com", "", "")


@pytest.mark.django_db(transaction=True)
def test_a_committed_change_is_not_written_again(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    with transaction.atomic():
        customer.email = "new@example.com"
        customer.save()
    Customer.objects.update(email="newer@example.com")
    customer.last_name = "Jones"
    customer.save()
    assert texts() == ("newer@example.com", "", "Jones")


# -- Past save() -----------------------------------------------------------------------------------


def test_a_row_written_with_save_base_is_marked(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    customer.email = "new@example.com"
    customer.save_base()
    assert texts()[0] == "new@example.com"
    assert Customer.objects.get().sync_state == "synced"
    assert gateway.verbs[-1] == "update_customer"


def test_what_was_created_in_bulk_writes_what_was_changed(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    [row] = Customer.objects.bulk_create([Customer(email="a@example.com")])
    Customer.objects.filter(email="a@example.com").update(first_name="Ada")
    row.last_name = "Jones"
    row.save()
    assert texts() == ("a@example.com", "Ada", "Jones")
