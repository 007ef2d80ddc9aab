"""Fills the tables with a shop's past: many shoppers, few of them with thousands of charges.

Those are busy one after the other: where all of a card's rows lie is what a database does not know.

All rows of a table are written by one statement, from a row of numbers: a million of them through
the models would take an hour. The SQL is what PostgreSQL and SQLite have in common.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.core.management.color import no_style
from django.db import Error, connection, models
from django.db.models import Max

from django_dinero.models import CreditCard, Customer, Operation, Transaction

#: Of ten transactions one is the first of a new shopper; every second is of a busy card.
SHARE_OF_SHOPPERS = 10
#: Every so many of them stand for something else than a charge that was paid out.
REFUND, DECLINED, HELD, UNKNOWN = 33, 20, 5000, 10_000
#: Earlier transactions of each quiet card.
QUIET = 5
#: Seconds between two transactions.
PACE = 60

BRAND, LAST_4, NAMES = "visa", 10_000, 5_000


@dataclass(frozen=True)
class Dialect:
    """What the two databases write differently."""

    uuid: str
    json: str
    time: str

    def public_id(self, text: str) -> str:
        return self.uuid.format(f"md5({text})")

    def moment(self, seconds: str) -> str:
        """Return a time so many seconds ago."""
        return self.time.format(seconds)


DIALECTS = {
    "postgresql": Dialect("({})::uuid", "({})::jsonb", "now() - ({}) * interval '1 second'"),
    "sqlite": Dialect("{}", "({})", "datetime('now', '-' || ({}) || ' seconds')"),
}


def fill(count: int, busy: int, quiet: int, variety: Mapping[str, str] | None = None) -> None:
    """Write ``count`` transactions with their operations, shoppers and cards.

    Args:
        count: how many transactions.
        busy: customers 1 to ``busy`` are there, each with a card of the same key and a user of the
            same key; half of the transactions are theirs.
        quiet: as many that follow them have a few.
        variety: SQL for columns of transactions in place of what they have otherwise; the number of
            each is ``i``, the key of the one before it ``before_pk``.
    """
    if connection.vendor == "sqlite":
        connection.ensure_connection()
        connection.connection.create_function("md5", 1, _md5, deterministic=True)
    dialect = DIALECTS[connection.vendor]
    known, shoppers = busy + quiet, max(1, count // SHARE_OF_SHOPPERS)
    with _unchecked_links():
        _write_shoppers(dialect, known, shoppers)
        first = (Transaction.objects.aggregate(last=Max("pk"))["last"] or 0) + 1
        _write_transactions(dialect, first, count, busy, quiet, shoppers, variety or {})
        _write_operations(dialect, first)
    _continue_numbering()


def settle_down() -> None:
    """Let the database learn what it has, as it does by itself after a while."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")


@contextmanager
def _unchecked_links() -> Iterator[None]:
    """Spare PostgreSQL four look-ups for each row, where we may: it takes longer than the rows."""
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        with suppress(Error):  # a superuser's right
            cursor.execute("SET session_replication_role = replica")
        yield
        with suppress(Error):
            cursor.execute("RESET session_replication_role")


def _md5(text: object) -> str:
    return hashlib.md5(str(text).encode(), usedforsecurity=False).hexdigest()


def _key(text: str) -> str:
    """Return SQL for 20 characters of A-Z and 2-7."""
    sql = f"upper(substr(md5({text}), 1, 20))"
    for digit, letter in zip("0189", "WXYZ", strict=True):
        sql = f"replace({sql}, '{digit}', '{letter}')"
    return sql


