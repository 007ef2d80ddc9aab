"""A transaction's page: what became of it, what happened, and nothing that is empty."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from django.contrib import admin
from django.test import Client
from django.utils import translation

from django_dinero.admin.card_checks import AVS, CVV, check_of
from django_dinero.admin.transactions import TransactionAdmin
from django_dinero.models import CreditCard, Operation, Transaction
from django_dinero.sandbox.bank.enums import Check
from django_dinero.testing.factories import TransactionFactory
from tests.integration.admin.pages import charge, confirm, messages, text, url
from tests.support.recording import RecordingGateway

pytestmark = pytest.mark.django_db


@pytest.fixture
def captured(root: Client, card: CreditCard) -> Transaction:
    """An authorization of 50, of which 40 were captured in the admin."""
    row = Transaction.create("50.00", card=card, settle=False, order_reference="A-17", cvv="900")
    root.post(url("transaction_capture", row.pk), confirm(amount="40.00"))
    return row


def page_of(client: Client, row: Transaction) -> Any:
    return client.get(url("transaction_change", row.pk))


def test_it_says_what_happened_and_who_did_it(
    root: Client, captured: Transaction, gateway: RecordingGateway
) -> None:
    gateway.bank.settle_batch()
    capture = captured.children.get()
    root.post(
        url("transaction_refund", capture.pk), confirm(amount="15.00", description="too cold")
    )
    page = text(page_of(root, captured))
    story = page[page.index("What happened") : page.index("Order reference")]
    parts = ("Refunded 15.00 USD", "by root, in the admin", "too cold", "Captured 40.00 USD")
    places = [story.index(part) for part in (*parts, "Authorized 50.00 USD")]
    assert places == sorted(places)
    assert capture.children.get().description == "too cold"


def test_the_money_that_is_left_stands_on_top(root: Client, captured: Transaction) -> None:
    page = text(page_of(root, captured))
    assert "50.00 USD partly captured" in page
    assert "Captured 40.00 USD Left to refund 40.00 USD" in page
    assert "Left to capture" not in page


def test_a_capture_leads_to_its_family(root: Client, captured: Transaction) -> None:
    capture = captured.children.get()
    page = page_of(root, capture)
    assert "Capture of authorization 50.00 USD (approved)" in text(page).replace(
        "capture", "Capture"
    )
    assert f'href="{url("transaction_change", captured.pk)}"' in page.content.decode()
    assert "Authorized 50.00 USD" in text(page)


def test_the_checks_are_in_words(root: Client, captured: Transaction) -> None:
    page = text(page_of(root, captured))
    assert "Address check (AVS): Street and ZIP code match (Y)" in page
    assert "Card code check (CVV): Matches (M)" in page


def test_every_letter_of_the_bank_has_words() -> None:
    assert {*AVS, *CVV} == {letter.value for letter in Check}
    assert str(check_of(CVV, "N").text) == "Does not match (N)"
    assert check_of(AVS, "?") == ("?", "neutral")


def test_a_reason_is_told_in_words(root: Client) -> None:
    for status, reason, told in (
        ("declined", "card_declined", "Declined by the card's bank"),
        ("declined", "held_for_review", "Declined after a review"),
        ("approved", "held_for_review", "Held for review"),
    ):
        row = TransactionFactory(status=status, reason=reason)
        assert f"Reason: {told}" in text(page_of(root, row))


def test_empty_fields_are_left_out(root: Client, card: CreditCard) -> None:
    row = Transaction.create("1.00", card=card)
    page = page_of(root, row).content.decode()
    for field in ("order_reference", "description", "gateway_code", "settled_at", "owner"):
        assert f"field-{field}" not in page
    assert "field-transaction_id" in page


def test_a_projects_own_fields_are_kept(
    root: Client, captured: Transaction, admin_user: Any, rf: Any
) -> None:
    class Own(TransactionAdmin):
        fieldsets: ClassVar[Any] = (
            (None, {"fields": (("kind", "reason"), "description", "transaction_id")}),
        )

    row = Transaction.objects.get(pk=captured.pk)
    request = rf.get("/")
    request.user = admin_user
    shown = Own(Transaction, admin.site).get_fieldsets(request, row)
    assert shown == ((None, {"fields": [("kind", "reason"), "transaction_id"]}),)


def test_the_providers_own_page_is_linked_where_it_is_known(
    root: Client, captured: Transaction, gateway: RecordingGateway
) -> None:
    assert "Open at the gateway" not in text(page_of(root, captured))
    gateway.console_addresses = {"transaction": "https://console.example/?id={id}"}
    address = f'href="https://console.example/?id={captured.transaction_id}"'
    assert address in page_of(root, captured).content.decode()
    Transaction.objects.filter(pk=captured.pk).update(live=True)  # of another account by now
    assert "Open at the gateway" not in text(page_of(root, captured))


def test_a_gateway_that_has_gone_keeps_no_page_from_being_shown(
    root: Client, captured: Transaction
) -> None:
    Transaction.objects.update(gateway_name="gone")
    assert "Authorized 50.00 USD" in text(page_of(root, captured))


def test_rows_that_are_hidden_from_this_user_are_not_told_of(
    root: Client, captured: Transaction, monkeypatch: pytest.MonkeyPatch
) -> None:
    capture = captured.children.get()
    every = TransactionAdmin.get_queryset
    monkeypatch.setattr(
        TransactionAdmin,
        "get_queryset",
        lambda self, request: every(self, request).exclude(pk=capture.pk),
    )
    page = text(page_of(root, captured))
    story = page[page.index("What happened") : page.index("Order reference")]
    assert "Authorized 50.00 USD" in story
    assert "Captured" not in story
    # Nobody is told that what was captured already can still be.
    assert "50.00 USD partly captured" in page
    assert "Left to capture" not in page


def test_the_journal_is_linked_for_those_who_may_see_it(
    staff: Callable[..., Client], captured: Transaction
) -> None:
    operation = Operation.objects.get(key=captured.operation_key)
    linked = f'<a href="{url("operation_change", operation.pk)}">journal</a>'
    assert linked not in page_of(staff("view_transaction"), captured).content.decode()
    may = staff("view_transaction", "view_operation", name="other")
    assert linked in page_of(may, captured).content.decode()


def test_an_authorizations_refund_goes_to_its_capture(
    root: Client, captured: Transaction, gateway: RecordingGateway
) -> None:
    gateway.bank.settle_batch()
    address = url("transaction_refund", captured.pk)
    assert address in page_of(root, captured).content.decode()
    assert 'name="amount" value="40.00"' in root.get(address).content.decode()
    root.post(address, confirm(amount="10.00"))
    assert str(captured.refunded_amount) == "10.00"
    assert "Left to refund 30.00 USD" in text(page_of(root, captured))


def test_what_has_been_charged_in_the_admin_says_so(root: Client, card: CreditCard) -> None:
    response = root.post(url("creditcard_charge", card.pk), charge())
    assert "by root, in the admin" in text(root.get(response["Location"]))
    assert "Started by: the merchant, without the cardholder" in text(
        root.get(response["Location"])
    )


def test_amounts_are_written_and_read_in_the_language_of_the_page(
    root: Client, card: CreditCard, gateway: RecordingGateway
) -> None:
    with translation.override("de"):
        response = root.post(url("creditcard_charge", card.pk), charge("1.234,50"))
        row = Transaction.objects.get()
        assert str(row.price) == "1234.50"
        assert "1.234,50 USD" in messages(response)[0]
        page = root.get(url("transaction_change", row.pk))
        assert "1.234,50 USD" in text(page)
        gateway.bank.settle_batch()
        refund = root.get(url("transaction_refund", row.pk))
        assert 'name="amount" value="1234,50"' in refund.content.decode()
        for wrong in ("1.234", "1,234.50"):
            refused = root.post(url("transaction_refund", row.pk), confirm(amount=wrong))
            assert list(refused.context["form"].errors) == ["amount"]
        root.post(url("transaction_refund", row.pk), confirm(amount="234,50"))
    assert str(row.refunded_amount) == "234.50"


def test_a_void_of_captured_money_says_that_it_goes_back_and_whereto(
    root: Client, captured: Transaction
) -> None:
    page = text(root.get(url("transaction_void", captured.pk)))
    said = "40.00 USD of this were captured. The capture is cancelled too"
    assert said in page[: page.index("Reason")]
    assert "the money goes back to the card: visa •••• 1111." in page
    capture = captured.children.get()
    assert said in text(root.get(url("transaction_void", capture.pk)))
    listed = root.get(url("transaction_bulk_void"), {"row": [captured.pk, capture.pk]})
    assert text(listed).count(said) == 2


def test_a_void_of_what_was_only_reserved_speaks_of_no_capture(
    root: Client, card: CreditCard
) -> None:
    row = Transaction.create("50.00", card=card, settle=False)
    page = text(root.get(url("transaction_void", row.pk)))
    assert "The whole of it is cancelled" in page and "captured" not in page


@pytest.mark.parametrize(
    ("language", "amount"),
    [("en", "1,234.50 USD"), ("de", "1.234,50 USD"), ("fr", "1\u202f234,50 USD")],
)
def test_an_amount_is_the_same_wherever_it_stands(
    root: Client, card: CreditCard, settings: Any, language: str, amount: str
) -> None:
    row = Transaction.create("1234.50", card=card, settle=False)
    row.capture()
    settings.LANGUAGE_CODE = language
    shown = text(page_of(root, row))
    amount = " ".join(amount.split())
    crumbs = shown[: shown.index("Transaction" if language != "de" else "Transaktion")]
    with translation.override(language):
        assert amount in " ".join(str(row).split())
    assert amount in shown
    # Not "1234" alone, which stands in a random id now and then.
    assert re.search(r"(?<!\d)1234(?!\d)", shown) is None, crumbs
    for name in ("transaction_changelist", "transaction_bulk_void"):
        page = text(root.get(url(name), {"row": row.pk} if "bulk" in name else {}))
        assert amount in page and "1234" not in page
