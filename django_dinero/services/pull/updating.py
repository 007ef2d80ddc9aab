"""Bring rows of ours up to date with the gateway's transactions."""

from __future__ import annotations

from decimal import Decimal

from django_dinero.db.queries import primary
from django_dinero.enums import RemoteStatus, TransactionKind
from django_dinero.gateways.types import RemoteTransaction
from django_dinero.logs import get_logger
from django_dinero.models.transaction import Transaction
from django_dinero.models.transaction_status import TAKEN, UNDECIDED
from django_dinero.money import is_storable
from django_dinero.services import ledger
from django_dinero.services.ledger import statuses
from django_dinero.services.pull.foreign import add_missing_capture

logger = get_logger("django_dinero.pull")


def differs_from_row(row: Transaction, remote: RemoteTransaction) -> bool:
    """Say whether the amount that was approved in the end is not the one that was asked for."""
    if statuses.FROM_REMOTE[remote.status] not in TAKEN:
        return False
    other_currency = bool(remote.currency) and remote.currency != row.currency
    return other_currency or _amount_told(row, remote) != Decimal(row.price)


def capture_waits(row: Transaction, remote: RemoteTransaction) -> bool:
    """Say whether what an undecided capture takes is still to be taken at the gateway."""
    return row.kind == TransactionKind.CAPTURE and remote.status is RemoteStatus.AUTHORIZED


def is_still_held(row: Transaction, remote: RemoteTransaction) -> bool:
    """Say whether the gateway has not decided yet about a payment or a capture under review."""
    return remote.status is RemoteStatus.HELD or capture_waits(row, remote)


def _amount_told(row: Transaction, remote: RemoteTransaction) -> Decimal:
    """Return what was approved of a row: a capture may be a part of the transaction it shares."""
    if row.kind == TransactionKind.CAPTURE and remote.settled_amount is not None:
        return remote.settled_amount
    return remote.amount


def decision_of(row: Transaction, remote: RemoteTransaction) -> ledger.Decision:
    """Return what is to be written of an undecided payment, as the gateway has it by now."""
    standing = ledger.RemoteStanding.of(remote)
    if not differs_from_row(row, remote):
        return ledger.Decision.of(row, standing)
    told, currency = _amount_told(row, remote), remote.currency or row.currency
    if not is_storable(told, currency):
        return ledger.Decision.of_other_amount(row, standing)
    return ledger.Decision.of_other_amount(row, standing, price=told, currency=currency)


def write_status(row: Transaction, remote: RemoteTransaction) -> bool:
    """Write the gateway's status into a row; return False if another process changed it first."""
    return ledger.write_standing(row, ledger.RemoteStanding.of(remote))


def _write_what_it_is(row: Transaction, remote: RemoteTransaction) -> bool:
    """Write what the gateway has; return False if another process was first."""
    standing = ledger.RemoteStanding.of(remote)
    if row.status not in UNDECIDED or row.status == standing.status:
        return ledger.write_standing(row, standing)
    if capture_waits(row, remote):
        return True
    decision = decision_of(row, remote)
    written = decision.write()
    ledger.announce_decision(decision)
    if written:
        ledger.refresh(row)
        ledger.announce_standing(row)
    return written


def write_remote_state_if_it_follows(row: Transaction, remote: RemoteTransaction) -> None:
    """As :func:`write_remote_state`, where nobody has asked for it.

    What cannot follow from the row's status is left to a sweep, which tells a person of it. The
    gateway's records may lag, and a payment that was just voided here must not come back to life.
    """
    status = statuses.FROM_REMOTE[remote.status]
    if statuses.may_follow(row.status, status):
        write_remote_state(row, remote)
    else:
        logger.warning(
            "%s shows %s as %s, and it is %s here; a sweep will look at it again.",
            row.gateway_name,
            row.transaction_id,
            status,
            row.status,
        )


def write_remote_state(row: Transaction, remote: RemoteTransaction) -> None:
    """Bring a row up to date with the gateway, unless it has changed since it was read."""
    if row.kind == TransactionKind.VOID:
        return
    if not _write_what_it_is(row, remote):
        ledger.refresh(row)
        ledger.align_undecided(row)
        return
    if row.kind == TransactionKind.AUTHORIZATION:
        # Some gateways keep one id for an authorization and its captures.
        captures = primary(Transaction).filter(parent=row, kind=TransactionKind.CAPTURE)
        same = captures.filter(transaction_id=row.transaction_id)
        standing = ledger.RemoteStanding.of(remote)
        ledger.write_standings([(capture, standing) for capture in same.filter(status__in=TAKEN)])
        for held in same.filter(status__in=UNDECIDED):
            _write_what_it_is(held, remote)
        add_missing_capture(row, remote)
    ledger.refresh(row)
    ledger.align_undecided(row)
