"""The database of a test run, chosen by the environment (CONTRIBUTING.md lists the variables)."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

#: DINERO_TEST_DB -> the variable that holds its address.
URL_VARIABLES = {
    "postgresql": "DINERO_TEST_POSTGRES_URL",
    "mariadb": "DINERO_TEST_MARIADB_URL",
}
VENDOR = os.environ.get("DINERO_TEST_DB", "sqlite")


def database_name() -> str:
    """The name of this run's database, the same in the processes that a test starts.

    Two runs in one checkout, or of two checkouts on one server, must not share a database, so the
    name carries the process id of the run; children inherit it through the environment.
    """
    return os.environ.setdefault("DINERO_TEST_NAME", f"dinero_test_{os.getpid()}")


def default_database() -> dict[str, Any]:
    """Settings of the default alias. Raises ImproperlyConfigured for a choice that cannot work."""
    if VENDOR == "sqlite":
        return sqlite()
    if VENDOR not in URL_VARIABLES:
        known = ", ".join(["sqlite", *URL_VARIABLES])
        raise ImproperlyConfigured(f"DINERO_TEST_DB={VENDOR!r}: choose one of {known}.")
    variable = URL_VARIABLES[VENDOR]
    if not os.environ.get(variable):
        raise ImproperlyConfigured(f"DINERO_TEST_DB={VENDOR} needs {variable}=scheme://user@host/")
    server = from_url(os.environ[variable])
    return server | (POSTGRESQL if VENDOR == "postgresql" else MARIADB)


def sqlite() -> dict[str, Any]:
    """A file and not memory: threads and child processes of a test must see the same rows."""
    path = Path(tempfile.gettempdir()) / f"{database_name()}.sqlite3"
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": path,
        "OPTIONS": {
            "timeout": 20,
            # A block that reads first and writes later fails at once when it is not IMMEDIATE,
            # whatever the timeout.
            "transaction_mode": "IMMEDIATE",
            # What was committed survives a killed process; that it survives a power cut costs a
            # wait for the disk at each commit.
            "init_command": "PRAGMA synchronous = OFF",
        },
        "TEST": {"NAME": path},
    }


def from_url(url: str) -> dict[str, Any]:
    """Host, port, user and password of ``scheme://user:password@host:port/ignored``."""
    parts = urlsplit(url)
    name = database_name()
    return {
        "NAME": name,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "127.0.0.1",
        "PORT": str(parts.port or ""),
        "TEST": {"NAME": name},
    }


POSTGRESQL: dict[str, Any] = {"ENGINE": "django.db.backends.postgresql"}
MARIADB: dict[str, Any] = {
    "ENGINE": "django.db.backends.mysql",
    "OPTIONS": {
        "charset": "utf8mb4",
        # Away from UTC on purpose: Now() is the session's local time there, and a lease that is
        # computed with it is two hours wrong only where a test would see it.
        "init_command": "SET time_zone = '+02:00'",
    },
}
