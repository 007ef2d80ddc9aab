"""What the caller has deleted in its own transaction is not there, whichever connection shows it.

Without a journal of its own there is one connection, and the same holds.
"""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction

from django_dinero.exceptions import DuplicateCardError, IdempotencyKeyReused, OutcomeUnknown
from django_dinero.models import CreditCard, Customer, Operation
from tests.faults import vault
from tests.support.cards import Make
from tests.support.recording import RecordingGateway, lose_reply

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")

KEY: dict[str, Any] = {"idempotency_key": "sign-up-1"}


class Rollback(Exception):
    """Takes the caller's transaction back."""


def create(**given: Any) -> Customer:
    return Customer.create("bill@example.com", **KEY, **given)


def is_even(gateway: RecordingGateway) -> bool:
    """Whether nothing waits, and both sides have the same."""
    waiting = Operation.objects.filter(state__in=("new", "sent", "unknown"))
    return not waiting.exists() and list(vault.differences(gateway.bank)) == []


@pytest.mark.parametrize("with_card", [True, False])
def test_a_customer_is_stored_again_in_the_transaction_that_deleted_it(
    gateway: RecordingGateway, card: dict[str, Any], with_card: bool
) -> None:
    given = card if with_card else {}
    first = create(**given)
    with transaction.atomic():
        first.delete()
        again = create(**given)
    assert Customer.objects.get() == again
    assert again.pk != first.pk or again.public_id != first.public_id
    assert [each.last_4 for each in again.cards] == (["1111"] if with_card else [])
    again.refresh_from_db()
    assert [each.id for each in gateway.bank.customers()] == [again.customer_id]
    assert is_even(gateway)


def test_a_rollback_brings_the_first_one_back(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    first = create(**card)
    with pytest.raises(Rollback), transaction.atomic():
        Customer.objects.get().delete()
        create(**card)
        raise Rollback
    assert Customer.objects.get() == first
    assert create(**card) == first
    assert is_even(gateway)


def test_a_card_is_added_again_in_the_transaction_that_deleted_it(
    gateway: RecordingGateway, make_customer: Make, card: dict[str, Any]
) -> None:
    customer = make_customer()
    with transaction.atomic():
        customer.cards[0].delete()
        customer.add_card(**card)
    assert [each.last_4 for each in customer.cards] == ["1111"]
    assert is_even(gateway)


def test_a_card_that_is_there_is_a_duplicate(
    gateway: RecordingGateway, make_customer: Make, card: dict[str, Any]
) -> None:
    customer = make_customer()
    other = customer.add_card(number="4007000000027", month=3, year=2035)
    with transaction.atomic():
        other.delete()
        with pytest.raises(DuplicateCardError):
            customer.add_card(**card)
    assert is_even(gateway)


def test_the_key_of_a_customer_whose_card_was_deleted_brings_no_card(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    customer = create(**card)
    with transaction.atomic():
        customer.cards[0].delete()
        with pytest.raises(IdempotencyKeyReused):
            create(**card)
    assert not CreditCard.objects.exists()
    assert is_even(gateway)


def test_one_whose_creation_is_found_after_the_delete_does_not_come_back_by_it(
    gateway: RecordingGateway,
) -> None:
    """The look-up of a creation without an answer sees the delete that the caller has open."""
    gateway.faults["create_customer"] = lose_reply
    with pytest.raises(OutcomeUnknown):
        create()
    with transaction.atomic():
        Customer.objects.get().delete()
        again = create()
    again.refresh_from_db()
    assert Customer.objects.get() == again
    assert [each.id for each in gateway.bank.customers()] == [again.customer_id]
    assert is_even(gateway)
