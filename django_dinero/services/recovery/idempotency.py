"""Repeated idempotency keys: they get the first answer again and never a second charge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

from django.db import Error, router
from django.utils.translation import gettext as _

from django_dinero import identifiers
from django_dinero.db.failures import nothing_sent_if_unwritten
from django_dinero.db.fields import UtcIn
from django_dinero.db.on_commit import when_committed
from django_dinero.db.queries import only_row
from django_dinero.db.transactions import in_transaction, is_commit_told
from django_dinero.enums import ReasonKind
from django_dinero.exceptions import (
    DineroError,
    IdempotencyKeyReused,
    NeedsAttention,
    NotSent,
    OperationClosed,
    OperationInProgress,
    OutcomeUnknown,
)
from django_dinero.gateways.types import Reason
from django_dinero.logs import fields_of, get_logger
from django_dinero.models import journal_notes
from django_dinero.models.operation import Operation, OperationKind, OperationState
from django_dinero.models.records import Intent, RecordedOutcome
from django_dinero.models.transaction import Transaction
from django_dinero.money import normalise
from django_dinero.services import journal, ledger, modes
from django_dinero.services.errors import error_for
from django_dinero.services.recovery.lookup import look_up
from django_dinero.validation import CallerKey

logger = get_logger("django_dinero.journal")

State = OperationState

#: The codes of what a gateway refuses.
REFUSALS = frozenset(ReasonKind)


def earlier(
    key: CallerKey, parameters: Mapping[str, object], *, pays: str = ""
) -> Transaction | None:
    """Return the transaction of an earlier call with this key, or None if the key is free.

    A key is free again once its operation is proven not to have happened.

    Args:
        pays: the reference of the order that is paid whole. Without it the row is the answer,
            whichever order somebody has moved it to.

    Raises:
        IdempotencyKeyReused: the earlier call had other parameters, or what it made is of another
            order than ``pays`` by now.
        OperationInProgress, OutcomeUnknown, NeedsAttention: it has no result yet.
        CardDeclinedError, ...: the earlier call was refused.
    """
    operation = operation_of(key)
    return None if operation is None else answer_of(operation, parameters, pays=pays)


def operation_of(key: CallerKey, *, using: str | None = None) -> Operation | None:
    """Return the operation with the caller's key, or None if the key is free.

    Args:
        using: the alias to read; by default that of the journal.

    Raises:
        NotSent: the database cannot be read now.
    """
    if key.key is None:
        return None
    # Not from a replica, which may lag: a look-up changes the operation.
    with nothing_sent_if_unwritten():
        rows = Operation.objects.using(using) if using else Operation.objects.newest()
        return only_row(rows.filter(scope=key.scope, idempotency_key=key.key))


def is_known(key: str, scope: str) -> bool:
    """Say whether a call with this key has a result, or may still get one."""
    operation = operation_of(CallerKey(key, scope))
    return operation is not None and not _is_free(operation)


def is_answered(key: str, scope: str) -> bool:
    """Say whether a call with this key has a result. If it is open, it is looked up first.

    A call with a result keeps its key, so that a repetition sends nothing. One that is only known
    may turn out not to have happened, and a repetition is then a new charge.

    Raises:
        OperationInProgress, OutcomeUnknown, NeedsAttention: it has no result yet.
    """
    operation = operation_of(CallerKey(key, scope))
    if operation is None:
        return False
    if operation.is_open:
        look_up(operation, is_callers=True)
    if operation.is_open and not operation.has_result:
        raise unfinished_error(operation)
    return not _is_free(operation)


def _is_free(operation: Operation) -> bool:
    """Whether a repetition frees the key of the operation, and is sent."""
    return operation.state in (State.FAILED, State.ABSENT) and not operation.has_result


def free_if_undone(operation: Operation, parameters: Mapping[str, object]) -> bool:
    """Free the key of an operation that is proven not to have happened, for the same call again.

    Returns:
        Whether that is so; an operation that is open is not looked up.
    """
    same = identifiers.is_fingerprint_of(operation.fingerprint, parameters)
    if not same or not _is_free(operation):
        return False
    journal.free_idempotency_key(operation)
    return True


def answer_of(
    operation: Operation, parameters: Mapping[str, object], *, pays: str = ""
) -> Transaction | None:
    """As :func:`earlier`, for an operation that has been read already."""
    if parameters.get("gateway", operation.gateway_name) != operation.gateway_name:
        raise IdempotencyKeyReused(
            _(
                "This idempotency key was used at the gateway %(name)r (operation %(key)s). A key "
                "belongs to one gateway: take a new one."
            )
            % {"name": operation.gateway_name, "key": operation.key},
            operation=operation,
        )
    if parameters.get("live", operation.live) != operation.live:
        # A payment at a test account has paid nothing at a live one.
        raise IdempotencyKeyReused(
            _(
                "This idempotency key was used while the gateway %(name)r was another account "
                "(operation %(key)s): take a new one."
            )
            % {"name": operation.gateway_name, "key": operation.key},
            operation=operation,
        )
    if not identifiers.is_fingerprint_of(operation.fingerprint, parameters):
        text = _(
            "This idempotency key was used before with other parameters (%(first)s, operation "
            "%(key)s). Repeat the first call as it was, or take a new key."
        )
        if _looks_alike(operation, parameters):
            text = _(
                "This idempotency key was used before (%(first)s, operation %(key)s), and "
                "something else was different in that call, such as the card, the order or the "
                "payment. Take a new key only if this is to be done once more."
            )
        raise IdempotencyKeyReused(
            text % {"first": _shown(operation), "key": operation.key}, operation=operation
        )
    if operation.is_open:
        look_up(operation, is_callers=True)
    if operation.has_result:
        _refuse_given_back(operation)
        return result_of(operation, pays=pays)
    if _is_free(operation):
        journal.free_idempotency_key(operation)
        return None
    raise unfinished_error(operation)


def _refuse_given_back(operation: Operation) -> None:
    """Refuse to call an orphan paid that reconcile gives back: its caller knows nothing of that."""
    outcome = RecordedOutcome.of(operation)
    if operation.state == State.SUCCEEDED and (outcome.give_back or outcome.given_back):
        raise OperationClosed(
            _(
                "A rollback took the row of operation %(key)s, and its charge is given back. Use a "
                "new key for a new attempt."
            )
            % {"key": operation.key},
            operation=operation,
        )


def _refuse_moved(operation: Operation, row: Transaction, pays: str) -> None:
    """Refuse to call an order paid with a row that was moved to another order since."""
    if row.order_reference != pays:
        raise IdempotencyKeyReused(
            _(
                "What this idempotency key has made does not belong to this order any more "
                "(operation %(key)s), and nothing was charged now: take a new key."
            )
            % {"key": operation.key},
            transaction=row,
            operation=operation,
        )


def _take_over(operation: Operation) -> None:
    """Take the mark from an orphan, of which its caller knows now.

    Inside a transaction of the caller's the mark goes with its commit: a rollback takes what the
    caller knows. Its lease runs anew, so that reconcile gives nothing back meanwhile.

    Raises:
        OperationClosed: it is given back.
    """
    using = router.db_for_write(Transaction)
    waits = journal.has_own_connection(operation) and in_transaction(using)
    if not waits or not is_commit_told(using):
        journal.change_outcome(operation, _unmarked)
        _refuse_given_back(operation)
        return
    lease = timedelta(seconds=modes.gateway_of(operation).lease_seconds)
    is_marked = journal.change_outcome(
        operation,
        lambda stored: stored if _is_kept(stored) else None,
        lease_until=UtcIn(lease),
    )
    _refuse_given_back(operation)
    if is_marked:
        when_committed(using, partial(_take_mark_away, operation))


def await_commit(operation: Operation) -> None:
    """Note at the commit of the caller's transaction that no rollback took an open charge.

    They know that its outcome is unknown, and hear of it when somebody else has found it.
    """
    using = router.db_for_write(Transaction)
    waits = operation.is_open and not operation.has_result and in_transaction(using)
    if waits and Intent.of(operation).in_transaction and is_commit_told(using):
        when_committed(using, partial(_take_mark_away, operation, in_transaction=False))


def _take_mark_away(operation: Operation, **of_intent: Any) -> None:
    """Take the mark away after a commit of the caller's, whose own callbacks must go on."""
    try:
        if of_intent:
            journal.change_intent(operation, **of_intent)
        journal.change_outcome(operation, _unmarked)
    except Error as error:
        logger.error(
            "Operation %s stays marked as an orphan: %s",
            operation.key,
            type(error).__name__,
            extra=fields_of(operation),
        )


