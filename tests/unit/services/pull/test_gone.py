"""What the gateway no longer has is marked, unless it has changed since it was read."""

from __future__ import annotations

import pytest

from django_dinero.models import CreditCard, Customer
from django_dinero.send_deadline import uptime
from django_dinero.services.pull import mark_gone
from tests.support.cards import SECOND, Make

pytestmark = pytest.mark.django_db


def test_a_row_that_was_pushed_meanwhile_is_not_marked(make_customer: Make) -> None:
    """Somebody stored it again between the answer and now."""
    before = make_customer()
    row = Customer.objects.get()
    row.email = "new@example.com"
    row.save()
    assert not mark_gone(before, uptime())
    assert {Customer.objects.get().sync_state, CreditCard.objects.get().sync_state} == {"synced"}


def test_an_edit_that_waits_stays(make_customer: Make) -> None:
    customer = make_customer()
    edited = customer.add_card(**SECOND)
    CreditCard.objects.filter(pk=edited.pk).update(zip="99999")
    assert mark_gone(customer, uptime())
    states = CreditCard.objects.order_by("pk").values_list("sync_state", "default_of")
    assert list(states) == [("missing", None), ("pending", None)]
    assert not mark_gone(Customer.objects.get(), uptime())


def test_cards_that_were_left_of_a_marked_customer_are_marked(make_customer: Make) -> None:
    """Its push found it gone, and an earlier release marked the customer alone."""
    make_customer()
    Customer.objects.update_without_push(sync_state="missing", sync_error="gone")
    customer = Customer.objects.get()
    assert not mark_gone(customer, uptime())
    customer.refresh_from_db()
    assert (customer.sync_state, customer.sync_error) == ("missing", "gone")
    assert CreditCard.objects.get().sync_state == "missing"
    assert not CreditCard.objects.get().is_default
