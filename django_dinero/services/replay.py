"""What a repeated idempotency key gets: the first answer again, never a second charge."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from django_dinero import keys
from django_dinero.cards import unsendable
from django_dinero.exceptions import (
    DineroError,
    IdempotencyKeyReused,
    InvalidInput,
    NeedsReview,
    OperationInProgress,
    OutcomeUnknown,
)
from django_dinero.models.operation import Operation, OperationState
from django_dinero.models.transaction import Transaction
from django_dinero.secrets import Secret
from django_dinero.services import aliases, endings, journal, lookup
from django_dinero.services.refusals import refusal_of

State = OperationState


def check_key(idempotency_key: object, scope: object) -> dict[str, Any]:
    """Return the journal's columns for a caller's key, which may be None.

    Raises:
        InvalidInput: not 8 to 64 visible ASCII characters, or a scope of over 100.
    """
    if idempotency_key is None:
        return {"client_key": None, "scope": ""}
    if isinstance(idempotency_key, Secret):
        raise InvalidInput({"idempotency_key": unsendable(idempotency_key.reveal())})
    text = idempotency_key if isinstance(idempotency_key, str) else ""
    if not 8 <= len(text) <= 64 or not all("!" <= c <= "~" for c in text):
        raise InvalidInput(
            {"idempotency_key": _("Use 8 to 64 visible ASCII characters, without blanks.")}
        )
    problem = unsendable(str(scope))
    if not problem and len(str(scope)) > 100:
        problem = _("At most 100 characters.")
    if problem:
        raise InvalidInput({"scope": problem})
    return {"client_key": text, "scope": str(scope)}


def earlier(columns: Mapping[str, Any], parameters: Mapping[str, object]) -> Transaction | None:
    """Return the transaction that this key made before, or None if it made none.

    A key whose operation is proven not to have happened is free again.

    Raises:
        IdempotencyKeyReused: it was used with other parameters.
        OperationInProgress, OutcomeUnknown, NeedsReview: it has no result yet.
        CardDeclinedError, ...: the refusal that it got before.
    """
    operation = operation_of(columns)
    return None if operation is None else answer_of(operation, parameters)


def operation_of(columns: Mapping[str, Any]) -> Operation | None:
    """Return the operation that a caller's key has, None if the key is free."""
    if columns["client_key"] is None:
        return None
    # Where the journal is written, and never from a replica, where it would be resolved, too.
    with journal.nothing_sent_if_unwritten():
        return Operation.objects.using(aliases.journal()).filter(**columns).first()


def answer_of(operation: Operation, parameters: Mapping[str, object]) -> Transaction | None:
    """As :func:`earlier`, for an operation at hand."""
    if operation.fingerprint != keys.fingerprint(parameters):
        raise IdempotencyKeyReused(
            _("This idempotency key was used before with other parameters."), operation=operation
        )
    if operation.is_open:
        lookup.resolve(operation)
    if operation.has_result:
        return result_of(operation)
    if operation.state in (State.FAILED, State.ABSENT):
        journal.release_client_key(operation)
        return None
    raise unfinished(operation)


def rival_answer(operation: Operation, parameters: Mapping[str, object]) -> Transaction:
    """Return the answer of a worker that wrote the same key between our look and our insert."""
    won = answer_of(operation, parameters)
    if won is None:
        raise unfinished(operation)
    return won


def unfinished(operation: Operation) -> DineroError:
    """Return the error that says why an operation has no result."""
    if operation.state == State.UNKNOWN:
        return OutcomeUnknown(
            _("The gateway's answer was lost and is being looked for (operation %(key)s).")
            % {"key": operation.key},
            operation=operation,
        )
    if operation.state == State.MANUAL:
        return NeedsReview(
            _("The gateway's answer contradicts what was asked; a person must look at %(key)s.")
            % {"key": operation.key},
            operation=operation,
        )
    return OperationInProgress(
        _("Operation %(key)s is still running.") % {"key": operation.key}, operation=operation
    )


def result_of(operation: Operation) -> Transaction:
    """Return the row of a concluded money operation, or raise what the gateway refused."""
    return approved(operation, endings.record(operation))


def approved(operation: Operation, row: Transaction) -> Transaction:
    """Return the row of an operation that succeeded, or raise its refusal."""
    if operation.state == State.SUCCEEDED:
        return row
    raise refusal_of(operation, row)
