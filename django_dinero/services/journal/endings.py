"""Writing how an operation ended, together with the rows that follow from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from django.db import Error, connections, router, transaction

from django_dinero import logs
from django_dinero.db.failures import (
    is_conflict,
    is_conflict_or_dead_link,
    retry_on_conflict,
    unrecorded,
)
from django_dinero.exceptions import DineroError
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
        OutcomeUnknown: the database failed, or what a project does while rows are written; the log
            has the operation's key and the gateway's id.
    """
    own_connection = has_own_connection(operation)
    together = None if own_connection else write
    old, written, failure = _end(
        operation, state, outcome, columns, together, is_conflict_or_dead_link, also
    )
    if own_connection and failure is None:
        try:
            written.append(write())
        except Exception as error:
            failure = error
    if failure is not None:
        log_unrecorded(operation, state, outcome, failure)
    if old:
        announce(operation, old)
    if failure is None:
        return written[0]
    raise unrecorded(operation)


def _end(
    operation: Operation,
    state: OperationState,
    outcome: RecordedOutcome,
    columns: dict[str, Any],
    write: Callable[[], ResultT] | None,
    may_pass: Callable[[BaseException], bool],
    also: Callable[[], object] | None = None,
) -> tuple[str, list[ResultT], Exception | None]:
    """Write how an operation ended, and rows with it, in one transaction.

    Args:
        write: writes the rows; None if they are written elsewhere.
        may_pass: says which errors may pass by themselves.

    Returns:
        The state that it was ended from; what ``write`` returned; and why none of it was written,
        None if it was.

    Raises:
        OutcomeUnknown: the database cannot be asked whether it was.
    """
    stood = operation.state, operation.outcome
    old, written, is_complete = "", list[ResultT](), False

    def end() -> None:
        nonlocal old, is_complete
        # Undo what a rolled-back attempt left on the instance.
        operation.state, operation.outcome = stood
        written.clear()
        is_complete = False
        # Only at the commit do PostgreSQL and SQLite tell of a foreign key whose row has gone.
        with transaction.atomic(using=operation.written_on):
            old = change_to_end(operation, state, with_outcome(columns, outcome))
            if also is not None:
                also()
            if write is not None:
                written.append(write())
            is_complete = True

    failure: Exception | None = None
    try:
        retry_on_conflict(end, operation.written_on, may_pass)
    except Exception as error:  # of the database, or of a project's own receivers and hooks
        failure = error
    if failure is None:
        return old, written, None
    # Rolled back: the instance must not say more than the row, or nobody looks it up.
    operation.state, operation.outcome = stood
    if is_complete and _is_committed(operation, state, outcome, failure):
        return old, written, None
    with suppress(Error):
        operation.refresh_from_db()
    return "", [], failure


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
    """Tell the log, and the caller, of an answer that was not recorded.

    What a project's hook raises right after the commit is raised as it is: it is recorded then.

    Raises:
        OutcomeUnknown: as for :func:`end_operation`.
    """
    failure: Exception | None = None
    try:
        yield
    except DineroError:
        raise  # somebody else has ended it, and this says how
    except Exception as error:  # of the database, or of a project's own receivers and hooks
        failure = error
    if failure is None:
        return
    if not has_own_connection(operation) and _is_committed(operation, state, outcome, failure):
        raise failure
    log_unrecorded(operation, state, outcome, failure)
    with suppress(Error):
        operation.refresh_from_db()
    raise unrecorded(operation) from failure


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
    if has_own_connection(operation) or connections[operation.written_on].in_atomic_block:
        return None
    old, written, failure = _end(operation, state, outcome, columns, write, is_conflict)
    if failure is not None:
        name, fields = type(failure).__name__, logs.fields_of(operation)
        logger.info("Operation %s: %s; looking first", operation.key, name, extra=fields)
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
        name, fields = type(error).__name__, logs.fields_of(operation)
        logger.error("After operation %s was recorded: %s", operation.key, name, extra=fields)
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
