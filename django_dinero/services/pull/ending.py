"""End an operation of ours by the transaction that the gateway has of it."""

from __future__ import annotations

from dataclasses import replace

from django.utils.translation import gettext as _

from django_dinero.db.queries import primary
from django_dinero.enums import ReasonKind, RemoteStatus, ResultStatus, TransactionKind
from django_dinero.exceptions import DineroError, GatewayUnavailableError
from django_dinero.gateways.registry import get_gateway
from django_dinero.gateways.types import RemoteTransaction, has_reason
from django_dinero.models import journal_notes
from django_dinero.models.card import CreditCard
from django_dinero.models.operation import (
    CHARGES,
    MONEY_KINDS,
    Operation,
    OperationKind,
    OperationState,
)
from django_dinero.models.records import Intent, RecordedOutcome
from django_dinero.money import plain_amount
from django_dinero.services import journal, ledger
from django_dinero.services.errors import PASSING, error_for
from django_dinero.services.ledger import statuses

#: Operations whose amount must equal that of the gateway's transaction.
SAME_AMOUNT_KINDS = (*CHARGES, OperationKind.REFUND)
#: What moved no money, whatever amount its record has.
REFUSED = (RemoteStatus.DECLINED, RemoteStatus.FAILED)
#: The gateway lacks what was to be charged.
NO_CARD = (ReasonKind.CUSTOMER_NOT_FOUND, ReasonKind.CARD_NOT_FOUND)


def may_have_made(operation: Operation, remote: RemoteTransaction) -> bool:
    """Say whether a transaction with an operation's key can be its own.

    A refund that was made in the gateway's pages may repeat the invoice number of its payment.
    """
    return remote.kind is not TransactionKind.REFUND or operation.kind == OperationKind.REFUND


def end_operation_from_remote(
    operation: Operation, remote: RemoteTransaction, *, is_callers: bool = False
) -> None:
    """End a money operation by the transaction that the gateway has of it.

    Args:
        is_callers: as for :func:`ledger.end_with_row`.

    Raises:
        OperationInProgress: it contradicts what was asked, and another worker that has asked may
            be about to give it back, as a backend does with what was approved in part.
    """
    if operation.kind not in MONEY_KINDS or operation.kind in ledger.DECISIONS:
        return
    text = _other_than_asked(operation, remote)
    if text:
        _leave_to_a_person(operation, RecordedOutcome(error=text), is_callers=is_callers)
        return
    if _was_given_back(operation, remote):
        outcome = _declined_in_part(remote)
        ledger.end_with_row(
            operation, outcome, is_callers=is_callers, transaction_id=remote.transaction_id
        )
        return
    if _differs(operation, remote):
        other = RecordedOutcome(
            error=journal_notes.ANOTHER_AMOUNT, transaction_id=remote.transaction_id
        )
        _leave_to_a_person(operation, other, is_callers=is_callers)
        return
    passing = _passing_error(operation, remote)
    if passing is not None:
        # Without a result, as if the refusal had come at once: its key is free, and it has no row.
        journal.move(operation, OperationState.FAILED, RecordedOutcome.of_error(passing))
        return
    operation.next_action = remote.next_action
    outcome = journal.outcome_of_remote(remote)
    if operation.kind in CHARGES and remote.status in (RemoteStatus.VOIDED, RemoteStatus.EXPIRED):
        # Whoever asks for it must not take it for paid.
        outcome = _refused(outcome, ledger.unread_end(statuses.FROM_REMOTE[remote.status]))
    row = ledger.end_with_row(
        operation, outcome, is_callers=is_callers, transaction_id=remote.transaction_id
    )
    if row is not None and operation.kind == OperationKind.CAPTURE:
        ledger.move_refunds(row)  # somebody may have refunded it there before its answer was found


def _leave_to_a_person(operation: Operation, outcome: RecordedOutcome, *, is_callers: bool) -> None:
    """Leave an operation to a person, unless another worker is still at it."""
    if not is_callers and journal.has_worker(operation):
        raise journal.in_progress(operation)
    journal.move(operation, OperationState.NEEDS_ATTENTION, outcome)


