"""getTransactionDetailsRequest, and what the reports share with it."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from types import MappingProxyType

from django_dinero.enums import RemoteStatus
from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.bank.enums import Outcome, RowKind
from django_dinero.sandbox.bank.records import BankRefusal, LedgerRow, Verdict
from django_dinero.sandbox.dialects.authorizenet import codes
from django_dinero.sandbox.dialects.authorizenet.messages import Answer, Refused
from django_dinero.sandbox.dialects.authorizenet.parse import Node
from django_dinero.sandbox.dialects.authorizenet.reply import Tree
from django_dinero.sandbox.dialects.authorizenet.results import reason_of
from django_dinero.sandbox.dialects.authorizenet.wire import billing_tree, card_tree

_TYPES = {
    RowKind.CHARGE: "authCaptureTransaction",
    RowKind.AUTHORIZATION: "authOnlyTransaction",
    RowKind.CAPTURE_ONLY: "captureOnlyTransaction",
    RowKind.REFUND: "refundTransaction",
    RowKind.VALIDATION: "authOnlyTransaction",
}
#: The gateway's name of a payment's status. Some of refunds and held payments differ.
STATUSES: Mapping[RemoteStatus, str] = MappingProxyType(
    {
        RemoteStatus.AUTHORIZED: "authorizedPendingCapture",
        RemoteStatus.CAPTURED: "capturedPendingSettlement",
        RemoteStatus.SETTLED: "settledSuccessfully",
        RemoteStatus.VOIDED: "voided",
        RemoteStatus.HELD: "FDSPendingReview",
        # Made by another dialect on the same store: this one has no name for it.
        RemoteStatus.REQUIRES_ACTION: "underReview",
        RemoteStatus.DECLINED: "declined",
        RemoteStatus.EXPIRED: "expired",
        RemoteStatus.RETURNED: "returnedItem",
        RemoteStatus.CHARGED_BACK: "chargeback",
        RemoteStatus.FAILED: "generalError",
    }
)
_REFUNDS = {
    RemoteStatus.CAPTURED: "refundPendingSettlement",
    RemoteStatus.SETTLED: "refundSettledSuccessfully",
}
_RETURNED = {"code": "R02", "description": "Account Closed"}


def status_of(row: LedgerRow) -> str:
    """Return the ``transactionStatus`` of a row."""
    if row.kind is RowKind.REFUND and row.status in _REFUNDS:
        return _REFUNDS[row.status]
    if row.status is RemoteStatus.HELD and row.auth_code:
        return "FDSAuthorizedPendingReview"
    return STATUSES[row.status]


def utc(moment: datetime.datetime) -> str:
    """Return a time as the reports write it: to the millisecond, with a Z."""
    plain = moment.astimezone(datetime.UTC).replace(tzinfo=None)
    return f"{plain.isoformat(timespec='milliseconds')}Z"


def transaction_details(bank: Bank, request: Node) -> Answer:
    """Answer getTransactionDetailsRequest; ``transrefId`` is the refId of the first request."""
    try:
        row = bank.retrieve_transaction(request.value("transId"))
    except BankRefusal:
        raise Refused("E00040") from None
    return Answer({"transaction": _details(row), "transrefId": row.operation_key[:20] or None})


def _details(row: LedgerRow) -> Tree:
    reason = _reason(row)
    held = row.status is RemoteStatus.HELD
    return {
        "transId": row.id,
        "refTransId": row.parent_id or None,
        "submitTimeUTC": utc(row.submitted_at),
        "submitTimeLocal": utc(row.submitted_at).rstrip("Z"),
        "transactionType": _TYPES[row.kind],
        "transactionStatus": status_of(row),
        "responseCode": reason.response,
        "responseReasonCode": reason.code,
        "responseReasonDescription": reason.text,
        "authCode": row.auth_code or None,
        "AVSResponse": row.avs.value,
        "cardCodeResponse": row.cvv.value,
        "FDSFilterAction": "authAndHold" if held else None,
        "batch": _batch(row),
        "order": _filled(
            invoiceNumber=row.invoice,
            description=row.description,
            purchaseOrderNumber=row.purchase_order,
        ),
        "requestedAmount": f"{row.requested_amount or row.amount:.2f}",
        "authAmount": f"{row.amount:.2f}",
        "settleAmount": f"{_settle_amount(row):.2f}",
        "taxExempt": "false",
        "payment": {"creditCard": card_tree(row)},
        "customer": _filled(type=row.customer_type, id=row.customer_reference, email=row.email),
        "billTo": billing_tree(row.billing),
        "recurringBilling": "false",
        "customerIP": row.customer_ip or None,
        "product": "Card Not Present",
        "marketType": "eCommerce",
        "returnedItems": _returned(row),
        "profile": _filled(customerProfileId=row.customer_id, customerPaymentProfileId=row.card_id),
        "networkTransId": row.network_transaction_id or None,
    }


def _filled(**values: str) -> Tree | None:
    """Return the values that are not empty; None where none is left."""
    return {name: value for name, value in values.items() if value} or None


def _settle_amount(row: LedgerRow) -> object:
    """Return what was or will be settled; the whole amount where nothing will, as the real one."""
    return row.settled_amount if row.settled_amount is not None else row.amount


def _batch(row: LedgerRow) -> Tree | None:
    if not row.batch_id or row.settled_at is None:
        return None
    return {
        "batchId": row.batch_id,
        "settlementTimeUTC": utc(row.settled_at),
        "settlementTimeLocal": utc(row.settled_at).rstrip("Z"),
        "settlementState": "settledSuccessfully",
    }


def _returned(row: LedgerRow) -> Tree | None:
    if row.status is not RemoteStatus.RETURNED or row.settled_at is None:
        return None
    times = {
        "dateUTC": utc(row.settled_at),
        "dateLocal": utc(row.settled_at).rstrip("Z"),
    }
    return {"returnedItem": [{"id": row.id, **times, **_RETURNED}]}


def _reason(row: LedgerRow) -> codes.ReasonCode:
    outcomes = {
        RemoteStatus.HELD: Outcome.HELD,
        RemoteStatus.REQUIRES_ACTION: Outcome.HELD,
        RemoteStatus.DECLINED: Outcome.DECLINED,
    }
    outcome = outcomes.get(row.status, Outcome.APPROVED)
    return reason_of(Verdict(outcome, row, reason=row.reason))
