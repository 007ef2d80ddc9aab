"""What pages show: every end in its own words, others' texts escaped, and at what cost."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from django_dinero.enums import ReasonKind
from django_dinero.gateways.types import Reason, Refusal
from django_dinero.models import CreditCard, Customer, Operation, Transaction
from django_dinero.testing.factories import (
    CreditCardFactory,
    CustomerFactory,
    OperationFactory,
    TransactionFactory,
)
from tests.integration.admin.pages import charge, messages, new_card, text, url
from tests.support.recording import RecordingGateway, answer

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

SCRIPT = "<script>alert(1)</script>"


# -- Words ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kinds", "words"),
    [
        ([ReasonKind.CVV], "The card code (CVV) is wrong or missing."),
        ([ReasonKind.AVS], "The billing address is not that of the card."),
        (
            [ReasonKind.AVS, ReasonKind.CVV],
            "Neither the billing address nor the card code (CVV) is right.",
        ),
        ([ReasonKind.EXPIRY], "The card has expired, or the date is wrong."),
        ([ReasonKind.CARD_DECLINED], "The card was declined"),
        ([ReasonKind.AUTHENTICATION], "The gateway does not accept our credentials."),
        ([ReasonKind.GATEWAY_ERROR], "The card was refused."),
    ],
)
def test_a_refused_card_is_told_apart(
    root: Client,
    customer: Customer,
    gateway: RecordingGateway,
    kinds: list[ReasonKind],
    words: str,
) -> None:
    refusal = Refusal(tuple(Reason(kind, "44", "Declined.") for kind in kinds))
    gateway.faults["add_card"] = answer(refusal)
    page = text(root.post(url("customer_add_card", customer.pk), new_card()))
    assert words in page
    assert "Nothing was stored" in page
    assert "(gateway code 44)" in page


def test_a_wrong_cvv_of_a_charge_is_told(root: Client, card: CreditCard) -> None:
    page = text(root.post(url("creditcard_charge", card.pk), charge(cvv="901")))
    assert "The card code (CVV) is wrong or missing. Nothing was charged." in page
    assert "Not shown again, and to be typed once more: Card code (CVV)." in page


@pytest.mark.parametrize(
    ("verb", "words"),
    [
        ("capture", "A charge is taken already; only an authorization is captured."),
        ("refund", "All of it has been refunded."),
        ("void", "All of it has been refunded."),
    ],
)
def test_a_page_that_makes_no_sense_says_so_before_the_button(
    root: Client, card: CreditCard, gateway: RecordingGateway, verb: str, words: str
) -> None:
    paid = Transaction.create("12.50", card=card)
    gateway.bank.settle_batch()
    paid.refund()
    paid.refresh_from_db()
    response = root.get(url(f"transaction_{verb}", paid.pk))
    assert response["Location"] == url("transaction_change", paid.pk)
    assert messages(response) == [words]
    page = root.get(url("transaction_change", paid.pk)).content.decode()
    assert url(f"transaction_{verb}", paid.pk) not in page


def test_a_card_that_is_gone_offers_no_charge(root: Client, card: CreditCard) -> None:
    CreditCard.objects.filter(pk=card.pk).update_without_push(sync_state="missing")
    address = url("creditcard_charge", card.pk)
    for page in (url("customer_change", card.customer_pk), url("creditcard_change", card.pk)):
        content = root.get(page).content.decode()
        assert address not in content
        assert url("customer_charge", card.customer_pk) not in content
    response = root.get(address)
    assert messages(response) == [
        "The gateway does not have this card any more. It cannot be charged. Add the card "
        "again if its holder still wants it stored."
    ]


def test_a_missing_gateway_is_told_before_a_number_is_typed(
    root: Client, customer: Customer
) -> None:
    Customer.objects.filter(pk=customer.pk).update_without_push(gateway_name="gone")
    response = root.get(url("customer_add_card", customer.pk))
    assert response["Location"] == url("customer_change", customer.pk)
    assert "No gateway is called 'gone'" in messages(response)[0]


def test_a_cards_page_has_its_latest_transactions(root: Client, card: CreditCard) -> None:
    row = Transaction.create("12.50", card=card, order_reference="A-17")
    page = root.get(url("creditcard_change", card.pk))
    assert "Latest payments" in text(page)
    assert "A-17" in text(page)
    assert url("transaction_change", row.pk) in page.content.decode()


def test_what_became_of_a_payment_is_a_word_in_its_tone(
    root: Client, gateway: RecordingGateway
) -> None:
    TransactionFactory(held=True)
    paid = TransactionFactory(price="20", status="settled")
    TransactionFactory(parent=paid, kind="refund", price="5", status="approved")
    open_one = TransactionFactory(kind="authorization")
    TransactionFactory(parent=open_one, kind="capture", price=open_one.price)
    page = root.get(url("transaction_changelist")).content.decode()
    words = re.findall(r'<span class="dinero-word dinero-(\w+)">([^<]+)</span>', page)
    assert words == [
        ("good", "captured"),
        ("good", "captured"),
        ("good", "approved"),
        ("neutral", "partly refunded"),
        ("open", "held for review"),
    ]


def test_what_was_given_back_is_negative(root: Client, gateway: RecordingGateway) -> None:
    paid = TransactionFactory(price="20", status="settled")
    TransactionFactory(parent=paid, kind="refund", price="5")
    page = text(root.get(url("transaction_changelist")))
    assert "\N{MINUS SIGN}5.00 USD" in page
    assert "\N{MINUS SIGN}20.00 USD" not in page


# -- Others' texts -------------------------------------------------------------------------------


def test_a_gateways_text_is_no_markup_on_its_page(
    root: Client, customer: Customer, gateway: RecordingGateway
) -> None:
    refusal = Refusal((Reason(ReasonKind.GATEWAY_ERROR, SCRIPT, SCRIPT),))
    gateway.faults["add_card"] = answer(refusal)
    pages = [root.post(url("customer_add_card", customer.pk), new_card())]
    gateway.faults["update_customer"] = answer(refusal)
    posted = {"email": "bill@example.com", "first_name": "Will", "last_name": "B", "owner": ""}
    pages.append(root.post(url("customer_change", customer.pk), posted, follow=True))
    pages.append(root.get(url("customer_change", customer.pk)))
    gateway.faults["delete_customer"] = answer(refusal)
    pages.append(root.post(url("customer_delete", customer.pk), {"post": "yes"}, follow=True))
    assert [b"alert(1)" in page.content for page in pages] == [True] * 4
    for page in pages:
        assert SCRIPT.encode() not in page.content


@pytest.mark.parametrize("name", ["customer", "creditcard", "transaction", "operation"])
def test_a_stored_text_is_no_markup(root: Client, gateway: RecordingGateway, name: str) -> None:
    customer = CustomerFactory(first_name=SCRIPT, email=f"{SCRIPT}@example.com", sync_error=SCRIPT)
    card = CreditCardFactory(
        customer=customer, brand="<script>", city=SCRIPT, sync_error=SCRIPT, card_id=SCRIPT
    )
    row = TransactionFactory(
        card=card, brand="<script>", gateway_text=SCRIPT, order_reference=SCRIPT
    )
    operation = OperationFactory(
        customer_id=customer.customer_id,
        card_id=SCRIPT,
        intent={"description": SCRIPT},
        outcome={"gateway_text": SCRIPT},
        state="unknown",
        kind="charge",
        amount="12.50",
        currency="USD",
    )
    rows: dict[str, Any] = {
        "customer": customer,
        "creditcard": card,
        "transaction": row,
        "operation": operation,
    }
    addresses = [url(f"{name}_changelist"), url(f"{name}_change", rows[name].pk)]
    addresses += {
        "customer": [url("customer_add_card", customer.pk), url("customer_delete", customer.pk)],
        "creditcard": [url("creditcard_charge", card.pk)],
        "transaction": [url("transaction_void", row.pk)],
        "operation": [url("operation_look_up", operation.pk)],
    }[name]
    for address in addresses:
        page = root.get(address).content.decode()
        assert SCRIPT not in page
        assert "<script> ••••" not in page


# -- Queries -------------------------------------------------------------------------------------


def _queries(client: Client, address: str) -> int:
    with CaptureQueriesContext(connection) as context:
        assert client.get(address).status_code == 200
    return len(context)


@pytest.mark.parametrize("name", ["customer", "creditcard", "transaction", "operation"])
@pytest.mark.parametrize("query", ["", "?q=1111"])
def test_a_list_of_1_20_and_100_rows_costs_the_same(
    root: Client, gateway: RecordingGateway, name: str, query: str
) -> None:
    def add(count: int) -> None:
        for _n in range(count):
            card = CreditCardFactory()
            TransactionFactory(card=card)
            OperationFactory()

    address = url(f"{name}_changelist") + query
    add(1)
    _queries(root, address)  # what Django keeps from now on
    costs = []
    for count in (0, 19, 80):
        add(count)
        costs.append(_queries(root, address))
    assert len(set(costs)) == 1, costs


def test_a_page_costs_the_same_however_much_hangs_on_its_row(
    root: Client, gateway: RecordingGateway
) -> None:
    card = CreditCardFactory()
    row = TransactionFactory(card=card, settled=True, price="1000")

    def add(count: int) -> None:
        for _n in range(count):
            CreditCardFactory(customer=card.customer)
            TransactionFactory(refund=True, parent=row, price="1", card=card)
            OperationFactory(customer_id=card.customer_id, state="unknown", lock_name="")

    addresses = [
        url("customer_change", card.customer_pk),
        url("creditcard_change", card.pk),
        url("transaction_change", row.pk),
        url("creditcard_charge", card.pk),
        url("customer_add_card", card.customer_pk),
    ]
    add(1)
    for address in addresses:
        _queries(root, address)
    few = [_queries(root, address) for address in addresses]
    add(20)
    many = [_queries(root, address) for address in addresses]
    assert [cost > before for cost, before in zip(many, few, strict=True)] == [False] * 5


def test_no_row_is_written_by_looking(root: Client, card: CreditCard, settings: Any) -> None:
    row = Transaction.create("12.50", card=card)
    operation = Operation.objects.get(key=row.operation_key)
    for name, pk in (("customer", card.customer_pk), ("operation", operation.pk)):
        with CaptureQueriesContext(connection) as context:
            root.get(url(f"{name}_change", pk))
        written = [q["sql"] for q in context if q["sql"].startswith(("INSERT", "UPDATE", "DELETE"))]
        assert written == []
