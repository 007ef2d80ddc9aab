"""An operation's page, for somebody who is woken by it; closing one, and sending a delete again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from django_dinero.enums import ReasonKind, ResultStatus
from django_dinero.exceptions import (
    CVVError,
    DuplicateCardError,
    InvalidTransactionError,
    NeedsAttention,
    OutcomeUnknown,
)
from django_dinero.gateways.types import (
    LookupResult,
    Reason,
    Refusal,
    RemoteTransaction,
    TransactionResult,
)
from django_dinero.models import CreditCard, Customer, Difference, Operation, Transaction
from tests.integration.admin.conftest import NUMBER
from tests.integration.admin.pages import confirm, messages, text, url
from tests.support.recording import RecordingGateway, answer, lose_reply, refuse_connection

pytestmark = pytest.mark.django_db

NOTE = "Not in the gateway's pages of that day; the shop was told."


@pytest.fixture
def doubtful(card: CreditCard, gateway: RecordingGateway) -> Operation:
    """A charge that the gateway approved with another amount."""
    approved = TransactionResult(ResultStatus.APPROVED, "9001", amount=Decimal(4))
    gateway.faults["charge"] = answer(approved)
    with pytest.raises(NeedsAttention):
        card.charge("5.00", order_reference="A-17")
    return Operation.objects.get(state="needs_attention")


# -- What to do ------------------------------------------------------------------------------------


def test_a_void_that_came_too_late_leads_to_the_refund(
    root: Client, card: CreditCard, gateway: RecordingGateway
) -> None:
    paid = card.charge("5.00")
    gateway.bank.settle_batch()
    with pytest.raises(InvalidTransactionError):
        paid.void()
    operation = Operation.objects.get(kind="void", state="failed")
    page = text(root.get(url("operation_change", operation.pk)))
    assert "What the bank has settled is refunded" in page
    assert "It can be done again" not in page


def test_a_card_that_was_refused_has_to_be_typed_again(
    root: Client, customer: Customer, gateway: RecordingGateway
) -> None:
    same: Any = {"first_name": "Bill", "last_name": "Bloggs", "zip": "12345"}
    with pytest.raises(DuplicateCardError):
        customer.add_card(number=NUMBER, month=11, year=2061, **same)
    with pytest.raises(CVVError):
        Customer.create(
            "eve@example.com", number=NUMBER, month=12, year=2060, cvv="901", zip="12345"
        )
    add, create = Operation.objects.filter(state="declined").order_by("pk")
    page = text(root.get(url("operation_change", add.pk)))
    assert "are changed on the card's own page" in page
    page = text(root.get(url("operation_change", create.pk)))
    assert "add the customer again, and type the card again" in page
    assert "that pushes it again" not in page


# -- Closing ---------------------------------------------------------------------------------------


def test_the_page_tells_what_was_found_and_what_will_be_written(
    root: Client, doubtful: Operation
) -> None:
    page = text(root.get(url("operation_close", doubtful.pk)))
    for shown in (
        "Order reference: A-17",
        "Amount: 5.00 USD",
        "Transaction id: 9001",
        "Card: visa •••• 1111",
        "your name (root)",
        "No row is added to the books; what is still held there is asked about at the gateway.",
        "The gateway has it with another amount or currency.",
        "“manage.py dinero_sync --transaction 9001 --gateway default”",
        "then void, refund or keep it, and “Explain and close” this",
    ):
        assert shown in page
    assert "do not close this" not in page


def test_another_amount_is_fetched_given_back_or_kept_and_closed(
    root: Client, staff: Callable[..., Client], card: CreditCard, gateway: RecordingGateway
) -> None:
    gateway.faults["charge"] = lose_reply
    with pytest.raises(OutcomeUnknown):
        card.charge("5.00", order_reference="A-17")
    operation = Operation.objects.get(state="unknown")
    [entry] = gateway.bank.transactions()
    there = gateway.retrieve_transaction(entry.id)
    assert isinstance(there, RemoteTransaction)
    less = replace(there, amount=Decimal("1.23"))
    gateway.faults["find_operation"] = answer(LookupResult((less,)))
    gateway.faults["retrieve_transaction"] = answer(less)
    root.post(url("operation_look_up", operation.pk), confirm())
    page = root.get(url("operation_change", operation.pk))
    command = f"“manage.py dinero_sync --transaction {entry.id} --gateway default”"
    assert command in text(page)
    assert command in text(root.get(url("operation_close", operation.pk)))
    assert "ends by itself" not in text(page)
    difference = Difference.objects.create(
        gateway_name="default",
        live=operation.live,
        kind="amount",
        subject=entry.id,
        open_name="x",
        operation_key=operation.key,
        transaction_id=entry.id,
        amount_there=Decimal("1.23"),
        currency="USD",
    )
    page = root.get(url("operation_close", operation.pk))
    assert "another amount" in text(page)
    assert "(open), 1.23 USD" in text(page)
    assert url("difference_change", difference.pk) in page.content.decode()
    row = Transaction.retrieve(entry.id)
    for name in ("operation_change", "operation_close"):
        page = root.get(url(name, operation.pk))
        assert "the books have it as below" in text(page)
        assert "dinero_sync" not in text(page)
        assert url("transaction_change", row.pk) in page.content.decode()
    # Whoever may see the operation alone is told nothing of the payment's row.
    page = staff("view_operation").get(url("operation_change", operation.pk))
    assert "the books have it as below" in text(page)
    assert "captured" not in text(page)
    assert "1.23 USD" not in text(page)
    root.post(url("operation_close", operation.pk), confirm(note=NOTE))
    page = root.get(url("operation_change", operation.pk))
    assert "The books have nothing of it" not in text(page)
    assert "The books have the payment that was fetched from the gateway" in text(page)
    assert url("transaction_change", row.pk) in page.content.decode()


def test_what_is_not_of_another_amount_ends_by_itself(root: Client, doubtful: Operation) -> None:
    Operation.objects.filter(pk=doubtful.pk).update(outcome={"error": "2 matches"})
    page = text(root.get(url("operation_close", doubtful.pk)))
    assert "If the payment is there, do not close this" in page
    assert "“manage.py dinero_sync --transaction ID --gateway default”" in page


def test_closing_asks_nobody_and_says_who_did_it(
    root: Client, doubtful: Operation, gateway: RecordingGateway
) -> None:
    mark = gateway.mark
    response = root.post(url("operation_close", doubtful.pk), confirm(note=f" {NOTE} "))
    assert gateway.since(mark) == []
    doubtful.refresh_from_db()
    assert (doubtful.state, doubtful.held_lock) == ("closed", None)
    assert (doubtful.note("note"), doubtful.note("closed_by")) == (NOTE, "root")
    assert messages(response) == [f"Closed: charge {doubtful.key}."]
    page = text(root.get(response["Location"]))
    assert f"Closed by: root Explanation: {NOTE}" in page
    assert LogEntry.objects.get().get_edited_object() == doubtful


def test_closing_twice_closes_once_and_another_explanation_is_refused(
    root: Client, doubtful: Operation
) -> None:
    address, posted = url("operation_close", doubtful.pk), confirm(note=NOTE)
    told = [messages(root.post(address, posted))[-1] for _n in range(2)]
    assert told[0] == told[1]
    assert LogEntry.objects.count() == 1
    response = root.post(address, confirm(note="Something else."))
    assert "Only what needs attention can be closed" in text(response)
    doubtful.refresh_from_db()
    assert doubtful.note("note") == NOTE


@pytest.mark.parametrize("note", ["", "   ", "4111 1111 1111 1111", "x" * 501])
def test_a_note_is_needed_and_holds_no_number(root: Client, doubtful: Operation, note: str) -> None:
    response = root.post(url("operation_close", doubtful.pk), confirm(note=note))
    assert list(response.context["form"].errors) == ["note"]
    assert "4111 1111" not in response.content.decode()
    doubtful.refresh_from_db()
    assert doubtful.state == "needs_attention"


def test_what_needs_nobody_is_not_closed(root: Client, card: CreditCard) -> None:
    operation = Operation.objects.get(key=card.charge("1.00").operation_key)
    response = root.get(url("operation_close", operation.pk))
    assert response["Location"] == url("operation_change", operation.pk)
    assert "this operation is: succeeded" in messages(response)[0]
    assert (
        url("operation_close", operation.pk) not in root.get(response["Location"]).content.decode()
    )


def test_it_needs_its_own_permission(staff: Callable[..., Client], doubtful: Operation) -> None:
    address = url("operation_close", doubtful.pk)
    looking = staff("view_operation", "change_operation")
    assert looking.get(address).status_code == 403
    assert address not in looking.get(url("operation_change", doubtful.pk)).content.decode()
    closing = staff("view_operation", "close_operation", name="closing")
    assert address in closing.get(url("operation_change", doubtful.pk)).content.decode()
    assert closing.post(address, confirm(note=NOTE)).status_code == 302


# -- The page --------------------------------------------------------------------------------------


def test_the_page_says_what_to_do(root: Client, doubtful: Operation) -> None:
    page = root.get(url("operation_change", doubtful.pk))
    shown = text(page)
    assert "Charge 5.00 USD : needs attention" in shown
    assert "Did money move? Perhaps, and perhaps with another amount. Do not do it again." in shown
    assert "Explain and close" in shown
    assert "{" not in shown


def test_one_button_alone_is_called_close(
    root: Client, staff: Callable[..., Client], doubtful: Operation
) -> None:
    """Django's "Close" only leads back to the list."""
    address = url("operation_change", doubtful.pk)
    assert "closelink" not in root.get(address).content.decode()
    assert "closelink" in staff("view_operation").get(address).content.decode()
    root.post(url("operation_close", doubtful.pk), confirm(note=NOTE))
    assert "closelink" in root.get(address).content.decode()


