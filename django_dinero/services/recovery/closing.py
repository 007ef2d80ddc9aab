"""Close operations that only a person can finish."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from django.utils.translation import gettext as _

from django_dinero.cards import text_of, unsendable
from django_dinero.db.queries import primary
from django_dinero.exceptions import DineroError, InvalidInput
from django_dinero.models.operation import MONEY_KINDS, Operation, OperationState
from django_dinero.models.records import RecordedOutcome
from django_dinero.models.transaction import Transaction
from django_dinero.models.transaction_status import UNDECIDED
from django_dinero.observing.verbs import verb
from django_dinero.redaction import Secret
from django_dinero.services import journal, ledger, pull

NOTE_LENGTH = 500
NAME_LENGTH = 150


@verb("close_operation")
def close(operation: Operation, *, note: str | Secret, by: str | Secret) -> Operation:
    """Finish an operation that needs attention; see :meth:`Operation.close`."""
    errors = explanation_errors(note, by)
    if errors:
        raise InvalidInput(errors, operation=operation)
    # Without a result, so that it can never be taken for an approval and get a ledger row.
    outcome = replace(
        RecordedOutcome.of(operation), result="", note=text_of(note), closed_by=text_of(by)
    )
    if operation.state != OperationState.NEEDS_ATTENTION or not journal.move(
        operation, OperationState.CLOSED, outcome
    ):
        raise InvalidInput(
            {
                "operation": _(
                    "Only what needs attention can be closed; this one is: %(state)s. What is "
                    "still open is looked up, and what has ended stays as it is."
                )
                % {"state": operation.get_state_display()}
            },
            operation=operation,
        )
    _refresh_undecided(operation)
    return operation


def _refresh_undecided(operation: Operation) -> None:
    """Ask the gateway how a payment stands that is undecided here, and was this operation's.

    Nobody looks a closed operation up. A gateway that cannot be asked now is asked by a sweep.
    """
    if operation.kind not in MONEY_KINDS:
        return
    with suppress(DineroError):
        row = _payment_of(operation)
        if row is not None and row.status in UNDECIDED and row.transaction_id:
            pull.refresh_from_gateway(row)


def _payment_of(operation: Operation) -> Transaction | None:
    if operation.kind in ledger.DECISIONS:
        return ledger.original_of(operation)
    return primary(Transaction).filter(operation_key=operation.key).first()


def explanation_errors(note: str | Secret, by: str | Secret) -> dict[str, str]:
    """Return what is wrong with a person's explanation, by field."""
    texts = {"note": (note, NOTE_LENGTH), "by": (by, NAME_LENGTH)}
    errors = {name: _text_error(text, limit) for name, (text, limit) in texts.items()}
    return {name: problem for name, problem in errors.items() if problem}


def _text_error(value: str | Secret, limit: int) -> str:
    if isinstance(value, Secret):  # what passes for a card number, or is too long for any field
        return unsendable(value.reveal())
    text = text_of(value)
    if not text:
        return _("This is required, for those who ask later.")
    if len(text) > limit:
        return _("At most %(limit)d characters.") % {"limit": limit}
    return unsendable(text)
