"""Endings in one transaction, and what happens where the database objects to one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import OperationalError, connection, transaction
from django.db.models import Model
from django.db.models.signals import post_save

from django_dinero import signals
from django_dinero.enums import ReasonKind, ResultStatus
from django_dinero.exceptions import (
    DuplicateTransactionError,
    GatewayError,
    NeedsAttention,
    OutcomeUnknown,
)
from django_dinero.gateways.types import Reason, TransactionResult
from django_dinero.models import CreditCard, Customer, Operation, Transaction
from tests.support.recording import RecordingGateway, answer
from tests.unit.services.conftest import CARD

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def customer(gateway: RecordingGateway) -> Customer:
    """A customer with one card and an owner."""
    owner = get_user_model().objects.create_user("bill")
    return Customer.create("bill@example.com", owner=owner, **CARD)


@pytest.fixture
def heard() -> Iterator[list[str]]:
    """Which signals about charges went out."""
    names: list[str] = []

    def charged(**kwargs: Any) -> None:
        names.append("charged")

    def failed(**kwargs: Any) -> None:
        names.append("charge_failed")

    def changed(**kwargs: Any) -> None:
        if kwargs["operation"].kind == "charge":
            names.append(f"{kwargs['old_state']} -> {kwargs['new_state']}")

    signals.charged.connect(charged)
    signals.charge_failed.connect(failed)
    signals.operation_changed.connect(changed)
    yield names
    signals.charged.disconnect(charged)
    signals.charge_failed.disconnect(failed)
    signals.operation_changed.disconnect(changed)


def during(act: Callable[[], object]) -> Callable[[Callable[[], Any]], Any]:
    """A fault of the gateway: do something else while the call is on its way."""

    def fault(call: Callable[[], Any]) -> Any:
        result = call()
        act()
        return result

    return fault


def test_an_ending_is_one_transaction(customer: Customer, heard: list[str]) -> None:
    row = customer.charge(5)
    assert (row.status, Operation.objects.get(kind="charge").state) == ("approved", "succeeded")
    assert heard == ["new -> sent", "sent -> succeeded", "charged"]


@pytest.mark.parametrize("gone", ["card", "customer", "owner"])
def test_what_is_deleted_meanwhile_is_left_out_of_the_row(
    gateway: RecordingGateway, customer: Customer, heard: list[str], gone: str
) -> None:
    models: dict[str, Any] = {"card": CreditCard, "customer": Customer, "owner": get_user_model()}
    gateway.faults["charge"] = during(lambda: models[gone].objects.get().delete())
    row = customer.charge(5)
    assert (row.status, row.transaction_id) == ("approved", gateway.bank.transactions()[0].id)
    stored = Transaction.objects.get()
    assert {"card": stored.card_pk, "customer": stored.customer_pk, "owner": stored.owner_id}[
        gone
    ] is None
    assert heard == ["new -> sent", "sent -> succeeded", "charged"]


def test_a_row_that_was_read_from_the_gateway_meanwhile_is_taken(
    gateway: RecordingGateway, customer: Customer, heard: list[str]
) -> None:
    def retrieve() -> None:
        (row,) = gateway.bank.transactions()
        Operation.objects.filter(kind="charge").update(key="A" * 20)
        Transaction.retrieve(row.id)
        Operation.objects.filter(key="A" * 20).update(key=row.operation_key)

    gateway.faults["charge"] = during(retrieve)
    row = customer.charge(5)
    assert row == Transaction.objects.get()
    assert row.operation_key == Operation.objects.get(kind="charge").key
    assert heard == ["new -> sent", "sent -> succeeded", "charged"]


def test_a_look_up_that_is_quicker_leaves_one_row_and_one_signal(
    gateway: RecordingGateway, customer: Customer, heard: list[str]
) -> None:
    def look_up() -> None:
        Operation.objects.filter(kind="charge").update(lease_until="2020-01-01T00:00:00Z")
        Operation.objects.get(kind="charge").look_up()

    gateway.faults["charge"] = during(look_up)
    row = customer.charge(5)
    assert row == Transaction.objects.get()
    assert heard == ["new -> sent", "sent -> unknown", "unknown -> succeeded", "charged"]


def test_the_id_of_another_charge_needs_attention(
    gateway: RecordingGateway, customer: Customer, heard: list[str]
) -> None:
    first = customer.charge(5)
    heard.clear()
    approved = TransactionResult(ResultStatus.APPROVED, str(first.transaction_id))
    gateway.faults["charge"] = answer(approved)
    with pytest.raises(NeedsAttention, match="the id of another transaction") as caught:
        customer.charge(5)
    assert caught.value.operation.state == "needs_attention"
    assert Transaction.objects.get() == first
    assert heard == ["new -> sent", "sent -> needs_attention"]


def test_a_refused_duplicate_may_name_the_original(
    gateway: RecordingGateway, customer: Customer
) -> None:
    first = customer.charge(5)
    reasons = (Reason(ReasonKind.GATEWAY_ERROR, "11", "again"),)
    refused = TransactionResult(ResultStatus.FAILED, str(first.transaction_id), reasons=reasons)
    gateway.faults["charge"] = answer(refused)
    with pytest.raises(GatewayError, match="again") as caught:
        customer.charge(5)
    assert not isinstance(caught.value, DuplicateTransactionError)
    row = caught.value.transaction
    assert (row.status, row.transaction_id) == ("failed", None)


def test_a_database_that_breaks_once_is_tried_again(
    gateway: RecordingGateway, customer: Customer, heard: list[str]
) -> None:
    left = [1]

    def fail(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if left and sql.startswith("INSERT") and "dinero_transaction" in sql:
            left.pop()
            raise OperationalError("deadlock detected")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(fail):
        row = customer.charge(5)
    assert not left
    assert row == Transaction.objects.get()
    assert heard == ["new -> sent", "sent -> succeeded", "charged"]


def test_a_database_that_stays_broken_leaves_it_to_be_looked_up(
    gateway: RecordingGateway, customer: Customer, heard: list[str]
) -> None:
    def fail(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith("INSERT") and "dinero_transaction" in sql:
            raise OperationalError("disk full")
        return execute(sql, params, many, context)

    with (
        connection.execute_wrapper(fail),
        pytest.raises(OutcomeUnknown, match="could not record it"),
    ):
        customer.charge(5, idempotency_key="order-1-1")
    assert Operation.objects.get(kind="charge").state == "sent"
    assert not Transaction.objects.exists()
    assert heard == ["new -> sent"]
    Operation.objects.update(lease_until="2020-01-01T00:00:00Z")
    assert customer.charge(5, idempotency_key="order-1-1").status == "approved"
    assert len(gateway.bank.transactions()) == 1
    assert heard[-1] == "charged"


# -- A project's own code raises -------------------------------------------------------------------


def test_a_receiver_of_the_projects_that_raises_leaves_it_to_be_looked_up(
    gateway: RecordingGateway, customer: Customer, heard: list[str]
) -> None:
    def broken(**kwargs: Any) -> None:
        raise ValueError("a bug")

    post_save.connect(broken, sender=Transaction)
    try:
        with pytest.raises(OutcomeUnknown, match="could not record it") as caught:
            customer.charge(5)
    finally:
        post_save.disconnect(broken, sender=Transaction)
    operation = caught.value.operation
    assert (operation.state, operation.has_result) == ("sent", False)
    Operation.objects.update(lease_until="2020-01-01T00:00:00Z")
    assert operation.look_up().state == "succeeded"
    assert Transaction.objects.get().status == "approved"
    assert heard[-1] == "charged"


def save_hook(model: type[Model], act: Callable[[], object]) -> AbstractContextManager[None]:
    """What a project does whenever a row of a model is saved."""

    @contextmanager
    def connected() -> Iterator[None]:
        def on_save(**kwargs: Any) -> None:
            act()

        post_save.connect(on_save, sender=model)
        try:
            yield
        finally:
            post_save.disconnect(on_save, sender=model)

    return connected()


def bug() -> None:
    raise ValueError("a bug of the project's")


def test_a_customer_that_was_committed_is_not_told_as_lost(
    gateway: RecordingGateway, caplog: pytest.LogCaptureFixture
) -> None:
    pushed: list[object] = []

    def note(customer: Customer, **_more: Any) -> None:
        pushed.append(customer)

    signals.customer_pushed.connect(note)
    try:
        with save_hook(Customer, lambda: transaction.on_commit(bug)):
            customer = Customer.create("ann@example.com", **CARD)
    finally:
        signals.customer_pushed.disconnect(note)
    assert pushed == [customer]
    assert Operation.objects.get().state == "succeeded"
    assert "could not record" not in caplog.text
    assert "was recorded: ValueError" in caplog.text


def test_a_card_whose_row_a_receiver_refuses_is_told_and_found_later(
    gateway: RecordingGateway, customer: Customer, caplog: pytest.LogCaptureFixture
) -> None:
    card = CreditCard(customer=customer, month=12, year=2040)
    card.number = "5424000000000015"
    with (
        save_hook(CreditCard, bug),
        pytest.raises(OutcomeUnknown, match="could not record it") as caught,
    ):
        card.save()
    assert "could not record it: ValueError" in caplog.text
    assert card.pk is None
    assert card._state.adding
    operation = caught.value.operation
    assert operation.state == "sent"
    Operation.objects.update(lease_until="2020-01-01T00:00:00Z")
    assert operation.look_up().state == "succeeded"
    assert {each.last_4 for each in customer.cards.all()} == {"1111", "0015"}


def test_a_card_that_was_committed_is_not_told_as_lost(
    gateway: RecordingGateway, customer: Customer, caplog: pytest.LogCaptureFixture
) -> None:
    """As after any save of Django's, the caller hears of its own hook."""
    card = CreditCard(customer=customer, month=12, year=2040)
    card.number = "5424000000000015"
    with (
        save_hook(CreditCard, lambda: transaction.on_commit(bug)),
        pytest.raises(ValueError, match="a bug of the project's"),
    ):
        card.save()
    assert "could not record" not in caplog.text
    assert (card.pk is None, card._state.adding) == (False, False)
    assert Operation.objects.get(kind="add_card").state == "succeeded"
    assert customer.cards.count() == 2


def test_a_hook_that_raises_after_the_commit_takes_no_signal_away(
    gateway: RecordingGateway, customer: Customer, heard: list[str]
) -> None:
    def broken() -> None:
        raise ValueError("a bug")

    def on_save(**kwargs: Any) -> None:
        transaction.on_commit(broken)

    post_save.connect(on_save, sender=Transaction)
    try:
        row = customer.charge(5)
    finally:
        post_save.disconnect(on_save, sender=Transaction)
    assert row == Transaction.objects.get()
    assert heard == ["new -> sent", "sent -> succeeded", "charged"]
