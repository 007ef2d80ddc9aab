"""Held payments that are decided in the admin, and voids of what the bank has settled."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from django_dinero.exceptions import HeldForReview
from django_dinero.models import CreditCard, Operation, Transaction
from tests.integration.admin.pages import confirm, messages, text, url
from tests.support.recording import RecordingGateway, lose_request

pytestmark = pytest.mark.django_db


@pytest.fixture
def held(card: CreditCard, gateway: RecordingGateway) -> Transaction:
    """A payment that the gateway holds."""
    gateway.bank.hold_next()
    with pytest.raises(HeldForReview) as caught:
        Transaction.create("12.50", card=card)
    assert isinstance(caught.value.transaction, Transaction)
    return caught.value.transaction


@pytest.mark.parametrize(("verb", "status"), [("approve", "approved"), ("decline", "declined")])
def test_a_held_payment_is_decided_once(
    root: Client, held: Transaction, gateway: RecordingGateway, verb: str, status: str
) -> None:
    address = url(f"transaction_{verb}", held.pk)
    assert address in root.get(url("transaction_change", held.pk)).content.decode()
    posted = confirm(description="called the customer")
    root.post(address, posted)
    response = root.post(address, posted)
    held.refresh_from_db()
    assert held.status == status
    assert gateway.verbs.count("decide_review") == 1
    assert messages(response)[-1].startswith("This was done before, and not once more. Decided:")
    operation = Operation.objects.get(kind=f"{verb}_held")
    assert (operation.made_by, operation.intent["description"]) == ("root", "called the customer")
    entry = LogEntry.objects.get()
    assert entry.get_edited_object() == held
    assert f"is {status} (transaction" in entry.change_message
    page = text(root.get(url("transaction_change", held.pk)))
    assert "in review" in page
    assert "by root, in the admin" in page


@pytest.mark.parametrize("verb", ["approve", "decline"])
def test_the_page_does_not_warn_of_what_it_decides(
    root: Client, held: Transaction, card: CreditCard, gateway: RecordingGateway, verb: str
) -> None:
    address = url(f"transaction_{verb}", held.pk)
    assert "Do nothing twice" not in text(root.get(address))
    assert "Do nothing twice" in text(root.get(url("creditcard_charge", card.pk)))
    gateway.faults["decide_review"] = lose_request
    root.post(address, confirm())
    assert "Do nothing twice" in text(root.get(address))


def test_looking_up_reads_what_was_decided_at_the_gateway(
    root: Client, held: Transaction, gateway: RecordingGateway
) -> None:
    operation = Operation.objects.get(state="held")
    address = url("operation_look_up", operation.pk)
    assert address in root.get(url("operation_change", operation.pk)).content.decode()
    assert "is still open" in messages(root.post(address, confirm()))[0]
    gateway.bank.decide_review(held.transaction_id or "", approve=True)
    response = root.post(address, confirm())
    assert f"Operation {operation.key} (charge): succeeded." in messages(response)
    held.refresh_from_db()
    assert held.status == "approved"


def test_nothing_else_can_be_decided(root: Client, card: CreditCard) -> None:
    row = Transaction.create("1.00", card=card)
    response = root.get(url("transaction_approve", row.pk))
    assert "Only a held payment can be approved or declined" in messages(response)[0]
    assert "/approve/" not in root.get(url("transaction_change", row.pk)).content.decode()


def test_a_decision_whose_answer_was_lost(
    root: Client, held: Transaction, gateway: RecordingGateway
) -> None:
    gateway.faults["decide_review"] = lose_request
    response = root.post(url("transaction_approve", held.pk), confirm())
    assert "Do not do it again" in text(response)
    assert b"data-send-once" not in response.content
    operation = Operation.objects.get(kind="approve_held")
    assert operation.key in LogEntry.objects.get().change_message


# -- A void that comes too late ------------------------------------------------------------------


@pytest.fixture
def settled(card: CreditCard, gateway: RecordingGateway) -> Transaction:
    """A charge that the bank has settled, which nobody has read here."""
    row = Transaction.create("12.50", card=card)
    gateway.bank.settle_batch()
    return row


def test_a_void_of_what_has_settled_offers_the_refund(
    root: Client, settled: Transaction, gateway: RecordingGateway
) -> None:
    response = root.post(url("transaction_void", settled.pk), confirm())
    assert "The bank has settled this meanwhile; it cannot be voided any more." in text(response)
    assert url("transaction_refund", settled.pk) in response.content.decode()
    assert b"data-send-once" not in response.content
    settled.refresh_from_db()
    assert settled.status == "settled"


def test_what_is_known_to_have_settled_leads_to_the_refund(
    root: Client, settled: Transaction
) -> None:
    settled.refresh_from_gateway()
    assert "/void/" not in root.get(url("transaction_change", settled.pk)).content.decode()
    response = root.get(url("transaction_void", settled.pk))
    assert response["Location"] == url("transaction_refund", settled.pk)
    assert messages(response) == ["The bank has settled this; refund it."]


def test_who_may_not_refund_is_not_led_there(
    staff: object, settled: Transaction, gateway: RecordingGateway
) -> None:
    client: Client = staff("void_transaction", "view_transaction")  # type: ignore[operator]
    response = client.post(url("transaction_void", settled.pk), confirm())
    assert "/refund/" not in response.content.decode()
    assert "refund it" in text(response)  # it still says what could be done


# -- Refresh -------------------------------------------------------------------------------------


def test_refreshing_one(root: Client, settled: Transaction, gateway: RecordingGateway) -> None:
    address = url("transaction_refresh", settled.pk)
    assert address in root.get(url("transaction_change", settled.pk)).content.decode()
    mark = gateway.mark
    root.get(address)
    assert gateway.since(mark) == []
    response = root.post(address, confirm())
    assert messages(response) == ["Refreshed: it was approved, and is settled."]
    assert LogEntry.objects.get().get_edited_object() == settled
    again = root.post(address, confirm())
    assert messages(again)[-1] == "Nothing has changed: settled."
    assert LogEntry.objects.count() == 1


def test_what_was_refused_cannot_be_refreshed(root: Client, card: CreditCard) -> None:
    row = Transaction.create("1.00", card=card)
    Transaction.objects.filter(pk=row.pk).update(transaction_id=None)
    response = root.get(url("transaction_refresh", row.pk))
    assert messages(response) == ["It has no id at the gateway: it was refused."]
