"""Fields, the database's clock, and the question "am I inside somebody's transaction?"."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import connections, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.functions import Now
from django.db.transaction import Atomic

#: How long a journal write waits for a lock before it gives up: nothing has been sent by then.
JOURNAL_LOCK_SECONDS = 2


# What a field takes and gives, for the type checkers of those who use the models.
SetT = TypeVar("SetT", contravariant=True)
GetT = TypeVar("GetT", covariant=True)
ModelT = TypeVar("ModelT", bound=models.Model)


class _Bytewise:
    """Compared byte by byte: ``cus_AbC`` is not ``cus_aBc``, on MariaDB either."""

    def db_parameters(self, connection: BaseDatabaseWrapper) -> dict[str, Any]:
        """Give the column a binary collation where the default one ignores case."""
        parameters: dict[str, Any] = dict(super().db_parameters(connection))  # type: ignore[misc]
        if connection.vendor == "mysql":
            parameters["collation"] = "utf8mb4_bin"
        return parameters


if TYPE_CHECKING:

    class IdField(_Bytewise, models.CharField[SetT, GetT]):
        """Text that is compared byte by byte, not letter by letter."""
else:
    # Django's fields cannot be subscripted when the program runs.
    class IdField(_Bytewise, models.CharField):
        """Text that is compared byte by byte, not letter by letter."""


class RowForeignKey(models.ForeignKey[SetT, GetT]):
    """A foreign key whose value is ``<name>_pk``, so that ``<name>_id`` is free.

    ``card.customer_id`` is the gateway's id of the customer, a column of its own.
    """

    def get_attname(self) -> str:
        """Return the attribute (and column) that holds the key's value."""
        return f"{self.name}_pk"


class UtcNow(Now):
    """The database's clock in UTC.

    Django's ``Now()`` is the session's local time on MariaDB, hours away from the UTC that Django
    stores; leases and quarantines compared with it would be void.
    """

    def as_mysql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        """Return MariaDB's own UTC clock, with microseconds."""
        return self.as_sql(compiler, connection, template="UTC_TIMESTAMP(6)", **extra)


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


def journal_alias(database: dict[str, Any]) -> dict[str, Any]:
    """Return a copy of a ``DATABASES`` entry for ``DINERO["JOURNAL_ALIAS"]``.

    It is a second connection to the same database, whose writes survive a rollback of the first.
    It must not be wrapped by ATOMIC_REQUESTS, must not wait long for a lock that the caller's own
    transaction holds, and in tests shares the test database.
    """
    entry = copy.deepcopy(database)
    entry["ATOMIC_REQUESTS"] = False
    entry["TEST"] = {**entry.get("TEST", {}), "MIRROR": "default"}
    options = entry.setdefault("OPTIONS", {})
    options.pop("pool", None)
    if entry["ENGINE"].endswith(("postgresql", "postgis")):
        flag = f"-c lock_timeout={JOURNAL_LOCK_SECONDS * 1000}"
        options["options"] = f"{options.get('options', '')} {flag}".strip()
    elif entry["ENGINE"].endswith("mysql"):
        options["init_command"] = _also_set(
            options.get("init_command", ""), f"innodb_lock_wait_timeout={JOURNAL_LOCK_SECONDS}"
        )
    return entry


def _also_set(command: str, assignment: str) -> str:
    # One SET of both where that can be: not every driver allows two statements in one command.
    if not command:
        return f"SET {assignment}"
    joint = ", " if command.upper().startswith("SET ") else "; SET "
    return f"{command.rstrip('; ')}{joint}{assignment}"
