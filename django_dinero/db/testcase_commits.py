"""Commits inside a ``TestCase``, whose transaction is never committed.

The outermost block inside it is taken for the transaction: jobs run when that block is left.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from django_dinero.db.transactions import foreign_blocks

Job = Callable[[], None]

#: In the place of a savepoint where a block has none (QuerySet.delete() opens such a one), so that
#: its end can be seen. The database never hears of it.
STAND_IN = "django_dinero"


def at_end_of_outermost_block(using: str, callback: Job) -> None:
    """Run ``callback`` when the outermost block inside the TestCase's own is left.

    The callback sits among Django's on_commit hooks until then, so that a rollback to a savepoint
    drops it as it would in production.
    """
    connection = connections[using]
    own = len(connection.atomic_blocks) - len(foreign_blocks(using))
    if len(connection.savepoint_ids) < own:
        callback()
        return
    position = own - 1
    outermost = connection.savepoint_ids[position] or STAND_IN
    connection.savepoint_ids[position] = outermost
    hook = partial(_run_hook, connection, callback)
    entry: Any = (set(connection.savepoint_ids), hook, False)
    connection.run_on_commit.append(entry)
    _watch_savepoint(connection, outermost)


def _run_hook(connection: BaseDatabaseWrapper, callback: Job) -> None:
    callback()


def _watch_savepoint(connection: BaseDatabaseWrapper, outermost: str) -> None:
    """Run our hooks when the block of this savepoint is left."""
    database = type(connection)

    def savepoint_commit(sid: str) -> None:
        if sid != STAND_IN:
            database.savepoint_commit(connection, sid)
        if sid == outermost:
            del connection.savepoint_commit, connection.savepoint_rollback
            _run_our_hooks(connection)

    def savepoint_rollback(sid: str) -> None:
        if sid != STAND_IN:
            database.savepoint_rollback(connection, sid)
            return
        # As Django does it for a block without a savepoint: the next one outside is rolled back.
        connection.needs_rollback = True
        entries = connection.run_on_commit
        connection.run_on_commit = [entry for entry in entries if sid not in entry[0]]

    connection.savepoint_commit = savepoint_commit  # type: ignore[method-assign]
    connection.savepoint_rollback = savepoint_rollback  # type: ignore[method-assign]


def _run_our_hooks(connection: BaseDatabaseWrapper) -> None:
    entries = connection.run_on_commit
    connection.run_on_commit = [entry for entry in entries if not _is_ours(entry[1])]
    for entry in entries:
        if _is_ours(entry[1]):
            entry[1]()


def _is_ours(hook: object) -> bool:
    return isinstance(hook, partial) and hook.func is _run_hook
