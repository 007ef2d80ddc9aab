"""Authorize.Net's codes and what they mean here.

Sources: the official response code table (API messages ``E00001`` … and transaction reason codes)
and the schema's lists of transaction statuses. A code that is in no table becomes a
``GATEWAY_ERROR`` with its code and text, never a crash.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from django_dinero.enums import ReasonKind, RemoteStatus, ResultStatus, TransactionKind
from django_dinero.gateways.types import Reason
from django_dinero.redaction import scrub

K = ReasonKind

#: Codes of ``messages/message/code`` whose meaning does not depend on the request.
MESSAGES: Mapping[str, ReasonKind] = {
    "E00005": K.AUTHENTICATION,  # transactionKey is invalid or not present
    "E00006": K.AUTHENTICATION,  # name is invalid or not present
    "E00007": K.AUTHENTICATION,  # invalid authentication values
    "E00008": K.AUTHENTICATION,  # the account is inactive
    "E00009": K.NOT_PERMITTED,  # the account is in test mode
    "E00010": K.AUTHENTICATION,  # wrong type of authentication for the user
    "E00011": K.NOT_PERMITTED,  # the call is not allowed, as without Transaction Details API
    "E00029": K.INVALID_CARD,  # payment information is required
    "E00042": K.CARD_LIMIT,  # no more than 10 payment profiles
    "E00044": K.NOT_PERMITTED,  # Customer Information Manager is not enabled
    "E00051": K.REFUND,  # the original was not issued for this payment profile
    "E00059": K.AUTHENTICATION,  # the authentication type is not allowed for this method
    "E00098": K.CUSTOMER_NOT_FOUND,
    "E00113": K.INVALID_CARD,  # a token's data is invalid; up to E00117: tokens
    "E00114": K.INVALID_CARD,
    "E00115": K.INVALID_CARD,
    "E00116": K.INVALID_CARD,
    "E00117": K.INVALID_CARD,
    "E00118": K.CARD_DECLINED,  # a blocked IP address
    "E00121": K.CARD_NOT_FOUND,  # no default payment profile
    "E00122": K.AUTHENTICATION,
    "E00123": K.AUTHENTICATION,
    "E00124": K.AUTHENTICATION,
    "E00139": K.AUTHENTICATION,
}

#: Codes that say that a field is wrong. The text names the field.
FIELD_MESSAGES = frozenset({"E00003", "E00013", "E00014", "E00015", "E00016", "E00027"})
DUPLICATE_RECORD = "E00039"
NOT_FOUND = "E00040"
#: "An error occurred during processing", a database timeout, too busy, maintenance, a server error.
#: They do not say whether a change was carried out before the gateway broke off.
BROKE_OFF = frozenset({"E00001", "E00049", "E00053", "E00104", "E00133"})
ALREADY_DELETED = "I00003"

#: Codes of ``transactionResponse/errors/error/errorCode`` and of ``responseReasonCode``.
REASONS: Mapping[str, tuple[ReasonKind, ...]] = {
    **dict.fromkeys(("2", "3", "4", "41", "141", "145", "165"), (K.CARD_DECLINED,)),
    **dict.fromkeys(("200", "201", "202", "203", "204", "205", "206"), (K.CARD_DECLINED,)),
    **dict.fromkeys(("223", "250", "251", "254", "295"), (K.CARD_DECLINED,)),
    **dict.fromkeys(("5", "47", "49", "289"), (K.INVALID_AMOUNT,)),
    **dict.fromkeys(("6", "9", "10", "17", "28", "37", "315"), (K.INVALID_CARD,)),
    **dict.fromkeys(("7", "8", "316", "317"), (K.EXPIRY,)),
    **dict.fromkeys(("11", "318"), (K.DUPLICATE_TRANSACTION,)),
    "13": (K.AUTHENTICATION,),
    **dict.fromkeys(("16", "319", "310", "311"), (K.INVALID_TRANSACTION,)),
    **dict.fromkeys(("27", "127"), (K.AVS,)),
    **dict.fromkeys(("44", "65", "78", "312"), (K.CVV,)),
    "45": (K.AVS, K.CVV),
    **dict.fromkeys(("48", "50", "51", "54", "55", "327"), (K.REFUND,)),
    **dict.fromkeys(("193", "252", "253"), (K.HELD,)),
    # The processor is in trouble: "try again in 5 minutes".
    **dict.fromkeys(("19", "20", "21", "22", "23", "25", "26"), (K.UNAVAILABLE,)),
    **dict.fromkeys(("57", "58", "59", "60", "61", "62", "63"), (K.UNAVAILABLE,)),
}

#: Reason codes that mean "held for review", whatever response code they come with.
UNDER_REVIEW = ("193", "252", "253")

#: The reason code of an approval; a held transaction has it too.
APPROVED = "1"
#: Reason code of a partial approval (a prepaid card).
PARTIAL_APPROVAL = "295"
#: Reason codes of a repeated transaction.
DUPLICATES = ("11", "318")
#: Reason codes of a transaction that broke off: it was approved and not settled (36), its answer
#: did not get through (152), or the gateway failed to void it. Only its records tell whether it
#: stands.
BROKEN = ("36", "120", "121", "122", "152")
#: Reason codes of an *approved* reply in which nothing new happened.
ALREADY_VOIDED = "310"
ALREADY_CAPTURED = "311"

#: ``responseCode``: 1 approved, 2 declined, 3 error, 4 held for review.
OUTCOMES: Mapping[str, ResultStatus] = {
    "1": ResultStatus.APPROVED,
    "2": ResultStatus.DECLINED,
    "3": ResultStatus.FAILED,
    "4": ResultStatus.HELD,
}

#: ``transactionStatus`` of the reporting calls (the schema's transactionStatusEnum).
STATUSES: Mapping[str, RemoteStatus] = {
    "authorizedPendingCapture": RemoteStatus.AUTHORIZED,
    "capturedPendingSettlement": RemoteStatus.CAPTURED,
    "communicationError": RemoteStatus.FAILED,
    "refundSettledSuccessfully": RemoteStatus.SETTLED,
    "refundPendingSettlement": RemoteStatus.CAPTURED,
    "approvedReview": RemoteStatus.CAPTURED,
    "declined": RemoteStatus.DECLINED,
    "couldNotVoid": RemoteStatus.CAPTURED,
    "expired": RemoteStatus.EXPIRED,
    "generalError": RemoteStatus.FAILED,
    "pendingFinalSettlement": RemoteStatus.CAPTURED,
    "pendingSettlement": RemoteStatus.CAPTURED,
    "failedReview": RemoteStatus.DECLINED,
    "settledSuccessfully": RemoteStatus.SETTLED,
    "settlementError": RemoteStatus.FAILED,
    "underReview": RemoteStatus.HELD,
    "updatingSettlement": RemoteStatus.CAPTURED,
    "voided": RemoteStatus.VOIDED,
    "FDSPendingReview": RemoteStatus.HELD,
    "FDSAuthorizedPendingReview": RemoteStatus.HELD,
    "returnedItem": RemoteStatus.RETURNED,
    "chargeback": RemoteStatus.CHARGED_BACK,
    "chargebackReversal": RemoteStatus.SETTLED,
    "authorizedPendingRelease": RemoteStatus.AUTHORIZED,
}

#: ``transactionType`` of getTransactionDetails; a captured authorization keeps its own type.
KINDS: Mapping[str, TransactionKind] = {
    "authCaptureTransaction": TransactionKind.CHARGE,
    "authOnlyTransaction": TransactionKind.AUTHORIZATION,
    "captureOnlyTransaction": TransactionKind.CHARGE,
    "priorAuthCaptureTransaction": TransactionKind.CAPTURE,
    "refundTransaction": TransactionKind.REFUND,
    "voidTransaction": TransactionKind.VOID,
}

#: ``accountType``, in both of its spellings, by its letters in lower case.
BRANDS: Mapping[str, str] = {
    "visa": "visa",
    "mastercard": "mastercard",
    "americanexpress": "amex",
    "amex": "amex",
    "discover": "discover",
    "dinersclub": "diners",
    "jcb": "jcb",
    "echeck": "echeck",
}

_EXPIRY_TEXT = re.compile(r"expiration\s*date|card (has )?expired", re.IGNORECASE)
_CVV_TEXT = re.compile(r"card\s*code|CVV", re.IGNORECASE)
_CARD_TEXT = re.compile(r"card\s*number|account\s*number|routing\s*number", re.IGNORECASE)
_AVS_TEXT = re.compile(r"\bAVS\b", re.IGNORECASE)
_DECLINED_TEXT = re.compile(r"\bdeclined\b", re.IGNORECASE)


def message_reason(code: str, text: str, missing: ReasonKind = K.INVALID_TRANSACTION) -> Reason:
    """Return the reason for an API message.

    Args:
        code: ``E00027`` and the like.
        text: the gateway's words. They may echo a card number, and are scrubbed here.
        missing: what "The record cannot be found." is about; the text does not tell.
    """
    kind = MESSAGES.get(code, K.GATEWAY_ERROR)
    if code == NOT_FOUND:
        kind = missing
    elif code in FIELD_MESSAGES:
        kind = field_kind(text)
    return Reason(kind, code, scrub(text))


def field_kind(text: str) -> ReasonKind:
    """Return what a text is about that names a field or says why a card check failed."""
    if _EXPIRY_TEXT.search(text):
        return K.EXPIRY
    if _CVV_TEXT.search(text):
        return K.CVV
    if _CARD_TEXT.search(text):
        return K.INVALID_CARD
    if _AVS_TEXT.search(text):
        return K.AVS
    return K.CARD_DECLINED if _DECLINED_TEXT.search(text) else K.GATEWAY_ERROR


def transaction_reasons(
    code: str, text: str, outcome: ResultStatus, *, follow_up: bool = False
) -> tuple[Reason, ...]:
    """Return the reasons of a transaction that was not approved.

    Args:
        code: the reason code (``2``, ``27``, ...), empty where the gateway gave none.
        text: the gateway's words.
        outcome: what the response code said. It decides if the reason code is unknown.
        follow_up: it was a refund or a void; for these "cannot be found" refuses the refund.
    """
    kinds = REASONS.get(code)
    if kinds is None:
        kinds = (K.CARD_DECLINED if outcome is ResultStatus.DECLINED else K.GATEWAY_ERROR,)
    if follow_up and code == "16":
        kinds = (K.REFUND,)
    if outcome is ResultStatus.HELD:
        # Whatever the reason code says, it is neither paid nor declined.
        kinds = (K.HELD,)
    shown = scrub(text)
    # Reasons of one refusal share its text, which is shown once.
    return tuple(Reason(kind, code, shown if i == 0 else "") for i, kind in enumerate(kinds))


def brand(account_type: str) -> str:
    """Return our name of a card network, or else the gateway's in lower case."""
    letters = "".join(c for c in account_type.lower() if c.isalnum())
    return BRANDS.get(letters, letters)
