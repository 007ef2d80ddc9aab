"""What PostgreSQL counts of a table beside its columns, each time that it analyzes it."""

from __future__ import annotations

from typing import Any

#: The name of the statistics of the days of transactions.
DAYS = "dinero_transaction_day"
#: As :class:`~django_dinero.db.fields.UtcDay` writes it: PostgreSQL compares the expressions.
_DAY = "((created_at AT TIME ZONE INTERVAL '0')::date)"


def count_days(apps: object, schema_editor: Any) -> None:
    """Let PostgreSQL count the days on which there are transactions.

    Else it expects as many days as moments, and sorts on a disk what it adds up for a few weeks.
    No write pays for it. The other databases have nothing of the kind.
    """
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(f"CREATE STATISTICS {DAYS} ON {_DAY} FROM dinero_transaction")


def forget_days(apps: object, schema_editor: Any) -> None:
    """Undo :func:`count_days`."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(f"DROP STATISTICS IF EXISTS {DAYS}")
