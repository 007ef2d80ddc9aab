"""What money hangs on is read from the database that is written to, never from a replica."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from django_dinero.models import CreditCard, Customer, Transaction
from tests.support.recording import RecordingGateway

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


def test_a_refund(settled: Transaction, replica: type[Router]) -> None:
    settled.refund(5)
    assert OURS.isdisjoint(replica.reads)


def test_a_decision(gateway: RecordingGateway, held: Transaction, settings: Any) -> None:
    Router.reads.clear()
    settings.DATABASE_ROUTERS = [f"{__name__}.Router"]
    held.approve()
    assert OURS.isdisjoint(Router.reads)