def _write_shoppers(dialect: Dialect, known: int, count: int) -> None:
    number = f"({known} + i)"
    moment = dialect.moment(f"({count} - i) * {PACE * SHARE_OF_SHOPPERS}")
    _insert(User, count, {"id": number, "username": f"'user' || {number}", "date_joined": moment})
    name = f"(i * 7919) % {NAMES}"
    synced = {
        "id": number,
        "gateway_name": "'default'",
        "sync_state": "'synced'",
        "version": "1",
        "synced_version": "1",
        "synced_digest": f"md5('' || {number}) || md5('d')",
        "created_at": moment,
        "updated_at": moment,
        "customer_id": f"'9' || (10000000 + {number})",
        "first_name": f"'First' || ({name} / 70)",
        "last_name": f"'Last' || {name}",
    }
    of_customer = {
        "public_id": dialect.public_id(f"'customer' || {number}"),
        "owner_id": number,
        "customer_key": _key(f"'customer' || {number}"),
        "email": f"'user' || {number} || '@example.com'",
    }
    _insert(Customer, count, {**synced, **of_customer})
    of_card = {
        "public_id": dialect.public_id(f"'card' || {number}"),
        "customer_pk": number,
        "default_of": number,
        "card_id": f"'8' || (10000000 + {number})",
        "last_4": f"substr('' || (10000 + (i * 7919) % {LAST_4}), 2, 4)",
        "brand": f"'{BRAND}'",
        "month": "12",
        "year": "2040",
        "address": "'123 Elm St'",
        "zip": "'12345'",
    }
    _insert(CreditCard, count, {**synced, **of_card})


def _write_transactions(
    dialect: Dialect,
    first: int,
    count: int,
    busy: int,
    quiet: int,
    shoppers: int,
    variety: Mapping[str, str],
) -> None:
    card = (
        f"CASE WHEN i % 2 = 0 THEN 1 + (i - 1) * {busy} / {count} "
        f"WHEN i <= {2 * QUIET * quiet} THEN {busy} + 1 + (i / 2) % {quiet} "
        f"ELSE {busy + quiet} + 1 + (i / 2 * 7919) % {shoppers} END"
    )
    moment = dialect.moment(f"({count} - i) * {PACE}")
    values = {
        "id": f"{first - 1} + i",
        "public_id": dialect.public_id("'transaction' || i"),
        "gateway_name": "'default'",
        "transaction_id": "'7' || (1000000000 + i)",
        "operation_key": _key("'transaction' || i"),
        "kind": f"CASE WHEN i % {REFUND} = 0 THEN 'refund' ELSE 'charge' END",
        "parent_id": f"CASE WHEN i % {REFUND} = 0 THEN {first - 2} + i END",
        "status": f"CASE WHEN i % {DECLINED} = 7 THEN 'declined' WHEN i % {HELD} = 11 THEN 'held' "
        f"WHEN i > {count} * 0.99 THEN 'approved' ELSE 'settled' END",
        "price": "CASE i % 3 WHEN 0 THEN 9.99 WHEN 1 THEN 25 "
        "ELSE 1 + (i * 7919 % 90000) * 0.01 END",
        "currency": "'USD'",
        "owner_id": "c.customer_pk",
        "customer_pk": "c.customer_pk",
        "card_pk": "c.id",
        "customer_id": "c.customer_id",
        "card_id": "c.card_id",
        "last_4": "c.last_4",
        "brand": "c.brand",
        "auth_code": "upper(substr(md5(i || 'auth'), 1, 6))",
        "avs": "'Y'",
        "cvv": "'P'",
        "network_transaction_id": "upper(substr(md5(i || 'network'), 1, 15))",
        "order_reference": "'A-' || (100000 + i)",
        "initiator": "'customer'",
        "created_at": moment,
        "updated_at": moment,
    }
    before = f"{first - 2} + i"
    values |= {column: sql.replace("before_pk", before) for column, sql in variety.items()}
    _insert(Transaction, count, values, f"JOIN dinero_creditcard c ON c.id = {card}")


