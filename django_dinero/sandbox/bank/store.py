"""Where the test bank keeps its vault and ledger: one SQLite file, or memory."""

from __future__ import annotations

import functools
import os
import secrets
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from django_dinero.sandbox.bank.changes import Change
from django_dinero.sandbox.bank.records import BankRefusal
from django_dinero.sandbox.bank.schema import FIRST_IDS, TABLES, VERSION

P = ParamSpec("P")
R = TypeVar("R")

Listener = Callable[[Sequence[Change]], None]

MEMORY = ":memory:"
#: How long a call waits for another process that writes to the same file.
BUSY_SECONDS = 30.0


class Store:
    """One SQLite database, shared by threads through a lock and by processes through its file.

    Args:
        path: the file, made when it is not there; None or ``":memory:"`` for memory, which ends
            with this object.

    Raises:
        ValueError: the file cannot be used, or is no store of this version of the test bank.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        self.path = MEMORY if path is None else os.fspath(path)
        if not self.path:
            # SQLite would take it for a nameless file that is gone when it is closed.
            raise ValueError("The store's name is empty: name a file, or leave it out for memory.")
        self._lock = threading.RLock()
        self._inherited: list[sqlite3.Connection] = []
        #: Told of what has changed, after each commit. They must not wait: the bank does.
        self.listeners: list[Listener] = []
        self._changes: list[Change] = []
        self._open()
        _stores.add(self)

    def _open(self) -> None:
        self._depth = 0
        self._stale = False
        try:
            self._db = self._connect()
            self._closing = weakref.finalize(self, _close, self._db, os.getpid())
            try:
                self._prepare()
            except BaseException:
                self._closing()
                raise
        except sqlite3.OperationalError as error:
            raise ValueError(
                f"The store {self.path!r} cannot be used ({error}): it must be a file that this "
                "process may write, in a folder where it may make files, on a disk that is not full"
                ", and that no other program holds."
            ) from error

    def _connect(self) -> sqlite3.Connection:
        if self.in_memory:
            return sqlite3.connect(MEMORY, isolation_level=None, check_same_thread=False)
        if not Path(self.path).absolute().parent.is_dir():
            raise ValueError(f"The store {self.path!r} is in a folder that does not exist.")
        return sqlite3.connect(
            self.path, isolation_level=None, check_same_thread=False, timeout=BUSY_SECONDS
        )

    def _prepare(self) -> None:
        self._db.row_factory = sqlite3.Row
        try:
            if not self.in_memory:
                self._write_ahead()
                # Enough against a killed process; only a power cut could lose something.
                self._db.execute("PRAGMA synchronous = NORMAL")
            with self.writing():
                if self.value("PRAGMA user_version") == 0:
                    self._create()
                version = self.value("PRAGMA user_version")
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise
            raise ValueError(f"The store {self.path!r} is not a test bank's file.") from error
        if version != VERSION:
            raise ValueError(
                f"The store {self.path!r} has version {version} of the test bank, this is "
                f"{VERSION}: take a new file."
            )

    def _write_ahead(self) -> None:
        """Switch to the write-ahead log.

        Of several processes that do so with a new file at once, SQLite refuses all but one without
        a wait: one that waited could hold what the other needs.
        """
        until = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                self._db.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as error:
                busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
                if not busy or time.monotonic() > until:
                    raise
            time.sleep(0.01)

    def _create(self) -> None:
        if self.value("SELECT count(*) FROM sqlite_master"):
            raise ValueError(f"The store {self.path!r} is another program's database.")
        for statement in TABLES.split(";"):
            self._db.execute(statement)
        self._db.executemany(
            "INSERT INTO counters (name, value) VALUES (?, ?)",
            [(name, secrets.choice(first)) for name, first in FIRST_IDS.items()],
        )
        self.put("fingerprint_key", secrets.token_hex(32))
        self._db.execute(f"PRAGMA user_version = {VERSION}")

    @property
    def in_memory(self) -> bool:
        """Whether all is lost when this process ends."""
        return self.path == MEMORY

    def close(self) -> None:
        """Close the file. The store cannot be used afterwards; closing it twice does no harm."""
        with self._lock:
            self._closing()
            _stores.discard(self)  # nothing is left that a forked child could share

    # -- Transactions ------------------------------------------------------------------------

    def writing(self) -> AbstractContextManager[None]:
        """Return a context that is one transaction; a refusal keeps what was written before it.

        A live card check is an authorization that happened, whether the card is stored or not.
        """
        return self._transaction("BEGIN IMMEDIATE")

    def reading(self) -> AbstractContextManager[None]:
        """Return a context in which all reads see the same state."""
        return self._transaction("BEGIN")

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[None]:
        with self._lock:
            if self._stale:
                self._open()
            if self._depth:
                yield
                return
            self._db.execute(begin)
            self._depth = 1
            try:
                yield
            except BankRefusal:
                self._commit()
                raise
            except BaseException:
                self._roll_back()
                raise
            else:
                self._commit()
            finally:
                self._depth = 0
                self._changes.clear()

    def _commit(self) -> None:
        try:
            self._db.execute("COMMIT")
        except sqlite3.Error:
            # Left open, it would block every transaction that follows.
            self._roll_back()
            raise
        for listener in self.listeners if self._changes else ():
            listener(tuple(self._changes))

    def note(self, change: Change) -> None:
        """Tell the listeners of a change, if its transaction is committed."""
        if self.listeners:
            self._changes.append(change)

    def _roll_back(self) -> None:
        # After some errors (a full disk) SQLite has done so itself.
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")

    @contextmanager
    def all_or_nothing(self) -> Iterator[None]:
        """Undo what was written in this context if anything in it is refused."""
        self._db.execute("SAVEPOINT part")
        noted = len(self._changes)
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK TO part")
            del self._changes[noted:]
            raise
        finally:
            self._db.execute("RELEASE part")

    def after_fork(self) -> None:
        """Part from the parent process: called in the child, which has one thread then.

        SQLite forbids a connection on both sides of a fork, so the child opens the file again.
        A bank in memory goes on with the copy that it got.
        """
        self._lock = threading.RLock()
        self._depth = 0
        self.listeners.clear()  # their threads are the parent's
        self._changes.clear()
        if not self.in_memory:
            self._closing.detach()
            self._inherited.append(self._db)  # kept: closing it would drop the parent's locks
            self._stale = True
        elif self._db.in_transaction:
            self._db.execute("ROLLBACK")

    def snapshot(self) -> bytes | None:
        """Return all that is in memory, for :meth:`restore`; None for a file."""
        with self._lock:
            return self._db.serialize() if self.in_memory else None

    def restore(self, state: bytes) -> None:
        """Return to the state of a :meth:`snapshot`."""
        with self._lock:
            self._db.deserialize(state)

    # -- Statements --------------------------------------------------------------------------

    def execute(self, sql: str, values: Sequence[object] = ()) -> int:
        """Run one statement inside :meth:`writing` and return how many rows it changed."""
        return self._db.execute(sql, values).rowcount

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[sqlite3.Row]:
        """Return all rows of a query."""
        return self._db.execute(sql, values).fetchall()

    def row(self, sql: str, values: Sequence[object] = ()) -> sqlite3.Row | None:
        """Return the first row of a query, or None."""
        found: sqlite3.Row | None = self._db.execute(sql, values).fetchone()
        return found

    def value(self, sql: str, values: Sequence[object] = ()) -> Any:
        """Return the first column of the first row, or None."""
        row = self.row(sql, values)
        return None if row is None else row[0]

    def insert(self, table: str, values: dict[str, object]) -> None:
        """Insert one row; the names of table and columns are ours, never a caller's."""
        self._db.execute(_insert(table, tuple(values)), tuple(values.values()))

    # -- Names and numbers -------------------------------------------------------------------

    def next_id(self, name: str) -> str:
        """Return the next id of a kind; none is ever given twice."""
        self._db.execute("UPDATE counters SET value = value + 1 WHERE name = ?", (name,))
        return str(self.value("SELECT value FROM counters WHERE name = ?", (name,)))

    def get(self, name: str, default: str = "") -> str:
        """Return a named setting of the bank."""
        value = self.value("SELECT value FROM meta WHERE name = ?", (name,))
        return default if value is None else str(value)

    def put(self, name: str, value: str) -> None:
        """Set a named setting of the bank."""
        self._db.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (name, value))


_stores: weakref.WeakSet[Store] = weakref.WeakSet()


def _part_from_parent() -> None:
    for store in list(_stores):
        store.after_fork()


if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork either
    os.register_at_fork(after_in_child=_part_from_parent)


def _close(db: sqlite3.Connection, pid: int) -> None:
    if os.getpid() == pid:
        db.close()


@functools.cache
def _insert(table: str, columns: tuple[str, ...]) -> str:
    marks = ", ".join("?" * len(columns))
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608


class HasStore(Protocol):
    """Whatever keeps its state in a store."""

    @property
    def store(self) -> Store: ...


S = TypeVar("S", bound=HasStore)


def writes(verb: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """Make a method one transaction that may write."""

    @functools.wraps(verb)
    def method(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with self.store.writing():
            return verb(self, *args, **kwargs)

    return method


def reads(verb: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """Make a method one transaction that reads."""

    @functools.wraps(verb)
    def method(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with self.store.reading():
            return verb(self, *args, **kwargs)

    return method
