"""What there is before a verb, on both sides."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from django_dinero.exceptions import HeldForReview, NotSent, OutcomeUnknown
from django_dinero.models import CreditCard, Customer, Transaction
from tests.breaking.clock import let_time_pass
from tests.breaking.verbs import first_customer
from tests.support.aging import grow_old
from tests.support.recording import RecordingGateway, lose_reply, refuse_connection

CARD: dict[str, Any] = {"number": "4111111111111111", "month": "12", "year": "2040", "zip": "12345"}
OTHER_CARD: dict[str, Any] = {
    "number": "5424000000000015",
    "month": "11",
    "year": "2041",
    "zip": "54321",
}
THIRD_CARD: dict[str, Any] = {
    "number": "378282246310005",
    "month": "10",
    "year": "2042",
    "zip": "11111",
}
KEY = "order-1001-1"


def nothing(gateway: RecordingGateway) -> None:
    """Leave both books empty."""


def customer(gateway: RecordingGateway) -> None:
    """Store a customer with two cards."""
    made = Customer.create("bill@example.com", first_name="Bill", **CARD)
    made.add_card(**OTHER_CARD)
    grow_old()


def charge(gateway: RecordingGateway) -> None:
    """Charge; the bank has not settled it."""
    customer(gateway)
    first_customer().charge("50.00")


def authorization(gateway: RecordingGateway) -> None:
    """Authorize."""
    customer(gateway)
    first_customer().charge("50.00", settle=False)


def settled(gateway: RecordingGateway) -> None:
    """Charge, and let the bank settle it."""
    charge(gateway)
    gateway.bank.settle_batch()
    Transaction.retrieve(Transaction.objects.get().transaction_id or "")


def held(gateway: RecordingGateway) -> None:
    """Charge; the gateway holds it for review."""
    customer(gateway)
    gateway.bank.hold_next()
    with suppress(HeldForReview):
        first_customer().charge("50.00")


def lost_charge(gateway: RecordingGateway) -> None:
    """Charge under a key; the answer was lost some time ago."""
    customer(gateway)
    gateway.faults["charge"] = lose_reply
    with suppress(OutcomeUnknown):
        first_customer().charge("20.00", idempotency_key=KEY)
    let_time_pass()


def lost_refund(gateway: RecordingGateway) -> None:
    """Refund a part; the answer was lost some time ago."""
    settled(gateway)
    gateway.faults["refund"] = lose_reply
    with suppress(OutcomeUnknown):
        Transaction.objects.get().refund("30.00", idempotency_key=KEY)
    let_time_pass()


def open_ends(gateway: RecordingGateway) -> None:
    """Leave open what a bad day leaves: a lost charge, an edit and a delete that wait."""
    customer(gateway)
    gateway.faults["charge"] = lose_reply
    with suppress(OutcomeUnknown):
        first_customer().charge("50.00")
    gateway.faults["update_customer"] = refuse_connection
    row = first_customer()
    row.email = "fred@example.com"
    with suppress(NotSent):
        row.save()
    gateway.faults["delete_card"] = refuse_connection
    with suppress(NotSent):
        CreditCard.objects.order_by("pk")[1].delete()
    let_time_pass()
