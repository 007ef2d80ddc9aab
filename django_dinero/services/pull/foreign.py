"""Write rows for what was paid in the gateway's own pages, or by other software."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from django_dinero.db.queries import primary
from django_dinero.enums import TransactionKind
from django_dinero.exceptions import InvalidTransactionError
from django_dinero.gateways.types import RemoteTransaction
from django_dinero.logs import get_logger
from django_dinero.models.mode import Account
from django_dinero.models.operation import (
    CHARGES,
    OPEN_STATES,
    Operation,
    OperationKind,
    OperationState,
)
from django_dinero.models.records import truncate_for_columns
from django_dinero.models.transaction import FOLLOW_UPS, KIND_LABELS, Transaction
from django_dinero.models.transaction_status import TAKEN, TAKEN_OR_OPEN
from django_dinero.money import is_storable, plain_amount
from django_dinero.services import journal, ledger
from django_dinero.services.ledger import statuses

logger = get_logger("django_dinero.pull")

#: Capture operations that have a row, or may still get one. Where a gateway gives captures ids of
#: their own, a row under the authorization's id would stand beside theirs, and count twice.
MAKE_CAPTURES = (*OPEN_STATES, OperationState.SUCCEEDED, OperationState.HELD)

Written = tuple[Transaction, bool]


def add_missing_capture(row: Transaction, remote: RemoteTransaction) -> None:
    """Add the capture of an authorization that was captured in the gateway's own pages."""
    taken = statuses.FROM_REMOTE[remote.status] in TAKEN and remote.settled_amount
    if not taken:
        return
    captures = list(_captures_of(row))
    if captures:
        _move_refunds_left_behind(row, captures)
        return
    if awaits_capture(row):
        return
    currency = remote.currency or row.currency
    if not is_storable(taken, currency):
        shown = plain_amount(taken, currency)
        logger.warning("%s was captured for %s, which is no amount.", remote.transaction_id, shown)
        return
    values = {
        "price": taken,
        "currency": currency,
        "parent": row,
        "customer_pk": row.customer_pk,
        "card_pk": row.card_pk,
        "owner": row.owner,
        "order_reference": row.order_reference,
    }
    capture, is_new = ledger.one_at_a_time(row.pk, partial(_add_capture, row, remote, values))
    if is_new:
        ledger.announce_standing(capture)


def awaits_capture(authorization: Transaction) -> bool:
    """Say whether a capture of ours has taken an authorization, or may have, and has no row yet.

    Its answer is still to come, or its row is in a transaction of the caller's, or was lost there.
    """
    asked = Operation.objects.newest().filter(lock_name=authorization.lock_name)
    made = asked.filter(kind=OperationKind.CAPTURE, state__in=MAKE_CAPTURES)
    keys = set(made.order_by().values_list("key", flat=True))
    rows = primary(Transaction).filter(operation_key__in=keys)
    return bool(keys) and rows.count() < len(keys)


def _captures_of(authorization: Transaction) -> QuerySet[Transaction]:
    """Return the captures that took money or may do so, also if it came back since."""
    rows = primary(Transaction).filter(parent=authorization, kind=TransactionKind.CAPTURE)
    return rows.filter(status__in=TAKEN_OR_OPEN).order_by("pk")


def _move_refunds_left_behind(authorization: Transaction, captures: list[Transaction]) -> None:
    """Move refunds to the only capture: they came before it, or whoever wrote it was killed."""
    refunds = primary(Transaction).filter(parent=authorization, kind=TransactionKind.REFUND)
    if len(captures) == 1 and refunds.exists():
        ledger.move_refunds(captures[0])


def _add_capture(
    authorization: Transaction, remote: RemoteTransaction, values: dict[str, Any]
) -> Written:
    known = _captures_of(authorization).first()
    if known is not None:  # written meanwhile
        return known, False
    row, is_new = _get_or_create(
        Account.of(authorization), TransactionKind.CAPTURE, remote, **values
    )
    if is_new:
        ledger.move_refunds(row)
    return row, is_new


def row_of_capture(account: Account, remote: RemoteTransaction) -> Transaction | None:
    """Return the row of a capture that no operation accounts for, which has its own id from now on.

    What was captured in parts may have one row for the sum: then that.

    Returns:
        None if it is no capture of an authorization here, moved no money, or one of ours may still
        get its row.
    """
    taken = statuses.FROM_REMOTE[remote.status] in TAKEN_OR_OPEN and remote.amount > 0
    is_capture = remote.kind is TransactionKind.CAPTURE and taken
    if not is_capture or not is_storable(remote.amount, remote.currency):
        return None
    original = _parent_of(account, remote)
    if original is None or original.kind != TransactionKind.AUTHORIZATION:
        return None
    return None if awaits_capture(original) else create_foreign_row(account, remote)


