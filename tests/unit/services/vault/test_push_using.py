"""Rows in another database are pushed and deleted from there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.db import connections

from django_dinero.models import CreditCard, Customer, Operation, Transaction
from tests.support.journaling import second_database
from tests.support.recording import RecordingGateway

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def other(tmp_path: Path, gateway: RecordingGateway) -> Iterator[str]:
    """The alias of a second database with the vault's tables."""
    with second_database(tmp_path) as alias:
        with connections[alias].schema_editor() as editor:
            for model in (get_user_model(), Customer, CreditCard, Transaction):
                editor.create_model(model)
        yield alias


def test_rows_of_another_database_are_pushed_from_there(
    gateway: RecordingGateway, other: str
) -> None:
    customer = Customer(email="a@example.com")
    customer.save(using=other)
    # The same primary key in the usual database.
    stranger = Customer(pk=customer.pk, email="stranger@example.com")
    Customer.objects.bulk_create([stranger])
    customer.email = "b@example.com"
    customer.save()
    found, created = Customer.objects.using(other).update_or_create(
        pk=customer.pk, defaults={"email": "c@example.com"}
    )
    assert gateway.verbs == ["create_customer", "update_customer", "update_customer"]
    assert (found.sync_state, created, found.customer_id) == ("synced", False, customer.customer_id)
    stranger.refresh_from_db()
    assert (stranger.sync_state, stranger.customer_id) == ("pending", None)


@pytest.mark.parametrize("how", ["instance", "queryset", "positional"])
def test_rows_of_another_database_are_deleted_from_there(
    gateway: RecordingGateway, other: str, how: str
) -> None:
    Customer.objects.using(other).create(email="a@example.com")
    customer = Customer.objects.using(other).get()
    if how == "queryset":
        Customer.objects.using(other).all().delete()
    elif how == "positional":
        customer.delete(other)
    else:
        customer.delete()
    assert gateway.verbs[-1] == "delete_customer"
    assert not Customer.objects.using(other).exists()
    assert Operation.objects.using(other).get().state == "succeeded"
