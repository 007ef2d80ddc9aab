"""The keyword arguments of the public verbs, for type checkers and for the check at run time.

A verb takes ``**options: Unpack[...]`` of one of these classes. It refuses every other name, and
its error lists the accepted ones. ``None`` means "not given" everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from django_dinero.cards import PaymentToken
from django_dinero.exceptions import unexpected_keywords
from django_dinero.redaction import Secret

if TYPE_CHECKING:
    from django_dinero.models.card import CreditCard
    from django_dinero.models.customer import Customer

OptionalText = str | None
SecretText = str | int | Secret | None
Initiator = Literal["customer", "merchant"]


class KeyOptions(TypedDict, total=False):
    """The caller's idempotency key. It is unique within ``scope``."""

    idempotency_key: OptionalText
    scope: OptionalText


class AddressOptions(TypedDict, total=False):
    """A card's billing name and address."""

    first_name: OptionalText
    last_name: OptionalText
    company: OptionalText
    address: OptionalText
    city: OptionalText
    state: OptionalText
    zip: OptionalText
    country: OptionalText
    phone: OptionalText
    fax: OptionalText


class CardOptions(AddressOptions, total=False):
    """A card that is not stored yet: a number with its expiry date, or a token instead."""

    number: SecretText
    cvv: SecretText
    month: int | str | None
    year: int | str | None
    token: str | Secret | PaymentToken | None


class NewCardOptions(CardOptions, total=False):
    """A card to be stored for a customer."""

    is_default: bool | None


class CustomerOptions(CardOptions, KeyOptions, total=False):
    """A customer, with a first card if its fields are given."""

    owner: Any
    one_per_owner: bool | None


class MadeByOptions(TypedDict, total=False):
    """Who asks for it, for the record: a user, or the name of a person or program."""

    by: Any


class PaymentOptions(KeyOptions, MadeByOptions, total=False):
    """Options that every charge and authorization accepts."""

    settle: bool | None
    currency: OptionalText
    cvv: SecretText
    email: OptionalText
    order_reference: OptionalText
    pays_order: bool | None
    description: OptionalText
    customer_ip: OptionalText
    initiator: Initiator | None
    owner: Any


class ChargeOptions(CardOptions, PaymentOptions, total=False):
    """A charge or authorization of a stored card, a new card or a token."""

    customer: Customer | None
    card: CreditCard | None
    gateway_name: OptionalText


class FollowUpOptions(KeyOptions, MadeByOptions, total=False):
    """A capture, void, refund, or the decision about a held payment."""

    description: OptionalText


def names_of(options: type[Any]) -> frozenset[str]:
    """Return the names that a verb with these options accepts."""
    return frozenset(options.__annotations__)


def refuse_unknown(given: Mapping[str, Any], accepted: frozenset[str]) -> None:
    """Raise a TypeError that lists the accepted arguments if others were given."""
    unknown = set(given) - accepted
    if unknown:
        raise unexpected_keywords(unknown, set(accepted))
