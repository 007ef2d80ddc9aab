"""Six webhooks in every order, each of them twice: the rows are the same in the end.

Without ``DINERO_TEST_THOROUGH`` two of the six are drawn, and each order begins with one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction

from django_dinero.exceptions import OutcomeUnknown
from django_dinero.gateways.types import WebhookNotice
from django_dinero.models import CreditCard, Customer, Operation, Transaction, WebhookEvent
from django_dinero.sandbox.bank.records import NewCard
from tests.support.recording import RecordingGateway, lose_reply
from tests.support.testbank import MASTERCARD, plain
from tests.support.thoroughness import drawn
from tests.support.webhooks import notice, receive

pytestmark = [pytest.mark.slow, pytest.mark.long, pytest.mark.django_db]


def lost(gateway: RecordingGateway, call: Callable[[], object]) -> str:
    """Charge without an answer; return what the gateway calls it."""
    gateway.faults["charge"] = lose_reply
    with pytest.raises(OutcomeUnknown):
        call()
    return gateway.bank.transactions()[-1].id


@pytest.fixture
def notices(gateway: RecordingGateway, customer: Customer) -> list[WebhookNotice]:
    """A charge and an authorization whose answers were lost, and what followed at the gateway.

    A refund and a capture, in the gateway's own pages; the customer's address; a second card.
    """
    bank, customer_id = gateway.bank, customer.customer_id or ""
    charge = lost(gateway, lambda: Transaction.create(50, customer=customer))
    bank.settle_batch()
    bank.refund(charge, Decimal("20.00"))
    refund = bank.transactions()[-1].id
    authorized = lost(gateway, lambda: Transaction.create(30, customer=customer, settle=False))
    bank.capture(authorized, Decimal("25.00"))
    there = bank.customer(customer_id)
    bank.update_customer(customer_id, key=there.key, email="new@example.com")
    new = bank.add_card(customer_id, NewCard(plain(MASTERCARD), is_default=True))
    return [
        notice("transaction", charge, "charged"),
        notice("transaction", refund, "refunded"),
        notice("transaction", authorized, "authorized"),
        notice("transaction", authorized, "captured"),
        notice("customer", customer_id, "updated"),
        notice("card", new.id, "created", customer_id=customer_id),
    ]


def books() -> dict[str, Any]:
    """All that webhooks may have changed, without what hangs on the moment."""
    parent = "parent__transaction_id"
    return {
        "transactions": sorted(
            Transaction.objects.values_list(
                "kind", "status", "price", "transaction_id", parent, "operation_key"
            ),
            key=repr,
        ),
        "operations": sorted(Operation.objects.values_list("key", "state", "transaction_id")),
        "customers": list(Customer.objects.values_list("email", "sync_state")),
        "cards": sorted(
            CreditCard.objects.values_list("card_id", "last_4", "sync_state", "default_of")
        ),
        "events": sorted(WebhookEvent.objects.values_list("event_id", "state", "attempts")),
    }


class Orders:
    """Goes through all orders as through a tree: what several have in common is done once.

    Attributes:
        ends: the books after each order.
    """

    def __init__(self, gateway: RecordingGateway) -> None:
        self._gateway = gateway
        self.ends: list[tuple[tuple[str, ...], dict[str, Any]]] = []

    def go(
        self,
        left: list[WebhookNotice],
        before: tuple[WebhookNotice, ...] = (),
        *,
        begin_with: Sequence[WebhookNotice] | None = None,
    ) -> None:
        """Receive each of those that are left as the next one, and take everything back."""
        if not left:
            self.ends.append((tuple(told.event_type for told in before), books()))
        for told in left if begin_with is None else begin_with:
            with transaction.atomic():
                assert receive(self._gateway, told) is not None
                # Doubles: of what came first, and of what has just come.
                for double in (*before[:1], told):
                    assert receive(self._gateway, double) is None
                self.go([each for each in left if each is not told], (*before, told))
                transaction.set_rollback(True)


def test_every_order_leads_to_the_same_books(
    gateway: RecordingGateway, notices: list[WebhookNotice]
) -> None:
    orders = Orders(gateway)
    first_ones = drawn(notices, "webhooks")
    orders.go(notices, begin_with=first_ones)
    assert len({order for order, _books in orders.ends}) == 120 * len(first_ones)
    _order, first = orders.ends[0]
    assert [row[:3] for row in first["transactions"]] == [
        ("authorization", "approved", Decimal(30)),
        ("capture", "approved", Decimal(25)),
        ("charge", "settled", Decimal(50)),
        ("refund", "approved", Decimal(20)),
    ]
    assert first["customers"] == [("new@example.com", "synced")]
    assert [card[1:3] for card in first["cards"]] == [("1111", "synced"), ("0015", "synced")]
    assert {state for _key, state, _id in first["operations"]} == {"succeeded"}
    assert [order for order, found in orders.ends if found != first] == []
