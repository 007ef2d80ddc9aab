"""Writes that are repeated, and what callers are told where a database fails."""

from __future__ import annotations

import logging
import sqlite3
from typing import Any

import pytest
from django.db import (
    Error,
    IntegrityError,
    InterfaceError,
    InternalError,
    OperationalError,
    ProgrammingError,
    connection,
    transaction,
)

from django_dinero.db import failures
from django_dinero.exceptions import DineroError, NotSent, OutcomeUnknown
from django_dinero.models import Customer, Operation

NO_ROW = "no such row"


class PostgresError(Exception):
    """As psycopg raises it."""

    def __init__(self, sqlstate: str) -> None:
        super().__init__("could not serialize access")
        self.sqlstate = sqlstate


class Psycopg2Error(Exception):
    """As psycopg2 raises it."""

    def __init__(self, pgcode: str) -> None:
        super().__init__("could not serialize access")
        self.pgcode = pgcode


def told(kind: type[Error], *args: Any, cause: Exception | None = None) -> Error:
    """Return an error as Django raises it, from that of the driver."""
    error = kind(*args)
    error.__cause__ = cause
    return error


def busy() -> Error:
    """Return what SQLite says to one who writes while another one does."""
    cause = sqlite3.OperationalError("database is locked")
    cause.sqlite_errorcode = sqlite3.SQLITE_BUSY | (2 << 8)  # SQLITE_BUSY_SNAPSHOT
    return told(OperationalError, "database is locked", cause=cause)


SERIALIZATION = told(OperationalError, "could not…", cause=PostgresError("40001"))
DEADLOCK = told(OperationalError, 1213, "Deadlock found when trying to get lock")
DEAD_LINK = told(IntegrityError, "still referenced", cause=PostgresError("23503"))
DUPLICATE = told(IntegrityError, 1062, "Duplicate entry")
CONFLICTS = [
    SERIALIZATION,
    told(OperationalError, "deadlock detected", cause=PostgresError("40P01")),
    told(OperationalError, "deadlock detected", cause=Psycopg2Error("40P01")),
    DEADLOCK,
    told(OperationalError, 1205, "Lock wait timeout exceeded"),
    told(OperationalError, 1020, "Record has changed since last read"),
    busy(),
]
OTHERS = [
    DUPLICATE,
    told(OperationalError, 2013, "Lost connection to server during query"),
    told(OperationalError, "server closed the connection", cause=PostgresError("57P01")),
    told(InterfaceError, "connection already closed"),
    told(OperationalError),
    told(OperationalError, "disk I/O error", cause=sqlite3.OperationalError("disk I/O error")),
]


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were made; nobody waits."""
    made: list[float] = []
    monkeypatch.setattr("django_dinero.db.failures.time.sleep", made.append)
    return made


def failing(*errors: Error) -> Any:
    """Return a write that fails so, and then passes with the number of its attempts."""
    left, attempts = list(errors), 0

    def write() -> int:
        nonlocal attempts
        attempts += 1
        if left:
            raise left.pop(0)
        return attempts

    return write


@pytest.mark.parametrize("error", CONFLICTS)
def test_what_another_transaction_broke_may_pass(error: Error) -> None:
    assert failures.is_conflict(error)
    assert failures.is_conflict_or_dead_link(error)


@pytest.mark.parametrize("error", OTHERS)
def test_other_errors_do_not_pass_by_themselves(error: Error) -> None:
    assert not failures.is_conflict(error)
    assert not failures.is_conflict_or_dead_link(error)


@pytest.mark.parametrize(
    "error", [DEAD_LINK, told(IntegrityError, 1451), told(IntegrityError, 1452)]
)
def test_a_dead_link_is_a_rivals_only_where_it_is_asked(error: Error) -> None:
    assert failures.is_conflict_or_dead_link(error)
    assert not failures.is_conflict(error)


@pytest.mark.django_db(transaction=True)
def test_a_write_is_repeated_with_growing_pauses(pauses: list[float]) -> None:
    times = len(failures.PAUSES)
    assert failures.retry_on_conflict(failing(*[DEADLOCK] * times), "default") == times + 1
    for pause, average in zip(pauses, failures.PAUSES, strict=True):
        assert average / 2 <= pause <= average * 1.5
    assert len(set(pauses)) == times


@pytest.mark.django_db(transaction=True)
def test_what_takes_too_long_is_not_repeated(
    pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lock that was waited for in vain would be waited for in vain again."""
    monkeypatch.setattr(failures, "PATIENCE", -1.0)
    with pytest.raises(OperationalError, match="Deadlock"):
        failures.retry_on_conflict(failing(DEADLOCK), "default")
    assert pauses == []


@pytest.mark.django_db(transaction=True)
def test_at_last_the_error_is_raised() -> None:
    with pytest.raises(OperationalError, match="Deadlock"):
        failures.retry_on_conflict(failing(*[DEADLOCK] * (len(failures.PAUSES) + 1)), "default")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("error", [DUPLICATE, DEAD_LINK])
def test_nothing_else_is_repeated(error: Error, pauses: list[float]) -> None:
    with pytest.raises(IntegrityError):
        failures.retry_on_conflict(failing(error), "default")
    assert pauses == []
    passes = failures.is_conflict_or_dead_link(error)
    if passes:
        assert (
            failures.retry_on_conflict(failing(error), "default", failures.is_conflict_or_dead_link)
            == 2
        )


