"""Capture, void, refund and review: what is allowed when, and what it leaves behind."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from django_dinero.enums import RemoteStatus
from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.bank.enums import Outcome, Reason, RowKind, Validation
from django_dinero.sandbox.bank.records import LedgerRow, NewCard, Order, Verdict
from tests.support.testbank import authorized, charged, held, plain, row_of, settled, stored

DAY = 86_400


def reason_of(verdict: Verdict) -> Reason | None:
    """The reason of a verdict that failed."""
    assert verdict.outcome is Outcome.FAILED
    return verdict.reason


def voided(bank: Bank) -> LedgerRow:
    """A voided charge."""
    return row_of(bank.void(charged(bank).id))


def declined(bank: Bank) -> LedgerRow:
    """A declined charge."""
    return row_of(bank.charge(plain(zip="46282"), Decimal(10)))


def refunded(bank: Bank) -> LedgerRow:
    """A refund."""
    return row_of(bank.refund(settled(bank).id))


def charged_back(bank: Bank) -> LedgerRow:
    """A charge that was disputed."""
    return bank.chargeback(settled(bank).id)


def lapsed(bank: Bank) -> LedgerRow:
    """An authorization that nobody captured in time."""
    row = authorized(bank)
    bank.clock.advance(30 * DAY)
    bank.settle_batch()
    return bank.retrieve_transaction(row.id)


def validation(bank: Bank) -> LedgerRow:
    """What a live check of a card leaves behind."""
    customer = bank.create_customer(cards=[NewCard(plain())], validation=Validation.LIVE)
    verdict = customer.cards[0].validation
    assert verdict is not None
    return row_of(verdict)


Maker = Callable[[Bank], LedgerRow]


def test_capture_all_of_it(bank: Bank) -> None:
    row = authorized(bank)
    verdict = bank.capture(row.id, capture_key="cap-1")
    captured = row_of(verdict)
    assert verdict.outcome is Outcome.APPROVED
    assert (captured.id, captured.status, captured.capture_key) == (
        *(row.id, RemoteStatus.CAPTURED, "cap-1"),
    )
    assert (captured.amount, captured.settled_amount) == (Decimal("10.00"), Decimal("10.00"))
    assert bank.retrieve_transaction(row.id) == captured


def test_capture_less(bank: Bank) -> None:
    captured = row_of(bank.capture(authorized(bank).id, Decimal("4.5")))
    assert [str(captured.amount), str(captured.settled_amount)] == ["10.00", "4.50"]


@pytest.mark.parametrize(
    ("amount", "reason"),
    [
        ("10.01", Reason.CAPTURE_EXCEEDS_AUTHORIZATION),
        ("0", Reason.INVALID_AMOUNT),
        ("-1", Reason.INVALID_AMOUNT),
        ("1.001", Reason.INVALID_AMOUNT),
    ],
)
def test_capture_of_a_wrong_amount(bank: Bank, amount: str, reason: Reason) -> None:
    row = authorized(bank)
    assert bank.capture(row.id, Decimal(amount)) == Verdict(Outcome.FAILED, row, reason=reason)
    assert bank.retrieve_transaction(row.id) == row


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (charged, Reason.ALREADY_CAPTURED),
        (settled, Reason.ALREADY_CAPTURED),
        (charged_back, Reason.ALREADY_CAPTURED),
        (voided, Reason.ALREADY_VOIDED),
        (held, Reason.HELD),
        (lapsed, Reason.AUTHORIZATION_EXPIRED),
        (declined, Reason.NOT_CAPTURABLE),
        (refunded, Reason.NOT_CAPTURABLE),
        (validation, Reason.NOT_CAPTURABLE),
    ],
)
def test_what_cannot_be_captured(bank: Bank, make: Maker, reason: Reason) -> None:
    row = make(bank)
    verdict = bank.capture(row.id)
    assert reason_of(verdict) is reason
    assert verdict.row == row == bank.retrieve_transaction(row.id)


def test_capture_once(bank: Bank) -> None:
    row = authorized(bank)
    first = row_of(bank.capture(row.id, Decimal(4), capture_key="one"))
    again = bank.capture(row.id, Decimal(4), capture_key="two")
    assert again == Verdict(Outcome.FAILED, first, reason=Reason.ALREADY_CAPTURED)


def test_an_old_authorization_cannot_be_captured(bank: Bank) -> None:
    row = authorized(bank)
    bank.clock.advance(30 * DAY - 60)
    other = authorized(bank)
    bank.clock.advance(60)
    assert reason_of(bank.capture(row.id)) is Reason.AUTHORIZATION_EXPIRED
    assert bank.retrieve_transaction(row.id).status is RemoteStatus.EXPIRED
    assert bank.capture(other.id).approved


@pytest.mark.parametrize("make", [charged, authorized, held, refunded])
def test_void(bank: Bank, make: Maker) -> None:
    row = make(bank)
    verdict = bank.void(row.id, void_key="v-1")
    now = row_of(verdict)
    assert (verdict.outcome, now.id, now.status) == (
        Outcome.APPROVED,
        row.id,
        RemoteStatus.VOIDED,
    )
    assert (now.void_key, now.settled_amount, now.amount) == ("v-1", None, row.amount)
    assert bank.retrieve_transaction(row.id) == now


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (voided, Reason.ALREADY_VOIDED),
        (validation, Reason.ALREADY_VOIDED),
        (settled, Reason.ALREADY_SETTLED),
        (charged_back, Reason.ALREADY_SETTLED),
        (declined, Reason.NOT_VOIDABLE),
        (lapsed, Reason.NOT_VOIDABLE),
    ],
)
def test_what_cannot_be_voided(bank: Bank, make: Maker, reason: Reason) -> None:
    row = make(bank)
    verdict = bank.void(row.id, void_key="late")
    assert reason_of(verdict) is reason
    assert verdict.row == row == bank.retrieve_transaction(row.id)


def test_refund_of_all_that_is_left(bank: Bank) -> None:
    parent = settled(bank)
    verdict = bank.refund(parent.id, operation_key="r-1", order=Order("inv", "Sorry"))
    refund = row_of(verdict)
    assert verdict.outcome is Outcome.APPROVED
    assert refund.id != parent.id
    assert (refund.kind, refund.status, refund.parent_id) == (
        *(RowKind.REFUND, RemoteStatus.CAPTURED, parent.id),
    )
    assert (refund.amount, refund.settled_amount) == (parent.amount, parent.amount)
    assert (refund.operation_key, refund.invoice, refund.description) == ("r-1", "inv", "Sorry")
    assert (refund.last_4, refund.brand, refund.auth_code) == ("1111", "visa", "")
    assert bank.transactions(parent_id=parent.id) == (refund,)
    assert bank.retrieve_transaction(parent.id) == parent
    assert reason_of(bank.refund(parent.id)) is Reason.REFUND_EXCEEDS


def test_refunds_never_exceed_what_was_settled(bank: Bank) -> None:
    parent = settled(bank)
    assert bank.refund(parent.id, Decimal("6.00")).approved
    assert reason_of(bank.refund(parent.id, Decimal("4.01"))) is Reason.REFUND_EXCEEDS
    last = bank.refund(parent.id, Decimal("4.00"))
    assert last.approved
    assert reason_of(bank.refund(parent.id, Decimal("0.01"))) is Reason.REFUND_EXCEEDS
    assert bank.void(row_of(last).id).approved
    assert bank.refund(parent.id, Decimal("3.00")).approved
    bank.settle_batch()
    assert str(row_of(bank.refund(parent.id)).amount) == "1.00"


def test_a_refund_is_measured_by_what_was_captured(bank: Bank) -> None:
    row = authorized(bank)
    bank.capture(row.id, Decimal(4))
    bank.settle_batch()
    assert reason_of(bank.refund(row.id, Decimal(5))) is Reason.REFUND_EXCEEDS
    assert bank.refund(row.id, Decimal(4)).approved


@pytest.mark.parametrize("amount", ["0", "-1", "0.001"])
def test_refund_of_a_wrong_amount(bank: Bank, amount: str) -> None:
    parent = settled(bank)
    assert reason_of(bank.refund(parent.id, Decimal(amount))) is Reason.INVALID_AMOUNT


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (charged, Reason.REFUND_NOT_SETTLED),
        (authorized, Reason.REFUND_NOT_SETTLED),
        (held, Reason.REFUND_NOT_SETTLED),
        (voided, Reason.NOT_REFUNDABLE),
        (declined, Reason.NOT_REFUNDABLE),
        (charged_back, Reason.NOT_REFUNDABLE),
        (lapsed, Reason.NOT_REFUNDABLE),
        (refunded, Reason.NOT_REFUNDABLE),
        (validation, Reason.NOT_REFUNDABLE),
    ],
)
def test_what_cannot_be_refunded(bank: Bank, make: Maker, reason: Reason) -> None:
    row = make(bank)
    before = bank.transactions()
    assert reason_of(bank.refund(row.id, Decimal(1))) is reason
    assert bank.transactions() == before


def test_a_refund_goes_to_the_card_that_paid(bank: Bank) -> None:
    card = stored(bank)
    row = row_of(bank.charge(card, Decimal(10)))
    bank.settle_batch()
    wrong = (
        {"last_4": "0002"},
        {"customer_id": "1"},
        {"customer_id": card.customer_id, "card_id": "1"},
    )
    for given in wrong:
        verdict = bank.refund(row.id, Decimal(1), **given)  # type: ignore[arg-type]
        assert reason_of(verdict) is Reason.REFUND_WRONG_CARD
    ids = {"customer_id": card.customer_id, "card_id": card.card_id}
    refund = row_of(bank.refund(row.id, Decimal(1), last_4="1111", **ids))  # type: ignore[arg-type]
    assert (refund.customer_id, refund.card_id) == (card.customer_id, card.card_id)


def test_a_deleted_card_still_gets_its_refund(bank: Bank) -> None:
    card = stored(bank)
    row = row_of(bank.charge(card, Decimal(10)))
    bank.settle_batch()
    bank.delete_customer(card.customer_id)
    refund = bank.refund(row.id, customer_id=card.customer_id, card_id=card.card_id)
    assert refund.approved


@pytest.mark.parametrize("unknown", ["60099999999", "0", "", "abc"])
def test_follow_ups_of_an_unknown_payment(bank: Bank, unknown: str) -> None:
    settled(bank)
    verdicts = [
        bank.capture(unknown),
        bank.void(unknown),
        bank.refund(unknown, Decimal(1)),
        bank.decide_review(unknown, approve=True),
    ]
    assert verdicts == [Verdict(Outcome.FAILED, reason=Reason.NOT_FOUND)] * 4