def _passing_error(operation: Operation, remote: RemoteTransaction) -> DineroError | None:
    """Return the exception for a failure that says nothing about the payment, else None."""
    if remote.status is not RemoteStatus.FAILED:
        return None
    if has_reason(remote, *PASSING):
        return error_for(remote.reasons, operation=operation, gateway_name=operation.gateway_name)
    lacks_card = operation.kind in CHARGES and has_reason(remote, *NO_CARD)
    return card_not_found_yet(operation) if lacks_card and card_was_new(operation) else None


def card_not_found_yet(operation: Operation) -> DineroError:
    """Return the exception for a card that was stored too short a time before it was charged."""
    return GatewayUnavailableError(
        _("The gateway does not find this card yet, which is new. Try again in a minute."),
        operation=operation,
        gateway_name=operation.gateway_name,
    )


def card_was_new(operation: Operation) -> bool:
    """Say whether the gateway may not have found the stored card yet when it was charged."""
    if get_gateway(operation.gateway_name).finds_at_once:
        return False
    pk = Intent.of(operation).card_pk
    rows = primary(CreditCard).filter(pk=pk)
    card = rows.first() if pk is not None else None
    return card is not None and card.was_new_at(operation.sent_at or operation.created_at)


def _is_another(operation: Operation, remote: RemoteTransaction) -> bool:
    """Whether a transaction cannot be the operation's.

    A capture or a void may be a state of its original, which has that one's key and kind.
    """
    if operation.kind not in SAME_AMOUNT_KINDS:
        return False
    is_refund = operation.kind == OperationKind.REFUND
    other_kind = remote.kind is TransactionKind.VOID or is_refund != (
        remote.kind is TransactionKind.REFUND
    )
    other_kind = other_kind or _is_only_reserved(operation, remote)
    return other_kind or remote.operation_key not in ("", operation.key)


def _is_only_reserved(operation: Operation, remote: RemoteTransaction) -> bool:
    """Whether nothing was taken of what a charge was to take at once.

    Its kind says so. Authorize.Net has charges that are authorized and not released yet.
    """
    reserved = remote.kind is TransactionKind.AUTHORIZATION
    charge = operation.kind == OperationKind.CHARGE
    return charge and reserved and remote.status is RemoteStatus.AUTHORIZED


def _was_given_back(operation: Operation, remote: RemoteTransaction) -> bool:
    """Whether less was approved than was asked for, and voided at once: then nothing was paid.

    The backends do so with a partial approval. Where the answer to that void is lost, it is found.
    """
    part = remote.amount < operation.asked_amount and remote.currency == operation.currency
    return operation.kind in CHARGES and part and remote.status is RemoteStatus.VOIDED


def _declined_in_part(remote: RemoteTransaction) -> RecordedOutcome:
    text = journal_notes.ONLY_A_PART % {"amount": plain_amount(remote.amount, remote.currency)}
    return replace(_refused(journal.outcome_of_remote(remote), text), remote_status="")


def _refused(outcome: RecordedOutcome, text: str) -> RecordedOutcome:
    kind = ReasonKind.CARD_DECLINED.value
    return replace(
        outcome,
        result=ResultStatus.DECLINED.value,
        reason=kind,
        reasons=(kind,),
        gateway_text=text,
    )


def _other_than_asked(operation: Operation, remote: RemoteTransaction) -> str:
    """Return why a transaction cannot be the operation's own, as a note, or an empty string."""
    if not may_have_made(operation, remote):
        return journal_notes.A_REFUND
    if _is_another(operation, remote):
        return journal_notes.ANOTHER_KEY
    return ""


def _differs(operation: Operation, remote: RemoteTransaction) -> bool:
    """Whether another amount or currency was approved. What was refused has taken nothing."""
    if remote.status in REFUSED:
        return False
    asked = operation.asked_amount
    if remote.currency and remote.currency != operation.currency:
        return True
    if operation.kind in SAME_AMOUNT_KINDS:
        return remote.amount != asked
    captured = operation.kind == OperationKind.CAPTURE and remote.settled_amount is not None
    return captured and remote.settled_amount != asked
