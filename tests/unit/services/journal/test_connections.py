"""Which connection the journal is written to, and what a collision there says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, connections, transaction

from django_dinero.exceptions import InsideTransaction
from django_dinero.models import Operation, Transaction
from django_dinero.models.operation import OperationState as State
from django_dinero.models.records import Intent, RecordedOutcome
from django_dinero.services import journal
from django_dinero.services.journal import operations
from django_dinero.services.recovery import locking
from tests.support.journaling import begin, second_database
from tests.support.racing import before_statement
from tests.support.recording import RecordingGateway


class Router:
    """Sends the journal to one alias, and fails when asked for something else."""

    def __init__(self, alias: str, replica: str = "") -> None:
        self.alias = alias
        self.replica = replica or alias

    def db_for_read(self, model: Any, **hints: Any) -> str:
        return self.replica

    def db_for_write(self, model: Any, **hints: Any) -> str:
        assert model in (Operation, Transaction)
        return self.alias


@pytest.fixture
def second(tmp_path: Path, settings: Any) -> Iterator[str]:
    """A second database, named as the journal's; SQLite until ``vendor`` says otherwise."""
    settings.DINERO = {**settings.DINERO, "JOURNAL_ALIAS": "second"}
    with second_database(tmp_path) as alias:
        yield alias


@pytest.fixture
def autonomous(second: str) -> str:
    """The same, of a kind whose second connection can write while the first one does."""
    # Only the name of the kind is looked at: nothing is queried through it in these tests.
    connections[second].vendor = "postgresql"
    return second


def chosen() -> tuple[str, str]:
    return journal.alias_for_money(), journal.alias_for_vault()


# -- Without a second connection ------------------------------------------------------------------


@pytest.mark.django_db
def test_a_testcases_own_block_is_no_transaction() -> None:
    assert chosen() == ("default", "default")


@pytest.mark.django_db(transaction=True)
def test_the_refusal_names_every_way_out(settings: Any) -> None:
    settings.DINERO = {**settings.DINERO, "JOURNAL_ALIAS": ""}
    with transaction.atomic(), pytest.raises(InsideTransaction) as caught:
        journal.alias_for_money()
    assert str(caught.value) == (
        "Money must not move inside a database transaction: a rollback would lose the record of "
        "it. Either call it outside (a view can be non_atomic_requests), or after the commit "
        "(charge_on_commit(), transaction.on_commit()), or on PostgreSQL or MariaDB set "
        'DINERO["JOURNAL_ALIAS"] to a second connection (django_dinero.db.journal_alias).'
    )


@pytest.mark.django_db
@pytest.mark.usefixtures("second")
def test_a_block_inside_a_testcase_is_one() -> None:
    with transaction.atomic():
        with pytest.raises(InsideTransaction):
            journal.alias_for_money()
        assert journal.alias_for_vault() == "default"


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("second")
def test_an_sqlite_file_has_one_writer_and_no_journal_apart() -> None:
    with transaction.atomic():
        with pytest.raises(InsideTransaction):
            journal.alias_for_money()
        assert journal.alias_for_vault() == "default"


# -- With one --------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_transaction_is_journaled_apart(autonomous: str) -> None:
    with transaction.atomic():
        assert chosen() == (autonomous, autonomous)
    assert chosen() == ("default", "default")


@pytest.mark.django_db(transaction=True)
def test_a_transaction_on_the_journal_itself_is_one_too(autonomous: str) -> None:
    with transaction.atomic(), transaction.atomic(using=autonomous):
        with pytest.raises(InsideTransaction):
            journal.alias_for_money()
        assert journal.alias_for_vault() == "default"


@pytest.mark.django_db(transaction=True)
def test_in_a_transaction_that_is_broken_no_money_moves(autonomous: str) -> None:
    """Its row could not be written, although the journal could."""
    with transaction.atomic():
        transaction.set_rollback(True)
        with pytest.raises(transaction.TransactionManagementError):
            journal.alias_for_money()
        assert journal.alias_for_vault() == autonomous


@pytest.mark.django_db
@pytest.mark.usefixtures("autonomous")
def test_in_a_testcase_its_own_connection_has_to_do() -> None:
    with transaction.atomic():
        assert chosen() == ("default", "default")


# -- A router --------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_router_may_keep_the_books_elsewhere(second: str, settings: Any) -> None:
    settings.DATABASE_ROUTERS = [Router(second)]
    assert chosen() == (second, second)
    with transaction.atomic(using=second):
        assert journal.alias_for_vault() == second


@pytest.mark.django_db(transaction=True)
def test_a_row_that_names_no_connection_is_the_routers(
    gateway: RecordingGateway, second: str, settings: Any
) -> None:
    settings.DATABASE_ROUTERS = [Router(second)]
    first = begin(gateway, using=second, idempotency_key="order-1")
    detached = Operation(pk=first.pk, state="new")
    assert operations.move(detached, State.SENT)
    detached = Operation(pk=first.pk, state="sent")
    done = journal.end_operation(
        detached, State.FAILED, RecordedOutcome(error="no"), lambda: "rows"
    )
    assert done == "rows"
    operations.free_idempotency_key(Operation(pk=first.pk))
    row = Operation.objects.using(second).get()
    assert (row.state, row.outcome, row.idempotency_key) == ("failed", {"error": "no"}, None)


