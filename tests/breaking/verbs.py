"""What can be broken off: a verb, what there is before it, and what is left after it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from django.db.models import Model

from django_dinero.models import CreditCard, Customer, Transaction
from tests.support.recording import RecordingGateway

Act = Callable[[], Any]
Before = Callable[[RecordingGateway], None]
RowT = TypeVar("RowT", bound=Model)


class GoneError(Exception):
    """What somebody wants to act on has been deleted."""


@dataclass(frozen=True, slots=True)
class Verb:
    """One thing that a shop does, or that is done in the background.

    Attributes:
        before: what there is before.
        act: does it, and returns what the caller is told.
        again: what is repeated after a death, beside reconcile: a command that its timer starts
            once more, a person's second try.
        left: how many lines of each kind a person may be told of in the end, on purpose, by the
            first word of the line.
        holds: yields a line for whatever does not hold in the end, where nobody else has acted.
        roams: whether it finds something to do whatever there is, and so meets every other verb.
        rolls_back: whether its death takes rows whose signals went out. They are written again
            from the journal, and told again.
    """

    name: str
    before: Before
    act: Act
    again: Act | None = None
    left: Mapping[str, int] = field(default_factory=dict)
    holds: Callable[[], Iterable[str]] = tuple
    roams: bool = False
    rolls_back: bool = False


def table(before: Before, **acts: Act) -> list[Verb]:
    """Return the verbs of a shop that find the same before them."""
    return [Verb(name, before, act) for name, act in acts.items()]


def found(row: RowT | None) -> RowT:
    """Return a row.

    Raises:
        GoneError: there is none.
    """
    if row is None:
        raise GoneError
    return row


def first_customer() -> Customer:
    """Return the customer that all verbs act on."""
    return found(Customer.objects.order_by("pk").first())


def first_card() -> CreditCard:
    """Return the card that all verbs act on."""
    return found(CreditCard.objects.order_by("pk").first())


def first_transaction() -> Transaction:
    """Return the payment that all verbs act on."""
    return found(Transaction.objects.order_by("pk").first())
