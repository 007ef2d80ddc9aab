"""Rows of the factories: they hold the constraints, count as synced, and ask no gateway."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import call_command

from django_dinero.gateways.registry import get_gateway
from django_dinero.gateways.sandbox import SandboxGateway
from django_dinero.models import CreditCard, Customer, Operation, Transaction
from django_dinero.models.operation import LOCKING_STATES, OperationState
from django_dinero.models.sync_state import SyncState
from django_dinero.sandbox.bank.bank import Bank
from django_dinero.testing.factories import (
    CreditCardFactory,
    CustomerFactory,
    OperationFactory,
    TransactionFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def bank(settings: Any) -> Iterator[Bank]:
    """A bank that must stay empty."""
    entry = {"BACKEND": "django_dinero.gateways.sandbox.SandboxGateway"}
    settings.DINERO = {"GATEWAYS": {"default": entry, "other": entry}}
    gateway = get_gateway()
    assert isinstance(gateway, SandboxGateway)
    yield gateway.bank
    assert list(gateway.iter_customers()) == []


def as_stored(row: Any) -> Any:
    return type(row)._default_manager.get(pk=row.pk)


@pytest.mark.parametrize("factory", [CustomerFactory, CreditCardFactory])
def test_a_row_counts_as_synced(factory: Any) -> None:
    row = as_stored(factory())
    assert row.sync_state == SyncState.SYNCED
    assert row.synced_digest == row.pushed_digest()
    assert (row.synced_version, row.version) == (1, 1)
    assert not Operation.objects.exists()


@pytest.mark.parametrize("factory", [CustomerFactory, CreditCardFactory])
def test_saving_it_unchanged_pushes_nothing(factory: Any) -> None:
    row = as_stored(factory())
    row.save()
    row.refresh_from_db()
    assert row.sync_state == SyncState.SYNCED
    assert not Operation.objects.exists()


def test_a_row_that_waits_to_be_pushed() -> None:
    row = as_stored(CustomerFactory(sync_state=SyncState.PENDING, version=3, synced_version=2))
    assert (row.sync_state, row.version, row.synced_version) == (SyncState.PENDING, 3, 2)
    new = as_stored(CustomerFactory(customer_id=None, sync_state=SyncState.PENDING))
    assert new.customer_id is None


def test_a_customer_with_cards() -> None:
    customer = CustomerFactory(email="ann@example.com", gateway_name="other")
    first = CreditCardFactory(customer=customer)
    second = CreditCardFactory(customer=customer, last_4="0015", is_default=True)
    assert as_stored(customer).email == "ann@example.com"
    assert [card.pk for card in customer.cards] == [first.pk, second.pk]
    assert customer.default_card == second
    assert as_stored(second).is_default is True
    assert as_stored(first).is_default is False
    assert {(c.gateway_name, c.customer_id) for c in (first, second)} == {
        ("other", customer.customer_id)
    }


def test_an_expired_card() -> None:
    assert as_stored(CreditCardFactory(month=1, year=2020)).year == 2020


def test_many_rows_do_not_collide() -> None:
    CreditCardFactory.create_batch(20, is_default=True)
    assert Customer.objects.count() == CreditCard.objects.count() == 20
    TransactionFactory.create_batch(20)
    OperationFactory.create_batch(20)
    assert Transaction.objects.count() == Operation.objects.count() == 20


def test_building_writes_nothing() -> None:
    card = CreditCardFactory.build(is_default=True)
    assert card.customer.email
    assert TransactionFactory.build().price == Decimal("12.50")
    assert not Customer.objects.exists()


def test_a_transaction() -> None:
    row = as_stored(TransactionFactory(price="5"))
    assert (row.kind, row.status, row.price, row.currency) == ("charge", "approved", 5, "USD")
    assert (row.customer, row.card, row.customer_id, row.card_id) == (None, None, "", "")
    assert len(row.operation_key) == 20


def test_the_transaction_of_a_card() -> None:
    card = CreditCardFactory(last_4="0015", brand="mastercard")
    row = as_stored(TransactionFactory(card=card))
    assert (row.card, row.customer) == (card, card.customer)
    assert (row.customer_id, row.card_id) == (card.customer_id, card.card_id)
    assert (row.last_4, row.brand) == ("0015", "mastercard")
    only = TransactionFactory(customer=card.customer)
    assert (only.customer_id, only.card_id) == (card.customer_id, "")


@pytest.mark.parametrize(
    ("trait", "kind", "status", "parent"),
    [
        ("authorization", "authorization", "approved", None),
        ("settled", "charge", "settled", None),
        ("declined", "charge", "declined", None),
        ("held", "charge", "held", None),
        ("capture", "capture", "approved", ("authorization", "approved")),
        ("void", "void", "approved", ("charge", "voided")),
        ("refund", "refund", "approved", ("charge", "settled")),
    ],
)
def test_traits(trait: str, kind: str, status: str, parent: tuple[str, str] | None) -> None:
    row = as_stored(TransactionFactory(**{trait: True}))
    assert (row.kind, row.status) == (kind, status)
    assert (row.parent and (row.parent.kind, row.parent.status)) == parent


def test_a_refund_of_a_charge() -> None:
    charge = TransactionFactory(settled=True)
    TransactionFactory(refund=True, parent=charge, price="5")
    assert charge.refunded_amount == 5


@pytest.mark.parametrize("state", OperationState.values)
def test_operations_of_every_state(state: str) -> None:
    row = as_stored(OperationFactory(state=state))
    assert row.state == state
    assert (row.held_lock is not None) is (row.state in LOCKING_STATES)
    assert row.idempotency_key is None


def test_a_dump_of_them_can_be_loaded(tmp_path: Any) -> None:
    card = CreditCardFactory(is_default=True)
    path = tmp_path / "rows.json"
    call_command("dumpdata", "dinero", output=str(path), verbosity=0)
    call_command("loaddata", str(path), verbosity=0)
    assert as_stored(card).sync_state == SyncState.SYNCED
