"""The isolation levels that a project may choose, for the connections of a test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connections

from tests.databases import VENDOR

ALIASES = ["default"] if VENDOR == "sqlite" else ["default", "journal"]
#: Empty for the one that Django chooses. SQLite has one alone.
LEVELS = ["", "repeatable read", "serializable"] if VENDOR != "sqlite" else [""]
#: How often each race is run. More find more, and take longer.
ROUNDS = int(os.environ.get("DINERO_TEST_ROUNDS", "3"))


@contextmanager
def isolated(level: str) -> Iterator[None]:
    """Give each connection that is opened in the block this level."""
    with pytest.MonkeyPatch.context() as patch:
        for alias in ALIASES if level else []:
            entry = connections.settings[alias]
            options = {**entry.get("OPTIONS", {}), "isolation_level": _level(level)}
            patch.setitem(entry, "OPTIONS", options)
            connections[alias].close()
            patch.setitem(connections[alias].settings_dict, "OPTIONS", options)
        yield
    for alias in ALIASES:
        connections[alias].close()


def _level(name: str) -> Any:
    if VENDOR != "postgresql":
        return name
    from psycopg import IsolationLevel  # noqa: PLC0415 - there with PostgreSQL alone

    return IsolationLevel[name.upper().replace(" ", "_")]
