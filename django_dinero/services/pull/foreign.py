"""Write rows for what was paid in the gateway's own pages, or by other software."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from django_dinero.db.queries import primary
from django_dinero.enums import TransactionKind
from django_dinero.exceptions import InvalidTransactionError
from django_dinero.gateways.types import RemoteTransaction
from django_dinero.logs import get_logger
from django_dinero.models.mode import Account
from django_dinero.models.operation import CHARGES, Operation
from django_dinero.models.records import truncate_for_columns
from django_dinero.models.transaction import FOLLOW_UPS, KIND_LABELS, Transaction
from django_dinero.models.transaction_status import TAKEN
from django_dinero.money import is_storable, plain_amount
from django_dinero.services import journal, ledger
from django_dinero.services.ledger import statuses

logger = get_logger("django_dinero.pull")


def add_missing_capture(row: Transaction, remote: RemoteTransaction) -> None:
    """Add the capture of an authorization that was captured in the gateway's own pages."""
    taken = statuses.FROM_REMOTE[remote.status] in TAKEN and remote.settled_amount
    if not taken or row.captured_amount:
        return
    currency = remote.currency or row.currency
    if not is_storable(taken, currency):
        shown = plain_amount(taken, currency)
        logger.warning("%s was captured for %s, which is no amount.", remote.transaction_id, shown)
        return
    capture, is_new = _get_or_create(
        Account.of(row),
        TransactionKind.CAPTURE,
        remote,
        price=taken,
        currency=currency,
        parent=row,
        customer_pk=row.customer_pk,
        card_pk=row.card_pk,
        owner=row.owner,
        order_reference=row.order_reference,
    )
    if is_new:
        ledger.announce_standing(capture)


def create_foreign_row(
    account: Account, remote: RemoteTransaction, operation: Operation | None = None
) -> Transaction:
    """Create a row for a transaction that no operation accounts for, and return it.

    Args:
        operation: the one whose key the transaction has, although it is not what was asked for. The
            row is not the operation's result, but it belongs to the same order and customer.

    Raises:
        InvalidTransactionError: it is a follow-up whose original has no row here, or its amount is
            zero, or none of its currency.
    """
    kind = remote.kind
    parent = _parent_of(account, remote)
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
    row, _is_new = _get_or_create(
        account, kind, remote, price=remote.amount, parent=parent, **order
    )
    if kind == TransactionKind.AUTHORIZATION:
        add_missing_capture(row, remote)
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
    return found.exclude(kind__in=(TransactionKind.VOID, TransactionKind.REFUND)).first()
