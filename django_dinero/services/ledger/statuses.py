"""What a gateway's words mean here: which state, which row, which status."""

from __future__ import annotations

from collections.abc import Mapping

from django_dinero.enums import RemoteStatus, ResultStatus, TransactionKind
from django_dinero.models.operation import OperationKind, OperationState
from django_dinero.models.transaction_status import UNDECIDED, TransactionStatus

KINDS: Mapping[str, TransactionKind] = {
    OperationKind.CHARGE: TransactionKind.CHARGE,
    OperationKind.AUTHORIZE: TransactionKind.AUTHORIZATION,
    OperationKind.CAPTURE: TransactionKind.CAPTURE,
    OperationKind.VOID: TransactionKind.VOID,
    OperationKind.REFUND: TransactionKind.REFUND,
}

STATUSES: Mapping[str, TransactionStatus] = {
    ResultStatus.APPROVED: TransactionStatus.APPROVED,
    ResultStatus.DECLINED: TransactionStatus.DECLINED,
    ResultStatus.HELD: TransactionStatus.HELD,
    ResultStatus.FAILED: TransactionStatus.FAILED,
    ResultStatus.REQUIRES_ACTION: TransactionStatus.REQUIRES_ACTION,
}

STATES: Mapping[str, OperationState] = {
    ResultStatus.APPROVED: OperationState.SUCCEEDED,
    ResultStatus.DECLINED: OperationState.DECLINED,
    ResultStatus.HELD: OperationState.HELD,
    ResultStatus.FAILED: OperationState.FAILED,
    ResultStatus.REQUIRES_ACTION: OperationState.REQUIRES_ACTION,
}

#: What the gateway's status says of a charge, an authorization, a capture or a refund of ours.
FROM_REMOTE: Mapping[RemoteStatus, TransactionStatus] = {
    RemoteStatus.AUTHORIZED: TransactionStatus.APPROVED,
    RemoteStatus.CAPTURED: TransactionStatus.APPROVED,
    RemoteStatus.SETTLED: TransactionStatus.SETTLED,
    RemoteStatus.VOIDED: TransactionStatus.VOIDED,
    RemoteStatus.HELD: TransactionStatus.HELD,
    RemoteStatus.REQUIRES_ACTION: TransactionStatus.REQUIRES_ACTION,
    RemoteStatus.DECLINED: TransactionStatus.DECLINED,
    RemoteStatus.EXPIRED: TransactionStatus.EXPIRED,
    RemoteStatus.RETURNED: TransactionStatus.RETURNED,
    RemoteStatus.CHARGED_BACK: TransactionStatus.CHARGED_BACK,
    RemoteStatus.FAILED: TransactionStatus.FAILED,
}

#: Kinds that share the gateway's id of their original: there is one row of each for an id.
SHARED = (TransactionKind.CAPTURE, TransactionKind.VOID)

#: What may become of a payment that has a status here, once it is decided. The rest contradicts it.
FOLLOWS: Mapping[str, frozenset[str]] = {
    TransactionStatus.APPROVED: frozenset(
        {
            TransactionStatus.SETTLED,
            TransactionStatus.VOIDED,
            TransactionStatus.EXPIRED,
            TransactionStatus.RETURNED,
            TransactionStatus.CHARGED_BACK,
            TransactionStatus.FAILED,
        }
    ),
    TransactionStatus.SETTLED: frozenset(
        {TransactionStatus.RETURNED, TransactionStatus.CHARGED_BACK}
    ),
    # The dispute was decided for the merchant.
    TransactionStatus.CHARGED_BACK: frozenset({TransactionStatus.SETTLED}),
}


def may_follow(old: str, new: str) -> bool:
    """Say whether a payment that stands as ``old`` here may have come to ``new`` at the gateway."""
    return old == new or old in UNDECIDED or new in FOLLOWS.get(old, ())
