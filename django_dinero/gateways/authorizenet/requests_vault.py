"""Requests about customer profiles and payment profiles, in the gateway's words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django_dinero.cards import CardDetails, PaymentToken
from django_dinero.gateways.authorizenet.requests import billing, expiry, payment
from django_dinero.gateways.authorizenet.xml import at, text_at
from django_dinero.gateways.types import CardRequest, CardUpdate, CustomerRequest, CustomerUpdate
from django_dinero.protocols.authorizenet import TYPES
from django_dinero.redaction import Secret

#: Constant, so that "merchantCustomerId, description and e-mail all equal" means "our customer".
PROFILE_DESCRIPTION = "django-dinero"
#: What an update sends back although no model here has it.
_KEPT = ("customerType", "taxId", "excludeFromAccountUpdater")
_FIRST_CHARGE = ("originalNetworkTransId", "originalAuthAmount")


# -- Customers -------------------------------------------------------------------------------------


def create_customer(request: CustomerRequest, validation_mode: str) -> dict[str, Any]:
    """Return a profile, with a payment profile where there is a card.

    A profile has no name: that goes with the card. The gateway takes a validation mode only
    beside a card.
    """
    profile: dict[str, Any] = {
        "merchantCustomerId": request.customer_key,
        "description": PROFILE_DESCRIPTION,
        "email": request.email,
    }
    if request.card is None:
        return {"profile": profile}
    profile["paymentProfiles"] = [payment_profile(request.card, default=True)]
    return {"profile": profile, "validationMode": validation_mode}


def update_customer(request: CustomerUpdate, stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return a whole profile, since an update blanks what it does not send.

    Args:
        request: what to write.
        stored: the profile as the gateway showed it a moment ago. The description of a customer
            that other software stored is not ours to change.
    """
    profile = {
        "merchantCustomerId": request.customer_key,
        "description": text_at(stored, "description"),
        "email": request.email,
        "customerProfileId": request.customer_id,
        "profileType": text_at(stored, "profileType"),
    }
    return {"profile": profile}


# -- Cards -----------------------------------------------------------------------------------------


def profile_ids(customer_id: str, card_id: str) -> dict[str, Any]:
    """Return the two ids that name a payment profile."""
    return {"customerProfileId": customer_id, "customerPaymentProfileId": card_id}


def add_card(request: CardRequest, validation_mode: str) -> dict[str, Any]:
    """Return one more payment profile."""
    return {
        "customerProfileId": request.customer_id,
        "paymentProfile": payment_profile(request.card, default=request.is_default),
        "validationMode": validation_mode,
    }


def update_card(
    request: CardUpdate, stored: Mapping[str, Any], validation_mode: str
) -> dict[str, Any]:
    """Return a whole payment profile; only a new number is checked again.

    ``stored`` is the profile as the gateway showed it a moment ago.
    """
    return {
        "customerProfileId": request.customer_id,
        "paymentProfile": merged_profile(request, stored),
        "validationMode": validation_mode if request.card else "none",
    }


def validate_card(
    customer_id: str, card_id: str, cvv: Secret | None, validation_mode: str
) -> dict[str, Any]:
    """Return a card check: with the issuer in liveMode, of the form alone in testMode."""
    return {
        **profile_ids(customer_id, card_id),
        "cardCode": cvv,
        "validationMode": "testMode" if validation_mode == "none" else validation_mode,
    }


def payment_profile(card: CardDetails | PaymentToken, *, default: bool) -> dict[str, Any]:
    """Return a card to store."""
    return {
        "customerType": "individual",
        "billTo": billing(card.address),
        "payment": payment(card),
        "defaultPaymentProfile": "true" if default else None,
    }


def merged_profile(request: CardUpdate, stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return a whole payment profile: an update replaces everything that it does not send.

    Args:
        request: what to write.
        stored: the profile as the gateway showed it a moment ago. Its masked values mean
            "unchanged" and must go back exactly as they came.
    """
    bill_to = at(stored, "billTo")
    email = {"email": text_at(bill_to, "email")}
    return {
        **{name: text_at(stored, name) for name in _KEPT},
        "driversLicense": _sendable("driversLicenseType", at(stored, "driversLicense")),
        "billTo": {**email, **billing(request.address)},
        **({"payment": payment(request.card)} if request.card else _unchanged(request, stored)),
        "defaultPaymentProfile": "true" if request.is_default else None,
        "customerPaymentProfileId": request.card_id,
    }


def _unchanged(request: CardUpdate, stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return the masked number with the expiry date, and the first charge made with it."""
    bank_account = _sendable("bankAccountType", at(stored, "payment", "bankAccount"))
    number = text_at(stored, "payment", "creditCard", "cardNumber")
    expires = expiry(request.month, request.year)
    card = {"cardNumber": number, "expirationDate": expires} if number else {}
    return {
        "payment": {"bankAccount": bank_account} if bank_account else {"creditCard": card},
        "subsequentAuthInformation": {name: text_at(stored, name) for name in _FIRST_CHARGE},
    }


def _sendable(type_name: str, found: Any) -> dict[str, Any]:
    """Return what the schema lets us send back; a newer server may show more than that."""
    names = [child.name for child in TYPES[type_name]]
    return {name: text for name in names if (text := text_at(found, name))}
