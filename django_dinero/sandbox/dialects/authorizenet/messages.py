"""The messages of the gateway, by their codes (Authorize.Net's public table, recorded replies)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from django_dinero.sandbox.bank.enums import Reason

MESSAGES: Mapping[str, str] = MappingProxyType(
    {
        "I00001": "Successful.",
        "I00003": "The record has already been deleted.",
        "I00004": "No records found.",
        "E00001": "An error occurred during processing. Please try again.",
        "E00005": "The merchantAuthentication.transactionKey is invalid or not present.",
        "E00006": "The merchantAuthentication.name is invalid or not present.",
        "E00007": "User authentication failed due to invalid authentication values.",
        "E00014": "A required field is not present.",
        "E00015": "The field length is invalid for Card Number.",
        "E00027": "The transaction was unsuccessful.",
        "E00029": "Payment information is required.",
        "E00039": "A duplicate customer payment profile already exists.",
        "E00040": "The record cannot be found.",
        "E00041": "One or more fields in the profile must contain a value.",
        "E00042": "You cannot add more than 10 payment profiles.",
        "E00051": "The original transaction was not issued for this payment profile.",
        "E00053": "The server is currently too busy, please try again later.",
        "E00060": "The transaction type is invalid.",
        "E00088": "ProfileIds cannot be sent when requesting CreateProfile.",
        "E00089": "Payment data is required when requesting CreateProfile.",
        "E00090": "PaymentProfile cannot be sent with payment data.",
        "E00091": "PaymentProfileId cannot be sent with payment data.",
        "E00092": "ShippingProfileId cannot be sent with ShipTo data.",
        "E00093": "PaymentProfile cannot be sent with billing data.",
        "E00098": "Customer Profile ID or Shipping Profile ID not found.",
        "E00099": "Customer profile creation failed. This transaction ID is invalid.",
        "E00102": "Customer Info is missing.",
        "E00103": "Customer profile creation failed. This payment method does not support profile"
        " creation.",
        "E00114": "Invalid OTS Token.",
        "E00115": "Expired OTS Token.",
        "E00121": "No default payment/shipping profile found.",
    }
)

#: The refusals that have a message code of their own, whatever the operation.
CODES: Mapping[Reason, str] = MappingProxyType(
    {
        Reason.CUSTOMER_NOT_FOUND: "E00040",
        Reason.CARD_NOT_FOUND: "E00040",
        Reason.DUPLICATE_CUSTOMER: "E00039",
        Reason.DUPLICATE_CARD: "E00039",
        Reason.ADDRESS_NOT_FOUND: "E00040",
        Reason.DUPLICATE_ADDRESS: "E00039",
        Reason.CARD_LIMIT: "E00042",
        Reason.TOKEN_INVALID: "E00114",
        Reason.TOKEN_USED: "E00114",
        Reason.TOKEN_EXPIRED: "E00115",
    }
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What an operation answers: the reply's body beside the messages, and the message's code."""

    body: Mapping[str, object] = field(default_factory=dict)
    code: str = "I00001"


class Refused(Exception):
    """An operation ends with a message code and, where it has one, a body.

    Args:
        code: a message code.
        text: the message; that of :data:`MESSAGES` when left out.
        body: what the reply holds beside the messages.
    """

    def __init__(self, code: str, text: str = "", body: Mapping[str, object] | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.text = text or MESSAGES[code]
        self.body: Mapping[str, object] = body or {}
