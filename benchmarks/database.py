"""The databases that the measurements run on, each made for one process and dropped after it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from django.db import connection


def database(url: str) -> dict[str, Any]:
    """Return a DATABASES entry; an empty ``url`` is a SQLite file in the temporary directory.

    A child that works on its parent's database gets the name in ``BENCH_DATABASE_NAME``.
    """
    given = os.environ.get("BENCH_DATABASE_NAME", "")
    name = given or f"dinero_bench_{os.getpid()}"
    if not url:
        path = Path(given or Path(tempfile.gettempdir()) / f"{name}.sqlite3")
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": path,
            "OPTIONS": {"transaction_mode": "IMMEDIATE"},
            "TEST": {"NAME": path},
        }
    parts = urlsplit(url)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "127.0.0.1",
        "PORT": str(parts.port or ""),
        "TEST": {"NAME": name},
    }


@contextmanager
def created() -> Iterator[None]:
    """Create the process's database with its tables, and drop it at the end."""
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        yield
    finally:
        connection.creation.destroy_test_db("", verbosity=0)
