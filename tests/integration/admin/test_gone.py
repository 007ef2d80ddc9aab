"""A customer or a card that is gone at the gateway: the same advice on every page."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from django_dinero.models import CreditCard, Customer, Operation
from tests.integration.admin.pages import charge, confirm, messages, new_card, text, url
from tests.support.aging import grow_old
from tests.support.recording import RecordingGateway

pytestmark = pytest.mark.django_db

NEW_CUSTOMER = "A new card needs a new customer."
CARD_AGAIN = "Add the card again if its holder still wants it stored."


@pytest.fixture
def gone(customer: Customer, gateway: RecordingGateway) -> Customer:
    """A customer whom somebody has deleted in the gateway's own pages; nobody here knows."""
    gateway.bank.delete_customer(str(customer.customer_id))
    grow_old()
    return customer


def save(root: Client, customer: Customer) -> Any:
    """Save another e-mail on the customer's page."""
    values = {"first_name": "Bill", "last_name": "Bloggs", "owner": ""}
    return root.post(url("customer_change", customer.pk), {**values, "email": "other@example.com"})


def test_saving_says_that_saving_does_not_help(root: Client, gone: Customer) -> None:
    told = messages(save(root, gone))[-1]
    assert NEW_CUSTOMER in told
    assert "push failed" not in told
    assert "saving it again" not in told


def test_the_pages_of_customer_and_card_say_what_helps(root: Client, gone: Customer) -> None:
    card = gone.cards[0]
    assert NEW_CUSTOMER not in text(root.get(url("customer_change", gone.pk)))
    save(root, gone)
    page = root.get(url("customer_change", gone.pk))
    assert NEW_CUSTOMER in text(page)
    assert url("customer_add_card", gone.pk) not in page.content.decode()
    page = root.get(url("creditcard_change", card.pk))
    assert NEW_CUSTOMER in text(page)
    assert CARD_AGAIN not in text(page)


@pytest.mark.parametrize("verb", ["add_card", "push"])
def test_what_cannot_help_leads_back_with_what_does(
    root: Client, gone: Customer, verb: str
) -> None:
    save(root, gone)
    response = root.get(url(f"customer_{verb}", gone.pk))
    assert response["Location"] == url("customer_change", gone.pk)
    assert NEW_CUSTOMER in messages(response)[-1]


def test_a_card_cannot_be_added_or_charged(
    root: Client, gone: Customer, gateway: RecordingGateway
) -> None:
    added = root.post(url("customer_add_card", gone.pk), new_card())
    charged = root.post(url("creditcard_charge", gone.cards[0].pk), charge())
    for page in (added, charged):
        assert "The gateway does not have this customer any more." in text(page)
        assert NEW_CUSTOMER in text(page)
        assert not page.context["notice"].again
    operation = Operation.objects.get(kind="charge")
    assert "a new card needs a new customer" in text(
        root.get(url("operation_change", operation.pk))
    )
    pulled = root.post(url("customer_pull", gone.pk), confirm())
    assert NEW_CUSTOMER in text(pulled)


def test_a_card_of_a_customer_who_is_gone_is_saved(
    root: Client, gone: Customer, card: CreditCard
) -> None:
    names = ("first_name", "last_name", "zip", "month", "year")
    posted = {name: str(getattr(card, name)) for name in names}
    told = messages(root.post(url("creditcard_change", card.pk), {**posted, "city": "Bern"}))[-1]
    assert NEW_CUSTOMER in told
    assert CARD_AGAIN not in told


def test_a_card_that_is_gone_alone_is_added_again(
    root: Client, customer: Customer, card: CreditCard, gateway: RecordingGateway
) -> None:
    gateway.bank.delete_card(str(customer.customer_id), card.card_id)
    grow_old()
    names = ("first_name", "last_name", "zip", "month", "year")
    posted = {name: str(getattr(card, name)) for name in names}
    told = messages(root.post(url("creditcard_change", card.pk), {**posted, "city": "Bern"}))[-1]
    assert CARD_AGAIN in told
    assert CARD_AGAIN in text(root.get(url("creditcard_change", card.pk)))
    assert url("customer_add_card", customer.pk) in (
        root.get(url("customer_change", customer.pk)).content.decode()
    )
