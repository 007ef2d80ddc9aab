"""Deletes: tombstones, what they wait for, and what is told of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import transaction

from django_dinero import signals
from django_dinero.enums import ReasonKind
from django_dinero.exceptions import GatewayError, NotSent, OperationInProgress, OutcomeUnknown
from django_dinero.gateways.types import Reason, Refusal
from django_dinero.models import CreditCard, Customer, Operation, Transaction
from django_dinero.models.operation import OperationState
from django_dinero.services import journal
from django_dinero.services.recovery import locking
from django_dinero.services.vault import deletions
from tests.support.journaling import begin
from tests.support.recording import RecordingGateway, answer, refuse_connection

pytestmark = pytest.mark.django_db

Make = Callable[..., Customer]
PAST, FUTURE = "2020-01-01T00:00:00Z", "2999-01-01T00:00:00Z"


def refusal(kind: ReasonKind, text: str = "no", existing_id: str = "") -> Refusal:
    return Refusal((Reason(kind, "E1", text),), existing_id=existing_id)


def test_what_the_gateway_never_had_is_deleted_here_alone(gateway: RecordingGateway) -> None:
    Customer.objects.bulk_create([Customer(email="bill@example.com")])
    Customer.objects.get().delete()
    assert gateway.calls == []
    assert not Operation.objects.exists()


def test_a_tombstone_is_driven_once(gateway: RecordingGateway, make_customer: Make) -> None:
    make_customer().delete()
    mark = gateway.mark
    deletions.push_delete(Operation.objects.get(kind="delete_customer").key)
    deletions.push_delete("no such key")
    assert gateway.since(mark) == []


def test_a_refused_delete_is_told_and_not_repeated(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    heard: list[tuple[Any, str]] = []

    def failed(instance: Any, error: GatewayError, **kwargs: Any) -> None:
        heard.append((instance, str(error)))

    customer = make_customer()
    gateway.faults["delete_customer"] = answer(refusal(ReasonKind.GATEWAY_ERROR, "not today"))
    signals.push_failed.connect(failed)
    try:
        with pytest.raises(GatewayError, match="not today"):
            customer.delete()
    finally:
        signals.push_failed.disconnect(failed)
    operation = Operation.objects.get(kind="delete_customer")
    assert operation.state == "declined"
    assert heard == [(operation, "not today")]


def test_users_hear_what_was_deleted(gateway: RecordingGateway, make_customer: Make) -> None:
    heard: list[dict[str, Any]] = []

    def deleted(sender: type[Any], signal: Any, **ids: str) -> None:
        heard.append({"sender": sender, **ids})

    customer = make_customer()
    row = customer.cards[0]
    for signal in (signals.customer_deleted, signals.card_deleted):
        signal.connect(deleted)
    try:
        row.delete()
        customer.delete()
    finally:
        for signal in (signals.customer_deleted, signals.card_deleted):
            signal.disconnect(deleted)
    ids = {"gateway_name": "default", "live": False, "customer_id": customer.customer_id}
    assert heard == [
        {"sender": CreditCard, **ids, "card_id": row.card_id},
        {"sender": Customer, **ids},
    ]


def hold(gateway: RecordingGateway, customer: Customer, **values: Any) -> Operation:
    """An operation of another worker on this customer."""
    holder = begin(gateway, lock_name=customer.lock_name)
    Operation.objects.filter(pk=holder.pk).update(kind="update_customer", **values)
    return holder


def test_a_delete_waits_for_a_live_operation(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    hold(gateway, customer, state="sent", lease_until=FUTURE)
    with pytest.raises(OperationInProgress):
        customer.delete()
    tombstone = Operation.objects.get(kind="delete_customer")
    assert (tombstone.state, tombstone.held_lock) == ("new", None)
    assert "delete_customer" not in gateway.verbs


def test_a_delete_is_not_sent_after_an_operation_that_may_still_land(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    hold(gateway, customer, state="unknown", quarantine_until=FUTURE)
    with pytest.raises(OutcomeUnknown):
        customer.delete()
    assert "delete_customer" not in gateway.verbs


def test_a_delete_takes_the_place_of_a_dead_operation(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    holder = hold(gateway, customer, state="new", lease_until=PAST)
    customer.delete()
    holder.refresh_from_db()
    assert holder.state == "failed"
    assert gateway.verbs[-1] == "delete_customer"


def test_a_place_that_is_taken_again_and_again_is_left(
    gateway: RecordingGateway, make_customer: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    customer = make_customer()
    hold(gateway, customer)

    def overtaken(holder: Operation) -> Operation:
        journal.move(holder, OperationState.FAILED)
        hold(gateway, customer)
        return holder

    monkeypatch.setattr(locking, "look_up", overtaken)
    with pytest.raises(journal.LockHeld):
        customer.delete()
    assert "delete_customer" not in gateway.verbs


def test_the_card_of_a_customer_whose_delete_failed_is_deleted_itself(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    row = make_customer().cards[0]
    with transaction.atomic():
        tombstone = deletions.record_deletion(row, "default")
    assert tombstone is not None
    Operation.objects.create(
        kind="delete_customer",
        gateway_name="default",
        customer_id=row.customer_id,
        state="declined",
    )
    deletions.push_delete(tombstone.key)
    assert gateway.verbs[-1] == "delete_card"


# -- Deleting --------------------------------------------------------------------------------------


def test_a_card_is_deleted_on_both_sides(gateway: RecordingGateway, make_customer: Make) -> None:
    customer = make_customer()
    row = Transaction.create(5, customer=customer)
    customer.cards[0].delete()
    remote = gateway.retrieve_customer(customer.customer_id or "")
    assert remote.cards == ()  # type: ignore[union-attr]
    row.refresh_from_db()
    assert (row.card, row.last_4) == (None, "1111")
    assert row.card_id


@pytest.mark.parametrize("how", ["instance", "queryset", "owner"])
def test_a_customer_takes_the_cards_along(
    gateway: RecordingGateway, make_customer: Make, how: str
) -> None:
    owner = get_user_model().objects.create(username="bill")
    customer = make_customer(owner=owner)
    customer.add_card(number="4222222222222")
    mark = gateway.mark
    if how == "instance":
        customer.delete()
    elif how == "queryset":
        Customer.objects.all().delete()
    else:
        owner.delete()
    assert gateway.since(mark) == ["delete_customer"]
    assert (Customer.objects.count(), CreditCard.objects.count()) == (0, 0)
    assert set(Operation.objects.values_list("state", flat=True)) == {"succeeded"}


def test_gone_already_is_a_success(gateway: RecordingGateway, make_customer: Make) -> None:
    customer = make_customer()
    gateway.delete_customer(customer.customer_id or "")
    customer.delete()
    assert Customer.objects.count() == 0


def test_a_rolled_back_delete_deletes_nothing(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    mark = gateway.mark
    with pytest.raises(RuntimeError), transaction.atomic():
        Customer.objects.all().delete()
        raise RuntimeError("the view broke")
    assert gateway.since(mark) == []
    assert Customer.objects.get() == customer
    assert Operation.objects.filter(kind__startswith="delete").count() == 0


def test_several_refusals_come_together_after_all_ran(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    for n in range(3):
        make_customer(email=f"c{n}@example.com")
    no = refusal(ReasonKind.GATEWAY_ERROR)
    refuse = answer(no)

    def twice(call: Callable[[], Any]) -> Any:
        gateway.faults["delete_customer"] = refuse
        return no

    gateway.faults["delete_customer"] = twice
    with pytest.raises(ExceptionGroup) as caught:
        Customer.objects.all().delete()
    assert len(caught.value.exceptions) == 2
    assert gateway.verbs.count("delete_customer") == 3
    assert Customer.objects.count() == 0


def test_a_delete_that_was_not_sent_leaves_a_new_tombstone(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    gateway.faults["delete_customer"] = refuse_connection
    with pytest.raises(NotSent):
        customer.delete()
    states = Operation.objects.filter(kind="delete_customer").values_list("state", flat=True)
    assert sorted(states) == ["failed", "new"]
