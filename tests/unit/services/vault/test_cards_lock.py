"""Cards of one customer are changed one at a time, and nobody waits long."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction

from django_dinero import signals
from django_dinero.exceptions import (
    NeedsAttention,
    OperationInProgress,
    OutcomeUnknown,
)
from django_dinero.models import CreditCard, Customer, Operation
from django_dinero.models.operation import OperationKind
from django_dinero.services import journal
from django_dinero.services.recovery import locking
from django_dinero.services.recovery.lookup import look_up
from django_dinero.services.vault import push
from django_dinero.services.vault.waiting import drive_pushes
from tests.faults import vault
from tests.support.cards import PAST, SECOND, Call, Make, hold, make_default
from tests.support.recording import (
    RecordingGateway,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nobody_waits")]


@pytest.fixture
def told() -> Iterator[list[dict[str, Any]]]:
    """What the receivers of ``push_failed`` are told."""
    heard: list[dict[str, Any]] = []

    def receive(**kwargs: Any) -> None:
        heard.append(kwargs)

    signals.push_failed.connect(receive)
    yield heard
    signals.push_failed.disconnect(receive)


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


@pytest.mark.parametrize("state", ["sent", "unknown"])
def test_a_push_that_waits_for_another_cards_says_so(
    gateway: RecordingGateway,
    two: tuple[CreditCard, CreditCard],
    told: list[dict[str, Any]],
    state: str,
) -> None:
    holder = hold(two[0], state, two[0].card_id)
    two[1].zip = "99999"
    two[1].save()
    assert two[1].sync_state == "pending"
    assert holder.key in two[1].sync_error
    assert [(each["instance"].pk, each["error"].operation) for each in told] == [
        (two[1].pk, holder)
    ]
    Operation.objects.filter(pk=holder.pk).update(state="failed", held_lock=None)
    drive_pushes(gateway)
    two[1].refresh_from_db()
    assert (two[1].sync_state, two[1].sync_error) == ("synced", "")
    assert list(vault.differences(gateway.bank)) == []


def test_a_change_during_the_push_of_the_same_card_is_left_to_it(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard], told: list[dict[str, Any]]
) -> None:
    def edited(call: Call) -> Any:
        row = CreditCard.objects.get(pk=two[0].pk)
        row.city = "Rome"
        row.save()
        assert (row.sync_state, row.sync_error) == ("pending", "")
        return call()

    gateway.faults["update_card"] = edited
    two[0].zip = "99999"
    two[0].save()
    assert told == []
    assert (two[0].city, two[0].sync_state) == ("Rome", "synced")
    assert list(vault.differences(gateway.bank)) == []


def test_a_refusal_is_kept_while_the_repetition_of_the_push_waits(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard], told: list[dict[str, Any]]
) -> None:
    CreditCard.objects.filter(pk=two[1].pk).update_without_push(
        sync_state="error", sync_error="not today", synced_digest=""
    )
    hold(two[0], "sent", two[0].card_id)
    row = push.push_card(two[1].pk)
    assert row is not None
    assert (row.sync_state, row.sync_error, told) == ("error", "not today", [])


def test_the_delete_of_a_customers_predecessor_pushes_nothing(gateway: RecordingGateway) -> None:
    """It holds the lock of a customer that is stored again under its key."""
    customer = Customer(email="bill@example.com")
    holder = Operation.objects.create(
        kind="delete_customer",
        gateway_name="default",
        lock_name=customer.lock_name,
        held_lock=customer.lock_name,
        state="sent",
        lease_until="2999-01-01T00:00:00Z",
    )
    customer.save()
    assert (customer.customer_id, customer.sync_state) == (None, "pending")
    assert holder.key in customer.sync_error


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


def test_a_delete_whose_lock_somebody_else_has_by_now_is_not_sent(
    gateway: RecordingGateway, customer: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its worker was suspended between the lock and the call, for longer than its lease."""
    send = journal.send

    def wake_late(asked: Any, operation: Operation, *rest: Any) -> Any:
        Operation.objects.filter(pk=operation.pk).update(lease_until=PAST)
        look_up(Operation.objects.get(pk=operation.pk))
        journal.begin(
            gateway,
            OperationKind.UPDATE_CARD,
            using="default",
            lock_name=operation.lock_name,
            key="B" * 20,
            customer_id=operation.customer_id,
        )
        return send(asked, operation, *rest)

    monkeypatch.setattr(journal, "send", wake_late)
    card = customer.cards[0]
    with pytest.raises(OperationInProgress):
        card.delete()
    assert "delete_card" not in gateway.verbs
    assert Operation.objects.get(kind="delete_card").state == "new"
