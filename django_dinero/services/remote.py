"""What the gateway's own books say, brought into ours."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from django_dinero.exceptions import InvalidTransactionError
from django_dinero.gateways.registry import get_gateway
from django_dinero.gateways.types import Kind, RemoteStatus, RemoteTransaction
from django_dinero.models.operation import MONEY_KINDS, Operation, OperationKind, OperationState
from django_dinero.models.transaction import (
    COUNTED,
    FOLLOW_UPS,
    Transaction,
    TransactionKind,
)
from django_dinero.services import aliases, books, endings, journal, meanings
from django_dinero.services.refusals import read

#: Operations whose amount is that of the transaction which the gateway shows.
WHOLE = (OperationKind.CHARGE, OperationKind.AUTHORIZE, OperationKind.REFUND)
CAPTURED = (RemoteStatus.CAPTURED, RemoteStatus.SETTLED)


def retrieve(transaction_id: str, *, gateway_name: str | None = None) -> Transaction:
    """Fetch a transaction and bring its row up to date; see :meth:`Transaction.retrieve`."""
    gateway = get_gateway(gateway_name)
    # Read before the gateway is asked: what is written here meanwhile is newer than its answer.
    before = _original(gateway.alias, str(transaction_id))
    remote = read(gateway, lambda: gateway.retrieve_transaction(str(transaction_id)))
    if before is not None:
        apply(before, remote)
        return before
    _conclude_ours(gateway.alias, remote)
    row = _original(gateway.alias, remote.transaction_id)
    return row or foreign_row(gateway.alias, remote)


def _original(gateway_name: str, transaction_id: str) -> Transaction | None:
    found = books.rows().filter(gateway_name=gateway_name, transaction_id=transaction_id)
    return found.exclude(kind__in=meanings.SHARED).first()


def _conclude_ours(gateway_name: str, remote: RemoteTransaction) -> None:
    """A transaction that carries our key tells how its operation ended."""
    rows = Operation.objects.using(aliases.journal())
    operation = rows.filter(key=remote.operation_key or "", gateway_name=gateway_name).first()
    if operation is None:
        return
    if operation.has_result:
        endings.record(operation)
    else:
        adopt(operation, remote)


def adopt(operation: Operation, remote: RemoteTransaction) -> None:
    """Conclude a money operation by what the gateway's books say of it."""
    if operation.kind not in MONEY_KINDS or operation.kind in endings.DECISIONS:
        return
    if _differs(operation, remote):
        text = _("The gateway has it with another amount or currency.")
        journal.move(operation, OperationState.MANUAL, outcome={"error": text})
        return
    endings.conclude(operation, _outcome_of(remote), transaction_id=remote.transaction_id)


def _differs(operation: Operation, remote: RemoteTransaction) -> bool:
    asked = Decimal(operation.amount or 0)
    if remote.currency and remote.currency != operation.currency:
        return True
    if operation.kind in WHOLE:
        return remote.amount != asked
    captured = operation.kind == OperationKind.SETTLE and remote.settled_amount is not None
    return captured and remote.settled_amount != asked


def _outcome_of(remote: RemoteTransaction) -> dict[str, Any]:
    return {
        **_told(remote),
        "result": meanings.OUTCOMES[remote.status].value,
        "remote_status": remote.status.value,
        "transaction_id": remote.transaction_id,
        "found": True,
    }


def _told(remote: RemoteTransaction) -> dict[str, str]:
    return books.fitting(
        {
            "auth_code": remote.auth_code,
            "avs": remote.avs,
            "cvv": remote.cvv,
            "network_transaction_id": remote.network_transaction_id,
            "last_4": remote.last_4,
            "brand": remote.brand,
        }
    )


def apply(row: Transaction, remote: RemoteTransaction) -> None:
    """Bring a row up to date with what the gateway has, unless it changed since it was read."""
    if row.kind == TransactionKind.VOID:
        return
    status = meanings.FROM_REMOTE[remote.status]
    changed = {"status": status, "updated_at": timezone.now()}
    if row.status != status:
        same = books.rows().filter(pk=row.pk, status=row.status)
        if not same.update(**changed):
            books.refresh(row)
            return
    if row.kind == TransactionKind.AUTHORIZATION:
        # Its captures hang on the same remote id, at gateways that keep one.
        captures = books.rows().filter(parent=row, kind=TransactionKind.CAPTURE)
        same = captures.filter(transaction_id=row.transaction_id, status__in=COUNTED)
        same.exclude(status=status).update(**changed)
        _add_capture(row, remote)
    books.refresh(row)
    endings.agree(row)


def _add_capture(row: Transaction, remote: RemoteTransaction) -> None:
    """An authorization may be captured in the gateway's own pages: the books say how much."""
    if remote.status not in CAPTURED or not remote.settled_amount or row.captured_amount:
        return
    _get_or_create(
        row.gateway_name,
        TransactionKind.CAPTURE,
        remote,
        price=remote.settled_amount,
        parent=row,
        customer_pk=row.customer_pk,
        card_pk=row.card_pk,
        owner=row.owner,
        order_reference=row.order_reference,
    )


def foreign_row(gateway_name: str, remote: RemoteTransaction) -> Transaction:
    """Return a row for a transaction that this app did not make.

    Raises:
        InvalidTransactionError: a follow-up whose original has no row here, or no money at all.
    """
    kind = TransactionKind(remote.kind.value)
    parent = _parent_of(gateway_name, remote)
    problem = ""
    if parent is None and kind in FOLLOW_UPS:
        problem = _(
            "%(id)s is a %(kind)s, and its original has no row here; retrieve %(parent)s first."
        ) % {
            "id": remote.transaction_id,
            "kind": kind.label,
            "parent": remote.parent_id or _("that one"),
        }
    elif remote.amount <= 0:
        problem = _("%(id)s moved no money.") % {"id": remote.transaction_id}
    if problem:
        raise InvalidTransactionError(problem, gateway_name=gateway_name)
    row = _get_or_create(gateway_name, kind, remote, price=remote.amount, parent=parent)
    if kind == TransactionKind.AUTHORIZATION:
        _add_capture(row, remote)
    return row


def _get_or_create(
    gateway_name: str, kind: TransactionKind, remote: RemoteTransaction, **values: Any
) -> Transaction:
    texts = {"order_reference": remote.order_reference, "description": remote.description}
    row, _created = books.rows().get_or_create(
        gateway_name=gateway_name,
        kind=kind,
        transaction_id=remote.transaction_id,
        defaults={
            **_told(remote),
            **books.fitting(texts),
            "status": meanings.FROM_REMOTE[remote.status],
            "currency": remote.currency,
            "customer_id": remote.customer_id,
            "card_id": remote.card_id,
            **values,
        },
    )
    return row


def _parent_of(gateway_name: str, remote: RemoteTransaction) -> Transaction | None:
    if remote.kind in (Kind.CHARGE, Kind.AUTHORIZATION) or not remote.parent_id:
        return None
    found = books.rows().filter(gateway_name=gateway_name, transaction_id=remote.parent_id)
    return found.exclude(kind__in=(TransactionKind.VOID, TransactionKind.REFUND)).first()