def create_foreign_row(
    account: Account,
    remote: RemoteTransaction,
    operation: Operation | None = None,
    *,
    parent: Transaction | None = None,
) -> Transaction:
    """Create a row for a transaction that no operation accounts for, and return it.

    Args:
        operation: the one whose key the transaction has, although it is not what was asked for. The
            row is not the operation's result, but it belongs to the same order and customer.
        parent: what it follows, for the case that this has another id here than the gateway names.

    Raises:
        InvalidTransactionError: it is a follow-up whose original has no row here, or its amount is
            zero, or none of its currency.
    """
    kind = remote.kind
    parent = _parent_of(account, remote) or parent
    problem = ""
    if parent is None and kind in FOLLOW_UPS:
        problem = _(
            "%(id)s is a %(kind)s, and its original has no row here; retrieve %(parent)s first."
        ) % {
            "id": remote.transaction_id,
            "kind": KIND_LABELS[kind],
            "parent": remote.parent_id or _("that one"),
        }
    elif remote.amount <= 0:
        problem = _("%(id)s moved no money.") % {"id": remote.transaction_id}
    elif not is_storable(remote.amount, remote.currency):
        shown = plain_amount(remote.amount, remote.currency)
        problem = _("%(id)s has an amount that cannot be stored: %(amount)s.") % {
            "id": remote.transaction_id,
            "amount": shown,
        }
    if problem:
        raise InvalidTransactionError(problem, gateway_name=account.gateway_name)
    order: dict[str, Any] = {}
    if operation is not None and operation.kind in CHARGES:
        order = {**ledger.columns_from_caller(operation), **_whose(remote, operation)}
    elif parent is not None:
        order = {
            "customer_pk": parent.customer_pk,
            "card_pk": parent.card_pk,
            "owner": parent.owner,
            "order_reference": parent.order_reference,
            **_whose(remote, parent),
        }
    write = partial(_get_or_create, account, kind, remote, price=remote.amount, **order)
    if parent is not None and parent.kind == TransactionKind.AUTHORIZATION:
        row, _is_new = ledger.one_at_a_time(parent.pk, partial(_follow, parent, remote, write))
    else:
        row, _is_new = write(parent=parent)
    if kind == TransactionKind.AUTHORIZATION:
        add_missing_capture(row, remote)
    return row


def _follow(
    authorization: Transaction, remote: RemoteTransaction, write: Callable[..., Written]
) -> Written:
    """Write the row of what follows an authorization in the gateway's records.

    What was refunded of it was refunded of its capture. As long as that has no row, the refund
    belongs to the authorization, and it moves when the capture is added.
    """
    captures = list(_captures_of(authorization))
    if remote.kind is TransactionKind.CAPTURE:
        known = _under_its_own_id(authorization, remote, captures)
        if known is not None:
            return known, False
    is_refund = remote.kind is TransactionKind.REFUND
    only = captures[0] if is_refund and len(captures) == 1 else None
    written = write(parent=only or authorization)
    if remote.kind is TransactionKind.CAPTURE:
        _move_refunds_left_behind(authorization, list(_captures_of(authorization)))
    return written


def _under_its_own_id(
    authorization: Transaction, remote: RemoteTransaction, captures: list[Transaction]
) -> Transaction | None:
    """Return the row of a capture that was added under its authorization's id.

    The authorization does not tell which id its capture has. The row gets it now. What was added as
    one sum may be several captures: then the sum stands for all of them.
    """
    by_id = {each.transaction_id: each for each in captures if each.operation_key is None}
    row = by_id.get(remote.transaction_id) or by_id.get(authorization.transaction_id)
    if row is not None and row.price == remote.amount:
        row.transaction_id = remote.transaction_id
        primary(Transaction).filter(pk=row.pk).update(transaction_id=remote.transaction_id)
    return row


def _whose(remote: RemoteTransaction, known: Operation | Transaction) -> dict[str, str]:
    """Return the gateway's ids of customer and card, which it need not tell of each transaction.

    By them a person's payments are found when the person is erased.
    """
    return {
        "customer_id": remote.customer_id or known.customer_id,
        "card_id": remote.card_id or known.card_id,
    }


def _get_or_create(
    account: Account, kind: TransactionKind, remote: RemoteTransaction, **values: Any
) -> tuple[Transaction, bool]:
    texts = {"order_reference": remote.order_reference, "description": remote.description}
    return primary(Transaction).get_or_create(
        **account.columns,
        kind=kind,
        transaction_id=remote.transaction_id,
        defaults={
            **journal.outcome_of_remote(remote).shown,
            **truncate_for_columns(texts),
            **ledger.RemoteStanding.of(remote).columns,
            "currency": remote.currency,
            "customer_id": remote.customer_id,
            "card_id": remote.card_id,
            **values,
        },
    )


def _parent_of(account: Account, remote: RemoteTransaction) -> Transaction | None:
    if (
        remote.kind in (TransactionKind.CHARGE, TransactionKind.AUTHORIZATION)
        or not remote.parent_id
    ):
        return None
    found = primary(Transaction).filter(**account.columns, transaction_id=remote.parent_id)
    if remote.kind is TransactionKind.CAPTURE:  # an earlier one may have the authorization's id
        found = found.exclude(kind=TransactionKind.CAPTURE)
    return found.exclude(kind__in=(TransactionKind.VOID, TransactionKind.REFUND)).first()
