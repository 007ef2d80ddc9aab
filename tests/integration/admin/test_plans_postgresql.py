"""How PostgreSQL looks for the rows of lists, filters, searches and the overview, once it has some.

Plans, and no times: nothing reads a long table from end to end, and nothing sorts all of its rows.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from django_dinero.models import Operation, Transaction
from django_dinero.testing.factories import OperationFactory, TransactionFactory
from tests.integration.admin.pages import url
from tests.support.recording import RecordingGateway

pytestmark = [pytest.mark.slow, pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]

ROWS = 4000
#: Statuses, states and kinds that a few have, by the number of the row; the rest is paid.
STATUSES = {7: "declined", 13: "voided", 19: "held", 23: "charged_back"}
STATES = {7: "declined", 13: "unknown", 19: "held", 23: "needs_attention"}
EVERY = 100
PACE = "interval '1 hour'"
LONG = ("dinero_transaction", "dinero_operation")
#: A sort of a page, of the rows of a rare status, and of a week is none of all rows.
FEW = ROWS // 4

TRANSACTIONS: tuple[dict[str, str], ...] = (
    {},
    {"todo": "capture"},
    {"todo": "soon"},
    {"todo": "lost"},
    {"todo": "somebody"},
    {"refunded": "yes"},
    *({"status__exact": status} for status in (*STATUSES.values(), "returned", "expired")),
    *({"kind__exact": kind} for kind in ("authorization", "capture", "refund", "void")),
    {"price_from": "1000000"},
    {"created_to": "2001-01-01"},
    {"q": "123456789"},
    {"q": "no such thing"},
    {"q": "nobody@example.com"},
)
OPERATIONS: tuple[dict[str, str], ...] = (
    {},
    {"todo": "overdue"},
    *({"state__exact": state} for state in (*STATES.values(), "new", "sent", "absent", "closed")),
    {"kind__exact": "create_customer"},
    {"gateway_name": "none"},
    {"live": "1"},
    {"created_to": "2001-01-01"},
    {"q": "123456789"},
    {"q": "no such thing"},
)
PAGES = [
    *(("transaction_changelist", query) for query in TRANSACTIONS),
    *(("operation_changelist", query) for query in OPERATIONS),
    ("overview", {"mode": "test", "days": "7"}),
]


def fill() -> None:
    """A shop of some months: a payment every hour, few of them another thing than paid."""
    paid = [
        TransactionFactory.build(
            status=STATUSES.get(number % EVERY, "settled"),
            kind="authorization" if number % EVERY == 41 else "charge",
            transaction_id=str(7_000_000 + number),
            public_id=uuid.uuid4(),
            live=False,
        )
        for number in range(ROWS)
    ]
    Transaction.objects.bulk_create(paid)
    Transaction.objects.bulk_create(
        TransactionFactory.build(
            kind="refund",
            parent=row,
            transaction_id=f"8{number}",
            public_id=uuid.uuid4(),
            live=False,
        )
        for number, row in enumerate(paid[::EVERY])
    )
    Operation.objects.bulk_create(
        OperationFactory.build(state=STATES.get(number % EVERY, "succeeded"), live=False)
        for number in range(ROWS)
    )
    with connection.cursor() as cursor:
        for table in LONG:
            cursor.execute(f"UPDATE {table} SET created_at = now() - id * {PACE}")  # noqa: S608
            cursor.execute(f"VACUUM ANALYZE {table}")


def plans(client: Client, name: str, query: dict[str, str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The queries of a page that read a long table, with each step of their plans."""
    with CaptureQueriesContext(connection) as context:
        assert client.get(url(name), query).status_code == 200
    read = [each["sql"] for each in context if any(f'"{table}"' in each["sql"] for table in LONG)]
    assert read
    for sql in read:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}")
            (found,) = cursor.fetchone()
        (whole,) = json.loads(found) if isinstance(found, str) else found
        yield from ((sql, step) for step in steps(whole["Plan"]))


def steps(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for step in plan.get("Plans", []):
        yield from steps(step)


def test_no_page_reads_or_sorts_a_whole_table(root: Client, gateway: RecordingGateway) -> None:
    fill()
    wrong = []
    for name, query in PAGES:
        for sql, step in plans(root, name, query):
            kind, rows = step["Node Type"], step["Plan Rows"]
            # Without a condition, it stops where the page is full.
            is_whole = kind == "Seq Scan" and step["Relation Name"] in LONG and "Filter" in step
            if is_whole or (kind == "Sort" and rows > FEW):
                wrong.append((name, query, kind, rows, sql))
    assert not wrong, "\n".join(map(str, wrong))
