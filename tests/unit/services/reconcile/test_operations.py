"""Open operations: each that is due is looked up, and nothing that is not."""

from __future__ import annotations

import logging
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from django_dinero.db import pages as db_pages
from django_dinero.exceptions import ActionRequired, OutcomeUnknown
from django_dinero.models import Customer, Operation, Transaction
from django_dinero.models.operation import OperationKind, OperationState
from django_dinero.services.reconcile import operations
from django_dinero.services.reconcile.phase import Run
from django_dinero.testing.factories import OperationFactory
from tests.support.recording import (
    RecordingGateway,
    lose_reply,
    lose_request,
    refuse_connection,
)

pytestmark = pytest.mark.django_db

Wait = Callable[[], None]
PAST = "2020-01-01T00:00:00Z"
LATER = datetime.now(UTC) + timedelta(hours=1)


def lost(gateway: RecordingGateway, customer: Customer, fault: Any = lose_reply) -> Operation:
    """A charge without an answer."""
    gateway.faults["charge"] = fault
    with pytest.raises(OutcomeUnknown) as caught:
        Transaction.create("50.00", customer=customer)
    operation: Operation = caught.value.operation
    return operation


def test_a_lost_reply_is_found_and_booked(
    gateway: RecordingGateway, customer: Customer, run: Run, wait: Wait
) -> None:
    operation = lost(gateway, customer)
    wait()
    operations.look_up_due(run)
    operation.refresh_from_db()
    assert operation.state == "succeeded"
    assert Transaction.objects.get().operation_key == operation.key
    assert run.counts == {"looked_up": 1, "looked_up_succeeded": 1}


def test_what_never_arrived_is_absent_after_its_quarantine_whatever_the_pause(
    gateway: RecordingGateway, customer: Customer, run: Run
) -> None:
    operation = lost(gateway, customer, lose_request)
    Operation.objects.update(next_check_at=LATER)
    operations.look_up_due(run)
    assert run.counts == {}
    Operation.objects.update(quarantine_until=PAST)
    operations.look_up_due(run)
    operation.refresh_from_db()
    assert operation.state == "absent"
    # Whether it landed after all is the sweep's affair.
    operations.look_up_due(run)
    assert run.counts == {"looked_up": 1, "looked_up_absent": 1}


@pytest.mark.parametrize("kind", ["charge", "void"])
@pytest.mark.parametrize(("state", "found"), [("new", "failed"), ("sent", "unknown")])
def test_what_a_dead_worker_left_is_taken_up_when_its_lease_is_over(
    gateway: RecordingGateway, run: Run, kind: str, state: str, found: str
) -> None:
    lock = None if kind == "charge" else "transaction:1"
    operation = OperationFactory(
        kind=kind,
        state=state,
        held_lock=lock,
        lease_until=LATER,
        quarantine_until=LATER,
        next_check_at=LATER,
    )
    operations.look_up_due(run)
    assert run.counts == {}
    Operation.objects.update(lease_until=PAST)
    operations.look_up_due(run)
    operation.refresh_from_db()
    assert operation.state == found


def test_a_charge_from_before_the_window_was_seen_by_an_earlier_run(run: Run) -> None:
    OperationFactory(kind="charge", state="sent", held_lock=None, lease_until=PAST)
    Operation.objects.update(created_at=PAST)
    operations.look_up_due(run)
    assert run.counts == {}
    operations.look_up_due(replace(run, since=datetime(2019, 1, 1, tzinfo=UTC)))
    assert run.counts["looked_up"] == 1


def test_a_lock_that_was_taken_long_ago_is_seen_all_the_same(run: Run) -> None:
    OperationFactory(kind="delete_card", state="sent", held_lock="cards:1", lease_until=PAST)
    Operation.objects.update(created_at=PAST)
    operations.look_up_due(run)
    assert run.counts["looked_up"] == 1


def test_a_review_that_was_decided_at_the_gateway_is_noticed(
    gateway: RecordingGateway, held: Transaction, run: Run, wait: Wait
) -> None:
    operations.look_up_due(run)
    assert run.counts == {}
    wait()
    operations.look_up_due(run)
    assert run.counts == {"looked_up": 1, "looked_up_held": 1}
    gateway.bank.decide_review(str(held.transaction_id), approve=True)
    operations.look_up_due(run)
    assert run.counts["looked_up"] == 1, "it is asked again after a pause"
    wait()
    operations.look_up_due(run)
    held.refresh_from_db()
    assert (held.status, run.counts["looked_up_succeeded"]) == ("approved", 1)


def test_what_waits_for_the_cards_holder_is_asked_about(
    gateway: RecordingGateway, customer: Customer, run: Run, wait: Wait
) -> None:
    customer.cards[0].delete()
    customer.add_card(number="4000000000003220", month=12, year=2030, cvv="900")
    with pytest.raises(ActionRequired) as caught:
        Transaction.create("50.00", customer=customer)
    gateway.bank.finish_action(caught.value.transaction.transaction_id)
    wait()
    operations.look_up_due(run)
    assert Transaction.objects.get().status == "approved"
    assert run.counts["looked_up_succeeded"] == 1


def test_another_account_is_not_asked_about(
    gateway: RecordingGateway, customer: Customer, run: Run, wait: Wait
) -> None:
    lost(gateway, customer)
    wait()
    Operation.objects.update(live=True)
    operations.look_up_due(run)
    Operation.objects.update(live=False, gateway_name="other")
    operations.look_up_due(run)
    assert run.counts == {}


