"""The operations on the merchant's account."""

from __future__ import annotations

from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.dialects.authorizenet.messages import Answer
from django_dinero.sandbox.dialects.authorizenet.parse import Node

_CARDS = ("Visa", "MasterCard", "AmericanExpress", "Discover", "JCB", "DinersClub")
_GATEWAY_ID = "100000"


def authenticate_test(bank: Bank, request: Node) -> Answer:
    """Answer authenticateTestRequest: whoever gets here has the right credentials."""
    return Answer()


def is_alive(bank: Bank, request: Node) -> Answer:
    """Answer isAliveRequest, which asks without credentials."""
    return Answer()


def merchant_details(bank: Bank, request: Node) -> Answer:
    account = bank.account
    processor = {
        "name": "Test bank",
        "id": "1",
        "cardTypes": {"cardType": [name[0] for name in _CARDS]},
    }
    return Answer(
        {
            "isTestMode": "false",
            "processors": {"processor": [processor]},
            "merchantName": "Test merchant",
            "gatewayId": _GATEWAY_ID,
            "marketTypes": {"marketType": ["0"]},
            "productCodes": {"productCode": ["CNP"]},
            "paymentMethods": {"paymentMethod": list(_CARDS)},
            "currencies": {"currency": [account.currency, *account.currencies]},
            "publicClientKey": account.client_key,
        }
    )
