"""Transactions and the journal: read-only, with pages that settle, void, refund and look up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.utils.translation import override

from django_dinero.admin.views.look_up import looked_up
from django_dinero.exceptions import OutcomeUnknown
from django_dinero.models import CreditCard, Operation, Transaction
from tests.integration.admin.pages import confirm, key_of, messages, text, url
from tests.support.recording import (
    RecordingGateway,
    lose_reply,
    lose_request,
    refuse_connection,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def paid(card: CreditCard) -> Transaction:
    """A charge."""
    return Transaction.create("12.50", card=card)


@pytest.fixture
def reserved(card: CreditCard) -> Transaction:
    """An authorization."""
    return Transaction.create("12.50", card=card, settle=False)


# -- Transactions --------------------------------------------------------------------------------


def test_a_transaction_cannot_be_added_changed_or_deleted(root: Client, paid: Transaction) -> None:
    assert root.get(url("transaction_add")).status_code == 403
    assert root.post(url("transaction_change", paid.pk), {"price": "1"}).status_code == 403
    assert root.post(url("transaction_delete", paid.pk), {"post": "yes"}).status_code == 403
    posted = {"action": "delete_selected", "post": "yes", "_selected_action": [str(paid.pk)]}
    root.post(url("transaction_changelist"), posted)
    assert Transaction.objects.count() == 1


@pytest.mark.parametrize(
    "field", ["transaction_id", "operation_key", "last_4", "customer_id", "order_reference"]
)
def test_transactions_are_found(root: Client, card: CreditCard, field: str) -> None:
    row = Transaction.create("12.50", card=card, order_reference="A-17")
    response = root.get(url("transaction_changelist"), {"q": getattr(row, field)})
    assert [each.pk for each in response.context["cl"].result_list] == [row.pk]
    assert "12.50 USD" in text(response)
    missing = root.get(url("transaction_changelist"), {"q": "nothing"})
    assert not missing.context["cl"].result_list


def test_a_transactions_page(root: Client, reserved: Transaction) -> None:
    capture = reserved.settle("10.00")
    page = root.get(url("transaction_change", reserved.pk))
    operation = Operation.objects.get(key=reserved.operation_key)
    assert "What happened Captured 10.00 USD" in text(page)
    assert "Authorized 12.50 USD" in text(page)
    assert url("transaction_change", capture.pk) in page.content.decode()
    assert f"operation/{operation.pk}/change/" in page.content.decode()


def test_a_deleted_card_leaves_its_transaction_readable(root: Client, paid: Transaction) -> None:
    CreditCard.objects.all().delete()
    page = text(root.get(url("transaction_change", paid.pk)))
    assert "visa •••• 1111" in page


# -- Settle, void, refund ------------------------------------------------------------------------


def test_settling(root: Client, reserved: Transaction, gateway: RecordingGateway) -> None:
    address = url("transaction_capture", reserved.pk)
    page = root.get(address)
    assert 'name="amount" value="12.50"' in page.content.decode()
    assert "the rest is released, and cannot be captured later" in text(page)
    response = root.post(address, confirm(amount="10.00", key=key_of(root, address)))
    capture = Transaction.objects.get(kind="capture")
    assert (str(capture.price), capture.parent_id) == ("10.00", reserved.pk)
    assert response["Location"] == url("transaction_change", capture.pk)
    done = (
        f"Done: capture, 10.00 USD (transaction {capture.transaction_id}). "
        "2.50 USD of the authorization was not captured, and cannot be any more."
    )
    assert messages(response) == [done]
    entries = LogEntry.objects.order_by("id")
    assert [entry.get_edited_object() for entry in entries] == [reserved, capture]
    assert {entry.change_message for entry in entries} == {f"{done} [{capture.operation_key}]"}


def test_capturing_all_of_it_leaves_nothing_to_tell(root: Client, reserved: Transaction) -> None:
    response = root.post(url("transaction_capture", reserved.pk), confirm(amount="12.50"))
    assert messages(response)[-1].endswith(").")


def test_refunding_a_part_of_what_has_settled(
    root: Client, paid: Transaction, gateway: RecordingGateway
) -> None:
    gateway.bank.settle_batch()
    root.post(url("transaction_refund", paid.pk), confirm(amount="2.50"))
    assert str(paid.refunded_amount) == "2.50"
    page = root.get(url("transaction_refund", paid.pk)).content.decode()
    assert 'name="amount" value="10.00"' in page


def test_refunding_what_has_not_settled(
    root: Client, paid: Transaction, gateway: RecordingGateway
) -> None:
    response = root.post(url("transaction_refund", paid.pk), confirm(amount="2.50"))
    assert "Nothing was changed." in text(response)
    assert "only the whole of it can be taken back" in text(response)
    root.post(url("transaction_refund", paid.pk), confirm(amount="12.50"))
    assert Transaction.objects.get(parent=paid).kind == "void"


def test_voiding(root: Client, paid: Transaction, gateway: RecordingGateway) -> None:
    root.get(url("transaction_void", paid.pk))
    assert gateway.verbs[-1] == "charge"
    root.post(url("transaction_void", paid.pk), confirm())
    paid.refresh_from_db()
    assert paid.status == "voided"


@pytest.mark.parametrize("verb", ["refund", "void"])
def test_a_page_sent_twice_is_done_once(
    root: Client, paid: Transaction, gateway: RecordingGateway, verb: str
) -> None:
    if verb == "refund":
        gateway.bank.settle_batch()
    posted = confirm(amount="2.50")
    root.post(url(f"transaction_{verb}", paid.pk), posted)
    response = root.post(url(f"transaction_{verb}", paid.pk), posted)
    assert gateway.verbs.count(verb) == 1
    assert "not once more" in messages(response)[-1]


@pytest.mark.parametrize("amount", ["", "0", "-1", "1e3", "2.505", "4111111111111111"])
def test_wrong_amounts_are_refused(
    root: Client, paid: Transaction, gateway: RecordingGateway, amount: str
) -> None:
    response = root.post(url("transaction_refund", paid.pk), confirm(amount=amount))
    assert list(response.context["form"].errors) == ["amount"]
    assert "4111111111111111" not in response.content.decode()
    assert gateway.verbs[-1] == "charge"


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (lose_request, "Do not do it again"),
        (refuse_connection, "Nothing was sent and nothing was changed."),
    ],
)
def test_bad_ends_are_told(
    root: Client, paid: Transaction, gateway: RecordingGateway, fault: Any, words: str
) -> None:
    gateway.faults["void"] = fault
    assert words in text(root.post(url("transaction_void", paid.pk), confirm()))


@pytest.mark.parametrize("verb", ["capture", "refund", "void"])
def test_each_has_its_own_permission(
    staff: Callable[..., Client],
    paid: Transaction,
    reserved: Transaction,
    gateway: RecordingGateway,
    verb: str,
) -> None:
    mark = gateway.mark
    others = {"capture", "refund", "void"} - {verb}
    client = staff("view_transaction", *(f"{name}_transaction" for name in others))
    address = url(f"transaction_{verb}", paid.pk)
    assert client.get(address).status_code == 403
    assert client.post(address, confirm(amount="1.00")).status_code == 403
    assert gateway.since(mark) == []
    assert address not in client.get(url("transaction_change", paid.pk)).content.decode()
    owner = staff(f"{verb}_transaction", name="other")
    row = reserved if verb == "capture" else paid
    assert owner.get(url(f"transaction_{verb}", row.pk)).status_code == 200


def test_what_is_offered_depends_on_the_transaction(
    root: Client, paid: Transaction, reserved: Transaction
) -> None:
    def offered(row: Transaction) -> list[str]:
        page = root.get(url("transaction_change", row.pk)).content.decode()
        verbs = ("capture", "refund", "void")
        return [verb for verb in verbs if url(f"transaction_{verb}", row.pk) in page]

    assert offered(paid) == ["refund", "void"]
    assert offered(reserved) == ["capture", "void"]
    void = paid.void()
    paid.refresh_from_db()
    assert offered(paid) == offered(void) == []


@pytest.mark.django_db(transaction=True, databases="__all__")
def test_atomic_requests_do_not_wrap_them(
    root: Client, paid: Transaction, gateway: RecordingGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    seen: list[bool] = []

    def look(call: Callable[[], Any]) -> Any:
        seen.append(connection.in_atomic_block)
        return call()

    gateway.faults["void"] = look
    root.post(url("transaction_void", paid.pk), confirm())
    assert seen == [False]


# -- The journal ---------------------------------------------------------------------------------


def test_the_journal_cannot_be_added_to_changed_or_deleted(root: Client, paid: Transaction) -> None:
    operation = Operation.objects.get(key=paid.operation_key)
    assert root.get(url("operation_add")).status_code == 403
    assert root.post(url("operation_change", operation.pk), {"state": "new"}).status_code == 403
    assert root.post(url("operation_delete", operation.pk), {"post": "yes"}).status_code == 403


def test_an_operations_page(root: Client, paid: Transaction) -> None:
    operation = Operation.objects.get(key=paid.operation_key)
    response = root.get(url("operation_change", operation.pk))
    page = text(response)
    assert operation.key in page
    assert "12.50 USD" in page
    assert "Charge 12.50 USD : succeeded What happened The gateway has done it." in page
    assert "Did money move? Yes: it was taken from the card. What to do Nothing to do." in page
    assert "Card: visa •••• 1111" in page
    assert "{" not in page
    assert f"transaction/{paid.pk}/change/" in response.content.decode()
    assert url("operation_look_up", operation.pk) not in response.content.decode()
    found = root.get(url("operation_changelist"), {"q": operation.key})
    assert [row.pk for row in found.context["cl"].result_list] == [operation.pk]


def lost(card: CreditCard, gateway: RecordingGateway, fault: Any) -> Operation:
    """A charge whose answer was lost."""
    gateway.faults["charge"] = fault
    with pytest.raises(OutcomeUnknown):
        Transaction.create("12.50", card=card)
    return Operation.objects.get(state="unknown")


def test_looking_up_finds_a_lost_charge(
    root: Client, card: CreditCard, gateway: RecordingGateway
) -> None:
    operation = lost(card, gateway, lose_reply)
    address = url("operation_look_up", operation.pk)
    assert address in root.get(url("operation_change", operation.pk)).content.decode()
    root.get(address)
    assert gateway.verbs[-1] == "charge"
    response = root.post(address, confirm())
    assert messages(response) == [f"Operation {operation.key} (charge): succeeded."]
    entry = LogEntry.objects.get()
    assert entry.get_edited_object() == operation
    assert entry.change_message == "Looked up: succeeded."
    assert Transaction.objects.get().status == "approved"
    assert gateway.verbs.count("charge") == 1


def test_looking_up_too_early(root: Client, card: CreditCard, gateway: RecordingGateway) -> None:
    operation = lost(card, gateway, lose_request)
    response = root.post(url("operation_look_up", operation.pk), confirm())
    assert "is still open (charge, outcome unknown; not found yet)" in messages(response)[0]
    with override("de"):
        said, _level = looked_up(operation)
    assert "noch nicht gefunden" in said
    assert Operation.objects.get(pk=operation.pk).note("lookup") == "not found yet"


def test_looking_up_proves_absence(
    root: Client, card: CreditCard, gateway: RecordingGateway
) -> None:
    operation = lost(card, gateway, lose_request)
    Operation.objects.update(quarantine_until="2020-01-01T00:00:00Z")
    response = root.post(url("operation_look_up", operation.pk), confirm())
    assert "it did not happen" in messages(response)[0]


def test_looking_up_needs_a_permission(
    staff: Callable[..., Client], card: CreditCard, gateway: RecordingGateway
) -> None:
    operation = lost(card, gateway, lose_reply)
    client = staff("view_operation")
    assert client.post(url("operation_look_up", operation.pk), confirm()).status_code == 403
    page = client.get(url("operation_change", operation.pk)).content.decode()
    assert url("operation_look_up", operation.pk) not in page
    assert not Transaction.objects.exists()
