"""Sending: an operation is written, its call is made once, and a failure is written down."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from datetime import timedelta
from types import UnionType
from typing import Any, TypeVar

from django.db import Error, IntegrityError, transaction
from django.utils.translation import gettext as _

from django_dinero import identifiers
from django_dinero.db.failures import (
    is_taken,
    note_sent,
    nothing_sent_if_unwritten,
    retry_on_conflict,
)
from django_dinero.db.fields import UtcIn, UtcNow
from django_dinero.db.transactions import is_open
from django_dinero.exceptions import (
    DineroError,
    InvalidInput,
    NotSent,
    OperationInProgress,
    OutcomeUnknown,
    UnsupportedFeature,
)
from django_dinero.gateways.base import Gateway
from django_dinero.gateways.calls import ask, log_broken_call
from django_dinero.gateways.types import Refusal, has_reason
from django_dinero.logs import fields_of
from django_dinero.models import journal_notes
from django_dinero.models.operation import Operation, OperationState
from django_dinero.models.records import Intent, RecordedOutcome
from django_dinero.send_deadline import check_may_send, send_before, uptime
from django_dinero.services.errors import PASSING, error_for
from django_dinero.services.journal.endings import end_operation, log_unrecorded
from django_dinero.services.journal.states import announce, end, move, take_over

ResultT = TypeVar("ResultT")
State = OperationState


class LockHeld(OperationInProgress):
    """Another operation holds the lock; ``.operation`` is that one."""


class KeyTaken(DineroError):
    """The idempotency key has an operation already; ``.operation`` is that one."""

    code = "idempotency_key_taken"


def begin(
    gateway: Gateway,
    kind: str,
    *,
    using: str,
    lock_name: str = "",
    holds_lock: bool = True,
    intent: Intent | None = None,
    sent: bool = False,
    **columns: Any,
) -> Operation:
    """Write a new operation. It takes the lock ``lock_name``, if it is to hold one.

    A charge holds none, unless it pays a whole order. The operation is committed when this returns,
    unless a transaction is open on ``using``.

    Args:
        using: the alias that it is written on.
        holds_lock: whether it takes the lock. If not, ``lock_name`` only serves to find it.
        intent: what it is to do.
        sent: whether this caller sends it at once. Then it is written as SENT, and no claim
            follows. This is for verbs that have nothing to check under a lock.
        **columns: of :class:`Operation`.

    Raises:
        KeyTaken: ``scope`` and ``idempotency_key`` have an operation.
        LockHeld: the lock is held by an open operation.
        NotSent: the database cannot be written now, or the key's operation is not visible yet.
    """
    intent = intent or Intent()
    # Counted from before the first attempt to insert, so that a worker suspended there misses the
    # deadline.
    send_before = _last_moment(gateway)
    times = _new_columns(gateway)
    if sent:
        times = {"state": State.SENT.value, **_sending_columns(gateway, attempts=1)}
    operation = Operation(
        kind=kind,
        gateway_name=gateway.name,
        live=gateway.live,
        lock_name=lock_name,
        held_lock=(lock_name or None) if holds_lock else None,
        intent=intent.to_json(),
        customer_key=intent.customer_key,
        owner_pk="" if intent.owner_pk is None else str(intent.owner_pk),
        **times,
        **columns,
    )
    collision: IntegrityError | None = None
    with nothing_sent_if_unwritten():
        try:
            _insert(operation, using)
        except IntegrityError as error:
            collision = error
        if collision is not None:
            rival = _collision(operation, using) if is_taken(collision) else None
            raise rival or collision
    take_over(operation, times)
    if sent:
        operation.send_before = send_before
        announce(operation, State.NEW)
    return operation


def _new_columns(gateway: Gateway) -> dict[str, Any]:
    return {"lease_until": UtcIn(timedelta(seconds=gateway.lease_seconds))}


def _sending_columns(gateway: Gateway, *, attempts: int) -> dict[str, Any]:
    """Return what is written with the state SENT, from the moment it may be sent."""
    lease = UtcIn(timedelta(seconds=gateway.lease_seconds))
    return {
        "sent_at": UtcNow(),
        "lease_until": lease,
        "quarantine_until": UtcIn(timedelta(seconds=gateway.quarantine_seconds)),
        "next_check_at": lease,
        "attempts": attempts,
        "worker": identifiers.worker_name(),
    }


def _last_moment(gateway: Gateway) -> float:
    """Return the last moment, by :func:`uptime`, to send what is claimed now."""
    return uptime() + gateway.lease_seconds / 3


def _insert(operation: Operation, using: str) -> None:
    """Write a new row. Three workers that insert one unique key can deadlock on MariaDB."""

    def insert() -> None:
        # A single statement is a transaction of its own. In a transaction of the caller's, a
        # savepoint keeps that usable after a collision.
        with transaction.atomic(using=using) if is_open(using) else nullcontext():
            operation.save(using=using, force_insert=True)

    retry_on_conflict(insert, using)


def _collision(operation: Operation, using: str) -> DineroError | None:
    """Return what a new operation collided with; None if no other operation was in its way."""
    rows = Operation.objects.using(using)
    if operation.idempotency_key is not None:
        key = {"scope": operation.scope, "idempotency_key": operation.idempotency_key}
        taken = rows.filter(**key).first()
        if taken is not None:
            return KeyTaken(_("This idempotency key was used before."), operation=taken)
    lock = operation.held_lock  # NULL would find any operation that holds nothing
    if lock is None:
        # The caller's snapshot may be older than the rival's commit, and never show it.
        is_key = operation.idempotency_key is not None
        text = _("This idempotency key was used a moment ago; nothing was sent. Repeat it.")
        return NotSent(text) if is_key else None
    holder = rows.filter(held_lock=lock).first()
    return LockHeld(
        _("Operation %(key)s on the same object is not finished.")
        % {"key": holder.key if holder else "?"},
        operation=holder,
    )


@contextmanager
def released_on_failure(operation: Operation) -> Iterator[None]:
    """End a NEW operation, and free its lock, where something fails before it is sent."""
    try:
        yield
    except Exception as error:  # of the database, of ours, or of a project's own hooks
        with suppress(Error):
            move(operation, State.FAILED, _why_not_sent(error))
        raise


def _why_not_sent(error: Exception) -> RecordedOutcome:
    if isinstance(error, DineroError):
        return RecordedOutcome.of_error(error)
    failed = isinstance(error, Error)
    return RecordedOutcome(error=journal_notes.DATABASE_FAILED if failed else type(error).__name__)


def add_to_intent(operation: Operation, **values: Any) -> None:
    """Add to the intent of a NEW operation what was read under its lock.

    The claim writes it. If the worker dies before the claim, the operation was never sent.
    """
    operation.intent = replace(Intent.of(operation), **values).to_json()
    operation.has_new_intent = True


def send(
    gateway: Gateway,
    operation: Operation,
    call: Callable[[], ResultT],
    answers: type[Any] | UnionType,
) -> ResultT:
    """Make the call of an operation that this worker has written, once; return the answer.

    After an answer the operation is still SENT: the caller ends it together with its own rows.

    Args:
        answers: as for :func:`ask`.

    Raises:
        NotSent: nothing reached the gateway; the operation is FAILED.
        OutcomeUnknown: no answer; the operation is UNKNOWN.
        InvalidInput, UnsupportedFeature: the backend refused to send it; FAILED.
        OperationInProgress: somebody else sends it.
    """
    if operation.state == State.NEW:
        _claim(gateway, operation)
    # Taken away: nobody sends a second time with this instance.
    moment, operation.send_before = operation.send_before, None
    if moment is None:
        raise _taken(operation)
    failure: DineroError
    note_sent(operation)
    token = send_before.set(moment)
    try:
        check_may_send()
        return ask(gateway, call, operation=operation, answers=answers)
    except (NotSent, InvalidInput, UnsupportedFeature, OutcomeUnknown) as error:
        failure = error
    except Exception as error:  # a broken backend proves nothing about what was sent
        failure = _broken(operation, error)
    finally:
        send_before.reset(token)
    # Outside the except block: an exception of the wire may hold the request, card number and all.
    _record(operation, failure)
    failure.operation = operation
    failure.gateway_name = gateway.name
    raise failure


def _claim(gateway: Gateway, operation: Operation) -> None:
    # Counted from before the claim: a worker suspended right after it misses the deadline.
    moment = _last_moment(gateway)
    columns = _sending_columns(gateway, attempts=operation.attempts + 1)
    if operation.has_new_intent:
        columns["intent"] = operation.intent
    with nothing_sent_if_unwritten():
        won = move(operation, State.SENT, **columns)
    if not won:
        raise _given_up(operation) if _is_undone(operation) else _taken(operation)
    operation.send_before = moment
    operation.has_new_intent = False


def _is_undone(operation: Operation) -> bool:
    """Whether nothing came of it: its lease was over, and a look-up has ended it unsent."""
    return operation.state == State.FAILED and not operation.has_result


def _given_up(operation: Operation) -> NotSent:
    return NotSent(
        _("Operation %(key)s waited too long to be sent, and was given up. Repeat it.")
        % {"key": operation.key},
        operation=operation,
    )


def _taken(operation: Operation) -> OperationInProgress:
    return OperationInProgress(
        _("Operation %(key)s was taken by somebody else.") % {"key": operation.key},
        operation=operation,
    )


def _broken(operation: Operation, error: Exception) -> OutcomeUnknown:
    log_broken_backend(operation, error)
    return OutcomeUnknown(
        _("The backend broke off (%(error)s); whether the gateway did it is not known.")
        % {"error": type(error).__name__}
    )


def log_broken_backend(operation: Operation, error: Exception) -> str:
    """Tell the log what a backend raised that no backend may raise; return its name."""
    return log_broken_call(f"Operation {operation.key}", error, fields_of(operation))


def _record(operation: Operation, failure: DineroError) -> None:
    state = State.UNKNOWN if isinstance(failure, OutcomeUnknown) else State.FAILED
    outcome = RecordedOutcome.of_error(failure)
    try:
        end(operation, state, outcome)
    except Error as error:  # the caller must hear of the call, not of the database
        log_unrecorded(operation, state, outcome, error)


def end_refused(operation: Operation, refusal: Refusal) -> DineroError:
    """End a vault operation by the gateway's refusal, and return the exception for it."""
    error = error_for(
        refusal.reasons,
        existing_id=refusal.existing_id,
        operation=operation,
        gateway_name=operation.gateway_name,
    )
    state = State.FAILED if has_reason(refusal, *PASSING) else State.DECLINED
    end_operation(operation, state, RecordedOutcome.of_error(error), lambda: None)
    return error
