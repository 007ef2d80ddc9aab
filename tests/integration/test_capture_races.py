"""What follows an authorization, told of and done at the same moment."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import partial

import pytest

from django_dinero.models import Customer, Operation, Transaction
from django_dinero.models.family import Family
from django_dinero.services import webhooks
from tests.databases import VENDOR
from tests.support.own_ids import give_captures_own_ids
from tests.support.racing import at_once
from tests.support.recording import RecordingGateway
from tests.support.webhooks import let_time_pass, notice, receive
from tests.unit.services.conftest import card, make_customer

__all__ = ["card", "make_customer"]

ALIASES = ["default"] if VENDOR == "sqlite" else ["default", "journal"]
pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True, databases=ALIASES)]

Make = Callable[..., Customer]
ROUNDS = 4
#: What a verb may say that comes before what it follows, or while another one is at work.
MAY_SAY = {"operation_in_progress", "invalid_transaction", "refund_refused"}


def told_of(gateway: RecordingGateway, transaction_id: str) -> Callable[[], object]:
    """A webhook about a transaction."""
    return partial(receive, gateway, notice("transaction", transaction_id))


def refund(pk: int) -> object:
    """Refund a part, from the newest row, on the connection of this thread."""
    return Transaction.objects.get(pk=pk).refund("5.00")


def capture(pk: int) -> object:
    """Capture all of it, from the newest row, on the connection of this thread."""
    return Transaction.objects.get(pk=pk).capture()


def refused(found: list[object]) -> set[str]:
    """Return the refusals among what was done at once."""
    return {each for each in found if isinstance(each, str)}


def apply_the_rest(gateway: RecordingGateway) -> None:
    """Apply events again that a busy database had put off."""
    let_time_pass()
    webhooks.drain(gateway)


@pytest.mark.parametrize("own_ids", [False, True])
def test_what_was_done_elsewhere_is_told_of_beside_a_refund_of_ours(
    gateway: RecordingGateway, make_customer: Make, own_ids: bool
) -> None:
    if own_ids:
        give_captures_own_ids(gateway)
    customer, bank = make_customer(), gateway.bank
    for n in range(ROUNDS):
        row = Transaction.create(50 + n, customer=customer, settle=False)
        named = row.transaction_id or ""
        bank.capture(named, row.price)
        bank.settle_batch()
        refunds = [bank.refund(named, Decimal("10.00")).row for _n in range(2)]
        found = at_once(
            told_of(gateway, f"C{named}" if own_ids else named),
            told_of(gateway, named),
            *(told_of(gateway, each.id) for each in refunds if each is not None),
            partial(refund, row.pk),
            partial(refund, row.pk),
        )
        assert refused(found) <= MAY_SAY
        apply_the_rest(gateway)
        taken = Transaction.objects.get(kind="capture", parent=row)
        given_back = [e for e in bank.transactions() if e.kind == "refund" and e.parent_id == named]
        assert {*taken.children.values_list("transaction_id", flat=True)} == {
            each.id for each in given_back
        }
        left = taken.price - sum(each.amount for each in given_back)
        assert Family.of(taken).left_to_refund == left


@pytest.mark.parametrize("own_ids", [False, True])
def test_a_capture_of_ours_beside_webhooks_about_it_counts_once(
    gateway: RecordingGateway, make_customer: Make, own_ids: bool
) -> None:
    if own_ids:
        give_captures_own_ids(gateway)
    customer = make_customer()
    for n in range(ROUNDS):
        row = Transaction.create(50 + n, customer=customer, settle=False)
        named = row.transaction_id or ""
        found = at_once(
            partial(capture, row.pk),
            *[told_of(gateway, f"C{named}" if own_ids else named)] * 2,
            *[told_of(gateway, named)] * 2,
        )
        assert not refused(found)
        apply_the_rest(gateway)
        taken = Transaction.objects.get(kind="capture", parent=row)
        assert taken.operation_key
        assert row.captured_amount == row.price
    assert not Operation.objects.exclude(state="succeeded").exists()
