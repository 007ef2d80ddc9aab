"""Stored cards as rows: what is set before a save, what may be read, the list of a customer."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from django_dinero.cards import PaymentToken
from django_dinero.exceptions import ExpiryError, InvalidInput
from django_dinero.models import CreditCard, Customer
from django_dinero.redaction import Secret
from tests.support.recording import RecordingGateway
from tests.unit.services.conftest import card, make_customer

__all__ = ["card", "make_customer"]

Make = Callable[..., Customer]
VISA, OTHER = "4111111111111111", "4222222222222"

pytestmark = pytest.mark.django_db


# -- What waits for a save -------------------------------------------------------------------------


def test_number_cvv_and_token_can_be_taken_back() -> None:
    row = CreditCard(**{"number": VISA, "cvv": "900", "token": "tok_1"})
    assert (row.number, row.cvv) == (Secret(VISA), Secret("900"))
    assert isinstance(row.token, PaymentToken)
    row.number = row.cvv = row.token = None
    assert (row.number, row.cvv, row.token) == (None, None, None)
    row.number = row.cvv = ""
    assert (row.number, row.cvv) == (None, None)


def test_a_token_is_taken_as_it_is() -> None:
    token = PaymentToken(Secret("tok_1"), "COMMON.OWN")
    assert CreditCard(**{"token": token}).token is token
    other = CreditCard(**{"token": Secret("tok_2")}).token
    assert other is not None
    assert other.value.reveal() == "tok_2"


def test_what_was_typed_is_gone_after_the_save(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    row = make_customer().cards[0]
    row.number, row.cvv, row.month, row.year = OTHER, "123", 1, 2041
    row.save()
    assert (row.number, row.cvv, row.last_4) == (None, None, "2222")
    assert OTHER not in str(vars(CreditCard.objects.get()))


def test_a_refused_save_keeps_what_was_typed_for_another_try(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    row = make_customer().cards[0]
    row.number, row.month, row.year = "4111111111111112", 1, 2041
    with pytest.raises(InvalidInput) as caught:
        row.save()
    assert "number" in caught.value.errors
    row.number = OTHER
    row.save()
    assert CreditCard.objects.get().last_4 == "2222"


# -- Expiry ----------------------------------------------------------------------------------------


def test_a_card_that_expired_can_still_be_edited(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    CreditCard.objects.filter(customer=make_customer()).update_without_push(month=1, year=2020)
    row = CreditCard.objects.get()
    row.zip = "99999"
    row.save()
    assert gateway.verbs[-1] == "update_card"


def test_a_new_date_has_to_be_a_good_one(gateway: RecordingGateway, make_customer: Make) -> None:
    row = make_customer().cards[0]
    mark = gateway.mark
    row.month, row.year = 13, 2041
    with pytest.raises(InvalidInput) as caught:
        row.save()
    assert isinstance(caught.value, ExpiryError)
    row.month, row.year = 1, 2020
    with pytest.raises(ExpiryError):
        row.save()
    assert gateway.since(mark) == []
    row.month, row.year = 1, 41
    row.save()
    row.refresh_from_db()
    assert (row.month, row.year) == (1, 2041)


# -- The default -----------------------------------------------------------------------------------


def test_the_default_is_taken_from_a_card_that_waits_without_a_push_of_it(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    second = customer.add_card(number=OTHER)
    first = customer.cards[0]
    CreditCard.objects.filter(pk=first.pk).update(zip="99999")  # an edit that waits
    second.is_default = True
    second.save()
    first.refresh_from_db()
    assert (first.is_default, first.sync_state, first.zip) == (False, "pending", "99999")
    second.refresh_from_db()
    assert (second.is_default, second.sync_state) == (True, "synced")


def test_a_default_can_be_given_up(gateway: RecordingGateway, make_customer: Make) -> None:
    row = make_customer().cards[0]
    row.is_default = False
    assert row.default_of is None
    row.is_default = True
    assert row.default_of == row.customer_pk


# -- The list of a customer ------------------------------------------------------------------------


def test_the_cards_of_a_customer_are_a_list(gateway: RecordingGateway, make_customer: Make) -> None:
    customer = make_customer()
    assert customer.cards
    first, second = customer.cards[0], customer.add_card(number=OTHER)
    assert first in customer.cards
    assert second in customer.cards
    assert customer.cards[:1] == [first]
    assert len(customer.cards) == 2
    stranger = make_customer(email="other@example.com")
    assert stranger.cards[0] not in customer.cards
    assert not Customer.create("no-card@example.com").cards
