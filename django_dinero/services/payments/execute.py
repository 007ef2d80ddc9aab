"""The steps that charges and follow-ups share, once their operation is written.

It is sent, its answer is believed or not, and it ends, with its ledger row or without one. The
decision of a review has no row of its own: it goes another way, and shares some of the steps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from django_dinero.enums import ReasonKind, RemoteStatus, ResultStatus
from django_dinero.exceptions import DineroError, NeedsAttention
from django_dinero.gateways.base import Gateway
from django_dinero.gateways.types import RemoteTransaction, TransactionResult, has_reason
from django_dinero.models import journal_notes
from django_dinero.models.operation import CHARGES, Operation, OperationKind, OperationState
from django_dinero.models.records import RecordedOutcome
from django_dinero.models.transaction import Transaction
from django_dinero.money import plain_amount
from django_dinero.services import journal, ledger, pull
from django_dinero.services.errors import PASSING, error_for
from django_dinero.services.recovery import idempotency, lookup

#: Answers that leave it open.
UNDECIDED = (ResultStatus.HELD, ResultStatus.REQUIRES_ACTION)
#: Answers after which no money moves.
REFUSED = (ResultStatus.DECLINED, ResultStatus.FAILED)


def perform(
    gateway: Gateway,
    operation: Operation,
    call: Callable[[], TransactionResult],
    parent: Transaction | None = None,
) -> Transaction:
    """Send a new operation, record the answer, and return the row or raise the refusal.

    Args:
        parent: what the operation follows.
    """
    result = journal.send(gateway, operation, call, TransactionResult)
    operation.next_action = result.next_action
    outcome = journal.outcome_of_result(result)
    part = _note_of_part_given_back(operation, result)
    if part:
        outcome = replace(outcome, gateway_text=part)
    if _lacks_id(operation, result, outcome):
        return _leave_without_id(operation, outcome)
    if operation.kind == OperationKind.VOID and result.outcome in UNDECIDED:
        # It has no row that a review could decide: the gateway's records tell how it ended.
        return _leave_to_look_up(operation, journal_notes.NOT_DECIDED)
    contradiction = contradiction_of(operation, result)
    if contradiction:
        error: DineroError = mark_needs_attention(operation, outcome, contradiction)
        return raise_unless_ended(operation, OperationState.NEEDS_ATTENTION, error)
    if operation.kind in CHARGES and has_reason(result, ReasonKind.DUPLICATE_TRANSACTION):
        # The duplicate is not this charge, and only a person can explain it. Authorize.Net, for
        # one, compares our key too, so that two attempts of ours are no duplicates of each other.
        mark_needs_attention(operation, outcome, outcome.gateway_text)
        error = error_for(result.reasons, operation=operation, gateway_name=gateway.name)
        return raise_unless_ended(operation, OperationState.NEEDS_ATTENTION, error)
    made = after_passing_refusal(operation, result)
    if made is None and operation.kind in CHARGES and _has_no_card(result):
        made = _after_missing_card(operation)
    if made is not None:
        return made
    row = ledger.end_with_row(
        operation,
        outcome,
        parent,
        is_callers=True,
        transaction_id=outcome.transaction_id or operation.transaction_id,
    )
    if row is None:
        return idempotency.answer_to_worker(operation)
    return ledger.row_or_raise(operation, row)


def _note_of_part_given_back(operation: Operation, result: TransactionResult) -> str:
    """Return a note that a part was approved and given back, or an empty string.

    The gateway's own words ask for another payment, as if the part were kept.
    """
    got, asked = result.amount, operation.asked_amount
    is_declined = operation.kind in CHARGES and result.outcome is ResultStatus.DECLINED
    if not is_declined or got is None or not 0 < got < asked:
        return ""
    return journal_notes.ONLY_A_PART % {
        "amount": plain_amount(got, result.currency or operation.currency)
    }


def _lacks_id(operation: Operation, result: TransactionResult, outcome: RecordedOutcome) -> bool:
    """Say whether an answer made something that could never be found or given back.

    The gateway's records have the id, or nothing: a test mode answers so, and moves no money.
    """
    has_own_id = operation.kind in (*CHARGES, OperationKind.REFUND)
    return has_own_id and result.outcome not in REFUSED and not outcome.transaction_id


def is_passing(result: TransactionResult) -> bool:
    """Say whether a refusal is a passing one: about the gateway's trouble, not the payment."""
    return result.outcome is ResultStatus.FAILED and has_reason(result, *PASSING)


def after_passing_refusal(operation: Operation, result: TransactionResult) -> Transaction | None:
    """Raise a refusal that says nothing about the payment, and leave the idempotency key free.

    If the key kept it, the same payment would be refused for ever, whatever was mended meanwhile.

    Returns:
        The row, if the gateway did it all the same; None if the answer is no such refusal.

    Raises:
        OutcomeUnknown: the gateway is in trouble, and its records could not be read, or do not
            show what became of it: lists lag, so that they prove nothing before its quarantine is
            over.
    """
    if not is_passing(result):
        return None
    made, unread = _made_all_the_same(operation)
    if made is not None:
        return made
    if unread and has_reason(result, ReasonKind.UNAVAILABLE):
        return _leave_to_look_up(operation, unread)
    error = error_for(result.reasons, operation=operation, gateway_name=operation.gateway_name)
    return free_key_and_raise(operation, error)


