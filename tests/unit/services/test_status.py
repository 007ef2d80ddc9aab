"""How things stand at a gateway: what is counted, how old it is, and what needs somebody."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from django_dinero.exceptions import HeldForReview, NotSent, OutcomeUnknown
from django_dinero.gateways.types import CredentialsCheck
from django_dinero.models import Customer, Operation, Reconciliation, WebhookEvent
from django_dinero.models.difference import DifferenceKind
from django_dinero.services.reconcile import differences
from django_dinero.services.reconcile.differences import Found
from django_dinero.services.reconcile.run import reconcile
from django_dinero.services.status import status_of
from tests.support.recording import RecordingGateway, answer, lose_reply, refuse_connection

pytestmark = pytest.mark.django_db

Make = Callable[..., Customer]


def hours_ago() -> datetime:
    """Three hours ago, by the clock of this moment: the tests may run for long."""
    return datetime.now(UTC) - timedelta(hours=3)


def test_where_nothing_has_happened_only_reconcile_is_missing(gateway: RecordingGateway) -> None:
    status = status_of(gateway)
    assert status.problems() == ["dinero_reconcile has never run to its end."]
    assert (status.gateway_name, status.live, status.unreachable) == ("default", False, "")


def test_all_is_well_after_a_run(gateway: RecordingGateway, make_customer: Make) -> None:
    make_customer().charge("5.00")
    reconcile("default")
    status = status_of(gateway)
    assert status.problems() == []
    assert status.last_run == "finished"
    assert (status.reconciled_seconds or 0) < 60  # a run that began an hour ago would be 3600


def test_a_run_of_long_ago_and_one_that_broke_off(gateway: RecordingGateway) -> None:
    reconcile("default")
    Reconciliation.objects.update(started_at=hours_ago())
    gateway.faults["iter_transactions"] = refuse_connection
    reconcile("default")
    assert status_of(gateway).problems() == [
        "The last run of dinero_reconcile broke off.",
        "dinero_reconcile has not run to its end for 180 minutes.",
    ]
    assert status_of(gateway).problems(timedelta(hours=4)) == [
        "The last run of dinero_reconcile broke off."
    ]


def test_an_unknown_outcome_may_last_a_while(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    reconcile("default")
    gateway.faults["charge"] = lose_reply
    with suppress(OutcomeUnknown):
        customer.charge("5.00")
    assert status_of(gateway).unknown.count == 1
    assert status_of(gateway).problems() == []
    Operation.objects.filter(state="unknown").update(created_at=hours_ago())
    assert status_of(gateway).problems() == [
        "The outcome of an operation has been unknown for 180 minutes."
    ]


def test_a_worker_that_died(gateway: RecordingGateway, make_customer: Make) -> None:
    make_customer().charge("5.00")
    reconcile("default")
    charges = Operation.objects.filter(kind="charge")
    charges.update(state="sent", created_at=hours_ago())
    assert status_of(gateway).dead.count == 0  # its lease is not over
    charges.update(lease_until=hours_ago())
    assert status_of(gateway).dead.count == 1
    assert len(status_of(gateway).problems()) == 1


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (1, ["1 operation needs attention.", "1 difference is open."]),
        (2, ["2 operations need attention.", "2 differences are open."]),
    ],
)
def test_what_only_a_person_can_finish(
    gateway: RecordingGateway, make_customer: Make, count: int, said: list[str]
) -> None:
    customer = make_customer()
    reconcile("default")
    for number in range(count):
        customer.charge("5.00")
        found = Found(kind=DifferenceKind.AMOUNT, subject=str(number), text="x")
        differences.record(gateway, found)
    Operation.objects.filter(kind="charge").update(state="needs_attention")
    assert status_of(gateway).problems() == said


def test_a_held_payment_is_told_and_is_no_problem(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    reconcile("default")
    gateway.bank.hold_next()
    with suppress(HeldForReview):
        customer.charge("5.00")
    assert (status_of(gateway).held.count, status_of(gateway).problems()) == (1, [])


def test_pushes_deletes_and_webhooks(gateway: RecordingGateway, make_customer: Make) -> None:
    customer = make_customer()
    reconcile("default")
    gateway.faults["update_customer"] = refuse_connection
    customer.email = "fred@example.com"
    with suppress(NotSent):
        customer.save()
    gateway.faults["delete_card"] = refuse_connection
    with suppress(NotSent):
        customer.cards[0].delete()
    for state in ("parked", "given_up", "applied"):
        WebhookEvent.objects.create(
            gateway_name="default", live=False, event_id=state, event_type="x", state=state
        )
    status = status_of(gateway)
    assert (status.failed_pushes, status.waiting_pushes, status.waiting_deletes) == (1, 1, 1)
    assert (status.waiting_events.count, status.given_up_events) == (1, 1)
    assert status.problems() == [
        "1 webhook was given up.",
        "1 customer or card could not be pushed.",
    ]


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (refuse_connection, "connection refused"),
        (answer(CredentialsCheck(False, "wrong key 4111111111111111")), "wrong key [number]"),
        (answer(CredentialsCheck(False)), "it refuses our credentials."),
    ],
)
def test_a_gateway_that_cannot_be_used(gateway: RecordingGateway, fault: Any, said: str) -> None:
    reconcile("default")
    gateway.faults["check_credentials"] = fault
    (problem,) = status_of(gateway).problems()
    assert problem.startswith("It cannot be used: ")
    assert "4111111111111111" not in problem
    assert said.split("[")[0].strip() in problem


def test_a_broken_backend_is_told_without_its_text(gateway: RecordingGateway) -> None:
    def broken(call: Any) -> Any:
        raise KeyError("secret")

    reconcile("default")
    gateway.faults["check_credentials"] = broken
    assert status_of(gateway).unreachable == "KeyError"


def test_offline_no_gateway_is_asked(gateway: RecordingGateway) -> None:
    mark = gateway.mark
    assert status_of(gateway, ask_gateway=False).unreachable == ""
    assert gateway.since(mark) == []


def test_it_costs_the_same_however_many_rows_there_are(
    gateway: RecordingGateway, make_customer: Make, django_assert_num_queries: Any
) -> None:
    customer = make_customer()
    for _time in range(3):
        customer.charge("5.00")
    with django_assert_num_queries(14):
        status_of(gateway)
    for _time in range(3):
        customer.charge("5.00")
    with django_assert_num_queries(14):
        status_of(gateway)


def test_rows_of_another_account_of_the_name_do_not_count(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    make_customer().charge("5.00")
    reconcile("default")
    Operation.objects.filter(kind="charge").update(state="needs_attention", live=True)
    assert status_of(gateway).problems() == []
