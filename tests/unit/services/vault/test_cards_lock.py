"""Cards of one customer are changed one at a time, and nobody waits long."""

from __future__ import annotations

import time

import pytest
from django.db import transaction

from django_dinero.exceptions import (
    NeedsAttention,
    OperationInProgress,
    OutcomeUnknown,
)
from django_dinero.models import CreditCard, Operation
from django_dinero.services.recovery import locking
from tests.faults import vault
from tests.support.cards import PAST, SECOND, Make, hold, make_default
from tests.support.recording import (
    RecordingGateway,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nobody_waits")]


@pytest.mark.parametrize(
    ("state", "error"),
    [
        ("sent", OperationInProgress),
        ("unknown", OperationInProgress),
        ("needs_attention", NeedsAttention),
    ],
)
def test_a_card_is_not_added_while_another_one_is_on_its_way(
    gateway: RecordingGateway,
    two: tuple[CreditCard, CreditCard],
    state: str,
    error: type[Exception],
) -> None:
    holder = hold(two[0], state, two[0].card_id)
    mark = gateway.mark
    with pytest.raises(error) as caught:
        two[0].customer.add_card(number="4007000000027")
    assert type(caught.value) is error
    assert caught.value.operation == holder  # type: ignore[attr-defined]
    assert "add_card" not in gateway.since(mark)


def test_what_is_unknown_of_another_card_is_not_said_of_this_one(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard]
) -> None:
    holder = hold(two[0], "unknown", two[0].card_id)
    two[1].zip = "99999"
    two[1].save()
    assert two[1].sync_state == "pending"
    two[0].zip = "99999"
    with pytest.raises(OutcomeUnknown) as caught:
        two[0].save()
    assert caught.value.operation == holder
    with pytest.raises(OperationInProgress):
        two[1].delete()
    assert Operation.objects.filter(kind="delete_card", state="new").exists()


def test_cards_of_other_customers_are_free(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard], make_customer: Make
) -> None:
    hold(two[0], "sent")
    other = make_customer(email="other@example.com")
    make_default(other.add_card(**SECOND))
    assert list(vault.differences(gateway.bank)) == []


def test_a_name_that_is_too_long_for_the_column_is_cut(gateway: RecordingGateway) -> None:
    card = CreditCard(gateway_name="g" * 64, customer_id="c" * 255)
    assert len(card.lock_name) == Operation._meta.get_field("lock_name").max_length


def test_nobody_waits_for_what_has_been_sent_for_long(
    gateway: RecordingGateway,
    two: tuple[CreditCard, CreditCard],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def sleep(seconds: float) -> None:
        raise AssertionError("it waits")

    monkeypatch.setattr(locking, "CARDS_PATIENCE", 60.0)
    monkeypatch.setattr(time, "sleep", sleep)
    holder = hold(two[0], "sent")
    with pytest.raises(AssertionError, match="it waits"):
        two[0].customer.add_card(number="4007000000027")
    Operation.objects.filter(pk=holder.pk).update(updated_at=PAST)
    with pytest.raises(OperationInProgress):
        two[0].customer.add_card(number="4007000000027")


@pytest.mark.autonomous
@pytest.mark.django_db(transaction=True, databases="__all__")
def test_nobody_waits_in_a_transaction_whose_journal_is_apart(
    gateway: RecordingGateway,
    two: tuple[CreditCard, CreditCard],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(locking, "CARDS_PATIENCE", 3600.0)
    hold(two[0], "sent")
    with pytest.raises(OperationInProgress), transaction.atomic():
        two[0].customer.add_card(number="4007000000027")


def test_the_caller_of_a_transaction_is_not_made_to_wait(
    gateway: RecordingGateway,
    two: tuple[CreditCard, CreditCard],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(locking, "CARDS_PATIENCE", 3600.0)
    hold(two[0], "sent")
    with pytest.raises(OperationInProgress), transaction.atomic():
        two[0].customer.add_card(number="4007000000027")
