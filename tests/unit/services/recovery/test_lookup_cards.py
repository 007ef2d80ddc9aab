"""Looking up a card that was stored, beside one whose row a rollback took."""

from __future__ import annotations

import pytest

from django_dinero.exceptions import OutcomeUnknown
from django_dinero.models import CreditCard, Customer, Operation
from django_dinero.services.recovery.lookup import look_up
from django_dinero.testing.factories import CreditCardFactory, CustomerFactory, OperationFactory
from tests.support.cards import PAST, SECOND, Make
from tests.support.recording import RecordingGateway, lose_reply, lose_request

pytestmark = pytest.mark.django_db

#: Another card with the same last digits, which are all that is known of it here.
ALIKE = {**SECOND, "year": 2032, "zip": "80202"}


@pytest.fixture
def rolled_back(gateway: RecordingGateway, make_customer: Make) -> CreditCard:
    """A card that the gateway has and the journal knows, whose row was rolled back."""
    card = make_customer().add_card(**SECOND)
    CreditCard.objects.filter(pk=card.pk)._raw_delete("default")
    return card


def looked_up() -> Operation:
    operation = Operation.objects.filter(kind="add_card").latest("pk")
    Operation.objects.filter(pk=operation.pk).update(lease_until=PAST, quarantine_until=PAST)
    operation.refresh_from_db()
    return look_up(operation)


def test_only_the_new_one_is_found(gateway: RecordingGateway, rolled_back: CreditCard) -> None:
    gateway.faults["add_card"] = lose_reply
    with pytest.raises(OutcomeUnknown):
        Customer.objects.get().add_card(**ALIKE)
    operation = looked_up()
    assert operation.state == "succeeded"
    assert operation.card_id != rolled_back.card_id
    assert CreditCard.objects.get(card_id=operation.card_id).year == ALIKE["year"]


def test_it_is_not_taken_for_one_that_never_arrived(
    gateway: RecordingGateway, rolled_back: CreditCard
) -> None:
    gateway.faults["add_card"] = lose_request
    with pytest.raises(OutcomeUnknown):
        Customer.objects.get().add_card(**ALIKE)
    assert looked_up().state == "absent"
    assert not CreditCard.objects.filter(card_id=rolled_back.card_id).exists()


def test_a_card_of_the_live_account_keeps_its_number(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    card = make_customer().add_card(**SECOND)
    ids = {"customer_id": card.customer_id, "card_id": card.card_id}
    live_customer = CustomerFactory(customer_id=card.customer_id, live=True)
    live = CreditCardFactory(customer=live_customer, card_id=card.card_id, live=True)
    CreditCard.objects.filter(pk=live.pk).update_without_push(number_key="ITS")
    operation = OperationFactory(
        kind="update_card", state="unknown", quarantine_until=PAST, intent={"last_4": "1111"}, **ids
    )
    assert look_up(operation).state == "absent"
    live.refresh_from_db()
    card.refresh_from_db()
    assert (live.number_key, card.number_key) == ("ITS", operation.key)
