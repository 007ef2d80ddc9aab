"""Ending: an operation's end and the rows that follow from it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.db import DatabaseError, InterfaceError, OperationalError, connections, transaction

from django_dinero import signals
from django_dinero.exceptions import OutcomeUnknown
from django_dinero.models import Customer, Operation
from django_dinero.models.operation import OperationState as State
from django_dinero.models.records import RecordedOutcome
from django_dinero.services import journal
from tests.support.journaling import begin, second_database
from tests.support.racing import before_statement
from tests.support.recording import RecordingGateway

pytestmark = pytest.mark.django_db


def test_an_ending_and_its_rows_are_written_together(gateway: RecordingGateway) -> None:
    operation = begin(gateway)
    journal.send(gateway, operation, lambda: None, object)
    written = journal.end_operation(
        operation,
        State.SUCCEEDED,
        RecordedOutcome(transaction_id="7"),
        lambda: "row",
    )
    assert written == "row"
    assert (operation.state, operation.outcome) == ("succeeded", {"transaction_id": "7"})


def sent(gateway: RecordingGateway, using: str = "default") -> Operation:
    operation = begin(gateway, using=using)
    journal.send(gateway, operation, lambda: None, object)
    return operation


def nothing() -> None:
    """Rows that an end without consequences writes."""


def test_a_lookup_that_was_faster_is_overtaken(gateway: RecordingGateway) -> None:
    operation = sent(gateway)
    assert journal.move(
        Operation.objects.get(), State.UNKNOWN, outcome=RecordedOutcome(error="died")
    )
    journal.end_operation(
        operation,
        State.SUCCEEDED,
        RecordedOutcome(avs="Y"),
        nothing,
        transaction_id="7",
    )
    row = Operation.objects.get()
    assert (row.state, row.outcome, row.transaction_id) == ("succeeded", {"avs": "Y"}, "7")
    assert operation.state == "succeeded"


def test_an_end_that_somebody_else_wrote_stays(gateway: RecordingGateway) -> None:
    operation = sent(gateway)
    journal.move(Operation.objects.get(), State.DECLINED, outcome=RecordedOutcome(error="lookup"))
    assert (
        journal.end_operation(operation, State.SUCCEEDED, RecordedOutcome(), lambda: "row") == "row"
    )
    assert (operation.state, operation.outcome) == ("declined", {"error": "lookup"})


def test_columns_are_written_with_the_end(gateway: RecordingGateway) -> None:
    operation = sent(gateway)
    journal.end_operation(
        operation,
        State.SUCCEEDED,
        RecordedOutcome(),
        nothing,
        customer_id="c",
        card_id="d",
    )
    row = Operation.objects.get()
    assert (row.customer_id, row.card_id) == ("c", "d")


# -- A database that fails -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcome", "named"),
    [
        (RecordedOutcome(transaction_id="7788", customer_id="55"), "7788"),
        (RecordedOutcome(customer_id="55"), "55"),
        (RecordedOutcome(), "-"),
    ],
)
def test_a_database_that_fails_is_told_with_the_ids(
    gateway: RecordingGateway,
    caplog: pytest.LogCaptureFixture,
    outcome: RecordedOutcome,
    named: str,
) -> None:
    operation = sent(gateway)

    def write() -> None:
        raise DatabaseError("disk full")

    with pytest.raises(OutcomeUnknown) as caught:
        journal.end_operation(operation, State.SUCCEEDED, outcome, write)
    assert str(caught.value) == (
        f"The gateway answered, and the database could not record it; look up {operation.key}."
    )
    assert caught.value.operation == operation
    assert caught.value.__context__ is None
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("django_dinero.journal", logging.CRITICAL)
    assert record.getMessage() == (
        f"Operation {operation.key} ended as succeeded at default (transaction {named}), "
        "and the database could not record it: DatabaseError"
    )
    assert Operation.objects.get().state == "sent"


# -- Rows on one connection or on two -------------------------------------------------------------


def failing(change: Callable[[], object]) -> Callable[[], None]:
    def write() -> None:
        change()
        raise DatabaseError("disk full")

    return write


def test_on_one_connection_the_end_goes_with_its_rows(gateway: RecordingGateway) -> None:
    operation = sent(gateway)
    with pytest.raises(OutcomeUnknown):
        journal.end_operation(
            operation,
            State.SUCCEEDED,
            RecordedOutcome(),
            failing(lambda: Customer.objects.bulk_create([Customer(email="a@example.com")])),
        )
    assert not Customer.objects.exists()
    assert Operation.objects.get().state == "sent"


@pytest.mark.django_db(transaction=True)
def test_on_its_own_connection_the_end_is_committed_first(
    gateway: RecordingGateway, tmp_path: Path
) -> None:
    with second_database(tmp_path) as second:
        operation = sent(gateway, using=second)
        blocks: list[bool] = []

        def write() -> None:
            blocks.append(connections[second].in_atomic_block)

        with pytest.raises(OutcomeUnknown), transaction.atomic():
            journal.end_operation(
                operation, State.SUCCEEDED, RecordedOutcome(avs="Y"), failing(write)
            )
        assert blocks == [False]
        row = Operation.objects.using(second).get()
        assert (row.state, row.outcome) == ("succeeded", {"avs": "Y"})


def failing_receiver(heard: list[str]) -> Callable[..., None]:
    """An audit trail of somebody else's, whose row the database refuses."""

    def receive(new_state: str, **kwargs: object) -> None:
        heard.append(new_state)
        user = get_user_model()
        for _time in range(2):
            user.objects.create(username="the same twice")

    return receive


