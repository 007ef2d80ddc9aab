"""The state of an operation, and what is recorded of it.

Every change of state is a compare-and-set with the old state in its WHERE, so that a worker, a
look-up, a webhook and a run of reconcile may race. Times are the database's own, in UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from django.db import connections, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from django_dinero import logs, signals
from django_dinero.db.failures import retry_on_conflict
from django_dinero.db.fields import UtcNow
from django_dinero.db.json import WithoutKeys
from django_dinero.db.on_commit import when_committed
from django_dinero.db.queries import only_row
from django_dinero.db.transactions import is_open, locked
from django_dinero.exceptions import OperationInProgress
from django_dinero.logs import get_logger
from django_dinero.models.operation import (
    BEING_SENT,
    LOCKING_STATES,
    MONEY_KINDS,
    TRANSITIONS,
    UNDECIDED_STATES,
    Operation,
    OperationState,
)
from django_dinero.models.records import Intent, RecordedOutcome

logger = get_logger("django_dinero.journal")

State = OperationState

#: States in which money may have moved without a ledger row. The log has to tell of them: the
#: exception may reach a caller that is not there any more.
WAITING_FOR_SOMEBODY = frozenset({State.UNKNOWN, State.NEEDS_ATTENTION})
#: States that an operation may leave after it was marked as an orphan.
MAY_BE_MARKED = (*UNDECIDED_STATES, State.NEEDS_ATTENTION)


def move(
    operation: Operation,
    state: OperationState,
    outcome: RecordedOutcome | None = None,
    **columns: Any,
) -> bool:
    """Change the state by compare-and-set; return whether this caller won.

    The instance is up to date afterwards either way. ``outcome`` and ``columns`` are written with
    it, by the winner.
    """
    old = operation.state
    won = _compare_and_set(operation, state, with_outcome(columns, outcome))
    if won:
        announce(operation, old)
    return won


def end(operation: Operation, state: OperationState, outcome: RecordedOutcome) -> None:
    """As :func:`move`, also from a state that a look-up has given the operation meanwhile."""
    old = change_to_end(operation, state, with_outcome({}, outcome))
    if old:
        announce(operation, old)


def change_to_end(operation: Operation, state: OperationState, values: dict[str, Any]) -> str:
    """Bring an operation to an end from whatever state it is in by now; tell nobody of it.

    A look-up or a webhook may have changed the state since the instance was read. Whoever loses a
    compare-and-set reads the row again, and tries from the newer state if that may still come to
    this end. Some states stay although the table of transitions would allow more: what was left
    to a person meanwhile, the gateway's own refusal, and a failed operation of the vault.

    Args:
        values: what is written with the state.

    Returns:
        The state that this caller ended it from, also in ``operation.ended_from``. Empty if the
        end of somebody else stays; the instance is up to date with that.
    """
    operation.ended_from = ""
    began = operation.state
    # The loop ends: no change of state leads back.
    while state in TRANSITIONS.get(operation.state, frozenset()):
        old = operation.state
        if old == State.NEEDS_ATTENTION != began:
            break  # a late answer takes nothing away that a look-up has left to a person
        if old == State.FAILED and (operation.has_result or operation.kind not in MONEY_KINDS):
            break  # the gateway's own refusal stays, and so does what was not stored
        if _compare_and_set(operation, state, values):
            operation.ended_from = old
            return old
    return ""


def _compare_and_set(operation: Operation, state: OperationState, values: dict[str, Any]) -> bool:
    old = operation.state
    if state not in TRANSITIONS.get(old, frozenset()):
        return False
    if state not in LOCKING_STATES:
        values = {**values, "held_lock": None}
    using = operation.written_on
    rows = operation.stored_row(using).filter(state=old)
    if state == State.SENT and operation.held_lock:
        # A delete stays NEW when its lock is taken from a worker that was silent for too long.
        rows = rows.filter(held_lock=operation.held_lock)
    values = {**values, "state": state.value, "updated_at": UtcNow()}
    write = partial(rows.update, **values)
    if "outcome" in values and old in MAY_BE_MARKED:
        write = partial(_update_but_marks, rows, values, using)
    won = bool(retry_on_conflict(write, using))
    if won:
        take_over(operation, values)
    else:
        _read_newest(operation, using)
    return won


def _update_but_marks(rows: QuerySet[Operation], values: dict[str, Any], using: str) -> int:
    """Write values into an operation; the marks of its outcome stay as the row has them now."""
    with transaction.atomic(using=using):
        stored = _locked_outcome(rows, using)
        if stored is None:
            return 0
        values["outcome"] = RecordedOutcome.from_json(values["outcome"]).marked_as(stored).to_json()
        return rows.update(**values)


def _read_newest(operation: Operation, using: str) -> None:
    """Bring an operation up to date with what stood in the way of its change.

    In the caller's transaction MariaDB reads from a snapshot, which may be older than that.
    """
    rows = Operation.objects.using(using)
    operation.refresh_from_db(from_queryset=locked(rows, using) if is_open(using) else rows)


def take_over(operation: Operation, written: Mapping[str, Any]) -> None:
    """Set the written values on the instance. Times of the database's clock are deferred."""
    for name, value in written.items():
        setattr(operation, name, value)
        if hasattr(value, "resolve_expression"):
            delattr(operation, name)  # Django's way to defer a field


def with_outcome(columns: dict[str, Any], outcome: RecordedOutcome | None) -> dict[str, Any]:
    return columns if outcome is None else {**columns, "outcome": outcome.to_json()}


