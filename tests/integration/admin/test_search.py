"""The search boxes and filters: whole values, by the kind of what was typed, and at what cost."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_dinero import card_numbers
from django_dinero.admin import CustomerAdmin, filters
from django_dinero.models import CreditCard, Customer, Operation, Transaction
from django_dinero.testing.factories import CreditCardFactory, CustomerFactory, TransactionFactory
from tests.integration.admin.pages import text, url
from tests.support.recording import RecordingGateway

pytestmark = pytest.mark.django_db

LISTS = ("customer", "creditcard", "transaction", "operation")


@pytest.fixture
def paid(card: CreditCard, gateway: RecordingGateway) -> Transaction:
    """A charge of Bill's card, beside somebody else's."""
    other = CreditCardFactory(last_4="0015", customer=CustomerFactory(last_name="Other"))
    TransactionFactory(card=other, price="99", order_reference="B-18")
    return Transaction.create(
        "12.50", card=card, order_reference="A-17", idempotency_key="pay-17-a"
    )


def found(client: Client, name: str, typed: str) -> list[Any]:
    """The keys of the rows that a search shows."""
    response = client.get(url(f"{name}_changelist"), {"q": typed})
    return [row.pk for row in response.context["cl"].result_list]


Named = Callable[[Any], str]
OF_CUSTOMER: dict[str, Named] = {
    "e-mail": lambda row: row.email,
    "e-mail in capitals": lambda row: row.email.upper(),
    "first name": lambda row: "Bill",
    "full name": lambda row: "bloggs bill",
    "full name in its order": lambda row: "BILL Bloggs",
    "customer id": lambda row: row.customer_id,
    "customer key": lambda row: row.customer_key,
    "public id": lambda row: str(row.public_id),
    "last four": lambda row: "1111",
    "blanks around": lambda row: f"  {row.email} ",
}
OF_CARD: dict[str, Named] = {
    "last four": lambda row: row.last_4,
    "card id": lambda row: row.card_id,
    "customer id": lambda row: row.customer_id,
    "public id": lambda row: str(row.public_id),
    "e-mail": lambda row: row.customer.email,
    "name": lambda row: "Bloggs",
}
OF_TRANSACTION: dict[str, Named] = {
    "transaction id": lambda row: row.transaction_id,
    "operation key": lambda row: row.operation_key,
    "order reference": lambda row: row.order_reference,
    "public id": lambda row: str(row.public_id),
    "last four": lambda row: row.last_4,
    "customer id": lambda row: row.customer_id,
    "card id": lambda row: row.card_id,
    "e-mail": lambda row: row.customer.email,
    "name": lambda row: "Bill Bloggs",
    "amount": lambda row: "12.50",
    "amount, shorter": lambda row: "12.5",
    "amount and currency": lambda row: "12.50 USD",
}
OF_OPERATION: dict[str, Named] = {
    "key": lambda row: row.operation_key,
    "idempotency key": lambda row: "pay-17-a",
    "transaction id": lambda row: row.transaction_id,
    "public id": lambda row: str(row.public_id),
}


@pytest.mark.parametrize("named", OF_CUSTOMER.values(), ids=OF_CUSTOMER)
def test_a_customer_is_found(root: Client, paid: Transaction, named: Named) -> None:
    customer = Customer.objects.get(email="bill@example.com")
    assert found(root, "customer", named(customer)) == [customer.pk]


@pytest.mark.parametrize("named", OF_CARD.values(), ids=OF_CARD)
def test_a_card_is_found(root: Client, paid: Transaction, named: Named) -> None:
    card = CreditCard.objects.get(last_4="1111")
    assert found(root, "creditcard", named(card)) == [card.pk]


@pytest.mark.parametrize("named", OF_TRANSACTION.values(), ids=OF_TRANSACTION)
def test_a_transaction_is_found(root: Client, paid: Transaction, named: Named) -> None:
    assert found(root, "transaction", named(paid)) == [paid.pk]


@pytest.mark.parametrize("named", OF_OPERATION.values(), ids=OF_OPERATION)
def test_an_operation_is_found(root: Client, paid: Transaction, named: Named) -> None:
    operation = Operation.objects.get(key=paid.operation_key)
    assert found(root, "operation", named(paid)) == [operation.pk]


def test_the_operations_on_a_transaction_are_found_with_it(root: Client, paid: Transaction) -> None:
    void = paid.void()
    keys = {paid.operation_key, void.operation_key}
    for typed in (paid.transaction_id, paid.operation_key, str(paid.public_id)):
        pks = found(root, "operation", str(typed))
        assert {row.key for row in Operation.objects.filter(pk__in=pks)} == keys


def test_the_operations_on_a_customer_and_the_cards_are_found(
    root: Client, customer: Customer
) -> None:
    customer.add_card(number="5424000000000015", month=11, year=2059)
    pks = found(root, "operation", str(customer.customer_id))
    kinds = Operation.objects.filter(pk__in=pks).values_list("kind", flat=True)
    assert set(kinds) == {"create_customer", "add_card"}


@pytest.mark.django_db(transaction=True)
def test_what_a_deleted_customer_paid_is_found(root: Client, customer: Customer) -> None:
    other = Customer.create("other@example.com", number="5424000000000015", month=12, year=2060)
    rows = [Transaction.create("12.50", customer=each) for each in (customer, other)]
    email, customer_id = customer.email, str(customer.customer_id)
    customer.delete()
    assert not Customer.objects.filter(email=email).exists()
    for typed in (email, email.upper(), customer_id):
        assert found(root, "transaction", typed) == [rows[0].pk], typed
    assert found(root, "transaction", "other@example.com") == [rows[1].pk]


@pytest.mark.parametrize("name", ["customer", "creditcard", "transaction", "operation"])
def test_what_is_of_a_day_is_found(root: Client, paid: Transaction, name: str) -> None:
    today = datetime.now(timezone.get_current_timezone()).date()
    everything = apps.get_model("dinero", name)._default_manager
    assert len(found(root, name, today.isoformat())) == everything.count() >= 2
    assert found(root, name, "2001-02-28") == []


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize(
    "typed",
    ["bill@", "Blog", "A-1", "13.50", "12.50 EUR", "2026-02-31", "9999", "x" * 300, "a " * 50, "%"],
)
def test_what_is_no_whole_value_finds_nothing(
    root: Client, paid: Transaction, name: str, typed: str
) -> None:
    assert found(root, name, typed) == []


def test_rows_of_a_gateway_that_no_setting_lists_are_searched_too(
    root: Client, paid: Transaction, customer: Customer
) -> None:
    for model in (Transaction, Customer, CreditCard):
        model._default_manager.update(gateway_name="tenant-7")
    assert found(root, "transaction", str(paid.transaction_id)) == [paid.pk]
    for typed in (str(customer.customer_id), customer.customer_key):
        assert found(root, "customer", typed) == [customer.pk]
    assert found(root, "creditcard", str(customer.customer_id)) == [customer.cards[0].pk]


def test_a_projects_own_search_fields_stand_before_ours(paid: Transaction) -> None:
    class TheirAdmin(CustomerAdmin):
        search_fields = ("email__contains",)

    theirs = TheirAdmin(Customer, admin.site)
    request = RequestFactory().get("/")
    rows, _double = theirs.get_search_results(request, Customer.objects.all(), "ill@exam")
    assert [row.email for row in rows] == ["bill@example.com"]
    assert theirs.get_search_fields(request) == ("email__contains",)


# -- Costs ---------------------------------------------------------------------------------------


def statements(client: Client, name: str, query: dict[str, str]) -> list[str]:
    """What a list asks of the app's tables."""
    with CaptureQueriesContext(connection) as context:
        assert client.get(url(f"{name}_changelist"), query).status_code == 200
    return [query["sql"] for query in context if "dinero_" in query["sql"]]


