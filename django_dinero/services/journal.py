"""The journal: an operation is committed, then sent at most once, then concluded.

Every change of state is a compare-and-set with the old state in its WHERE, so that a worker, a
lookup and (later) a webhook may race. Times are the database's own, in UTC.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, TypeVar

from django.db import DatabaseError, IntegrityError, connections, router, transaction
from django.utils.translation import gettext as _

from django_dinero import conf, signals
from django_dinero.db import UtcNow, in_testcase, in_transaction
from django_dinero.deadline import send_before
from django_dinero.exceptions import (
    DineroError,
    InsideTransaction,
    InvalidInput,
    NotSent,
    OperationInProgress,
    OutcomeUnknown,
    UnsupportedFeature,
)
from django_dinero.gateways.base import Gateway
from django_dinero.models.operation import OPEN_STATES, Operation, OperationState
from django_dinero.secrets import scrub

logger = logging.getLogger("django_dinero.journal")

ResultT = TypeVar("ResultT")
State = OperationState

#: Which state may follow which. SUCCEEDED, DECLINED and FAILED are final.
TRANSITIONS: Mapping[str, frozenset[str]] = {
    State.NEW: frozenset({State.SENT, State.FAILED, State.SUCCEEDED}),
    State.SENT: frozenset(
        {
            State.SUCCEEDED,
            State.DECLINED,
            State.PENDING,
            State.FAILED,
            State.UNKNOWN,
            State.MANUAL,
        }
    ),
    State.UNKNOWN: frozenset(
        {
            State.SUCCEEDED,
            State.DECLINED,
            State.PENDING,
            State.FAILED,  # by the gateway's own word, never by waiting
            State.ABSENT,
            State.MANUAL,
        }
    ),
    State.PENDING: frozenset({State.SUCCEEDED, State.DECLINED}),
    State.ABSENT: frozenset(
        {State.SUCCEEDED, State.DECLINED, State.PENDING, State.FAILED, State.MANUAL}
    ),
    State.MANUAL: frozenset({State.SUCCEEDED, State.DECLINED, State.FAILED}),
}


class TargetBusy(OperationInProgress):
    """Another operation holds the target; ``.operation`` is that one."""


class KeyTaken(DineroError):
    """The idempotency key has an operation already; ``.operation`` is that one."""

    code = "idempotency_key_taken"


def alias_for_money() -> str:
    """Return the database alias on which a money operation is committed before it is sent.

    Raises:
        InsideTransaction: the caller's transaction could roll the journal back.
    """
    alias = _alias()
    if in_transaction(alias) and not (in_testcase(alias) and _autonomous_alias()):
        raise InsideTransaction(
            _(
                "Money must not move inside a database transaction: a rollback would lose the "
                "books of it. Either call it outside (a view can be non_atomic_requests), or from "
                "transaction.on_commit(), or on PostgreSQL or MariaDB set "
                'DINERO["JOURNAL_ALIAS"] to a second connection (django_dinero.db.journal_alias).'
            )
        )
    return alias


def alias_for_vault() -> str:
    """Return the alias for an operation that moves no money.

    Without a journal alias it shares the caller's transaction: what a rollback leaves at the
    gateway is found there by our customer key.
    """
    alias = _alias()
    return alias if not in_transaction(alias) else router.db_for_write(Operation)


def _alias() -> str:
    alias = router.db_for_write(Operation)
    if not in_transaction(alias) or in_testcase(alias):
        # A TestCase's rows are invisible to a second connection; its own one has to do.
        return alias
    return _autonomous_alias() or alias


def _autonomous_alias() -> str:
    """Return the alias whose commits outlive a rollback of the caller's, or an empty string."""
    journal = conf.journal_alias()
    return journal if journal and connections[journal].vendor != "sqlite" else ""


def begin(gateway: Gateway, kind: str, *, using: str, target: str = "", **values: Any) -> Operation:
    """Write a NEW operation that holds ``target``, committed when this returns.

    Raises:
        KeyTaken: ``scope`` and ``client_key`` have an operation.
        TargetBusy: the target has an open operation.
    """
    operation = Operation(
        kind=kind,
        gateway_name=gateway.alias,
        target=target,
        target_slot=target or None,
        lease_until=UtcNow() + timedelta(seconds=gateway.lease_seconds),
        **values,
    )
    collision = False
    try:
        with transaction.atomic(using=using):
            operation.save(using=using, force_insert=True)
    except IntegrityError:
        collision = True
    if collision:
        raise _collision(operation, using)
    _take_over(operation, {"lease_until": operation.lease_until})
    return operation


def add_to_intent(operation: Operation, **values: Any) -> None:
    """Write more into the intent of a NEW operation: what is read with its target held."""
    operation.intent = {**operation.intent, **values}
    using = operation._state.db or router.db_for_write(Operation)
    rows = Operation.objects.using(using).filter(pk=operation.pk, state=State.NEW)
    rows.update(intent=operation.intent)


def _collision(operation: Operation, using: str) -> DineroError:
    rows = Operation.objects.using(using)
    if operation.client_key is not None:
        taken = rows.filter(scope=operation.scope, client_key=operation.client_key).first()
        if taken is not None:
            return KeyTaken(_("This idempotency key was used before."), operation=taken)
    slot = operation.target_slot  # NULL would find any operation that holds nothing
    holder = rows.filter(target_slot=slot).first() if slot else None
    return TargetBusy(
        _("Operation %(key)s on the same object is not finished.")
        % {"key": holder.key if holder else "?"},
        operation=holder,
    )


