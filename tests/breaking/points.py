"""Where a process may die: before each statement and commit, before and after each call."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from django.db import connections

from django_dinero.db import on_commit
from tests.support.recording import RecordingGateway


class Died(BaseException):
    """The process is gone. Nothing that it does afterwards, in a ``finally`` say, has an effect."""


class Points:
    """Counts the points that are passed, and dies at one.

    Args:
        at: the number of the point to die at, from 1; None to count only.
        meanwhile: what another process does whole at that point.
    """

    def __init__(self, at: int | None = None, meanwhile: Callable[[], None] | None = None) -> None:
        self.at = at
        self.passed: list[str] = []
        self.is_dead = False
        self._meanwhile = meanwhile
        self._thread = threading.get_ident()

    def reach(self, name: str) -> None:
        """Pass a point, or die at it."""
        if self.is_dead:
            raise Died
        self.passed.append(name)
        if len(self.passed) != self.at:
            return
        # Before its commit a block of Django's does not count as open any more.
        if name != "COMMIT" and not any(connections[a].in_atomic_block for a in connections):
            self.let_others_act()
        self.is_dead = True
        raise Died

    def let_others_act(self) -> None:
        """Let the other process do what it does, once.

        In an open transaction of ours it would wait for rows that are locked, until we are gone.
        """
        meanwhile, self._meanwhile = self._meanwhile, None
        if meanwhile is not None:
            meanwhile()

    @contextmanager
    def watching(self, gateway: RecordingGateway) -> Iterator[None]:
        """Count the points of what is done in this block by this thread."""
        with ExitStack() as stack:
            for alias in connections:
                _warm_up(connections[alias])
                stack.enter_context(connections[alias].execute_wrapper(self._statement))
                stack.enter_context(self._commits(alias))
            gateway.around = self._call
            try:
                yield
            finally:
                gateway.around = None

    def _statement(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        self.reach(_shortened(sql))
        return execute(sql, params, many, context)

    @contextmanager
    def _commits(self, alias: str) -> Iterator[None]:
        connection = connections[alias]
        commit = connection.commit

        def reached() -> None:
            try:
                self.reach("COMMIT")
            except Died:
                # Django would turn autocommit on again, which commits on SQLite.
                connection.rollback()
                raise
            commit()
            self.reach("after COMMIT")

        connection.commit = reached  # type: ignore[method-assign]
        try:
            yield
        finally:
            del connection.commit

    def _call(self, verb: str, call: Callable[[], Any]) -> Any:
        if threading.get_ident() != self._thread:
            return call()
        self.reach(f"before {verb}")
        answer = call()
        self.reach(f"after {verb}")
        return answer


def _warm_up(connection: Any) -> None:
    """Let a connection ask now what it asks once, so that each run has the same points."""
    connection.ensure_connection()
    if connection.vendor == "mysql":
        assert connection.mysql_server_data
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")


def bury() -> None:
    """Take away what a dead process would not have left in memory."""
    for alias in connections:
        connection = connections[alias]
        assert not connection.in_atomic_block, "a transaction was left open"
        connection.run_on_commit.clear()
    on_commit._waiting.blocks.clear()
    on_commit._waiting.batches.clear()


def _shortened(sql: str) -> str:
    """Return verb and table of a statement, for a person."""
    plain = sql.replace('"', "").replace("`", "")
    found = re.match(r"(\w+)(?:.*?\b(?:FROM|INTO|UPDATE)\s+(\w+))?", plain, re.DOTALL)
    if plain.startswith("UPDATE"):
        found = re.match(r"(UPDATE) (\w+)", plain)
    return " ".join(part for part in (found.groups() if found else (plain[:30],)) if part)