@pytest.mark.django_db(transaction=True)
def test_nothing_is_read_from_a_replica_that_lags(
    gateway: RecordingGateway, second: str, settings: Any
) -> None:
    settings.DATABASE_ROUTERS = [Router(second, replica="default")]
    operation = begin(gateway, using=second)
    assert operation.lease_until is not None
    journal.send(gateway, operation, lambda: None)
    assert operation.sent_at is not None
    rival = Operation.objects.using(second).get()
    assert operations.move(operation, State.FAILED)
    assert not operations.move(rival, State.UNKNOWN)
    assert operation.updated_at >= operation.sent_at
    assert (operation.state, rival.state) == ("failed", "failed")


@pytest.mark.django_db(transaction=True)
def test_what_was_read_from_a_replica_is_not_written_there(
    gateway: RecordingGateway, second: str, settings: Any
) -> None:
    settings.DATABASE_ROUTERS = [Router(second, replica="default")]
    operation = begin(gateway, using=second)
    operation._state.db = "default"
    assert operation.written_on == second
    assert operations.move(operation, State.FAILED, outcome=RecordedOutcome(error="no"))
    assert Operation.objects.using(second).get().outcome == {"error": "no"}


# -- Collisions ------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_new_operation_has_what_it_was_given(gateway: RecordingGateway) -> None:
    begin(gateway, lock_name="customer:1", intent=Intent(last_4="1111"))
    begin(gateway)
    free, held = Operation.objects.all()
    assert (held.gateway_name, held.kind, held.intent) == ("default", "charge", {"last_4": "1111"})
    assert (held.lock_name, held.held_lock) == ("customer:1", "customer:1")
    assert (free.lock_name, free.held_lock) == ("", None)


@pytest.mark.django_db
def test_a_taken_key_names_the_operation_of_its_scope(gateway: RecordingGateway) -> None:
    wanted = begin(gateway, scope="shop", idempotency_key="order-1")
    begin(gateway, scope="shop", idempotency_key="order-2")
    begin(gateway, scope="club", idempotency_key="order-1")
    with pytest.raises(operations.KeyTaken) as caught:
        begin(gateway, scope="shop", idempotency_key="order-1")
    assert str(caught.value) == "This idempotency key was used before."
    assert caught.value.operation == wanted


@pytest.mark.django_db
def test_a_held_target_names_its_holder(gateway: RecordingGateway) -> None:
    holder = begin(gateway, lock_name="t")
    begin(gateway, lock_name="other")
    with pytest.raises(operations.LockHeld) as caught:
        begin(gateway, lock_name="t", idempotency_key="order-1", scope="")
    assert str(caught.value) == f"Operation {holder.key} on the same object is not finished."
    assert caught.value.operation == holder
    assert caught.value.__context__ is None


@pytest.mark.django_db(transaction=True)
def test_a_collision_leaves_the_callers_transaction_usable(
    gateway: RecordingGateway, second: str
) -> None:
    with transaction.atomic(using=second):
        begin(gateway, using=second, lock_name="t")
        with pytest.raises(operations.LockHeld):
            begin(gateway, using=second, lock_name="t")
        assert not connections[second].needs_rollback
    assert Operation.objects.using(second).count() == 1


def meanwhile(change: Callable[[], object]) -> AbstractContextManager[None]:
    """Do something between the refused insert and the look at who is in the way."""
    return before_statement("SELECT", change)


@pytest.mark.django_db
def test_a_holder_that_finished_meanwhile_is_not_named(gateway: RecordingGateway) -> None:
    begin(gateway, lock_name="t")
    with (
        meanwhile(lambda: Operation.objects.update(held_lock=None)),
        pytest.raises(operations.LockHeld) as caught,
    ):
        begin(gateway, lock_name="t")
    assert str(caught.value) == "Operation ? on the same object is not finished."
    assert caught.value.operation is None


@pytest.mark.django_db
def test_a_constraint_of_the_projects_is_not_told_as_a_lock(gateway: RecordingGateway) -> None:
    def refuse() -> None:
        raise IntegrityError("a trigger says no")

    with (
        before_statement("INSERT", refuse),
        pytest.raises(IntegrityError, match="a trigger says no"),
    ):
        begin(gateway, lock_name="t", idempotency_key="order-1")


@pytest.mark.django_db
def test_a_constraint_in_the_way_of_a_delete_is_told_as_it_is(gateway: RecordingGateway) -> None:
    def refuse() -> None:
        raise IntegrityError("a trigger says no")

    tombstone = Operation.objects.create(kind="delete_customer", lock_name="t", live=False)
    with before_statement("UPDATE", refuse), pytest.raises(IntegrityError, match="says no"):
        locking.take_lock(gateway, tombstone)


@pytest.mark.django_db
def test_a_key_that_was_freed_meanwhile_names_no_stranger(gateway: RecordingGateway) -> None:
    begin(gateway, idempotency_key="order-1")
    with (
        meanwhile(lambda: Operation.objects.update(idempotency_key=None)),
        pytest.raises(operations.LockHeld) as caught,
    ):
        begin(gateway, idempotency_key="order-1")
    assert caught.value.operation is None
