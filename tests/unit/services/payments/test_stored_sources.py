"""What a stored card or a customer stands for: its gateway, and the same order after a change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from django_dinero.enums import ReasonKind, ResultStatus
from django_dinero.exceptions import GatewayError, IdempotencyKeyReused, InvalidInput
from django_dinero.gateways.registry import get_gateway
from django_dinero.gateways.types import Reason, TransactionResult
from django_dinero.models import CreditCard, Customer, Operation, Transaction
from tests.support.recording import RecordingGateway, answer

pytestmark = pytest.mark.django_db

Make = Callable[..., Customer]
KEY = "order-1001"
BACKEND = "tests.support.recording.RecordingGateway"


@pytest.fixture
def old(gateway: RecordingGateway, settings: Any) -> RecordingGateway:
    """A second gateway."""
    entries = {name: {"BACKEND": BACKEND} for name in ("default", "old")}
    settings.DINERO = {**settings.DINERO, "GATEWAYS": entries}
    found = get_gateway("old")
    assert isinstance(found, RecordingGateway)
    return found


@pytest.mark.parametrize("named", ["customer", "card"])
@pytest.mark.parametrize("given", [{}, {"gateway_name": "old"}])
def test_a_stored_card_is_charged_where_it_is_stored(
    old: RecordingGateway, make_customer: Make, named: str, given: dict[str, Any]
) -> None:
    customer = make_customer(gateway_name="old")
    sources: dict[str, Any] = {"customer": customer, "card": customer.cards[0]}
    row = Transaction.create(5, **{named: sources[named]}, **given)
    assert (row.gateway_name, old.verbs[-1]) == ("old", "charge")
    operation = Operation.objects.get(kind="charge")
    assert operation.gateway_name == "old"
    assert operation.transaction_id == row.transaction_id


def test_a_customer_is_the_same_order_after_the_default_has_changed(
    gateway: RecordingGateway, customer: Customer
) -> None:
    first = Transaction.create(5, customer=customer, idempotency_key=KEY)
    customer.add_card(number="4007000000027", is_default=True)
    again = Transaction.create(
        5, customer=Customer.objects.get(pk=customer.pk), idempotency_key=KEY
    )
    assert (again, again.last_4) == (first, "1111")
    assert gateway.verbs.count("charge") == 1


def test_a_customer_is_the_same_order_after_the_last_card_has_gone(
    gateway: RecordingGateway, customer: Customer
) -> None:
    first = Transaction.create(5, customer=customer, idempotency_key=KEY)
    CreditCard.objects.get().delete()
    bare = Customer.objects.get(pk=customer.pk)
    assert Transaction.create(5, customer=bare, idempotency_key=KEY) == first
    with pytest.raises(InvalidInput, match=r"Store one with customer\.add_card") as refused:
        Transaction.create(5, customer=bare, idempotency_key="order-1002")
    assert refused.value.user_message == "There is no card to pay with."
    assert gateway.verbs.count("charge") == 1


@pytest.mark.parametrize(
    "change", [{"number": "5424000000000015", "month": "12", "year": "2031"}, {"brand": "other"}]
)
def test_a_card_is_the_same_order_after_its_number_has_changed(
    gateway: RecordingGateway, make_customer: Any, change: dict[str, str]
) -> None:
    """Whoever repeats a charge whose answer was lost must not be told to take a new key."""
    card = make_customer().cards[0]
    row = card.charge(5, idempotency_key="order-1")
    if "brand" in change:
        CreditCard.objects.update_without_push(**change)
    else:
        for name, value in change.items():
            setattr(card, name, value)
        card.save()
    for known in (card, CreditCard.objects.get()):
        again = known.charge(5, idempotency_key="order-1")
        assert (again, again.is_replay) == (row, True)
    assert gateway.verbs.count("charge") == 1


def test_a_number_that_was_replaced_on_the_way_is_the_one_in_the_books(
    gateway: RecordingGateway, customer: Customer
) -> None:
    """Another worker replaces it between our look and the gateway's. Refunds go by its digits."""

    def replaced(call: Callable[[], Any]) -> Any:
        card = CreditCard.objects.get()
        card.number, card.month, card.year = "5555555555554444", 11, 2036
        card.save()
        return call()

    gateway.faults["charge"] = replaced
    row = customer.charge(5)
    assert (row.last_4, row.brand) == ("4444", "mastercard")
    gateway.bank.settle_batch()
    assert row.refund(3).status == "approved"


def test_a_changed_secret_key_makes_no_new_order(
    gateway: RecordingGateway, customer: Customer, settings: Any
) -> None:
    row = customer.charge(5, idempotency_key=KEY)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "a new one"
    assert customer.charge(5, idempotency_key=KEY) == row
    with pytest.raises(IdempotencyKeyReused):
        customer.charge(6, idempotency_key=KEY)


def test_a_card_that_is_named_is_another_order_than_another_card(
    gateway: RecordingGateway, customer: Customer
) -> None:
    first, second = customer.cards[0], customer.add_card(number="4007000000027")
    row = Transaction.create(5, card=first, idempotency_key=KEY)
    with pytest.raises(IdempotencyKeyReused, match="something else was different in that call"):
        Transaction.create(5, card=second, idempotency_key=KEY)
    with pytest.raises(IdempotencyKeyReused):
        Transaction.create(5, customer=customer, idempotency_key=KEY)
    assert Transaction.create(5, customer=customer, card=first, idempotency_key=KEY) == row


@pytest.mark.parametrize(
    ("kind", "verbs"),
    [
        (ReasonKind.GATEWAY_ERROR, ["charge"]),
        (ReasonKind.CARD_NOT_FOUND, ["charge", "find_operation"]),
        (ReasonKind.CUSTOMER_NOT_FOUND, ["charge", "find_operation"]),
    ],
)
def test_only_a_card_that_is_gone_may_have_been_charged_before(
    gateway: RecordingGateway, customer: Customer, kind: ReasonKind, verbs: list[str]
) -> None:
    """The gateway is searched for a first delivery of the charge, and for nothing else."""
    mark = gateway.mark
    gateway.faults["charge"] = answer(
        TransactionResult(ResultStatus.FAILED, reasons=(Reason(kind, "E1", "no"),))
    )
    with pytest.raises(GatewayError):
        Transaction.create(5, customer=customer)
    assert gateway.since(mark) == verbs