def test_one_that_breaks_off_is_told_and_does_not_stop_the_others(
    gateway: RecordingGateway,
    customer: Customer,
    run: Run,
    wait: Wait,
    caplog: pytest.LogCaptureFixture,
) -> None:
    broken = OperationFactory(
        kind=OperationKind.APPROVE_HELD, state="unknown", lock_name="transaction:nonsense"
    )
    lost(gateway, customer)
    wait()
    with caplog.at_level(logging.ERROR):
        operations.look_up_due(run)
    assert run.counts == {"look_ups_broken": 1, "looked_up": 1, "looked_up_succeeded": 1}
    assert broken.key in caplog.text


@pytest.mark.parametrize("fault", [lose_reply, refuse_connection])
def test_a_gateway_that_is_out_is_not_asked_about_each_and_none_is_held_up(
    gateway: RecordingGateway, customer: Customer, run: Run, wait: Wait, fault: Any
) -> None:
    made = [lost(gateway, customer).pk for _number in range(5)]
    wait()

    def never(call: Callable[[], Any]) -> Any:
        gateway.faults["find_operation"] = never
        return fault(call)

    gateway.faults["find_operation"] = never
    operations.look_up_due(run)
    assert run.counts["looked_up"] == gateway.verbs.count("find_operation") == 3
    gateway.faults.clear()
    seen: list[int] = []

    def note(call: Callable[[], Any]) -> Any:
        gateway.faults["find_operation"] = note
        (key, _hints) = gateway.calls[-1][1]
        seen.append(Operation.objects.get(key=key).pk)
        return call()

    gateway.faults["find_operation"] = note
    operations.look_up_due(run)
    assert seen == [*made[3:], *made[:3]]
    assert set(Operation.objects.filter(pk__in=made).values_list("state")) == {("succeeded",)}


def test_an_answer_that_proves_nothing_yet_is_no_failure(
    gateway: RecordingGateway, run: Run
) -> None:
    for _number in range(5):
        OperationFactory(kind="charge", state="unknown", quarantine_until=LATER)
    operations.look_up_due(run)
    assert run.counts == {"looked_up": 5, "looked_up_unknown": 5}


def test_the_oldest_comes_first_across_pages(monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    monkeypatch.setattr(db_pages, "PAGE", 2)
    mixed = [("unknown", None), ("sent", "lock"), ("sent", None)] * 3
    made = [
        OperationFactory(
            kind="charge",
            state=state,
            held_lock=lock and f"{lock}:{n}",
            lease_until=PAST,
            quarantine_until=LATER,
        )
        for n, (state, lock) in enumerate(mixed)
    ]
    seen: list[int] = []

    def note(operation: Operation) -> Operation:
        seen.append(operation.pk)
        return operation

    monkeypatch.setattr(operations, "look_up", note)
    told: list[tuple[str, int, int | None]] = []
    operations.look_up_due(replace(run, progress=lambda *step: told.append(step)))
    assert seen == [operation.pk for operation in made]
    assert told == [("operations", n, 9) for n in range(10)]


def test_a_dry_run_asks_nobody_and_writes_nothing(
    gateway: RecordingGateway, customer: Customer, run: Run, wait: Wait
) -> None:
    operation = lost(gateway, customer)
    wait()
    mark = gateway.mark
    dry = replace(run, dry_run=True)
    operations.look_up_due(dry)
    operation.refresh_from_db()
    assert (operation.state, gateway.since(mark)) == ("unknown", [])
    assert dry.counts == {"operations_due": 1}


def queries(act: Callable[[], object]) -> int:
    with CaptureQueriesContext(connection) as context:
        act()
    return len(context)


def test_finished_operations_cost_the_same_however_many_there_are(run: Run) -> None:
    few = queries(lambda: operations.look_up_due(run))
    states = [OperationState.SUCCEEDED, OperationState.DECLINED, OperationState.FAILED]
    Operation.objects.bulk_create(
        OperationFactory.build(
            kind="charge", state=states[n % 3], lease_until=PAST, live=False, gateway_name="default"
        )
        for n in range(3_000)
    )
    assert queries(lambda: operations.look_up_due(run)) == few <= 8
    assert run.counts == {}


def test_a_thousand_open_operations_cost_a_few_queries_beside_their_look_ups(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    Operation.objects.bulk_create(
        OperationFactory.build(kind="charge", state="unknown", live=False, gateway_name="default")
        for _ in range(1_000)
    )
    monkeypatch.setattr(operations, "look_up", lambda operation: operation)
    assert queries(lambda: operations.look_up_due(run)) <= 13
    assert run.counts["looked_up"] == 1_000


def peak(run: Run) -> int:
    """The most memory that a run over all open operations takes at once, in bytes."""
    tracemalloc.start()
    try:
        operations.look_up_due(run)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_many_open_operations_take_no_more_memory_than_some(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def open_ones(number: int) -> None:
        Operation.objects.bulk_create(
            OperationFactory.build(
                kind="charge", state="unknown", live=False, gateway_name="default"
            )
            for _ in range(number)
        )

    monkeypatch.setattr(operations, "look_up", lambda operation: operation)
    open_ones(600)
    peak(run)
    some = peak(run)
    open_ones(1_800)
    assert peak(run) < 1.2 * some
    assert run.counts["looked_up"] == 600 + 600 + 2_400
