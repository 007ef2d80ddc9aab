"""Money requests in the gateway's words: element names and values, in any order.

The writer puts them in the schema's order and leaves out what is empty. Numbers, card codes and
tokens stay secrets until then.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from django_dinero.cards import Address, CardDetails, PaymentToken
from django_dinero.gateways.types import ChargeRequest, FollowUpRequest, StoredCard

#: The descriptor of an Accept.js nonce (the Accept.js guide).
NONCE = "COMMON.ACCEPT.INAPP.PAYMENT"
#: The mask of an expiry date. Sent back, it leaves the date as it is.
MASKED_EXPIRY = "XXXX"
MAX_DESCRIPTION = 255

#: billTo, our name → theirs.
BILLING: Mapping[str, str] = {
    "first_name": "firstName",
    "last_name": "lastName",
    "company": "company",
    "address": "address",
    "city": "city",
    "state": "state",
    "zip": "zip",
    "country": "country",
    "phone": "phoneNumber",
    "fax": "faxNumber",
}


# -- Cards and addresses, for charges and for the vault --------------------------------------------


def billing(address: Address) -> dict[str, str]:
    """Return an address as ``billTo``."""
    return {theirs: getattr(address, ours) for ours, theirs in BILLING.items()}


def payment(card: CardDetails | PaymentToken) -> dict[str, Any]:
    """Return a typed card or a token as ``payment``."""
    if isinstance(card, PaymentToken):
        descriptor = card.descriptor or NONCE
        token = {"dataDescriptor": descriptor, "dataValue": card.value}
        return {"opaqueData": token}
    return {
        "creditCard": {
            "cardNumber": card.number,
            "expirationDate": expiry(card.month, card.year),
            "cardCode": card.cvv,
        }
    }


def expiry(month: int | None, year: int | None) -> str:
    """Return an expiry date as ``YYYY-MM``, or the mask where there is none."""
    return f"{year:04d}-{month:02d}" if month and year else MASKED_EXPIRY


# -- transactionRequest ----------------------------------------------------------------------------


def charge(request: ChargeRequest, duplicate_window: int) -> dict[str, Any]:
    """Return a charge or an authorization as ``transactionRequest``."""
    kind = "authCaptureTransaction" if request.capture else "authOnlyTransaction"
    values: dict[str, Any] = {
        "transactionType": kind,
        "amount": f"{request.amount:f}",
        "currencyCode": request.currency,
        "order": order(request.operation_key, request.order_reference, request.description),
        "customerIP": request.customer_ip,
        "transactionSettings": _settings(duplicate_window),
        **_stored_credential(request),
    }
    if isinstance(request.source, StoredCard):
        # Beside a profile the gateway refuses payment and billTo (E00090, E00091, E00093), and
        # what the profile holds already: customer.email.
        return {**values, "profile": _profile(request.source, request)}
    return {
        **values,
        "payment": payment(request.source),
        "customer": {"email": request.email},
        "billTo": billing(request.source.address),
    }


def _profile(card: StoredCard, request: ChargeRequest) -> dict[str, Any]:
    return {
        "customerProfileId": card.customer_id,
        "paymentProfile": {
            "paymentProfileId": card.card_id,
            "cardCode": request.cvv,
        },
    }


def order(key: str, reference: str, description: str) -> dict[str, str]:
    """Return our key as the invoice number, and the merchant's texts as the description.

    The invoice number is the one field that the gateway's lists show and that its duplicate check
    compares, so it carries our key.
    """
    texts = " | ".join(text for text in (reference, description) if text)
    return {"invoiceNumber": key, "description": texts[:MAX_DESCRIPTION]}


def _settings(duplicate_window: int) -> dict[str, Any]:
    # Sent even where it is the default: only then does the reply to a duplicate name the original.
    setting = {"settingName": "duplicateWindow", "settingValue": str(duplicate_window)}
    return {"setting": [setting]}


def _stored_credential(request: ChargeRequest) -> dict[str, Any]:
    """Return the networks' flags: who started the charge, and which first charge it follows."""
    if not isinstance(request.source, StoredCard):
        return {}
    if request.stores_card:
        return {"processingOptions": {"isFirstSubsequentAuth": "true"}}
    if request.initiator != "merchant":
        return {"processingOptions": {"isStoredCredentials": "true"}}
    amount = request.original_amount
    return {
        "processingOptions": {"isSubsequentAuth": "true"},
        "subsequentAuthInformation": {
            "originalNetworkTransId": request.network_transaction_id,
            "originalAuthAmount": f"{amount:f}" if amount is not None else "",
        },
    }


def capture(request: FollowUpRequest) -> dict[str, Any]:
    """Return a capture as ``transactionRequest``."""
    return {
        "transactionType": "priorAuthCaptureTransaction",
        "amount": f"{request.amount:f}",
        "currencyCode": request.currency,
        "refTransId": request.transaction_id,
    }


def void(transaction_id: str) -> dict[str, Any]:
    """Return a void as ``transactionRequest``."""
    return {"transactionType": "voidTransaction", "refTransId": transaction_id}


def refund(request: FollowUpRequest, duplicate_window: int) -> dict[str, Any]:
    """Return a refund as ``transactionRequest``: to the masked number, or to the stored card."""
    values: dict[str, Any] = {
        "transactionType": "refundTransaction",
        "amount": f"{request.amount:f}",
        "currencyCode": request.currency,
        "refTransId": request.transaction_id,
        "order": order(request.operation_key, request.order_reference, request.description),
        "transactionSettings": _settings(duplicate_window),
    }
    if not request.last_4:
        stored = {"paymentProfileId": request.card_id}
        return {
            **values,
            "profile": {"customerProfileId": request.customer_id, "paymentProfile": stored},
        }
    # The last four digits even where the card is stored: a profile that was deleted, or got
    # another number since the charge, would refuse the refund (E00040, E00051).
    card = {"cardNumber": f"XXXX{request.last_4}", "expirationDate": MASKED_EXPIRY}
    return {**values, "payment": {"creditCard": card}}


# -- heldTransactionRequest ------------------------------------------------------------------------


def decide_review(transaction_id: str, action: Literal["approve", "decline"]) -> dict[str, Any]:
    """Return the values of updateHeldTransaction."""
    return {"heldTransactionRequest": {"action": action, "refTransId": transaction_id}}
