"""One payment, as it is here and as the gateway shows it: do they agree?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum, auto

from django_dinero.db.queries import primary
from django_dinero.enums import RemoteStatus, TransactionKind
from django_dinero.gateways.types import RemoteTransaction
from django_dinero.models.transaction import Transaction
from django_dinero.models.transaction_status import (
    COUNTED,
    TAKEN,
    TAKEN_OR_OPEN,
    UNDECIDED,
    TransactionStatus,
)
from django_dinero.money import EXACT, added_up
from django_dinero.services import ledger, pull
from django_dinero.services.ledger import statuses

S = TransactionStatus

#: Statuses in which no money has moved. One in place of another takes nobody's money.
MOVED_NOTHING = (S.VOIDED, S.DECLINED, S.FAILED, S.EXPIRED)


class Verdict(Enum):
    """How a payment here compares to the gateway's."""

    AGREES = auto()
    #: The gateway is further; its status can be written.
    BEHIND = auto()
    #: A list tells too little; the transaction itself has to be fetched.
    UNCLEAR = auto()
    AMOUNT = auto()
    STATUS = auto()


@dataclass(slots=True)
class Local:
    """A payment here: its row, and the captures that have the gateway's id of it too.

    Some gateways give captures ids of their own. Those are payments of their own: they are
    compared, and counted, beside the authorization, which counts nowhere.
    """

    row: Transaction
    captures: list[Transaction] = field(default_factory=list)
    #: What has taken it, or may do so, under ids of its own.
    apart: list[Transaction] = field(default_factory=list)

    @property
    def taken(self) -> list[Transaction]:
        """The captures under its id that took money, whatever became of it."""
        return [row for row in self.captures if row.status in TAKEN]

    @property
    def captured(self) -> Decimal:
        """What these took."""
        return added_up(Decimal(row.price) for row in self.taken)

    @property
    def captured_apart(self) -> Decimal:
        """What those under ids of their own took."""
        return added_up(Decimal(row.price) for row in self.apart if row.status in TAKEN)

    @property
    def counted(self) -> Decimal:
        """What of it counts in the books now: refunds below zero."""
        kind = self.row.kind
        rows = self.captures if kind == TransactionKind.AUTHORIZATION else [self.row]
        taken = added_up(Decimal(row.price) for row in rows if row.status in COUNTED)
        return taken.copy_negate() if kind == TransactionKind.REFUND else taken


def locals_of(rows: Iterable[Transaction]) -> dict[str, Local]:
    """Return the payments that these rows are of, by the gateway's id.

    One more statement asks for captures with ids of their own, if an authorization among the rows
    has none under its own.
    """
    found: dict[str, Local] = {}
    captures: list[Transaction] = []
    for row in rows:
        if row.kind == TransactionKind.CAPTURE:
            captures.append(row)
        elif row.kind != TransactionKind.VOID:
            found[row.transaction_id or ""] = Local(row)
    for row in captures:
        payment = found.get(row.transaction_id or "")
        if payment is None:  # a gateway that gives captures ids of their own
            found[row.transaction_id or ""] = Local(row)
        elif payment.row.kind == TransactionKind.AUTHORIZATION:
            payment.captures.append(row)
    _add_apart(found.values())
    return found


def _add_apart(payments: Iterable[Local]) -> None:
    reserved = {
        each.row.pk: each
        for each in payments
        if each.row.kind == TransactionKind.AUTHORIZATION and not each.taken
    }
    if not reserved:
        return
    rows = primary(Transaction).filter(
        parent__in=list(reserved), kind=TransactionKind.CAPTURE, status__in=TAKEN_OR_OPEN
    )
    for row in rows:
        payment = reserved[row.parent_id or 0]
        if row.transaction_id != payment.row.transaction_id:
            payment.apart.append(row)


