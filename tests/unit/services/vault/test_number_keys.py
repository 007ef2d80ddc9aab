"""A new number begins a new series of charges, also where it ends in the old one's digits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.db import transaction

from django_dinero.card_numbers import luhn_valid
from django_dinero.exceptions import (
    CardDeclinedError,
    DineroError,
    InvalidCardError,
    NotSent,
    OutcomeUnknown,
)
from django_dinero.models import CreditCard, Customer, Operation
from django_dinero.redaction import Secret
from django_dinero.services.recovery.lookup import look_up
from tests.support.cards import PAST, Call
from tests.support.recording import RecordingGateway, lose_reply, refuse_connection

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nobody_waits")]

Two = tuple[CreditCard, CreditCard]


@pytest.fixture
def paid(two: Two) -> CreditCard:
    """A card that was charged, so that there is a series."""
    two[1].charge(5)
    return CreditCard.objects.get(pk=two[1].pk)


def alike(card: CreditCard) -> str:
    """Another number with the same last digits."""
    ends = (f"54240000{k:04}{card.last_4}" for k in range(99))
    return next(number for number in ends if luhn_valid(number))


def replaced(card: CreditCard, **given: object) -> CreditCard:
    for name, value in {"number": alike(card), "month": 11, "year": 2033, **given}.items():
        setattr(card, name, value)
    card.save()
    return card


def series_of_next_charge(gateway: RecordingGateway, card: CreditCard) -> str:
    CreditCard.objects.get(pk=card.pk).charge(6)
    return str(gateway.calls[-1][1][0].network_transaction_id)


def test_the_same_number_goes_on_with_its_series(
    gateway: RecordingGateway, paid: CreditCard
) -> None:
    paid.zip = "99999"
    paid.save()
    assert series_of_next_charge(gateway, paid) != ""


@pytest.mark.parametrize("by_token", [False, True])
def test_a_new_number_begins_one(
    gateway: RecordingGateway, paid: CreditCard, by_token: bool
) -> None:
    token = Secret(gateway.bank.mint_token(alike(paid), month=11, year=2033))
    replaced(paid, **({"number": None, "token": token} if by_token else {}))
    assert CreditCard.objects.get(pk=paid.pk).last_4 == paid.last_4
    assert series_of_next_charge(gateway, paid) == ""
    assert series_of_next_charge(gateway, paid) != ""


@pytest.mark.parametrize("in_transaction", [False, True])
@pytest.mark.parametrize("by_token", [False, True])
def test_a_lost_reply_ends_the_series_before_anybody_looks_it_up(
    gateway: RecordingGateway, paid: CreditCard, by_token: bool, in_transaction: bool
) -> None:
    token = Secret(gateway.bank.mint_token(alike(paid), month=11, year=2033))
    gateway.faults["update_card"] = lose_reply
    given = {"number": None, "token": token} if by_token else {}
    with pytest.raises(OutcomeUnknown):
        if in_transaction:
            with transaction.atomic(), pytest.raises(OutcomeUnknown) as caught:
                replaced(paid, **given)
            raise caught.value
        replaced(paid, **given)
    gateway.faults.clear()
    assert series_of_next_charge(gateway, paid) == ""
    begun = series_of_next_charge(gateway, paid)
    assert begun != ""
    operation = Operation.objects.filter(kind="update_card").latest("pk")
    Operation.objects.update(lease_until=PAST, quarantine_until=PAST)
    assert look_up(operation).state == "absent"
    assert series_of_next_charge(gateway, paid) == begun


@pytest.mark.parametrize("by_token", [False, True])
def test_a_worker_that_died_ended_the_series(
    gateway: RecordingGateway, paid: CreditCard, by_token: bool
) -> None:
    def die(call: Call) -> Any:
        call()
        raise SystemExit

    token = Secret(gateway.bank.mint_token(alike(paid), month=11, year=2033))
    gateway.faults["update_card"] = die
    with pytest.raises(SystemExit):
        replaced(paid, **({"number": None, "token": token} if by_token else {}))
    gateway.faults.clear()
    assert series_of_next_charge(gateway, paid) == ""


def test_a_look_up_ends_the_series_of_a_number_that_came_by_a_token(
    gateway: RecordingGateway, paid: CreditCard
) -> None:
    """The row may have lost the mark: in a rollback, for one."""
    token = Secret(gateway.bank.mint_token(alike(paid), month=11, year=2033))
    gateway.faults["update_card"] = lose_reply
    with pytest.raises(OutcomeUnknown):
        replaced(paid, number=None, token=token)
    gateway.faults.clear()
    CreditCard.objects.update_without_push(number_key="")
    operation = Operation.objects.filter(kind="update_card").latest("pk")
    Operation.objects.update(lease_until=PAST, quarantine_until=PAST)
    assert look_up(operation).state == "absent"
    assert series_of_next_charge(gateway, paid) == ""


def test_a_late_error_takes_back_nothing_that_a_look_up_has_found(
    gateway: RecordingGateway, paid: CreditCard
) -> None:
    """The worker was slow, and its operation has ended as one to be repeated."""

    def late(call: Call) -> Any:
        call()
        Operation.objects.update(lease_until=PAST, quarantine_until=PAST)
        operation = Operation.objects.filter(kind="update_card").latest("pk")
        assert look_up(look_up(operation)).state == "absent"
        raise OutcomeUnknown("timeout")

    gateway.faults["update_card"] = late
    with pytest.raises(OutcomeUnknown):
        replaced(paid)
    gateway.faults.clear()
    assert series_of_next_charge(gateway, paid) == ""


def declined(gateway: RecordingGateway) -> dict[str, object]:
    return {"zip": "46282"}


def used_token(gateway: RecordingGateway) -> dict[str, object]:
    token = Secret(gateway.bank.mint_token("5424000000000015", month=1, year=2041))
    Customer.create("b@example.com", token=token)
    return {"number": None, "token": token}


def no_connection(gateway: RecordingGateway) -> dict[str, object]:
    gateway.faults["update_card"] = refuse_connection
    return {}


REFUSED: dict[str, tuple[Callable[[RecordingGateway], dict[str, Any]], type[DineroError]]] = {
    "declined": (declined, CardDeclinedError),
    "used token": (used_token, InvalidCardError),
    "no connection": (no_connection, NotSent),
}


@pytest.mark.parametrize(("prepare", "error"), REFUSED.values(), ids=REFUSED)
def test_a_number_that_was_refused_leaves_the_series(
    gateway: RecordingGateway,
    paid: CreditCard,
    prepare: Callable[[RecordingGateway], dict[str, Any]],
    error: type[DineroError],
) -> None:
    given = prepare(gateway)
    with pytest.raises(error):
        replaced(paid, **given)
    gateway.faults.clear()
    assert series_of_next_charge(gateway, paid) != ""


# -- Replaced by other software --------------------------------------------------------------------


def pulled(gateway: RecordingGateway, paid: CreditCard, **told: object) -> None:
    def tell(call: Call) -> Any:
        found = call()
        cards = tuple(
            replace(each, **told) if each.card_id == paid.card_id else each for each in found.cards
        )
        return replace(found, cards=cards)

    gateway.faults["retrieve_customer"] = tell
    Customer.retrieve(paid.customer_id)
    gateway.faults.clear()


@pytest.mark.parametrize("edit_waits", [False, True])
@pytest.mark.parametrize(
    ("told", "goes_on"),
    [
        ({}, True),
        ({"month": 3, "year": 2039}, True),  # renewed: the number stays
        ({"brand": "mastercard"}, True),  # another name of the same network, perhaps
        ({"month": None, "year": None, "brand": "mastercard"}, True),
        ({"last_4": "", "brand": ""}, True),
        ({"brand": "mastercard", "month": 3, "year": 2039}, False),
        ({"last_4": "9999"}, False),
    ],
    ids=str,
)
def test_what_the_gateway_tells_of_another_number_ends_the_series(
    gateway: RecordingGateway,
    paid: CreditCard,
    told: dict[str, Any],
    goes_on: bool,
    edit_waits: bool,
) -> None:
    if edit_waits:
        CreditCard.objects.filter(pk=paid.pk).update(zip="99999")
    pulled(gateway, paid, **told)
    assert bool(series_of_next_charge(gateway, paid)) is goes_on


def test_a_third_number_with_the_digits_of_the_first_begins_one(
    gateway: RecordingGateway, paid: CreditCard
) -> None:
    pulled(gateway, paid, last_4="9999")
    pulled(gateway, paid)
    assert CreditCard.objects.get(pk=paid.pk).last_4 == paid.last_4
    assert series_of_next_charge(gateway, paid) == ""


def test_a_push_that_hears_of_another_number_ends_the_series(
    gateway: RecordingGateway, paid: CreditCard
) -> None:
    def tell(call: Call) -> Any:
        return replace(call(), last_4="9999")

    gateway.faults["update_card"] = tell
    paid.zip = "99999"
    paid.save()
    assert paid.last_4 == "9999"
    gateway.faults.clear()
    paid.city = "Rome"
    paid.save()  # and hears of the first one again
    assert series_of_next_charge(gateway, paid) == ""


def test_an_edited_date_is_no_other_card(gateway: RecordingGateway, paid: CreditCard) -> None:
    CreditCard.objects.filter(pk=paid.pk).update(month=3)
    pulled(gateway, paid, brand="mastercard")
    assert series_of_next_charge(gateway, paid) != ""
