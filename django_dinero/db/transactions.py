"""Whose transaction is open here, and how its rows are locked."""

from __future__ import annotations

from typing import TypeVar

from django.db import connections, models
from django.db.transaction import Atomic

ModelT = TypeVar("ModelT", bound=models.Model)


def locked(rows: models.QuerySet[ModelT], using: str) -> models.QuerySet[ModelT]:
    """Return the query with its rows locked until the transaction ends, where the database can.

    What has a foreign key to them can be written meanwhile.
    """
    no_key = connections[using].features.has_select_for_no_key_update
    return rows.select_for_update(no_key=no_key)


def foreign_blocks(using: str) -> list[Atomic]:
    """Return the open ``atomic`` blocks of this thread that are not a TestCase's own."""
    connection = connections[using]
    if not connection.in_atomic_block:
        return []
    # Private to Django, and the only sign by which a TestCase's block can be told from one of
    # the code under test; tests/integration/test_commit.py fails if a release changes it.
    return [b for b in connection.atomic_blocks if not getattr(b, "_from_testcase", False)]


def in_testcase(using: str) -> bool:
    """Say whether the outermost open block of this thread is a TestCase's own."""
    connection = connections[using]
    blocks = connection.atomic_blocks if connection.in_atomic_block else []
    return bool(blocks) and bool(getattr(blocks[0], "_from_testcase", False))


def in_transaction(using: str) -> bool:
    """Say whether what is written now can still be rolled back by somebody else's code.

    A TestCase's own block does not count; autocommit switched off does.
    """
    connection = connections[using]
    if foreign_blocks(using):
        return True
    return not connection.in_atomic_block and not connection.get_autocommit()