@pytest.mark.parametrize("name", LISTS)
def test_a_list_counts_once_and_reads_no_column_for_its_choices(
    root: Client, paid: Transaction, name: str
) -> None:
    asked = statements(root, name, {})
    assert sum("COUNT(" in sql for sql in asked) == 1
    assert not [sql for sql in asked if re.search(r"DISTINCT|MIN\(|MAX\(", sql)]


@pytest.mark.parametrize("name", LISTS)
def test_no_search_looks_for_parts_of_texts(root: Client, paid: Transaction, name: str) -> None:
    customer = paid.customer
    assert customer is not None
    typed = {
        *(str(paid.transaction_id), str(paid.operation_key), str(paid.public_id), "1111"),
        *("12.50", "A-17", "2026-11-28", "Bill Bloggs", customer.email, str(customer.customer_id)),
    }
    for each in sorted(typed):
        asked = statements(root, name, {"q": each})
        assert not [sql for sql in asked if re.search(r" LIKE |UPPER\(|LOWER\(| REGEXP ", sql)], (
            each
        )
        # Its own count, page and sums, what followed its rows, cards, and at most three
        # look-ups elsewhere.
        assert len(asked) <= 8, each


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("model_admin", "typed"),
    [
        ("customer", "6d4e9c1e-58a5-4c8c-9e57-0a2f5f1d1e11"),
        ("customer", "ABCDEFGHIJKLMNOPQRST"),
        ("customer", "2026-11-28"),
        ("creditcard", "6d4e9c1e-58a5-4c8c-9e57-0a2f5f1d1e11"),
        ("creditcard", "2026-11-28"),
        ("creditcard", "1111"),
        ("creditcard", "942189931"),
        ("creditcard", "Bill Bloggs"),
        ("customer", "bill@example.com"),
        ("customer", "1111"),
        ("customer", "Bill Bloggs"),
        ("transaction", "bill@example.com"),
        ("transaction", "2026-11-28"),
        ("transaction", "A-17"),
        ("transaction", "1111"),
        ("transaction", "12.50"),
        ("transaction", "12.50 USD"),
        ("transaction", "ABCDEFGHIJKLMNOPQRST"),
        ("operation", "ABCDEFGHIJKLMNOPQRST"),
        ("operation", "pay-17-a"),
        ("operation", "942189931"),
        ("operation", "2026-11-28"),
    ],
)
def test_every_search_reads_an_index(
    root: Client, paid: Transaction, model_admin: str, typed: str
) -> None:
    model: Any = apps.get_model("dinero", model_admin)
    found_by = admin.site.get_model_admin(model)
    request = RequestFactory().get("/")
    rows, _double = found_by.get_search_results(request, model.objects.order_by(), typed)
    plan = rows.explain()
    assert "SEARCH" in plan
    assert "SCAN" not in plan


