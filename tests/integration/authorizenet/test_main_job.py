"""The main job over HTTP, with what can go wrong on the way; both sides' books agree."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from django_dinero.cards import PaymentToken
from django_dinero.enums import RemoteStatus
from django_dinero.exceptions import (
    AuthenticationError,
    AVSAndCVVError,
    CardDeclinedError,
    CardLimitError,
    CVVError,
    DuplicateCardError,
    GatewayError,
    HeldForReview,
    InvalidCardError,
    InvalidTransactionError,
    NotSent,
    OutcomeUnknown,
    RefundError,
)
from django_dinero.models import Customer, Operation, Transaction
from django_dinero.redaction import Secret
from django_dinero.sandbox.http.faults import FaultName
from django_dinero.sandbox.http.server import SandboxServer
from django_dinero.services.recovery import lookup
from tests.support.witness import Witness

pytestmark = pytest.mark.django_db

CARD: dict[str, Any] = {
    "number": "4111111111111111",
    "cvv": "900",
    "month": 12,
    "year": 2035,
    "address": "123 Elm St",
    "zip": "12345",
}


@pytest.fixture
def customer(bank: SandboxServer) -> Customer:
    return Customer.create("bill@example.com", first_name="Bill", last_name="Smith", **CARD)


def test_money_from_charge_to_refund(bank: SandboxServer, customer: Customer) -> None:
    charge = Transaction.create("25.00", customer=customer, description="Books", customer_ip="::1")
    assert (charge.status, charge.last_4, charge.brand) == ("approved", "1111", "visa")
    authorization = Transaction.create("80.00", card=customer.cards[0], settle=False)
    capture = authorization.settle("60.00")
    voided = Transaction.create("7.50", customer=customer)
    voided.void()
    with pytest.raises(RefundError):
        charge.refund("10.00")
    bank.bank.settle_batch()
    first = charge.refund("10.00")
    rest = charge.refund()
    capture.refund("5.00")
    assert (first.price, rest.price) == (Decimal("10.00"), Decimal("15.00"))
    with pytest.raises(RefundError):
        charge.refund("0.01")
    entries = {entry.id: entry for entry in bank.bank.transactions()}
    assert entries[charge.transaction_id or ""].operation_key == charge.operation_key
    assert entries[authorization.transaction_id or ""].settled_amount == Decimal("60.00")
    assert entries[voided.transaction_id or ""].status is RemoteStatus.VOIDED
    refunded = [entry.amount for entry in entries.values() if entry.parent_id]
    assert refunded == [Decimal("10.00"), Decimal("15.00"), Decimal("5.00")]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"zip": "46282"}, CardDeclinedError),
        ({"cvv": "901"}, CVVError),
        ({"cvv": "901", "zip": "46205"}, AVSAndCVVError),
        ({"zip": "46225"}, CardDeclinedError),
    ],
)
def test_refusals_are_rows_in_the_books(
    bank: SandboxServer, given: dict[str, Any], expected: type[GatewayError]
) -> None:
    with pytest.raises(expected) as caught:
        Transaction.create(30, **{**CARD, **given})
    row = caught.value.transaction
    assert (row.status, row.price, row.reason) != ("approved", 30, "")
    live = (RemoteStatus.AUTHORIZED, RemoteStatus.CAPTURED, RemoteStatus.SETTLED)
    assert [entry for entry in bank.bank.transactions() if entry.status in live] == []


def test_a_part_that_was_approved_is_told_as_given_back(bank: SandboxServer) -> None:
    with pytest.raises(CardDeclinedError, match=r"Only 1\.23 USD was approved, and it was given"):
        Transaction.create(30, **{**CARD, "zip": "46225"})


def test_a_card_twice_and_one_too_many(bank: SandboxServer, customer: Customer) -> None:
    with pytest.raises(DuplicateCardError) as caught:
        customer.add_card(first_name="Bill", last_name="Smith", **CARD)
    assert caught.value.card_id == customer.card_id
    for month in range(1, 10):
        customer.add_card(**{**CARD, "number": "4007000000027", "month": month, "zip": f"1{month}"})
    with pytest.raises(CardLimitError):
        customer.add_card(**{**CARD, "number": "4012888818888"})
    assert len(customer.cards) == len(bank.bank.customer(customer.customer_id or "").cards) == 10


def test_a_token_is_charged_once(bank: SandboxServer) -> None:
    token = bank.bank.mint_token("5424000000000015", month=3, year=2034)
    charge = Transaction.create(9, token=PaymentToken(Secret(token)))
    assert (charge.last_4, charge.brand) == ("0015", "mastercard")
    with pytest.raises(InvalidCardError) as caught:
        Transaction.create(9, token=PaymentToken(Secret(token)))
    assert caught.value.gateway_code == "E00114"


def test_a_stored_token_shows_its_last_digits(bank: SandboxServer) -> None:
    token = bank.bank.mint_token("5424000000000015", month=3, year=2034)
    stored = Customer.create("bill@example.com", token=token).cards[0]
    assert (stored.last_4, stored.month, stored.year) == ("0015", 3, 2034)


def test_held_payments(bank: SandboxServer, customer: Customer) -> None:
    bank.bank.hold_next(2)
    for verb, local, remote in (
        ("approve", "approved", RemoteStatus.CAPTURED),
        ("decline", "declined", RemoteStatus.DECLINED),
    ):
        with pytest.raises(HeldForReview) as caught:
            Transaction.create(40, customer=customer)
        held = caught.value.transaction
        assert (held.status, held.captured_amount) == ("held", 0)
        assert getattr(held, verb)().status == local
        assert bank.bank.retrieve_transaction(held.transaction_id).status is remote


def test_what_somebody_else_did_at_the_gateway(bank: SandboxServer, customer: Customer) -> None:
    voided = Transaction.create(40, customer=customer)
    bank.bank.void(voided.transaction_id or "")
    assert voided.void().kind == "void"
    assert Transaction.retrieve(voided.transaction_id or "").status == "voided"
    captured = Transaction.create(50, customer=customer, settle=False)
    bank.bank.capture(captured.transaction_id or "", Decimal(50))
    assert captured.settle().price == Decimal(50)
    in_part = Transaction.create(60, customer=customer, settle=False)
    bank.bank.capture(in_part.transaction_id or "", Decimal(20))
    with pytest.raises(InvalidTransactionError, match="already been captured"):
        in_part.settle()


@pytest.mark.parametrize("card", [CARD, {}], ids=["with a card", "without"])
def test_a_customer_that_is_delivered_twice_is_stored_once(
    bank: SandboxServer, card: dict[str, Any]
) -> None:
    bank.faults.add(FaultName.REPEAT, "createCustomerProfileRequest")
    customer = Customer.create("bill@example.com", **card)
    (stored,) = bank.bank.customers()
    assert (customer.customer_id, customer.sync_state) == (stored.id, "synced")
    assert [c.card_id for c in customer.cards] == [c.id for c in stored.cards]


def test_a_card_that_is_delivered_twice_is_stored_once(
    bank: SandboxServer, customer: Customer
) -> None:
    bank.faults.add(FaultName.REPEAT, "createCustomerPaymentProfileRequest")
    card = customer.add_card(**{**CARD, "number": "4007000000027"})
    assert (card.sync_state, card.last_4, card.month) == ("synced", "0027", 12)
    stored = bank.bank.customer(customer.customer_id or "").cards
    assert [each.id for each in stored] == [each.card_id for each in customer.cards]


@pytest.mark.parametrize("verb", ["charge", "capture", "void", "refund"])
def test_a_request_that_is_delivered_twice_is_done_once(
    bank: SandboxServer, customer: Customer, verb: str
) -> None:
    original = Transaction.create(50, customer=customer, settle=verb != "capture")
    if verb == "refund":
        bank.bank.settle_batch()
    bank.faults.add(FaultName.REPEAT, "createTransactionRequest")
    if verb == "charge":
        row = Transaction.create(7, customer=customer)
    elif verb == "refund":
        row = original.refund("20.00")
    else:
        row = getattr(original, verb)()
    assert row.status == "approved"
    assert len(bank.bank.transactions()) == (2 if verb in ("charge", "refund") else 1)
    entry = bank.bank.retrieve_transaction(row.transaction_id or "")
    assert entry.amount == row.price


def test_wrong_keys_are_said_to_be_wrong(bank: SandboxServer, settings: Any) -> None:
    options = settings.DINERO["GATEWAYS"]["default"]["OPTIONS"]
    options["transaction_key"] = "wrong"
    with pytest.raises(AuthenticationError):
        Transaction.create(5, **CARD)
    with pytest.raises(AuthenticationError):
        Customer.create("bill@example.com")


# -- The wire ----------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [FaultName.DROP_AFTER, FaultName.TRUNCATE, FaultName.GARBAGE])
def test_a_lost_charge_is_found_and_not_repeated(
    bank: SandboxServer, customer: Customer, fault: FaultName
) -> None:
    bank.faults.add(fault)
    with pytest.raises(OutcomeUnknown) as caught:
        Transaction.create(33, customer=customer, idempotency_key="order-0001")
    operation = caught.value.operation
    assert operation.state == "unknown"
    found = Transaction.create(33, customer=customer, idempotency_key="order-0001")
    assert found.operation_key == operation.key
    assert len(bank.bank.transactions(operation_key=operation.key)) == 1
    assert len(bank.bank.transactions()) == 1


def test_a_request_that_never_arrived_stays_unknown(
    bank: SandboxServer, customer: Customer
) -> None:
    bank.faults.add(FaultName.DROP_BEFORE)
    with pytest.raises(OutcomeUnknown) as caught:
        Transaction.create(33, customer=customer)
    assert lookup.look_up(caught.value.operation).state == "unknown"
    assert bank.bank.transactions() == ()


def test_a_closed_port_is_proof(bank: SandboxServer, customer: Customer, settings: Any) -> None:
    entry = settings.DINERO["GATEWAYS"]["default"]
    entry["OPTIONS"]["endpoint"] = "http://127.0.0.1:9/xml/v1/request.api"
    with pytest.raises(NotSent) as caught:
        Transaction.create(33, customer=customer)
    assert caught.value.operation.state == "failed"
    assert Transaction.objects.count() == 0


@pytest.mark.parametrize("verb", ["capture", "void", "refund"])
def test_lost_follow_ups_are_found(bank: SandboxServer, customer: Customer, verb: str) -> None:
    original = Transaction.create(50, customer=customer, settle=verb != "capture")
    if verb == "refund":
        bank.bank.settle_batch()
        Transaction.retrieve(original.transaction_id or "")
        original.refresh_from_db()
    bank.faults.add(FaultName.DROP_AFTER, "createTransactionRequest")
    with pytest.raises(OutcomeUnknown) as caught:
        getattr(original, verb)()
    operation = lookup.look_up(caught.value.operation)
    assert operation.state == "succeeded"
    row = Transaction.objects.get(operation_key=operation.key)
    assert (row.parent, row.price, row.status) == (original, Decimal(50), "approved")


def test_a_lost_customer_is_found_by_our_key(bank: SandboxServer) -> None:
    bank.faults.add(FaultName.DROP_AFTER)
    with pytest.raises(OutcomeUnknown) as caught:
        Customer.create("bill@example.com", **CARD)
    assert Customer.objects.count() == 0
    assert lookup.look_up(caught.value.operation).state == "succeeded"
    assert Customer.objects.get().customer_id == bank.bank.customers()[0].id


def test_every_change_was_journaled_before_it_was_sent(
    bank: SandboxServer, witness: Witness, customer: Customer
) -> None:
    customer.email = "fred@example.com"
    customer.save()
    charge = Transaction.create(5, customer=customer)
    charge.void()
    customer.delete()
    changing = [name for name in witness.asked if not name.startswith("get")]
    ended = Operation.objects.filter(state="succeeded")
    journaled = [operation for operation in ended if "covered" not in operation.outcome]
    assert len(changing) == len(journaled) == 5
