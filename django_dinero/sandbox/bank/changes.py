"""What has changed at the bank, for those who are told of it after its commit."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from django_dinero.enums import RemoteStatus
from django_dinero.sandbox.bank.records import LedgerRow


class Happened(StrEnum):
    """What happened to an object."""

    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"


class Thing(StrEnum):
    """What kind of object it is."""

    TRANSACTION = "transaction"
    CUSTOMER = "customer"
    CARD = "card"


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one object.

    ``row`` is a ledger row as it is after the change, and ``before`` the status that it had;
    ``customer_id`` is the customer of a card.
    """

    thing: Thing
    id: str
    happened: Happened
    customer_id: str = ""
    row: LedgerRow | None = None
    before: RemoteStatus | None = None


def of_row(row: LedgerRow, before: RemoteStatus | None = None) -> Change:
    """Return the change of a ledger row; it is a new one if it had no status ``before``."""
    happened = Happened.CREATED if before is None else Happened.UPDATED
    return Change(Thing.TRANSACTION, row.id, happened, row=row, before=before)
