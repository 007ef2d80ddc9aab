"""A default whose reply was lost: the look-up brings both sides together again."""

from __future__ import annotations

from typing import Any

import pytest

from django_dinero.exceptions import (
    OutcomeUnknown,
)
from django_dinero.gateways.types import LookupResult, RemoteCard
from django_dinero.models import CreditCard, Customer, Operation
from django_dinero.services.recovery.lookup import look_up
from tests.support.cards import SECOND, Make, defaults, make_default, settle
from tests.support.recording import (
    RecordingGateway,
    answer,
    lose_reply,
    lose_request,
    refuse_connection,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nobody_waits")]


@pytest.mark.parametrize("lost", [lose_reply, lose_request])
@pytest.mark.parametrize("is_default", [True, False])
def test_a_card_whose_reply_was_lost_keeps_its_place(
    gateway: RecordingGateway, make_customer: Make, is_default: bool, lost: Any
) -> None:
    customer = make_customer()
    gateway.faults["add_card"] = lost
    with pytest.raises(OutcomeUnknown):
        customer.add_card(**SECOND, is_default=is_default)
    assert defaults() == ["1111"]
    assert settle(gateway) == []
    assert defaults() == ["2222" if is_default and lost is lose_reply else "1111"]


def test_a_first_card_whose_reply_was_lost_is_the_default(gateway: RecordingGateway) -> None:
    customer = Customer.create("bill@example.com")
    gateway.faults["add_card"] = lose_reply
    with pytest.raises(OutcomeUnknown):
        customer.add_card(**SECOND)
    assert settle(gateway) == []
    assert defaults() == ["2222"]


def test_a_default_that_was_chosen_after_a_lost_one_stays(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard]
) -> None:
    gateway.faults["add_card"] = lose_reply
    with pytest.raises(OutcomeUnknown):
        two[0].customer.add_card(number="4007000000027", is_default=True)
    gateway.faults["find_operation"] = refuse_connection
    make_default(two[1])
    two[1].refresh_from_db()
    assert two[1].sync_state == "pending"
    assert settle(gateway) == []
    assert defaults() == ["2222"]


def test_an_edit_that_waits_is_no_choice_of_a_default(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard]
) -> None:
    gateway.faults["add_card"] = lose_reply
    with pytest.raises(OutcomeUnknown):
        two[0].customer.add_card(number="4007000000027", is_default=True)
    two[0].zip = "99999"
    two[0].save()
    assert settle(gateway) == []
    assert defaults() == ["0027"]
    assert CreditCard.objects.get(last_4="1111").zip == "99999"


def test_a_gateway_that_tells_no_default_is_told_ours(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    gateway.faults["add_card"] = lose_reply
    with pytest.raises(OutcomeUnknown):
        customer.add_card(**SECOND, is_default=True)
    stored = gateway.bank.customer(customer.customer_id or "").cards[1]
    told = RemoteCard(stored.customer_id, stored.id, "2222", month=1, year=2031)
    gateway.faults["find_operation"] = answer(LookupResult((told,)))
    assert look_up(Operation.objects.get(kind="add_card")).state == "succeeded"
    found = CreditCard.objects.get(last_4="2222")
    assert (found.is_default, found.sync_state) == (True, "pending")
    assert settle(gateway) == []


def test_a_found_card_that_was_mirrored_meanwhile_stays_as_it_is(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    gateway.faults["add_card"] = lose_reply
    with pytest.raises(OutcomeUnknown):
        customer.add_card(**SECOND, is_default=True)
    Customer.retrieve(customer.customer_id or "")
    row = CreditCard.objects.get(last_4="2222")
    assert settle(gateway) == []
    assert CreditCard.objects.get(last_4="2222").pk == row.pk
    assert defaults() == ["2222"]


@pytest.mark.parametrize("lost", [lose_reply, lose_request])
def test_a_default_whose_reply_was_lost_is_pushed_again(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard], lost: Any
) -> None:
    gateway.faults["update_card"] = lost
    with pytest.raises(OutcomeUnknown):
        make_default(two[1])
    make_default(two[0])
    assert settle(gateway) == []
    assert defaults() == ["1111"]
