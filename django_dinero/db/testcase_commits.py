"""Simulated commits inside a ``TestCase``, whose transaction is never committed.

The outermost block inside it counts as the transaction: jobs run when that block is left.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from django_dinero.db.transactions import foreign_blocks

Job = Callable[[], None]

#: Stands for the savepoint of a block that has none (QuerySet.delete() opens one), so that the end
#: of the block can be noticed. It is never sent to the database.
STAND_IN_SAVEPOINT = "django_dinero"


def run_at_end_of_outermost_block(using: str, callback: Job) -> None:
    """Run ``callback`` when the outermost block inside the TestCase's own is left.

    Until then the callback is one of Django's on_commit hooks, so that a rollback to a savepoint
    drops it as in production.
    """
    connection = connections[using]
    own = len(connection.atomic_blocks) - len(foreign_blocks(using))
    if len(connection.savepoint_ids) < own:
        callback()
        return
    position = own - 1
    outermost = connection.savepoint_ids[position] or STAND_IN_SAVEPOINT
    connection.savepoint_ids[position] = outermost
    hook = partial(_run_hook, connection, callback)
    entry: Any = (set(connection.savepoint_ids), hook, False)
    connection.run_on_commit.append(entry)
    _watch_savepoint(connection, outermost)


def _run_hook(connection: BaseDatabaseWrapper, callback: Job) -> None:
    callback()


def _watch_savepoint(connection: BaseDatabaseWrapper, outermost: str) -> None:
    """Run our callbacks when the block of this savepoint is left."""
    database = type(connection)

    def savepoint_commit(sid: str) -> None:
        if sid != STAND_IN_SAVEPOINT:
            database.savepoint_commit(connection, sid)
        if sid == outermost:
            del connection.savepoint_commit, connection.savepoint_rollback
            _run_our_hooks(connection)

    def savepoint_rollback(sid: str) -> None:
        if sid != STAND_IN_SAVEPOINT:
            database.savepoint_rollback(connection, sid)
            return
        # As Django does for a block without a savepoint: the next block outside is rolled back.
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
