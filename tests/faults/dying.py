"""A process that dies, stops or fails at a point: a statement that writes, a commit, a claim."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from threading import Lock
from typing import Any

from django.db import OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from django_dinero.models.operation import MONEY_KINDS, Operation, OperationState
from tests.faults import waking
from tests.faults.plan import Share
from tests.faults.points import PAYMENT, VAULT, When, statement_of

#: What the database says when it fails as planned.
FAILED = "the fault run's database fails here"


class Mortal:
    """Counts writing statements, commits and claims; kills, stops or fails at the planned one.

    Args:
        share: the process's plan.
        tell: tells of the kill.
    """

    def __init__(self, share: Share, tell: Callable[..., None]) -> None:
        self.share = share
        self.tell = tell
        self.count = 0
        self._passed: Counter[tuple[When, str]] = Counter()
        self._lock = Lock()

    def watch(self) -> None:
        """Watch every connection of this process, in whatever thread it is opened."""
        for connection in connections.all(initialized_only=True):
            self._watch(connection)
        connection_created.connect(self._opened, weak=False)

    def _opened(self, connection: BaseDatabaseWrapper, **_signal: object) -> None:
        self._watch(connection)

    def _watch(self, connection: BaseDatabaseWrapper) -> None:
        if self in connection.execute_wrappers:
            return
        connection.execute_wrappers.append(self)
        commit = connection.commit

        def reached() -> None:
            self._reach(When.before_commit, "COMMIT")
            self._fail("COMMIT")
            commit()
            self._reach(When.after_commit, "COMMIT")

        connection.commit = reached  # type: ignore[method-assign]

    def __call__(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        """Run a statement, or die before it."""
        statement = statement_of(sql)
        if statement:
            with self._lock:
                self.count += 1
                count = self.count
            if self.share.dies(When.before_write, count):
                self._die(When.before_write, statement)
            self._reach(When.before_write, statement)
            self._fail(statement)
        return execute(sql, params, many, context)

    def claimed(self, operation: Operation, new_state: str, **_signal: object) -> None:
        """Stop where an operation may be sent from now on, as a receiver of its changes.

        Not in a transaction: others would wait for the rows that it has locked.
        """
        if new_state != OperationState.SENT or _in_transaction():
            return
        what = PAYMENT if operation.kind in MONEY_KINDS else VAULT
        if self._is_reached(When.claimed, what):
            self.tell("stop", when=When.claimed, where=what, key=operation.key)
            os.kill(os.getpid(), signal.SIGSTOP)
            # In a thread, which goes on before the main one has heard of the signal.
            waking.jump()

    def _reach(self, when: When, what: str) -> None:
        if self._is_reached(when, what):
            self._die(when, what)

    def _fail(self, what: str) -> None:
        if self._is_reached(When.failing, what):
            self.tell("fail", when=When.failing, where=what)
            raise OperationalError(FAILED)

    def _is_reached(self, when: When, what: str) -> bool:
        with self._lock:
            self._passed[when, what] += 1
            return self.share.dies(when, self._passed[when, what], what)

    def _die(self, when: When, what: str) -> None:
        # Verb and table of a statement. The values are not in it, they are parameters.
        self.tell("kill", write=self.count, when=when, where=what)
        os.kill(os.getpid(), signal.SIGKILL)


def _in_transaction() -> bool:
    with suppress(Exception):
        return any(c.in_atomic_block for c in connections.all(initialized_only=True))
    return True
