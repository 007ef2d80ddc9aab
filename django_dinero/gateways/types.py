"""What goes into a gateway's verbs and what comes out, in words of no provider.

Amounts are :class:`~decimal.Decimal` in major units (dollars) with the decimals of their currency.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field, fields
from decimal import Decimal
from functools import cache
from typing import Any

from django_dinero.cards import (
    BRAND_LENGTH,
    LAST_4_LENGTH,
    Address,
    CardDetails,
    PaymentToken,
    without_card_numbers,
)
from django_dinero.enums import (
    NextActionKind,
    ReasonKind,
    RemoteStatus,
    ResultStatus,
    TransactionKind,
)
from django_dinero.redaction import Secret, storable


@cache
def _texts_of(answer: Any) -> tuple[str, ...]:
    return tuple(each.name for each in fields(answer) if each.type == "str")


def _read_texts(answer: Any) -> None:
    """Turn what a backend took from JSON as it was into texts: null, and ids that are numbers.

    Raises:
        TypeError: something else.
    """
    for name in _texts_of(answer.__class__):
        value = getattr(answer, name)
        if isinstance(value, str):
            continue
        if value is not None and type(value) is not int:
            raise TypeError(f"{name} is a {type(value).__name__}, not a str.")
        object.__setattr__(answer, name, "" if value is None else str(value))


def _check_amounts(*amounts: object) -> None:
    """Refuse what is no amount: NaN equals nothing, and a text would be compared as it is written.

    Raises:
        TypeError: one is no finite Decimal.
    """
    for amount in amounts:
        if amount is not None and not (isinstance(amount, Decimal) and amount.is_finite()):
            raise TypeError("An amount is a finite Decimal.")


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason of a refusal: our kind, the provider's code, and the provider's text, scrubbed."""

    kind: ReasonKind
    code: str = ""
    text: str = ""

    def __post_init__(self) -> None:
        _read_texts(self)


@dataclass(frozen=True, slots=True)
class Refusal:
    """The gateway answered, and the answer is no.

    ``existing_id`` is what a duplicate collides with, if the gateway named it.
    """

    reasons: tuple[Reason, ...]
    existing_id: str = ""

    def __post_init__(self) -> None:
        _read_texts(self)


@dataclass(frozen=True, slots=True)
class Ack:
    """The gateway did it and has nothing to add; ``already`` if there was nothing left to do."""

    already: bool = False


@dataclass(frozen=True, slots=True)
class BrowserScript:
    """The provider's script that turns a card into a token, in the browser of whoever types it.

    Args:
        url: the script's address.
        connects_to: scheme and host of where it sends the card, for a content security policy.
    """

    url: str
    connects_to: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NextAction:
    """What the card's holder has to do before a payment or a stored card can go on (3-D Secure).

    A client secret lets its owner confirm the payment, and a redirect address often holds one. So
    ``value`` is a :class:`~django_dinero.redaction.Secret` for both, a plain text is wrapped, and
    neither belongs in a log, an error text or the database. Ask the gateway again instead:
    ``retrieve_transaction`` for a payment, or ``find_operation`` for a card, shows the same action
    as long as it is open.

    Args:
        kind: how the holder gets there.
        value: the address, or the secret for the gateway's script.
        expires_at: when the gateway gives up waiting (aware), None where it does not say.
    """

    kind: NextActionKind
    value: Secret
    expires_at: datetime.datetime | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", Secret(self.value))


# -- The vault ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CustomerRequest:
    """A customer to store.

    ``customer_key`` is ours and has 20 characters. The gateway keeps it, so that the customer can
    be found when the reply is lost. ``operation_key`` names this attempt.
    """

    operation_key: str
    customer_key: str
    email: str
    first_name: str = ""
    last_name: str = ""
    card: CardDetails | PaymentToken | None = None


@dataclass(frozen=True, slots=True)
class CustomerUpdate:
    """All that a stored customer should be at the gateway from now on."""

    operation_key: str
    customer_id: str
    customer_key: str
    email: str
    first_name: str = ""
    last_name: str = ""