def announce(operation: Operation, old: str) -> None:
    """Tell the log and receivers of a change of state, once it is committed.

    Inside a transaction the change may still be rolled back, and a receiver's error in the database
    would take it along. What waits for somebody is logged at once: it has happened at the gateway.
    """
    if operation.state in WAITING_FOR_SOMEBODY:
        _warn(operation)
    if not signals.operation_changed.receivers and not logger.isEnabledFor(logs.INFO):
        return
    tell = partial(_tell, operation, old, operation.state)
    if connections[operation.written_on].in_atomic_block:
        when_committed(operation.written_on, tell)
    else:
        tell()


def _warn(operation: Operation) -> None:
    outcome = RecordedOutcome.of(operation)
    logger.warning(
        "Operation %s (%s at %s) is %s: %s",
        operation.key,
        operation.kind,
        operation.gateway_name,
        operation.state,
        outcome.error or outcome.gateway_text or "-",
        extra=logs.fields_of(operation),
    )


def _tell(operation: Operation, old: str, new: str) -> None:
    # The instance may have gone on meanwhile: both states are those of the change.
    if new not in WAITING_FOR_SOMEBODY:
        logger.info(
            "Operation %s (%s at %s) was %s and is %s",
            operation.key,
            operation.kind,
            operation.gateway_name,
            old,
            new,
            extra={**logs.fields_of(operation), "dinero_state": str(new)},
        )
    signals.send(
        signals.operation_changed, Operation, operation=operation, old_state=old, new_state=new
    )


def change_outcome(
    operation: Operation,
    change: Callable[[RecordedOutcome], RecordedOutcome | None],
    *,
    in_state: str = "",
    **columns: Any,
) -> bool:
    """Change what is recorded of an operation, as its row has it now, and leave its state.

    The row is locked meanwhile, so that nothing is lost which another process records.

    Args:
        change: returns the new outcome; None if there is nothing to change.
        in_state: the state that it must be in; any if it is empty.
        **columns: more that is written.

    Returns:
        Whether it was changed. The outcome of the instance is up to date, unless the state has
        changed.
    """
    using = operation.written_on
    rows = operation.stored_row(using)
    if in_state:
        rows = rows.filter(state=in_state)

    def write() -> bool:
        with transaction.atomic(using=using):
            stored = _locked_outcome(rows, using)
            new = None if stored is None else change(stored)
            if new is not None:
                rows.update(outcome=new.to_json(), **columns)
        found = new or stored
        if found is not None:
            operation.outcome = found.to_json()
        return new is not None

    return retry_on_conflict(write, using)


def change_intent(operation: Operation, **values: Any) -> None:
    """Change what a written operation was to do, as its row has it now."""
    using = operation.written_on
    rows = operation.stored_row(using)

    def write() -> None:
        with transaction.atomic(using=using):
            stored = only_row(locked(rows.only("intent"), using))
            if stored is not None:
                rows.update(intent=replace(Intent.of(stored), **values).to_json())

    retry_on_conflict(write, using)


def note_committed(pks: Sequence[int], using: str) -> None:
    """Note of operations whose rows were seen that no rollback can take these any more.

    A row that another connection sees was committed, by the caller or by whoever wrote it again.

    Args:
        pks: those of which the rows were seen, as many as a statement may bind.
        using: the connection on which they are changed.
    """
    rows = Operation._base_manager.using(using).filter(pk__in=pks)
    # Not before their leases are over: a database may show what is not committed yet, too.
    seen = rows.filter(lease_until__lt=UtcNow(), intent__has_key="in_transaction")
    note = partial(seen.update, intent=WithoutKeys("intent", "in_transaction"))
    retry_on_conflict(note, using)


def _locked_outcome(rows: QuerySet[Operation], using: str) -> RecordedOutcome | None:
    found = only_row(locked(rows.only("outcome"), using))
    return None if found is None else RecordedOutcome.of(found)


def is_locked(lock_name: str) -> bool:
    """Say whether an open operation holds a lock."""
    return Operation.objects.newest().filter(held_lock=lock_name).exists()


def has_worker(operation: Operation) -> bool:
    """Say whether somebody may be sending an operation at this moment."""
    rows = Operation.objects.using(operation.written_on).filter(pk=operation.pk)
    return rows.filter(state__in=BEING_SENT, lease_until__gt=UtcNow()).exists()


def in_progress(operation: Operation) -> OperationInProgress:
    """Return the error about an operation whose end, or whose rows, are still to come."""
    text = _("Operation %(key)s is not finished.") % {"key": operation.key}
    return OperationInProgress(text, operation=operation, gateway_name=operation.gateway_name)


def release_lock(operation: Operation) -> None:
    """Take the lock from a NEW operation whose worker died; it waits to be sent as before."""
    rows = Operation.objects.using(operation.written_on).filter(pk=operation.pk, state=State.NEW)
    expired = rows.filter(lease_until__lt=UtcNow())
    retry_on_conflict(
        partial(expired.update, held_lock=None, lease_until=None), operation.written_on
    )
    operation.refresh_from_db()


def free_idempotency_key(operation: Operation, *, refused: bool = False) -> None:
    """Free the idempotency key of an operation that is proven not to have happened.

    Args:
        refused: whether a refusal frees it too. As a rule it is the answer to the key.
    """
    states = (State.FAILED, State.ABSENT, *((State.DECLINED,) if refused else ()))
    rows = Operation.objects.using(operation.written_on).filter(pk=operation.pk, state__in=states)
    retry_on_conflict(partial(rows.update, idempotency_key=None), operation.written_on)
