"""Workers that were taken for dead, and come back after a look-up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from django_dinero.exceptions import NeedsAttention, OperationClosed, OutcomeUnknown
from django_dinero.gateways.types import LookupResult
from django_dinero.models import CreditCard, Customer, Operation
from django_dinero.services.recovery.lookup import look_up
from tests.support.cards import PAST, SECOND, Call, Make, defaults, make_default, settle
from tests.support.recording import (
    RecordingGateway,
    answer,
    lose_reply,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nobody_waits")]


def slow(meanwhile: Callable[[Operation], object]) -> Callable[[Call], Any]:
    """The worker stops behind the gateway's answer until lease and quarantine are over."""

    def late(call: Call) -> Any:
        done = call()
        Operation.objects.filter(state="sent").update(lease_until=PAST, quarantine_until=PAST)
        meanwhile(Operation.objects.get(state="sent"))
        return done

    return late


def test_a_new_number_that_comes_too_late_is_pushed_once_more(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard]
) -> None:
    def meanwhile(operation: Operation) -> None:
        assert look_up(operation).state == "absent"
        make_default(two[0])

    gateway.faults["update_card"] = slow(meanwhile)
    two[1].number, two[1].is_default = "4007000000027", True
    two[1].save()
    assert gateway.verbs[-2:] == ["update_card", "update_card"]
    two[1].refresh_from_db()
    assert (two[1].last_4, two[1].sync_state) == ("0027", "synced")
    assert settle(gateway) == []
    assert defaults() == ["0027"]


def test_a_card_that_comes_too_late_is_not_written_beside_the_one_that_was_found(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard]
) -> None:
    def meanwhile(operation: Operation) -> None:
        assert look_up(operation).state == "succeeded"
        CreditCard.objects.get(last_4="0027").delete()

    gateway.faults["add_card"] = slow(meanwhile)
    with pytest.raises(OutcomeUnknown, match="read the cards again"):
        two[0].customer.add_card(number="4007000000027", is_default=True)
    assert not CreditCard.objects.filter(last_4="0027").exists()
    assert settle(gateway) == []


def test_a_card_that_a_look_up_left_to_a_person_is_not_written(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard]
) -> None:
    def meanwhile(operation: Operation) -> None:
        Operation.objects.filter(pk=operation.pk).update(state="closed", held_lock=None)

    gateway.faults["add_card"] = slow(meanwhile)
    with pytest.raises(OperationClosed):
        two[0].customer.add_card(number="4007000000027", is_default=True)
    assert not CreditCard.objects.filter(last_4="0027").exists()


def test_a_card_that_was_proven_absent_too_early_is_written_and_pushed(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard]
) -> None:
    def meanwhile(operation: Operation) -> None:
        gateway.faults["find_operation"] = answer(LookupResult())
        assert look_up(operation).state == "absent"
        make_default(two[1])

    gateway.faults["add_card"] = slow(meanwhile)
    card = two[0].customer.add_card(number="4007000000027", is_default=True)
    assert not Operation.objects.filter(state="absent").exists()
    assert card.is_default
    assert settle(gateway) == []


@pytest.mark.parametrize("key", [{}, {"idempotency_key": "sign-up-1"}])
def test_a_customer_that_comes_too_late_is_the_one_that_was_found(
    gateway: RecordingGateway,
    make_customer: Make,
    key: dict[str, str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    def meanwhile(operation: Operation) -> None:
        assert look_up(operation).state == "succeeded"

    gateway.faults["create_customer"] = slow(meanwhile)
    assert make_customer(**key) == Customer.objects.get()
    assert "could not record it" not in caplog.text
    assert settle(gateway) == []


def test_a_customer_that_comes_too_late_and_was_deleted_since_is_not_written_again(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    def meanwhile(operation: Operation) -> None:
        assert look_up(operation).state == "succeeded"
        Customer.objects.get().delete()

    gateway.faults["create_customer"] = slow(meanwhile)
    with pytest.raises(OutcomeUnknown, match="looked up meanwhile"):
        make_customer()
    assert not Customer.objects.exists()
    assert settle(gateway) == []


def test_a_customer_that_a_look_up_left_to_a_person_is_not_written(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    def meanwhile(operation: Operation) -> None:
        Operation.objects.filter(pk=operation.pk).update(state="needs_attention", held_lock=None)

    gateway.faults["create_customer"] = slow(meanwhile)
    with pytest.raises(NeedsAttention):
        make_customer()
    assert not Customer.objects.exists()


@pytest.mark.parametrize("kind", ["add_card", "create_customer"])
def test_the_slower_of_two_look_ups_writes_nothing(
    gateway: RecordingGateway, make_customer: Make, kind: str
) -> None:
    """What the faster one found was changed and deleted since."""
    customer = make_customer() if kind == "add_card" else None
    gateway.faults[kind] = lose_reply
    with pytest.raises(OutcomeUnknown):
        if customer is not None:
            customer.add_card(**SECOND, is_default=True)
        else:
            make_customer()

    def overtaken(call: Call) -> Any:
        found = call()
        assert look_up(Operation.objects.get(state="unknown")).state == "succeeded"
        owner = Customer.objects.get()
        owner.email = "new@example.com"
        owner.save()
        if kind == "add_card":
            CreditCard.objects.get(last_4="2222").delete()
        else:
            owner.add_card(**SECOND, is_default=True)
        return found

    gateway.faults["find_operation"] = overtaken
    assert look_up(Operation.objects.get(state="unknown")).state == "succeeded"
    assert defaults() == ["1111" if kind == "add_card" else "2222"]
    assert settle(gateway) == []
