"""Which card is the default: the same one here and at the gateway, whatever was lost on the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction

from django_dinero.enums import ReasonKind
from django_dinero.exceptions import (
    CardNotFoundError,
    InvalidInput,
    OutcomeUnknown,
)
from django_dinero.gateways.types import Reason, Refusal
from django_dinero.models import CreditCard, Customer, Operation
from django_dinero.services.recovery.lookup import look_up
from django_dinero.services.vault import deletions
from tests.faults import vault
from tests.support.aging import grow_old
from tests.support.cards import PAST, Call, defaults, make_default, settle
from tests.support.recording import (
    RecordingGateway,
    answer,
    lose_request,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nobody_waits")]


# -- Two at once -----------------------------------------------------------------------------------


def test_two_changes_of_the_default_at_once_leave_both_sides_alike(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard]
) -> None:
    def meanwhile(call: Call) -> Any:
        make_default(two[0])
        return call()

    gateway.faults["update_card"] = meanwhile
    make_default(two[1])
    assert defaults() == ["1111"]
    # The second one found the cards being changed, and went on waiting.
    assert CreditCard.objects.get(pk=two[0].pk).sync_state == "pending"
    assert settle(gateway) == []
    assert defaults() == ["1111"]


@pytest.mark.parametrize("meanwhile", ["taken", "given"])
def test_a_new_number_does_not_decide_about_a_default_that_moved_meanwhile(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard], meanwhile: str
) -> None:
    """Between the gateway's answer and the row, and with an instance that was read before."""
    mine, other = two if meanwhile == "taken" else (two[1], two[0])

    def moved(call: Call) -> Any:
        done = call()
        make_default(other if meanwhile == "taken" else mine)
        return done

    gateway.faults["update_card"] = moved
    row = CreditCard.objects.get(pk=mine.pk)
    row.number = "4007000000027"
    row.save()
    assert row.is_default == (meanwhile == "given")
    assert settle(gateway) == []
    assert defaults() == ["2222" if meanwhile == "taken" else "0027"]
    mark = gateway.mark
    row.save()
    assert gateway.since(mark) == []


def test_a_new_number_says_what_the_row_says_of_the_default(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard]
) -> None:
    stale = CreditCard.objects.get(pk=two[0].pk)
    make_default(two[1])
    stale.number = "4007000000027"
    stale.save()
    assert defaults() == ["2222"]
    assert settle(gateway) == []


def test_a_new_number_may_come_with_the_default(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard]
) -> None:
    card = two[1]
    card.number, card.is_default = "4007000000027", True
    card.save()
    assert defaults() == ["0027"]
    assert list(vault.differences(gateway.bank)) == []


def test_a_card_that_was_deleted_gets_no_new_number(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard]
) -> None:
    stale = CreditCard.objects.get(pk=two[1].pk)
    two[1].delete()
    mark = gateway.mark
    stale.number = "4007000000027"
    with pytest.raises(CardNotFoundError) as caught:
        stale.save()
    assert gateway.since(mark) == []
    assert caught.value.operation is not None
    assert caught.value.operation.state == "failed"


def test_an_instance_that_was_read_before_does_not_bring_its_default_back(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard]
) -> None:
    stale = CreditCard.objects.get(pk=two[0].pk)
    make_default(two[1])
    stale.zip = "99999"
    stale.save()
    assert not stale.is_default
    assert defaults() == ["2222"]
    assert list(vault.differences(gateway.bank)) == []


def test_a_choice_counts_whatever_the_instance_was_before(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard]
) -> None:
    stale = CreditCard.objects.get(pk=two[0].pk)
    make_default(two[1])
    stale.is_default = True
    stale.save(update_fields=["zip"])
    assert defaults() == ["2222"]
    stale.save()
    assert stale.is_default
    assert defaults() == ["1111"]
    assert list(vault.differences(gateway.bank)) == []


@pytest.mark.parametrize("fields", [{"default_of"}, None])
def test_a_card_that_was_read_in_part_can_be_made_the_default(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard], fields: set[str] | None
) -> None:
    card = CreditCard.objects.only("zip", "customer_id", "card_id").get(pk=two[1].pk)
    card.is_default = True
    card.save(update_fields=fields)
    assert defaults() == ["2222"]
    assert list(vault.differences(gateway.bank)) == []


@pytest.mark.parametrize("names", [["zip"], []])
def test_a_save_that_does_not_write_the_default_takes_it_from_nobody(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard], names: list[str]
) -> None:
    two[1].is_default, two[1].zip = True, "99999"
    two[1].save(update_fields=names)
    assert defaults() == ["1111"]
    two[1].save()
    assert defaults() == ["2222"]
    assert list(vault.differences(gateway.bank)) == []


def check_a_choice_that_was_rolled_back(cards: tuple[CreditCard, CreditCard]) -> None:
    """A save that is tried again after a rollback writes what the first one wrote."""
    card = CreditCard.objects.get(pk=cards[1].pk)
    for _time in range(2):
        with pytest.raises(KeyError), transaction.atomic():
            card.is_default = True
            card.save()
            raise KeyError
    assert defaults() == ["1111"]
    card.save()
    assert defaults() == ["2222"]


