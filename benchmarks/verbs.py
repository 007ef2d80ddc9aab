"""What the floor is compared on: our verbs, the same by hand, and which stands beside which."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from benchmarks import by_hand
from benchmarks.bodies import AMOUNT
from django_dinero.gateways.base import Gateway
from django_dinero.identifiers import new_key
from django_dinero.models import CreditCard, Customer, Transaction

EMAIL = "bill@example.com"
CARD: dict[str, Any] = {"number": "4111111111111111", "cvv": "900", "month": 12, "year": 2035}
ADDRESS: dict[str, Any] = {
    "address": "123 Elm St",
    "city": "Denver",
    "state": "CO",
    "zip": "80202",
    "country": "US",
}


@dataclass(frozen=True, slots=True)
class Shop:
    """What the verbs work on.

    Args:
        gateway: where the card is stored.
        card: an instance whose customer is loaded; every charge is of this one.
        settle: lets the bank pay out what was taken so far.
    """

    gateway: Gateway
    card: CreditCard
    settle: Callable[[], object]


@dataclass(frozen=True, slots=True)
class Verb:
    """One side of a comparison.

    Args:
        call: is measured: a whole call, from the caller's arguments to the row that is returned.
        follows: what it follows: a charge, an authorization, or nothing.
        settled: whether the bank has paid that out.
    """

    call: Callable[[Shop, Any], object]
    follows: Literal["", "charge", "authorization"] = ""
    settled: bool = False


def open_shop(gateway: Gateway, settle: Callable[[], object]) -> Shop:
    """Store a customer with a card and make the first charge of it, which comes only once."""
    customer = Customer.create(EMAIL, gateway_name=gateway.name, **CARD, **ADDRESS)
    card = customer.cards[0]
    assert card.customer == customer
    Transaction.create(AMOUNT, card=card)
    return Shop(gateway, card, settle)


def originals(shop: Shop, verb: Verb, count: int) -> Sequence[Any]:
    """Make what some calls of a verb follow, one for each; Nones if it follows nothing.

    Settling settles whatever is there: what must not be settled is made after what must.
    """
    if not verb.follows:
        return [None] * count
    capture = verb.follows == "charge"
    made = [by_hand.charge(shop.gateway, shop.card, AMOUNT, capture=capture) for _ in range(count)]
    if verb.settled:
        shop.settle()
    return rows([row.pk for row in made])


def rows(pks: Sequence[int]) -> list[Transaction]:
    """Return instances as a view would read them."""
    found = Transaction.objects.in_bulk(pks)
    return [found[pk] for pk in pks]


VERBS = {
    "charge": Verb(lambda shop, _: Transaction.create(AMOUNT, card=shop.card)),
    "charge_with_key": Verb(
        lambda shop, _: Transaction.create(AMOUNT, card=shop.card, idempotency_key=new_key())
    ),
    "capture": Verb(lambda shop, row: row.capture(), "authorization"),
    "void": Verb(lambda shop, row: row.void(), "charge"),
    "refund": Verb(lambda shop, row: row.refund(), "charge", settled=True),
    "customer": Verb(
        lambda shop, _: Customer.create(EMAIL, gateway_name=shop.gateway.name, **CARD, **ADDRESS)
    ),
}
BY_HAND = {
    "charge": Verb(lambda shop, _: by_hand.charge(shop.gateway, shop.card, AMOUNT)),
    "capture": Verb(lambda shop, row: by_hand.capture(shop.gateway, row), "authorization"),
    "void": Verb(lambda shop, row: by_hand.void(shop.gateway, row), "charge"),
    "refund": Verb(lambda shop, row: by_hand.refund(shop.gateway, row), "charge", settled=True),
    "refund_after_asking": Verb(
        lambda shop, row: by_hand.refund_after_asking(shop.gateway, row), "charge", settled=True
    ),
    "customer": Verb(
        lambda shop, _: by_hand.create_customer(shop.gateway, EMAIL, **CARD, **ADDRESS)
    ),
}
#: By side and name.
CONTESTANTS = {
    **{("ours", name): verb for name, verb in VERBS.items()},
    **{("by hand", name): verb for name, verb in BY_HAND.items()},
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """A verb of ours, the one by hand that it is compared with, and the most it may cost."""

    title: str
    ours: str
    by_hand: str
    limit: float | None = None


COMPARISONS = (
    Comparison("charge a stored card", "charge", "charge", 2.2),
    Comparison("the same with an idempotency key", "charge_with_key", "charge"),
    Comparison("capture", "capture", "capture", 2.5),
    Comparison("void", "void", "void", 2.5),
    Comparison("refund of a settled charge", "refund", "refund", 3.0),
    Comparison("the same, if it is asked by hand too", "refund", "refund_after_asking"),
    Comparison("customer with a card", "customer", "customer", 2.0),
)
