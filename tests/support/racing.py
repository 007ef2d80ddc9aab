"""Things that are done at the same moment, by threads with connections of their own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, connections

from django_dinero.exceptions import DineroError


def at_once(*calls: Callable[[], object]) -> list[object]:
    """Do things at the same moment; return results and refusals, in no order.

    Whatever else one of them raises is raised here.
    """
    start, found = threading.Barrier(len(calls)), list[object]()
    errors: list[BaseException] = []

    def work(call: Callable[[], object]) -> None:
        try:
            start.wait()
            found.append(call())
        except DineroError as error:
            found.append(error.code)
        except BaseException as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return found


class Turns:
    """Workers that find something taken, and wait until whoever has it is let go on.

    Args:
        patience: seconds after which a worker that does not come so far fails the test.
    """

    def __init__(self, patience: float = 30.0) -> None:
        self._patience = patience
        self._go_on = threading.Event()
        self._threads: list[threading.Thread] = []
        self._errors: list[BaseException] = []

    def hold(self, call: Callable[[], Any]) -> Any:
        """A fault of a gateway: whoever makes this call stops in it until :meth:`go_on`."""
        self._reached.set()
        assert self._go_on.wait(self._patience), "nobody said go on"
        return call()

    def stops_in_the_call(self, work: Callable[[], object]) -> None:
        """Start a worker, and return once it has come to :meth:`hold`."""
        self._reached = threading.Event()
        self._start(work)
        assert self._reached.wait(self._patience), "the worker made no call"

    def waits(self, work: Callable[[], object]) -> None:
        """Start a worker, and return once it has tried to write an operation."""
        tried = threading.Event()

        def watch(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            try:
                return execute(sql, params, many, context)
            finally:
                if sql.startswith("INSERT INTO") and "dinero_operation" in sql:
                    tried.set()

        def watched() -> None:
            with connection.execute_wrapper(watch):
                work()

        self._start(watched)
        assert tried.wait(self._patience), "the worker wrote no operation"

    def _start(self, work: Callable[[], object]) -> None:
        def run() -> None:
            try:
                work()
            except BaseException as error:
                self._errors.append(error)
            finally:
                connection.close()

        thread = threading.Thread(target=run)
        thread.start()
        self._threads.append(thread)

    def go_on(self) -> None:
        """Let the held call happen, wait for all workers, and raise what one of them met."""
        self._go_on.set()
        for thread in self._threads:
            thread.join()
        if self._errors:
            raise self._errors[0]


@contextmanager
def turns() -> Iterator[Turns]:
    """Give :class:`Turns` whose workers have ended when the block is left."""
    made = Turns()
    try:
        yield made
    finally:
        made.go_on()


@contextmanager
def before_statement(
    start: str, *acts: Callable[[], object], about: str = "", using: str = "default"
) -> Iterator[None]:
    """Do something on the same connection right before the first statement that starts so.

    Another worker comes between two lines of ours, and both lines run as they are.

    Args:
        start: how the statement begins, without the quotes that databases put around names.
        acts: what is done before the first such statement, before the second, and so on. One that
            raises a database error stands for a statement that fails.
        about: what the statement has to name, such as a table.
    """
    left, acting = list(acts), False

    def watch(
        execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]
    ) -> Any:
        nonlocal acting
        if left and not acting and unquoted(sql).startswith(start) and about in sql:
            acting = True
            try:
                left.pop(0)()
            finally:
                acting = False
        return execute(sql, params, many, context)

    with connections[using].execute_wrapper(watch):
        yield
    assert not left, f"{len(left)} more statements should start with {start!r}"


@contextmanager
def failing_statements(start: str, error: Exception, using: str = "default") -> Iterator[None]:
    """Let each statement that starts so fail, as on a database that has gone."""
    failed = False

    def watch(
        execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]
    ) -> Any:
        nonlocal failed
        if unquoted(sql).startswith(start):
            failed = True
            raise error
        return execute(sql, params, many, context)

    with connections[using].execute_wrapper(watch):
        yield
    assert failed, f"no statement starts with {start!r}"


def unquoted(sql: str) -> str:
    """Return a statement without quotes."""
    return sql.replace('"', "").replace("`", "")
