"""What the gateway's replies about customers and cards say, in our words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from django.utils.translation import gettext as _

from django_dinero.cards import Address, CardDetails
from django_dinero.enums import ReasonKind, ResultStatus
from django_dinero.exceptions import OutcomeUnknown
from django_dinero.gateways.authorizenet import codes, direct_response
from django_dinero.gateways.authorizenet.client import Reply
from django_dinero.gateways.authorizenet.requests import BILLING
from django_dinero.gateways.authorizenet.responses import account
from django_dinero.gateways.authorizenet.xml import at, dicts_at, text_at, texts_at
from django_dinero.gateways.types import (
    Ack,
    CardUpdate,
    CustomerRequest,
    Reason,
    Refusal,
    RemoteCard,
    RemoteCustomer,
    TransactionResult,
)
from django_dinero.redaction import scrub

K = ReasonKind

_GONE = (codes.NOT_FOUND, codes.ALREADY_DELETED)
_EXPIRY = re.compile(r"(\d{4})-(\d{2})")
_DUPLICATE_ID = re.compile(r"\bID (\d+)")


# -- Profiles --------------------------------------------------------------------------------------


def customer(profile: Mapping[str, Any]) -> RemoteCustomer:
    """Return a ``profile`` of getCustomerProfile; it has no names beside those of its cards."""
    customer_id = text_at(profile, "customerProfileId")
    cards = tuple(
        card(item, customer_id)
        for item in dicts_at(profile, "paymentProfiles")
        if text_at(item, "customerPaymentProfileId")
    )
    return RemoteCustomer(
        customer_id=customer_id,
        customer_key=text_at(profile, "merchantCustomerId"),
        email=text_at(profile, "email"),
        cards=cards,
    )


def card(profile: Mapping[str, Any], customer_id: str) -> RemoteCard:
    """Return a masked payment profile."""
    month, year = _expiry(text_at(profile, "payment", "creditCard", "expirationDate"))
    bill_to = at(profile, "billTo")
    return RemoteCard(
        customer_id=text_at(profile, "customerProfileId") or customer_id,
        card_id=text_at(profile, "customerPaymentProfileId"),
        last_4=account(profile),
        brand=codes.brand(text_at(profile, "payment", "creditCard", "cardType")),
        month=month,
        year=year,
        address=Address(**{ours: text_at(bill_to, theirs) for ours, theirs in BILLING.items()}),
        is_default=text_at(profile, "defaultPaymentProfile").lower() in ("true", "1"),
    )


def _expiry(text: str) -> tuple[int | None, int | None]:
    found = _EXPIRY.fullmatch(text)
    return (int(found[2]), int(found[1])) if found else (None, None)


def ids(content: Mapping[str, Any], name: str) -> list[str]:
    """Return a list of ids (``ids`` or ``customerPaymentProfileIdList``)."""
    return list(texts_at(content, name, "numericString"))


# -- What was stored -------------------------------------------------------------------------------


def new_id(reply: Reply, name: str) -> str:
    """Return the id of what was just stored.

    Raises:
        OutcomeUnknown: it was stored, and the reply does not say under which id.
    """
    found = text_at(reply.content, name)
    if not found:
        raise OutcomeUnknown(_("The gateway says Ok and gives no %(name)s.") % {"name": name})
    return found


def new_card_ids(reply: Reply, request: CustomerRequest) -> list[str]:
    """Return the ids of the cards that were stored with a customer.

    Raises:
        OutcomeUnknown: a card was stored, and the reply does not say under which id.
    """
    found = ids(reply.content, "customerPaymentProfileIdList")
    if request.card is not None and not found:
        raise OutcomeUnknown(_("The gateway says Ok and gives no card."))
    return found


def new_customer(
    request: CustomerRequest, customer_id: str, cards: Iterable[RemoteCard]
) -> RemoteCustomer:
    """Return a customer as we sent it; its first card is the default."""
    return RemoteCustomer(
        customer_id=customer_id,
        customer_key=request.customer_key,
        email=request.email,
        first_name=request.first_name,
        last_name=request.last_name,
        cards=tuple(replace(each, is_default=i == 0) for i, each in enumerate(cards)),
    )


def card_as_sent(customer_id: str, card_id: str, sent: CardDetails) -> RemoteCard:
    """Return a card as we sent it, since the reply has nothing but its id."""
    return RemoteCard(
        customer_id=customer_id,
        card_id=card_id,
        last_4=sent.last_4,
        brand=sent.brand,
        month=sent.month,
        year=sent.year,
        address=sent.address,
    )


def card_with_changes(request: CardUpdate, stored: Mapping[str, Any]) -> RemoteCard:
    """Return a stored card with the expiry date and the address that we sent."""
    before = card(stored, request.customer_id)
    return replace(before, month=request.month, year=request.year, address=request.address)


# -- Refusals --------------------------------------------------------------------------------------


def create_customer_refusal(reply: Reply) -> Refusal:
    """Return why a customer was not stored: a duplicate, or what is wrong with the card."""
    if reply.code == codes.DUPLICATE_RECORD:
        return duplicate(K.DUPLICATE_CUSTOMER, reply, existing_id=duplicate_id(reply.text))
    texts = list(texts_at(reply.content, "validationDirectResponseList", "string"))
    return _validation_refusal(reply, texts[0] if texts else "")


def add_card_refusal(reply: Reply) -> Refusal:
    """Return why a card was not stored, if not as a duplicate."""
    return _validation_refusal(reply, text_at(reply.content, "validationDirectResponse"))


def update_card_refusal(reply: Reply) -> Refusal:
    """Return why a card was not changed."""
    if reply.code == codes.DUPLICATE_RECORD:
        return duplicate(K.DUPLICATE_CARD, reply)
    if reply.code == codes.NOT_FOUND:
        return reply.refusal(K.CARD_NOT_FOUND)
    return _validation_refusal(reply, text_at(reply.content, "validationDirectResponse"))


def is_duplicate(reply: Reply) -> bool:
    """Say whether the gateway has refused what it has already."""
    return reply.code == codes.DUPLICATE_RECORD and not reply.ok


def named_card(reply: Reply) -> str:
    """Return the id of the card that a reply names, empty where it names none."""
    return text_at(reply.content, "customerPaymentProfileId")


def duplicate(kind: ReasonKind, reply: Reply, *, existing_id: str = "") -> Refusal:
    """Return the refusal of a duplicate; ``existing_id`` is what it collides with, if known."""
    return Refusal((Reason(kind, reply.code, scrub(reply.text)),), existing_id=existing_id)


def duplicate_id(text: str) -> str:
    """Return the id in "A duplicate record with ID 35938239 already exists."."""
    found = _DUPLICATE_ID.search(text)
    return found[1] if found else ""


def _validation_refusal(reply: Reply, text: str) -> Refusal:
    """Return why a card was not stored: the card check's own reason where there is one.

    Args:
        reply: the refusal.
        text: the direct response of the card check, empty where there is none.
    """
    told = direct_response.parse(text) if text else None
    if reply.code != "E00027" or told is None or told.response_code == "1":
        return reply.refusal(K.CUSTOMER_NOT_FOUND)
    outcome = codes.OUTCOMES[told.response_code]
    return Refusal(codes.transaction_reasons(told.reason_code, told.reason_text, outcome))


# -- Acknowledgements and checks -------------------------------------------------------------------


def updated(reply: Reply, missing: ReasonKind) -> Ack | Refusal:
    """Return how an update ended; ``missing`` is what "not found" is about."""
    return Ack() if reply.ok else reply.refusal(missing)


def deleted(reply: Reply, missing: ReasonKind) -> Ack | Refusal:
    """Return how a deletion ended: what is gone already counts as deleted."""
    if reply.code in _GONE:
        return Ack(already=True)
    return updated(reply, missing)


def validation(reply: Reply) -> TransactionResult:
    """Return what the check of a stored card found."""
    told = direct_response.parse(text_at(reply.content, "directResponse"))
    if told is None and reply.ok:
        return TransactionResult(ResultStatus.APPROVED)
    if told is None or (told.response_code == "1" and not reply.ok):
        return TransactionResult(ResultStatus.FAILED, reasons=reply.reasons(K.CARD_NOT_FOUND))
    outcome = codes.OUTCOMES[told.response_code]
    reasons = codes.transaction_reasons(told.reason_code, told.reason_text, outcome)
    return TransactionResult(
        outcome,
        transaction_id=told.transaction_id if told.transaction_id != "0" else "",
        auth_code=told.auth_code,
        avs=told.avs,
        cvv=told.cvv,
        last_4=told.last_4,
        brand=codes.brand(told.account_type),
        reasons=() if outcome is ResultStatus.APPROVED else reasons,
    )
