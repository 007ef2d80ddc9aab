"""Operations written by hand, and a second database to hold a journal apart."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.db import connections

from django_dinero.models import Operation, Transaction
from django_dinero.services import journal
from tests.support.recording import RecordingGateway

SECOND = "second"


def begin(gateway: RecordingGateway, **values: Any) -> Operation:
    """A NEW charge of five dollars; keywords change the columns."""
    given = {"using": "default", "amount": 5, "currency": "USD", **values}
    return journal.begin(gateway, "charge", **given)


@contextmanager
def second_database(folder: Path) -> Iterator[str]:
    """Another database with a journal in it and nothing else; yields its alias.

    An SQLite file whatever the run's own database is: it shows which connection is written to.
    """
    base = connections.settings["default"]
    connections.settings[SECOND] = {
        **base,
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(folder / "second.sqlite3"),
        "OPTIONS": {},
    }
    try:
        # By hand: a test's databases are named before this one is there, and others do not open.
        connections[SECOND].connect()
        with connections[SECOND].schema_editor() as editor:
            editor.create_model(Operation)
        yield SECOND
    finally:
        connections[SECOND].close()
        del connections[SECOND]
        del connections.settings[SECOND]


class Router:
    """Sends the journal to one alias, and fails when asked for something else."""

    def __init__(self, alias: str, replica: str = "") -> None:
        self.alias = alias
        self.replica = replica or alias

    def db_for_read(self, model: Any, **hints: Any) -> str:
        return self.replica

    def db_for_write(self, model: Any, **hints: Any) -> str:
        assert model in (Operation, Transaction)
        return self.alias