@dataclass(frozen=True, slots=True)
class CardRequest:
    """A card to store for a customer that the gateway has."""

    operation_key: str
    customer_id: str
    card: CardDetails | PaymentToken
    is_default: bool = False


@dataclass(frozen=True, slots=True)
class CardUpdate:
    """All that a stored card should be at the gateway from now on.

    ``card`` is there only if the number is replaced. Without it, ``month`` and ``year`` of None
    leave the expiry date as the gateway has it.
    """

    operation_key: str
    customer_id: str
    card_id: str
    address: Address
    month: int | None = None
    year: int | None = None
    is_default: bool = False
    card: CardDetails | PaymentToken | None = None


@dataclass(frozen=True, slots=True)
class RemoteCard:
    """A card as the gateway shows it.

    ``month`` and ``year`` are None where the gateway masks them. A card with a ``next_action``
    cannot be charged before its holder has done that. ``last_4`` and ``brand`` are cut to what can
    be stored of them, and card numbers in them are masked, whoever makes the object.
    """

    customer_id: str
    card_id: str
    last_4: str
    brand: str = ""
    month: int | None = None
    year: int | None = None
    address: Address = field(default_factory=Address)
    is_default: bool = False
    next_action: NextAction | None = None

    def __post_init__(self) -> None:
        _read_texts(self)
        # Of a longer text the end are the digits.
        last_4, brand = storable(self.last_4), without_card_numbers("brand", self.brand)
        object.__setattr__(self, "last_4", last_4[-LAST_4_LENGTH:])
        object.__setattr__(self, "brand", brand[:BRAND_LENGTH])


@dataclass(frozen=True, slots=True)
class RemoteCustomer:
    """A customer as the gateway shows it; ``customer_key`` is empty if other software stored it."""

    customer_id: str
    customer_key: str = ""
    email: str = ""
    first_name: str = ""
    last_name: str = ""
    cards: tuple[RemoteCard, ...] = ()

    def __post_init__(self) -> None:
        _read_texts(self)


# -- Money --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StoredCard:
    customer_id: str
    card_id: str


@dataclass(frozen=True, slots=True)
class ChargeRequest:
    """A charge (``capture``) or an authorization.

    For the card networks' stored-credential flags: ``initiator`` says who started it,
    ``"customer"`` or ``"merchant"``; ``stores_card`` says that more charges of this card will
    follow; ``network_transaction_id`` and ``original_amount`` are those of the first charge of
    this card, where it is known. The amount is in ``currency``; None if that charge had another.
    """

    operation_key: str
    amount: Decimal
    currency: str
    source: StoredCard | CardDetails | PaymentToken
    capture: bool = True
    cvv: Secret | None = None
    email: str = ""
    order_reference: str = ""
    description: str = ""
    customer_ip: str = ""
    initiator: str = "customer"
    stores_card: bool = False
    network_transaction_id: str = ""
    original_amount: Decimal | None = None


@dataclass(frozen=True, slots=True)
class FollowUpRequest:
    """A capture, void or refund of an earlier transaction, or the decision of its review.

    The ids and the last four digits of the card are the original's; some gateways ask for them.
    """

    operation_key: str
    transaction_id: str
    amount: Decimal
    currency: str
    customer_id: str = ""
    card_id: str = ""
    last_4: str = ""
    order_reference: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class TransactionResult:
    """The gateway's answer to a money verb.

    ``amount`` and ``operation_key`` say what the gateway did and for which key. They are None and
    empty where it does not tell; services compare them with what was asked. A decline with less
    than was asked for is a partial approval that the backend has given back. ``next_action`` comes
    with the outcome REQUIRES_ACTION and with no other.
    """

    outcome: ResultStatus
    transaction_id: str = ""
    amount: Decimal | None = None
    currency: str = ""
    operation_key: str = ""
    auth_code: str = ""
    avs: str = ""
    cvv: str = ""
    network_transaction_id: str = ""
    last_4: str = ""
    brand: str = ""
    reasons: tuple[Reason, ...] = ()
    #: It was done before this call (a void of a voided transaction).
    already: bool = False
    next_action: NextAction | None = None

    def __post_init__(self) -> None:
        _read_texts(self)
        _check_amounts(self.amount)


