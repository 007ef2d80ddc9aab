"""Follow-ups and lookups at the same moment, a database that goes away, money that lands late."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from django.db import Error, connection, connections, transaction

from django_dinero import signals
from django_dinero.exceptions import NotSent, OutcomeUnknown
from django_dinero.models import Customer, Operation, Transaction
from django_dinero.services.recovery import lookup
from tests.databases import VENDOR
from tests.support.racing import at_once
from tests.support.recording import RecordingGateway, lose_reply, lose_request
from tests.unit.services.conftest import card, make_customer

__all__ = ["card", "make_customer"]

ALIASES = ["default"] if VENDOR == "sqlite" else ["default", "journal"]
pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True, databases=ALIASES)]

KEY = "order-1001"
PAST = "2020-01-01T00:00:00Z"
Make = Callable[..., Customer]


@pytest.mark.parametrize("lost", [False, True])
def test_refunds_at_once_give_back_no_more_than_was_taken(
    gateway: RecordingGateway, make_customer: Make, lost: bool
) -> None:
    charge = Transaction.create("50.00", customer=make_customer())
    gateway.bank.settle_batch()
    if lost:
        gateway.faults["refund"] = lose_reply
    for _round in range(4):
        found = at_once(*[lambda: Transaction.objects.get(pk=charge.pk).refund("20.00")] * 6)
        refusals = {each for each in found if isinstance(each, str)}
        assert refusals <= {"operation_in_progress", "outcome_unknown", "refund_refused"}
    at_bank = [entry.amount for entry in gateway.bank.transactions() if entry.kind == "refund"]
    assert at_bank == [Decimal(20), Decimal(20)]
    assert charge.refunded_amount == 40


def follow(pk: int, verb: Callable[[Transaction], Transaction]) -> Transaction:
    """Do it from the newest row, on the connection of this thread."""
    return verb(Transaction.objects.get(pk=pk))


def test_a_capture_and_a_void_at_once_leave_what_the_bank_has(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    for n in range(1, 5):
        row = Transaction.create(n, customer=customer, settle=False)
        found = at_once(
            partial(follow, row.pk, Transaction.settle), partial(follow, row.pk, Transaction.void)
        )
        refusals = [each for each in found if isinstance(each, str)]
        assert set(refusals) <= {"operation_in_progress", "invalid_transaction"}
        row.refresh_from_db()
        (entry,) = [e for e in gateway.bank.transactions() if e.id == row.transaction_id]
        voided = row.status == "voided"
        assert (entry.status == "voided") is voided
        taken = 0 if voided else entry.settled_amount or 0
        assert row.captured_amount == taken
        assert row.children.count() == 2 - len(refusals)
    assert not Operation.objects.exclude(state__in=("succeeded", "failed")).exists()


def test_many_lookups_at_once_write_one_row_and_tell_once(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    told: list[str] = []

    def receive(transaction: Transaction, **kwargs: Any) -> None:
        told.append(str(transaction.operation_key))

    gateway.faults["charge"] = lose_reply
    with pytest.raises(OutcomeUnknown):
        Transaction.create(5, idempotency_key=KEY, **card)
    signals.charged.connect(receive)
    try:
        found = at_once(*[lambda: lookup.look_up(Operation.objects.get()).state] * 8)
    finally:
        signals.charged.disconnect(receive)
    assert found == ["succeeded"] * 8
    assert told == [Transaction.objects.get().operation_key]


# -- Money that lands late -------------------------------------------------------------------------


def test_what_lands_after_it_was_proven_absent_is_booked_when_it_is_seen(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    landing: list[Callable[[], Any]] = []

    def delayed(call: Callable[[], Any]) -> Any:
        landing.append(call)
        return lose_request(call)

    gateway.faults["charge"] = delayed
    with pytest.raises(OutcomeUnknown) as caught:
        Transaction.create(5, idempotency_key=KEY, **card)
    operation = caught.value.operation
    assert lookup.look_up(operation).state == "unknown"
    Operation.objects.update(quarantine_until=PAST)
    assert lookup.look_up(operation).state == "absent"
    landing[0]()
    (entry,) = gateway.bank.transactions()
    row = Transaction.retrieve(entry.id)
    operation.refresh_from_db()
    assert (operation.state, row.operation_key) == ("succeeded", operation.key)


def test_what_lands_in_the_quarantine_is_found(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    landing: list[Callable[[], Any]] = []

    def delayed(call: Callable[[], Any]) -> Any:
        landing.append(call)
        return lose_request(call)

    gateway.faults["charge"] = delayed
    for _time in range(2):
        with pytest.raises(OutcomeUnknown):
            Transaction.create(5, idempotency_key=KEY, **card)
    landing[0]()
    assert Transaction.create(5, idempotency_key=KEY, **card).status == "approved"
    assert len(gateway.bank.transactions()) == Transaction.objects.count() == 1


# -- A database that goes away ---------------------------------------------------------------------


def test_a_connection_that_breaks_before_the_answer_is_written_is_an_unknown_outcome(
    gateway: RecordingGateway, card: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    def cut(call: Callable[[], Any]) -> Any:
        result = call()
        connection.connection.close()
        return result

    gateway.faults["charge"] = cut
    with pytest.raises(OutcomeUnknown) as caught:
        Transaction.create(5, idempotency_key=KEY, **card)
    with suppress(Error):  # a driver may call it closed already
        connection.close()
    (entry,) = gateway.bank.transactions()
    assert entry.operation_key in caplog.text
    assert entry.id in caplog.text
    assert caught.value.operation.key == entry.operation_key
    Operation.objects.update(lease_until=PAST)
    assert Transaction.create(5, idempotency_key=KEY, **card).transaction_id == entry.id
    assert gateway.verbs.count("charge") == 1


@pytest.fixture
def journal_down(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nobody listens where the journal's connection goes; the other one is up."""
    connections["journal"].close()
    with monkeypatch.context() as patch:
        for name, value in (("HOST", "127.0.0.1"), ("PORT", "9")):
            patch.setitem(connections["journal"].settings_dict, name, value)
        yield
    connections["journal"].close()


@pytest.mark.autonomous
@pytest.mark.usefixtures("journal_down")
def test_a_journal_that_is_down_sends_nothing(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    for key in (None, KEY):
        with transaction.atomic(), pytest.raises(NotSent, match="The journal could not be written"):
            Transaction.create(5, idempotency_key=key, **card)
    assert gateway.calls == []


@pytest.mark.autonomous
def test_a_lock_in_the_way_of_the_journal_sends_nothing(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    """The caller's own transaction holds what the journal's connection has to write."""
    with transaction.atomic():
        Operation.objects.create(
            kind="update_customer",
            gateway_name="default",
            idempotency_key=KEY,
            scope="",
            state="failed",
        )
        with pytest.raises(NotSent, match="The journal could not be written"):
            Transaction.create(5, idempotency_key=KEY, **card)
    assert gateway.calls == []
