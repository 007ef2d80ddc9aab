"""Customers that are stored again while their delete waits: the delete does not eat them."""

from __future__ import annotations

from typing import Any

import pytest

from django_dinero.exceptions import (
    DineroError,
    DuplicateCustomerError,
    NotSent,
    OperationInProgress,
    OutcomeUnknown,
)
from django_dinero.models import Customer, Operation
from django_dinero.services import pull
from django_dinero.services.recovery.lookup import look_up
from django_dinero.services.vault import deletions
from django_dinero.services.vault.waiting import drive_deletes
from tests.faults import vault
from tests.support.cards import PAST
from tests.support.recording import RecordingGateway, lose_reply, lose_request, refuse_connection

pytestmark = pytest.mark.django_db

KEY = {"idempotency_key": "sign-up-1"}


def create(**given: Any) -> Customer:
    return Customer.create("bill@example.com", **{**KEY, **given})


@pytest.fixture(params=[True, False], ids=["with card", "without"])
def given(request: pytest.FixtureRequest, card: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a customer, with a card and without."""
    return card if request.param else {}


@pytest.fixture
def deleted(gateway: RecordingGateway, given: dict[str, Any]) -> str:
    """The id of a customer that was deleted here, and whose delete was not sent yet."""
    customer = create(**given)
    customer_id = customer.customer_id or ""
    gateway.faults["delete_customer"] = refuse_connection
    with pytest.raises(NotSent):
        customer.delete()
    assert waiting() == ["delete_customer"]
    return customer_id


def waiting() -> list[str]:
    return list(Operation.objects.filter(state="new").values_list("kind", flat=True))


def send_deletes() -> None:
    for key in Operation.objects.filter(state="new").values_list("key", flat=True):
        deletions.push_delete(key)


def expire() -> None:
    Operation.objects.update(lease_until=PAST, quarantine_until=PAST)


# -- The delete waits ------------------------------------------------------------------------------


def test_one_that_is_stored_again_stays(
    gateway: RecordingGateway, deleted: str, given: dict[str, Any]
) -> None:
    again = create(**given)
    assert again.customer_id == deleted
    assert waiting() == []
    send_deletes()
    assert list(vault.differences(gateway.bank)) == []
    assert len(again.cards) == len(gateway.bank.customer(deleted).cards) == bool(given)


def test_a_delete_that_failed_and_is_still_to_be_repeated_is_called_off(
    gateway: RecordingGateway, deleted: str, given: dict[str, Any]
) -> None:
    """Its worker died, or is about to write the repetition."""
    failed = Operation.objects.get(kind="delete_customer", state="failed")
    Operation.objects.filter(state="new").delete()
    assert create(**given).customer_id == deleted
    assert pull.record_deletion_again(failed).state == "failed"
    assert drive_deletes(gateway) == {}
    assert list(vault.differences(gateway.bank)) == []


def test_a_delete_of_a_card_that_failed_is_called_off_too(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    customer = create(**card)
    gateway.faults["delete_card"] = refuse_connection
    with pytest.raises(NotSent):
        customer.cards[0].delete()
    Operation.objects.filter(state="new").delete()
    Customer.objects.get().add_card(**card)
    assert drive_deletes(gateway) == {}
    assert list(vault.differences(gateway.bank)) == []


def test_one_whose_reply_was_lost_stays(
    gateway: RecordingGateway, deleted: str, given: dict[str, Any]
) -> None:
    gateway.faults["create_customer"] = lose_reply
    with pytest.raises(OutcomeUnknown):
        create(**given)
    again = create(**given)
    assert again.customer_id == deleted
    assert waiting() == []
    assert list(vault.differences(gateway.bank)) == []


def test_one_that_is_refused_leaves_the_delete_as_it_was(
    gateway: RecordingGateway, deleted: str, card: dict[str, Any]
) -> None:
    gateway.faults["create_customer"] = refuse_connection
    with pytest.raises(NotSent):
        create(**card)
    assert waiting() == ["delete_customer"]
    Customer.objects.all().delete()
    send_deletes()
    assert list(gateway.iter_customers()) == []


def test_cards_whose_deletes_wait_stay_with_it(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    customer = create(**card)
    gateway.faults["delete_card"] = refuse_connection
    with pytest.raises(NotSent):
        customer.cards[0].delete()
    Customer.objects.all()._raw_delete("default")
    again = create(**card)
    send_deletes()
    assert len(again.cards) == 1
    assert list(vault.differences(gateway.bank)) == []


def delete_card_then_customer(gateway: RecordingGateway, customer: Customer) -> str:
    """Delete a card by itself and later its customer, while the gateway is out."""
    card = customer.cards[0]
    gateway.faults["delete_card"] = refuse_connection
    with pytest.raises(NotSent):
        card.delete()
    gateway.faults["delete_customer"] = refuse_connection
    with pytest.raises(NotSent):
        Customer.objects.get().delete()
    return str(card.card_id)


@pytest.mark.parametrize("driven", [True, False])
def test_a_card_that_was_deleted_by_itself_stays_deleted(
    gateway: RecordingGateway, card: dict[str, Any], driven: bool
) -> None:
    customer = create(**card)
    customer.add_card(number="4007000000027")
    gone = delete_card_then_customer(gateway, customer)
    if driven:
        gateway.faults["delete_card"] = refuse_connection
        gateway.faults["delete_customer"] = refuse_connection
        drive_deletes(gateway, patient=False)
    again = create()
    assert [row.last_4 for row in again.cards] == ["0027"]
    drive_deletes(gateway, patient=False)
    there = gateway.bank.customer(again.customer_id or "")
    assert gone not in [each.id for each in there.cards]
    assert list(vault.differences(gateway.bank)) == []


def test_a_card_that_was_deleted_by_itself_stays_deleted_though_a_reply_is_lost(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    customer = create(**card)
    customer.add_card(number="4007000000027")
    delete_card_then_customer(gateway, customer)
    gateway.faults["create_customer"] = lose_reply
    with pytest.raises(OutcomeUnknown):
        create()
    expire()
    look_up(Operation.objects.filter(kind="create_customer").latest("pk"))
    assert [row.last_4 for row in Customer.objects.get().cards] == ["0027"]
    drive_deletes(gateway, patient=False)
    assert list(vault.differences(gateway.bank)) == []


def test_one_that_was_deleted_by_itself_comes_back_where_it_is_given_again(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    delete_card_then_customer(gateway, create(**card))
    again = create(**card)
    drive_deletes(gateway, patient=False)
    assert [row.last_4 for row in again.cards] == ["1111"]
    assert list(vault.differences(gateway.bank)) == []


def test_one_that_is_stored_again_without_a_card_has_those_of_the_gateway(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    customer = create(**card)
    gateway.faults["delete_customer"] = refuse_connection
    with pytest.raises(NotSent):
        customer.delete()
    again = create(first_name="Ada")
    assert (again.first_name, again.sync_state, len(again.cards)) == ("Ada", "synced", 1)
    assert list(vault.differences(gateway.bank)) == []


def test_one_that_is_stored_again_with_another_card_is_not_taken_for_it(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    customer = create(**card)
    gateway.faults["delete_customer"] = refuse_connection
    with pytest.raises(NotSent):
        customer.delete()
    with pytest.raises(DuplicateCustomerError) as caught:
        create(**{**card, "number": "4007000000027"})
    assert caught.value.customer_id == customer.customer_id
    assert waiting() == ["delete_customer"]
    send_deletes()
    assert create(**{**card, "number": "4007000000027"}).cards[0].last_4 == "0027"
    assert list(vault.differences(gateway.bank)) == []


def test_one_of_several_cards_that_is_stored_again_keeps_the_default_of_the_gateway(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    customer = create(**card)
    customer.add_card(number="4007000000027", month=3, year=2035, is_default=True)
    gateway.faults["delete_customer"] = refuse_connection
    with pytest.raises(NotSent):
        customer.delete()
    again = create(first_name="Ada", **card)
    assert [(row.last_4, row.is_default) for row in again.cards] == [
        ("1111", False),
        ("0027", True),
    ]
    assert (again.first_name, again.sync_state) == ("Ada", "synced")
    assert list(vault.differences(gateway.bank)) == []


def test_a_card_whose_delete_is_on_its_way_gets_no_row(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    customer = create(**card)
    second = customer.add_card(number="4007000000027")
    gateway.faults["delete_card"] = lose_request
    with pytest.raises(OutcomeUnknown):
        second.delete()
    gateway.faults["delete_customer"] = refuse_connection
    with pytest.raises(NotSent):
        Customer.objects.get().delete()
    again = create(**card)
    assert [row.last_4 for row in again.cards] == ["1111"]


# -- The delete was sent ---------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [lose_reply, lose_request])
def test_a_delete_that_was_sent_is_told_before_the_gateway_is_asked(
    gateway: RecordingGateway, given: dict[str, Any], fault: Any
) -> None:
    customer = create(**given)
    gateway.faults["delete_customer"] = fault
    with pytest.raises(OutcomeUnknown):
        customer.delete()
    mark = gateway.mark
    with pytest.raises((OperationInProgress, OutcomeUnknown)):
        create(**given)
    assert "create_customer" not in gateway.since(mark)


def test_one_that_is_stored_again_after_its_delete_is_found_though_its_reply_was_lost(
    gateway: RecordingGateway, given: dict[str, Any]
) -> None:
    create(**given).delete()
    assert list(gateway.iter_customers()) == []
    gateway.faults["create_customer"] = lose_reply
    with pytest.raises(OutcomeUnknown):
        create(**given)
    operation = Operation.objects.filter(kind="create_customer").latest("pk")
    assert look_up(operation).state == "succeeded"
    assert Customer.objects.get().customer_id == operation.customer_id
    assert list(vault.differences(gateway.bank)) == []


def test_one_that_is_deleted_after_a_lost_creation_does_not_come_back(
    gateway: RecordingGateway,
) -> None:
    customer = create()
    gateway.faults["delete_customer"] = refuse_connection
    with pytest.raises(NotSent):
        customer.delete()
    gateway.faults["create_customer"] = lose_reply
    with pytest.raises(OutcomeUnknown):
        create()
    gateway.faults["find_operation"] = lose_request
    with pytest.raises(DineroError):
        Customer.objects.get().delete()
    look_up(Operation.objects.filter(kind="create_customer").latest("pk"))
    assert not Customer.objects.exists()
    send_deletes()
    assert list(gateway.iter_customers()) == []


def test_an_old_delete_without_an_id_names_no_later_customer(gateway: RecordingGateway) -> None:
    """The first creation never arrived, so there is nothing to delete."""
    gateway.faults["create_customer"] = lose_request
    with pytest.raises(OutcomeUnknown):
        create()
    with pytest.raises(OutcomeUnknown):
        Customer.objects.get().delete()
    assert waiting() == ["delete_customer"]
    expire()
    again = create()
    send_deletes()
    assert waiting() == []
    assert gateway.bank.customer(again.customer_id or "").email == again.email
    assert list(vault.differences(gateway.bank)) == []


def test_a_delete_without_an_id_names_the_newest_customer_of_its_key(
    gateway: RecordingGateway,
) -> None:
    create().delete()
    gateway.faults["create_customer"] = lose_reply
    with pytest.raises(OutcomeUnknown):
        create()
    Customer.objects.get().delete()
    expire()
    send_deletes()
    assert list(gateway.iter_customers()) == []
    assert waiting() == []
