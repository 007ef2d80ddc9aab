"""A request that a proxy delivers twice, where the card is gone by the second time."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from django_dinero.exceptions import CardNotFoundError, NeedsAttention, OutcomeUnknown
from django_dinero.gateways.types import LookupResult
from django_dinero.models import Customer, Operation, Transaction
from django_dinero.services.recovery.lookup import look_up
from tests.support.recording import Fault, RecordingGateway, answer, lose_reply

pytestmark = pytest.mark.django_db

Make = Callable[..., Customer]


@pytest.fixture
def customer(make_customer: Make) -> Customer:
    """A customer with one card."""
    return make_customer()


@pytest.fixture
def twice(gateway: RecordingGateway, customer: Customer) -> Fault:
    """The card is charged and deleted, and the answer is that of the second delivery."""

    def deliver(call: Callable[[], Any]) -> Any:
        call()
        gateway.bank.delete_card(str(customer.customer_id), str(customer.card_id))
        return call()

    return deliver


@pytest.mark.parametrize("settle", [True, False])
def test_a_charge_that_was_made_at_first_is_booked(
    gateway: RecordingGateway, customer: Customer, twice: Fault, settle: bool
) -> None:
    gateway.faults["charge"] = twice
    row = Transaction.create("5.00", customer=customer, settle=settle)
    (entry,) = gateway.bank.transactions()
    assert (row.status, row.transaction_id, row.price) == ("approved", entry.id, Decimal(5))
    assert Operation.objects.get(key=row.operation_key).state == "succeeded"


def test_a_charge_that_was_never_made_has_failed(
    gateway: RecordingGateway, customer: Customer
) -> None:
    gateway.bank.delete_card(str(customer.customer_id), str(customer.card_id))
    with pytest.raises(CardNotFoundError):
        Transaction.create("5.00", customer=customer)
    assert gateway.verbs[-2:] == ["charge", "find_operation"]
    assert Transaction.objects.get().status == "failed"


def test_books_that_cannot_be_searched_leave_the_gateways_word(
    gateway: RecordingGateway, customer: Customer
) -> None:
    gateway.bank.delete_card(str(customer.customer_id), str(customer.card_id))
    gateway.faults["find_operation"] = answer(LookupResult(complete=False))
    with pytest.raises(CardNotFoundError):
        Transaction.create("5.00", customer=customer)


def explode(call: Callable[[], Any]) -> Any:
    """A backend that breaks."""
    raise RuntimeError("broken")


@pytest.mark.parametrize("fault", [lose_reply, explode])
def test_books_that_do_not_answer_leave_it_unknown(
    gateway: RecordingGateway, customer: Customer, twice: Fault, fault: Fault
) -> None:
    gateway.faults |= {"charge": twice, "find_operation": fault}
    with pytest.raises(OutcomeUnknown) as caught:
        Transaction.create("5.00", customer=customer)
    operation = caught.value.operation
    assert operation.state == "unknown"
    assert look_up(operation).state == "succeeded"
    assert Transaction.objects.get().status == "approved"


def test_two_charges_under_one_key_need_a_person(
    gateway: RecordingGateway, customer: Customer, twice: Fault
) -> None:
    def doubled(call: Callable[[], Any]) -> LookupResult:
        (match,) = call().matches
        return LookupResult((match, match))

    gateway.faults |= {"charge": twice, "find_operation": doubled}
    with pytest.raises(NeedsAttention) as caught:
        Transaction.create("5.00", customer=customer)
    assert caught.value.operation.state == "needs_attention"
    assert not Transaction.objects.exists()


def test_one_of_another_amount_is_left_to_a_person_by_its_own_worker(
    gateway: RecordingGateway, customer: Customer, twice: Fault
) -> None:
    def change(call: Callable[[], Any]) -> Any:
        gateway.bank.store.execute("UPDATE ledger SET amount = '3.00', settled_amount = '3.00'")
        return call()

    gateway.faults |= {"charge": twice, "find_operation": change}
    with pytest.raises(NeedsAttention):
        Transaction.create("5.00", customer=customer)
    (entry,) = gateway.bank.transactions()
    operation = Operation.objects.get(kind="charge")
    assert (operation.state, operation.outcome["transaction_id"]) == ("needs_attention", entry.id)
