"""The gateway's code and words for each refusal of the bank.

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
NO_ECHECK = ReasonCode(ERROR, "18", "ACH transactions are not accepted by this merchant.")
INVALID_EXPIRY = ReasonCode(ERROR, "7", "Credit card expiration date is invalid.")
INVALID_CARD_CODE = ReasonCode(ERROR, "78", "The Card Code (CVV2/CVC2/CID) is invalid.")
#: Held before its authorization, and held with one.
HELD_UNAUTHORIZED = ReasonCode(HELD, "252", _RECEIVED)
HELD_AUTHORIZED = ReasonCode(HELD, "253", _RECEIVED)

_ALREADY_CAPTURED = ReasonCode(APPROVED, "311", "This transaction has already been captured.")
_GONE = ReasonCode(ERROR, "16", _NOT_FOUND)
BAD_NUMBER = ReasonCode(ERROR, "6", "The credit card number is invalid.")

#: Every refusal that a money operation can meet.
REASONS: Mapping[Reason, ReasonCode] = MappingProxyType(
    {
        Reason.declined: ReasonCode(DECLINED, "2", _DECLINED),
        Reason.invalid_amount: ReasonCode(ERROR, "5", "A valid amount is required."),
        Reason.invalid_number: BAD_NUMBER,
        Reason.masked_mismatch: BAD_NUMBER,
        Reason.missing_address: MISSING_FIELDS,
        Reason.expired: ReasonCode(ERROR, "8", "The credit card has expired."),
        Reason.duplicate: ReasonCode(ERROR, "11", "A duplicate transaction has been submitted."),
        Reason.not_found: _GONE,
        Reason.not_capturable: _GONE,
        Reason.not_voidable: _GONE,
        Reason.not_held: _GONE,
        Reason.authorization_expired: _GONE,
        Reason.already_settled: _GONE,
        Reason.avs: ReasonCode(
            DECLINED,
            "27",
            "The transaction has been declined because of an AVS mismatch. The address provided"
            " does not match billing address of cardholder.",
        ),
        Reason.invalid_currency: ReasonCode(
            ERROR,
            "39",
            "The supplied currency code is either invalid, not supported, not allowed for this"
            " merchant or doesn't have an exchange rate.",
        ),
        Reason.cvv: ReasonCode(DECLINED, "44", _DECLINED),
        Reason.avs_and_cvv: ReasonCode(DECLINED, "45", _DECLINED),
        Reason.capture_exceeds_authorization: ReasonCode(
            ERROR,
            "47",
            "The amount requested for settlement cannot be greater than the original amount"
            " authorized.",
        ),
        Reason.refund_not_settled: ReasonCode(ERROR, "54", _NO_CREDIT),
        Reason.not_refundable: ReasonCode(ERROR, "54", _NO_CREDIT),
        Reason.refund_wrong_card: ReasonCode(ERROR, "54", _NO_CREDIT),
        Reason.refund_exceeds: ReasonCode(
            ERROR,
            "55",
            "The sum of credits against the referenced transaction would exceed original debit"
            " amount.",
        ),
        Reason.held: ReasonCode(ERROR, "193", "The transaction is currently under review."),
        Reason.partial_approval: ReasonCode(
            HELD,
            "295",
            "The amount of this request was only partially approved on the given prepaid card."
            " Another payment is required to complete the balance of this transaction.",
        ),
        Reason.already_voided: ReasonCode(
            APPROVED, "310", "This transaction has already been voided."
        ),
        Reason.already_captured: _ALREADY_CAPTURED,
    }
)
