"""Databases that fail in the middle of a verb: callers get our own exceptions, and true ones."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from django.db import Error, OperationalError, connections

from django_dinero.exceptions import NotSent, OutcomeUnknown
from django_dinero.models import CreditCard, Customer, Operation, Transaction
from tests.databases import VENDOR
from tests.support.racing import before_statement, unquoted
from tests.support.recording import RecordingGateway
from tests.unit.services.conftest import card, make_customer

__all__ = ["card", "make_customer"]

ALIASES = ["default"] if VENDOR == "sqlite" else ["default", "journal"]
pytestmark = pytest.mark.django_db(transaction=True, databases=ALIASES)

OTHER: dict[str, Any] = {"number": "5424000000000015", "month": 12, "year": 2060}
#: What no verb may ask of a gateway whose operation could not be written.
CHANGING = {
    *("charge", "authorize", "capture", "void", "refund", "decide_review"),
    *("create_customer", "update_customer", "delete_customer"),
    *("add_card", "update_card", "delete_card"),
}


@pytest.fixture
def customer(make_customer: Callable[..., Customer]) -> Customer:
    return make_customer()


def edit(row: Any, **values: Any) -> None:
    for name, value in values.items():
        setattr(row, name, value)
    row.save()


VAULT: dict[str, tuple[str, Callable[[Customer, dict[str, Any]], object]]] = {
    "add a card": ("add_card", lambda customer, card: customer.add_card(**OTHER)),
    "new number": ("update_card", lambda customer, card: edit(customer.cards[0], **OTHER)),
    "edit a card": ("update_card", lambda customer, card: edit(customer.cards[0], city="Rome")),
    "delete a card": ("delete_card", lambda customer, card: customer.cards[0].delete()),
    "edit": ("update_customer", lambda customer, card: edit(customer, email="c@example.com")),
    "create": ("create_customer", lambda customer, card: Customer.create("b@example.com", **card)),
    "save a new one": ("create_customer", lambda customer, card: Customer(email="b@b.com").save()),
    "delete": ("delete_customer", lambda customer, card: customer.delete()),
}
MONEY: dict[str, tuple[str, Callable[[Customer, Transaction], object]]] = {
    "charge": ("charge", lambda customer, paid: customer.charge(7)),
    "refund": ("refund", lambda customer, paid: paid.refund(2)),
}


# -- The connection is lost after the gateway has answered -----------------------------------------


def cut(call: Callable[[], Any]) -> Any:
    """A fault of a gateway: it answers, and the database goes away meanwhile."""
    result = call()
    for alias in ALIASES:
        if connections[alias].connection is not None:
            connections[alias].connection.close()
    return result


@contextmanager
def new_connections() -> Iterator[None]:
    """Take new connections in place of lost ones, when the block is left."""
    try:
        yield
    finally:
        for alias in ALIASES:
            with suppress(Error):
                connections[alias].close()
            connections[alias].connection = None


@pytest.mark.parametrize("what", VAULT)
def test_a_connection_lost_in_the_vault(
    what: str,
    gateway: RecordingGateway,
    customer: Customer,
    card: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    fault, act = VAULT[what]
    gateway.faults[fault] = cut
    with (
        caplog.at_level(logging.CRITICAL),
        new_connections(),
        pytest.raises(OutcomeUnknown) as caught,
    ):
        act(customer, card)
    operation = caught.value.operation
    assert operation.key in str(caught.value)
    assert any(operation.key in line for line in caplog.messages)
    assert Operation.objects.get(key=operation.key).state == "sent"


@pytest.mark.parametrize("what", MONEY)
def test_a_connection_lost_while_money_moves(
    what: str, gateway: RecordingGateway, customer: Customer, caplog: pytest.LogCaptureFixture
) -> None:
    paid = customer.charge(5)
    gateway.bank.settle_batch()
    fault, act = MONEY[what]
    gateway.faults[fault] = cut
    with (
        caplog.at_level(logging.CRITICAL),
        new_connections(),
        pytest.raises(OutcomeUnknown) as caught,
    ):
        act(customer, paid)
    assert any(caught.value.operation.key in line for line in caplog.messages)
    assert caught.value.operation.look_up().state in ("sent", "succeeded")


# -- PostgreSQL is read-only for a while, as a standby is ------------------------------------------


@contextmanager
def read_only() -> Iterator[None]:
    set_read_only("on")
    try:
        yield
    finally:
        set_read_only("off")


def set_read_only(value: str) -> None:
    for alias in ALIASES:
        with connections[alias].cursor() as cursor:
            cursor.execute(f"SET default_transaction_read_only = {value}")


@pytest.mark.postgresql
@pytest.mark.parametrize("what", VAULT)
def test_a_read_only_database_stores_nothing(
    what: str, gateway: RecordingGateway, customer: Customer, card: dict[str, Any]
) -> None:
    mark = gateway.mark
    with read_only(), pytest.raises(NotSent):
        VAULT[what][1](customer, card)
    assert CHANGING.isdisjoint(gateway.since(mark))
    assert (Customer.objects.count(), CreditCard.objects.count()) == (1, 1)


MOVES: dict[str, Callable[[Customer, dict[str, Transaction]], object]] = {
    "charge": lambda customer, rows: customer.charge(7),
    "charge with a key": lambda customer, rows: customer.charge(7, idempotency_key="order-1-1"),
    "capture": lambda customer, rows: rows["authorized"].capture(),
    "void": lambda customer, rows: rows["authorized"].void(),
    "refund": lambda customer, rows: rows["settled"].refund(2),
    "approve": lambda customer, rows: rows["held"].approve(),
}


@pytest.mark.postgresql
@pytest.mark.parametrize("what", MOVES)
def test_a_read_only_database_moves_no_money(
    what: str, gateway: RecordingGateway, customer: Customer
) -> None:
    rows = {"settled": customer.charge(5)}
    gateway.bank.settle_batch()
    rows["authorized"] = customer.charge(6, settle=False)
    gateway.bank.hold_next()
    with suppress(Exception):
        customer.charge(8)
    rows["held"] = Transaction.objects.get(status="held")
    mark = gateway.mark
    with read_only(), pytest.raises(NotSent):
        MOVES[what](customer, rows)
    assert CHANGING.isdisjoint(gateway.since(mark))
    assert Transaction.objects.count() == len(rows)


# -- The database fails once, between taking a lock and sending ------------------------------------


@contextmanager
def failing_under_the_lock(table: str) -> Iterator[None]:
    """Let the first read of a table fail after an operation was written."""
    is_written, failed = False, False

    def watch(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal is_written, failed
        plain = unquoted(sql)
        if is_written and not failed and plain.startswith("SELECT") and table in plain:
            failed = True
            raise OperationalError("could not serialize access")
        is_written |= plain.startswith("INSERT INTO dinero_operation")
        return execute(sql, params, many, context)

    with connections["default"].execute_wrapper(watch):
        yield
    assert failed


@pytest.mark.parametrize("what", ["add a card", "new number", "edit a card", "edit", "refund"])
def test_a_lock_that_was_taken_in_vain_is_free_again(
    what: str, gateway: RecordingGateway, customer: Customer, card: dict[str, Any]
) -> None:
    paid = customer.charge(5)
    gateway.bank.settle_batch()
    tables = {"edit": "dinero_customer", "refund": "dinero_transaction"}
    mark = gateway.mark
    with failing_under_the_lock(tables.get(what, "dinero_creditcard")), pytest.raises(NotSent):
        if what == "refund":
            paid.refund(2)
        else:
            VAULT[what][1](customer, card)
    assert CHANGING.isdisjoint(gateway.since(mark))
    last = Operation.objects.latest("pk")
    assert (last.state, last.held_lock) == ("failed", None)


# -- Another transaction was in the way once: the write is repeated, and the call is not -----------

CONFLICTS = {
    "add a card": "INSERT INTO dinero_creditcard",
    "new number": "UPDATE dinero_creditcard",
    "edit a card": "UPDATE dinero_creditcard",
    "delete a card": "DELETE FROM dinero_creditcard",
    "edit": "UPDATE dinero_customer",
    "create": "INSERT INTO dinero_creditcard",
    "save a new one": "INSERT INTO dinero_customer",
    "delete": "DELETE FROM dinero_customer",
    "charge": "INSERT INTO dinero_transaction",
    "refund": "INSERT INTO dinero_transaction",
}


def deadlock() -> None:
    raise OperationalError(1213, "Deadlock found when trying to get lock")


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("what", CONFLICTS)
def test_a_conflict_is_nothing_that_a_caller_hears_of(
    what: str,
    times: int,
    gateway: RecordingGateway,
    customer: Customer,
    card: dict[str, Any],
) -> None:
    paid = customer.charge(5)
    gateway.bank.settle_batch()
    acts: dict[str, tuple[str, Any]] = {**VAULT, **MONEY}
    verb, act = acts[what]
    given: Any = paid if what in MONEY else card
    mark = gateway.mark
    start, _blank, table = CONFLICTS[what].rpartition(" ")
    with before_statement(start, *[deadlock] * times, about=table):
        act(customer, given)
    assert [each for each in gateway.since(mark) if each in CHANGING] == [verb]
    assert set(Operation.objects.values_list("state", flat=True)) == {"succeeded"}
    for rows in (Customer.objects.all(), CreditCard.objects.all()):
        assert set(rows.values_list("sync_state", flat=True)) <= {"synced"}
    assert len(list(gateway.iter_customers())) == Customer.objects.count()
    cards = [card for each in gateway.iter_customers() for card in each.cards]
    assert len(cards) == CreditCard.objects.count()
    assert len(gateway.bank.transactions()) == Transaction.objects.count()
