"""A provider that must not see card numbers can be held to the contract as well."""

from __future__ import annotations

import pytest

from django_dinero.cards import CardDetails, PaymentToken, card_input_error
from django_dinero.exceptions import InvalidInput
from django_dinero.gateways.base import Gateway, Request
from django_dinero.gateways.sandbox import SandboxGateway
from django_dinero.gateways.types import (
    CardRequest,
    CardUpdate,
    ChargeRequest,
    CustomerRequest,
    Refusal,
    RemoteCard,
    RemoteCustomer,
    TransactionResult,
)
from django_dinero.redaction import Secret
from tests.contract.test_sandbox import SandboxHooks


class TokensOnly(SandboxGateway):
    """Takes what a browser's form got for a number, and never the number."""

    required_card_fields = ("cvv", "zip")

    def check_request(self, request: Request) -> None:
        card = getattr(request, "card", None) or getattr(request, "source", None)
        if isinstance(card, CardDetails):
            raise card_input_error({"number": "Pass a token."})
        super().check_request(request)

    def create_customer(self, request: CustomerRequest) -> RemoteCustomer | Refusal:
        self.check_request(request)
        return super().create_customer(request)

    def add_card(self, request: CardRequest) -> RemoteCard | Refusal:
        self.check_request(request)
        return super().add_card(request)

    def update_card(self, request: CardUpdate) -> RemoteCard | Refusal:
        self.check_request(request)
        return super().update_card(request)

    def charge(self, request: ChargeRequest) -> TransactionResult:
        self.check_request(request)
        return super().charge(request)


class TestTokensOnly(SandboxHooks):
    """One hook more: what stands for a test card."""

    gateway_class = TokensOnly

    def as_sent(self, gateway: Gateway, card: CardDetails) -> PaymentToken:
        token = self.bank(gateway).mint_token(
            card.number, month=card.month, year=card.year, cvv=card.cvv
        )
        return PaymentToken(Secret(token), address=card.address)


def test_without_the_hook_it_is_a_number_that_is_sent() -> None:
    suite = type("TestNumbers", (SandboxHooks,), {"gateway_class": TokensOnly})()
    with pytest.raises(InvalidInput, match="Pass a token"):
        suite.charge(suite.make_gateway())
