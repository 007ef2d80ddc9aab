"""``refresh_from_gateway()``: one customer is brought up to date."""

from __future__ import annotations

from typing import Any

import pytest

from django_dinero.exceptions import CustomerNotFoundError, InvalidInput
from django_dinero.models import Customer
from tests.support.aging import grow_old
from tests.support.cards import SECOND, Make
from tests.support.recording import RecordingGateway

pytestmark = pytest.mark.django_db


def test_it_brings_what_the_gateway_has(gateway: RecordingGateway, make_customer: Make) -> None:
    customer = make_customer()
    Customer.objects.get().add_card(**SECOND).delete()
    gateway.bank.update_customer(
        customer.customer_id or "", key=customer.customer_key, email="new@example.com"
    )
    customer.first_name = "Ann"
    assert customer.refresh_from_gateway() is customer
    assert (customer.email, customer.first_name) == ("new@example.com", "Ann")
    customer.save()
    assert gateway.bank.customer(customer.customer_id or "").first_name == "Ann"
    assert Customer.objects.get().email == "new@example.com"


def test_one_that_is_gone_is_marked(gateway: RecordingGateway, make_customer: Make) -> None:
    customer = make_customer()
    gateway.bank.delete_customer(customer.customer_id or "")
    with pytest.raises(CustomerNotFoundError):
        customer.refresh_from_gateway()
    assert customer.sync_state == customer.cards[0].sync_state == "missing"
    assert customer.default_card is None


def test_a_new_one_is_not_marked(gateway: RecordingGateway, make_customer: Make) -> None:
    customer = make_customer()
    grow_old(5)
    gateway.bank.delete_customer(customer.customer_id or "")
    with pytest.raises(CustomerNotFoundError):
        Customer.objects.get().refresh_from_gateway()
    assert Customer.objects.get().sync_state == "synced"


def test_one_that_the_gateway_never_had(gateway: RecordingGateway) -> None:
    with pytest.raises(InvalidInput, match="save it first"):
        Customer(email="a@example.com").refresh_from_gateway()


def test_one_of_another_account(gateway: RecordingGateway, make_customer: Make) -> None:
    customer: Any = make_customer()
    Customer.objects.update_without_push(live=True)
    mark = gateway.mark
    with pytest.raises(InvalidInput, match="live account"):
        Customer.objects.get().refresh_from_gateway()
    assert gateway.since(mark) == []
    assert customer.pk
