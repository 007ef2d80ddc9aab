"""What a gateway's words mean here: which state, which row, which status."""

from __future__ import annotations

from collections.abc import Mapping

from django_dinero.gateways.types import Outcome, RemoteStatus
from django_dinero.models.operation import OperationKind, OperationState
from django_dinero.models.transaction import COUNTED, TransactionKind, TransactionStatus

KINDS: Mapping[str, TransactionKind] = {
    OperationKind.CHARGE: TransactionKind.CHARGE,
    OperationKind.AUTHORIZE: TransactionKind.AUTHORIZATION,
    OperationKind.SETTLE: TransactionKind.CAPTURE,
    OperationKind.VOID: TransactionKind.VOID,
    OperationKind.REFUND: TransactionKind.REFUND,
}

STATUSES: Mapping[Outcome, TransactionStatus] = {
    Outcome.APPROVED: TransactionStatus.APPROVED,
    Outcome.DECLINED: TransactionStatus.DECLINED,
    Outcome.HELD: TransactionStatus.HELD,
    Outcome.FAILED: TransactionStatus.FAILED,
    Outcome.REQUIRES_ACTION: TransactionStatus.HELD,
}

STATES: Mapping[Outcome, OperationState] = {
    Outcome.APPROVED: OperationState.SUCCEEDED,
    Outcome.DECLINED: OperationState.DECLINED,
    Outcome.HELD: OperationState.PENDING,
    Outcome.FAILED: OperationState.FAILED,
    Outcome.REQUIRES_ACTION: OperationState.PENDING,
}

#: What the gateway's status says of a charge, an authorization, a capture or a refund of ours.
FROM_REMOTE: Mapping[RemoteStatus, TransactionStatus] = {
    RemoteStatus.AUTHORIZED: TransactionStatus.APPROVED,
    RemoteStatus.CAPTURED: TransactionStatus.APPROVED,
    RemoteStatus.SETTLED: TransactionStatus.SETTLED,
    RemoteStatus.VOIDED: TransactionStatus.VOIDED,
    RemoteStatus.HELD: TransactionStatus.HELD,
    RemoteStatus.DECLINED: TransactionStatus.DECLINED,
    RemoteStatus.EXPIRED: TransactionStatus.EXPIRED,
    RemoteStatus.RETURNED: TransactionStatus.RETURNED,
    RemoteStatus.CHARGED_BACK: TransactionStatus.CHARGED_BACK,
    RemoteStatus.FAILED: TransactionStatus.FAILED,
}

#: What has the remote id of its original, so that there is one of each.
SHARED = (TransactionKind.CAPTURE, TransactionKind.VOID)
#: Statuses of a payment that was taken, whatever became of it.
TAKEN = (*COUNTED, TransactionStatus.RETURNED, TransactionStatus.CHARGED_BACK)

#: How the call ended that made what the gateway shows.
OUTCOMES: Mapping[RemoteStatus, Outcome] = {
    RemoteStatus.AUTHORIZED: Outcome.APPROVED,
    RemoteStatus.CAPTURED: Outcome.APPROVED,
    RemoteStatus.SETTLED: Outcome.APPROVED,
    RemoteStatus.VOIDED: Outcome.APPROVED,
    RemoteStatus.HELD: Outcome.HELD,
    RemoteStatus.DECLINED: Outcome.DECLINED,
    RemoteStatus.EXPIRED: Outcome.APPROVED,
    RemoteStatus.RETURNED: Outcome.APPROVED,
    RemoteStatus.CHARGED_BACK: Outcome.APPROVED,
    RemoteStatus.FAILED: Outcome.FAILED,
}
