"""Instances that are older than what became of their rows."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from django_dinero.exceptions import InvalidInput, InvalidTransactionError, NotSent
from django_dinero.identifiers import new_key
from django_dinero.models import CreditCard, Customer, Operation, Transaction
from tests.support.recording import RecordingGateway, refuse_connection

pytestmark = pytest.mark.django_db

KEY = "order-1001-1"


def describe(row: Transaction) -> None:
    row.description = "of another one"
    row.save(update_fields=["description"])


def ask_gateway(row: Transaction) -> None:
    row.refresh_from_gateway()


VERBS: dict[str, Callable[[Transaction], object]] = {
    "void": Transaction.void,
    "refund": Transaction.refund,
    "capture": Transaction.capture,
    "approve": Transaction.approve,
    "decline": Transaction.decline,
    "refresh_from_gateway": ask_gateway,
    "save": describe,
}


@pytest.mark.parametrize("verb", VERBS)
def test_another_transaction_with_the_same_primary_key_is_left_alone(
    gateway: RecordingGateway, make_customer: Any, verb: str
) -> None:
    """A rollback took its row, and the database gave the key to the next one."""
    customer = make_customer()
    stranger = customer.charge("99.00", settle=verb != "capture")
    stale = Transaction.objects.get()
    stale.public_id = uuid.uuid4()
    mark = gateway.mark
    with pytest.raises(InvalidTransactionError, match="has no row any more; retrieve"):
        VERBS[verb](stale)
    assert gateway.since(mark) == []
    stranger.refresh_from_db()
    assert (stranger.status, stranger.description) == ("approved", "")
    with pytest.raises(Transaction.DoesNotExist):
        stale.refresh_from_db()
    assert stale.public_id != stranger.public_id


def test_another_operation_with_the_same_primary_key_is_left_alone(make_customer: Any) -> None:
    key = make_customer().charge(5).operation_key
    Operation.objects.filter(key=key).update(state="needs_attention")
    stale = Operation.objects.get(key=key)
    stale.key = new_key()
    with pytest.raises(Operation.DoesNotExist):
        stale.close(note="Nothing was paid.", by="Ann")
    assert Operation.objects.get(key=key).state == "needs_attention"


def test_all_of_it_is_all_that_its_row_has_by_now(make_customer: Any) -> None:
    """A review has approved another amount since the instance was read."""
    price = "15.00"
    stale = make_customer().charge(20, settle=False)
    Transaction.objects.filter(pk=stale.pk).update(price=price)
    assert stale.capture().price == Decimal(price)
    stale = make_customer(email="ann@example.com").charge(20)
    Transaction.objects.filter(pk=stale.pk).update(price=price)
    assert stale.void().price == Decimal(price)


def test_a_key_is_answered_after_card_and_customer_have_gone(make_customer: Any) -> None:
    customer = make_customer()
    row = customer.cards[0].charge(5, idempotency_key=KEY)
    stale = CreditCard.objects.get()
    customer.delete()
    assert stale.charge(5, idempotency_key=KEY) == row
    with pytest.raises(InvalidInput, match="was deleted"):
        stale.charge(5)


# -- Cards -----------------------------------------------------------------------------------------


@pytest.fixture
def stale(make_customer: Any) -> CreditCard:
    """A card as it was read before what the test does."""
    return CreditCard.objects.get(customer=make_customer())


@pytest.mark.parametrize("by", ["row", "queryset", "customer"])
@pytest.mark.parametrize("cached", [True, False])
def test_a_card_whose_delete_waits_is_not_charged(
    by: str, cached: bool, gateway: RecordingGateway, stale: CreditCard
) -> None:
    if cached:
        assert stale.customer.pk
    deletes: dict[str, Any] = {
        "row": CreditCard.objects.get(pk=stale.pk),
        "queryset": CreditCard.objects.filter(pk=stale.pk),
        "customer": Customer.objects.get(),
    }
    gateway.faults["delete_customer" if by == "customer" else "delete_card"] = refuse_connection
    with pytest.raises(NotSent):
        deletes[by].delete()
    mark = gateway.mark
    with pytest.raises(InvalidInput, match="card: This card was deleted"):
        stale.charge(5)
    assert gateway.since(mark) == []
    assert not Transaction.objects.exists()


def test_a_customer_who_was_deleted_is_not_charged(
    gateway: RecordingGateway, stale: CreditCard
) -> None:
    customer = stale.customer
    assert len(customer.cards) == 1
    Customer.objects.get().delete()
    with pytest.raises(InvalidInput, match="has no card"):
        customer.charge(5)
    assert "charge" not in gateway.verbs


@pytest.mark.parametrize("is_deleted", [True, False])
def test_a_customer_who_is_not_stored_is_told_so(
    gateway: RecordingGateway, stale: CreditCard, is_deleted: bool
) -> None:
    customer = stale.customer if is_deleted else Customer(email="new@example.com")
    if is_deleted:
        customer.delete()
    with pytest.raises(InvalidInput, match="never saved, or has been deleted"):
        customer.charge(5)
    assert "charge" not in gateway.verbs


def test_prefetched_cards_are_not_what_is_charged(
    gateway: RecordingGateway, make_customer: Any
) -> None:
    second = make_customer().add_card(number="5424000000000015", month=12, year=2060)
    customer = Customer.objects.prefetch_related("cards").get()
    second.is_default = True
    second.save()
    assert customer.default_card != second
    assert customer.charge(5).card == second


def test_a_card_that_the_gateway_lost_meanwhile_is_not_charged(
    gateway: RecordingGateway, stale: CreditCard
) -> None:
    CreditCard.objects.update_without_push(sync_state="missing")
    with pytest.raises(InvalidInput, match="no longer has this card"):
        stale.charge(5)
    assert "charge" not in gateway.verbs


def test_the_present_number_is_charged_and_shown(
    gateway: RecordingGateway, stale: CreditCard
) -> None:
    """And the key of the stale instance finds its charge again."""
    old_network_id = stale.charge(4).network_transaction_id
    card = CreditCard.objects.get()
    card.number, card.month, card.year = "5424000000000015", 12, 2060
    card.save()
    row = stale.charge(5, idempotency_key=KEY)
    assert (row.last_4, row.brand) == ("0015", card.brand)
    request = gateway.calls[-1][1][0]
    assert request.network_transaction_id == ""
    assert old_network_id
    assert stale.charge(5, idempotency_key=KEY) == row
    assert gateway.verbs.count("charge") == 2


def test_the_present_owner_and_e_mail_of_its_customer_count(
    gateway: RecordingGateway, stale: CreditCard, django_user_model: Any
) -> None:
    assert stale.customer.email == "bill@example.com"
    customer = Customer.objects.get()
    customer.email, customer.owner = "new@example.com", django_user_model.objects.create(pk=7)
    customer.save()
    row = stale.charge(5)
    assert (row.owner_id, row.customer) == (7, customer)
    assert gateway.calls[-1][1][0].email == "new@example.com"
