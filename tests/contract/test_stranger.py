"""A backend that knows nothing of this project but the interface, in a handful of lines."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

import pytest

from django_dinero.cards import Address
from django_dinero.enums import ReasonKind, RemoteStatus, ResultStatus, TransactionKind
from django_dinero.exceptions import InvalidInput, UnsupportedFeature
from django_dinero.gateways.base import VERBS, Gateway
from django_dinero.gateways.registry import reset
from django_dinero.gateways.types import (
    CardRequest,
    ChargeRequest,
    LookupHints,
    LookupResult,
    Reason,
    Refusal,
    RemoteTransaction,
    TransactionResult,
)
from django_dinero.models import Customer, Transaction
from django_dinero.testing.contract import GatewayContract

pytestmark = pytest.mark.slow

ONLY = ("charge", "retrieve_transaction", "find_operation")


class Stranger(Gateway):
    """Takes any amount from any card that is not from one place, and keeps a list of it."""

    unsupported: ClassVar[dict[str, str]] = dict.fromkeys(set(VERBS) - set(ONLY), "it only charges")
    honours_operation_key = True

    def __init__(self, name: str, options: Any = None) -> None:
        super().__init__(name, options)
        self.books: dict[str, RemoteTransaction] = {}

    def charge(self, request: ChargeRequest) -> TransactionResult:
        address = getattr(request.source, "address", Address())
        if address.zip == "46282":
            no = (Reason(ReasonKind.CARD_DECLINED, "no"),)
            return TransactionResult(ResultStatus.DECLINED, reasons=no)
        kind, status = (TransactionKind.CHARGE, RemoteStatus.CAPTURED)
        if not request.capture:
            kind, status = (TransactionKind.AUTHORIZATION, RemoteStatus.AUTHORIZED)
        key, price = request.operation_key, request.amount
        new = RemoteTransaction(f"T-{key}", kind, status, price, request.currency, key)
        return TransactionResult(
            ResultStatus.APPROVED, self.books.setdefault(key, new).transaction_id
        )

    def retrieve_transaction(self, transaction_id: str) -> RemoteTransaction | Refusal:
        found = self.books.get(transaction_id.removeprefix("T-"))
        return found or Refusal((Reason(ReasonKind.INVALID_TRANSACTION),))

    def find_operation(self, key: str, hints: LookupHints) -> LookupResult:
        return LookupResult((self.books[key],) if key in self.books else ())


class TestStranger(GatewayContract):
    """Its few verbs keep the contract; the others say why they are missing."""

    gateway_class = Stranger
    without = ("avs_card", "both_card", "cvv_card", "hold_next", "lose_reply", "make_token")


@pytest.fixture
def shop(settings: Any) -> Any:
    """The stranger as the default gateway, by its dotted name."""
    settings.DINERO = {
        **settings.DINERO,
        "GATEWAYS": {"default": {"BACKEND": "tests.contract.test_stranger.Stranger"}},
    }
    reset()
    yield
    reset()


@pytest.mark.django_db
@pytest.mark.usefixtures("shop")
def test_it_serves_the_public_interface() -> None:
    year = 2099 - 50
    row = Transaction.create("12.50", number="4111111111111111", month=1, year=year)
    assert (row.status, row.price) == ("approved", Decimal("12.50"))
    same: dict[str, Any] = {"number": "4111111111111111", "idempotency_key": "order-0001"}
    assert Transaction.create("3", **same) == Transaction.create("3", **same)


@pytest.mark.django_db
@pytest.mark.usefixtures("shop")
def test_what_it_lacks_is_refused_with_its_reason() -> None:
    row = Transaction.create("12.50", number="4111111111111111")
    for verb in (row.void, row.refund):
        with pytest.raises(UnsupportedFeature, match="it only charges"):
            verb()
    with pytest.raises(UnsupportedFeature, match="it only charges"):
        Customer.create("ann@example.com")
    assert not Customer.objects.exists()


@pytest.mark.django_db
@pytest.mark.usefixtures("shop")
def test_its_currency_counts() -> None:
    with pytest.raises(InvalidInput, match="takes USD only"):
        Transaction.create("12.50", number="4111111111111111", currency="EUR")


def test_an_author_is_told_what_is_missing() -> None:
    with pytest.raises(UnsupportedFeature, match="it only charges"):
        Stranger("shop").add_card(CardRequest("OP", "1", None))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="none of"):

        class Misspelt(GatewayContract):
            gateway_class = Stranger
            without = ("hold_nxt",)
