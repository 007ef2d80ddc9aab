"""Staff at work, each button pressed twice: once done, told by name, the same in both books."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from playwright.sync_api import expect

from django_dinero.enums import ResultStatus
from django_dinero.exceptions import HeldForReview, NeedsAttention
from django_dinero.gateways.types import TransactionResult
from django_dinero.models import Customer, Difference, Operation, Transaction
from django_dinero.services.reconcile.run import reconcile
from tests.browser.desk import NOTE, Desk
from tests.browser.playwright import Visit
from tests.integration.admin.pages import url
from tests.support.recording import RecordingGateway, answer

pytestmark = [
    pytest.mark.once,
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True, databases="__all__"),
]

NUMBER = "4111111111111111"


@pytest.fixture
def visitor(visit: Callable[..., Visit]) -> Visit:
    return visit()


@pytest.fixture
def desk(visitor: Visit, live_server: Any, gateway: RecordingGateway) -> Desk:
    """Anna, signed in; every page that she meets from now on is looked at on each screen."""
    get_user_model().objects.create_superuser("anna", password="only for tests")
    desk = Desk(visitor, live_server.url, "anna", "only for tests")
    desk.look = visitor.look_everywhere
    return desk


@pytest.fixture
def customer(gateway: RecordingGateway) -> Customer:
    return Customer.create(
        "ada@example.com",
        first_name="Ada",
        last_name="Lovelace",
        number=NUMBER,
        month=12,
        year=2060,
        zip="12345",
    )


def assert_books_agree(gateway: RecordingGateway, payments: int) -> None:
    """Both sides have the same payments; a reconcile finds nothing to complain of."""
    at_bank = {
        (row.id, row.amount, row.status.value.replace("captured", "approved"))
        for row in gateway.bank.transactions()
    }
    here = {(row.transaction_id, row.price, row.status) for row in Transaction.objects.all()}
    assert here == at_bank
    assert len(here) == payments
    reconcile("default")
    assert not Difference.objects.exists()


def test_a_customer_is_added_charged_and_refunded_in_part(
    visitor: Visit, desk: Desk, gateway: RecordingGateway
) -> None:
    desk.add_customer("ada@example.com", NUMBER, "900")
    assert gateway.verbs.count("create_customer") == 1
    assert Customer.objects.get().cards[0].last_4 == "1111"
    desk.charge("12.50", "A-17", "900")
    desk.expect_told("Charged: 12.50 USD, visa •••• 1111")
    desk.look("desk-payment")
    gateway.bank.settle_batch()
    desk.follow("Refresh")
    desk.send("Refresh")
    desk.expect_told("is settled")
    desk.refund("4.25", "One cup was broken.")
    desk.look("desk-refunded")
    for title in ("Charged 12.50 USD", "Refunded 4.25 USD"):
        expect(desk.event(title)).to_have_count(1)
        expect(desk.event(title)).to_contain_text("by anna, in the admin")
    desk.page.reload()
    desk.page.go_back()
    assert [gateway.verbs.count(verb) for verb in ("charge", "refund")] == [1, 1]
    assert_books_agree(gateway, 2)
    assert visitor.complaints == []


def test_a_held_payment_is_approved(
    visitor: Visit, desk: Desk, gateway: RecordingGateway, customer: Customer
) -> None:
    gateway.bank.hold_next()
    with pytest.raises(HeldForReview):
        customer.charge("12.50", order_reference="A-17")
    row = Transaction.objects.get()
    desk.open(url("transaction_change", row.pk))
    desk.look("desk-held")
    desk.approve("Called her: it is her card.")
    desk.look("desk-approved")
    assert desk.page.url.endswith(url("transaction_change", row.pk))
    expect(desk.event("Approved in review")).to_have_count(1)
    expect(desk.event("Approved in review")).to_contain_text("by anna, in the admin")
    expect(desk.event("Approved in review")).to_contain_text("Called her: it is her card.")
    # There is nothing more to decide.
    tools = desk.page.locator(".object-tools")
    expect(tools.get_by_role("link", name="Approve", exact=True)).to_have_count(0)
    desk.page.reload()
    assert gateway.verbs.count("decide_review") == 1
    assert LogEntry.objects.count() == 1
    assert_books_agree(gateway, 1)
    assert visitor.complaints == []


def test_what_needs_attention_is_closed(
    visitor: Visit, desk: Desk, gateway: RecordingGateway, customer: Customer
) -> None:
    doubtful = TransactionResult(ResultStatus.APPROVED, "9001", amount=Decimal(4))
    gateway.faults["charge"] = answer(doubtful)
    with pytest.raises(NeedsAttention):
        customer.charge("5.00", order_reference="A-17")
    operation = Operation.objects.get(state="needs_attention")
    desk.open(url("operation_change", operation.pk))
    desk.look("desk-attention")
    mark = gateway.mark
    desk.close()
    desk.look("desk-closed")
    assert desk.page.url.endswith(url("operation_change", operation.pk))
    expect(desk.page.locator("#dinero-story-heading")).to_contain_text("closed by hand")
    told = desk.page.locator("#content")
    expect(told).to_contain_text(re.compile(r"Closed by:\s+anna"))
    expect(told).to_contain_text(NOTE)
    expect(desk.page.get_by_role("link", name="Explain and close")).to_have_count(0)
    desk.page.reload()
    assert gateway.since(mark) == []
    operation.refresh_from_db()
    assert (operation.state, operation.note("closed_by")) == ("closed", "anna")
    assert LogEntry.objects.count() == 1
    assert_books_agree(gateway, 0)
    assert visitor.complaints == []


def test_no_card_number_leaves_a_search_box(desk: Desk) -> None:
    asked: list[str] = []
    desk.open(url("transaction_changelist"))
    # The filters' forms have a hidden field of its name.
    searchbar = desk.page.locator("#searchbar")
    desk.page.on("request", lambda request: asked.append(request.url))
    for number in ("4111 1111 1111 1111", "3700-000000-00002", "5424000000000015"):
        searchbar.fill(number)
        desk.page.keyboard.press("Enter")
        expect(desk.page.get_by_role("alert")).to_contain_text("Search by the last four digits")
        expect(searchbar).to_have_value("")
    assert asked == []
    desk.look("desk-refused-search")
    # A number with a typing error, an order reference, an id at a gateway.
    for number in ("4111111111111112", "4026001234569", "60012300401"):
        searchbar.fill(number)
        desk.page.keyboard.press("Enter")
        expect(desk.page).to_have_url(re.compile(f"q={number}"))
