"""Retrieving a customer: what is pulled, what is kept, what it costs."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pytest_django import DjangoAssertNumQueries

from django_dinero.enums import ReasonKind
from django_dinero.exceptions import (
    CustomerNotFoundError,
    InvalidInput,
    OutcomeUnknown,
)
from django_dinero.gateways.types import Reason, Refusal
from django_dinero.models import CreditCard, Customer, Transaction
from tests.support.aging import grow_old
from tests.support.recording import (
    RecordingGateway,
    lose_reply,
)

Make = Callable[..., Customer]
REFUSED = Refusal((Reason(ReasonKind.GATEWAY_ERROR, "E1", "not today"),))

pytestmark = pytest.mark.django_db


# -- Retrieving ------------------------------------------------------------------------------------


def test_retrieve_mirrors_what_the_gateway_has(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer(first_name="Bill")
    customer.add_card(number="4222222222222")
    remote_id = customer.customer_id or ""
    CreditCard.objects.all()._raw_delete("default")
    Customer.objects.all()._raw_delete("default")
    mark = gateway.mark
    found = Customer.retrieve(remote_id)
    assert (found.email, found.first_name) == ("bill@example.com", "Bill")
    assert [card.last_4 for card in found.cards] == ["1111", "2222"]
    assert found.sync_state == "synced"
    found.save()
    for card in found.cards:
        card.save()
    assert gateway.since(mark) == ["retrieve_customer"]


@pytest.mark.parametrize("age", [0, 86_400])
def test_a_row_whose_customer_is_gone_is_marked_unless_it_is_new(
    gateway: RecordingGateway, make_customer: Make, age: int
) -> None:
    """Whoever asks: refresh_from_gateway, dinero_sync, a webhook, reconcile."""
    customer = make_customer()
    gateway.bank.delete_customer(customer.customer_id or "")
    grow_old(age)
    with pytest.raises(CustomerNotFoundError):
        Customer.retrieve(customer.customer_id or "")
    expected = "missing" if age else "synced"
    assert Customer.objects.get().sync_state == CreditCard.objects.get().sync_state == expected


def test_retrieve_keeps_edits_and_marks_vanished_cards(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    second = customer.add_card(number="4222222222222")
    Customer.objects.filter(pk=customer.pk).update(email="edited@example.com")
    gateway.delete_card(second.customer_id, second.card_id)
    grow_old()
    found = Customer.retrieve(customer.customer_id or "")
    assert (found.email, found.sync_state) == ("edited@example.com", "pending")
    second.refresh_from_db()
    assert second.sync_state == "missing"
    with pytest.raises(InvalidInput):
        Transaction.create(5, card=second)


@pytest.mark.parametrize("cards", [0, 1, 5])
def test_retrieve_costs_the_same_for_any_number_of_cards(
    gateway: RecordingGateway,
    make_customer: Make,
    cards: int,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    customer = make_customer()
    for number in ["4222222222222", "4007000000027", "4012888818888", "5424000000000015"][:cards]:
        customer.add_card(number=number)
    CreditCard.objects.all()._raw_delete("default")
    # Before the call: customer, cards, newest delete. After it: deletes that wait, customer, cards
    # and the insert of cards, in a savepoint.
    with django_assert_num_queries(9):
        Customer.retrieve(customer.customer_id or "")


def test_retrieve_of_an_unknown_id_is_told(gateway: RecordingGateway) -> None:
    with pytest.raises(CustomerNotFoundError):
        Customer.retrieve("999999999")


def test_retrieve_adopts_a_customer_whose_creation_got_no_reply(
    gateway: RecordingGateway,
) -> None:
    gateway.faults["create_customer"] = lose_reply
    customer = Customer(email="lost@example.com")
    with pytest.raises(OutcomeUnknown):
        customer.save()
    remote = next(iter(gateway.iter_customers()))
    assert Customer.retrieve(remote.customer_id).pk == customer.pk
    assert Customer.objects.count() == 1