@pytest.mark.django_db(transaction=True)
def test_a_receiver_that_fails_in_the_database_takes_nothing_back(
    gateway: RecordingGateway,
) -> None:
    operation, heard = sent(gateway), list[str]()
    receiver = failing_receiver(heard)
    signals.operation_changed.connect(receiver)
    try:
        journal.end_operation(
            operation,
            State.SUCCEEDED,
            RecordedOutcome(),
            lambda: Customer.objects.bulk_create([Customer(email="a@example.com")]),
        )
    finally:
        signals.operation_changed.disconnect(receiver)
    assert heard == ["succeeded"]
    assert Operation.objects.get().state == "succeeded"
    assert Customer.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_receivers_hear_of_an_end_that_is_committed(
    gateway: RecordingGateway, tmp_path: Path
) -> None:
    aliases, inside = ["default"], list[bool]()

    def heard(**kwargs: object) -> None:
        inside.append(connections[aliases[0]].in_atomic_block)

    signals.operation_changed.connect(heard)
    try:
        journal.end_operation(sent(gateway), State.SUCCEEDED, RecordedOutcome(), nothing)
        with second_database(tmp_path) as aliases[0]:
            journal.end_operation(
                sent(gateway, using=aliases[0]),
                State.SUCCEEDED,
                RecordedOutcome(),
                nothing,
            )
    finally:
        signals.operation_changed.disconnect(heard)
    assert inside == [False] * 4


def test_nobody_hears_of_an_end_that_was_not_written(gateway: RecordingGateway) -> None:
    operation, heard = sent(gateway), list[object]()

    def receive(new_state: str, **kwargs: object) -> None:
        heard.append(new_state)

    signals.operation_changed.connect(receive)
    try:
        with pytest.raises(OutcomeUnknown):
            journal.end_operation(
                operation, State.SUCCEEDED, RecordedOutcome(), failing(lambda: None)
            )
    finally:
        signals.operation_changed.disconnect(receive)
    assert heard == []


@pytest.mark.parametrize(
    ("way", "ends"),
    [
        (("unknown",), "succeeded"),
        (("unknown", "absent"), "succeeded"),
        (("unknown", "needs_attention"), "needs_attention"),
    ],
)
def test_a_lookup_that_moves_while_we_do_is_overtaken(
    gateway: RecordingGateway, way: tuple[str, ...], ends: str
) -> None:
    """Each attempt finds the look-up one state further; what it left to a person stays so."""
    operation = sent(gateway)
    steps = [partial(Operation.objects.update, state=state) for state in way]
    with before_statement("UPDATE dinero_operation", *steps):
        journal.end_operation(operation, State.SUCCEEDED, RecordedOutcome(avs="Y"), nothing)
    row = Operation.objects.get()
    assert (row.state, row.outcome) == (ends, {"avs": "Y"} if ends == "succeeded" else {})


@pytest.mark.parametrize("error", [InterfaceError("closed"), OperationalError("locked")])
def test_a_connection_that_is_gone_is_an_unknown_outcome(
    gateway: RecordingGateway, error: Exception
) -> None:
    def write() -> None:
        raise error

    with pytest.raises(OutcomeUnknown):
        journal.end_operation(sent(gateway), State.SUCCEEDED, RecordedOutcome(), write)


# -- The idempotency key ---------------------------------------------------------------------------


def test_a_key_is_released_only_when_nothing_happened(gateway: RecordingGateway) -> None:
    for state in State.values:
        operation = begin(gateway, idempotency_key=f"k-{state}", scope="")
        Operation.objects.filter(pk=operation.pk).update(state=state)
        journal.free_idempotency_key(operation)
        operation.refresh_from_db()
        assert (operation.idempotency_key is None) is (state in ("failed", "absent"))


def test_only_this_operations_key_is_released(gateway: RecordingGateway) -> None:
    failed, other = (
        begin(gateway, idempotency_key="order-1"),
        begin(gateway, idempotency_key="order-2"),
    )
    for operation in (failed, other):
        journal.move(operation, State.FAILED)
    journal.free_idempotency_key(failed)
    other.refresh_from_db()
    assert other.idempotency_key == "order-2"
