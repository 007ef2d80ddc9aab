"""Payments that the card's holder has to confirm first."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from django_dinero.enums import RemoteStatus
from django_dinero.redaction import Secret
from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.bank.enums import Outcome, Reason, Validation
from django_dinero.sandbox.bank.records import BankRefusal, LedgerRow, NewCard, Token, VaultCard
from django_dinero.sandbox.bank.triggers import ACTION_NUMBER
from tests.support.testbank import MONTH, YEAR, charged, plain, row_of

DAY = 86_400
TEN = Decimal("10.00")


def asked(bank: Bank, *, capture: bool = True) -> LedgerRow:
    """A payment that waits for the card's holder."""
    card = plain(ACTION_NUMBER)
    return row_of(bank.charge(card, TEN, duplicate_window=0, capture=capture))


def refusal(call: Callable[[], object]) -> Reason:
    with pytest.raises(BankRefusal) as refused:
        call()
    return refused.value.reason


@pytest.mark.parametrize("capture", [True, False])
def test_nothing_is_taken_before_the_holder_confirms(bank: Bank, capture: bool) -> None:
    verdict = bank.charge(plain(ACTION_NUMBER), TEN, capture=capture)
    row = row_of(verdict)
    assert (verdict.outcome, verdict.reason) == (Outcome.REQUIRES_ACTION, Reason.ACTION_REQUIRED)
    assert not verdict.approved
    assert (row.status, row.amount) == (RemoteStatus.REQUIRES_ACTION, TEN)
    assert (row.settled_amount, row.auth_code, row.network_transaction_id) == (None, "", "")
    assert verdict.action is not None
    assert verdict.action.url.startswith("https://bank.invalid/actions/")
    assert (verdict.action.expires_at - row.submitted_at).total_seconds() == DAY
    assert bank.unsettled() == ()
    assert bank.settle_batch().count == 0
    assert bank.retrieve_transaction(row.id) == row


def test_each_payment_has_an_address_of_its_own(bank: Bank) -> None:
    verdicts = [bank.charge(plain(ACTION_NUMBER), TEN, duplicate_window=0) for _ in range(2)]
    assert len({verdict.action.url for verdict in verdicts if verdict.action}) == 2


def test_the_same_again_is_a_duplicate_without_an_action(bank: Bank) -> None:
    first = row_of(bank.charge(plain(ACTION_NUMBER), TEN))
    again = bank.charge(plain(ACTION_NUMBER), TEN)
    assert (again.reason, again.row, again.action) == (Reason.DUPLICATE, first, None)


def test_a_confirmed_charge(bank: Bank) -> None:
    row = bank.finish_action(asked(bank).id)
    assert (row.status, row.settled_amount) == (RemoteStatus.CAPTURED, TEN)
    assert row.auth_code and row.network_transaction_id and row.reason is None
    assert bank.retrieve_transaction(row.id) == row
    assert bank.settle_batch().count == 1


def test_a_confirmed_authorization(bank: Bank) -> None:
    row = bank.finish_action(asked(bank, capture=False).id)
    assert (row.status, row.settled_amount) == (RemoteStatus.AUTHORIZED, None)
    assert bank.capture(row.id).approved


def test_a_refused_one_is_declined(bank: Bank) -> None:
    row = bank.refuse_action(asked(bank).id)
    assert (row.status, row.reason) == (RemoteStatus.DECLINED, Reason.DECLINED)
    assert (row.settled_amount, row.auth_code) == (None, "")
    assert bank.retrieve_transaction(row.id) == row


def test_only_what_waits_is_ended_and_once(bank: Bank) -> None:
    finished = bank.finish_action(asked(bank).id)
    for verb in (bank.finish_action, bank.refuse_action):
        assert refusal(lambda verb=verb: verb(finished.id)) is Reason.NO_ACTION  # type: ignore[misc]
        assert refusal(lambda verb=verb: verb(charged(bank).id)) is Reason.NO_ACTION  # type: ignore[misc]
        assert refusal(lambda verb=verb: verb("1")) is Reason.NOT_FOUND  # type: ignore[misc]


@pytest.mark.parametrize("by_batch", [True, False])
def test_it_lapses_after_a_day(bank: Bank, by_batch: bool) -> None:
    old, young = asked(bank), asked(bank)
    bank.clock.advance(DAY - 60)
    assert bank.finish_action(young.id).status is RemoteStatus.CAPTURED
    bank.clock.advance(60)
    if by_batch:
        bank.settle_batch()
    assert refusal(lambda: bank.finish_action(old.id)) is Reason.NO_ACTION
    assert bank.retrieve_transaction(old.id).status is RemoteStatus.EXPIRED


def test_until_then_it_can_be_voided_and_nothing_else(bank: Bank) -> None:
    row = asked(bank, capture=False)
    assert bank.capture(row.id).reason is Reason.ACTION_REQUIRED
    assert bank.refund(row.id).reason is Reason.REFUND_NOT_SETTLED
    assert bank.decide_review(row.id, approve=True).reason is Reason.NOT_HELD
    assert bank.void(row.id).approved
    assert refusal(lambda: bank.finish_action(row.id)) is Reason.NO_ACTION


def test_stored_cards_and_tokens_ask_too_and_storing_does_not(bank: Bank) -> None:
    new = NewCard(plain(ACTION_NUMBER))
    customer = bank.create_customer(cards=[new], validation=Validation.LIVE)
    paid = bank.charge(VaultCard(customer.id), TEN)
    assert paid.outcome is Outcome.REQUIRES_ACTION
    token = bank.mint_token(ACTION_NUMBER, month=MONTH, year=YEAR)
    assert bank.charge(Token(Secret(token)), TEN).outcome is Outcome.REQUIRES_ACTION


def test_what_is_declined_anyway_asks_for_nothing(bank: Bank) -> None:
    bank.hold_next()
    declined = bank.charge(plain(ACTION_NUMBER, zip="46282"), TEN)
    assert (declined.outcome, declined.action) == (Outcome.DECLINED, None)
    # Nor is it held: the review is for the next payment that would be approved.
    assert asked(bank).status is RemoteStatus.REQUIRES_ACTION
    assert charged_outcome(bank) is Outcome.HELD


def charged_outcome(bank: Bank) -> Outcome:
    return bank.charge(plain(), TEN, duplicate_window=0).outcome


def test_it_is_declined_where_nobody_can_be_sent_to_a_page(bank: Bank) -> None:
    verdict = bank.authorize(plain(ACTION_NUMBER), TEN, can_redirect=False)
    assert (verdict.outcome, verdict.reason) == (Outcome.DECLINED, Reason.DECLINED)
    assert row_of(verdict).status is RemoteStatus.DECLINED
