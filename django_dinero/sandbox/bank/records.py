"""What goes into the test bank and what comes out, in no provider's terms.

Amounts are :class:`~decimal.Decimal` in major units (dollars); times are aware, in UTC.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from django_dinero.enums import RemoteStatus
from django_dinero.redaction import Secret
from django_dinero.sandbox.bank.enums import Check, Outcome, Reason, RowKind, Validation

__all__ = [
    "Account",
    "Action",
    "BankRefusal",
    "Batch",
    "Card",
    "CardSource",
    "Check",
    "Customer",
    "LedgerRow",
    "MaskedCard",
    "NewCard",
    "Order",
    "Outcome",
    "Page",
    "Paging",
    "PaidCard",
    "PlainCard",
    "Reason",
    "ShippingAddress",
    "Subtotal",
    "Token",
    "Validation",
    "VaultCard",
    "Verdict",
]

#: A key of a real account is 128 hex digits; this one opens the test bank's webhooks only.
TEST_SIGNATURE_KEY: Final = "5A4B" * 32


@dataclass(frozen=True, slots=True)
class Account:
    """The merchant's account at the test bank.

    ``reject_avs`` and ``reject_cvv`` are the letters it declines. ``duplicate_window`` is in
    seconds, 0 is off. ``currencies`` are accepted beside ``currency``.
    """

    login_id: str = "sandbox-login"
    transaction_key: Secret = field(default_factory=lambda: Secret("sandbox-key"))
    signature_key: Secret = field(default_factory=lambda: Secret(TEST_SIGNATURE_KEY))
    client_key: str = "sandbox-client-key"
    currency: str = "USD"
    currencies: tuple[str, ...] = ()
    reject_avs: str = "N"
    reject_cvv: str = "N"
    duplicate_window: int = 120
    max_cards: int = 10


# -- Cards on their way in ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PlainCard:
    """A card by its number. Without month and year, the bank ignores the expiry date.

    ``billing`` has the names of :class:`django_dinero.cards.Address`; empty ones may be left out.
    """

    number: Secret
    month: int | None = None
    year: int | None = None
    cvv: Secret | None = None
    billing: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MaskedCard:
    """The stored card itself, in an update. None as month or year keeps what is stored."""

    last_4: str
    month: int | None = None
    year: int | None = None
    cvv: Secret | None = None


@dataclass(frozen=True, slots=True)
class Token:
    """What :meth:`Bank.mint_token` gave in place of a number; good for one use."""

    value: Secret
    billing: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", Secret(self.value))


@dataclass(frozen=True, slots=True)
class VaultCard:
    """A stored card; without ``card_id`` the customer's default one."""

    customer_id: str
    card_id: str = ""
    cvv: Secret | None = None


@dataclass(frozen=True, slots=True)
class PaidCard:
    """The card of an earlier charge or authorization."""

    transaction_id: str


#: Whatever a card can come from.
CardSource = PlainCard | Token | MaskedCard | PaidCard


@dataclass(frozen=True, slots=True)
class NewCard:
    """A card for the vault. Its billing address is that of ``source`` where none is given.

    ``customer_type`` is the merchant's word for who holds it (a person, a business).
    """

    source: CardSource
    billing: Mapping[str, str] = field(default_factory=dict)
    is_default: bool = False
    customer_type: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """What a merchant says of a payment. ``customer_reference`` is his own id of the customer.

    ``purchase_order`` is the buyer's number, ``customer_type`` who the buyer is.
    """

    invoice: str = ""
    description: str = ""
    customer_ip: str = ""
    customer_reference: str = ""
    email: str = ""
    purchase_order: str = ""
    customer_type: str = ""


