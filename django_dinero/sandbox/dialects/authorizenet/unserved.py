"""What the gateway does and the test bank does not: refused by its name, and listed in the docs."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from django_dinero.sandbox.dialects.authorizenet import codes
from django_dinero.sandbox.dialects.authorizenet.codes import ReasonCode

_SUBSCRIPTIONS = "subscriptions (ARB)"
_HOSTED = "hosted pages"
_MOBILE = "mobile devices"
_UPDATER = "the Account Updater"

#: The official operations that are not served → what they are for.
OPERATIONS: Mapping[str, str] = MappingProxyType(
    {
        "ARBCreateSubscriptionRequest": _SUBSCRIPTIONS,
        "ARBUpdateSubscriptionRequest": _SUBSCRIPTIONS,
        "ARBCancelSubscriptionRequest": _SUBSCRIPTIONS,
        "ARBGetSubscriptionRequest": _SUBSCRIPTIONS,
        "ARBGetSubscriptionStatusRequest": _SUBSCRIPTIONS,
        "ARBGetSubscriptionListRequest": _SUBSCRIPTIONS,
        "getHostedProfilePageRequest": _HOSTED,
        "getHostedPaymentPageRequest": _HOSTED,
        "securePaymentContainerRequest": "tokens of the browser, which the control mint gives",
        "getCustomerPaymentProfileNonceRequest": "tokens for stored cards",
        "decryptPaymentDataRequest": "Visa Checkout",
        "mobileDeviceRegistrationRequest": _MOBILE,
        "mobileDeviceLoginRequest": _MOBILE,
        "logoutRequest": _MOBILE,
        "getAUJobSummaryRequest": _UPDATER,
        "getAUJobDetailsRequest": _UPDATER,
        "updateSplitTenderGroupRequest": "groups of partial payments",
        "updateMerchantDetailsRequest": "the account's settings",
        "sendCustomerTransactionReceiptRequest": "receipts by mail",
    }
)
#: The official transaction types that are not served → what they are for.
TRANSACTION_TYPES: Mapping[str, str] = MappingProxyType(
    {
        "authOnlyContinueTransaction": "PayPal",
        "authCaptureContinueTransaction": "PayPal",
        "getDetailsTransaction": "PayPal",
    }
)
#: What a ``payment`` can hold and the bank does not take → what it is.
PAYMENTS: Mapping[str, str] = MappingProxyType(
    {
        "trackData": "a card's magnetic stripe",
        "encryptedTrackData": "a card's magnetic stripe, encrypted",
        "payPal": "PayPal",
        "emv": "a card's chip",
    }
)
_NO_SUCH_WAY = "This processor does not support this method of submitting payment data."


def operation_text(root: str) -> str:
    """Return the message of E00004 for a root element."""
    return _named("The name of the requested API method is invalid.", root, OPERATIONS)


def transaction_type_text(kind: str) -> str:
    """Return the message of E00060 for a transaction type."""
    return _named("The transaction type is invalid.", kind, TRANSACTION_TYPES)


def payment_reason(name: str) -> ReasonCode:
    """Return how a way to pay is refused that the bank does not take.

    Args:
        name: an element of ``payment``, or the descriptor of an ``opaqueData``.
    """
    known = PAYMENTS if name in PAYMENTS else {name: ""}
    return ReasonCode(codes.ERROR, "155", _named(_NO_SUCH_WAY, name, known))


def _named(text: str, name: str, known: Mapping[str, str]) -> str:
    if name not in known:
        return text
    meaning = f" ({known[name]})" if known[name] else ""
    return f"{text} The test bank does not take {name}{meaning}."
