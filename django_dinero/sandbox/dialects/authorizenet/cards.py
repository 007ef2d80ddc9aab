"""The operations on customer payment profiles."""

from __future__ import annotations

from dataclasses import dataclass

from django_dinero.card_numbers import brand_of
from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.bank.card_facts import SHORTEST_NUMBER
from django_dinero.sandbox.bank.enums import Reason
from django_dinero.sandbox.bank.records import (
    BankRefusal,
    Card,
    CardSource,
    Customer,
    MaskedCard,
    NewCard,
    PlainCard,
    Verdict,
)
from django_dinero.sandbox.dialects.authorizenet import codes
from django_dinero.sandbox.dialects.authorizenet.direct_response import direct_response
from django_dinero.sandbox.dialects.authorizenet.messages import CODES, MESSAGES, Answer, Refused
from django_dinero.sandbox.dialects.authorizenet.pages import paging_of
from django_dinero.sandbox.dialects.authorizenet.parse import Node
from django_dinero.sandbox.dialects.authorizenet.reply import Tree
from django_dinero.sandbox.dialects.authorizenet.wire import (
    VALIDATIONS,
    BadCard,
    billing_of,
    billing_tree,
    card_tree,
    code_of,
    expiry_of,
    masked_of,
    source_of,
)


@dataclass(frozen=True, slots=True)
class CardInput:
    """A card as a request gave it, which the line of its check repeats."""

    card: NewCard

    def line(self, verdict: Verdict, *, email: str = "", key: str = "") -> str:
        """Return the ``validationDirectResponse`` of a check of this card."""
        source, row = self.card.source, verdict.row
        last_4, brand = (row.last_4, row.brand) if row is not None else ("", "")
        if isinstance(source, PlainCard):
            number = source.number.reveal()
            last_4, brand = number[-4:], brand_of(number)
        elif isinstance(source, MaskedCard):
            last_4 = source.last_4
        return direct_response(
            verdict,
            last_4=last_4,
            brand=brand,
            billing=self.card.billing,
            email=email,
            customer_key=key,
        )


def card_input(profile: Node, *, stored: bool = False) -> CardInput:
    """Return the card of a payment profile.

    Args:
        profile: an element with billTo, payment and defaultPaymentProfile.
        stored: whether a mask may stand for the number that is stored.

    Raises:
        Refused: no payment, or none that the bank can keep.
    """
    payment = profile.find("payment")
    if payment is None:
        raise Refused("E00029")
    billing = billing_of(profile.find("billTo"))
    card = payment.find("creditCard")
    try:
        masked = masked_of(card) if stored and card is not None else None
        source: CardSource = masked or source_of(payment, billing)
    except BadCard as error:
        raise _bad_card(error) from None
    if isinstance(source, PlainCard) and len(source.number.reveal()) < SHORTEST_NUMBER:
        raise Refused("E00015")
    is_default, kind = profile.flag("defaultPaymentProfile"), profile.value("customerType")
    return CardInput(NewCard(source, billing, is_default, kind))


def _bad_card(error: BadCard) -> Refused:
    if error.reason in (codes.BAD_NUMBER, codes.INVALID_EXPIRY):
        return Refused("E00013", f"{error.field} is invalid.")
    return Refused("E00027", error.reason.text)


def refusal(error: BankRefusal, max_cards: int = 10) -> Refused:
    """Return how the vault's operations put a refusal: its own code, or that of its check."""
    if error.reason is Reason.CARD_LIMIT:
        return Refused("E00042", f"You cannot add more than {max_cards} payment profiles.")
    if error.reason in CODES:
        code = CODES[error.reason]
        return Refused(code, MESSAGES.get(code, ""))
    if error.reason is Reason.MASKED_MISMATCH:
        return Refused("E00013", "Card Number is invalid.")
    return Refused("E00027", codes.REASONS[error.reason].text)


def _card_refusal(bank: Bank, error: BankRefusal, given: CardInput, customer: Customer) -> Refused:
    body: dict[str, object] = {}
    if error.verdict is not None:
        body["validationDirectResponse"] = given.line(
            error.verdict, email=customer.email, key=customer.key
        )
    if error.reason is Reason.DUPLICATE_CARD:
        body |= {
            "customerProfileId": customer.id,
            "customerPaymentProfileId": error.existing_id,
        }
    found = refusal(error, bank.account.max_cards)
    return Refused(found.code, found.text, body)


