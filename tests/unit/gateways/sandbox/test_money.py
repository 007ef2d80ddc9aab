"""What the in-process sandbox does about money beside asking its bank."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from django_dinero.cards import Address, CardDetails, PaymentToken
from django_dinero.enums import NextActionKind, ReasonKind, RemoteStatus, ResultStatus
from django_dinero.gateways.sandbox import SandboxGateway
from django_dinero.gateways.types import (
    ChargeRequest,
    FollowUpRequest,
    RemoteTransaction,
    StoredCard,
    TransactionResult,
)
from django_dinero.redaction import Secret
from django_dinero.sandbox.bank.triggers import ACTION_NUMBER


@pytest.fixture
def gateway() -> SandboxGateway:
    return SandboxGateway("shop", {})


def charge_asking(initiator: str = "customer") -> ChargeRequest:
    card = CardDetails(Secret(ACTION_NUMBER), month=12, year=2090, address=Address(zip="12180"))
    return ChargeRequest("key-1", Decimal("5.00"), "USD", source=card, initiator=initiator)


def charge(zip_code: str = "12180", *, capture: bool = True) -> ChargeRequest:
    card = CardDetails(
        Secret("4111111111111111"), month=12, year=2090, address=Address(zip=zip_code)
    )
    return ChargeRequest("key-1", Decimal("5.00"), "USD", source=card, capture=capture)


def charge_of(source: StoredCard | PaymentToken) -> ChargeRequest:
    return ChargeRequest("key-1", Decimal("5.00"), "USD", source=source)


UNKNOWN = FollowUpRequest("key-1", "60012300401", Decimal("5.00"), "USD")
#: Each verb that names what the bank has, with what it has not.
ASKED: dict[str, Callable[[SandboxGateway], TransactionResult]] = {
    "charge": lambda gateway: gateway.charge(charge_of(StoredCard("1", "2"))),
    "charge of a token": lambda gateway: gateway.charge(charge_of(PaymentToken(Secret("x" * 20)))),
    "validate_card": lambda gateway: gateway.validate_card("1", "2"),
    "capture": lambda gateway: gateway.capture(UNKNOWN),
    "void": lambda gateway: gateway.void(UNKNOWN),
    "refund": lambda gateway: gateway.refund(UNKNOWN),
    "decide_review": lambda gateway: gateway.decide_review(UNKNOWN, "approve"),
}


@pytest.mark.parametrize("verb", ASKED)
def test_a_bank_in_memory_says_so_whatever_is_asked_of_it(verb: str, tmp_path: Path) -> None:
    for options, tells in (({}, True), ({"store": tmp_path / "bank.sqlite3"}, False)):
        result = ASKED[verb](SandboxGateway("shop", options))
        told = " ".join(reason.text for reason in result.reasons)
        assert ("Its option 'store' gives it a file." in told) is tells


@pytest.mark.parametrize("capture", [True, False])
def test_a_part_of_the_amount_is_given_back(gateway: SandboxGateway, capture: bool) -> None:
    result = gateway.charge(charge("46225", capture=capture))
    assert result.outcome is ResultStatus.DECLINED
    assert [reason.kind for reason in result.reasons] == [ReasonKind.CARD_DECLINED]
    (row,) = gateway.bank.transactions()
    assert (row.amount, row.status, row.settled_amount) == (Decimal("1.23"), "voided", None)


def test_all_that_is_wrong_is_told(gateway: SandboxGateway) -> None:
    card = CardDetails(Secret("4111111111111112"), month=1, year=2001, address=Address())
    result = gateway.charge(ChargeRequest("key-1", Decimal("5.00"), "USD", source=card))
    assert result.outcome is ResultStatus.FAILED
    told = [(reason.kind, reason.code) for reason in result.reasons]
    assert told == [
        (ReasonKind.INVALID_CARD, "invalid_number"),
        (ReasonKind.EXPIRY, "expired"),
    ]
    assert all(reason.text for reason in result.reasons)


def test_another_currency_than_the_payments_is_refused(gateway: SandboxGateway) -> None:
    made = gateway.charge(charge(capture=False))
    wrong = FollowUpRequest("key-2", made.transaction_id, Decimal("5.00"), "EUR")
    refused = gateway.capture(wrong)
    assert [reason.kind for reason in refused.reasons] == [ReasonKind.INVALID_AMOUNT]
    assert gateway.bank.retrieve_transaction(made.transaction_id).status == "authorized"
    right = FollowUpRequest("key-3", made.transaction_id, Decimal("5.00"), "USD")
    assert gateway.capture(right).outcome is ResultStatus.APPROVED
    gateway.bank.settle_batch()
    refused = gateway.refund(wrong)
    assert [reason.kind for reason in refused.reasons] == [ReasonKind.INVALID_AMOUNT]
    assert gateway.refund(right).outcome is ResultStatus.APPROVED


def test_a_card_that_asks_for_an_action(gateway: SandboxGateway) -> None:
    result = gateway.charge(charge_asking())
    assert result.outcome is ResultStatus.REQUIRES_ACTION
    action = result.next_action
    assert action is not None
    assert action.kind is NextActionKind.REDIRECT
    assert action.value.reveal().startswith("https://")
    assert "https" not in repr(result)
    assert action.expires_at is not None
    assert action.expires_at > gateway.bank.clock.now()
    found = gateway.retrieve_transaction(result.transaction_id)
    assert isinstance(found, RemoteTransaction)
    assert (found.status, found.next_action) == (RemoteStatus.REQUIRES_ACTION, action)
    gateway.bank.finish_action(result.transaction_id)
    found = gateway.retrieve_transaction(result.transaction_id)
    assert isinstance(found, RemoteTransaction)
    assert (found.status, found.settled_amount) == (RemoteStatus.CAPTURED, Decimal("5.00"))
    assert found.next_action is None


def test_a_card_that_asks_is_declined_when_its_holder_is_away(gateway: SandboxGateway) -> None:
    result = gateway.charge(charge_asking("merchant"))
    assert (result.outcome, result.next_action) == (ResultStatus.DECLINED, None)
