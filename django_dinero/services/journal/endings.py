"""Writing how an operation ended, together with the rows that follow from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from django.db import Error, connections, router, transaction

from django_dinero import logs
from django_dinero.db.failures import is_conflict_or_dead_link, retry_on_conflict, unrecorded
from django_dinero.logs import get_logger
from django_dinero.models.operation import Operation, OperationState
from django_dinero.models.records import RecordedOutcome
from django_dinero.services.journal.states import announce, change_to_end, with_outcome

logger = get_logger("django_dinero.journal")

ResultT = TypeVar("ResultT")


def end_operation(
    operation: Operation,
    state: OperationState,
    outcome: RecordedOutcome,
    write: Callable[[], ResultT],
    *,
    also: Callable[[], object] | None = None,
    **columns: Any,
) -> ResultT:
    """Write how an operation ended, and with it the rows that follow from it.

    Args:
        write: writes the rows.
        also: writes into the journal, in the transaction that ends the operation.
        **columns: more that is written into the operation.

    Where the journal has a connection of its own, the operation is committed first: it outlives a
    rollback of the caller, and the rows can be written again from it. Receivers hear of it after
    the commit: a database error of theirs must not take it back.

    Raises:
        OutcomeUnknown: the database failed; the log has the operation's key and the gateway's id.
    """
    values = with_outcome(columns, outcome)
    own_connection = has_own_connection(operation)
    stood = operation.state, operation.outcome
    old, failed = "", False

    def end() -> tuple[str, list[ResultT]]:
        # Undo what a rolled-back attempt left on the instance.
        operation.state, operation.outcome = stood
        with transaction.atomic(using=operation.written_on):
            ended = change_to_end(operation, state, values)
            if also is not None:
                also()
            return ended, [] if own_connection else [write()]

    try:
        old, written = retry_on_conflict(end, operation.written_on, is_conflict_or_dead_link)
        rows = write() if own_connection else written[0]
    except Exception as error:  # of the database, or of a project's own receivers and hooks
        failed = True
        log_unrecorded(operation, state, outcome, error)
    if failed and not old:
        # Rolled back: the instance must not say more than the row, or nobody looks it up.
        operation.state, operation.outcome = stood
        with suppress(Error):
            operation.refresh_from_db()
    if old:
        announce(operation, old)
    if not failed:
        return rows
    raise unrecorded(operation)


def end_operation_in_transaction(
    operation: Operation, state: OperationState, outcome: RecordedOutcome, **columns: Any
) -> None:
    """Write how an operation ended, in the transaction that writes its rows.

    Errors of the database are raised as they are. Whoever has opened the transaction repeats it,
    inside :func:`told_if_unrecorded` for the case that it cannot be recorded.
    """
    if operation.ended_from:  # by an attempt that was rolled back
        operation.refresh_from_db()
    old = change_to_end(operation, state, with_outcome(columns, outcome))
    if old:
        announce(operation, old)


def write_together(
    operation: Operation, change: Callable[[], object], write: Callable[[], ResultT]
) -> ResultT:
    """Change operations, and write the rows that follow from that, in one transaction.

    Where the journal has a connection of its own, the change is committed first, as by
    :func:`end_operation`.
    Errors of the database are raised as they are.

    Args:
        operation: the operation whose connection is used.
        change: changes it, and perhaps other operations.
        write: writes the rows.
    """
    own_connection = has_own_connection(operation)

    def both() -> list[ResultT]:
        with transaction.atomic(using=operation.written_on):
            change()
            return [] if own_connection else [write()]

    written = retry_on_conflict(both, operation.written_on, is_conflict_or_dead_link)
    return written[0] if written else write()


@contextmanager
def told_if_unrecorded(
    operation: Operation, state: OperationState, outcome: RecordedOutcome
) -> Iterator[None]:
    """Tell the log, and the caller, of an answer that a failing database did not take.

    Raises:
        OutcomeUnknown: as for :func:`end_operation`.
    """
    try:
        yield
    except Error as error:
        log_unrecorded(operation, state, outcome, error)
        with suppress(Error):
            operation.refresh_from_db()
        raise unrecorded(operation) from error


def try_to_end_operation(
    operation: Operation,
    state: OperationState,
    outcome: RecordedOutcome,
    write: Callable[[], ResultT],
    **columns: Any,
) -> tuple[ResultT] | None:
    """As :func:`end_operation`, where the database's constraints say whether ``write`` may.

    Returns:
        What ``write`` returned. None where the database objected, or would do so only at the
        caller's commit. Then nothing was written: the caller looks at what is in the way, and ends
        the operation after that.

    Raises:
        OutcomeUnknown: as for :func:`end_operation`.
    """
    using = operation.written_on
    if has_own_connection(operation) or connections[using].in_atomic_block:
        return None
    stood = operation.state, operation.outcome
    old, written = "", list[ResultT]()
    objected: Exception | None = None

    def end() -> None:
        nonlocal old
        # Undo what a rolled-back attempt left on the instance.
        operation.state, operation.outcome = stood
        written.clear()
        # Only at the commit do PostgreSQL and SQLite tell of a foreign key whose row has gone.
        with transaction.atomic(using=using):
            old = change_to_end(operation, state, with_outcome(columns, outcome))
            written.append(write())

    try:
        retry_on_conflict(end, using)
    except Exception as error:  # of the database, or of a project's own receivers and hooks
        objected = error
    if objected is not None:
        committed = _is_committed(operation, state, outcome, objected)
        if not committed or not written:
            return None
    if old:
        announce(operation, old)
    return (written[0],)


def _is_committed(
    operation: Operation, state: OperationState, outcome: RecordedOutcome, error: Exception
) -> bool:
    """Read the row again after an error; say whether it was committed all the same.

    A hook of the project's that runs right after the commit may have raised.
    """
    failed = False
    try:
        operation.refresh_from_db()
    except Error as broken:
        failed = True
        log_unrecorded(operation, state, outcome, broken)
    if failed:
        raise unrecorded(operation)
    committed = operation.state == state and operation.outcome == outcome.to_json()
    if committed:
        level, text = logs.ERROR, "After operation %s was recorded: %s"
    else:
        level, text = logs.INFO, "Operation %s: %s; looking first"
    fields = logs.fields_of(operation)
    logger.log(level, text, operation.key, type(error).__name__, extra=fields)
    return committed


def has_own_connection(operation: Operation) -> bool:
    """Say whether the operation is written on another connection than the rows."""
    return operation.written_on != router.db_for_write(Operation)


def log_unrecorded(
    operation: Operation, state: OperationState, outcome: RecordedOutcome, error: Exception
) -> None:
    """Log an end that the database could not record, with enough to find it at the gateway."""
    logger.critical(
        "Operation %s ended as %s at %s (transaction %s), and the database could not record it: %s",
        operation.key,
        state,
        operation.gateway_name,
        outcome.transaction_id or outcome.customer_id or "-",
        type(error).__name__,
        extra=_fields(operation, outcome, state),
    )


def log_unwritten(operation: Operation, outcome: RecordedOutcome) -> None:
    """Tell the log of an answer that comes after the operation was left to a person."""
    logger.critical(
        "Operation %s is %s at %s, and the gateway answered: %s (transaction %s)",
        operation.key,
        operation.state,
        operation.gateway_name,
        outcome.result,
        outcome.transaction_id or "-",
        extra=_fields(operation, outcome, operation.state),
    )


def _fields(operation: Operation, outcome: RecordedOutcome, state: str) -> dict[str, object]:
    fields = {**logs.fields_of(operation), "dinero_state": str(state)}
    if outcome.transaction_id:
        fields["dinero_transaction"] = outcome.transaction_id
    return fields