def create_card(bank: Bank, request: Node) -> Answer:
    """Answer createCustomerPaymentProfileRequest: check first, then look for duplicates."""
    customer = bank.customer(request.value("customerProfileId"))
    given = card_input(request.find("paymentProfile") or request)
    mode = VALIDATIONS[request.value("validationMode")]
    try:
        card = bank.add_card(customer.id, given.card, mode)
    except BankRefusal as error:
        raise _card_refusal(bank, error, given, customer) from None
    line = None
    if card.validation is not None:
        line = given.line(card.validation, email=customer.email, key=customer.key)
    return Answer(
        {
            "customerProfileId": customer.id,
            "customerPaymentProfileId": card.id,
            "validationDirectResponse": line,
        }
    )


def masked_profile(card: Card, request: Node) -> Tree:
    """Return a payment profile as the gateway shows it: never its number.

    Args:
        card: from the vault.
        request: says whether to show its date and its issuer's number too.
    """
    unmask = request.flag("unmaskExpirationDate")
    issuer = request.flag("includeIssuerInfo")
    return {
        "customerType": card.customer_type or None,
        "billTo": billing_tree(card.billing),
        "customerProfileId": card.customer_id,
        "customerPaymentProfileId": card.id,
        "defaultPaymentProfile": "true" if card.is_default else None,
        "payment": {"creditCard": card_tree(card, unmask=unmask, issuer=issuer)},
    }


def get_card(bank: Bank, request: Node) -> Answer:
    """Answer getCustomerPaymentProfileRequest; without a card's id, with the default card."""
    customer_id = request.value("customerProfileId")
    card_id = request.value("customerPaymentProfileId")
    if card_id:
        card = bank.card(customer_id, card_id)
    else:
        cards = bank.customer(customer_id).cards
        default = next((card for card in cards if card.is_default), None)
        if default is None:
            raise Refused("E00121")
        card = default
    profile = masked_profile(card, request)
    return Answer({"paymentProfile": profile})


def update_card(bank: Bank, request: Node) -> Answer:
    """Answer updateCustomerPaymentProfileRequest: an address field not sent becomes empty."""
    profile = request.find("paymentProfile") or request
    if not profile.value("customerPaymentProfileId"):
        raise Refused("E00014")
    customer = bank.customer(request.value("customerProfileId"))
    given = card_input(profile, stored=True)
    try:
        card = bank.update_card(
            customer.id,
            profile.value("customerPaymentProfileId"),
            given.card.source,
            billing=given.card.billing,
            is_default=given.card.is_default,
            customer_type=given.card.customer_type,
            validation=VALIDATIONS[request.value("validationMode")],
        )
    except BankRefusal as error:
        found = _card_refusal(bank, error, given, customer)
        line = found.body.get("validationDirectResponse")
        raise Refused(found.code, found.text, {"validationDirectResponse": line}) from None
    line = given.line(card.validation) if card.validation is not None else None
    return Answer({"validationDirectResponse": line})


def delete_card(bank: Bank, request: Node) -> Answer:
    bank.delete_card(request.value("customerProfileId"), request.value("customerPaymentProfileId"))
    return Answer()


def validate_card(bank: Bank, request: Node) -> Answer:
    """Answer validateCustomerPaymentProfileRequest.

    Raises:
        Refused: the check failed; the reply has its line.
    """
    customer_id = request.value("customerProfileId")
    card_id = request.value("customerPaymentProfileId")
    mode = VALIDATIONS[request.value("validationMode")]
    if request.value("customerShippingAddressId"):
        bank.address(customer_id, request.value("customerShippingAddressId"))
    verdict = bank.validate_card(customer_id, card_id, mode, code_of(request))
    card = bank.card(customer_id, card_id)
    line = direct_response(verdict, last_4=card.last_4, brand=card.brand, billing=card.billing)
    if verdict.reason is not None:
        text = codes.REASONS[verdict.reason].text
        raise Refused("E00027", text, {"directResponse": line})
    return Answer({"directResponse": line})


def expiring_cards(bank: Bank, request: Node) -> Answer:
    """Answer getCustomerPaymentProfileListRequest: the cards that expire in one month."""
    try:
        wanted = expiry_of(request.value("month"))
    except BadCard:
        raise Refused("E00013", "Month is invalid.") from None
    paging = paging_of(request)
    found = bank.expiring_cards(*wanted)
    if paging.descending:
        found = found[::-1]
    items: list[Tree] = [
        {
            "defaultPaymentProfile": "true" if card.is_default else None,
            "customerPaymentProfileId": card.id,
            "customerProfileId": card.customer_id,
            "billTo": billing_tree(card.billing) or {},
            "payment": {"creditCard": card_tree(card)},
        }
        for card in found[paging.offset : paging.offset + paging.limit]
    ]
    profiles = {"paymentProfile": items} if items else None
    code = "I00001" if items else "I00004"
    return Answer({"totalNumInResultSet": str(len(found)), "paymentProfiles": profiles}, code)
