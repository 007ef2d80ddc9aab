"""Every change of an operation's state is told once it is committed; nothing else writes one."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, transaction

import django_dinero
from django_dinero import signals
from django_dinero.enums import ResultStatus
from django_dinero.exceptions import CardDeclinedError, OutcomeUnknown
from django_dinero.gateways.types import TransactionResult
from django_dinero.models import Customer, Operation, Transaction
from django_dinero.models.operation import LOCKING_STATES, TRANSITIONS, OperationState
from django_dinero.models.records import RecordedOutcome
from django_dinero.services import journal
from tests.support.aging import grow_old
from tests.support.journaling import begin
from tests.support.recording import RecordingGateway, answer, lose_reply

State = OperationState
PACKAGE = Path(django_dinero.__file__).parent
CHANGES = [(old, new) for old, following in TRANSITIONS.items() for new in sorted(following)]


@pytest.fixture
def heard() -> Iterator[list[tuple[str, str, str]]]:
    """What a receiver heard: the old state, the new one, and what it read from the database."""
    told: list[tuple[str, str, str]] = []

    def receive(operation: Operation, old_state: str, new_state: str, **kwargs: object) -> None:
        told.append((str(old_state), str(new_state), Operation.objects.get(pk=operation.pk).state))

    signals.operation_changed.connect(receive)
    yield told
    signals.operation_changed.disconnect(receive)


def in_state(gateway: RecordingGateway, state: str) -> Operation:
    operation = begin(gateway, lock_name="somebody")
    lock = "somebody" if state in LOCKING_STATES else None
    Operation.objects.filter(pk=operation.pk).update(state=state, held_lock=lock)
    operation.refresh_from_db()
    return operation


def by_move(operation: Operation, state: OperationState) -> None:
    journal.move(operation, state, RecordedOutcome(error="of a test"))


def by_end(operation: Operation, state: OperationState) -> None:
    journal.end(operation, state, RecordedOutcome())


def by_end_operation(operation: Operation, state: OperationState) -> None:
    journal.end_operation(operation, state, RecordedOutcome(), lambda: None)


def by_try_to_end(operation: Operation, state: OperationState) -> None:
    assert journal.try_to_end_operation(operation, state, RecordedOutcome(), lambda: 1) == (1,)


def in_a_transaction(operation: Operation, state: OperationState) -> None:
    with transaction.atomic():
        journal.end_operation_in_transaction(operation, state, RecordedOutcome())


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "way", [by_move, by_end, by_end_operation, by_try_to_end, in_a_transaction]
)
def test_the_whole_machine_is_told(
    gateway: RecordingGateway,
    heard: list[tuple[str, str, str]],
    way: Callable[[Operation, OperationState], None],
) -> None:
    for old, new in CHANGES:
        operation = in_state(gateway, old)
        way(operation, State(new))
        operation.refresh_from_db()
        assert operation.state == new
        Operation.objects.all().delete()
    assert heard == [(old, new, new) for old, new in CHANGES]


@pytest.mark.django_db(transaction=True)
def test_inside_a_transaction_receivers_wait_for_its_commit(
    gateway: RecordingGateway, heard: list[tuple[str, str, str]]
) -> None:
    operation = begin(gateway)
    with transaction.atomic():
        journal.move(operation, State.SENT)
        journal.move(operation, State.SUCCEEDED)
        assert heard == []
    assert heard == [("new", "sent", "succeeded"), ("sent", "succeeded", "succeeded")]


@pytest.mark.django_db(transaction=True)
def test_nobody_hears_of_a_change_that_was_rolled_back(
    gateway: RecordingGateway, heard: list[tuple[str, str, str]]
) -> None:
    operation = begin(gateway)
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        journal.move(operation, State.SENT)
        raise ZeroDivisionError
    assert heard == []
    assert Operation.objects.get().state == "new"


@pytest.mark.django_db(transaction=True)
@pytest.mark.filterwarnings("ignore")
def test_a_receiver_that_breaks_the_database_undoes_no_change(gateway: RecordingGateway) -> None:
    def receive(**kwargs: object) -> None:
        for _time in range(2):
            get_user_model().objects.create(username="the same twice")

    operation = begin(gateway)
    signals.operation_changed.connect(receive)
    try:
        with transaction.atomic():
            journal.move(operation, State.SENT)
            assert Operation.objects.get().state == "sent"  # the transaction is not broken
    finally:
        signals.operation_changed.disconnect(receive)
    assert Operation.objects.get().state == "sent"


@pytest.mark.django_db(transaction=True)
def test_what_the_verbs_write_is_what_receivers_hear(
    gateway: RecordingGateway,
    make_customer: Callable[..., Customer],
    heard: list[tuple[str, str, str]],
) -> None:
    """Each statement that writes a state has its signal, whichever verb it is of."""
    written: list[str] = []

    def watch(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        result = execute(sql, params, many, context)
        sets = re.match(r"UPDATE .dinero_operation. SET (.*) WHERE", sql, re.DOTALL)
        inserts = sql.startswith("INSERT") and "dinero_operation" in sql.split("(")[0]
        changed = sets is not None and re.search(r'[`"]state[`"] = ', sets[1])
        if changed and context["cursor"].rowcount == 1:
            written.append("UPDATE")
        elif inserts and "sent" in params:
            written.append("INSERT")
        return result

    with connection.execute_wrapper(watch):
        customer = make_customer()
        customer.email = "other@example.com"
        customer.save()
        charge = customer.charge(10)
        authorization = Transaction.create(price=10, card=customer.cards[0], settle=False)
        authorization.settle(4)
        charge.void()
        card = customer.add_card(number="4012888818888")
        card.delete()
        gateway.faults["charge"] = answer(TransactionResult(ResultStatus.DECLINED))
        with pytest.raises(CardDeclinedError):
            customer.charge(12)
        gateway.faults["charge"] = lose_reply
        with pytest.raises(OutcomeUnknown):
            customer.charge(11)
        gateway.faults.clear()
        grow_old()
        Operation.objects.get(state="unknown").look_up()
        customer.delete()
    assert len(written) == len(heard) > 15
    assert all(new == stored for _old, new, stored in heard)


# -- Nothing else writes one ---------------------------------------------------------------------

#: The two functions that write the state of an operation, and those of rows that are none.
WRITERS = {
    "services/journal/states.py: _compare_and_set",
    "services/journal/sending.py: begin",
    # events
    "services/webhooks/events.py: _new_event",
    "services/webhooks/events.py: begin_again",
    "services/webhooks/events.py: finish",
    "services/webhooks/events.py: park",
    "services/webhooks/retention.py: _given_up",
    # differences, and runs of reconcile
    "services/reconcile/differences.py: close",
    "services/reconcile/differences.py: resolve",
    "services/reconcile/lease.py: _give_up",
    "services/reconcile/lease.py: end",
    "services/reconcile/run.py: _try_out",
}
#: Where there are other states, or none is written.
ELSEWHERE = {"admin", "api", "forms", "gateways", "management", "migrations", "sandbox", "testing"}


def writers(tree: ast.Module) -> set[str]:
    """The functions that set a column or an attribute ``state``."""
    return {
        function.name
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef) and any(map(writes_state, nodes(function)))
    }


def nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node but the values of a text (``text % {"state": …}``)."""
    yield tree
    for child in ast.iter_child_nodes(tree):
        if not (isinstance(tree, ast.BinOp) and child is tree.right):
            yield from nodes(child)


def writes_state(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        is_query = name in ("filter", "exclude", "get", "Q")
        return not is_query and any(each.arg == "state" for each in node.keywords)
    if isinstance(node, ast.Dict):
        return any(isinstance(key, ast.Constant) and key.value == "state" for key in node.keys)
    targets = node.targets if isinstance(node, ast.Assign) else []
    return any(isinstance(each, ast.Attribute) and each.attr == "state" for each in targets)


def test_no_other_code_writes_the_state_of_an_operation() -> None:
    found = {
        f"{path.relative_to(PACKAGE).as_posix()}: {name}"
        for path in PACKAGE.rglob("*.py")
        if path.relative_to(PACKAGE).parts[0] not in ELSEWHERE
        for name in writers(ast.parse(path.read_text()))
    }
    assert found == WRITERS
