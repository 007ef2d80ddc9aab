"""getTransactionDetailsRequest, and what the reports share with it."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from types import MappingProxyType

from django_dinero.enums import RemoteStatus
from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.bank.enums import EntryKind, Outcome
from django_dinero.sandbox.bank.records import BankRefusal, Entry, Verdict
from django_dinero.sandbox.dialects.authorizenet import codes
from django_dinero.sandbox.dialects.authorizenet.messages import Answer, Refused
from django_dinero.sandbox.dialects.authorizenet.parse import Node
from django_dinero.sandbox.dialects.authorizenet.reply import Tree
from django_dinero.sandbox.dialects.authorizenet.results import reason_of
from django_dinero.sandbox.dialects.authorizenet.wire import billing_tree, card_tree

_TYPES = {
    EntryKind.CHARGE: "authCaptureTransaction",
    EntryKind.AUTHORIZATION: "authOnlyTransaction",
    EntryKind.REFUND: "refundTransaction",
    EntryKind.VALIDATION: "authOnlyTransaction",
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


def status_of(entry: Entry) -> str:
    """Return the ``transactionStatus`` of an entry."""
    if entry.kind is EntryKind.REFUND and entry.status in _REFUNDS:
        return _REFUNDS[entry.status]
    if entry.status is RemoteStatus.HELD and entry.auth_code:
        return "FDSAuthorizedPendingReview"
    return STATUSES[entry.status]


def utc(moment: datetime.datetime) -> str:
    """Return a time as the reports write it: to the millisecond, with a Z."""
    plain = moment.astimezone(datetime.UTC).replace(tzinfo=None)
    return f"{plain.isoformat(timespec='milliseconds')}Z"


def transaction_details(bank: Bank, request: Node) -> Answer:
    """Answer getTransactionDetailsRequest; ``transrefId`` is the refId of the first request."""
    try:
        entry = bank.retrieve_transaction(request.value("transId"))
    except BankRefusal:
        raise Refused("E00040") from None
    return Answer({"transaction": _details(entry), "transrefId": entry.operation_key[:20] or None})


def _details(entry: Entry) -> Tree:
    reason = _reason(entry)
    held = entry.status is RemoteStatus.HELD
    return {
        "transId": entry.id,
        "refTransId": entry.parent_id or None,
        "submitTimeUTC": utc(entry.submitted_at),
        "submitTimeLocal": utc(entry.submitted_at).rstrip("Z"),
        "transactionType": _TYPES[entry.kind],
        "transactionStatus": status_of(entry),
        "responseCode": reason.response,
        "responseReasonCode": reason.code,
        "responseReasonDescription": reason.text,
        "authCode": entry.auth_code or None,
        "AVSResponse": entry.avs.value,
        "cardCodeResponse": entry.cvv.value,
        "FDSFilterAction": "authAndHold" if held else None,
        "batch": _batch(entry),
        "order": _filled(invoiceNumber=entry.invoice, description=entry.description),
        "requestedAmount": f"{entry.requested_amount or entry.amount:.2f}",
        "authAmount": f"{entry.amount:.2f}",
        "settleAmount": f"{_settle_amount(entry):.2f}",
        "taxExempt": "false",
        "payment": {"creditCard": card_tree(entry)},
        "customer": _filled(id=entry.customer_reference, email=entry.email),
        "billTo": billing_tree(entry.billing),
        "recurringBilling": "false",
        "customerIP": entry.customer_ip or None,
        "product": "Card Not Present",
        "marketType": "eCommerce",
        "returnedItems": _returned(entry),
        "profile": _filled(
            customerProfileId=entry.customer_id, customerPaymentProfileId=entry.card_id
        ),
        "networkTransId": entry.network_transaction_id or None,
    }


def _filled(**values: str) -> Tree | None:
    """Return the values that are not empty; None where none is left."""
    return {name: value for name, value in values.items() if value} or None


def _settle_amount(entry: Entry) -> object:
    """Return what was or will be settled; the whole amount where nothing will, as the real one."""
    return entry.settled_amount if entry.settled_amount is not None else entry.amount


def _batch(entry: Entry) -> Tree | None:
    if not entry.batch_id or entry.settled_at is None:
        return None
    return {
        "batchId": entry.batch_id,
        "settlementTimeUTC": utc(entry.settled_at),
        "settlementTimeLocal": utc(entry.settled_at).rstrip("Z"),
        "settlementState": "settledSuccessfully",
    }


def _returned(entry: Entry) -> Tree | None:
    if entry.status is not RemoteStatus.RETURNED or entry.settled_at is None:
        return None
    times = {
        "dateUTC": utc(entry.settled_at),
        "dateLocal": utc(entry.settled_at).rstrip("Z"),
    }
    return {"returnedItem": [{"id": entry.id, **times, **_RETURNED}]}


def _reason(entry: Entry) -> codes.ReasonCode:
    outcomes = {
        RemoteStatus.HELD: Outcome.HELD,
        RemoteStatus.REQUIRES_ACTION: Outcome.HELD,
        RemoteStatus.DECLINED: Outcome.DECLINED,
    }
    outcome = outcomes.get(entry.status, Outcome.APPROVED)
    return reason_of(Verdict(outcome, entry, reason=entry.reason))
