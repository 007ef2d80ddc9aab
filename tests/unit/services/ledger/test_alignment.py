"""A row and its operation say the same in the end, whichever of them heard first."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import IntegrityError, transaction
from django.utils.translation import override

from django_dinero import signals
from django_dinero.enums import RemoteStatus, TransactionKind
from django_dinero.exceptions import (
    CardDeclinedError,
    HeldForReview,
    InvalidTransactionError,
    OutcomeUnknown,
)
from django_dinero.gateways.types import RemoteTransaction
from django_dinero.models import Customer, Operation, Transaction
from django_dinero.services.ledger import rows
from tests.support.recording import RecordingGateway, answer, lose_reply

pytestmark = pytest.mark.django_db

Make = Callable[..., Customer]
KEY = "order-1001"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("zip_code", ["12345", "46282"])
def test_an_operation_has_the_gateways_id_as_its_row_has(
    gateway: RecordingGateway, card: dict[str, Any], zip_code: str
) -> None:
    """Also where both are written at once, and where the gateway has declined."""
    with suppress(CardDeclinedError):
        Transaction.create(5, **{**card, "zip": zip_code})
    row, operation = Transaction.objects.get(), Operation.objects.get()
    assert row.status == ("approved" if zip_code == "12345" else "declined")
    assert operation.transaction_id == row.transaction_id != ""


def test_a_row_that_missed_the_decision_gets_it_from_the_journal(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    row = Transaction.create(5, idempotency_key=KEY, **card)
    Transaction.objects.update(status="held")
    again = Transaction.create(5, idempotency_key=KEY, **card)
    assert (again, again.status) == (row, "approved")
    row.refresh_from_db()
    assert row.status == "approved"


@pytest.mark.parametrize(("status", "state"), [("approved", "succeeded"), ("voided", "declined")])
def test_an_operation_that_missed_the_decision_gets_it_from_the_row(
    gateway: RecordingGateway, card: dict[str, Any], status: str, state: str
) -> None:
    gateway.bank.hold_next()
    with pytest.raises(HeldForReview):
        Transaction.create(5, idempotency_key=KEY, **card)
    Transaction.objects.update(status=status)
    if state == "succeeded":
        assert Transaction.create(5, idempotency_key=KEY, **card).status == "approved"
    else:
        with pytest.raises(CardDeclinedError, match="voided before its outcome was read"):
            Transaction.create(5, idempotency_key=KEY, **card)
    assert Operation.objects.get().state == state


def test_why_is_stored_in_english_and_told_in_the_callers_language(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    gateway.bank.hold_next()
    with pytest.raises(HeldForReview):
        Transaction.create(5, idempotency_key=KEY, **card)
    Transaction.objects.update(status="voided")
    with override("de"), pytest.raises(CardDeclinedError) as caught:
        Transaction.create(5, idempotency_key=KEY, **card)
    stored = Operation.objects.get().outcome["gateway_text"]
    assert stored == "It was voided before its outcome was read here."
    assert stored not in str(caught.value)
    with override("en"), pytest.raises(CardDeclinedError, match="voided before its outcome"):
        Transaction.create(5, idempotency_key=KEY, **card)


def test_a_transaction_without_a_row_is_named_by_its_id(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    row = Transaction.create(5, customer=make_customer())
    Transaction.objects.all().delete()
    with pytest.raises(InvalidTransactionError, match=f"retrieve {row.transaction_id} from"):
        row.refund()


def test_a_row_that_was_read_first_gets_what_only_the_order_knew(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    owner = get_user_model().objects.create(username="bill")

    def read_first(call: Callable[[], Any]) -> Any:
        result = call()
        gateway.faults["retrieve_transaction"] = answer(
            RemoteTransaction(
                result.transaction_id,
                TransactionKind.CHARGE,
                RemoteStatus.CAPTURED,
                Decimal(5),
                "USD",
            )
        )
        assert Transaction.retrieve(result.transaction_id).owner is None
        return result

    gateway.faults["charge"] = read_first
    row = Transaction.create(5, owner=owner, customer_ip="192.0.2.1", **card)
    stored = Transaction.objects.get()
    assert (stored, stored.owner, stored.customer_ip) == (row, owner, "192.0.2.1")
    assert stored.operation_key == Operation.objects.get().key


def test_a_look_up_of_what_has_succeeded_writes_the_lost_row_and_asks_nobody(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    row, mark = Transaction.create(5, **card), gateway.mark
    Transaction.objects.all().delete()
    Operation.objects.get().look_up()
    assert Transaction.objects.get().public_id == row.public_id
    assert gateway.since(mark) == []


# -- A row of another operation --------------------------------------------------------------------


def test_a_charge_of_another_operation_is_never_taken_for_this_one(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    Transaction.create(5, **card)
    operation = Operation.objects.get()
    Transaction.objects.update(operation_key="elsewhere")
    with pytest.raises(IntegrityError), transaction.atomic():
        rows.write_row(operation)
    assert Transaction.objects.get().operation_key == "elsewhere"


@pytest.mark.django_db(transaction=True)
def test_voiding_an_authorization_and_its_capture_is_told_once(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    heard: list[Transaction] = []

    def voided(transaction: Transaction, **kwargs: Any) -> None:
        heard.append(transaction)

    authorization = Transaction.create(5, customer=make_customer(), settle=False)
    capture = authorization.capture()
    authorization.refresh_from_db()
    gateway.faults["void"] = lose_reply
    with pytest.raises(OutcomeUnknown):
        capture.void()
    signals.voided.connect(voided)
    try:
        row = authorization.void()
        again = Operation.objects.get(kind="void", parent_key=capture.operation_key).look_up()
    finally:
        signals.voided.disconnect(voided)
    assert again.state == "succeeded"
    assert heard == [row] == list(Transaction.objects.filter(kind="void"))
