"""Pushes: what is sent, what is not, and what a row keeps of a refusal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from django_dinero.enums import ReasonKind
from django_dinero.exceptions import (
    CardNotFoundError,
    CustomerNotFoundError,
    DuplicateCustomerError,
    GatewayError,
    OutcomeUnknown,
)
from django_dinero.gateways.types import CustomerRequest, Reason, Refusal
from django_dinero.models import CreditCard, Customer, Operation
from django_dinero.services.vault import push
from tests.support.aging import grow_old
from tests.support.cards import SECOND
from tests.support.racing import before_statement
from tests.support.recording import RecordingGateway, answer, refuse_connection

pytestmark = pytest.mark.django_db

Make = Callable[..., Customer]


def refusal(kind: ReasonKind, text: str = "no", existing_id: str = "") -> Refusal:
    return Refusal((Reason(kind, "E1", text),), existing_id=existing_id)


# -- What needs no call ----------------------------------------------------------------------------


def test_a_customer_edited_there_and_back_is_not_sent(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    for email in ("other@example.com", customer.email):
        Customer.objects.update(email=email)
    mark = gateway.mark
    push.push_customer(customer.pk)
    customer.refresh_from_db()
    assert gateway.since(mark) == []
    assert (customer.sync_state, customer.synced_version) == ("synced", customer.version)


def test_a_card_edited_there_and_back_is_not_sent(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    row = make_customer().cards[0]
    for zip_code in ("99999", row.zip):
        CreditCard.objects.update(zip=zip_code)
    mark = gateway.mark
    push.push_card(row.pk)
    row.refresh_from_db()
    assert gateway.since(mark) == []
    assert (row.sync_state, row.synced_version) == ("synced", row.version)


def test_rows_that_are_gone_or_synced_are_left_alone(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    mark = gateway.mark
    push.push_customer(customer.pk)
    push.push_customer(0)
    push.push_card(0)
    assert gateway.since(mark) == []


def test_a_row_that_never_stands_still_is_left_waiting(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    count = 0

    def edited(call: Callable[[], Any]) -> Any:
        nonlocal count
        count += 1
        Customer.objects.update(email=f"n{count}@example.com")
        gateway.faults["update_customer"] = edited
        return call()

    gateway.faults["update_customer"] = edited
    customer.email = "first@example.com"
    customer.save()
    assert (count, customer.sync_state) == (push.MAX_PUSHES, "pending")


# -- Customers -------------------------------------------------------------------------------------


def stored(gateway: RecordingGateway, key: str) -> str:
    """A customer that the gateway has, with this key of ours."""
    created = gateway.create_customer(
        CustomerRequest(operation_key="o", customer_key=key, email="a@b.co")
    )
    return str(created.customer_id)  # type: ignore[union-attr]


def test_a_duplicate_with_our_own_key_is_the_customer(gateway: RecordingGateway) -> None:
    customer = Customer(email="bill@example.com")
    existing = stored(gateway, customer.customer_key)
    gateway.faults["create_customer"] = answer(
        refusal(ReasonKind.DUPLICATE_CUSTOMER, existing_id=existing)
    )
    customer.save()
    assert (customer.customer_id, customer.sync_state) == (existing, "synced")
    assert [each.state for each in Operation.objects.all()] == ["succeeded", "succeeded"]
    assert gateway.bank.customer(existing).email == "bill@example.com"  # it had another one


def test_a_duplicate_that_cannot_be_looked_at_is_unknown(gateway: RecordingGateway) -> None:
    gateway.faults["create_customer"] = answer(
        refusal(ReasonKind.DUPLICATE_CUSTOMER, existing_id="912300501")
    )
    gateway.faults["retrieve_customer"] = refuse_connection
    with pytest.raises(OutcomeUnknown):
        Customer.create("bill@example.com")
    assert Operation.objects.get().is_open


@pytest.mark.parametrize("known", [True, False])
def test_a_duplicate_of_a_stranger_is_refused_with_its_id(
    gateway: RecordingGateway, known: bool
) -> None:
    existing = stored(gateway, "somebody-else") if known else ""
    gateway.faults["create_customer"] = answer(
        refusal(ReasonKind.DUPLICATE_CUSTOMER, "E00039", existing_id=existing)
    )
    customer = Customer(email="bill@example.com")
    with pytest.raises(DuplicateCustomerError) as caught:
        customer.save()
    assert caught.value.customer_id == existing
    assert (customer.customer_id, customer.sync_state) == (None, "error")
    operation = Operation.objects.get()
    assert (operation.state, operation.held_lock) == ("declined", None)
    assert operation.outcome == {
        "error": "E00039",
        "code": "duplicate_customer",
        "gateway_code": "E1",
    }


def test_a_customer_that_the_gateway_lost_is_marked_as_missing(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    gateway.faults["update_customer"] = answer(refusal(ReasonKind.CUSTOMER_NOT_FOUND, "gone"))
    customer.email = "new@example.com"
    with pytest.raises(CustomerNotFoundError):
        customer.save()
    assert (customer.sync_state, customer.sync_error) == ("missing", "gone")
    mark = gateway.mark
    push.push_customer(customer.pk)
    assert gateway.since(mark) == []


def test_the_cards_of_a_customer_that_the_gateway_lost_are_missing_too(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    """All but one whose edit waits: its own push finds out."""
    customer = make_customer()
    edited = customer.add_card(**SECOND)
    CreditCard.objects.filter(pk=edited.pk).update(zip="99999")
    other = make_customer(email="other@example.com")
    grow_old()
    gateway.bank.delete_customer(customer.customer_id or "")
    customer = Customer.objects.get(pk=customer.pk)
    customer.email = "new@example.com"
    for ask in (customer.save, lambda: Customer.retrieve(customer.customer_id or "")):
        with pytest.raises(CustomerNotFoundError):
            ask()
        cards = CreditCard.objects.filter(customer=customer.pk).order_by("pk")
        states = list(cards.values_list("sync_state", "default_of"))
        assert states == [("missing", None), ("pending", None)]
    assert Customer.objects.get(pk=customer.pk).sync_error
    assert [card.sync_state for card in other.cards] == ["synced"]


# -- Cards -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "error", "state"),
    [
        (ReasonKind.CARD_NOT_FOUND, CardNotFoundError, "missing"),
        (ReasonKind.GATEWAY_ERROR, GatewayError, "error"),
    ],
)
def test_a_refused_card_keeps_what_was_typed_and_the_reason(
    gateway: RecordingGateway,
    make_customer: Make,
    kind: ReasonKind,
    error: type[GatewayError],
    state: str,
) -> None:
    row = make_customer().cards[0]
    gateway.faults["update_card"] = answer(refusal(kind, "card 4111111111111111 is odd"))
    row.zip = "99999"
    with pytest.raises(error):
        row.save()
    row.refresh_from_db()
    assert (row.zip, row.sync_state) == ("99999", state)
    assert row.sync_error == "card [secret] is odd"


def test_a_change_that_meets_a_push_with_nothing_left_is_pushed(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    """It leaves its change to whoever has the lock, who has read the row a moment before."""
    pk = make_customer().pk
    Customer.objects.filter(pk=pk).update(email="waits@example.com")

    def pushed_elsewhere() -> None:
        Customer.objects.update_without_push(sync_state="synced")

    def changed() -> None:
        customer = Customer.objects.get(pk=pk)
        customer.email = "new@example.com"
        customer.save()

    with (
        before_statement("INSERT INTO", pushed_elsewhere, about="dinero_operation"),
        before_statement("UPDATE", changed, about="dinero_operation"),
    ):
        push.push_customer(pk)
    row = Customer.objects.get(pk=pk)
    assert (row.email, row.sync_state) == ("new@example.com", "synced")
    assert gateway.bank.customer(row.customer_id or "").email == "new@example.com"
