"""What ``make serve`` shows: sign-ins, a few customers with cards, and money that moved."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.utils import timezone

from django_dinero.exceptions import CardDeclinedError
from django_dinero.models import Customer, Transaction

#: The administrator, and a customer who sees the own rows alone; the password is the name.
STAFF, SHOPPER = "demo", "bill"
GATEWAY = "authorizenet"
#: A gateway whose bank is in the web server's own process.
IN_PROCESS = "default"
YEAR = timezone.now().year + 2
EXPIRY: dict[str, Any] = {"month": 12, "year": YEAR, "cvv": "900"}
DENVER: dict[str, Any] = {
    "address": "123 Elm St",
    "city": "Denver",
    "state": "CO",
    "zip": "80202",
    "country": "US",
}
BOSTON: dict[str, Any] = {
    "address": "9 Oak Ave",
    "city": "Boston",
    "state": "MA",
    "zip": "02108",
    "country": "US",
}


def sign_ins() -> None:
    """Create the users that are missing; those that are there keep their passwords."""
    users = get_user_model()
    if not users.objects.filter(username=STAFF).exists():
        users.objects.create_superuser(STAFF, f"{STAFF}@example.com", STAFF)
    if not users.objects.filter(username=SHOPPER).exists():
        users.objects.create_user(SHOPPER, f"{SHOPPER}@example.com", SHOPPER)


def fill(settle: Callable[[], object]) -> bool:
    """Store and charge, once; say whether there was something to do.

    Args:
        settle: ends the day at the bank behind :data:`GATEWAY`.
    """
    if Customer.objects.exists():
        return False
    shopper = User.objects.get(username=SHOPPER)
    bill, ada = _bill(shopper), _ada()
    paid = Transaction.create("25.00", customer=bill, order_reference="1001")
    refunded = Transaction.create("120.50", customer=ada, order_reference="1002")
    hotel = Transaction.create("80.00", card=bill.cards[1], settle=False, order_reference="1003")
    hotel.settle("60.00")
    settle()
    for row in (paid, refunded):
        Transaction.retrieve(str(row.transaction_id), gateway_name=GATEWAY)
    refunded.refresh_from_db()
    refunded.refund("20.50")
    Transaction.create("7.50", customer=bill, order_reference="1004").void()
    Transaction.create("199.00", customer=ada, settle=False, order_reference="1005")
    _declined()
    grace = Customer.create(
        "grace@example.com",
        gateway_name=IN_PROCESS,
        first_name="Grace",
        last_name="Hopper",
        number="6011000000000012",
        **EXPIRY,
        **BOSTON,
    )
    Transaction.create("42.00", customer=grace, order_reference="1007")
    return True


def _bill(owner: User) -> Customer:
    name: dict[str, Any] = {"first_name": "Bill", "last_name": "Smith"}
    bill = Customer.create(
        "bill@example.com",
        gateway_name=GATEWAY,
        owner=owner,
        number="4111111111111111",
        **name,
        **EXPIRY,
        **DENVER,
    )
    bill.add_card(number="5424000000000015", **name, **EXPIRY, **DENVER)
    return bill


def _ada() -> Customer:
    return Customer.create(
        "ada@example.com",
        gateway_name=GATEWAY,
        first_name="Ada",
        last_name="Lovelace",
        number="370000000000002",
        **(EXPIRY | {"cvv": "9000"}),
        **BOSTON,
    )


def _declined() -> None:
    """A card that its bank declines: the test bank's trigger is the zip code."""
    try:
        Transaction.create(
            Decimal("31.00"),
            gateway_name=GATEWAY,
            number="4007000000027",
            order_reference="1006",
            **EXPIRY,
            **(DENVER | {"zip": "46282"}),
        )
    except CardDeclinedError:
        return
