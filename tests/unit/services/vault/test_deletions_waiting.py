"""Deletes that found the cards being changed, and wait for their turn."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, transaction

from django_dinero.exceptions import (
    NotSent,
    OperationInProgress,
    OutcomeUnknown,
)
from django_dinero.models import CreditCard, Customer, Operation
from django_dinero.services.recovery import locking
from django_dinero.services.recovery.lookup import look_up
from django_dinero.services.vault import deletions
from tests.faults import vault
from tests.support.cards import PAST, SECOND, hold, settle
from tests.support.recording import (
    RecordingGateway,
    lose_reply,
    lose_request,
    refuse_connection,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nobody_waits")]


@pytest.fixture
def waiting(gateway: RecordingGateway, two: tuple[CreditCard, CreditCard]) -> Operation:
    """The delete of the second card, which found the cards being changed."""
    holder = hold(two[0], "sent")
    with pytest.raises(OperationInProgress):
        two[1].delete()
    Operation.objects.filter(pk=holder.pk).update(state="failed", held_lock=None)
    return Operation.objects.get(kind="delete_card")


def test_a_card_that_is_only_still_to_be_deleted_is_no_match_of_a_lost_one(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard], waiting: Operation
) -> None:
    gateway.faults["add_card"] = lose_reply
    with pytest.raises(OutcomeUnknown):
        two[0].customer.add_card(**SECOND, zip="54321")
    assert look_up(Operation.objects.latest("pk")).state == "succeeded"
    deletions.push_delete(waiting.key)
    assert settle(gateway) == []
    assert [card.zip for card in two[0].customer.cards] == ["12345", "54321"]


@pytest.mark.parametrize("state", ["new", "absent"])
def test_a_card_that_is_stored_again_is_not_deleted_any_more(
    gateway: RecordingGateway,
    two: tuple[CreditCard, CreditCard],
    waiting: Operation,
    state: str,
) -> None:
    Operation.objects.filter(pk=waiting.pk).update(state=state)
    again = two[0].customer.add_card(**SECOND)
    assert again.card_id == two[1].card_id
    waiting.refresh_from_db()
    assert (waiting.state, waiting.outcome) == ("failed", {"error": "stored again"})
    deletions.push_delete(waiting.key)
    assert list(vault.differences(gateway.bank)) == []


def test_a_delete_whose_worker_died_before_it_was_sent_lets_go(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard], waiting: Operation
) -> None:
    assert locking.take_lock(gateway, waiting)
    with pytest.raises(OperationInProgress):
        two[0].customer.add_card(number="4007000000027")
    Operation.objects.update(lease_until=PAST)
    two[0].customer.add_card(number="4007000000027")
    waiting.refresh_from_db()
    assert (waiting.state, waiting.held_lock, waiting.lease_until) == ("new", None, None)
    deletions.push_delete(waiting.key)
    assert list(vault.differences(gateway.bank)) == []


def test_a_delete_that_was_closed_while_it_waited_for_its_turn_holds_nothing(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard], waiting: Operation
) -> None:
    old = Operation.objects.get(pk=waiting.pk)
    two[0].customer.add_card(**SECOND)
    assert not locking.take_lock(gateway, old)
    assert (old.state, old.held_lock) == ("failed", None)


def test_what_is_closed_cannot_hold_anything(two: tuple[CreditCard, CreditCard]) -> None:
    holder = hold(two[0], "sent")
    with pytest.raises(IntegrityError), transaction.atomic():
        Operation.objects.filter(pk=holder.pk).update(state="failed")


@pytest.mark.parametrize("fault", [lose_reply, lose_request])
def test_while_a_delete_has_no_answer_no_card_is_sent(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard], fault: Any
) -> None:
    gateway.faults["delete_card"] = fault
    with pytest.raises(OutcomeUnknown):
        two[1].delete()
    mark = gateway.mark
    with pytest.raises(OperationInProgress):
        two[0].customer.add_card(**SECOND)
    assert "add_card" not in gateway.since(mark)


def test_while_a_customers_delete_has_no_answer_its_key_sends_nothing(
    gateway: RecordingGateway,
) -> None:
    customer = Customer.create("ann@example.com", idempotency_key="sign-up-1")
    gateway.faults["delete_customer"] = lose_request
    with pytest.raises(OutcomeUnknown):
        customer.delete()
    mark = gateway.mark
    with pytest.raises(OutcomeUnknown):
        Customer.create("ann@example.com", idempotency_key="sign-up-1")
    assert "create_customer" not in gateway.since(mark)


def test_a_delete_that_waits_is_covered_by_that_of_its_customer(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard]
) -> None:
    gateway.faults["delete_card"] = refuse_connection
    with pytest.raises(NotSent):
        two[1].delete()
    two[0].customer.delete()
    mark = gateway.mark
    waiting = Operation.objects.get(kind="delete_card", state="new", card_id=two[1].card_id)
    deletions.push_delete(waiting.key)
    waiting.refresh_from_db()
    assert (waiting.state, waiting.outcome) == ("succeeded", {"covered": True})
    assert gateway.since(mark) == []
