"""Charges of tokens and new cards, which no customer has: their fields, and who says the price."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, cast

from django.core.exceptions import PermissionDenied
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request

from django_dinero import conf
from django_dinero.api.fields import AmountField, PlainTextField, RawCardField, SecretField
from django_dinero.api.serializers import AddressSerializer
from django_dinero.api.throttling import client_of
from django_dinero.cards import text_of
from django_dinero.exceptions import InvalidAmountInput
from django_dinero.gateways.registry import get_gateway
from django_dinero.money import parse_amount

#: What a project names in ``DINERO["API_GUEST_CHARGES"]``.
Pricing = Callable[[Request, Mapping[str, str]], Decimal | int | str | None]
#: What it is told of a charge, beside the request.
ASKED = ("order_reference", "description", "email")


class ShopperChargeSerializer(AddressSerializer):
    """A charge that a shopper asks for. The price is what the project says it is."""

    price = AmountField()
    token = SecretField()
    number = RawCardField()
    cvv = RawCardField()
    month = PlainTextField()
    year = PlainTextField()
    email = PlainTextField()
    order_reference = PlainTextField()
    description = PlainTextField()

    def missing(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Ask for a card: the service would name arguments that this request does not have."""
        if any(text_of(data.get(name)) for name in ("token", "number")):
            return {}
        return {"token": [_("Send a token, or a card number where this API takes them.")]}


class TokenChargeSerializer(ShopperChargeSerializer):
    """A charge by a caller who is trusted with the price."""

    settle = serializers.BooleanField(required=False)
    pays_order = serializers.BooleanField(required=False)
    currency = PlainTextField()
    customer_ip = PlainTextField()


class StaffTokenChargeSerializer(TokenChargeSerializer):
    """Staff choose the gateway too, and may charge while the cardholder is not there."""

    gateway_name = PlainTextField()
    initiator = PlainTextField()


def check_price(request: Request, given: Mapping[str, Any]) -> None:
    """Refuse a shopper's charge that has another price than the project says.

    Raises:
        PermissionDenied: there is nothing to pay for.
        InvalidAmountInput: the price is another one.
    """
    pricing = cast("Pricing", import_string(conf.api().guest_charges))
    price = pricing(request, {name: str(given.get(name, "")) for name in ASKED})
    if price is None:
        raise PermissionDenied
    currency = get_gateway().currency
    if parse_amount(given["price"], currency) != parse_amount(price, currency):
        raise InvalidAmountInput({"price": _("The price is another one. Nothing was charged.")})


def ip_of(request: Request) -> str | None:
    """Return a shopper's address for the gateway's own filters; None where it is not known."""
    address = client_of(request)
    return None if address is None else str(address)