def test_empty_lines_are_left_out(root: Client, card: CreditCard) -> None:
    operation = Operation.objects.get(key=card.charge("1.00").operation_key)
    shown = text(root.get(url("operation_change", operation.pk)))
    for label in ("Original:", "Idempotency key:", "Closed by:", "Worker: -"):
        assert label not in shown
    customer = text(root.get(url("customer_change", card.customer_pk)))
    assert "Last refusal:" not in customer


def test_no_secret_is_on_the_page(root: Client, card: CreditCard) -> None:
    operation = Operation.objects.get(key=card.charge("1.00", cvv="900").operation_key)
    page = root.get(url("operation_change", operation.pk)).content.decode()
    assert "4111111111111111" not in page
    assert ">900<" not in page


# -- Deletes ---------------------------------------------------------------------------------------


def deleted(root: Client, card: CreditCard, gateway: RecordingGateway, fault: Any) -> Operation:
    """A customer that was deleted here, and that the gateway still has."""
    gateway.faults["delete_customer"] = fault
    root.post(url("customer_delete", card.customer_pk), {"post": "yes"})
    return Operation.objects.filter(kind="delete_customer").latest("pk")


def test_a_delete_that_did_not_arrive_is_sent_once_more(
    root: Client, card: CreditCard, gateway: RecordingGateway
) -> None:
    operation = deleted(root, card, gateway, refuse_connection)
    address = url("operation_retry", operation.pk)
    page = root.get(url("operation_change", operation.pk))
    assert address in page.content.decode()
    assert "It was deleted here. The gateway has not been told yet." in text(page)
    mark = gateway.mark
    response = root.post(address, confirm())
    assert gateway.since(mark) == ["delete_customer"]
    assert messages(response) == [f"delete customer {operation.key}: succeeded."]
    assert address not in root.get(url("operation_change", operation.pk)).content.decode()


def test_a_delete_whose_answer_was_lost_is_not_sent_too_early(
    root: Client, card: CreditCard, gateway: RecordingGateway
) -> None:
    operation = deleted(root, card, gateway, lose_reply)
    mark = gateway.mark
    response = root.post(url("operation_retry", operation.pk), confirm())
    assert gateway.since(mark) == []
    assert "still waits" in messages(response)[-1]


def test_what_was_refused_or_is_no_delete_is_not_sent_again(
    root: Client, card: CreditCard, gateway: RecordingGateway
) -> None:
    charge = Operation.objects.get(key=card.charge("1.00").operation_key)
    response = root.get(url("operation_retry", charge.pk))
    assert messages(response) == ["Only a delete is sent once more here."]
    refused = answer(Refusal((Reason(ReasonKind.GATEWAY_ERROR, "E1", "No."),)))
    operation = deleted(root, card, gateway, refused)
    response = root.get(url("operation_retry", operation.pk))
    assert "There is nothing to send: this delete is declined." in messages(response)[-1]