def check_a_choice_that_was_overtaken(cards: tuple[CreditCard, CreditCard]) -> None:
    """A card that lost the default since does not take it back, in one transaction or another."""
    first, second = (CreditCard.objects.get(pk=card.pk) for card in cards)
    with transaction.atomic():
        second.is_default = True
        second.save()
        first.is_default = True
        first.save()
        second.zip = "77777"
        second.save()
    assert defaults() == ["1111"]
    with transaction.atomic():
        second.is_default = True
        second.save()
    make_default(cards[0])
    second.zip = "88888"
    second.save()
    assert defaults() == ["1111"]


CHECKS = (check_a_choice_that_was_rolled_back, check_a_choice_that_was_overtaken)


@pytest.mark.parametrize("check", CHECKS)
def test_choices_in_transactions(
    gateway: RecordingGateway,
    two: tuple[CreditCard, CreditCard],
    check: Callable[[tuple[CreditCard, CreditCard]], None],
) -> None:
    check(two)
    assert list(vault.differences(gateway.bank)) == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("check", CHECKS)
def test_choices_in_transactions_that_are_committed(
    gateway: RecordingGateway,
    two: tuple[CreditCard, CreditCard],
    check: Callable[[tuple[CreditCard, CreditCard]], None],
) -> None:
    check(two)
    assert list(vault.differences(gateway.bank)) == []


def test_a_default_that_comes_back_is_pushed_again(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard]
) -> None:
    CreditCard.objects.filter(pk=two[0].pk).update(zip="99999")
    make_default(two[1])
    first = CreditCard.objects.get(pk=two[0].pk)
    assert first.sync_state == "pending"
    first.zip, first.is_default = "12345", True  # as the gateway had it last
    first.save()
    assert defaults() == ["1111"]
    assert list(vault.differences(gateway.bank)) == []


# -- Not by itself, and not nobody -----------------------------------------------------------------


def test_the_default_is_taken_away_by_another_card_only(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard]
) -> None:
    mark = gateway.mark
    two[0].is_default = False
    with pytest.raises(InvalidInput) as caught:
        two[0].save()
    assert caught.value.errors == {"is_default": ["Make another card the default one instead."]}
    two[0].save(update_fields=["zip"])
    assert defaults() == ["1111"]
    assert gateway.since(mark) == []


def test_a_deleted_default_passes_on_to_the_first_of_the_others(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard]
) -> None:
    customer = two[0].customer
    customer.add_card(number="4007000000027")
    two[0].delete()
    assert defaults() == ["2222"]
    assert customer.card_id == two[1].card_id
    assert list(vault.differences(gateway.bank)) == []
    CreditCard.objects.filter(last_4="2222").delete()
    assert defaults() == ["0027"]
    assert list(vault.differences(gateway.bank)) == []


def test_a_heir_that_is_refused_says_so_on_its_row_alone(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard]
) -> None:
    refusal = Refusal((Reason(ReasonKind.GATEWAY_ERROR, "E1", "not today"),))
    gateway.faults["update_card"] = answer(refusal)
    two[0].delete()
    heir = CreditCard.objects.get()
    assert (heir.is_default, heir.sync_state, heir.sync_error) == (True, "error", "not today")
    assert settle(gateway) == []


def test_a_new_card_may_be_the_default_before_it_has_a_customer(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard]
) -> None:
    card = CreditCard()
    card.number, card.is_default = "4007000000027", True
    two[0].customer.cards.add(card)
    assert defaults() == ["0027"]
    assert list(vault.differences(gateway.bank)) == []


def test_a_second_card_is_not_the_default_where_the_gateway_names_none(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard]
) -> None:
    gateway.bank.delete_card(two[0].customer_id, two[0].card_id)
    CreditCard.objects.all()._raw_delete("default")
    customer = Customer.retrieve(two[0].customer_id)
    assert defaults() == []
    assert customer.card_id == two[1].card_id
    customer.add_card(number="4007000000027")
    assert defaults() == []
    assert list(vault.differences(gateway.bank)) == []


def test_a_default_that_never_reached_the_gateway_and_was_deleted_leaves_both_sides_alike(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard]
) -> None:
    gateway.faults["update_card"] = lose_request
    with pytest.raises(OutcomeUnknown):
        make_default(two[1])
    with pytest.raises(OutcomeUnknown):
        CreditCard.objects.get(pk=two[1].pk).delete()
    assert defaults() == ["1111"]
    Operation.objects.update(quarantine_until=PAST)
    look_up(Operation.objects.get(state="unknown"))
    for tombstone in Operation.objects.filter(kind="delete_card", state="new"):
        deletions.push_delete(tombstone.key)
    assert settle(gateway) == []


def test_a_customer_that_is_deleted_passes_nothing_on(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard]
) -> None:
    mark = gateway.mark
    two[0].customer.delete()
    assert gateway.since(mark) == ["delete_customer"]
    assert not CreditCard.objects.exists()


def test_a_default_that_the_gateway_lost_passes_on(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard]
) -> None:
    gateway.bank.delete_card(two[0].customer_id, two[0].card_id)
    two[0].zip = "99999"
    with pytest.raises(CardNotFoundError):
        two[0].save()
    assert (two[0].sync_state, two[0].is_default) == ("missing", False)
    assert defaults() == ["2222"]
    assert gateway.bank.card(two[1].customer_id, two[1].card_id).is_default


def test_a_default_that_the_gateway_does_not_have_leaves_the_old_one(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard]
) -> None:
    gateway.bank.delete_card(two[1].customer_id, two[1].card_id)
    grow_old()
    with pytest.raises(CardNotFoundError):
        make_default(two[1])
    assert defaults() == ["1111"]
    assert CreditCard.objects.get(last_4="1111").sync_state == "synced"
