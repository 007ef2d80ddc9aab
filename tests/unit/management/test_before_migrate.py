"""Commands in a project whose tables nobody has made yet: a word of the cure, no traceback."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection

from django_dinero.models import Operation
from tests.support.recording import RecordingGateway

#: Commands that read or write rows, as somebody would first try them.
COMMANDS: dict[str, tuple[str, ...]] = {
    "charge": ("dinero_charge", "5.00", "--customer", "a@example.com", "--no-input"),
    "capture": ("dinero_capture", "A-7", "--no-input"),
    "void": ("dinero_void", "A-7", "--no-input"),
    "review": ("dinero_review",),
    "refund": ("dinero_refund", "A-7", "--no-input"),
    "report": ("dinero_report",),
    "cards": ("dinero_cards", "--expiring"),
    "sync": ("dinero_sync",),
    "close": ("dinero_close", "ABC", "--note", "x", "--by", "ann"),
    "drain": ("dinero_webhooks", "drain"),
    "erase": ("dinero_erase", "a@example.com", "--no-input"),
}


@pytest.fixture
def without_tables(
    db: None, gateway: RecordingGateway, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Nobody has run migrate, as far as the app can see."""
    names: Any = connection.introspection.table_names
    ours = Operation._meta.db_table

    def refuse(execute: Any, sql: str, *rest: Any) -> Any:
        if "dinero_" in sql:
            raise DatabaseError("no such table")
        return execute(sql, *rest)

    monkeypatch.setattr(
        connection.introspection, "table_names", lambda *args: [n for n in names() if n != ours]
    )
    with connection.execute_wrapper(refuse):
        yield


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_it_is_told_what_to_run(without_tables: None, command: tuple[str, ...]) -> None:
    with pytest.raises(CommandError, match="no tables of django-dinero yet: run migrate first"):
        call_command(*command)


@pytest.mark.parametrize("command", ["dinero_reconcile", "dinero_status"])
def test_those_that_ask_each_gateway_say_so_of_each(
    without_tables: None, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(CommandError) as caught:
        call_command(command)
    said = capsys.readouterr()
    assert "If it is new, run migrate first." in said.out + said.err + str(caught.value)


def test_another_fault_of_the_database_is_shown_as_it_is(
    db: None, gateway: RecordingGateway
) -> None:
    broken = connection.execute_wrapper(_broken)
    with broken, pytest.raises(DatabaseError, match="the disk is full"):
        call_command("dinero_report")


def _broken(execute: Any, sql: str, *rest: Any) -> Any:
    if "dinero_" in sql:
        raise DatabaseError("the disk is full")
    return execute(sql, *rest)
