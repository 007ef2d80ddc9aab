"""How many pages of its tables and indexes PostgreSQL reads, from memory or from a disk.

Unlike times, they are the same on a busy machine.
"""

from __future__ import annotations

from django.db import DatabaseError, connection


def pages_read() -> int | None:
    """Return how many this process's database has read so far; None where nobody counts them."""
    if connection.vendor != "postgresql":
        return None
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_stat_force_next_flush()")  # new in PostgreSQL 15
            cursor.execute("SELECT 1")
            cursor.execute(
                "SELECT blks_hit + blks_read FROM pg_stat_database "
                "WHERE datname = current_database()"
            )
            return int(cursor.fetchone()[0])
    except DatabaseError:
        return None
