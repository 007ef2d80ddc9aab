"""Reading customers and cards: customer profiles and payment profiles."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from django.utils.translation import gettext as _

from django_dinero.cards import CardDetails, PaymentToken
from django_dinero.enums import ReasonKind
from django_dinero.exceptions import NotSent, OutcomeUnknown
from django_dinero.gateways.authorizenet import requests_vault, responses, responses_vault
from django_dinero.gateways.authorizenet.patience import PatientClient
from django_dinero.gateways.authorizenet.xml import text_at
from django_dinero.gateways.types import (
    CardRequest,
    CardUpdate,
    Refusal,
    RemoteCard,
    RemoteCustomer,
)


def fetch_customer(client: PatientClient, customer_id: str) -> RemoteCustomer | Refusal:
    """Fetch a customer with all cards, expiry dates unmasked."""
    profile = fetch_profile(client, customer_id)
    return profile if isinstance(profile, Refusal) else responses_vault.customer(profile)


def fetch_profile(client: PatientClient, customer_id: str) -> dict[str, Any] | Refusal:
    """Fetch a customer as the gateway shows it."""
    values = {"customerProfileId": customer_id, "unmaskExpirationDate": "true"}
    reply = client.read("getCustomerProfile", values, about=(customer_id,))
    if not reply.ok:
        return reply.refusal(ReasonKind.CUSTOMER_NOT_FOUND)
    profile: dict[str, Any] = reply.content.get("profile") or {}
    return _about(profile, customerProfileId=customer_id)


def fetch_payment_profile(
    client: PatientClient, customer_id: str, card_id: str, *, unmask: bool
) -> dict[str, Any] | Refusal:
    """Fetch one card as the gateway shows it; ``unmask`` is for its expiry date."""
    values = {
        **requests_vault.profile_ids(customer_id, card_id),
        "unmaskExpirationDate": "true" if unmask else None,
    }
    about = (customer_id, card_id)
    reply = client.read("getCustomerPaymentProfile", values, about=about)
    if not reply.ok:
        return reply.refusal(ReasonKind.CARD_NOT_FOUND)
    profile: dict[str, Any] = reply.content.get("paymentProfile") or {}
    return _about(profile, customerPaymentProfileId=card_id)


def _about(profile: dict[str, Any], **asked: str) -> dict[str, Any]:
    """Return a profile, if it is the one that was asked for.

    An update is filled up from it, and would write the values of another one.
    """
    for name, value in asked.items():
        if text_at(profile, name) != value:
            raise OutcomeUnknown(_("The gateway answered with another customer or card."))
    return profile


def stored_card(
    client: PatientClient, customer_id: str, card_id: str, sent: CardDetails | PaymentToken | None
) -> RemoteCard:
    """Return a card that was just stored: as we sent it, or as the gateway shows a token's."""
    if isinstance(sent, CardDetails):
        return responses_vault.card_as_sent(customer_id, card_id, sent)
    shown: dict[str, Any] | Refusal = {}
    # The card is stored. Where this fails, its last four digits come with the next retrieve().
    with contextlib.suppress(NotSent, OutcomeUnknown):
        shown = fetch_payment_profile(client, customer_id, card_id, unmask=True)
    if isinstance(shown, Refusal):
        shown = {}
    return replace(responses_vault.card(shown, customer_id), card_id=card_id)


def updated_card(
    client: PatientClient, request: CardUpdate, before: Mapping[str, Any]
) -> RemoteCard:
    """Return a card after its update; ``before`` is what the gateway showed of it."""
    if request.card is not None:
        card = stored_card(client, request.customer_id, request.card_id, request.card)
    else:
        card = responses_vault.card_with_changes(request, before)
    return replace(card, card_id=request.card_id, is_default=request.is_default)


def find_same_card(client: PatientClient, request: CardRequest) -> str:
    """Return the id of the card that a duplicate collides with, empty if that is not clear.

    The replies of older servers say that the card exists and do not name it.
    """
    if not isinstance(request.card, CardDetails):
        return ""
    customer: RemoteCustomer | Refusal | None = None
    with contextlib.suppress(NotSent, OutcomeUnknown):
        customer = fetch_customer(client, request.customer_id)
    if not isinstance(customer, RemoteCustomer):
        return ""
    wanted = (request.card.last_4, request.card.address.zip)
    found = [card for card in customer.cards if (card.last_4, card.address.zip) == wanted]
    return found[0].card_id if len(found) == 1 else ""


def iter_customers(
    client: PatientClient, gateway_name: str, after: str = ""
) -> Iterator[RemoteCustomer]:
    """Go through all customers, one call each; one that is deleted meanwhile is left out.

    The list of ids comes whole and in no documented order. The ids are numbers that grow, so that
    in theirs what was stored after an earlier walk comes after it.

    Raises:
        AuthenticationError, NotPermittedError: the credentials are wrong, or may not read it.
        GatewayError: the list, or one of its customers, could not be read.
    """
    reply = client.read("getCustomerProfileIds", {})
    if not reply.ok:
        raise responses.unreadable(reply.reason(), gateway_name)
    ids = sorted(responses_vault.ids(reply.content, "ids"), key=_place)
    for customer_id in (each for each in ids if not after or _place(each) > _place(after)):
        customer = fetch_customer(client, customer_id)
        if isinstance(customer, RemoteCustomer):
            yield customer
        elif customer.reasons[0].kind is not ReasonKind.CUSTOMER_NOT_FOUND:
            raise responses.unreadable(customer.reasons[0], gateway_name)


def _place(customer_id: str) -> tuple[int, str]:
    """Return the place of an id among numbers as texts."""
    return len(customer_id), customer_id
