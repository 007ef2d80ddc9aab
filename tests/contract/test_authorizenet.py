"""Authorize.Net keeps the contract against the test bank: without a socket, and over one."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from django_dinero.cards import PaymentToken
from django_dinero.gateways.authorizenet import AuthorizeNetGateway
from django_dinero.gateways.base import Gateway
from django_dinero.redaction import Secret
from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.bank.records import Account
from django_dinero.sandbox.http.adapter import BankAdapter
from django_dinero.sandbox.http.faults import FaultName, Faults
from django_dinero.sandbox.http.server import SandboxServer
from django_dinero.testing.contract import GatewayContract
from tests.support.authorizenet import posted
from tests.support.witness import OFFICIAL, Witness

ACCOUNT = Account()
KEYS: dict[str, Any] = {
    "login_id": ACCOUNT.login_id,
    "transaction_key": ACCOUNT.transaction_key.reveal(),
    "signature_key": ACCOUNT.signature_key.reveal(),
    # The bank is asked about a card, not its form alone.
    "validation_mode": "liveMode",
    # "Not found" is believed at once: the bank has no replicas that lag behind.
    "replication_seconds": 0,
}


class AuthorizeNetHooks(GatewayContract):
    """The levers of the bank on the other side."""

    gateway_class = AuthorizeNetGateway
    options: ClassVar[dict[str, Any]] = {**KEYS, "environment": "sandbox"}
    bank: Bank
    faults: Faults
    witness: Witness

    @pytest.fixture(autouse=True)
    def valid(self) -> Iterator[None]:
        """Every request of ours and every reply of the bank's keeps to the official schema."""
        yield
        assert self.witness.faults == []

    def connect(self, **changed: Any) -> Gateway:
        """Return a gateway that speaks to the bank, with other keys where they are given."""
        raise NotImplementedError

    def make_gateway(self) -> Gateway:
        return self.connect()

    def impostor(self) -> Gateway:
        return self.connect(transaction_key="wrong-key")

    def settle_batch(self, gateway: Gateway) -> None:
        self.bank.settle_batch()

    def hold_next(self, gateway: Gateway) -> None:
        self.bank.hold_next()

    def make_token(self, gateway: Gateway) -> PaymentToken:
        card = self.good_card()
        token = self.bank.mint_token(card.number, month=card.month, year=card.year)
        return PaymentToken(Secret(token), "COMMON.ACCEPT.INAPP.PAYMENT", card.address)

    @contextmanager
    def lose_reply(self, gateway: Gateway) -> Iterator[None]:
        self.faults.add(FaultName.DROP_AFTER)
        yield
        assert self.faults.waiting() == (), "the call did not reach the bank"

    def make_webhook(self, gateway: Gateway) -> tuple[dict[str, str], bytes]:
        body = json.dumps(
            {
                "notificationId": "n-1",
                "eventType": "net.authorize.payment.authcapture.created",
                "payload": {"entityName": "transaction", "id": "60012300401"},
            }
        ).encode()
        signed = hmac.new(KEYS["signature_key"].encode(), body, hashlib.sha512).hexdigest()
        return {"X-ANET-Signature": f"sha512={signed.upper()}"}, body


class TestMounted(AuthorizeNetHooks):
    """A bank on the session's adapter, a fresh one for each test."""

    account: ClassVar[Account] = ACCOUNT

    @pytest.fixture(autouse=True)
    def fresh_bank(self) -> None:
        self.bank, self.faults = Bank(account=self.account), Faults(die=lambda: None)
        self.witness = Witness(self.bank)

    def connect(self, **changed: Any) -> Gateway:
        gateway = AuthorizeNetGateway("contract", {**self.options, **changed})
        gateway.mount(BankAdapter(self.bank, self.faults, self.witness))
        return gateway


class TestMountedInYen(TestMounted):
    """A currency without decimals, whose amounts are told with two."""

    options: ClassVar[dict[str, Any]] = {**AuthorizeNetHooks.options, "currency": "JPY"}
    account: ClassVar[Account] = replace(ACCOUNT, currency="JPY")


class TestServed(AuthorizeNetHooks):
    """One bank behind an address for all tests, as a provider's sandbox is."""

    server: ClassVar[SandboxServer]

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def served(cls) -> Iterator[None]:
        cls.witness = Witness(Bank(account=ACCOUNT))
        with SandboxServer(cls.witness.bank, dialect=cls.witness) as server:
            cls.server = server
            yield

    @pytest.fixture(autouse=True)
    def levers(self, served: None) -> None:
        self.bank, self.faults = self.server.bank, self.server.faults
        self.faults.clear()

    def connect(self, **changed: Any) -> Gateway:
        options = {**KEYS, "endpoint": self.server.endpoint, **changed}
        return AuthorizeNetGateway("contract", options)


def test_nothing_of_the_contract_is_left_out() -> None:
    tests = [name for name in dir(GatewayContract) if name.startswith("test_")]
    assert [name for name in tests if getattr(TestServed, name) is None] == []
    assert AuthorizeNetGateway.unsupported == {}


def test_the_witness_sees_what_is_not_valid() -> None:
    """The control of the check above: without the schema beside the checkout it finds nothing."""
    witness = Witness(Bank(account=ACCOUNT))
    witness.answer(posted(b"<nonsense/>"))
    assert len(witness.faults) == (1 if OFFICIAL is not None else 0)
    assert witness.asked == ["nonsense"]
