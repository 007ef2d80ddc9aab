"""Held payments: what a review makes of them."""

from __future__ import annotations

import pytest

from django_dinero.enums import RemoteStatus
from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.bank.enums import EntryKind, Outcome, Reason
from tests.support.testbank import charged, entry_of, held


def test_an_approved_review_takes_the_money(bank: Bank) -> None:
    entry = held(bank)
    verdict = bank.decide_review(entry.id, approve=True)
    now = entry_of(verdict)
    assert (verdict.outcome, now.id, now.status) == (
        Outcome.APPROVED,
        entry.id,
        RemoteStatus.CAPTURED,
    )
    assert (now.settled_amount, now.reason) == (entry.amount, None)
    assert bank.retrieve_transaction(entry.id) == now


def test_an_approved_review_of_an_authorization(bank: Bank) -> None:
    entry = held(bank, EntryKind.AUTHORIZATION)
    now = entry_of(bank.decide_review(entry.id, approve=True))
    assert (now.status, now.settled_amount, now.reason) == (RemoteStatus.AUTHORIZED, None, None)
    assert bank.capture(entry.id).approved


def test_a_declined_review(bank: Bank) -> None:
    entry = held(bank)
    verdict = bank.decide_review(entry.id, approve=False)
    now = entry_of(verdict)
    assert verdict.outcome is Outcome.APPROVED
    assert (now.status, now.reason, now.settled_amount) == (
        *(RemoteStatus.DECLINED, Reason.DECLINED, None),
    )
    assert bank.retrieve_transaction(entry.id) == now


@pytest.mark.parametrize("approve", [True, False])
def test_only_a_held_payment_is_reviewed(bank: Bank, approve: bool) -> None:
    for entry in (charged(bank), held(bank)):
        bank.decide_review(entry.id, approve=True)
        verdict = bank.decide_review(entry.id, approve=approve)
        assert (verdict.outcome, verdict.reason) == (Outcome.FAILED, Reason.NOT_HELD)
        assert bank.retrieve_transaction(entry.id).status is RemoteStatus.CAPTURED