@dataclass(frozen=True, slots=True)
class RemoteTransaction:
    """A transaction as the gateway shows it.

    ``operation_key`` is ours, and empty if other software made the transaction. ``amount`` is what
    was authorized or refunded, ``settled_amount`` what is captured: settled, or on its way there.
    ``settled_at`` (aware) and ``batch_id`` tell when the bank settled it, and in which batch; None
    and empty where it did not, or where the gateway does not tell. ``next_action`` comes with the
    status REQUIRES_ACTION and with no other. ``reasons`` tell why it is DECLINED or FAILED, where
    the gateway keeps them: in the words of the answer that it gave.

    A return or a chargeback may be an entry of its own: with the status RETURNED or CHARGED_BACK,
    an id of its own, and ``parent_id`` for the payment that it takes back.
    """

    transaction_id: str
    kind: TransactionKind
    status: RemoteStatus
    amount: Decimal
    currency: str
    operation_key: str = ""
    settled_amount: Decimal | None = None
    parent_id: str = ""
    customer_id: str = ""
    card_id: str = ""
    last_4: str = ""
    brand: str = ""
    auth_code: str = ""
    avs: str = ""
    cvv: str = ""
    network_transaction_id: str = ""
    submitted_at: datetime.datetime | None = None
    settled_at: datetime.datetime | None = None
    batch_id: str = ""
    order_reference: str = ""
    description: str = ""
    next_action: NextAction | None = None
    reasons: tuple[Reason, ...] = ()

    def __post_init__(self) -> None:
        _read_texts(self)
        _check_amounts(self.amount, self.settled_amount)


# -- Look-ups, credentials, webhooks ------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LookupHints:
    """What is known of an operation whose reply was lost.

    ``kind`` is its verb (``"charge"``, ``"add_card"``, ...). ``known_card_ids`` are the cards that
    the customer had before an ``add_card``.
    """

    kind: str
    since: datetime.datetime
    customer_key: str = ""
    customer_id: str = ""
    card_id: str = ""
    transaction_id: str = ""
    amount: Decimal | None = None
    currency: str = ""
    last_4: str = ""
    known_card_ids: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class LookupResult:
    """What a search found. That it found nothing proves something only if it is ``complete``."""

    matches: tuple[RemoteTransaction | RemoteCustomer | RemoteCard, ...] = ()
    complete: bool = True


@dataclass(frozen=True, slots=True)
class CredentialsCheck:
    """Whether the gateway accepts our credentials, what it said, and whether real money moves.

    ``lacks`` says what the account may not do, and what does not work therefore, a sentence each.
    """

    accepted: bool
    text: str = ""
    live: bool = True
    lacks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _read_texts(self)


@dataclass(frozen=True, slots=True)
class WebhookNotice:
    """A verified webhook: a hint which object to fetch, and never a fact by itself.

    Args:
        event_id: the gateway's own id of the event, empty where it has none.
        event_type: the gateway's name of what happened.
        object_kind: ``"transaction"``, ``"customer"`` or ``"card"``; anything else is not applied.
        object_id: the gateway's id of that object.
        operation_key: ours, where the webhook tells it.
        customer_id: the customer of a card, where the webhook tells it.
        live: whether it is of a live account; None where the webhook does not tell.
    """

    event_id: str
    event_type: str
    object_kind: str
    object_id: str
    operation_key: str = ""
    customer_id: str = ""
    live: bool | None = None

    def __post_init__(self) -> None:
        _read_texts(self)


@dataclass(frozen=True, slots=True)
class WebhookEndpoint:
    """An address to which the gateway sends webhooks, and which it sends."""

    endpoint_id: str
    url: str
    event_types: tuple[str, ...] = ()
    is_active: bool = True

    def __post_init__(self) -> None:
        _read_texts(self)


def has_reason(answer: Refusal | TransactionResult | RemoteTransaction, *kinds: ReasonKind) -> bool:
    """Say whether an answer has a reason of one of these kinds."""
    return any(reason.kind in kinds for reason in answer.reasons)
