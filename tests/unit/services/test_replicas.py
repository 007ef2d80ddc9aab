"""What money hangs on is read from the database that is written to, never from a replica."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from django.contrib.auth import get_user_model

from django_dinero.exceptions import OutcomeUnknown
from django_dinero.models import CreditCard, Customer, Operation, Transaction
from tests.support.recording import RecordingGateway, lose_reply

pytestmark = pytest.mark.django_db

OURS = {"Customer", "CreditCard", "Transaction", "Operation"}


class Router:
    """Notes which models would be read from a replica."""

    reads: ClassVar[list[str]] = []

    def db_for_read(self, model: Any, **hints: Any) -> str:
        self.reads.append(model.__name__)
        return "default"

    def db_for_write(self, model: Any, **hints: Any) -> str:
        return "default"


@pytest.fixture
def replica(customer: Customer, settings: Any) -> type[Router]:
    """A router from here on; the customer has been read before."""
    Router.reads.clear()
    settings.DATABASE_ROUTERS = [f"{__name__}.Router"]
    return Router


def test_a_router_is_asked_for_what_a_project_reads(replica: type[Router]) -> None:
    assert Customer.objects.count() == 1
    assert replica.reads == ["Customer"]


def test_a_card_that_is_added(customer: Customer, replica: type[Router]) -> None:
    customer.add_card(number="5424000000000015", month=12, year=2060)
    assert OURS.isdisjoint(replica.reads)


def test_a_new_number(customer: Customer, settings: Any) -> None:
    row = CreditCard.objects.get(customer=customer)
    Router.reads.clear()
    settings.DATABASE_ROUTERS = [f"{__name__}.Router"]
    row.number = "5424000000000015"
    row.save()
    assert OURS.isdisjoint(Router.reads)


@pytest.mark.parametrize("cached", [True, False])
def test_a_charge(cached: bool, customer: Customer, replica: type[Router]) -> None:
    customer.charge(7)
    card = CreditCard.objects.using("default").get()
    if cached:
        assert card.customer.pk
    replica.reads.clear()
    card.charge(7)
    card.charge(8, idempotency_key="order-1-1")
    assert OURS.isdisjoint(replica.reads)


@pytest.mark.parametrize("verb", ["void", "capture"])
def test_what_was_read_from_a_replica_is_followed(
    verb: str, customer: Customer, replica: type[Router]
) -> None:
    """A router that allows no relations between the two: Django refuses to link such a row."""
    row = customer.charge(7, settle=False)
    row._state.db = "replica"
    assert getattr(row, verb)().parent == row


def test_the_default_card(customer: Customer, replica: type[Router]) -> None:
    assert customer.default_card is not None
    assert customer.card_id == customer.default_card.card_id
    assert OURS.isdisjoint(replica.reads)


def test_prefetched_cards_are_the_projects_own_choice(customer: Customer) -> None:
    found = Customer.objects.prefetch_related("cards").get(pk=customer.pk)
    CreditCard.objects.filter(customer=customer).delete()
    assert found.default_card is not None


@pytest.mark.parametrize("with_card", [True, False])
@pytest.mark.parametrize("key", [None, "sign-up-1"])
def test_a_creation(
    with_card: bool, key: str | None, card: dict[str, Any], replica: type[Router]
) -> None:
    given = card if with_card else {}
    made = {Customer.create("b@example.com", idempotency_key=key, **given).pk for _time in range(2)}
    assert len(made) == (2 if key is None else 1)
    assert OURS.isdisjoint(replica.reads)


def test_the_owner_of_a_customer_that_is_found(
    gateway: RecordingGateway, card: dict[str, Any], settings: Any
) -> None:
    owner = get_user_model().objects.create(username="ada")
    gateway.faults["create_customer"] = lose_reply
    with pytest.raises(OutcomeUnknown):
        Customer.create("ada@example.com", owner=owner, **card)
    operation = Operation.objects.get()
    Router.reads.clear()
    settings.DATABASE_ROUTERS = [f"{__name__}.Router"]
    assert operation.look_up().state == "succeeded"
    assert (OURS | {type(owner).__name__}).isdisjoint(Router.reads)
    assert Customer.objects.get().owner == owner


def test_a_card_whose_customer_was_not_read_yet(customer: Customer, replica: type[Router]) -> None:
    number = {"number": "5424000000000015", "month": 12, "year": 2060}
    CreditCard(customer_pk=customer.pk, **number).save()
    assert OURS.isdisjoint(replica.reads)


def test_a_refund(settled: Transaction, replica: type[Router]) -> None:
    settled.refund(5)
    assert OURS.isdisjoint(replica.reads)


def test_a_decision(gateway: RecordingGateway, held: Transaction, settings: Any) -> None:
    Router.reads.clear()
    settings.DATABASE_ROUTERS = [f"{__name__}.Router"]
    held.approve()
    assert OURS.isdisjoint(Router.reads)
