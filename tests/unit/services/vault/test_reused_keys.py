"""An instance whose transaction was rolled back, and whose primary key another row has got."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from django_dinero.exceptions import CardNotFoundError, InvalidInput
from django_dinero.models import CreditCard, Customer, Operation, Transaction
from django_dinero.services.vault.erasure import erase
from tests.support.aging import grow_old
from tests.support.recording import RecordingGateway

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")


ROWS = (Customer, CreditCard, Transaction)


class RolledBackError(Exception):
    """What rolls a transaction back."""


def rolled_back() -> Customer:
    customer = Customer(email="ann@example.com", first_name="Ann")
    with pytest.raises(RolledBackError), transaction.atomic():
        customer.save()
        raise RolledBackError
    return customer


def take_key_of(ann: Customer, card: dict[str, Any]) -> Customer:
    """Store another customer under the same primary key."""
    bob = Customer.create("bob@example.com", **card)
    key = ann.pk
    if bob.pk != key:  # only SQLite gives it out again by itself
        CreditCard.objects.all().update_without_push(default_of=None)
        ann.pk = bob.pk
    return Customer.objects.get(pk=bob.pk)


def test_it_is_saved_as_a_row_of_its_own(gateway: RecordingGateway, card: dict[str, Any]) -> None:
    ann = rolled_back()
    bob = take_key_of(ann, card)
    ann.save()
    assert ann.pk != bob.pk
    stored = Customer.objects.get(pk=bob.pk)
    assert (stored.email, stored.public_id) == ("bob@example.com", bob.public_id)
    assert gateway.bank.customer(bob.customer_id or "").email == "bob@example.com"
    assert gateway.bank.customer(ann.customer_id or "").email == "ann@example.com"


def test_it_is_not_charged(gateway: RecordingGateway, card: dict[str, Any]) -> None:
    ann = rolled_back()
    take_key_of(ann, card)
    mark = gateway.mark
    with pytest.raises(InvalidInput, match="no card"):
        ann.charge("5.00")
    assert gateway.since(mark) == []


def test_a_change_in_a_savepoint_that_was_rolled_back_is_saved_again(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    Customer.create("bob@example.com", **card)
    customer = Customer.objects.get()
    with transaction.atomic():
        customer.first_name = "A"
        customer.save()
        with pytest.raises(RolledBackError), transaction.atomic():
            customer.first_name = "B"
            customer.save()
            raise RolledBackError
    assert customer.first_name == "B"
    customer.save()
    assert Customer.objects.get().first_name == "B"


def test_its_delete_leaves_the_other_row_alone(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    ann = rolled_back()
    bob = take_key_of(ann, card)
    mark = gateway.mark
    assert ann.delete() == (0, {})
    assert Customer.objects.get() == bob
    assert gateway.since(mark) == []


# -- Rows that were stored at the gateway, or read, in what was rolled back ------------------------


@dataclass
class Two:
    """Two customers with a card each. Ann's rows were rolled back, and have the keys of Bob's."""

    ann: Customer
    anns_card: CreditCard
    bob: Customer
    bobs_card: CreditCard


@pytest.fixture
def two(gateway: RecordingGateway, card: dict[str, Any]) -> Two:
    with pytest.raises(RolledBackError), transaction.atomic():
        customer = Customer.create("ann@example.com", first_name="Ann", **card)
        ann = Customer.objects.get(pk=customer.pk)
        anns_card = CreditCard.objects.get(customer=customer)
        raise RolledBackError
    bob = Customer.create("bob@example.com", **card)
    bobs_card = bob.cards[0]
    ann.pk, anns_card.pk, anns_card.customer_pk = bob.pk, bobs_card.pk, bob.pk
    if anns_card.default_of is not None:
        anns_card.default_of = bob.pk
    anns_card.remember_loaded()
    grow_old()
    return Two(ann, anns_card, bob, bobs_card)


def rows(*models: Any) -> list[dict[str, Any]]:
    """All columns of all rows."""
    return [row for model in models for row in model.objects.order_by("pk").values()]


def changed(row: Any, **values: object) -> Any:
    for name, value in values.items():
        setattr(row, name, value)
    return row


NEW: dict[str, Any] = {"number": "5424000000000015", "month": 12, "year": 2060}

REFUSED: dict[str, tuple[Callable[[Two], object], type[Exception]]] = {
    "save": (lambda t: changed(t.ann, email="new@example.com").save(), DatabaseError),
    "refresh_from_db": (lambda t: t.ann.refresh_from_db(), Customer.DoesNotExist),
    "one field": (lambda t: t.ann.refresh_from_db(fields=["email"]), Customer.DoesNotExist),
    "charge": (lambda t: t.ann.charge(5), InvalidInput),
    "charge_on_commit": (lambda t: t.ann.charge_on_commit(5), InvalidInput),
    "charge of a card": (lambda t: t.anns_card.charge(5), InvalidInput),
    "charge of both": (
        lambda t: Transaction.create(5, customer=t.ann, card=t.bobs_card),
        InvalidInput,
    ),
    "add_card": (lambda t: t.ann.add_card(**NEW), InvalidInput),
    "add_card of a new one": (
        lambda t: changed(t.ann, customer_id=None).add_card(**NEW),
        InvalidInput,
    ),
    "card.save": (lambda t: changed(t.anns_card, zip="9").save(), DatabaseError),
    "card.save as the default": (
        lambda t: changed(t.anns_card, is_default=True).save(),
        DatabaseError,
    ),
    "card.save of a number": (lambda t: changed(t.anns_card, **NEW).save(), CardNotFoundError),
    "card.refresh_from_db": (lambda t: t.anns_card.refresh_from_db(), CreditCard.DoesNotExist),
}


@pytest.mark.parametrize(("verb", "error"), REFUSED.values(), ids=REFUSED)
def test_nothing_is_done_to_the_other_rows(
    verb: Callable[[Two], object], error: type[Exception], two: Two, gateway: RecordingGateway
) -> None:
    before, mark = rows(*ROWS), gateway.mark
    with pytest.raises(error):
        verb(two)
    assert gateway.since(mark) == []
    assert rows(*ROWS) == before
    assert two.ann.email != "bob@example.com"


@pytest.mark.parametrize("name", ["ann", "anns_card"])
def test_a_delete_leaves_the_other_rows_alone(
    name: str, two: Two, gateway: RecordingGateway
) -> None:
    before, mark = rows(*ROWS), gateway.mark
    assert getattr(two, name).delete() == (0, {})
    assert gateway.since(mark) == []
    assert rows(*ROWS) == before


def test_a_delete_of_what_was_created_in_bulk_leaves_the_other_row_alone(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    ann = Customer(email="ann@example.com")
    with pytest.raises(RolledBackError), transaction.atomic():
        Customer.objects.bulk_create([ann])
        raise RolledBackError
    bob = take_key_of(ann, card)
    assert ann.delete() == (0, {})
    assert Customer.objects.get() == bob


def test_erasing_leaves_the_other_rows_alone(two: Two, gateway: RecordingGateway) -> None:
    paid = two.bob.charge(5, description="for Bob")
    bobs = Operation.objects.filter(customer_id=two.bob.customer_id).order_by("pk")
    before, intents = rows(*ROWS), list(bobs.values_list("intent"))
    erase(two.ann)
    paid.refresh_from_db()
    assert paid.description == "for Bob"
    kept = Operation.objects.get(key=paid.operation_key)
    assert (kept.intent["description"], kept.intent["customer_pk"]) == ("for Bob", two.bob.pk)
    assert rows(*ROWS) == before
    assert list(bobs.values_list("intent")) == intents


def test_what_the_gateway_has_of_it_becomes_a_row_of_its_own(two: Two) -> None:
    two.ann.refresh_from_gateway()
    assert (two.ann.email, two.ann.first_name) == ("ann@example.com", "Ann")
    made = Customer.objects.get(email="ann@example.com")
    assert (made.customer_id, made.pk == two.bob.pk) == (two.ann.customer_id, False)
    assert Customer.objects.get(pk=two.bob.pk).email == "bob@example.com"


def test_an_instance_that_was_made_with_a_key_becomes_its_row(two: Two) -> None:
    made = Customer(pk=two.bob.pk)
    made.refresh_from_db()
    assert made.public_id == two.bob.public_id


def test_a_new_instance_overwrites_no_row(two: Two) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Customer(pk=two.bob.pk, email="new@example.com").save()
    assert Customer.objects.get(pk=two.bob.pk).email == "bob@example.com"
