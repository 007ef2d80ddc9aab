"""How a database looks for the rows of lists and of the overview: by an index, as a rule."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.integration.admin.pages import url
from tests.support import busy_month
from tests.support.recording import RecordingGateway

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

LONG = ("dinero_transaction", "dinero_operation", "dinero_webhookevent")
ASKED: dict[str, tuple[str, dict[str, str]]] = {
    "to capture": ("transaction_changelist", {"todo": "capture"}),
    "to capture soon": ("transaction_changelist", {"todo": "soon"}),
    "lost": ("transaction_changelist", {"todo": "lost"}),
    "needs somebody": ("transaction_changelist", {"todo": "somebody"}),
    "days": ("transaction_changelist", {"created_from": "2026-01-02", "created_to": "2026-01-03"}),
    "amounts": ("transaction_changelist", {"price_from": "700", "price_to": "701"}),
    "refunds": ("transaction_changelist", {"kind__exact": "refund"}),
    "held": ("transaction_changelist", {"status__exact": "held"}),
    "a name": ("transaction_changelist", {"q": "Ada Lovelace"}),
    "an e-mail": ("transaction_changelist", {"q": "ada@example.com"}),
    "nobody's e-mail": ("transaction_changelist", {"q": "nobody@example.com"}),
    "nobody's id": ("transaction_changelist", {"q": "123456789"}),
    "overdue": ("operation_changelist", {"todo": "overdue"}),
    "days of operations": ("operation_changelist", {"created_from": "2026-01-02"}),
    "days of events": ("webhookevent_changelist", {"created_from": "2026-01-02"}),
    "overview": ("overview", {"mode": "test"}),
}


@pytest.fixture
def month(gateway: RecordingGateway) -> None:
    """A month of payments. The database has not counted them: so few it would read at once."""
    busy_month.fill(20, live=False)


def asked(client: Client, name: str, query: dict[str, str]) -> list[str]:
    """The statements that read a long table."""
    with CaptureQueriesContext(connection) as context:
        assert client.get(url(name), query).status_code == 200
    read = [f"FROM {connection.ops.quote_name(table)}" for table in LONG]
    return [each["sql"] for each in context if any(table in each["sql"] for table in read)]


@pytest.mark.sqlite
@pytest.mark.parametrize("what", ASKED)
def test_no_long_table_is_read_from_end_to_end(root: Client, month: None, what: str) -> None:
    statements = asked(root, *ASKED[what])
    assert statements
    for sql in statements:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
            plan = [row[3] for row in cursor.fetchall()]
        # In the order of an index it stops where the page is full.
        whole = [step for step in plan if re.match(rf"SCAN ({'|'.join(LONG)})(?! USING)", step)]
        assert whole == [], sql


@pytest.mark.postgresql
def test_of_many_with_one_amount_the_first_are_at_hand(root: Client, month: None) -> None:
    (sql,) = [
        sql
        for sql in asked(root, "transaction_changelist", {"o": "1"})  # behind the boxes
        if "ORDER BY" in sql and '"parent_id" IN' not in sql
    ]
    with connection.cursor() as cursor:
        for cheap_for_few in ("enable_seqscan", "enable_sort", "enable_bitmapscan"):
            cursor.execute(f"SET LOCAL {cheap_for_few} = off")
        cursor.execute(f"EXPLAIN {sql}")
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "dinero_transaction_price" in plan
    assert "Presorted Key: price, created_at" in plan


def test_rows_that_are_on_the_page_are_added_up_there(root: Client, month: None) -> None:
    sums = [sql for sql in asked(root, *ASKED["held"]) if "SUM(" in sql]
    assert sums == []
    sums = [sql for sql in asked(root, "transaction_changelist", {"live": "0"}) if "SUM(" in sql]
    page: Any = root.get(url("transaction_changelist"), {"live": "0"})
    assert len(sums) == int(page.context["cl"].multi_page)


def test_what_is_counted_as_none_is_not_looked_for_again(root: Client, month: None) -> None:
    statements = asked(root, "transaction_changelist", {"price_from": "1000000"})
    assert len(statements) == 1
    assert "COUNT(" in statements[0]
