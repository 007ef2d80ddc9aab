"""What is not finished is told wherever somebody might do it once more, and in the histories."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from django_dinero.enums import ReasonKind, ResultStatus
from django_dinero.exceptions import OutcomeUnknown
from django_dinero.gateways.types import Reason, TransactionResult
from django_dinero.models import CreditCard, Customer, Operation, Transaction
from tests.integration.admin.pages import charge, confirm, messages, text, url
from tests.support.recording import (
    RecordingGateway,
    answer,
    lose_reply,
    lose_request,
    refuse_connection,
)

pytestmark = pytest.mark.django_db

WARNING = "Do nothing twice before you know how this ended"


@pytest.fixture
def lost(card: CreditCard, gateway: RecordingGateway) -> Operation:
    """A charge whose answer was lost: it has no transaction."""
    gateway.faults["charge"] = lose_request
    with pytest.raises(OutcomeUnknown):
        Transaction.create("12.50", card=card)
    return Operation.objects.get(state="unknown")


def pages_of(card: CreditCard) -> list[str]:
    """Where somebody would charge again."""
    return [
        url("customer_change", card.customer_pk),
        url("creditcard_change", card.pk),
        url("creditcard_charge", card.pk),
        url("customer_add_card", card.customer_pk),
    ]


def test_an_open_charge_stands_on_every_page_that_leads_to_another(
    root: Client, card: CreditCard, lost: Operation
) -> None:
    for address in pages_of(card):
        page = root.get(address)
        assert WARNING in text(page)
        assert "charge 12.50 USD ( outcome unknown" in text(page)
        assert url("operation_change", lost.pk) in page.content.decode()


def test_what_is_finished_is_no_warning(root: Client, card: CreditCard) -> None:
    Transaction.create("12.50", card=card)
    for address in pages_of(card):
        assert WARNING not in text(root.get(address))


def test_a_delete_that_was_never_sent_is_no_warning(
    root: Client, card: CreditCard, gateway: RecordingGateway
) -> None:
    other = card.customer.add_card(number="5424000000000015", month=11, year=2059)
    gateway.faults["delete_card"] = refuse_connection
    root.post(url("creditcard_delete", other.pk), {"post": "yes"})
    assert Operation.objects.filter(kind="delete_card", state="new").exists()
    assert WARNING not in text(root.get(url("customer_change", card.customer_pk)))


@pytest.mark.parametrize("state", ["sent", "unknown", "held", "requires_action", "needs_attention"])
def test_whatever_may_have_arrived_is_a_warning(
    root: Client, card: CreditCard, lost: Operation, state: str
) -> None:
    Operation.objects.filter(pk=lost.pk).update(state=state)
    assert WARNING in text(root.get(url("creditcard_charge", card.pk)))


def test_somebody_elses_open_charge_is_no_warning(root: Client, lost: Operation) -> None:
    other = Customer.create("other@example.com", number="4111111111111111", month=12, year=2060)
    for address in pages_of(other.cards[0]):
        assert WARNING not in text(root.get(address))


def test_the_same_ids_at_another_gateway_are_no_warning(
    root: Client, card: CreditCard, lost: Operation
) -> None:
    Operation.objects.filter(pk=lost.pk).update(gateway_name="other")
    for address in pages_of(card):
        assert WARNING not in text(root.get(address))


def test_an_open_charge_of_another_card_is_told_before_this_one_is_charged(
    root: Client, card: CreditCard, lost: Operation
) -> None:
    other = card.customer.add_card(number="5424000000000015", month=11, year=2059)
    assert WARNING in text(root.get(url("creditcard_charge", other.pk)))
    assert WARNING not in text(root.get(url("creditcard_change", other.pk)))


def test_who_may_only_charge_is_warned_without_a_link(
    staff: Callable[..., Client], card: CreditCard, lost: Operation
) -> None:
    page = staff("charge_creditcard").get(url("creditcard_charge", card.pk))
    assert f"operation {lost.key}" in text(page)
    assert url("operation_change", lost.pk) not in page.content.decode()


def test_a_customer_that_is_being_created_is_told(root: Client, gateway: RecordingGateway) -> None:
    gateway.faults["create_customer"] = lose_request
    fresh = Customer(email="new@example.com")
    with pytest.raises(OutcomeUnknown):
        fresh.save()
    page = text(root.get(url("customer_change", fresh.pk)))
    assert "create customer ( outcome unknown" in page


def test_an_open_refund_stands_on_its_transaction(
    root: Client, card: CreditCard, gateway: RecordingGateway
) -> None:
    paid = Transaction.create("12.50", card=card)
    gateway.bank.settle_batch()
    gateway.faults["refund"] = lose_request
    with pytest.raises(OutcomeUnknown):
        paid.refund("2.50")
    for address in (url("transaction_change", paid.pk), url("transaction_refund", paid.pk)):
        page = text(root.get(address))
        assert WARNING in page
        assert "refund 2.50 USD ( outcome unknown" in page


def test_the_page_that_just_lost_an_answer_tells_it_once(
    root: Client, card: CreditCard, gateway: RecordingGateway
) -> None:
    gateway.faults["charge"] = lose_request
    page = text(root.post(url("creditcard_charge", card.pk), charge()))
    assert "It is not known yet whether the card was charged." in page
    assert WARNING not in page


# -- Histories -----------------------------------------------------------------------------------


def test_the_history_of_a_hold_has_our_words_and_not_the_gateways(
    root: Client, card: CreditCard, gateway: RecordingGateway
) -> None:
    thanks = Reason(ReasonKind.HELD, "253", "Thank you for your business!")
    held = TransactionResult(ResultStatus.HELD, transaction_id="77", reasons=(thanks,))
    gateway.faults["charge"] = answer(held)
    response = root.post(url("creditcard_charge", card.pk), charge())
    assert "The gateway said: Thank you for your business! (gateway code 253)" in text(response)
    key = Operation.objects.get(kind="charge").key
    row = Transaction.objects.get(status="held")
    entries = LogEntry.objects.all()
    assert {entry.get_edited_object() for entry in entries} == {card, row}
    assert {entry.change_message for entry in entries} == {
        "charge 12.50 USD: The payment is held for review: it is neither paid nor declined. "
        f"[{key}, open]"
    }


def test_a_charge_that_was_lost_and_found_is_in_the_history_as_both(
    root: Client, card: CreditCard, gateway: RecordingGateway
) -> None:
    posted = charge()
    gateway.faults["charge"] = lose_reply
    root.post(url("creditcard_charge", card.pk), posted)
    for expected in ("Charged: 12.50 USD", "This was done before, and not once more. Charged"):
        response = root.post(url("creditcard_charge", card.pk), posted)
        assert messages(response)[-1].startswith(expected)
    entries = LogEntry.objects.filter(object_id=card.pk, content_type__model="creditcard")
    lost, found = entries.order_by("id").values_list("change_message", flat=True)
    assert lost.startswith("charge 12.50 USD: It is not known yet")
    assert found.startswith("Charged: 12.50 USD")
    assert gateway.verbs.count("charge") == 1


# -- The journal's page --------------------------------------------------------------------------


def test_an_operation_leads_to_its_customer_and_its_original(
    root: Client, card: CreditCard
) -> None:
    paid = Transaction.create("12.50", card=card)
    void = paid.void()
    operation = Operation.objects.get(key=void.operation_key)
    page = root.get(url("operation_change", operation.pk)).content.decode()
    for address in (
        url("customer_change", card.customer_pk),
        url("transaction_change", paid.pk),
        url("transaction_change", void.pk),
    ):
        assert f'"{address}"' in page


@pytest.mark.parametrize(
    ("kind", "words"),
    [("charge", "it did not happen"), ("update_card", "Do it again if it is still wanted")],
)
def test_proven_absence_says_what_it_means(
    root: Client, card: CreditCard, lost: Operation, kind: str, words: str
) -> None:
    Operation.objects.filter(pk=lost.pk).update(kind=kind, quarantine_until="2020-01-01T00:00:00Z")
    response = root.post(url("operation_look_up", lost.pk), confirm())
    assert words in messages(response)[0]
