"""Bring what the gateway records of transactions into our ledger."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from django_dinero.db.failures import own_errors
from django_dinero.enums import ReasonKind, RemoteStatus, ResultStatus, TransactionKind
from django_dinero.exceptions import InvalidTransactionError
from django_dinero.gateways.registry import get_gateway
from django_dinero.gateways.types import RemoteTransaction
from django_dinero.models.operation import MONEY_KINDS, Operation, OperationKind, OperationState
from django_dinero.models.transaction import (
    COUNTED,
    FOLLOW_UPS,
    KIND_LABELS,
    UNDECIDED,
    Transaction,
)
from django_dinero.services import journal, ledger, modes
from django_dinero.services.errors import read
from django_dinero.services.journal.records import (
    RecordedOutcome,
    truncate_for_columns,
)
from django_dinero.services.ledger import statuses

#: Operations whose amount must equal that of the gateway's transaction.
SAME_AMOUNT_KINDS = (OperationKind.CHARGE, OperationKind.AUTHORIZE, OperationKind.REFUND)
CHARGES = (OperationKind.CHARGE, OperationKind.AUTHORIZE)
CAPTURED = (RemoteStatus.CAPTURED, RemoteStatus.SETTLED)


@own_errors()
def retrieve_transaction(transaction_id: str, *, gateway_name: str | None = None) -> Transaction:
    """Fetch a transaction and bring its row up to date; see :meth:`Transaction.retrieve`."""
    gateway = get_gateway(gateway_name)
    # Read before the gateway is asked, because a row written meanwhile is newer than its answer.
    before = _row_of(gateway.name, str(transaction_id))
    if before is not None:
        modes.refuse_foreign(gateway, before)
    remote = read(gateway, lambda: gateway.retrieve_transaction(str(transaction_id)))
    if before is not None:
        update_row(before, remote)
        return before
    restored = _conclude_own_operation(gateway.name, remote)
    row = _row_of(gateway.name, remote.transaction_id)
    if row is not None and restored:
        # It was written again as it was then. How it stands now is asked once more.
        return retrieve_transaction(transaction_id, gateway_name=gateway.name)
    return row or create_foreign_row(gateway.name, remote)


def _row_of(gateway_name: str, transaction_id: str) -> Transaction | None:
    found = ledger.transactions().filter(gateway_name=gateway_name, transaction_id=transaction_id)
    return found.exclude(kind__in=statuses.SHARED).first()


def _conclude_own_operation(gateway_name: str, remote: RemoteTransaction) -> bool:
    """If the transaction has one of our keys, conclude the operation with that key.

    Returns:
        Whether the operation was concluded before, and its lost row is written again.
    """
    rows = Operation.objects.using(journal.current_alias())
    operation = rows.filter(key=remote.operation_key or "", gateway_name=gateway_name).first()
    if operation is None:
        return False
    if operation.has_result:
        ledger.restore_row(operation)
        return True
    conclude_from_remote(operation, remote)
    return False


def conclude_from_remote(operation: Operation, remote: RemoteTransaction) -> None:
    """Conclude a money operation by the transaction that the gateway has of it."""
    if operation.kind not in MONEY_KINDS or operation.kind in ledger.DECISIONS:
        return
    if _was_given_back(operation, remote):
        outcome = _declined_in_part(remote)
        ledger.conclude(operation, outcome, transaction_id=remote.transaction_id)
        return
    if _differs(operation, remote):
        text = _("The gateway has it with another amount or currency.")
        journal.move(operation, OperationState.NEEDS_ATTENTION, RecordedOutcome(error=text))
        return
    operation.next_action = remote.next_action
    outcome = RecordedOutcome.of_remote(remote)
    if operation.kind in CHARGES and remote.status in (RemoteStatus.VOIDED, RemoteStatus.EXPIRED):
        # Whoever asks for it must not take it for paid.
        outcome = _refused(outcome, ledger.unread_end(statuses.FROM_REMOTE[remote.status]))
    ledger.conclude(operation, outcome, transaction_id=remote.transaction_id)


def _was_given_back(operation: Operation, remote: RemoteTransaction) -> bool:
    """Whether less was approved than was asked for, and voided at once: then nothing was paid.

    The backends do so with a partial approval. Where the answer to that void is lost, it is found.
    """
    part = remote.amount < operation.asked_amount and remote.currency == operation.currency
    return operation.kind in CHARGES and part and remote.status is RemoteStatus.VOIDED


def _declined_in_part(remote: RemoteTransaction) -> RecordedOutcome:
    text = _("Only %(amount)s was approved, and it was given back.") % {"amount": remote.amount}
    return replace(_refused(RecordedOutcome.of_remote(remote), text), remote_status="")


def _refused(outcome: RecordedOutcome, text: str) -> RecordedOutcome:
    kind = ReasonKind.CARD_DECLINED.value
    return replace(
        outcome,
        result=ResultStatus.DECLINED.value,
        reason=kind,
        reasons=(kind,),
        gateway_text=text,
    )


def _differs(operation: Operation, remote: RemoteTransaction) -> bool:
    asked = operation.asked_amount
    if remote.currency and remote.currency != operation.currency:
        return True
    if operation.kind in SAME_AMOUNT_KINDS:
        return remote.amount != asked
    captured = operation.kind == OperationKind.CAPTURE and remote.settled_amount is not None
    return captured and remote.settled_amount != asked


def differs_from_row(row: Transaction, remote: RemoteTransaction) -> bool:
    """Whether what was approved at last is another amount than what was asked for."""
    if statuses.FROM_REMOTE[remote.status] not in statuses.TAKEN:
        return False
    other_currency = bool(remote.currency) and remote.currency != row.currency
    return other_currency or remote.amount != Decimal(row.price)


def _leave_to_a_person(row: Transaction, remote: RemoteTransaction) -> None:
    rows = Operation.objects.using(journal.current_alias())
    operation = rows.filter(key=row.operation_key or "").first()
    text = _("The gateway has it with another amount or currency.")
    if operation is not None:
        outcome = replace(RecordedOutcome.of(operation), error=text)
        journal.move(operation, OperationState.NEEDS_ATTENTION, outcome)


def write_status(row: Transaction, remote: RemoteTransaction) -> bool:
    """Write the gateway's status into a row; return False if another process changed it first."""
    status, now = statuses.FROM_REMOTE[remote.status], datetime.now(UTC)
    if row.status == status:
        return True
    same = ledger.transactions().filter(pk=row.pk, status=row.status)
    if not same.update(status=status, updated_at=now):
        return False
    row.status, row.updated_at = status.value, now
    return True