def free_key_and_raise(operation: Operation, error: DineroError) -> Transaction:
    """End an operation that did nothing, so that its key is free; raise ``error``.

    Returns:
        The row, if somebody else has found meanwhile that it did something.
    """
    journal.end(operation, OperationState.FAILED, RecordedOutcome.of_error(error))
    return raise_unless_ended(operation, OperationState.FAILED, error)


def raise_unless_ended(
    operation: Operation, state: OperationState, error: DineroError
) -> Transaction:
    """Raise ``error`` if the operation has come to ``state``.

    Otherwise somebody else has ended it meanwhile, a webhook for one, and that end counts.

    Returns:
        The row that the operation has got by that end.
    """
    if operation.state == state and not operation.has_result:
        raise error
    return idempotency.answer_to_worker(operation)


def _after_missing_card(operation: Operation) -> Transaction | None:
    """Return the charge that was made all the same, or None: then the gateway's word stands.

    A proxy may deliver a request twice, and the card be deleted between the two: the answer that
    comes back is the second one's.
    """
    made, unread = _made_all_the_same(operation)
    if made is not None:
        return made
    is_new = pull.card_was_new(operation)
    if unread not in ("", journal_notes.NOT_FOUND_YET) and (
        is_new or unread != journal_notes.INCOMPLETE_LIST
    ):
        return _leave_to_look_up(operation, unread)
    if not is_new:
        return None
    return free_key_and_raise(operation, pull.card_not_found_yet(operation))


def _has_no_card(result: TransactionResult) -> bool:
    return result.outcome is ResultStatus.FAILED and has_reason(result, *pull.NO_CARD)


def _made_all_the_same(operation: Operation) -> tuple[Transaction | None, str]:
    """Search for what a refused operation did all the same.

    Returns:
        Its row, None if nothing was found; and why that proves nothing yet, empty if the records
        show that it failed. A list that the account may not read is only incomplete.
    """
    found, problem = lookup.search(operation)
    made = [match for match in found.matches if not _is_failed(match)]
    if not made:
        missing = "" if found.matches else journal_notes.NOT_FOUND_YET
        return None, problem or (missing if found.complete else journal_notes.INCOMPLETE_LIST)
    lookup.end_from_matches(operation, made, is_callers=True)
    return idempotency.answer_to_worker(operation), ""


def _is_failed(match: lookup.Match) -> bool:
    """Whether this is the gateway's record of the refusal itself."""
    return isinstance(match, RemoteTransaction) and match.status is RemoteStatus.FAILED


def _leave_to_look_up(operation: Operation, why: str) -> Transaction:
    """Leave an operation to the look-up, and raise that; return its row if it has one by now."""
    journal.end(operation, OperationState.UNKNOWN, RecordedOutcome(error=why[:500]))
    return idempotency.answer_to_worker(operation)


def _leave_without_id(operation: Operation, outcome: RecordedOutcome) -> Transaction:
    """Leave an approval without an id to the look-up, or to a person where that has been made."""
    journal.end(operation, OperationState.UNKNOWN, RecordedOutcome(error=journal_notes.WITHOUT_ID))
    if operation.state in ledger.PROVEN_ABSENT and not operation.has_result:
        raise mark_needs_attention(operation, outcome, journal_notes.WITHOUT_ID)
    return idempotency.answer_to_worker(operation)


def mark_needs_attention(
    operation: Operation, outcome: RecordedOutcome, contradiction: str
) -> NeedsAttention:
    """Leave an operation to a person, since its answer cannot be believed; return what to raise.

    Args:
        contradiction: why, as a note of the journal.
    """
    noted = replace(outcome, error=contradiction)
    journal.end_operation(operation, OperationState.NEEDS_ATTENTION, noted, lambda: None)
    if not operation.ended_from and outcome.result not in REFUSED:
        # Somebody else has ended it, and nothing here keeps what the gateway said.
        journal.log_unwritten(operation, noted)
    said = journal_notes.shown(contradiction)
    return NeedsAttention(said, operation=operation, gateway_name=operation.gateway_name)


def contradiction_of(operation: Operation, result: TransactionResult) -> str:
    """Return how an answer differs from what was asked, as a note, or an empty string."""
    return other_operation_of(operation, result) or other_amount_of(operation, result)


def other_operation_of(operation: Operation, result: TransactionResult) -> str:
    """Return which other operation an answer is about, as a note, or an empty string."""
    if result.operation_key and result.operation_key != operation.key:
        return journal_notes.ANOTHER_OPERATION % {"key": result.operation_key}
    return ""


def other_amount_of(operation: Operation, result: TransactionResult) -> str:
    """Return which other amount or currency was approved, as a note, or an empty string."""
    if result.outcome in REFUSED:
        return ""
    if result.amount is not None and result.amount != operation.asked_amount:
        return journal_notes.APPROVED_OTHER % {
            "got": plain_amount(result.amount, result.currency or operation.currency),
            "asked": plain_amount(operation.asked_amount, operation.currency),
        }
    if result.currency and result.currency != operation.currency:
        values = {"got": result.currency, "asked": operation.currency}
        return journal_notes.APPROVED_OTHER % values
    return ""


def abandon(operation: Operation, error: DineroError) -> DineroError:
    """Fail an operation that proved impossible before it was sent; return what to raise."""
    journal.move(operation, OperationState.FAILED, RecordedOutcome.of_error(error))
    error.operation = operation
    return error
