"""Payments that the gateway holds for review: approved or declined."""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import Literal, Unpack

from django.utils.translation import gettext as _

from django_dinero.db.failures import own_errors
from django_dinero.enums import RemoteStatus, ResultStatus
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
from django_dinero.models.arguments import FollowUpOptions
from django_dinero.models.operation import Operation, OperationKind, OperationState
from django_dinero.models.transaction import Transaction, TransactionStatus
from django_dinero.services import journal, ledger, pull
from django_dinero.services.errors import read
from django_dinero.services.journal.records import RecordedOutcome
from django_dinero.services.payments import rules
from django_dinero.services.payments.execute import (
    contradiction_of,
    mark_needs_attention,
    raise_if_passing,
)
from django_dinero.services.payments.followups import FollowUpOrder, Given
from django_dinero.services.recovery import idempotency

Action = Literal["approve", "decline"]

KINDS = {"approve": OperationKind.APPROVE_HELD, "decline": OperationKind.DECLINE_HELD}
#: The account may not read its own records; asking again later does not help.
UNREADABLE = (AuthenticationError, NotPermittedError, UnsupportedFeature)
STATUSES = {"approve": TransactionStatus.APPROVED, "decline": TransactionStatus.DECLINED}


@own_errors()
def decide_review(
    held: Transaction, action: Action, **options: Unpack[FollowUpOptions]
) -> Transaction:
    """Approve or decline a payment that the gateway holds; returns the row, brought up to date."""
    price = Decimal(held.price)
    given = Given.read(options, held)
    order = FollowUpOrder.of(KINDS[action], held, price, rules.decision_error, given)
    if order.earlier() is not None:
        ledger.refresh(held)
        return held
    problem = order.problem(ledger.family_of(held))
    if problem is not None:
        order.rival_or_raise(problem)
        ledger.refresh(held)
        return held
    try:
        operation = order.open()
    except journal.KeyTaken as taken:
        idempotency.rival_answer(taken.operation, order.parameters)
    else:
        _decide(order, operation, action)
    ledger.refresh(held)
    return held


def _decide(order: FollowUpOrder, operation: Operation, action: Action) -> None:
    gateway, held, request = order.gateway, order.original, order.request
    result = journal.send(gateway, operation, partial(gateway.decide_review, request, action))
    outcome = RecordedOutcome.of_result(result)
    contradiction = contradiction_of(operation, result)
    if contradiction:
        raise mark_needs_attention(operation, outcome, contradiction)
    # Its answer to a decline may be "approved", for "yes, it is declined" as well as for "no, it
    # was approved". What counts is what its records say afterwards.
    remote, problem = _record_of(gateway, request.transaction_id)
    if remote is None or remote.status is RemoteStatus.HELD:
        raise_if_passing(operation, result)
    refused = result.outcome is ResultStatus.FAILED
    if remote is not None and remote.status is not RemoteStatus.HELD:
        pull.conclude_decision(operation, held, remote, outcome)
        if pull.differs_from_row(held, remote):
            raise NeedsAttention(
                _("The gateway has it with another amount or currency."),
                operation=operation,
                transaction=held,
            )
    elif not refused and (remote is not None or not isinstance(problem, UNREADABLE)):
        text = _("The gateway says that it is decided, and its records do not show it yet.")
        journal.end(operation, OperationState.UNKNOWN, RecordedOutcome(error=text))
        raise OutcomeUnknown(text, operation=operation, gateway_name=gateway.name)
    else:
        _conclude_by_answer(order, operation, action, result)
    ledger.refresh(held)
    ledger.align_undecided(held)
    ledger.row_or_raise(operation, held)


def _conclude_by_answer(
    order: FollowUpOrder, operation: Operation, action: Action, result: TransactionResult
) -> None:
    """Believe the answer: it is a refusal, or the account may not read its records."""
    held, status = order.original, None
    if result.outcome is ResultStatus.APPROVED:
        status = STATUSES[action]
    elif result.outcome is ResultStatus.DECLINED:
        status = TransactionStatus.DECLINED
    journal.conclude(
        operation,
        OperationState.SUCCEEDED if status == STATUSES[action] else OperationState.FAILED,
        RecordedOutcome.of_result(result),
        lambda: ledger.write_decision(held, status) if status else None,
    )


def _record_of(
    gateway: Gateway, transaction_id: str
) -> tuple[RemoteTransaction | None, DineroError | None]:
    """Return how the gateway's records have a payment, or None and why they could not be read."""
    try:
        return read(gateway, lambda: gateway.retrieve_transaction(transaction_id)), None
    except DineroError as error:
        return None, error
