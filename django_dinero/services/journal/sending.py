"""Sending: an operation is claimed, its call is made once, and a failure is written down."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from django.db import Error
from django.utils.translation import gettext as _

from django_dinero.db.failures import note_sent, nothing_sent_if_unwritten
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
from django_dinero.models.operation import Operation, OperationState
from django_dinero.models.records import RecordedOutcome
from django_dinero.send_deadline import check_may_send, send_before
from django_dinero.services.errors import PASSING, error_for
from django_dinero.services.journal.endings import end_operation, log_unrecorded
from django_dinero.services.journal.operations import (
    end,
    last_moment,
    move,
    sending_columns,
)

ResultT = TypeVar("ResultT")
State = OperationState


def send(gateway: Gateway, operation: Operation, call: Callable[[], ResultT]) -> ResultT:
    """Make the call of an operation that this worker has written, once; return the answer.

    After an answer the operation is still SENT: the caller ends it together with its own rows.

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
        return ask(gateway, call, operation=operation)
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
    moment = last_moment(gateway)
    columns = sending_columns(gateway, attempts=operation.attempts + 1)
    del columns["state"]
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
