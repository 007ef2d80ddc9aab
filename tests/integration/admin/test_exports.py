"""The lists as CSV: what was filtered, all of it, and nothing that a spreadsheet would run."""

from __future__ import annotations

import csv
import tracemalloc
from collections.abc import Callable
from decimal import Context, Decimal, localcontext
from io import StringIO
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from django_dinero.admin import export
from django_dinero.models import Transaction
from django_dinero.models.difference import DifferenceKind
from django_dinero.services.reconcile import differences
from django_dinero.services.reconcile.differences import Found
from django_dinero.testing.factories import (
    CreditCardFactory,
    CustomerFactory,
    OperationFactory,
    TransactionFactory,
)
from tests.integration.admin.pages import messages, url
from tests.support.recording import RecordingGateway

pytestmark = pytest.mark.django_db

NAMES = (
    *("customer", "creditcard", "transaction", "operation"),
    *("difference", "reconciliation", "webhookevent"),
)


@pytest.fixture(autouse=True)
def with_a_gateway(gateway: RecordingGateway) -> None:
    """Rows are of it."""


def rows_of(response: Any) -> list[dict[str, str]]:
    assert response.status_code == 200
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert "attachment" in response["Content-Disposition"]
    text = b"".join(response.streaming_content).decode()
    return list(csv.DictReader(StringIO(text, newline="")))


def export_of(client: Client, name: str, **query: str) -> list[dict[str, str]]:
    return rows_of(client.get(url(f"{name}_export"), query))


def test_an_amount_is_exact_whatever_the_threads_context_is(root: Client) -> None:
    TransactionFactory(parent=TransactionFactory(price="12345.67"), kind="refund", price="12345.67")
    with localcontext(Context(prec=6)):
        refund, _charge = export_of(root, "transaction")
    assert refund["price"] == "-12345.67"


def test_a_transaction_with_what_became_of_it(root: Client) -> None:
    customer = CustomerFactory(email="bill@example.com")
    paid = TransactionFactory(
        price="20", status="settled", order_reference="A-1", customer=customer
    )
    TransactionFactory(parent=paid, kind="refund", price="5")
    refund, charge = export_of(root, "transaction")
    assert (refund["kind"], refund["price"], refund["email"]) == ("refund", "-5.00", "")
    assert (charge["price"], charge["currency"]) == ("20.00", "USD")
    assert (charge["standing"], charge["order_reference"]) == ("partly_refunded", "A-1")
    assert charge["id"] == str(paid.public_id)
    assert charge["email"] == "bill@example.com"


def test_the_rows_are_those_of_the_filters_and_the_search(root: Client) -> None:
    TransactionFactory(order_reference="A-1", kind="charge")
    TransactionFactory(order_reference="A-1", kind="authorization")
    TransactionFactory(order_reference="A-2", kind="charge")
    found = export_of(root, "transaction", q="A-1", kind__exact="charge")
    assert [(row["order_reference"], row["kind"]) for row in found] == [("A-1", "charge")]


def test_the_lists_link_leads_to_the_rows_that_it_shows(root: Client) -> None:
    TransactionFactory(order_reference="A-1")
    TransactionFactory(order_reference="A-2")
    page = root.get(url("transaction_changelist"), {"q": "A-1", "o": "1", "p": "1"})
    address = page.context["cl"].export_url
    assert address.replace("&", "&amp;") in page.content.decode()
    assert [row["order_reference"] for row in rows_of(root.get(address))] == ["A-1"]


def test_the_lists_link_keeps_every_condition_of_the_address(root: Client) -> None:
    TransactionFactory(order_reference="A-1")
    TransactionFactory(order_reference="A-2")
    page = root.get(url("transaction_changelist"), {"order_reference": "A-1", "o": "1"})
    found = rows_of(root.get(page.context["cl"].export_url))
    assert [row["order_reference"] for row in found] == ["A-1"]