def update_row(row: Transaction, remote: RemoteTransaction) -> None:
    """Bring a row up to date with the gateway, unless it has changed since it was read."""
    if row.kind == TransactionKind.VOID:
        return
    if row.status in UNDECIDED and differs_from_row(row, remote):
        _leave_to_a_person(row, remote)
        return
    if not write_status(row, remote):
        ledger.refresh(row)
        return
    if row.kind == TransactionKind.AUTHORIZATION:
        # Some gateways keep one id for an authorization and its captures.
        captures = ledger.transactions().filter(parent=row, kind=TransactionKind.CAPTURE)
        same = captures.filter(transaction_id=row.transaction_id, status__in=COUNTED)
        same.exclude(status=row.status).update(status=row.status, updated_at=datetime.now(UTC))
        _add_missing_capture(row, remote)
    ledger.refresh(row)
    ledger.align_undecided(row)


def _add_missing_capture(row: Transaction, remote: RemoteTransaction) -> None:
    """Add the capture of an authorization that was captured in the gateway's own pages."""
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


def create_foreign_row(gateway_name: str, remote: RemoteTransaction) -> Transaction:
    """Create a row for a transaction that this app did not make, and return it.

    Raises:
        InvalidTransactionError: it is a follow-up whose original has no row here, or its amount is
            zero.
    """
    kind = remote.kind
    parent = _parent_of(gateway_name, remote)
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
    if problem:
        raise InvalidTransactionError(problem, gateway_name=gateway_name)
    row = _get_or_create(gateway_name, kind, remote, price=remote.amount, parent=parent)
    if kind == TransactionKind.AUTHORIZATION:
        _add_missing_capture(row, remote)
    return row


def _get_or_create(
    gateway_name: str, kind: TransactionKind, remote: RemoteTransaction, **values: Any
) -> Transaction:
    texts = {"order_reference": remote.order_reference, "description": remote.description}
    row, _created = ledger.transactions().get_or_create(
        gateway_name=gateway_name,
        kind=kind,
        transaction_id=remote.transaction_id,
        defaults={
            **RecordedOutcome.of_remote(remote).shown,
            **truncate_for_columns(texts),
            "status": statuses.FROM_REMOTE[remote.status],
            "currency": remote.currency,
            "customer_id": remote.customer_id,
            "card_id": remote.card_id,
            **values,
        },
    )
    return row


def _parent_of(gateway_name: str, remote: RemoteTransaction) -> Transaction | None:
    if (
        remote.kind in (TransactionKind.CHARGE, TransactionKind.AUTHORIZATION)
        or not remote.parent_id
    ):
        return None
    found = ledger.transactions().filter(gateway_name=gateway_name, transaction_id=remote.parent_id)
    return found.exclude(kind__in=(TransactionKind.VOID, TransactionKind.REFUND)).first()
