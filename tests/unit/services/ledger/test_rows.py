"""Rows of the books: written once, whoever is faster, whatever was deleted meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from django_dinero.enums import RemoteStatus, TransactionKind
from django_dinero.exceptions import InvalidTransactionError
from django_dinero.gateways.types import RemoteTransaction
from django_dinero.models import Customer, Operation, Transaction
from django_dinero.services.ledger import rows
from django_dinero.testing.factories import TransactionFactory
from tests.support.racing import before_statement
from tests.support.recording import RecordingGateway, answer

Make = Callable[..., Customer]

pytestmark = pytest.mark.django_db(transaction=True)


# -- Rows that were deleted while the gateway worked ----------------------------------------------


def after(change: Callable[[], object]) -> Callable[[Callable[[], Any]], Any]:
    """The gateway does it; before its answer is here, somebody changes the database."""

    def fault(call: Callable[[], Any]) -> Any:
        result = call()
        change()
        return result

    return fault


def test_an_owner_deleted_during_the_charge_does_not_lose_it(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    owner = get_user_model().objects.create(username="bill")
    gateway.faults["charge"] = after(get_user_model().objects.all().delete)
    row = Transaction.create(5, owner=owner, **card)
    stored = Transaction.objects.get()
    assert (stored, stored.owner_id, stored.status) == (row, None, "approved")
    assert Operation.objects.get().state == "succeeded"


def test_a_customer_deleted_during_the_charge_does_not_lose_it(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    gateway.faults["charge"] = after(customer.delete)
    Transaction.create(5, customer=customer)
    stored = Transaction.objects.get()
    assert (stored.customer_pk, stored.card_pk) == (None, None)
    assert stored.customer_id and stored.card_id and stored.last_4 == "1111"


def test_a_row_that_somebody_else_wrote_meanwhile_is_taken(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    first = Transaction.create(5, **card)
    operation = Operation.objects.get()
    Transaction.objects.update(operation_key="elsewhere")
    here = partial(Transaction.objects.update, operation_key=operation.key)
    # Behind the look for the operation's own row, before the one for the gateway's id.
    with before_statement("SELECT", lambda: None, here):
        assert rows.write_row(operation) == (first, False)
    assert Transaction.objects.count() == 1


# -- Transactions of others ------------------------------------------------------------------------

REMOTE = RemoteTransaction(
    transaction_id="9001",
    kind=TransactionKind.CHARGE,
    status=RemoteStatus.SETTLED,
    amount=Decimal("12.50"),
    currency="USD",
    customer_id="cus",
    card_id="crd",
    last_4="1111",
    brand="visa",
    auth_code="A1",
    order_reference="INV-1",
    description="made in the gateway's own pages",
)


def retrieve(gateway: RecordingGateway, remote: RemoteTransaction) -> Transaction:
    gateway.faults["retrieve_transaction"] = answer(remote)
    return Transaction.retrieve(remote.transaction_id)


def test_a_charge_made_elsewhere_gets_a_row(gateway: RecordingGateway) -> None:
    row = retrieve(gateway, REMOTE)
    assert (row.kind, row.status, row.price, row.operation_key) == (
        "charge",
        "settled",
        Decimal("12.50"),
        None,
    )
    assert (row.customer_id, row.card_id, row.last_4, row.auth_code) == ("cus", "crd", "1111", "A1")
    assert (row.order_reference, row.parent) == ("INV-1", None)
    assert retrieve(gateway, REMOTE) == row
    assert Transaction.objects.count() == 1


def test_its_texts_are_cut_to_their_columns(gateway: RecordingGateway) -> None:
    row = retrieve(gateway, replace(REMOTE, order_reference="r" * 300, description="d" * 300))
    assert (row.order_reference, row.description) == ("r" * 255, "d" * 255)


@pytest.mark.parametrize("kind", [TransactionKind.REFUND, TransactionKind.CAPTURE])
def test_a_refund_made_elsewhere_stands_on_its_charge(
    gateway: RecordingGateway, kind: TransactionKind
) -> None:
    charge = retrieve(gateway, REMOTE)
    child = replace(REMOTE, transaction_id="9002", kind=kind, parent_id="9001", amount=Decimal(5))
    assert retrieve(gateway, child).parent == charge


def test_a_refund_stands_on_no_other_refund(gateway: RecordingGateway) -> None:
    charge = retrieve(gateway, REMOTE)
    refund = replace(REMOTE, transaction_id="9005", kind=TransactionKind.REFUND, parent_id="9001")
    assert retrieve(gateway, refund).parent == charge
    with pytest.raises(InvalidTransactionError) as caught:
        retrieve(gateway, replace(refund, transaction_id="9006", parent_id="9005"))
    assert str(caught.value) == (
        "9006 is a refund, and its original has no row here; retrieve 9005 first."
    )
    assert Transaction.objects.count() == 2


@pytest.mark.parametrize(("parent_id", "first"), [("8000", "8000"), ("", "that one")])
def test_a_refund_of_something_unknown_is_named_with_the_cure(
    gateway: RecordingGateway, parent_id: str, first: str
) -> None:
    remote = replace(REMOTE, kind=TransactionKind.REFUND, parent_id=parent_id)
    with pytest.raises(InvalidTransactionError, match=f"retrieve {first} first"):
        retrieve(gateway, remote)
    assert not Transaction.objects.exists()


# -- A transaction and what follows it -------------------------------------------------------------


def test_a_family_read_again_shows_what_has_changed_and_no_more(charge: Transaction) -> None:
    rows.family_of(charge)
    Transaction.objects.filter(pk=charge.pk).update(status="settled", description="hats")
    charge_read_before = Transaction.objects.get(pk=charge.pk)
    TransactionFactory(kind=TransactionKind.REFUND, parent=charge, price="20.00")
    family = rows.family_of(charge, again=True)
    assert (charge.status, charge.description) == ("settled", "")
    assert charge.updated_at == charge_read_before.updated_at
    assert family.left_to_refund == Decimal("30.00")
    assert rows.family_of(charge).row.description == "hats"


def test_what_follows_a_transaction_comes_in_its_order(charge: Transaction) -> None:
    made = [
        TransactionFactory(kind=TransactionKind.REFUND, parent=charge, price="5.00")
        for _number in range(3)
    ]
    assert rows.family_of(charge).children == tuple(made)


@pytest.mark.parametrize("lost", ["charged_back", "returned"])
def test_of_a_refunded_payment_that_came_back_nothing_is_left(
    charge: Transaction, lost: str
) -> None:
    TransactionFactory(kind=TransactionKind.REFUND, parent=charge, price="20.00")
    Transaction.objects.filter(pk=charge.pk).update(status=lost)
    left = rows.family_of(charge, again=True).left_to_refund
    assert str(left) == "0.00"
