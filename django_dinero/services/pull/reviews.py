"""How the review of a held payment ended, as the gateway's own records have it."""

from __future__ import annotations

from dataclasses import replace

from django.utils.translation import override

from django_dinero.enums import ReasonKind, RemoteStatus, ResultStatus
from django_dinero.gateways.types import RemoteTransaction
from django_dinero.models import journal_notes
from django_dinero.models.operation import Operation, OperationKind, OperationState
from django_dinero.models.records import RecordedOutcome
from django_dinero.models.transaction import Transaction
from django_dinero.models.transaction_status import TAKEN, UNDECIDED, TransactionStatus
from django_dinero.services import journal, ledger
from django_dinero.services.ledger import statuses
from django_dinero.services.pull.updating import decision_of, write_remote_state


def end_decision_from_remote(
    operation: Operation, held: Transaction, remote: RemoteTransaction, outcome: RecordedOutcome
) -> None:
    """End the decision about a held payment, and bring its row up to date.

    Args:
        operation: the decision.
        held: the payment; it is up to date afterwards.
        remote: the payment, as the gateway's records have it after the decision.
        outcome: what the gateway answered, empty if the answer was lost.
    """
    done = _is_as_decided(operation.kind, remote.status)
    if not outcome.result:
        outcome = journal.outcome_of_remote(remote)
    if not done and outcome.status is ResultStatus.APPROVED:
        status = TransactionStatus(statuses.FROM_REMOTE[remote.status])
        with override("en"):
            text = journal_notes.RECORDS_SAY % {"status": status.label}
        outcome = replace(
            outcome,
            result=ResultStatus.FAILED.value,
            reason=ReasonKind.INVALID_TRANSACTION.value,
            reasons=(ReasonKind.INVALID_TRANSACTION.value,),
            gateway_text=text,
        )
    state = OperationState.SUCCEEDED if done else OperationState.FAILED
    if held.status in UNDECIDED:
        # All in one transaction: a void that comes next must not be what the charge is told by.
        review = decision_of(held, remote)
        also = review.write_operation
        if journal.end_operation(operation, state, outcome, review.write_row, also=also):
            ledger.refresh(held)
            ledger.announce_standing(held)
        write_remote_state(held, remote)
        ledger.announce_decision(review)
    else:
        journal.end_operation(operation, state, outcome, lambda: None)
        write_remote_state(held, remote)


def _is_as_decided(kind: str, status: RemoteStatus) -> bool:
    if kind == OperationKind.APPROVE_HELD:
        return statuses.FROM_REMOTE[status] in TAKEN
    return status in (RemoteStatus.DECLINED, RemoteStatus.VOIDED)
