"""Lists of millions: counted up to a bound, filtered by what has an index, sorted by it."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.db import connection, models
from django.test import Client
from django.test.utils import CaptureQueriesContext

from django_dinero.admin import pagination
from django_dinero.admin.pagination import BoundedPaginator
from django_dinero.models import Customer, Operation, Transaction
from django_dinero.models.operation import OperationState
from django_dinero.models.transaction_status import TransactionStatus
from django_dinero.testing.factories import CustomerFactory, OperationFactory, TransactionFactory
from tests.integration.admin.pages import text, url

pytestmark = [pytest.mark.slow, pytest.mark.django_db]


@pytest.fixture
def three(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three customers, and a bound of two."""
    monkeypatch.setattr(pagination, "COUNTED", 2)
    CustomerFactory.create_batch(3)


def test_a_list_says_that_there_are_more_than_it_counts(root: Client, three: None) -> None:
    page = root.get(url("customer_changelist"))
    assert "more than 2 customers" in text(page)


def test_a_search_says_so_too(root: Client, three: None) -> None:
    Customer.objects.update(last_name="Bloggs")
    page = root.get(url("customer_changelist"), {"q": "Bloggs"})
    assert "more than 2 results" in text(page)


def test_a_list_within_the_bound_has_its_number(root: Client, three: None) -> None:
    Customer.objects.all()[0].delete()
    page = text(root.get(url("customer_changelist")))
    assert "2 customers" in page
    assert "more than" not in page


def test_the_last_page_is_the_bounds(three: None) -> None:
    paginator = BoundedPaginator(Customer.objects.order_by("-pk"), 1)
    assert (paginator.count, paginator.num_pages) == (2, 2)


def test_no_more_rows_are_counted_than_one_behind_the_bound(three: None) -> None:
    with CaptureQueriesContext(connection) as context:
        assert BoundedPaginator(Customer.objects.order_by("email"), 1).count == 2
    (query,) = [each["sql"] for each in context]
    assert "LIMIT 3" in query
    assert "ORDER BY" not in query


def chosen(client: Client, name: str, query: dict[str, str]) -> tuple[list[Any], list[str]]:
    """The rows that a filter shows, and the statements that look for them."""
    with CaptureQueriesContext(connection) as context:
        page = client.get(url(f"{name}_changelist"), query)
    read = [each["sql"] for each in context if f'FROM "dinero_{name}"' in each["sql"]]
    asked = [sql for sql in read if '"parent_id" IN' not in sql]  # what has followed those rows
    return list(page.context["cl"].result_list), asked


@pytest.mark.sqlite
def test_a_rare_state_is_filtered_by_its_index(root: Client) -> None:
    row = OperationFactory(state=OperationState.NEEDS_ATTENTION)
    OperationFactory()
    rows, asked = chosen(root, "operation", {"state__exact": "needs_attention"})
    assert rows == [row]
    assert asked
    assert all('"rare_state" IN' in sql for sql in asked)


@pytest.mark.sqlite
def test_a_frequent_state_is_filtered_as_it_is(root: Client) -> None:
    OperationFactory(state=OperationState.NEEDS_ATTENTION)
    row = OperationFactory()
    rows, asked = chosen(root, "operation", {"state__exact": "succeeded"})
    assert rows == [row]
    assert not [sql for sql in asked if '"rare_state" IN' in sql]


@pytest.mark.sqlite
def test_a_rare_status_is_filtered_by_its_index(root: Client) -> None:
    row = TransactionFactory(status=TransactionStatus.CHARGED_BACK)
    TransactionFactory()
    rows, asked = chosen(root, "transaction", {"status__exact": "charged_back"})
    assert rows == [row]
    assert asked
    assert all('"rare_status" IN' in sql for sql in asked)


@pytest.mark.parametrize("model", [Transaction, Operation])
def test_a_long_list_is_sorted_by_what_an_index_begins_with(model: type[models.Model]) -> None:
    model_admin: Any = admin.site.get_model_admin(model)
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, model._meta.db_table)
    first = {
        each["columns"][0]
        for each in found.values()
        if (each["index"] or each["unique"]) and each["columns"]
    }
    for name in model_admin.sortable_by:
        shown = getattr(model_admin, name, None)
        assert getattr(shown, "admin_order_field", name) in first, name


# The first column has the boxes, the second the amounts, which may be sorted by.
@pytest.mark.parametrize("order", ["2", "3", "-2.3"])
def test_an_address_sorts_by_nothing_that_the_list_does_not_offer(root: Client, order: str) -> None:
    made = [TransactionFactory(status=status) for status in ("settled", "approved", "voided")]
    page = root.get(url("transaction_changelist"), {"o": order})
    assert list(page.context["cl"].result_list) == list(reversed(made))