def _write_operations(dialect: Dialect, first: int) -> None:
    lock = "CASE WHEN t.kind = 'refund' THEN 'transaction:' || t.public_id ELSE '' END"
    answer = (
        '\'{"result": "approved", "transaction_id": "\' || t.transaction_id || '
        '\'", "auth_code": "\' || t.auth_code || \'", "avs": "Y", "cvv": "P", '
        '"network_transaction_id": "\' || t.network_transaction_id || '
        '\'", "last_4": "\' || t.last_4 || \'", "brand": "visa"}\''
    )
    asked = (
        '\'{"public_id": "\' || t.public_id || \'", "customer_pk": \' || t.customer_pk || '
        "', \"card_pk\": ' || t.card_pk || ', \"owner_pk\": ' || t.owner_id || "
        '\', "order_reference": "\' || t.order_reference || \'", "initiator": "customer", '
        '"email": "user\' || t.customer_pk || \'@example.com", "email_key": "\' || '
        "substr(md5('' || t.customer_pk), 1, 20) || '\", \"last_4\": \"' || t.last_4 || "
        '\'", "brand": "visa"}\''
    )
    values = {
        "key": "t.operation_key",
        "scope": "'user:' || t.owner_id",
        "idempotency_key": "'order-' || (100000 + t.id) || '-1'",
        "fingerprint": "md5('' || t.id)",
        "kind": "CASE t.kind WHEN 'authorization' THEN 'authorize' ELSE t.kind END",
        "gateway_name": "t.gateway_name",
        "lock_name": lock,
        "owner_pk": "'' || t.owner_id",
        "customer_id": "t.customer_id",
        "card_id": "t.card_id",
        "transaction_id": "t.transaction_id",
        "amount": "t.price",
        "currency": "t.currency",
        "state": "CASE WHEN t.status IN ('declined', 'held', 'failed', 'requires_action') THEN "
        f"t.status WHEN t.id % {UNKNOWN} = 77 THEN 'unknown' ELSE 'succeeded' END",
        "intent": dialect.json.format(asked),
        "outcome": dialect.json.format(answer),
        "worker": "'web-1:13744:140316292430720'",
        "attempts": "1",
        **dict.fromkeys(
            ("sent_at", "lease_until", "quarantine_until", "next_check_at"), "t.created_at"
        ),
        **dict.fromkeys(("created_at", "updated_at"), "t.created_at"),
    }
    source = f"FROM dinero_transaction t WHERE t.id >= {first} ORDER BY t.id"
    _execute(Operation, values, source)


def _insert(
    model: type[models.Model], count: int, values: Mapping[str, str], join: str = ""
) -> None:
    numbers = f"SELECT CAST(1 AS bigint) UNION ALL SELECT i + 1 FROM numbers WHERE i < {count}"  # noqa: S608 - numbers of ours
    table = f"(WITH RECURSIVE numbers(i) AS ({numbers}) SELECT i FROM numbers) n"  # noqa: S608
    _execute(model, values, f"FROM {table} {join} ORDER BY i")


def _execute(model: type[models.Model], values: Mapping[str, str], source: str) -> None:
    """Insert; what is not named is empty."""
    columns = {**_empty(model), **values}
    names = ", ".join(connection.ops.quote_name(name) for name in columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {model._meta.db_table} ({names}) "
            f"SELECT {', '.join(columns.values())} {source}"
        )


def _empty(model: type[models.Model]) -> dict[str, str]:
    columns: dict[str, str] = {}
    for field in model._meta.concrete_fields:
        if field.null or field.primary_key or field.generated or field.has_db_default():
            continue
        is_text = isinstance(field, models.CharField | models.TextField)
        columns[str(field.column)] = "''" if is_text else _literal(field)
    return columns


def _literal(field: models.Field[Any, Any]) -> str:
    if isinstance(field, models.BooleanField):
        return "true" if field.default is True else "false"
    return "0"


def _continue_numbering() -> None:
    tables = (User, Customer, CreditCard, Transaction, Operation)
    with connection.cursor() as cursor:
        for sql in connection.ops.sequence_reset_sql(no_style(), tables):
            cursor.execute(sql)
