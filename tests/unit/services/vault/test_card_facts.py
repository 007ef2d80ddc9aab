"""What the gateway knows better of a card: its number, its date, and answers that are old."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from django_dinero.card_numbers import luhn_valid
from django_dinero.exceptions import (
    OutcomeUnknown,
)
from django_dinero.models import CreditCard, Customer, Operation, Transaction
from django_dinero.services.recovery.lookup import look_up
from django_dinero.services.vault import push as vault_push
from tests.faults import vault
from tests.support.cards import PAST, Call, settle
from tests.support.recording import (
    RecordingGateway,
    lose_reply,
    refuse_connection,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nobody_waits")]


def test_a_new_number_whose_reply_was_lost_is_shown_beside_an_edit_that_waits(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard]
) -> None:
    card = CreditCard.objects.get(pk=two[0].pk)
    gateway.faults["update_card"] = lose_reply
    card.number, card.month, card.year = "4007000000027", 11, 2033
    with pytest.raises(OutcomeUnknown):
        card.save()
    edited = CreditCard.objects.get(pk=card.pk)
    edited.zip = "99999"
    with pytest.raises(OutcomeUnknown):
        edited.save()
    assert settle(gateway) == []
    edited.refresh_from_db()
    assert (edited.last_4, edited.month, edited.year) == ("0027", 11, 2033)
    assert (edited.zip, edited.sync_state, edited.is_default) == ("99999", "synced", True)


def test_an_edit_of_the_date_waits_beside_a_number_that_stayed(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard]
) -> None:
    CreditCard.objects.filter(pk=two[0].pk).update(month=3)
    found = Customer.retrieve(two[0].customer_id).cards[0]
    assert (found.month, found.sync_state) == (3, "pending")
    CreditCard.objects.filter(pk=two[0].pk).update_without_push(last_4="9999", brand="")
    found = Customer.retrieve(two[0].customer_id).cards[0]
    assert (found.last_4, found.brand, found.month) == ("1111", "visa", 12)
    assert found.sync_state == "pending"


def test_facts_of_an_answer_that_is_older_than_the_row_are_not_written(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard]
) -> None:
    CreditCard.objects.filter(pk=two[0].pk).update(zip="99999")

    def late(call: Call) -> Any:
        found = call()
        CreditCard.objects.filter(pk=two[0].pk).update(last_4="0027", zip="88888")
        old = replace(found.cards[0], last_4="1111")
        return replace(found, cards=(old, *found.cards[1:]))

    gateway.faults["retrieve_customer"] = late
    found = Customer.retrieve(two[0].customer_id).cards[0]
    assert (found.last_4, found.zip) == ("0027", "88888")


def test_a_push_brings_back_what_the_gateway_says_of_the_number(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard]
) -> None:
    CreditCard.objects.filter(pk=two[0].pk).update_without_push(last_4="9999", brand="")
    two[0].zip = "99999"
    two[0].save(update_fields=["zip"])
    two[0].refresh_from_db()
    assert (two[0].last_4, two[0].brand) == ("1111", "visa")


@pytest.mark.parametrize("model", [Customer, CreditCard])
def test_old_values_that_come_back_after_a_lost_push_are_pushed(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard], model: Any
) -> None:
    name = "email" if model is Customer else "zip"
    pk = two[0].customer_pk if model is Customer else two[0].pk
    old = getattr(model.objects.get(pk=pk), name)
    gateway.faults["update_customer" if model is Customer else "update_card"] = lose_reply
    for value in ("new@example.com", old):
        row = model.objects.get(pk=pk)
        setattr(row, name, value)
        with pytest.raises(OutcomeUnknown):
            row.save()
        row.refresh_from_db()
        assert row.sync_state == "error"
    Operation.objects.update(quarantine_until=PAST)
    assert look_up(Operation.objects.get(state="unknown")).state == "absent"
    push = vault_push.push_customer if model is Customer else vault_push.push_card
    push(pk)
    assert list(vault.differences(gateway.bank)) == []


# -- A new number and the edits of others ----------------------------------------------------------


def test_a_new_number_brings_no_old_address_back(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard]
) -> None:
    stale = CreditCard.objects.get(pk=two[1].pk)
    two[1].zip, two[1].company = "99999", "Acme"
    two[1].save()
    stale.number, stale.city = "4007000000027", "Rome"
    stale.save()
    sent = gateway.calls[-1][1][0]
    assert (sent.address.zip, sent.address.company, sent.address.city) == ("99999", "Acme", "Rome")
    assert sent.card.address == sent.address
    assert (stale.zip, stale.last_4, stale.sync_state) == ("99999", "0027", "synced")
    assert list(vault.differences(gateway.bank)) == []


def test_an_edit_while_a_new_number_is_stored_is_pushed_after_it(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard]
) -> None:
    def edited(call: Call) -> Any:
        done = call()
        other = CreditCard.objects.get(pk=two[1].pk)
        other.zip = "99999"
        other.save()  # its push finds the cards being changed
        assert other.sync_state == "pending"
        return done

    gateway.faults["update_card"] = edited
    two[1].number, two[1].month, two[1].year = "4007000000027", 11, 2033
    two[1].save()
    assert (two[1].last_4, two[1].zip, two[1].sync_state) == ("0027", "99999", "synced")
    assert list(vault.differences(gateway.bank)) == []


def test_an_edit_beside_a_new_number_that_is_refused_is_noted_on_the_row(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard]
) -> None:
    def edited(call: Call) -> Any:
        done = call()
        CreditCard.objects.filter(pk=two[1].pk).update(zip="99999")
        gateway.faults["update_card"] = refuse_connection
        return done

    gateway.faults["update_card"] = edited
    two[1].number = "4007000000027"
    two[1].save()
    assert (two[1].last_4, two[1].zip, two[1].sync_state) == ("0027", "99999", "error")
    assert settle(gateway) == []


def test_a_new_number_is_written_with_its_date_whatever_the_row_had(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard]
) -> None:
    stale = CreditCard.objects.get(pk=two[1].pk)
    two[1].month, two[1].year = 3, 2035
    two[1].save()
    stale.number = "4007000000027"  # with the date that it was read with
    stale.save()
    row = CreditCard.objects.get(pk=stale.pk)
    assert (row.month, row.year) == (stale.month, stale.year) == (1, 2031)
    assert list(vault.differences(gateway.bank)) == []


def test_a_number_that_may_have_been_replaced_goes_on_with_no_series(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard]
) -> None:
    Transaction.create(5, card=two[1])
    number = next(n for n in (f"54240000{k:04}{two[1].last_4}" for k in range(99)) if luhn_valid(n))
    gateway.faults["update_card"] = lose_reply
    card = CreditCard.objects.get(pk=two[1].pk)
    card.number, card.month, card.year = number, 11, 2033
    with pytest.raises(OutcomeUnknown):
        card.save()
    gateway.faults.clear()
    operation = Operation.objects.filter(kind="update_card").latest("pk")
    Operation.objects.update(lease_until=PAST, quarantine_until=PAST)
    assert look_up(operation).state == "absent"
    assert CreditCard.objects.get(pk=two[1].pk).last_4 == two[1].last_4
    Transaction.create(6, card=two[1])
    assert gateway.calls[-1][1][0].network_transaction_id == ""


def test_a_lost_new_number_brings_no_old_date_along(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard]
) -> None:
    """Some gateways show no dates: then that of the old number is not one of the new."""
    gateway.faults["update_card"] = lose_reply
    two[1].number, two[1].month, two[1].year = "4007000000027", 11, 2033
    with pytest.raises(OutcomeUnknown):
        two[1].save()
    CreditCard.objects.filter(pk=two[0].pk).update(zip="99999")

    def masked(call: Call) -> Any:
        found = call()
        return replace(
            found, cards=tuple(replace(each, month=None, year=None) for each in found.cards)
        )

    CreditCard.objects.filter(pk=two[1].pk).update(zip="88888")
    operation = Operation.objects.filter(kind="update_card").latest("pk")
    Operation.objects.update(lease_until=PAST, quarantine_until=PAST)
    gateway.faults["retrieve_customer"] = masked
    assert look_up(operation).state == "absent"
    row = CreditCard.objects.get(pk=two[1].pk)
    assert (row.last_4, row.zip, row.month, row.year) == ("0027", "88888", None, None)
    first = CreditCard.objects.get(pk=two[0].pk)
    assert (first.month, first.year) == (12, 2030)
    settle(gateway)  # pushes the edit, and leaves the date as the gateway has it
    kept = gateway.bank.customer(row.customer_id).cards[1]
    assert (kept.billing["zip"], kept.month, kept.year) == ("88888", 11, 2033)
