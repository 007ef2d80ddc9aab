"""Whose transaction is open, and how rows are locked in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from django.db import connections, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.transaction import Atomic, atomic

ModelT = TypeVar("ModelT", bound=models.Model)


def locked(rows: models.QuerySet[ModelT], using: str) -> models.QuerySet[ModelT]:
    """Return the query with its rows locked until the transaction ends, if the database can.

    Rows with a foreign key to them can still be written.
    """
    no_key = connections[using].features.has_select_for_no_key_update
    return rows.select_for_update(no_key=no_key)


@contextmanager
def impatient_atomic(using: str, seconds: int = 2) -> Iterator[None]:
    """Open a transaction that waits no longer than this for what another one has locked.

    SQLite has one writer, whose patience its own option sets.
    """
    connection = connections[using]
    before = _lock_patience(connection, seconds) if connection.vendor == "mysql" else None
    try:
        with atomic(using=using):
            if connection.vendor == "postgresql":  # it ends with the transaction
                with connection.cursor() as cursor:
                    cursor.execute(f"SET LOCAL lock_timeout = '{int(seconds)}s'")
            yield
    finally:
        if before is not None:
            _lock_patience(connection, before)


def _lock_patience(connection: BaseDatabaseWrapper, seconds: int) -> int:
    """Set how long a session of MariaDB waits for a lock, and return how long it did."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT @@innodb_lock_wait_timeout")
        before: int = cursor.fetchone()[0]
        cursor.execute("SET SESSION innodb_lock_wait_timeout = %s", [seconds])
    return before


def foreign_blocks(using: str) -> list[Atomic]:
    """Return the open ``atomic`` blocks of this thread that are not a TestCase's own."""
    connection = connections[using]
    if not connection.in_atomic_block:
        return []
    # A private attribute of Django, but the only way to distinguish a TestCase's block from those
    # of the code under test. tests/integration/test_commit.py fails if a Django release changes it.
    return [b for b in connection.atomic_blocks if not getattr(b, "_from_testcase", False)]


def in_testcase(using: str) -> bool:
    """Say whether the outermost open block of this thread is a TestCase's own."""
    connection = connections[using]
    blocks = connection.atomic_blocks if connection.in_atomic_block else []
    return bool(blocks) and bool(getattr(blocks[0], "_from_testcase", False))


def is_open(using: str) -> bool:
    """Say whether a statement now belongs to an open transaction, whoever has begun it."""
    connection = connections[using]
    return connection.in_atomic_block or not connection.get_autocommit()


def in_transaction(using: str) -> bool:
    """Say whether the caller can still roll back what is written now.

    A TestCase's own block does not count. Autocommit switched off does.
    """
    connection = connections[using]
    if foreign_blocks(using):
        return True
    return not connection.in_atomic_block and not connection.get_autocommit()


def is_commit_told(using: str) -> bool:
    """Say whether Django learns of the commit of what is written now, or there is none to wait for.

    Where a project has switched autocommit off, it commits by itself.
    """
    connection = connections[using]
    return connection.in_atomic_block or connection.get_autocommit()
