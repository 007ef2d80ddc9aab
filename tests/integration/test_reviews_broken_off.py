"""A worker dies anywhere in a decision, then the payment is voided: what is its charge told as?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from django_dinero.enums import RemoteStatus
from django_dinero.exceptions import DineroError, HeldForReview, NeedsAttention
from django_dinero.models import Customer, Operation, Transaction
from tests.breaking.points import Died, Points, bury
from tests.databases import VENDOR
from tests.support.recording import RecordingGateway

ALIASES = ["default"] if VENDOR == "sqlite" else ["default", "journal"]
pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True, databases=ALIASES)]

CARD: dict[str, Any] = {"number": "4111111111111111", "month": 12, "year": 2040}
Learn = Callable[[Transaction], object]


@pytest.fixture
def other_amount(gateway: RecordingGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of whatever was held, one dollar less is approved in the end."""
    fetch = type(gateway).retrieve_transaction

    def found(self: RecordingGateway, transaction_id: str) -> Any:
        remote: Any = fetch(self, transaction_id)
        if remote.status is RemoteStatus.HELD:
            return remote
        return replace(remote, amount=remote.amount - 1, settled_amount=remote.amount - 1)

    monkeypatch.setattr(type(gateway), "retrieve_transaction", found)


def charge(number: int) -> Transaction:
    customer = Customer.objects.get()
    return Transaction.create("50.00", customer=customer, idempotency_key=f"order-{number}")


def broken_off(gateway: RecordingGateway, learn: Learn) -> Iterator[tuple[int, Transaction]]:
    """Hold a payment, and die while its end is learned: at each point, one after the other."""
    Customer.create("bill@example.com", **CARD)
    number, died = 0, True
    while died:
        number += 1
        gateway.bank.hold_next()
        with pytest.raises(HeldForReview) as caught:
            charge(number)
        held: Transaction = caught.value.transaction
        died = _dies(gateway, Points(at=number), learn, held)
        held.refresh_from_db()
        yield number, held
    assert number > 10


def _dies(gateway: RecordingGateway, points: Points, learn: Learn, held: Transaction) -> bool:
    died = False
    try:
        with points.watching(gateway):
            learn(held)
    except Died:
        died = True
    except NeedsAttention:
        pass  # it lived, and says so
    bury()
    return died


def approve(held: Transaction) -> object:
    return held.approve()


def read(held: Transaction) -> object:
    return Transaction.retrieve(held.transaction_id or "")


def state_of(held: Transaction) -> str:
    return Operation.objects.get(key=held.operation_key).state


def decided(held: Transaction) -> bool:
    """Say whether the journal has it that the decision was carried out."""
    rows = Operation.objects.filter(kind="approve_held", lock_name=held.lock_name)
    return rows.filter(state="succeeded").exists()


@pytest.mark.parametrize("learn", [approve, read])
def test_what_was_approved_and_voided_is_told_as_approved(
    gateway: RecordingGateway, learn: Learn
) -> None:
    told = set()
    for number, held in broken_off(gateway, _after_deciding(gateway, learn)):
        assert state_of(held) == ("held" if held.status == "held" else "succeeded")
        assert decided(held) == (learn is approve and held.status == "approved")
        if held.status == "approved":
            held.void()
            told.add(charge(number).status)
    assert told == {"voided"}


@pytest.mark.parametrize("learn", [approve, read])
def test_what_was_approved_for_another_amount_and_voided_is_left_to_a_person(
    gateway: RecordingGateway, other_amount: None, learn: Learn
) -> None:
    told = set()
    for number, held in broken_off(gateway, _after_deciding(gateway, learn)):
        assert state_of(held) == ("held" if held.status == "held" else "needs_attention")
        assert decided(held) == (learn is approve and held.status == "approved")
        if held.status == "approved":
            assert held.price == Decimal(49)
            held.void()
            with pytest.raises(DineroError) as caught:
                charge(number)
            told.add(type(caught.value))
    assert told == {NeedsAttention}


def _after_deciding(gateway: RecordingGateway, learn: Learn) -> Learn:
    """Where the decision is only read here, it was made in the gateway's own pages."""

    def learned(held: Transaction) -> object:
        if learn is read:
            gateway.bank.decide_review(held.transaction_id or "", approve=True)
        return learn(held)

    return learned
