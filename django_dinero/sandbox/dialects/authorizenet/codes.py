"""The gateway's code and message for each refusal of the bank.

Reason codes and texts: Authorize.Net's public response code table and recorded replies.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from django_dinero.sandbox.bank.enums import Reason

APPROVED, DECLINED, ERROR, HELD = "1", "2", "3", "4"


@dataclass(frozen=True, slots=True)
class ReasonCode:
    """How a money operation was answered: responseCode, reason code and text."""

    response: str
    code: str
    text: str


_DECLINED = "This transaction has been declined."
_NOT_FOUND = "The transaction cannot be found."
_NO_CREDIT = "The referenced transaction does not meet the criteria for issuing a credit."
_RECEIVED = "Your order has been received. Thank you for your business!"

APPROVAL = ReasonCode(APPROVED, "1", "This transaction has been approved.")
NO_REFERENCE = ReasonCode(ERROR, "33", "A valid referenced transaction ID is required.")
MISSING_FIELDS = ReasonCode(
    ERROR, "290", "There is one or more missing or invalid required fields."
)
NO_AUTH_CODE = ReasonCode(ERROR, "12", "An authorization code is required but not present.")
NO_ECHECK = ReasonCode(ERROR, "18", "ACH transactions are not accepted by this merchant.")
INVALID_EXPIRY = ReasonCode(ERROR, "7", "Credit card expiration date is invalid.")
INVALID_CARD_CODE = ReasonCode(ERROR, "78", "The Card Code (CVV2/CVC2/CID) is invalid.")
#: Held before its authorization, and held with one.
HELD_UNAUTHORIZED = ReasonCode(HELD, "252", _RECEIVED)
HELD_AUTHORIZED = ReasonCode(HELD, "253", _RECEIVED)

_ALREADY_CAPTURED = ReasonCode(APPROVED, "311", "This transaction has already been captured.")
_UNDER_REVIEW = ReasonCode(ERROR, "193", "The transaction is currently under review.")
_GONE = ReasonCode(ERROR, "16", _NOT_FOUND)
BAD_NUMBER = ReasonCode(ERROR, "6", "The credit card number is invalid.")

#: Every refusal that a money operation can meet.
REASONS: Mapping[Reason, ReasonCode] = MappingProxyType(
    {
        Reason.DECLINED: ReasonCode(DECLINED, "2", _DECLINED),
        Reason.INVALID_AMOUNT: ReasonCode(ERROR, "5", "A valid amount is required."),
        Reason.INVALID_NUMBER: BAD_NUMBER,
        Reason.ZERO_AMOUNT: ReasonCode(
            ERROR,
            "289",
            "This processor does not accept zero dollar authorization for this card type.",
        ),
        Reason.MASKED_MISMATCH: BAD_NUMBER,
        Reason.MISSING_ADDRESS: MISSING_FIELDS,
        Reason.EXPIRED: ReasonCode(ERROR, "8", "The credit card has expired."),
        Reason.DUPLICATE: ReasonCode(ERROR, "11", "A duplicate transaction has been submitted."),
        Reason.NOT_FOUND: _GONE,
        Reason.NOT_CAPTURABLE: _GONE,
        Reason.NOT_VOIDABLE: _GONE,
        Reason.NOT_HELD: _GONE,
        Reason.AUTHORIZATION_EXPIRED: _GONE,
        Reason.ALREADY_SETTLED: _GONE,
        Reason.AVS: ReasonCode(
            DECLINED,
            "27",
            "The transaction has been declined because of an AVS mismatch. The address provided"
            " does not match billing address of cardholder.",
        ),
        Reason.INVALID_CURRENCY: ReasonCode(
            ERROR,
            "39",
            "The supplied currency code is either invalid, not supported, not allowed for this"
            " merchant or doesn't have an exchange rate.",
        ),
        Reason.CVV: ReasonCode(DECLINED, "44", _DECLINED),
        Reason.AVS_AND_CVV: ReasonCode(DECLINED, "45", _DECLINED),
        Reason.CAPTURE_EXCEEDS_AUTHORIZATION: ReasonCode(
            ERROR,
            "47",
            "The amount requested for settlement cannot be greater than the original amount"
            " authorized.",
        ),
        Reason.REFUND_NOT_SETTLED: ReasonCode(ERROR, "54", _NO_CREDIT),
        Reason.NOT_REFUNDABLE: ReasonCode(ERROR, "54", _NO_CREDIT),
        Reason.REFUND_WRONG_CARD: ReasonCode(ERROR, "54", _NO_CREDIT),
        Reason.REFUND_EXCEEDS: ReasonCode(
            ERROR,
            "55",
            "The sum of credits against the referenced transaction would exceed original debit"
            " amount.",
        ),
        Reason.HELD: _UNDER_REVIEW,
        Reason.ACTION_REQUIRED: _UNDER_REVIEW,
        Reason.PARTIAL_APPROVAL: ReasonCode(
            HELD,
            "295",
            "The amount of this request was only partially approved on the given prepaid card."
            " Another payment is required to complete the balance of this transaction.",
        ),
        Reason.ALREADY_VOIDED: ReasonCode(
            APPROVED, "310", "This transaction has already been voided."
        ),
        Reason.ALREADY_CAPTURED: _ALREADY_CAPTURED,
    }
)
