"""The verbs of a shop."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from django_dinero.models import CreditCard, Customer, Operation, Transaction
from tests.breaking import states
from tests.breaking.states import CARD, KEY, THIRD_CARD
from tests.breaking.verbs import (
    Verb,
    first_card,
    first_customer,
    first_transaction,
    found,
    table,
)
from tests.databases import VENDOR


def edit_customer() -> None:
    """Change an e-mail address."""
    row = first_customer()
    row.email = "fred@example.com"
    row.save()


def edit_card() -> None:
    """Change an address."""
    row = first_card()
    row.zip = "99999"
    row.save()


def renumber() -> None:
    """Put another number in a card's place."""
    row = first_card()
    row.number, row.month, row.year = "4007000000027", 9, 2043
    row.save()


def make_default() -> None:
    """Let another card be the default one."""
    row = found(CreditCard.objects.order_by("-pk").first())
    row.is_default = True
    row.save()


def edit_both() -> None:
    """Change a customer and a card in one transaction of the caller's."""
    with transaction.atomic():
        row = first_customer()
        row.first_name = "Fred"
        row.save()
        card = first_card()
        card.address = "1 New St"
        card.save()


def charge_on_commit() -> Any:
    """Charge right after the caller's commit."""
    with transaction.atomic():
        pending = first_customer().charge_on_commit("20.00", idempotency_key="order-1002-1")
    return pending.transaction


def look_up() -> None:
    """Ask what became of a lost answer."""
    found(Operation.objects.filter(state__in=("sent", "unknown")).first()).look_up()


def charge_inside() -> Any:
    """Charge in the caller's own transaction, whose commit is still to come."""
    with transaction.atomic():
        return first_customer().charge("20.00")


def capture_inside() -> Any:
    """Capture in the caller's own transaction."""
    with transaction.atomic():
        return first_transaction().capture("30.00")


def create_inside() -> Any:
    """Store a customer with a card in the caller's own transaction."""
    with transaction.atomic():
        return Customer.create("bill@example.com", **CARD)


def add_card_inside() -> Any:
    """Store one more card in the caller's own transaction."""
    with transaction.atomic():
        return first_customer().add_card(**THIRD_CARD)


SHOP = [
    *table(
        states.nothing,
        create_customer=lambda: Customer.create("bill@example.com"),
        create_customer_with_card=lambda: Customer.create("bill@example.com", **CARD),
        charge_a_guest=lambda: Transaction.create("20.00", **CARD),
    ),
    *table(
        states.customer,
        charge=lambda: first_customer().charge("20.00"),
        charge_with_key=lambda: first_customer().charge("20.00", idempotency_key=KEY),
        charge_on_commit=charge_on_commit,
        authorize=lambda: first_customer().charge("20.00", settle=False),
        decline=lambda: first_card().charge("20.00", cvv="901"),
        add_card=lambda: first_customer().add_card(**THIRD_CARD),
        edit_customer=edit_customer,
        edit_card=edit_card,
        edit_both=edit_both,
        renumber=renumber,
        make_default=make_default,
        delete_card=lambda: first_card().delete(),
        delete_customer=lambda: first_customer().delete(),
    ),
    *table(
        states.authorization,
        capture=lambda: first_transaction().capture(),
        capture_part=lambda: first_transaction().capture("30.00"),
        void_authorization=lambda: first_transaction().void(),
    ),
    *table(
        states.charge,
        void=lambda: first_transaction().void(),
        refund_unsettled=lambda: first_transaction().refund(),
    ),
    *table(
        states.settled,
        refund=lambda: first_transaction().refund(),
        refund_part=lambda: first_transaction().refund("20.00"),
    ),
    *table(
        states.held,
        approve=lambda: first_transaction().approve(),
        decline_review=lambda: first_transaction().decline(),
    ),
    *table(
        states.lost_charge,
        look_up=look_up,
        charge_again=lambda: first_customer().charge("20.00", idempotency_key=KEY),
    ),
    *table(
        states.lost_refund,
        refund_again=lambda: first_transaction().refund("30.00", idempotency_key=KEY),
        refund_more=lambda: first_transaction().refund("30.00"),
    ),
]

#: With a journal of its own alone: elsewhere money in a transaction is refused before it is sent.
INSIDE: list[Verb] = []
if VENDOR != "sqlite":
    INSIDE = [
        Verb("create_inside", states.nothing, create_inside),
        Verb("add_card_inside", states.customer, add_card_inside),
        Verb("charge_inside", states.customer, charge_inside, rolls_back=True),
        Verb("capture_inside", states.authorization, capture_inside, rolls_back=True),
    ]
