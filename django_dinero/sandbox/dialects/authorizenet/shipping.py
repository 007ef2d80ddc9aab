"""The operations on the shipping addresses of customer profiles."""

from __future__ import annotations

from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.bank.enums import Reason
from django_dinero.sandbox.bank.records import BankRefusal, ShippingAddress
from django_dinero.sandbox.dialects.authorizenet.messages import Answer, Refused
from django_dinero.sandbox.dialects.authorizenet.parse import Node
from django_dinero.sandbox.dialects.authorizenet.reply import Tree
from django_dinero.sandbox.dialects.authorizenet.wire import billing_of, billing_tree

DUPLICATE_TEXT = "A duplicate customer address already exists."


def create_address(bank: Bank, request: Node) -> Answer:
    """Answer createCustomerShippingAddressRequest.

    Raises:
        Refused: the customer has the same address; the reply names it.
    """
    customer_id = request.value("customerProfileId")
    fields, is_default = billing_of(request.find("address")), _is_default(request)
    try:
        made = bank.add_address(customer_id, fields, is_default=is_default)
    except BankRefusal as error:
        if error.reason is not Reason.DUPLICATE_ADDRESS:
            raise
        raise Refused("E00039", DUPLICATE_TEXT, _ids(customer_id, error.existing_id)) from None
    return Answer(_ids(customer_id, made.id))


def get_address(bank: Bank, request: Node) -> Answer:
    """Answer getCustomerShippingAddressRequest; without an id, with the default address."""
    address_id = request.value("customerAddressId")
    try:
        found = bank.address(request.value("customerProfileId"), address_id)
    except BankRefusal as error:
        if address_id or error.reason is not Reason.ADDRESS_NOT_FOUND:
            raise
        raise Refused("E00121") from None
    default = "true" if found.is_default else None
    return Answer({"defaultShippingAddress": default, "address": address_tree(found)})


def update_address(bank: Bank, request: Node) -> Answer:
    """Answer updateCustomerShippingAddressRequest: a field not sent becomes empty."""
    address = request.find("address") or request
    if not address.value("customerAddressId"):
        raise Refused("E00014")
    try:
        bank.update_address(
            request.value("customerProfileId"),
            address.value("customerAddressId"),
            billing_of(address),
            is_default=_is_default(request),
        )
    except BankRefusal as error:
        if error.reason is not Reason.DUPLICATE_ADDRESS:
            raise
        raise Refused("E00039", DUPLICATE_TEXT) from None
    return Answer()


def delete_address(bank: Bank, request: Node) -> Answer:
    bank.delete_address(request.value("customerProfileId"), request.value("customerAddressId"))
    return Answer()


def address_tree(address: ShippingAddress) -> Tree:
    """Return an address with its id."""
    return {**(billing_tree(address.fields) or {}), "customerAddressId": address.id}


def _is_default(request: Node) -> bool:
    return request.flag("defaultShippingAddress")


def _ids(customer_id: str, address_id: str) -> Tree:
    return {"customerProfileId": customer_id, "customerAddressId": address_id}