# -- Filters -------------------------------------------------------------------------------------


def test_the_gateways_to_choose_are_those_in_the_settings(
    root: Client, paid: Transaction, settings: Any
) -> None:
    address = url("transaction_changelist")
    assert "By gateway" not in text(root.get(address))
    gateways = settings.DINERO["GATEWAYS"]
    settings.DINERO = {"GATEWAYS": {**gateways, "second": gateways["default"]}}
    Transaction.objects.filter(pk=paid.pk).update(gateway_name="second")
    page = root.get(address)
    assert "By gateway All default second" in text(page)
    chosen = root.get(address, {"gateway_name": "second"})
    assert [row.pk for row in chosen.context["cl"].result_list] == [paid.pk]


def test_the_brands_to_choose_are_those_that_we_know(root: Client, paid: Transaction) -> None:
    assert set(filters.BRANDS) == {each.brand for each in card_numbers.RANGES}
    chosen = root.get(url("creditcard_changelist"), {"brand": "visa"})
    assert "By brand All amex" in text(chosen)
    assert {row.brand for row in chosen.context["cl"].result_list} == {"visa"}


@pytest.mark.parametrize(
    ("language", "typed", "count"),
    [
        ("de", "12,50", 1),
        ("de", "12,5", 1),
        ("de", "12,50 USD", 1),
        ("de", "12,50 EUR", 0),
        ("de", "12.50", 1),
        ("de", "1.234,50", 1),
        ("de", "1.234", 0),
        ("fr", "1\u202f234,50 USD", 1),
        ("en", "12,50", 0),
        ("en", "1,234.50", 1),
    ],
)
def test_amounts_are_searched_for_as_the_language_writes_them(
    root: Client, paid: Transaction, settings: Any, language: str, typed: str, count: int
) -> None:
    TransactionFactory(price="1234.50")
    settings.LANGUAGE_CODE = language
    shown = root.get(url("transaction_changelist"), {"q": typed})
    assert shown.context["cl"].result_count == count
