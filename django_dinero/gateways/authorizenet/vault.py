"""Customers and cards: customer profiles and payment profiles."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import Any

from django.utils.translation import gettext as _

from django_dinero.cards import CardDetails, PaymentToken
from django_dinero.enums import ReasonKind, ResultStatus
from django_dinero.exceptions import NotSent, OutcomeUnknown
from django_dinero.gateways.authorizenet import codes, requests, responses
from django_dinero.gateways.authorizenet import direct_response as authorizenet_direct_response
from django_dinero.gateways.authorizenet.account import Account
from django_dinero.gateways.authorizenet.client import Reply
from django_dinero.gateways.authorizenet.xml import text_at, texts_at
from django_dinero.gateways.types import (
    Ack,
    CardRequest,
    CardUpdate,
    CustomerRequest,
    CustomerUpdate,
    Reason,
    Refusal,
    RemoteCard,
    RemoteCustomer,
    TransactionResult,
)
from django_dinero.redaction import Secret, scrub

_GONE = (codes.NOT_FOUND, codes.ALREADY_DELETED)


class Vault(Account):
    """The vault's verbs."""

    def create_customer(self, request: CustomerRequest) -> RemoteCustomer | Refusal:
        """Create a profile, with a payment profile where there is a card.

        ``merchantCustomerId`` is our customer key. A profile has no name: that goes with the card.
        """
        profile: dict[str, Any] = {
            "merchantCustomerId": request.customer_key,
            "description": requests.PROFILE_DESCRIPTION,
            "email": request.email,
        }
        values: dict[str, Any] = {"profile": profile}
        if request.card is not None:
            profile["paymentProfiles"] = [requests.payment_profile(request.card, default=True)]
            values["validationMode"] = self.options.validation_mode
        key = request.operation_key
        reply = self.client.call("createCustomerProfile", values, changes=True, key=key)
        if not reply.ok:
            return self._customer_refusal(reply)
        customer_id = _new_id(reply, "customerProfileId")
        card_ids = responses.ids(reply.content, "customerPaymentProfileIdList")
        if request.card is not None and not card_ids:
            raise OutcomeUnknown(_("The gateway says Ok and gives no card."))
        self.fresh.add(customer_id, *card_ids)
        cards = tuple(self._as_sent(customer_id, card_id, request.card) for card_id in card_ids)
        return RemoteCustomer(
            customer_id=customer_id,
            customer_key=request.customer_key,
            email=request.email,
            first_name=request.first_name,
            last_name=request.last_name,
            cards=tuple(replace(card, is_default=i == 0) for i, card in enumerate(cards)),
        )

    def _customer_refusal(self, reply: Reply) -> Refusal:
        if reply.code == codes.DUPLICATE_RECORD:
            reason = _duplicate(ReasonKind.DUPLICATE_CUSTOMER, reply)
            return Refusal((reason,), existing_id=responses.duplicate_id(reply.text))
        texts = list(texts_at(reply.content, "validationDirectResponseList", "string"))
        return self._validation_refusal(reply, texts[0] if texts else "")

    def _validation_refusal(self, reply: Reply, direct_response: str) -> Refusal:
        """Return why a card was not stored: the card check's own reason where there is one."""
        told = authorizenet_direct_response.parse(direct_response) if direct_response else None
        if reply.code != "E00027" or told is None or told.response_code == "1":
            return reply.refusal(ReasonKind.CUSTOMER_NOT_FOUND)
        outcome = codes.OUTCOMES[told.response_code]
        reasons = codes.transaction_reasons(told.reason_code, told.reason_text, outcome)
        return Refusal(reasons)

    def retrieve_customer(self, customer_id: str) -> RemoteCustomer | Refusal:
        """Fetch a profile with all payment profiles."""
        return self.fetch_customer(customer_id)

    def update_customer(self, request: CustomerUpdate) -> Ack | Refusal:
        """Write e-mail and our key; names are not kept by the gateway.

        Get, merge and send back: an update blanks what it does not hold, and the description of a
        customer that other software stored is not ours.
        """
        stored = self.fetch_profile(request.customer_id)
        if isinstance(stored, Refusal):
            return stored
        profile = {
            "merchantCustomerId": request.customer_key,
            "description": text_at(stored, "description"),
            "email": request.email,
            "customerProfileId": request.customer_id,
            "profileType": text_at(stored, "profileType"),
        }
        reply = self.call(
            "updateCustomerProfile",
            {"profile": profile},
            changes=True,
            key=request.operation_key,
            about=(request.customer_id,),
        )
        return Ack() if reply.ok else reply.refusal(ReasonKind.CUSTOMER_NOT_FOUND)

    def delete_customer(self, customer_id: str) -> Ack | Refusal:
        """Delete a profile with everything in it."""
        values = {"customerProfileId": customer_id}
        reply = self.call("deleteCustomerProfile", values, changes=True, about=(customer_id,))
        return self._deleted(reply, ReasonKind.CUSTOMER_NOT_FOUND, customer_id)

    # -- Cards ------------------------------------------------------------------------------------

    def add_card(self, request: CardRequest) -> RemoteCard | Refusal:
        """Create a payment profile."""
        values = {
            "customerProfileId": request.customer_id,
            "paymentProfile": requests.payment_profile(request.card, default=request.is_default),
            "validationMode": self.options.validation_mode,
        }
        reply = self.call(
            "createCustomerPaymentProfile",
            values,
            changes=True,
            key=request.operation_key,
            about=(request.customer_id,),
        )
        card_id = text_at(reply.content, "customerPaymentProfileId")
        if reply.code == codes.DUPLICATE_RECORD and not reply.ok:
            existing = card_id or self._same_card(request)
            reason = _duplicate(ReasonKind.DUPLICATE_CARD, reply)
            return Refusal((reason,), existing_id=existing)
        if not reply.ok:
            told = text_at(reply.content, "validationDirectResponse")
            return self._validation_refusal(reply, told)
        card_id = _new_id(reply, "customerPaymentProfileId")
        self.fresh.add(card_id)
        stored = self._as_sent(request.customer_id, card_id, request.card)
        return replace(stored, is_default=request.is_default)

    def _same_card(self, request: CardRequest) -> str:
        """Find the card that an older reply says exists without naming it; empty if not clear."""
        if not isinstance(request.card, CardDetails):
            return ""
        customer: RemoteCustomer | Refusal | None = None
        with contextlib.suppress(NotSent, OutcomeUnknown):
            customer = self.fetch_customer(request.customer_id)
        if not isinstance(customer, RemoteCustomer):
            return ""
        wanted = (request.card.last_4, request.card.address.zip)
        found = [c for c in customer.cards if (c.last_4, c.address.zip) == wanted]
        return found[0].card_id if len(found) == 1 else ""

    def update_card(self, request: CardUpdate) -> RemoteCard | Refusal:
        """Get, merge and send back: an update blanks everything that it does not hold."""
        stored = self.fetch_payment_profile(request.customer_id, request.card_id, unmask=False)
        if isinstance(stored, Refusal):
            return stored
        values = {
            "customerProfileId": request.customer_id,
            "paymentProfile": requests.merged_profile(request, stored),
            "validationMode": self.options.validation_mode if request.card else "none",
        }
        reply = self.call(
            "updateCustomerPaymentProfile",
            values,
            changes=True,
            key=request.operation_key,
            about=(request.customer_id, request.card_id),
        )
        if not reply.ok:
            return self._update_refusal(reply)
        if request.card is not None:
            card = self._as_sent(request.customer_id, request.card_id, request.card)
        else:
            card = responses.card(stored, request.customer_id)
            card = replace(card, month=request.month, year=request.year, address=request.address)
        return replace(card, card_id=request.card_id, is_default=request.is_default)

    def _update_refusal(self, reply: Reply) -> Refusal:
        if reply.code == codes.DUPLICATE_RECORD:
            return Refusal((_duplicate(ReasonKind.DUPLICATE_CARD, reply),))
        if reply.code == codes.NOT_FOUND:
            return reply.refusal(ReasonKind.CARD_NOT_FOUND)
        return self._validation_refusal(reply, text_at(reply.content, "validationDirectResponse"))

    def _as_sent(
        self, customer_id: str, card_id: str, sent: CardDetails | PaymentToken | None
    ) -> RemoteCard:
        """Return a stored card as we sent it; only of a token the gateway knows more than we."""
        if isinstance(sent, CardDetails):
            return RemoteCard(
                customer_id=customer_id,
                card_id=card_id,
                last_4=sent.last_4,
                brand=sent.brand,
                month=sent.month,
                year=sent.year,
                address=sent.address,
            )
        shown: dict[str, Any] | Refusal = {}
        # The card is stored; where this fails, its last four digits come with the next retrieve().
        with contextlib.suppress(NotSent, OutcomeUnknown):
            shown = self.fetch_payment_profile(customer_id, card_id, unmask=True)
        if isinstance(shown, Refusal):
            shown = {}
        return replace(responses.card(shown, customer_id), card_id=card_id)

    def delete_card(self, customer_id: str, card_id: str) -> Ack | Refusal:
        """Delete a payment profile."""
        values = {"customerProfileId": customer_id, "customerPaymentProfileId": card_id}
        about = (customer_id, card_id)
        reply = self.call("deleteCustomerPaymentProfile", values, changes=True, about=about)
        return self._deleted(reply, ReasonKind.CARD_NOT_FOUND, card_id)

    def _deleted(self, reply: Reply, missing: ReasonKind, remote_id: str) -> Ack | Refusal:
        if reply.code in _GONE:
            return Ack(already=True)
        if not reply.ok:
            return reply.refusal(missing)
        self.fresh.deleted(remote_id)
        return Ack()

    def validate_card(
        self, customer_id: str, card_id: str, cvv: Secret | None = None
    ) -> TransactionResult:
        """Check a stored card: with its issuer in liveMode, its form alone in testMode."""
        mode = self.options.validation_mode
        values = {
            "customerProfileId": customer_id,
            "customerPaymentProfileId": card_id,
            "cardCode": cvv,
            "validationMode": "testMode" if mode == "none" else mode,
        }
        about = (customer_id, card_id)
        reply = self.call("validateCustomerPaymentProfile", values, changes=True, about=about)
        told = authorizenet_direct_response.parse(text_at(reply.content, "directResponse"))
        if told is None and reply.ok:
            return TransactionResult(ResultStatus.APPROVED)
        if told is None or (told.response_code == "1" and not reply.ok):
            reason = reply.reason(ReasonKind.CARD_NOT_FOUND)
            return TransactionResult(ResultStatus.FAILED, reasons=(reason,))
        outcome = codes.OUTCOMES[told.response_code]
        approved = outcome is ResultStatus.APPROVED
        reasons = codes.transaction_reasons(told.reason_code, told.reason_text, outcome)
        return TransactionResult(
            outcome,
            transaction_id=told.transaction_id if told.transaction_id != "0" else "",
            auth_code=told.auth_code,
            avs=told.avs,
            cvv=told.cvv,
            last_4=told.last_4,
            brand=codes.brand(told.account_type),
            reasons=() if approved else reasons,
        )


def _duplicate(kind: ReasonKind, reply: Reply) -> Reason:
    return Reason(kind, reply.code, scrub(reply.text))


def _new_id(reply: Reply, name: str) -> str:
    """Return the id of what was just stored.

    Raises:
        OutcomeUnknown: it was stored, and the reply does not say as what.
    """
    found = text_at(reply.content, name)
    if not found:
        raise OutcomeUnknown(_("The gateway says Ok and gives no %(name)s.") % {"name": name})
    return found
