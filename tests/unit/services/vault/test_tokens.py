"""Cards that arrive as a token: only the gateway knows what is behind it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction

from django_dinero.enums import ReasonKind
from django_dinero.exceptions import (
    DuplicateCustomerError,
    InvalidCardError,
    InvalidInput,
    NotSent,
    OutcomeUnknown,
    UnsupportedFeature,
)
from django_dinero.gateways.types import Reason, Refusal
from django_dinero.models import CreditCard, Customer, Operation
from django_dinero.redaction import Secret
from tests.support.cards import Call
from tests.support.recording import RecordingGateway, lose_reply, refuse_connection

Make = Callable[..., Customer]
OTHER = "5424000000000015"

pytestmark = pytest.mark.django_db


def mint(gateway: RecordingGateway) -> Secret:
    return Secret(gateway.bank.mint_token(OTHER, month=1, year=2041))


def shown(row: CreditCard) -> tuple[str, str, int | None, int | None]:
    return row.last_4, row.brand, row.month, row.year


def test_an_added_card_shows_what_the_gateway_read_from_it(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    row = customer.add_card(token=mint(gateway), zip="99999")
    assert shown(row) == ("0015", "mastercard", 1, 2041)
    row.refresh_from_db()
    assert shown(row) == ("0015", "mastercard", 1, 2041)
    assert (row.zip, row.token, row.sync_state) == ("99999", None, "synced")


def test_a_card_gets_another_number_by_a_token(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    row = make_customer().cards[0]
    card_id = row.card_id
    row.token = mint(gateway)
    row.save()
    row.refresh_from_db()
    assert shown(row) == ("0015", "mastercard", 1, 2041)
    assert (row.card_id, row.zip) == (card_id, "12345")


def test_a_used_token_is_refused_and_the_row_stays(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer, token = make_customer(), mint(gateway)
    customer.add_card(token=token)
    row = customer.cards[0]
    row.token = token
    with pytest.raises(InvalidCardError):
        row.save()
    row.refresh_from_db()
    assert row.last_4 == "1111"
    assert Operation.objects.filter(kind="update_card").get().state == "declined"


def test_a_number_and_a_token_are_one_too_many(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    mark = gateway.mark
    with pytest.raises(InvalidInput) as caught:
        customer.add_card(token="tok_1", number=OTHER)
    assert list(caught.value.errors) == ["token"]
    assert gateway.since(mark) == []


@pytest.mark.parametrize("verb", ["add_card", "update_card"])
def test_a_gateway_that_cannot_says_so_before_anything_is_written(
    gateway: RecordingGateway, make_customer: Make, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    customer = make_customer()
    row, before = customer.cards[0], Operation.objects.count()

    def lacks(asked: str) -> None:
        if asked == verb:
            raise UnsupportedFeature("not here")

    monkeypatch.setattr(gateway, "require", lacks)
    with pytest.raises(UnsupportedFeature):
        if verb == "add_card":
            customer.add_card(number=OTHER, month=1, year=2041)
        else:
            row.number = OTHER
            row.save()
    assert Operation.objects.count() == before
    assert [card.last_4 for card in customer.cards] == ["1111"]


# -- A customer of a token ------------------------------------------------------------------------

KEY = "sign-up-1"


def by_token(gateway: RecordingGateway, number: str, **given: Any) -> Customer:
    token = Secret(gateway.bank.mint_token(number, month=1, year=2041))
    return Customer.create("bill@example.com", token=token, **given)


class Rollback(Exception):
    """Takes the caller's transaction back."""


@pytest.mark.django_db(transaction=True, databases="__all__")
def test_a_rolled_back_customer_is_no_answer_to_another_token(gateway: RecordingGateway) -> None:
    """Nobody can say whether the card behind the second one is that of the first."""
    with pytest.raises(Rollback), transaction.atomic():
        by_token(gateway, "4111111111111111", idempotency_key=KEY)
        raise Rollback
    with pytest.raises(DuplicateCustomerError) as caught:
        by_token(gateway, OTHER, idempotency_key=KEY)
    (stored,) = gateway.bank.customers()
    assert caught.value.customer_id == stored.id
    assert not Customer.objects.exists()
    # As the list of errors says: it is pulled, and the card is added to it.
    customer = Customer.retrieve(stored.id)
    added = customer.add_card(token=mint(gateway))
    assert [card.last_4 for card in customer.cards] == ["1111", "0015"]
    assert added.last_4 == "0015"


@pytest.mark.parametrize("had_a_card", [True, False])
def test_a_deleted_customer_is_no_answer_to_a_token(
    gateway: RecordingGateway, had_a_card: bool
) -> None:
    if had_a_card:
        customer = by_token(gateway, "4111111111111111", idempotency_key=KEY)
    else:
        customer = Customer.create("bill@example.com", idempotency_key=KEY)
    gateway.faults["delete_customer"] = refuse_connection
    with pytest.raises(NotSent):
        customer.delete()
    with pytest.raises(DuplicateCustomerError):
        by_token(gateway, OTHER, idempotency_key=KEY)
    assert not Customer.objects.exists()
    assert Operation.objects.filter(kind="delete_customer", state="new").exists()


def test_a_retry_with_a_fresh_token_gets_the_customer_whose_reply_was_lost(
    gateway: RecordingGateway,
) -> None:
    """A token is good for one attempt, so the retry of one form has another one."""
    gateway.faults["create_customer"] = lose_reply
    with pytest.raises(OutcomeUnknown):
        by_token(gateway, OTHER, idempotency_key=KEY)
    again = by_token(gateway, OTHER, idempotency_key=KEY)
    assert [card.last_4 for card in again.cards] == ["0015"]
    assert by_token(gateway, OTHER, idempotency_key=KEY) == again
    assert gateway.verbs.count("create_customer") == 1


def test_a_request_that_was_delivered_twice_is_answered_where_no_other_can_be_meant(
    gateway: RecordingGateway,
) -> None:
    def twice(call: Call) -> Any:
        stored = call()
        reason = Reason(ReasonKind.DUPLICATE_CUSTOMER, "E00039")
        return Refusal((reason,), existing_id=stored.customer_id)

    gateway.faults["create_customer"] = twice
    assert [card.last_4 for card in by_token(gateway, OTHER).cards] == ["0015"]
    gateway.faults["create_customer"] = twice
    with pytest.raises(DuplicateCustomerError):
        by_token(gateway, OTHER, idempotency_key=KEY)