def test_amounts_have_the_decimals_of_their_currency(
    root: Client, gateway: RecordingGateway
) -> None:
    found = Found(
        kind=DifferenceKind.BOOKS,
        subject="2026-11-28 USD",
        text="The gateway has 13.00 more.",
        currency="USD",
        amount_here=Decimal("12.00"),
        amount_there=Decimal("25.00"),
    )
    differences.record(gateway, found)
    (row,) = export_of(root, "difference")
    assert (row["amount_here"], row["amount_there"]) == ("12.00", "25.00")
    OperationFactory(amount="1200", currency="JPY")
    (operation,) = export_of(root, "operation")
    assert operation["amount"] == "1200"


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_no_text_is_a_formula(root: Client, begin: str) -> None:
    TransactionFactory(description=f"{begin}cmd|' /C calc'!A0")
    assert [row["description"][0] for row in export_of(root, "transaction")] == ["'"]


@pytest.mark.parametrize("name", NAMES)
def test_every_list_has_a_file_for_who_may_see_it(
    staff: Callable[..., Client], root: Client, name: str
) -> None:
    assert export_of(root, name) == []
    assert staff(f"view_{name}", name="looks").get(url(f"{name}_export")).status_code == 200
    assert staff(name="nobody").get(url(f"{name}_export")).status_code == 403
    assert Client().get(url(f"{name}_export")).status_code == 302


def test_every_column_is_one_of_its_model() -> None:
    for model, columns in export.COLUMNS.items():
        for column in columns.values():
            assert callable(column) or hasattr(model, column), (model, column)


def test_a_project_forbids_it(root: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    own = admin.site.get_model_admin(Transaction)
    monkeypatch.setattr(type(own), "has_export_permission", lambda self, request: False)
    assert root.get(url("transaction_export")).status_code == 403
    assert url("transaction_export") not in root.get(url("transaction_changelist")).content.decode()


def test_no_card_number_is_searched_for(root: Client) -> None:
    response = root.get(url("transaction_export"), {"q": "4111111111111111"})
    assert response.status_code == 302
    # Not to the file again, which would have all rows without a search.
    assert response["Location"] == url("transaction_changelist")
    assert "last four digits" in messages(response)[0]


def test_what_cannot_be_looked_up_leads_to_the_list(root: Client) -> None:
    response = root.get(url("transaction_export"), {"no_such_column": "1"})
    assert response["Location"] == url("transaction_changelist")


def test_a_page_of_rows_is_read_at_a_time(root: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "PAGE", 2)
    made = [TransactionFactory(order_reference=f"A-{number}") for number in range(5)]
    response = root.get(url("transaction_export"))
    with CaptureQueriesContext(connection) as context:
        found = rows_of(response)
    assert [row["order_reference"] for row in found] == [
        row.order_reference for row in reversed(made)
    ]
    # Three pages, each with what has followed its rows.
    assert len(context) == 6
    assert "OFFSET" not in "".join(each["sql"] for each in context)


@pytest.mark.slow
def test_a_long_list_takes_no_more_memory_than_a_short_one(
    root: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def most(count: int) -> int:
        customer = CustomerFactory()
        card = CreditCardFactory(customer=customer)
        made = [TransactionFactory.build(card=card, customer=customer) for _n in range(count)]
        Transaction.objects.bulk_create(made)
        del made
        response: Any = root.get(url("transaction_export"))
        tracemalloc.start()
        for _line in response.streaming_content:
            pass
        _now, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return peak

    monkeypatch.setattr(export, "PAGE", 200)
    most(250)
    assert most(1000) < 1.5 * most(1)


def test_other_lists_have_their_columns(root: Client) -> None:
    card = CreditCardFactory(customer=CustomerFactory(email="bill@example.com"))
    OperationFactory(kind="charge", amount="12.5", currency="USD")
    assert export_of(root, "creditcard")[0]["email"] == "bill@example.com"
    assert export_of(root, "customer")[0]["cards"] == "1"
    assert export_of(root, "operation")[0]["amount"] == "12.50"
    assert export_of(root, "creditcard")[0]["id"] == str(card.public_id)