def move(operation: Operation, state: OperationState, **values: Any) -> bool:
    """Change the state by compare-and-set; return whether this caller won.

    The instance is up to date afterwards either way. ``values`` are written with it, by the winner.
    """
    old = operation.state
    if state not in TRANSITIONS.get(old, frozenset()):
        return False
    if state not in OPEN_STATES:
        values["target_slot"] = None
    using = operation._state.db or router.db_for_write(Operation)
    rows = Operation.objects.using(using).filter(pk=operation.pk, state=old)
    values |= {"state": state, "updated_at": UtcNow()}
    won = bool(rows.update(**values))
    if not won:
        operation.refresh_from_db(using=using)
    else:
        _take_over(operation, values)
        signals.send(
            signals.operation_changed,
            Operation,
            operation=operation,
            old_state=old,
            new_state=operation.state,
        )
    return won


def _take_over(operation: Operation, written: Mapping[str, Any]) -> None:
    """Give the instance what was written; times of the database are read when somebody asks."""
    for name, value in written.items():
        setattr(operation, name, value)
        if hasattr(value, "resolve_expression"):
            delattr(operation, name)  # Django's way to defer a field


def send(gateway: Gateway, operation: Operation, call: Callable[[], ResultT]) -> ResultT:
    """Make the call of a NEW operation, once, and return the gateway's answer.

    An answer leaves the operation SENT: the caller concludes it together with its own rows.

    Raises:
        NotSent: nothing reached the gateway; the operation is FAILED.
        OutcomeUnknown: no answer; the operation is UNKNOWN.
        InvalidInput, UnsupportedFeature: the backend refused to send it; FAILED.
        OperationInProgress: somebody else sends it.
    """
    _claim(gateway, operation)
    failure: DineroError
    token = send_before.set(time.monotonic() + gateway.lease_seconds / 3)
    try:
        return call()
    except (NotSent, InvalidInput, UnsupportedFeature) as error:
        failure = error
    except OutcomeUnknown as error:
        failure = error
    except Exception as error:  # a broken backend proves nothing about what was sent
        failure = _broken(operation, error)
    finally:
        send_before.reset(token)
    # Outside the except block: an exception of the wire may hold the request, card number and all.
    state = State.UNKNOWN if isinstance(failure, OutcomeUnknown) else State.FAILED
    move(operation, state, outcome={"error": scrub(str(failure))[:500], "code": failure.code})
    failure.operation = operation
    failure.gateway_name = gateway.alias
    raise failure


def _claim(gateway: Gateway, operation: Operation) -> None:
    lease = timedelta(seconds=gateway.lease_seconds)
    quarantine = timedelta(seconds=gateway.quarantine_seconds)
    won = move(
        operation,
        State.SENT,
        sent_at=UtcNow(),
        lease_until=UtcNow() + lease,
        quarantine_until=UtcNow() + quarantine,
        next_check_at=UtcNow() + lease,
        attempts=operation.attempts + 1,
        worker=_worker(),
    )
    if not won:
        raise OperationInProgress(
            _("Operation %(key)s was taken by somebody else.") % {"key": operation.key},
            operation=operation,
        )


def _worker() -> str:
    return f"{socket.gethostname()}:{os.getpid()}:{threading.get_ident()}"[:100]


def _broken(operation: Operation, error: Exception) -> OutcomeUnknown:
    # Where, and not its text: that may quote a card code, which no pattern would find in it.
    logger.error(
        "Operation %s: the backend raised %s\n%s",
        operation.key,
        type(error).__name__,
        "".join(traceback.format_tb(error.__traceback__)),
    )
    return OutcomeUnknown(
        _("The backend broke off (%(error)s); whether the gateway did it is not known.")
        % {"error": type(error).__name__}
    )


def conclude(
    operation: Operation,
    state: OperationState,
    outcome: Mapping[str, Any],
    write: Callable[[], ResultT],
    **values: Any,
) -> ResultT:
    """Write how an operation ended, and with it the rows that follow from it.

    On the journal's own connection the operation is committed first: it outlives a rollback of
    the caller, and the rows can be written again from it.

    Raises:
        OutcomeUnknown: the database failed; the log has the operation's key and the gateway's id.
    """
    journal = operation._state.db or router.db_for_write(Operation)
    problem = ""
    try:
        with transaction.atomic(using=journal):
            # A lookup may have taken the operation for lost meanwhile: once more, from there.
            if not move(operation, state, outcome=dict(outcome), **values):
                move(operation, state, outcome=dict(outcome), **values)
            if journal == router.db_for_write(Operation):
                return write()
        return write()
    except DatabaseError as error:
        problem = type(error).__name__
    logger.critical(
        "Operation %s ended as %s at %s (transaction %s), and the database could not record it: %s",
        operation.key,
        state,
        operation.gateway_name,
        outcome.get("transaction_id") or outcome.get("customer_id") or "-",
        problem,
    )
    raise OutcomeUnknown(
        _("The gateway answered, and the database could not record it; look up %(key)s.")
        % {"key": operation.key},
        operation=operation,
    )


def release_client_key(operation: Operation) -> None:
    """Free the idempotency key of an operation that is proven not to have happened."""
    using = operation._state.db or router.db_for_write(Operation)
    rows = Operation.objects.using(using).filter(
        pk=operation.pk, state__in=(State.FAILED, State.ABSENT)
    )
    rows.update(client_key=None)