@pytest.mark.django_db(transaction=True)
def test_the_callers_transaction_is_the_callers_to_repeat(pauses: list[float]) -> None:
    with transaction.atomic(), pytest.raises(OperationalError):
        failures.retry_on_conflict(failing(DEADLOCK), "default")
    connection.set_autocommit(False)
    try:
        with pytest.raises(OperationalError):
            failures.retry_on_conflict(failing(DEADLOCK), "default")
    finally:
        connection.set_autocommit(True)
    assert pauses == []


def test_an_instance_gets_its_values_back() -> None:
    row: Any = Customer(email="a@example.com")
    restore = failures.restorer_of(row)
    row.pk, row.email, row.extra = 5, "b@example.com", 1
    row._state.adding, row._state.db = False, "default"
    restore()
    assert (row.pk, row.email, row._state.adding, row._state.db) == (
        None,
        "a@example.com",
        True,
        None,
    )
    assert not hasattr(row, "extra")


# -- What a caller is told -------------------------------------------------------------------------


@failures.translate_database_failures()
def verb(error: Exception, *sent: Operation) -> None:
    for operation in sent:
        failures.note_sent(operation)
    raise error


@pytest.mark.parametrize("kind", [OperationalError, InterfaceError, InternalError])
def test_before_anything_is_sent_nothing_was(kind: type[Error]) -> None:
    with pytest.raises(NotSent, match="nothing was sent") as caught:
        verb(kind("read-only"))
    assert isinstance(caught.value.__cause__, kind)


MIGRATE = (
    "The database failed; nothing was sent. A table or a column is missing: run manage.py migrate."
)


@pytest.mark.parametrize(
    "error",
    [
        told(OperationalError, text, cause=sqlite3.OperationalError(text))
        for text in (
            "no such table: dinero_operation",
            "no such column: dinero_operation.live",
            "table dinero_operation has no column named live",
        )
    ]
    + [told(OperationalError, 1054, "Unknown column 'live' in 'field list'")],
    ids=str,
)
def test_a_table_that_was_not_migrated_is_told_with_the_cure(error: Error) -> None:
    with pytest.raises(NotSent) as caught:
        verb(error)
    assert str(caught.value) == MIGRATE


@pytest.mark.parametrize(
    ("error", "is_unmigrated"),
    [
        (told(ProgrammingError, "no relation", cause=PostgresError("42P01")), True),
        (told(ProgrammingError, "no column", cause=PostgresError("42703")), True),
        (told(ProgrammingError, 1146, "Table 'dinero_operation' doesn't exist"), True),
        *[(error, False) for error in CONFLICTS + OTHERS],
    ],
    ids=str,
)
def test_a_missing_table_is_known_by_its_code(error: Error, is_unmigrated: bool) -> None:
    assert failures.is_unmigrated(error) is is_unmigrated


@pytest.mark.parametrize("error", [DUPLICATE, ProgrammingError(NO_ROW), ValueError(NO_ROW)])
def test_the_callers_own_mistakes_stay_what_they_are(error: Exception) -> None:
    with pytest.raises(type(error)):
        verb(error)


@pytest.mark.parametrize("error", [*CONFLICTS, DUPLICATE, ProgrammingError(NO_ROW)])
def test_after_it_was_sent_the_outcome_is_unknown(
    error: Error, caplog: pytest.LogCaptureFixture
) -> None:
    operation = Operation(key="the-key", gateway_name="main")
    with (
        caplog.at_level(logging.CRITICAL),
        pytest.raises(OutcomeUnknown, match="the-key") as caught,
    ):
        verb(error, operation)
    assert (caught.value.operation, caught.value.gateway_name) == (operation, "main")
    (line,) = caplog.messages
    assert "the-key was sent to main" in line
    assert type(error).__name__ in line


def test_our_own_exceptions_pass() -> None:
    with pytest.raises(DineroError, match="as it is"):
        verb(DineroError("as it is"), Operation())


def test_what_one_verb_sent_is_not_what_the_next_one_did() -> None:
    with pytest.raises(OutcomeUnknown):
        verb(InterfaceError(), Operation())
    with pytest.raises(NotSent):
        verb(InterfaceError())


def test_what_a_verb_inside_another_sent_is_its_own() -> None:
    with pytest.raises(NotSent), failures.translate_database_failures():
        with pytest.raises(OutcomeUnknown):
            verb(InterfaceError(), Operation())
        raise InterfaceError


# -- Unique keys ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error", [DUPLICATE, told(IntegrityError, "duplicate key", cause=PostgresError("23505"))]
)
def test_a_unique_key_is_taken(error: Error) -> None:
    assert failures.is_taken(error)


@pytest.mark.parametrize("error", [DEAD_LINK, busy(), told(IntegrityError, 4025, "CONSTRAINT")])
def test_another_constraint_is_not_that(error: Error) -> None:
    assert not failures.is_taken(error)


@pytest.mark.django_db
def test_this_database_says_that_a_unique_key_is_taken() -> None:
    Operation.objects.create(key="a" * 20, kind="add_card", live=False)
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        Operation.objects.create(key="a" * 20, kind="add_card", live=False)
    assert failures.is_taken(caught.value)
