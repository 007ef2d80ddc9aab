"""Databases that fail: writes that are repeated, and the exceptions that callers get.

At REPEATABLE READ and SERIALIZABLE a database ends one of two transactions that get into each
other's way, and expects that it is begun again. MariaDB does so at every level, after a deadlock.
"""

from __future__ import annotations

import random
import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from django.db import Error, InterfaceError, InternalError, OperationalError, models
from django.utils.translation import gettext as _

from django_dinero.db.transactions import is_open
from django_dinero.exceptions import DineroError, NotSent, OutcomeUnknown
from django_dinero.logs import fields_of, get_logger

logger = get_logger("django_dinero.journal")

ResultT = TypeVar("ResultT")

#: The database cannot be written or read now, whatever it is asked. A read-only PostgreSQL raises
#: an InternalError.
OUT_OF_ORDER = (OperationalError, InterfaceError, InternalError)

#: Another transaction was in the way: a serialization failure and a deadlock of PostgreSQL; a
#: deadlock, a lock that was waited for too long, and a row changed since it was read of MariaDB.
CONFLICTS: frozenset[object] = frozenset({"40001", "40P01", 1213, 1205, 1020})
#: A lock was waited for too long: of PostgreSQL, and of MariaDB.
LOCKED: frozenset[object] = frozenset({"55P03", 1205})
#: A row that is pointed at was deleted, or one that is deleted is pointed at.
DEAD_LINKS: frozenset[object] = frozenset({"23503", 1451, 1452})
#: A unique key has a row already.
TAKEN: frozenset[object] = frozenset(
    {"23505", 1062, sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY}
)
#: A table or a column is missing. SQLite has words for it and no code.
UNMIGRATED: frozenset[object] = frozenset({"42P01", "42703", 1146, 1054})
UNMIGRATED_SQLITE = re.compile("no such (table|column)|has no column named")

#: Seconds between two attempts, on average. Waits differ, or the same two would meet again.
PAUSES = (0.01, 0.04, 0.12, 0.3, 0.6)
#: Seconds after which nothing is repeated any more. A lock that was waited for in vain took longer.
PATIENCE = 5.0

#: The operation that the verb under way has sent to a gateway.
_sent: ContextVar[Any] = ContextVar("django_dinero_sent", default=None)


def _codes(error: BaseException) -> set[object]:
    """Return what the database calls an error: an SQLSTATE, a number."""
    cause = error.__cause__
    names = ("sqlstate", "pgcode")  # of psycopg and of psycopg2
    found = {*(getattr(cause, name, None) for name in names), *error.args[:1]}
    if isinstance(cause, sqlite3.Error):
        # The low byte is the kind; SQLite means one that writes while another one has read.
        code = getattr(cause, "sqlite_errorcode", 0)
        return {"40001"} if code & 0xFF == sqlite3.SQLITE_BUSY else {code} & TAKEN
    return {code for code in found if isinstance(code, str | int)}


def is_conflict(error: BaseException) -> bool:
    """Say whether another transaction was in the way, so that the same write may pass later."""
    return not CONFLICTS.isdisjoint(_codes(error))


def is_conflict_or_dead_link(error: BaseException) -> bool:
    """As :func:`is_conflict`, and say so too of a foreign key that a rival has just written."""
    return not (CONFLICTS | DEAD_LINKS).isdisjoint(_codes(error))


def is_locked(error: BaseException) -> bool:
    """Say whether a lock was waited for in vain that a transaction holds which is still open."""
    return not LOCKED.isdisjoint(_codes(error))


def is_taken(error: BaseException) -> bool:
    """Say whether another row has a unique key; other constraints are broken by our own row."""
    return not TAKEN.isdisjoint(_codes(error))


def is_unmigrated(error: BaseException) -> bool:
    """Say whether a table or a column is missing, as before ``manage.py migrate``."""
    if isinstance(error.__cause__, sqlite3.Error):
        return UNMIGRATED_SQLITE.search(str(error)) is not None
    return not UNMIGRATED.isdisjoint(_codes(error))


def retry_on_conflict(
    write: Callable[[], ResultT],
    using: str,
    may_pass: Callable[[BaseException], bool] = is_conflict,
) -> ResultT:
    """Write, and write again while another transaction is in the way.

    In a transaction of the caller's, who alone can begin it again, it is written once.

    Args:
        write: one statement or one transaction; never a gateway's call. It is called anew after
            everything that it wrote was rolled back.
        may_pass: says whether an error may pass by itself.
    """
    deadline = time.perf_counter() + PATIENCE
    for pause in PAUSES:
        try:
            return write()
        except Error as error:
            is_over = time.perf_counter() > deadline
            if is_over or is_open(using) or not may_pass(error):
                raise
            logger.info("A write was in the way of another one: %s", type(error).__name__)
        time.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311
    return write()


def restorer_of(row: models.Model) -> Callable[[], None]:
    """Return a function that gives an instance its present values back, after a rollback."""
    values, adding, database = dict(row.__dict__), row._state.adding, row._state.db

    def restore() -> None:
        row.__dict__.clear()
        row.__dict__.update(values)
        row._state.adding, row._state.db = adding, database

    return restore


def note_sent(operation: Any) -> None:
    """Note that the verb under way sends an operation, and that its end is unknown from now on."""
    _sent.set(operation)


@contextmanager
def translate_database_failures() -> Iterator[None]:
    """Raise our own exceptions where the database fails a verb. Also a decorator.

    What the caller has done wrong, such as a value that breaks a constraint of the project's,
    stays what it is as long as nothing was sent.

    Raises:
        NotSent: the verb has sent nothing.
        OutcomeUnknown: it has sent its operation.
    """
    before = _sent.set(None)
    try:
        yield
    except Error as error:
        ours = _ours(error, _sent.get())
        if ours is None:
            raise
        raise ours from error
    finally:
        _sent.reset(before)


def _ours(error: Error, sent: Any) -> DineroError | None:
    if sent is not None:
        logger.critical(
            "Operation %s was sent to %s, and the database failed afterwards: %s",
            sent.key,
            sent.gateway_name,
            type(error).__name__,
            extra=fields_of(sent),
        )
        return unrecorded(sent)
    if isinstance(error, OUT_OF_ORDER):
        return not_sent(_("The database failed; nothing was sent."), error)
    return None


@contextmanager
def nothing_sent_if_unwritten() -> Iterator[None]:
    """Raise NotSent where the journal is down or locked: what is not written is not sent."""
    try:
        yield
    except OUT_OF_ORDER as error:
        text = _("The journal could not be written; nothing was sent.")
        raise not_sent(text, error) from error


def not_sent(text: str, error: Error) -> NotSent:
    """Return the exception for what was not sent, with the cure where it is known."""
    if is_unmigrated(error):
        text = f"{text} {_('A table or a column is missing: run manage.py migrate.')}"
    return NotSent(text)


def unrecorded(operation: Any) -> OutcomeUnknown:
    """Return the exception for an answer that the database did not take."""
    return OutcomeUnknown(
        _("The gateway answered, and the database could not record it; look up %(key)s.")
        % {"key": operation.key},
        operation=operation,
        gateway_name=operation.gateway_name,
    )