def _unmarked(outcome: RecordedOutcome) -> RecordedOutcome | None:
    return replace(outcome, orphan=False) if _is_kept(outcome) else None


def _is_kept(outcome: RecordedOutcome) -> bool:
    return outcome.orphan and not outcome.give_back


def _looks_alike(operation: Operation, parameters: Mapping[str, object]) -> bool:
    """Whether the call with these parameters differs in nothing that can be read: it is hashed."""
    amount, currency = parameters.get("amount"), parameters.get("currency", operation.currency)
    return (
        parameters.get("verb") == operation.kind
        and currency == operation.currency
        and operation.amount is not None
        and amount == str(normalise(operation.amount, operation.currency))
    )


def _shown(operation: Operation) -> str:
    kind = str(OperationKind(operation.kind).label)
    if operation.amount is None:
        return kind
    amount = normalise(operation.amount, operation.currency)
    return f"{kind} {amount} {operation.currency}"


def rival_answer(
    operation: Operation, parameters: Mapping[str, object], *, pays: str = ""
) -> Transaction:
    """Return the answer of another worker that inserted the same key after we had checked it.

    Raises:
        NotSent: that worker has failed, and the key is free again.
        DineroError: as for :func:`earlier`.
    """
    won = answer_of(operation, parameters, pays=pays)
    if won is None:
        raise NotSent(
            _(
                "Another call with this idempotency key has failed (operation %(key)s), and this "
                "one sent nothing. Repeat it."
            )
            % {"key": operation.key},
            operation=operation,
            gateway_name=operation.gateway_name,
        )
    return won


