"""The in-process sandbox keeps the contract of a gateway."""

from __future__ import annotations

from typing import Any, ClassVar

from django_dinero.cards import PaymentToken
from django_dinero.gateways.base import Gateway
from django_dinero.gateways.sandbox import SandboxGateway
from django_dinero.gateways.sandbox.webhooks import sign
from django_dinero.gateways.types import WebhookNotice
from django_dinero.redaction import Secret
from django_dinero.testing.contract import GatewayContract


class SandboxHooks(GatewayContract):
    """How the test bank is brought to settle, to hold, and to mint a token."""

    gateway_class = SandboxGateway
    #: A bank in the same process has neither a wire to lose replies on nor credentials.
    without = ("lose_reply", "impostor")

    def bank(self, gateway: Gateway) -> Any:
        assert isinstance(gateway, SandboxGateway)
        return gateway.bank

    def settle_batch(self, gateway: Gateway) -> None:
        self.bank(gateway).settle_batch()

    def hold_next(self, gateway: Gateway) -> None:
        self.bank(gateway).hold_next()

    def make_token(self, gateway: Gateway) -> PaymentToken:
        card = self.good_card()
        token = self.bank(gateway).mint_token(card.number, month=card.month, year=card.year)
        return PaymentToken(Secret(token), address=card.address)

    def make_webhook(self, gateway: Gateway) -> tuple[dict[str, str], bytes]:
        notice = WebhookNotice("1", "charged", "transaction", "60012300401")
        return sign(notice, self.bank(gateway).account.signature_key)


class TestSandbox(SandboxHooks):
    """In dollars."""


class TestSandboxInYen(SandboxHooks):
    """A currency without decimals."""

    options: ClassVar[dict[str, Any]] = {"currency": "JPY"}


class TestSandboxInDinars(SandboxHooks):
    """A currency with three decimals."""

    options: ClassVar[dict[str, Any]] = {"currency": "BHD"}


def test_the_contract_leaves_nothing_out_for_it() -> None:
    tests = [name for name in dir(GatewayContract) if name.startswith("test_")]
    dropped = {name for name in tests if getattr(TestSandbox, name) is None}
    assert len(tests) > 60
    assert dropped == {
        "test_a_charge_without_a_reply_is_found",
        "test_a_customer_without_a_reply_is_found",
        "test_other_credentials_are_not_accepted",
        "test_other_credentials_see_no_customers",
        "test_other_credentials_see_no_transactions",
    }
