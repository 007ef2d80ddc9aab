"""The keyword arguments of the public verbs: what type checkers see and what runs accept.

A verb takes ``**options: Unpack[...]`` of one of these, and refuses every other name with the list
of those that it knows: the names stand here once. ``None`` means "not given" everywhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypedDict

from django_dinero.cards import PaymentToken
from django_dinero.redaction import Secret

if TYPE_CHECKING:
    from django_dinero.models.card import CreditCard
    from django_dinero.models.customer import Customer

OptionalText = str | None
SecretText = str | int | Secret | None
Initiator = Literal["customer", "merchant"]


class KeyOptions(TypedDict, total=False):
    """The caller's idempotency key, and whose keys are told apart by ``scope``."""

    idempotency_key: OptionalText
    scope: OptionalText


class AddressOptions(TypedDict, total=False):
    """Who and where the bill of a card goes."""

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
    """A card that is not stored yet: a number with its date, or a token in place of both."""

    number: SecretText
    cvv: SecretText
    month: int | str | None
    year: int | str | None
    token: str | Secret | PaymentToken | None


class NewCardOptions(CardOptions, total=False):
    """A card for a customer's vault."""

    is_default: bool | None


class CustomerOptions(CardOptions, KeyOptions, total=False):
    """A customer, with a first card where one is described."""

    owner: Any


class PaymentOptions(KeyOptions, total=False):
    """A charge or an authorization, whatever is charged."""

    settle: bool | None
    currency: OptionalText
    cvv: SecretText
    email: OptionalText
    order_reference: OptionalText
    description: OptionalText
    customer_ip: OptionalText
    initiator: Initiator | None
    owner: Any


class ChargeOptions(CardOptions, PaymentOptions, total=False):
    """What is charged, and how."""

    customer: Customer | None
    card: CreditCard | None
    gateway_name: OptionalText


class FollowUpOptions(KeyOptions, total=False):
    """A capture, void, refund, or the decision about a held payment."""

    description: OptionalText


def names_of(options: type[Any]) -> frozenset[str]:
    """Return the names that a verb with these options accepts."""
    return frozenset(options.__annotations__)
