"""A push that failed for a while is repeated by the queue, and no other."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from django_dinero.enums import ReasonKind
from django_dinero.exceptions import DineroError, GatewayError, NotSent, OutcomeUnknown
from django_dinero.gateways.types import Reason, Refusal
from django_dinero.models import CreditCard, Customer, Operation
from django_dinero.tasks import pushing, work
from tests.support.queues import Queued
from tests.support.recording import RecordingGateway, answer, lose_reply, refuse_connection

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


def edit(customer: Customer, email: str = "new@example.com") -> None:
    customer.email = email
    customer.save()


def test_a_push_that_succeeds_needs_no_queue(queued: Queued, customer: Customer) -> None:
    edit(customer)
    customer.cards[0].delete()
    assert queued == []


@pytest.mark.parametrize(
    ("fault", "error"), [(refuse_connection, NotSent), (lose_reply, OutcomeUnknown)]
)
def test_what_passes_is_repeated_a_minute_later(
    queued: Queued, gateway: RecordingGateway, customer: Customer, fault: Any, error: Any
) -> None:
    gateway.faults["update_customer"] = fault
    with pytest.raises(error):
        edit(customer)
    assert queued == [("push_row", ("customer", customer.pk, "default", 1), MINUTE)]


def test_a_card_is_repeated_too(
    queued: Queued, gateway: RecordingGateway, customer: Customer
) -> None:
    card = customer.cards[0]
    gateway.faults["update_card"] = refuse_connection
    card.zip = "54321"
    with pytest.raises(NotSent):
        card.save()
    assert queued == [("push_row", ("card", card.pk, "default", 1), MINUTE)]


@pytest.mark.django_db(transaction=True)
def test_a_push_after_the_callers_transaction_is_repeated_too(
    queued: Queued, gateway: RecordingGateway, customer: Customer
) -> None:
    """Nothing is raised there, so nobody but the queue would hear of it before reconcile."""
    gateway.faults["update_customer"] = refuse_connection
    with transaction.atomic():
        edit(customer)
        assert queued == []
    assert queued.jobs == ["push_row"]


def test_what_the_gateway_refuses_waits_for_an_edit(
    queued: Queued, gateway: RecordingGateway, customer: Customer
) -> None:
    refusal = Refusal((Reason(ReasonKind.GATEWAY_ERROR, "E1", "no such thing"),))
    gateway.faults["update_customer"] = answer(refusal)
    with pytest.raises(GatewayError):
        edit(customer)
    assert queued == []


def test_a_row_that_another_worker_is_pushing_is_looked_at_again(
    queued: Queued, customer: Customer
) -> None:
    assert pushing.push("customer", customer.pk, "default", lambda *row: None) is None
    assert queued == [("push_row", ("customer", customer.pk, "default", 1), MINUTE)]


def test_each_repetition_waits_longer_and_the_rest_is_left_to_reconcile(
    queued: Queued, gateway: RecordingGateway, customer: Customer
) -> None:
    gateway.faults["update_customer"] = refuse_connection
    with pytest.raises(NotSent):
        edit(customer)
    for _ in pushing.DELAYS:
        gateway.faults["update_customer"] = refuse_connection
        assert work.run(*_last(queued)) == "not_sent"
    delays = [delay for _job, _args, delay in queued]
    assert delays == [MINUTE, 5 * MINUTE, 30 * MINUTE]


def test_the_repetition_pushes_it_once(
    queued: Queued, gateway: RecordingGateway, customer: Customer
) -> None:
    gateway.faults["update_customer"] = refuse_connection
    with pytest.raises(NotSent):
        edit(customer)
    mark = gateway.mark
    for _delivered_twice in range(2):
        assert work.run(*_last(queued)) == "synced"
    assert gateway.since(mark) == ["update_customer"]
    assert gateway.bank.customer(customer.customer_id or "").email == "new@example.com"
    assert len(queued) == 1


def test_a_row_that_is_gone_needs_nothing(queued: Queued, customer: Customer) -> None:
    card_pk = customer.cards[0].pk
    CreditCard.objects.filter(pk=card_pk)._raw_delete("default")
    assert work.run("push_row", "card", card_pk, "default", len(pushing.DELAYS)) == "waits"
    assert queued == []


@pytest.mark.parametrize("fault", [refuse_connection, lose_reply])
def test_a_delete_is_repeated_until_it_is_done(
    queued: Queued,
    gateway: RecordingGateway,
    customer: Customer,
    fault: Any,
    let_time_pass: Callable[[], None],
) -> None:
    gateway.faults["delete_card"] = fault
    with pytest.raises(DineroError):
        customer.cards[0].delete()
    tombstone = Operation.objects.filter(kind="delete_card").earliest("pk")
    assert queued == [("push_delete", (tombstone.key, "default", 1), MINUTE)]
    let_time_pass()
    for _delivered_twice in range(2):
        assert work.run(*_last(queued)) == "done"
    assert gateway.verbs.count("delete_card") == 2
    assert gateway.bank.customer(customer.customer_id or "").cards == ()
    assert len(queued) == 1


def test_a_delete_without_an_answer_waits_for_its_look_up(
    queued: Queued, gateway: RecordingGateway, customer: Customer
) -> None:
    gateway.faults["delete_card"] = lose_reply
    with pytest.raises(OutcomeUnknown):
        customer.cards[0].delete()
    assert work.run(*_last(queued)) == "waits"
    assert [delay for _job, _args, delay in queued] == [MINUTE, 5 * MINUTE]


def test_a_delete_that_nobody_knows_is_no_error(queued: Queued) -> None:
    assert work.run("push_delete", "NOBODY", "default", 1) == "done"


def _last(queued: Queued) -> tuple[Any, ...]:
    job, args, _delay = queued[-1]
    return (job, *args)
