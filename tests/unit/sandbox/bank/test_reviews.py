"""Held payments: what a review makes of them."""

from __future__ import annotations

import pytest

from django_dinero.enums import RemoteStatus
from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.bank.enums import Outcome, Reason, RowKind
from tests.support.testbank import charged, held, row_of


def test_an_approved_review_takes_the_money(bank: Bank) -> None:
    row = held(bank)
    verdict = bank.decide_review(row.id, approve=True)
    now = row_of(verdict)
    assert (verdict.outcome, now.id, now.status) == (
        Outcome.APPROVED,
        row.id,
        RemoteStatus.CAPTURED,
    )
    assert (now.settled_amount, now.reason) == (row.amount, None)
    assert bank.retrieve_transaction(row.id) == now


def test_an_approved_review_of_an_authorization(bank: Bank) -> None:
    row = held(bank, RowKind.AUTHORIZATION)
    now = row_of(bank.decide_review(row.id, approve=True))
    assert (now.status, now.settled_amount, now.reason) == (RemoteStatus.AUTHORIZED, None, None)
    assert bank.capture(row.id).approved


def test_a_declined_review(bank: Bank) -> None:
    row = held(bank)
    verdict = bank.decide_review(row.id, approve=False)
    now = row_of(verdict)
    assert verdict.outcome is Outcome.APPROVED
    assert (now.status, now.reason, now.settled_amount) == (
        *(RemoteStatus.DECLINED, Reason.DECLINED, None),
    )
    assert bank.retrieve_transaction(row.id) == now


@pytest.mark.parametrize("approve", [True, False])
def test_only_a_held_payment_is_reviewed(bank: Bank, approve: bool) -> None:
    for row in (charged(bank), held(bank)):
        bank.decide_review(row.id, approve=True)
        verdict = bank.decide_review(row.id, approve=approve)
        assert (verdict.outcome, verdict.reason) == (Outcome.FAILED, Reason.NOT_HELD)
        assert bank.retrieve_transaction(row.id).status is RemoteStatus.CAPTURED