def unfinished_error(operation: Operation) -> DineroError:
    """Return the exception that says why an operation has no result."""
    if operation.state == State.UNKNOWN:
        return OutcomeUnknown(
            _(
                "The gateway's answer was lost, and was not found yet (operation %(key)s). Repeat "
                "the same call later."
            )
            % {"key": operation.key},
            operation=operation,
        )
    if operation.state == State.NEEDS_ATTENTION:
        outcome = RecordedOutcome.of(operation)
        if ReasonKind.DUPLICATE_TRANSACTION in outcome.kinds:
            reason = Reason(outcome.kinds[0], outcome.gateway_code, outcome.gateway_text)
            name = operation.gateway_name
            return error_for([reason], operation=operation, gateway_name=name)
        text = _("The gateway's answer contradicts what was asked; a person must look at %(key)s.")
        said = journal_notes.shown(outcome.error)
        return NeedsAttention(
            f"{text % {'key': operation.key}} {said}".strip(), operation=operation
        )
    if operation.state == State.CLOSED:
        outcome = RecordedOutcome.of(operation)
        return OperationClosed(
            _("Operation %(key)s was closed by %(by)s: %(note)s Use a new key for a new attempt.")
            % {"key": operation.key, "by": outcome.closed_by, "note": outcome.note},
            operation=operation,
        )
    if not operation.is_open:
        return _ended_error(operation)
    return OperationInProgress(
        _("Operation %(key)s is still running.") % {"key": operation.key}, operation=operation
    )


def _ended_error(operation: Operation) -> DineroError:
    """Return the exception for an operation that somebody else has ended, without a result."""
    outcome = RecordedOutcome.of(operation)
    context: dict[str, Any] = {
        "operation": operation,
        "gateway_name": operation.gateway_name,
    }
    if outcome.code in REFUSALS:
        reason = Reason(ReasonKind(outcome.code), outcome.gateway_code, outcome.error)
        return error_for([reason], **context)
    if operation.state in (State.FAILED, State.ABSENT):
        why = journal_notes.shown(outcome.error) or operation.get_state_display()
        text = _("Operation %(key)s did not happen (%(why)s). Repeat it.")
        return NotSent(text % {"key": operation.key, "why": why}, **context)
    # Of the vault: what is stored there has no result here, and its rows are written already.
    text = _("Operation %(key)s was looked up meanwhile; read the cards again.")
    return OutcomeUnknown(text % {"key": operation.key}, **context)


def answer_to_worker(operation: Operation) -> Transaction:
    """Return the row of an operation that somebody else has ended before its worker could.

    Raises:
        OutcomeUnknown, NeedsAttention, NotSent, ...: it has no result; this says why.
        CardDeclinedError, ...: it was refused.
    """
    if operation.has_result:
        return result_of(operation, is_replay=False)
    raise unfinished_error(operation)


def result_of(operation: Operation, *, is_replay: bool = True, pays: str = "") -> Transaction:
    """Return the ledger row of an ended money operation, or raise its refusal again.

    Args:
        is_replay: whether another call has begun the operation.
        pays: as for :func:`earlier`.
    """
    row = ledger.restore_row(operation, is_callers=True)
    if pays:
        _refuse_moved(operation, row, pays)
    if ledger.may_be_orphan(operation):
        _take_over(operation)
    row.is_replay = is_replay
    return ledger.row_or_raise(operation, row, again=is_replay)
