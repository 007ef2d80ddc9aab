"""What an operation keeps of the question and of the answer, as typed records.

Both are JSON in the operation's row: whatever a crash or a rollback took is written again from
them. Only what differs from the default is stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Self

from django_dinero import identifiers
from django_dinero.cards import without_card_numbers
from django_dinero.enums import ReasonKind, ResultStatus
from django_dinero.exceptions import DineroError
from django_dinero.models.operation import Operation
from django_dinero.models.transaction import Transaction
from django_dinero.redaction import scrub, storable

#: Characters that are kept of an error's text.
ERROR_LENGTH = 500

#: The fields of an answer and of a gateway's transaction that a ledger row has as columns.
SHOWN = (
    *("auth_code", "avs", "cvv", "network_transaction_id", "last_4", "brand"),
    *("gateway_code", "gateway_text"),
)

#: What an outcome says of an orphan. Whoever writes how an operation ended leaves them as they are.
MARKS = ("orphan", "telling", "give_back", "given_back")

#: What an intent keeps of a person, and what stands there without one. ``email_key`` goes with the
#: person, and not with the time.
PERSONAL: Mapping[str, Any] = {
    "email": "",
    "first_name": "",
    "last_name": "",
    "customer_ip": "",
    "description": "",
    "owner_pk": None,
}


class _Record:
    """To JSON and back; names that a later release has added or dropped do no harm."""

    def to_json(self) -> dict[str, Any]:
        """Return what differs from the default, as plain values."""
        stored: dict[str, Any] = {}
        for each in fields(self):  # type: ignore[arg-type]
            value = getattr(self, each.name)
            if value != each.default:
                stored[each.name] = list(value) if isinstance(value, tuple) else value
        return stored

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """Return the record that was stored."""
        known = {field.name for field in fields(cls)}  # type: ignore[arg-type]
        values = {name: value for name, value in stored.items() if name in known}
        return cls(**{n: tuple(v) if isinstance(v, list) else v for n, v in values.items()})


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent(_Record):
    """What an operation is to do: enough to write its row again.

    ``public_id`` is that of the ledger row. The keys ``customer_pk``, ``card_pk`` and ``owner_pk``
    name rows here. ``number_key`` is that of the stored card's number. ``known_card_ids`` are the
    gateway's ids of the cards that a customer had when one more was sent; ``is_default`` says
    whether the new one was to be the default, and ``default_card_id`` which one was. ``is_new``
    says that what is to be deleted was stored less than a minute before, and ``with_customer`` that
    a card goes because its customer does. ``in_transaction`` says that the caller could still roll
    back the row of what was stored, while the operation stays; it goes when the row was seen by
    somebody else, or the caller has committed. ``made_by`` names who asked for it.
    An owner is not named: ``made_by_owner`` says that it was the one of ``owner_pk``, and still
    says so when that has been erased. ``email_key`` stands for ``email`` when that is not kept any
    more: by it the person's payments are found who wants to be erased.
    """

    public_id: str = ""
    customer_pk: Any = None
    card_pk: Any = None
    owner_pk: Any = None
    order_reference: str = ""
    description: str = ""
    customer_ip: str = ""
    initiator: str = ""
    email: str = ""
    email_key: str = ""
    first_name: str = ""
    last_name: str = ""
    last_4: str = ""
    brand: str = ""
    number_key: str = ""
    customer_key: str = ""
    known_card_ids: tuple[str, ...] = ()
    is_default: bool = False
    default_card_id: str = ""
    is_new: bool = False
    with_customer: bool = False
    in_transaction: bool = False
    made_by: str = ""
    made_by_owner: bool = False

    @classmethod
    def of(cls, operation: Operation) -> Self:
        """Return what an operation is to do."""
        return cls.from_json(operation.intent)

    def to_json(self) -> dict[str, Any]:
        """Return what differs from the default, with what stands for the address."""
        key = identifiers.address_key(self.email) if self.email else self.email_key
        return _Record.to_json(replace(self, email_key=key))

    def without_person(self) -> Self:
        """Return what is left when nobody may be named or found."""
        return replace(self, **PERSONAL, email_key="")


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedOutcome(_Record):
    """How an operation ended, as far as it is known.

    ``result`` is there when the gateway's answer is known; its texts fit the ledger's columns.
    ``remote_status`` is what the gateway's own records said where it was looked up, and
    ``settled_at`` when it had settled by then. ``error`` and ``code`` tell why there is no answer,
    ``lookup`` why it was not found yet. ``closed_by`` and ``note`` are of the person who has closed
    it. The :data:`MARKS` are of a charge whose row a rollback took: ``orphan`` is set until
    reconcile tells of it, ``telling`` says since when it does, ``give_back`` is set while it still
    has to be voided or refunded, and ``given_back`` after that.
    """

    result: str = ""
    transaction_id: str = ""
    customer_id: str = ""
    card_id: str = ""
    card_ids: tuple[str, ...] = ()
    remote_status: str = ""
    settled_at: str = ""
    batch_id: str = ""
    auth_code: str = ""
    avs: str = ""
    cvv: str = ""
    network_transaction_id: str = ""
    last_4: str = ""
    brand: str = ""
    reason: str = ""
    reasons: tuple[str, ...] = ()
    gateway_code: str = ""
    gateway_text: str = ""
    error: str = ""
    code: str = ""
    lookup: str = ""
    found: bool = False
    already: bool = False
    covered: bool = False
    orphan: bool = False
    telling: str = ""
    give_back: bool = False
    given_back: bool = False
    closed_by: str = ""
    note: str = ""

    @classmethod
    def of(cls, operation: Operation) -> Self:
        """Return how an operation ended."""
        return cls.from_json(operation.outcome)

    def marked_as(self, other: RecordedOutcome) -> Self:
        """Return this with the marks of another one."""
        return replace(self, **{name: getattr(other, name) for name in MARKS})

    @property
    def shown(self) -> dict[str, str]:
        """What a ledger row shows of the answer, by column."""
        return {name: getattr(self, name) for name in SHOWN}

    @classmethod
    def of_error(cls, error: DineroError) -> Self:
        """Return what is kept of a refusal, or of why there is no answer."""
        return cls(
            error=scrub(str(error))[:ERROR_LENGTH],
            code=error.code,
            gateway_code=storable(error.gateway_code),
        )

    @property
    def status(self) -> ResultStatus:
        """The gateway's answer.

        Raises:
            ValueError: there is none.
        """
        return ResultStatus(self.result)

    @property
    def kinds(self) -> tuple[ReasonKind, ...]:
        """Why the gateway refused, in its order."""
        return tuple(ReasonKind(kind) for kind in self.reasons)


def truncate_for_columns(texts: Mapping[str, str]) -> dict[str, str]:
    """Return what a gateway said as our columns take it.

    Each is cut to its column, and loses NUL and half characters: an approval must not be lost
    because its AVS letter has become a sentence. Card numbers that other software sent are masked.
    """
    return {name: _truncated(text, name) for name, text in texts.items()}


def _truncated(text: str, name: str) -> str:
    clean = without_card_numbers(name, text)
    limit = getattr(Transaction._meta.get_field(name), "max_length", None)
    return clean[:limit]