# -- What the bank keeps and answers --------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One row of the ledger.

    ``amount`` is what was authorized, charged or refunded, ``settled_amount`` what was or will be
    settled, None where nothing will; ``requested_amount`` is what was asked for. ``reason`` tells
    why it was declined, or what it waits for.
    """

    id: str
    kind: RowKind
    status: RemoteStatus
    amount: Decimal
    currency: str
    submitted_at: datetime.datetime
    settled_amount: Decimal | None = None
    requested_amount: Decimal | None = None
    operation_key: str = ""
    capture_key: str = ""
    void_key: str = ""
    parent_id: str = ""
    customer_id: str = ""
    card_id: str = ""
    last_4: str = ""
    brand: str = ""
    month: int | None = None
    year: int | None = None
    billing: Mapping[str, str] = field(default_factory=dict)
    auth_code: str = ""
    avs: Check = Check.P
    cvv: Check = Check.P
    network_transaction_id: str = ""
    invoice: str = ""
    description: str = ""
    customer_ip: str = ""
    customer_reference: str = ""
    email: str = ""
    purchase_order: str = ""
    customer_type: str = ""
    issuer_number: str = ""
    batch_id: str = ""
    settled_at: datetime.datetime | None = None
    #: When the cardholder's bank took it back.
    reversed_at: datetime.datetime | None = None
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class Action:
    """What the card's holder has to do: confirm the payment at an address, before it expires."""

    url: str
    expires_at: datetime.datetime


@dataclass(frozen=True, slots=True)
class Paging:
    """Which part of a list: ``limit`` rows (-1 for all) behind the first ``offset``.

    The order is that of the ids, or with ``by_time`` of submission.
    """

    limit: int = -1
    offset: int = 0
    by_time: bool = False
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list, and how many rows all of it has."""

    rows: tuple[LedgerRow, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Subtotal:
    """The rows of a batch that have brand, kind and status in common.

    ``amount`` is what was settled of them, whatever their currencies.
    """

    brand: str
    kind: RowKind
    status: RemoteStatus
    count: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Verdict:
    """The bank's answer to a money verb or a card check.

    ``row`` is the row made or changed; for a duplicate the original one, for a follow-up that
    was refused the one it was about; None where there is none. ``balance`` is what is left on a
    prepaid card, where the bank tells it. ``also`` is what else was wrong, beside ``reason``.
    """

    outcome: Outcome
    row: LedgerRow | None = None
    avs: Check = Check.P
    cvv: Check = Check.P
    reason: Reason | None = None
    balance: Decimal | None = None
    action: Action | None = None
    also: tuple[Reason, ...] = ()

    @property
    def approved(self) -> bool:
        """Whether all that was asked for was done."""
        return self.outcome is Outcome.APPROVED


@dataclass(frozen=True, slots=True)
class Card:
    """A card in the vault. ``validation`` is set on the answer to the verb that stored it only.

    ``issuer_number`` is the first six digits, by which a network knows the bank that issued it.
    """

    id: str
    customer_id: str
    last_4: str
    brand: str = ""
    month: int | None = None
    year: int | None = None
    billing: Mapping[str, str] = field(default_factory=dict)
    is_default: bool = False
    customer_type: str = ""
    issuer_number: str = ""
    created_at: datetime.datetime | None = None
    validation: Verdict | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class ShippingAddress:
    """Where a customer's goods go; ``fields`` has the names of django_dinero.cards.Address."""

    id: str
    customer_id: str
    fields: Mapping[str, str] = field(default_factory=dict)
    is_default: bool = False


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer in the vault; ``key`` is the merchant's own.

    ``cards`` and ``addresses`` are in order of id.
    """

    id: str
    key: str = ""
    email: str = ""
    description: str = ""
    first_name: str = ""
    last_name: str = ""
    cards: tuple[Card, ...] = ()
    addresses: tuple[ShippingAddress, ...] = ()
    created_at: datetime.datetime | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """What was settled together: ``count`` rows. ``id`` is empty where there was nothing."""

    id: str
    settled_at: datetime.datetime
    count: int = 0


class BankRefusal(Exception):
    """The bank did not do it.

    Args:
        reason: why.
        existing_id: the customer, card or address that a duplicate collides with.
        row: the ledger row that the call was about, where there is one.
        verdict: the answer to the card check that ran before.

    ``checks`` are the answers to all card checks that ran, where a customer came with cards.
    """

    def __init__(
        self,
        reason: Reason,
        *,
        existing_id: str = "",
        row: LedgerRow | None = None,
        verdict: Verdict | None = None,
    ) -> None:
        super().__init__(reason.value)
        self.reason = reason
        self.existing_id = existing_id
        self.row = row
        self.verdict = verdict
        self.checks: tuple[Verdict | None, ...] = ()
