"""Payments that the gateway holds for review: approved or declined."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Literal, Unpack

from django.utils.translation import gettext as _

from django_dinero.enums import RemoteStatus, ResultStatus, TransactionKind
from django_dinero.exceptions import (
    AuthenticationError,
    DineroError,
    NeedsAttention,
    NotPermittedError,
    OutcomeUnknown,
    UnsupportedFeature,
)
from django_dinero.gateways.base import Gateway
from django_dinero.gateways.types import RemoteTransaction, TransactionResult
from django_dinero.models import journal_notes
from django_dinero.models.arguments import FollowUpOptions
from django_dinero.models.operation import Operation, OperationKind, OperationState
from django_dinero.models.records import RecordedOutcome
from django_dinero.models.transaction import Transaction
from django_dinero.models.transaction_status import TransactionStatus
from django_dinero.observing.verbs import verb
from django_dinero.services import journal, ledger, pull
from django_dinero.services.errors import error_for, read_transaction
from django_dinero.services.payments import rules
from django_dinero.services.payments.execute import (
    free_key_and_raise,
    is_passing,
    mark_needs_attention,
    other_amount_of,
    other_operation_of,
    raise_unless_ended,
)
from django_dinero.services.payments.followups import FollowUpArguments, FollowUpOrder
from django_dinero.services.recovery import idempotency

Action = Literal["approve", "decline"]

KINDS = {"approve": OperationKind.APPROVE_HELD, "decline": OperationKind.DECLINE_HELD}
#: Errors of an account that may not read its own records. Asking again later does not help.
UNREADABLE = (AuthenticationError, NotPermittedError, UnsupportedFeature)
STATUSES = {"approve": TransactionStatus.APPROVED, "decline": TransactionStatus.DECLINED}


@verb("decide_review")
def decide_review(
    held: Transaction, action: Action, **options: Unpack[FollowUpOptions]
) -> Transaction:
    """Approve or decline a payment that the gateway holds; returns the row, brought up to date."""
    held.is_replay = False  # an earlier call may have made the payment, but not this decision
    price = Decimal(held.price)
    arguments = FollowUpArguments.read(options, held)
    order = FollowUpOrder.of(KINDS[action], held, price, rules.decision_error, arguments)
    # It names no amount, and another one than was asked for may have been approved since.
    order = replace(order, any_amount=True)
    if order.earlier() is not None:
        return _decided_before(order)
    problem = order.problem(ledger.family_of(held))
    if problem is not None:
        order.rival_or_raise(problem)
        return _decided_before(order)
    try:
        operation = order.open()
    except journal.KeyTaken as taken:
        order.rival_answer(taken.operation)
        return _decided_before(order)
    _decide(order, operation, action)
    ledger.refresh(held)
    return held


def _decided_before(order: FollowUpOrder) -> Transaction:
    """Return the row of a decision that was made under the same key before.

    Raises:
        NeedsAttention: another amount was approved, as it was told the first time.
    """
    held = order.original
    ledger.refresh(held)
    held.is_replay = True
    made = idempotency.operation_of(order.key)
    if made is not None and made.asked_amount != held.price:
        raise _another_amount(made, held)
    return held


def _another_amount(operation: Operation, held: Transaction) -> NeedsAttention:
    text = _("The gateway has it with another amount or currency.")
    return NeedsAttention(text, operation=operation, transaction=held)


def _decide(order: FollowUpOrder, operation: Operation, action: Action) -> None:
    gateway, held, request = order.gateway, order.original, order.request
    call = partial(gateway.decide_review, request, action)
    result = journal.send(gateway, operation, call, TransactionResult)
    outcome = journal.outcome_of_result(result)
    other = other_operation_of(operation, result)
    if other:
        error = mark_needs_attention(operation, outcome, other)
        raise_unless_ended(operation, OperationState.NEEDS_ATTENTION, error)
        return
    # A gateway may answer a decline with "approved", and mean either "yes, it is declined" or "no,
    # it was approved before". What counts is what its records say afterwards.
    remote, problem = _record_of(gateway, request.transaction_id)
    if isinstance(problem, UNREADABLE):
        remote = _told_otherwise(operation, held, result)
    if remote is not None and not pull.is_still_held(held, remote):
        differs = pull.differs_from_row(held, remote)
        pull.end_decision_from_remote(operation, held, remote, outcome)
        if differs:
            raise _another_amount(operation, held)
    else:
        _end_without_records(order, operation, action, result, problem)
    ledger.refresh(held)
    ledger.align_undecided(held)
    ledger.row_or_raise(operation, held)


def _told_otherwise(
    operation: Operation, held: Transaction, result: TransactionResult
) -> RemoteTransaction | None:
    """Return a payment as the answer has it, if another amount was approved; otherwise None.

    Raises:
        NeedsAttention: the answer has another amount, and does not tell what became of it.
    """
    other = other_amount_of(operation, result)
    if not other:
        return None
    approved = result.outcome is ResultStatus.APPROVED
    if operation.kind != OperationKind.APPROVE_HELD or not approved:
        raise mark_needs_attention(operation, journal.outcome_of_result(result), other)
    is_charge = held.kind == TransactionKind.CHARGE
    return RemoteTransaction(
        held.transaction_id or "",
        TransactionKind(held.kind),
        RemoteStatus.CAPTURED if is_charge else RemoteStatus.AUTHORIZED,
        Decimal(held.price) if result.amount is None else result.amount,
        result.currency or held.currency,
    )


def _end_without_records(
    order: FollowUpOrder,
    operation: Operation,
    action: Action,
    result: TransactionResult,
    problem: DineroError | None,
) -> None:
    """End a decision that the gateway's records do not show.

    Args:
        problem: why they could not be read; None if they were, and the payment is still held.
    """
    may_be_seen_later = not isinstance(problem, UNREADABLE)
    if is_passing(result):
        if problem is None or not may_be_seen_later:
            error = error_for(result.reasons, operation=operation, gateway_name=order.gateway.name)
            free_key_and_raise(operation, error)
            return
    elif result.outcome is ResultStatus.FAILED or not may_be_seen_later:
        _end_by_answer(order, operation, action, result)
        return
    note = journal_notes.NOT_BORNE_OUT
    journal.end(operation, OperationState.UNKNOWN, RecordedOutcome(error=note))
    said = journal_notes.shown(note)
    unknown = OutcomeUnknown(said, operation=operation, gateway_name=order.gateway.name)
    raise_unless_ended(operation, OperationState.UNKNOWN, unknown)


def _end_by_answer(
    order: FollowUpOrder, operation: Operation, action: Action, result: TransactionResult
) -> None:
    """Believe the answer: it is a refusal, or the account may not read its records."""
    held, status = order.original, None
    if result.outcome is ResultStatus.APPROVED:
        status = STATUSES[action]
    elif result.outcome is ResultStatus.DECLINED:
        status = TransactionStatus.DECLINED
    state = OperationState.SUCCEEDED if status == STATUSES[action] else OperationState.FAILED
    outcome = journal.outcome_of_result(result)
    if status is None:
        journal.end_operation(operation, state, outcome, lambda: None)
        return
    review = ledger.Decision.of(held, ledger.RemoteStanding(status))
    journal.end_operation(operation, state, outcome, review.write_row, also=review.write_operation)
    ledger.announce_decision(review)


def _record_of(
    gateway: Gateway, transaction_id: str
) -> tuple[RemoteTransaction | None, DineroError | None]:
    """Return how the gateway's records have a payment, or None and why they could not be read."""
    try:
        return read_transaction(gateway, transaction_id), None
    except DineroError as error:
        return None, error