def compare(local: Local, remote: RemoteTransaction, *, detailed: bool) -> Verdict:
    """Say how a payment here compares to the gateway's.

    Args:
        local: its rows here, read after the gateway's answer was for ``detailed=False``, and before
            it otherwise.
        remote: what the gateway shows.
        detailed: whether it was fetched by its id. A list tells less: a captured authorization may
            show as a charge. It may be older than the rows, too.
    """
    row, status = local.row, statuses.FROM_REMOTE[remote.status]
    doubt = Verdict.BEHIND if detailed else Verdict.UNCLEAR
    if row.status in UNDECIDED and status != row.status:
        different = detailed and pull.differs_from_row(row, remote)
        return Verdict.AMOUNT if different else doubt
    if _has_another_amount(local, remote):
        return Verdict.AMOUNT if detailed else Verdict.UNCLEAR
    if _was_captured_elsewhere(local, remote):
        return doubt
    by_status = _by_status(local, remote)
    if by_status is not None:
        return by_status
    return Verdict.STATUS if detailed else Verdict.UNCLEAR


def _by_status(local: Local, remote: RemoteTransaction) -> Verdict | None:
    """Compare where both sides say that it stands; None if they contradict each other."""
    row, status = local.row, statuses.FROM_REMOTE[remote.status]
    if local.captured and remote.status is RemoteStatus.AUTHORIZED:
        return None  # some lists show it so until the batch is settled
    standing = ledger.RemoteStanding.of(remote)
    if all(standing.is_of(each) for each in (row, *local.taken)):
        return Verdict.AGREES
    if statuses.may_follow(row.status, status):
        return Verdict.BEHIND
    if status in MOVED_NOTHING and row.status in MOVED_NOTHING:
        return Verdict.AGREES
    return None


def _has_another_amount(local: Local, remote: RemoteTransaction) -> bool:
    row = local.row
    if statuses.FROM_REMOTE[remote.status] not in TAKEN:
        return False
    if remote.currency and remote.currency != row.currency:
        return True
    is_refund = remote.kind is TransactionKind.REFUND
    if is_refund != (row.kind == TransactionKind.REFUND):  # it goes the other way
        return True
    if row.kind != TransactionKind.AUTHORIZATION:
        return any(each != Decimal(row.price) for each in _amounts(remote))
    taken = remote.settled_amount
    authorized = taken is None or remote.kind is TransactionKind.AUTHORIZATION
    if authorized and remote.amount != Decimal(row.price):
        return True
    captured = EXACT.add(local.captured, local.captured_apart)
    return bool(taken and captured and taken != captured)


def _amounts(remote: RemoteTransaction) -> list[Decimal]:
    return [each for each in (remote.amount, remote.settled_amount) if each is not None]


def _was_captured_elsewhere(local: Local, remote: RemoteTransaction) -> bool:
    row = local.row
    # What was voided here, or had expired, and took money all the same, is a contradiction.
    stands = row.status in (*COUNTED, *UNDECIDED)
    open_here = row.kind == TransactionKind.AUTHORIZATION and stands
    open_here = open_here and not local.captured and not local.apart
    taken = statuses.FROM_REMOTE[remote.status] in TAKEN
    return bool(open_here and taken and remote.settled_amount)


def takes_money(remote: RemoteTransaction) -> bool:
    """Say whether a transaction took money, or may still do so."""
    return statuses.FROM_REMOTE[remote.status] in (*TAKEN, *UNDECIDED)


def counted_there(remote: RemoteTransaction, kind: str) -> Decimal:
    """Return what of a transaction counts in the gateway's books now: refunds below zero.

    Args:
        remote: what the gateway shows.
        kind: what it is. A list may show it as something else.
    """
    if remote.status not in (RemoteStatus.CAPTURED, RemoteStatus.SETTLED):
        return Decimal(0)
    taken = remote.amount if remote.settled_amount is None else remote.settled_amount
    return EXACT.minus(taken) if kind == TransactionKind.REFUND else taken
