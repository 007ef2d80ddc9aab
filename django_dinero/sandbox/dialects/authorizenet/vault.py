"""The operations on customer profiles. Those on payment profiles are in :mod:`.cards`."""

from __future__ import annotations

from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.bank.enums import Reason
from django_dinero.sandbox.bank.records import BankRefusal, Customer
from django_dinero.sandbox.dialects.authorizenet.cards import (
    CardInput,
    card_input,
    masked_profile,
    refusal,
)
from django_dinero.sandbox.dialects.authorizenet.messages import Answer, Refused
from django_dinero.sandbox.dialects.authorizenet.parse import Node
from django_dinero.sandbox.dialects.authorizenet.reply import Tree
from django_dinero.sandbox.dialects.authorizenet.shipping import DUPLICATE_TEXT, address_tree
from django_dinero.sandbox.dialects.authorizenet.wire import VALIDATIONS, billing_of

#: createCustomerProfileResponse has these three lists, empty or not.
NO_LISTS: Tree = {
    "customerPaymentProfileIdList": {},
    "customerShippingAddressIdList": {},
    "validationDirectResponseList": {},
}


def create_customer(bank: Bank, request: Node) -> Answer:
    """Answer createCustomerProfileRequest."""
    profile = request.find("profile") or request
    names = {name: profile.value(name) for name in ("merchantCustomerId", "description", "email")}
    if not any(names.values()):
        raise Refused("E00041")
    inputs = [card_input(node) for node in profile.all("paymentProfiles")]
    try:
        customer = bank.create_customer(
            key=names["merchantCustomerId"],
            email=names["email"],
            description=names["description"],
            cards=[each.card for each in inputs],
            validation=VALIDATIONS[request.value("validationMode")],
            addresses=[billing_of(node) for node in profile.all("shipToList")],
        )
    except BankRefusal as error:
        raise _new_customer_refusal(bank, error, inputs, names) from None
    return Answer(new_customer_tree(customer, inputs))


def new_customer_tree(customer: Customer, inputs: list[CardInput]) -> Tree:
    """Return the ids of a new customer and the lines of the checks of the cards.

    Args:
        customer: as the bank stored it.
        inputs: the cards as they came, in the same order; none where nothing was checked.
    """
    pairs = zip(customer.cards, inputs, strict=False)
    lines = [
        card_in.line(card.validation, email=customer.email, key=customer.key)
        for card, card_in in pairs
        if card.validation is not None
    ]
    return {
        "customerProfileId": customer.id,
        "customerPaymentProfileIdList": {"numericString": [card.id for card in customer.cards]},
        "customerShippingAddressIdList": {
            "numericString": [each.id for each in customer.addresses]
        },
        "validationDirectResponseList": {"string": lines},
    }


def _new_customer_refusal(
    bank: Bank, error: BankRefusal, inputs: list[CardInput], names: dict[str, str]
) -> Refused:
    """The refusal, with the lines of the checks that ran before it."""
    lines = [
        given.line(check, email=names["email"], key=names["merchantCustomerId"])
        for given, check in zip(inputs, error.checks, strict=False)
        if check is not None
    ]
    body = {**NO_LISTS, "validationDirectResponseList": {"string": lines}}
    if error.reason is Reason.DUPLICATE_CUSTOMER:
        text = f"A duplicate record with ID {error.existing_id} already exists."
        return Refused("E00039", text, body)
    if error.reason is Reason.DUPLICATE_ADDRESS:
        return Refused("E00039", DUPLICATE_TEXT, body)
    found = refusal(error, bank.account.max_cards)
    return Refused(found.code, found.text, body)


def get_customer(bank: Bank, request: Node) -> Answer:
    """Answer getCustomerProfileRequest, by id, else by the merchant's own id and email."""
    customer_id = request.value("customerProfileId")
    if customer_id:
        customer = bank.customer(customer_id)
    else:
        key, email = request.value("merchantCustomerId"), request.value("email")
        found = bank.customers(key=key, email=email, limit=1) if key or email else ()
        if not found:
            raise Refused("E00040")
        customer = found[0]
    profile: Tree = {
        "merchantCustomerId": customer.key or None,
        "description": customer.description or None,
        "email": customer.email or None,
        "customerProfileId": customer.id,
        "paymentProfiles": [masked_profile(card, request) for card in customer.cards],
        "shipToList": [address_tree(each) for each in customer.addresses],
        "profileType": "regular",
    }
    return Answer({"profile": profile})


def update_customer(bank: Bank, request: Node) -> Answer:
    """Answer updateCustomerProfileRequest: what is not sent becomes empty."""
    profile = request.find("profile") or request
    if not profile.value("customerProfileId"):
        raise Refused("E00014")
    try:
        bank.update_customer(
            profile.value("customerProfileId"),
            key=profile.value("merchantCustomerId"),
            email=profile.value("email"),
            description=profile.value("description"),
        )
    except BankRefusal as error:
        if error.reason is not Reason.DUPLICATE_CUSTOMER:
            raise
        text = f"A duplicate record with ID {error.existing_id} already exists."
        raise Refused("E00039", text) from None
    return Answer()


def delete_customer(bank: Bank, request: Node) -> Answer:
    """Answer deleteCustomerProfileRequest: the cards go with the customer."""
    bank.delete_customer(request.value("customerProfileId"))
    return Answer()


def customer_ids(bank: Bank, request: Node) -> Answer:
    """Answer getCustomerProfileIdsRequest: all of them, there are no pages."""
    return Answer({"ids": {"numericString": list(bank.customer_ids())}})
