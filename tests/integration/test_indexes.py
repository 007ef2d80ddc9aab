"""What the tables' indexes are, and are not: each is paid for by every charge."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection, models
from django.test.utils import CaptureQueriesContext

from django_dinero import signals
from django_dinero.db.fields import UtcDay
from django_dinero.exceptions import CardDeclinedError
from django_dinero.models import CreditCard, Customer, Operation, Transaction
from django_dinero.models.mode import Account
from django_dinero.models.operation import RARE_STATES, OperationKind, OperationState
from django_dinero.models.transaction_status import COUNTED, RARE_STATUSES, TransactionStatus
from django_dinero.services.ledger import charges_with_number_of, family_of
from django_dinero.services.pull.snapshot import Snapshot
from django_dinero.testing.factories import OperationFactory, TransactionFactory

pytestmark = pytest.mark.django_db

CARD: dict[str, Any] = {
    "number": "4111111111111111",
    "cvv": "900",
    "month": 12,
    "year": 2060,
    "zip": "12345",
}


def indexed(model: type[models.Model]) -> set[str]:
    """The columns that an index or a unique constraint of the table has."""
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, model._meta.db_table)
    return {
        column
        for constraint in found.values()
        if constraint["index"] or constraint["unique"] or constraint["primary_key"]
        for column in constraint["columns"]
    }


@pytest.fixture
def card() -> CreditCard:
    return Customer.create("bill@example.com", **CARD).cards[0]


@contextmanager
def seen_as_sent() -> Iterator[dict[str, dict[str, Any]]]:
    """The rows of operations as they were while they were sent, by key."""
    rows: dict[str, dict[str, Any]] = {}

    def note(operation: Operation, new_state: str, **kwargs: Any) -> None:
        if new_state == OperationState.SENT:
            rows[operation.key] = row_of(operation)

    signals.operation_changed.connect(note)
    try:
        yield rows
    finally:
        signals.operation_changed.disconnect(note)


def row_of(operation: Operation) -> dict[str, Any]:
    return dict(Operation.objects.using(operation.written_on).values().get(key=operation.key))


@pytest.mark.parametrize("settle", [True, False])
def test_no_index_has_a_column_that_changes_when_a_charge_ends(
    card: CreditCard, settle: bool
) -> None:
    with seen_as_sent() as rows:
        transaction = Transaction.create("12.50", card=card, settle=settle, idempotency_key="k-1")
    operation = transaction_operation(transaction)
    before, after = rows[operation.key], row_of(operation)
    changed = {name for name, value in after.items() if value != before[name]}
    assert {"state", "outcome"} <= changed
    assert indexed(Operation).isdisjoint(changed)


def transaction_operation(transaction: Transaction) -> Operation:
    return Operation.objects.get(key=transaction.operation_key)


def test_the_end_of_a_void_changes_its_lock_and_no_other_index(card: CreditCard) -> None:
    with seen_as_sent() as rows:
        void = Transaction.create("12.50", card=card).void()
    operation = transaction_operation(void)
    before, after = rows[operation.key], row_of(operation)
    changed = {name for name, value in after.items() if value != before[name]}
    assert indexed(Operation) & changed == {"held_lock"}


def test_a_declined_charge_changes_the_index_of_rare_states_alone(card: CreditCard) -> None:
    with seen_as_sent() as rows, pytest.raises(CardDeclinedError):
        Transaction.create("12.50", card=card, cvv="901", idempotency_key="k-1")
    (key,) = rows
    before, after = rows[key], row_of(Operation.objects.get(key=key))
    changed = {name for name, value in after.items() if value != before[name]}
    assert indexed(Operation) & changed == {"rare_state"}


def test_a_settled_charge_changes_no_index() -> None:
    # A bank settles millions of them, each by an update of its status.
    assert "status" not in indexed(Transaction)


@pytest.mark.parametrize("model", [*apps.get_app_config("dinero").get_models()])
def test_no_text_has_a_second_index_for_like(model: type[models.Model]) -> None:
    texts: list[Any] = [
        field
        for field in model._meta.local_fields
        if isinstance(field, models.CharField | models.TextField)
    ]
    assert not [field for field in texts if field.db_index or field.unique]


@pytest.mark.postgresql
def test_postgresql_has_no_index_for_like() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexdef FROM pg_indexes WHERE tablename LIKE 'dinero%' "
            "AND indexdef LIKE '%pattern_ops%'"
        )
        assert cursor.fetchall() == []


@pytest.mark.parametrize("state", OperationState)
def test_a_rare_state_is_found_by_its_index(state: OperationState) -> None:
    operation = OperationFactory(state=state)
    OperationFactory(state=OperationState.SUCCEEDED)
    found = list(Operation.objects.filter(rare_state=state))
    assert found == ([operation] if state in RARE_STATES else [])
    assert "rare_state" in indexed(Operation)


@pytest.mark.parametrize("status", TransactionStatus)
def test_a_rare_status_is_found_by_its_index(status: TransactionStatus) -> None:
    row = TransactionFactory(status=status)
    TransactionFactory(status=TransactionStatus.SETTLED)
    assert list(Transaction.objects.filter(rare_status=status)) == (
        [row] if status in RARE_STATUSES else []
    )
    Transaction.objects.filter(pk=row.pk).update(status=TransactionStatus.SETTLED)
    assert not Transaction.objects.filter(rare_status=status).exists()
    assert "rare_status" in indexed(Transaction)


def test_what_has_no_rare_status_counts_in_sums() -> None:
    assert {*TransactionStatus} - {*RARE_STATUSES} == {*COUNTED}


VALUES_INDEXES = (
    "dinero_operation_rare_state",
    "dinero_transaction_rare_status",
    "dinero_transaction_parent_idx",
)


@pytest.mark.parametrize("name", VALUES_INDEXES)
def test_a_row_without_a_value_is_not_in_the_index(name: str) -> None:
    if not connection.features.supports_partial_indexes:
        pytest.skip("this database has indexes over all rows alone")
    tables = {
        "sqlite": "SELECT sql FROM sqlite_master WHERE name = %s",
        "postgresql": "SELECT indexdef FROM pg_indexes WHERE indexname = %s",
    }
    with connection.cursor() as cursor:
        cursor.execute(tables[connection.vendor], [name])
        (definition,) = cursor.fetchone()
    assert "IS NOT NULL" in definition


@pytest.mark.sqlite
def test_a_pulled_transaction_is_found_by_its_id_alone() -> None:
    rows = Transaction.objects.filter(gateway_name="default", transaction_id="7")
    assert "(transaction_id=? AND gateway_name=?)" in rows.explain()


@pytest.mark.sqlite
def test_what_follows_a_transaction_is_found_by_its_index() -> None:
    row = TransactionFactory()
    family = Transaction.objects.filter(models.Q(pk=row.pk) | models.Q(parent=row)).order_by()
    assert "dinero_transaction_parent_idx" in family.explain()
    assert "dinero_transaction_parent_idx" in row.children.all().explain()


def plan_of_family(row: Transaction) -> str:
    """How the database reads a transaction with all that follows it: in one statement."""
    with CaptureQueriesContext(connection) as context:
        family_of(row)
    (query,) = context.captured_queries
    explain = "EXPLAIN QUERY PLAN" if connection.vendor == "sqlite" else "EXPLAIN"
    with connection.cursor() as cursor:
        cursor.execute(f"{explain} {query['sql']}")
        return " ".join(str(line) for line in cursor.fetchall())


@pytest.mark.sqlite
@pytest.mark.parametrize("authorization", [False, True])
def test_a_family_is_found_by_indexes(authorization: bool) -> None:
    plan = plan_of_family(TransactionFactory(authorization=authorization))
    assert "dinero_transaction_parent_idx" in plan
    assert "SCAN" not in plan


@pytest.mark.postgresql
@pytest.mark.parametrize("authorization", [False, True])
def test_a_family_is_found_by_indexes_among_many(authorization: bool) -> None:
    rows = [TransactionFactory.build(authorization=True) for _number in range(3000)]
    made = Transaction.objects.bulk_create(rows)
    Transaction.objects.bulk_create(
        TransactionFactory.build(kind="capture", parent=parent) for parent in made
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE dinero_transaction")
    plan = plan_of_family(TransactionFactory(authorization=authorization))
    assert "dinero_transaction_parent_idx" in plan
    assert "Seq Scan" not in plan


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("model", "column"),
    [(Transaction, "transaction_id"), (Customer, "customer_id"), (Customer, "customer_key")],
)
def test_an_id_at_any_gateway_is_found_by_its_index(model: Any, column: str) -> None:
    assert f"({column}=?)" in model.objects.filter(**{column: "7"}).explain()


@pytest.mark.postgresql
def test_days_are_counted_by_the_database() -> None:
    # Or it expects as many as there are moments, and sorts what the overview adds up on a disk.
    Transaction.objects.bulk_create(TransactionFactory.build() for _number in range(500))
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE dinero_transaction "
            "SET created_at = timestamptz '2026-01-01 00:00+00' + id % 500 * interval '1 hour'"
        )
        cursor.execute("ANALYZE dinero_transaction")
    days = Transaction.objects.order_by().annotate(day=UtcDay("created_at")).values("day")
    (found,) = json.loads(days.annotate(count=models.Count("pk")).explain(format="json"))
    assert found["Plan"]["Plan Rows"] in range(20, 23)


def first_charge_plan(card: CreditCard) -> str:
    return charges_with_number_of(card)[:1].explain()


@pytest.mark.sqlite
def test_a_cards_first_charge_is_the_first_of_its_index(card: CreditCard) -> None:
    plan = first_charge_plan(card)
    assert "dinero_transaction_card" in plan
    assert "TEMP B-TREE" not in plan


@pytest.mark.postgresql
def test_a_busy_cards_first_charge_is_not_looked_for_among_those_of_others(
    card: CreditCard,
) -> None:
    # A good part of all charges, none of them among the first: what no statistics tell.
    others = [TransactionFactory.build(last_4=card.last_4) for _number in range(4000)]
    own = [
        TransactionFactory.build(card=card, customer=None, last_4=card.last_4)
        for _number in range(2000)
    ]
    mixed = [row for pair in zip(own, others[2000:], strict=True) for row in pair]
    Transaction.objects.bulk_create([*others[:2000], *mixed])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE dinero_transaction")
    assert "dinero_transaction_card" in first_charge_plan(card)
    in_order = Transaction.objects.filter(card=card, last_4=card.last_4).order_by("id")
    assert "dinero_transaction_card" not in in_order[:1].explain()


def plans_of(queries: CaptureQueriesContext) -> list[str]:
    """How SQLite finds the rows of statements."""
    plans = []
    with connection.cursor() as cursor:
        for query in queries.captured_queries:
            cursor.execute(f"EXPLAIN QUERY PLAN {query['sql']}")
            plans.append(" ".join(row[3] for row in cursor.fetchall()))
    return plans


@pytest.mark.sqlite
@pytest.mark.parametrize("is_paid", [False, True])
def test_the_attempts_of_an_order_are_not_looked_for_among_all_charges(
    card: CreditCard, is_paid: bool, django_assert_num_queries: Any
) -> None:
    """Each page that pays asks for them. Nobody has told SQLite how many rows have a value."""
    if is_paid:
        card.charge("5.00", order_reference="A-1", pays_order=True)
    with django_assert_num_queries(2) as context:
        Transaction.objects.next_attempt("A-1")
    rows, operations = plans_of(context)
    assert "dinero_transaction_order" in rows
    assert "MULTI-INDEX OR" in operations
    assert "dinero_operation_lock_name (lock_name=?)" in operations
    assert not re.search(r"SCAN|\(kind=\?\)", rows + operations)


def test_no_check_complains_of_an_index(capsys: pytest.CaptureFixture[str]) -> None:
    # MariaDB skips an index with a condition, and Django says so at each check and migration.
    call_command("check", databases=["default"])
    assert "index" not in capsys.readouterr().err


def test_a_pull_reads_the_deletes_of_a_customer_and_not_the_charges(
    django_assert_num_queries: Any,
) -> None:
    lost = OperationFactory(
        kind=OperationKind.DELETE_CARD, state=OperationState.UNKNOWN, customer_id="1", card_id="2"
    )
    OperationFactory(state=OperationState.UNKNOWN, customer_id="1")
    snapshot = Snapshot({}, last_delete=0)
    snapshot.ask_about(Account.of(lost), ["1"])
    with django_assert_num_queries(1) as context:
        assert snapshot.is_deleted_here("1", "2")
    (query,) = context.captured_queries
    assert "charge" not in query["sql"]
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {query['sql']}")
            plan = " ".join(row[3] for row in cursor.fetchall())
        assert "dinero_operation_customer (kind=? AND customer_id=?)" in plan
