"""Rows of the books, written from what a gateway said; each once, whoever writes it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.contrib.auth import get_user_model
from django.db import IntegrityError, router, transaction
from django.db.models import Model, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from django_dinero.exceptions import InvalidTransactionError
from django_dinero.gateways.types import (
    Kind,
    Outcome,
    RemoteStatus,
    RemoteTransaction,
    TransactionResult,
)
from django_dinero.models.card import CreditCard
from django_dinero.models.customer import Customer
from django_dinero.models.operation import Operation, OperationKind, OperationState
from django_dinero.models.transaction import (
    COUNTED,
    FOLLOW_UPS,
    Transaction,
    TransactionKind,
    TransactionStatus,
)
from django_dinero.money import normalise
from django_dinero.secrets import scrub

KINDS: Mapping[str, TransactionKind] = {
    OperationKind.CHARGE: TransactionKind.CHARGE,
    OperationKind.AUTHORIZE: TransactionKind.AUTHORIZATION,
    OperationKind.SETTLE: TransactionKind.CAPTURE,
    OperationKind.VOID: TransactionKind.VOID,
    OperationKind.REFUND: TransactionKind.REFUND,
}

STATUSES: Mapping[Outcome, TransactionStatus] = {
    Outcome.APPROVED: TransactionStatus.APPROVED,
    Outcome.DECLINED: TransactionStatus.DECLINED,
    Outcome.HELD: TransactionStatus.HELD,
    Outcome.FAILED: TransactionStatus.FAILED,
    Outcome.REQUIRES_ACTION: TransactionStatus.HELD,
}

STATES: Mapping[Outcome, OperationState] = {
    Outcome.APPROVED: OperationState.SUCCEEDED,
    Outcome.DECLINED: OperationState.DECLINED,
    Outcome.HELD: OperationState.PENDING,
    Outcome.FAILED: OperationState.FAILED,
    Outcome.REQUIRES_ACTION: OperationState.PENDING,
}

#: What the gateway's status says of a charge, an authorization or a refund of ours.
FROM_REMOTE: Mapping[RemoteStatus, TransactionStatus] = {
    RemoteStatus.AUTHORIZED: TransactionStatus.APPROVED,
    RemoteStatus.CAPTURED: TransactionStatus.APPROVED,
    RemoteStatus.SETTLED: TransactionStatus.SETTLED,
    RemoteStatus.VOIDED: TransactionStatus.VOIDED,
    RemoteStatus.HELD: TransactionStatus.HELD,
    RemoteStatus.DECLINED: TransactionStatus.DECLINED,
    RemoteStatus.EXPIRED: TransactionStatus.EXPIRED,
    RemoteStatus.RETURNED: TransactionStatus.RETURNED,
    RemoteStatus.CHARGED_BACK: TransactionStatus.CHARGED_BACK,
    RemoteStatus.FAILED: TransactionStatus.FAILED,
}

OUTCOMES: Mapping[RemoteStatus, Outcome] = {
    RemoteStatus.AUTHORIZED: Outcome.APPROVED,
    RemoteStatus.CAPTURED: Outcome.APPROVED,
    RemoteStatus.SETTLED: Outcome.APPROVED,
    RemoteStatus.VOIDED: Outcome.APPROVED,
    RemoteStatus.HELD: Outcome.HELD,
    RemoteStatus.DECLINED: Outcome.DECLINED,
    RemoteStatus.EXPIRED: Outcome.APPROVED,
    RemoteStatus.RETURNED: Outcome.APPROVED,
    RemoteStatus.CHARGED_BACK: Outcome.APPROVED,
    RemoteStatus.FAILED: Outcome.FAILED,
}


#: What has the remote id of its original, so that there is one of each.
SHARED = (TransactionKind.CAPTURE, TransactionKind.VOID)


def outcome_of(result: TransactionResult) -> dict[str, Any]:
    """Return what the journal keeps of an answer: enough to write its row again."""
    first = result.reasons[0] if result.reasons else None
    return {
        "result": result.outcome.value,
        "transaction_id": _real_id(result.transaction_id) or "",
        "auth_code": result.auth_code,
        "avs": result.avs,
        "cvv": result.cvv,
        "network_transaction_id": result.network_transaction_id,
        "last_4": result.last_4,
        "brand": result.brand,
        "reason": first.kind.value if first else "",
        "gateway_code": first.code if first else "",
        "gateway_text": scrub(first.text)[:1000] if first else "",
        "reasons": [reason.kind.value for reason in result.reasons],
    }


def record(operation: Operation) -> Transaction:
    """Return the row of a concluded operation, written if it is not there yet.

    Everything comes from the operation's intent and outcome, so that a row lost in a rollback is
    written again as it was.
    """
    values = _values(operation)
    found = _recorded(operation, values)
    if found is not None:
        return found
    links = _existing(_links(operation))
    try:
        return _write(operation, values, links)
    except IntegrityError:
        pass
    # Somebody else wrote it meanwhile, or MariaDB saw at once that a row it points at has gone.
    return _recorded(operation, values) or _write(operation, values, _existing(links))


def _recorded(operation: Operation, values: Mapping[str, Any]) -> Transaction | None:
    """Return the row of an operation, or of another one that did the very same at the gateway.

    An authorization and its capture are one transaction there: voiding both is one void, and the
    second caller is told that it was done before.
    """
    rows = Transaction.objects.using(router.db_for_write(Transaction))
    own = rows.filter(operation_key=operation.key).first()
    if own is not None or values["kind"] not in SHARED or values["transaction_id"] is None:
        return own
    names = ("gateway_name", "kind", "transaction_id")
    return rows.filter(**{name: values[name] for name in names}).first()


def _write(
    operation: Operation, values: Mapping[str, Any], links: Mapping[str, Any]
) -> Transaction:
    using = router.db_for_write(Transaction)
    with transaction.atomic(using=using):
        row = Transaction.objects.using(using).create(
            operation_key=operation.key, **values, **links
        )
        if row.kind == TransactionKind.VOID and row.status == TransactionStatus.APPROVED:
            _mark_voided(row, using)
    return row


def _mark_voided(void: Transaction, using: str) -> None:
    """A void takes its original out of the books, and what hangs on the same remote id."""
    same = Transaction.objects.using(using).filter(
        gateway_name=void.gateway_name, status__in=COUNTED
    )
    original = Q(pk=void.parent_id)
    if void.transaction_id and void.parent and void.parent.kind != TransactionKind.REFUND:
        # An authorization and its capture are one transaction at gateways that keep one id.
        original |= Q(
            transaction_id=void.parent.transaction_id,
            kind__in=(TransactionKind.AUTHORIZATION, TransactionKind.CAPTURE),
        )
    same.filter(original).update(status=TransactionStatus.VOIDED, updated_at=timezone.now())


def _values(operation: Operation) -> dict[str, Any]:
    intent, outcome = operation.intent, operation.outcome
    kind, status = KINDS[operation.kind], STATUSES[Outcome(outcome["result"])]
    # A refused capture or void may come with the id of its target, which is no movement of its own.
    nothing = kind in SHARED and status != TransactionStatus.APPROVED
    return {
        "gateway_name": operation.gateway_name,
        "transaction_id": None if nothing else outcome.get("transaction_id") or None,
        "kind": kind.value,
        "status": status.value,
        "price": normalise(Decimal(operation.amount or 0), operation.currency),
        "currency": operation.currency,
        "customer_id": operation.customer_id,
        "card_id": operation.card_id,
        "last_4": intent.get("last_4") or outcome.get("last_4", ""),
        "brand": intent.get("brand") or outcome.get("brand", ""),
        "auth_code": outcome.get("auth_code", ""),
        "avs": outcome.get("avs", ""),
        "cvv": outcome.get("cvv", ""),
        "network_transaction_id": outcome.get("network_transaction_id", ""),
        "order_reference": intent.get("order_reference", ""),
        "description": intent.get("description", ""),
        "customer_ip": intent.get("customer_ip") or None,
        "initiator": intent.get("initiator", ""),
        "reason": outcome.get("reason", ""),
        "gateway_code": outcome.get("gateway_code", "")[:40],
        "gateway_text": outcome.get("gateway_text", ""),
    }


def _links(operation: Operation) -> dict[str, Any]:
    intent = operation.intent
    return {
        "customer_pk": intent.get("customer_pk"),
        "card_pk": intent.get("card_pk"),
        "owner_id": intent.get("owner_pk"),
        "parent_id": intent.get("parent_pk"),
    }


def _existing(links: Mapping[str, Any]) -> dict[str, Any]:
    """Return the links without those whose row has been deleted.

    Asked before the row is written: SQLite and PostgreSQL check a foreign key at the commit, where
    it would take the whole conclusion down.
    """
    tables: dict[str, type[Model]] = {
        "customer_pk": Customer,
        "card_pk": CreditCard,
        "owner_id": get_user_model(),
    }
    return {
        name: pk
        if pk is None or name not in tables or tables[name]._base_manager.filter(pk=pk).exists()
        else None
        for name, pk in links.items()
    }


def apply_remote(row: Transaction, remote: RemoteTransaction) -> None:
    """Bring a row's status up to date with what the gateway has."""
    status = FROM_REMOTE[remote.status]
    if row.kind == TransactionKind.VOID or row.status == status:
        return
    values = {"status": status, "updated_at": timezone.now()}
    Transaction.objects.filter(pk=row.pk, status=row.status).update(**values)
    row.refresh_from_db()


def foreign_row(gateway_name: str, remote: RemoteTransaction) -> Transaction:
    """Return a row for a transaction that this app did not make.

    Raises:
        InvalidTransactionError: a follow-up whose original has no row here.
    """
    kind = remote.kind.value
    parent = _parent_of(gateway_name, remote)
    if parent is None and kind in FOLLOW_UPS:
        raise InvalidTransactionError(
            _("%(id)s is a %(kind)s, and its original has no row here; retrieve %(parent)s first.")
            % {
                "id": remote.transaction_id,
                "kind": TransactionKind(kind).label,
                "parent": remote.parent_id or _("that one"),
            },
            gateway_name=gateway_name,
        )
    values = {
        "status": FROM_REMOTE[remote.status].value,
        "price": remote.amount,
        "currency": remote.currency,
        "parent": parent,
        "customer_id": remote.customer_id,
        "card_id": remote.card_id,
        "last_4": remote.last_4,
        "brand": remote.brand,
        "auth_code": remote.auth_code,
        "avs": remote.avs,
        "cvv": remote.cvv,
        "network_transaction_id": remote.network_transaction_id,
        "order_reference": remote.order_reference[:255],
        "description": remote.description[:255],
    }
    row, _created = Transaction.objects.get_or_create(
        gateway_name=gateway_name,
        kind=kind,
        transaction_id=remote.transaction_id,
        defaults=values,
    )
    return row


def _parent_of(gateway_name: str, remote: RemoteTransaction) -> Transaction | None:
    if remote.kind in (Kind.CHARGE, Kind.AUTHORIZATION) or not remote.parent_id:
        return None
    rows = Transaction.objects.filter(gateway_name=gateway_name, transaction_id=remote.parent_id)
    return rows.exclude(kind__in=(TransactionKind.VOID, TransactionKind.REFUND)).first()


def left_to_refund(row: Transaction) -> Decimal:
    """Return how much of a charge or a capture has not been refunded yet."""
    if row.kind == TransactionKind.CAPTURE:
        return Decimal(row.price) - row.refunded_amount
    return row.captured_amount - row.refunded_amount


def _real_id(transaction_id: str) -> str | None:
    # "0" is Authorize.Net's word for "no transaction was made" (its XML guide).
    return transaction_id if transaction_id not in ("", "0") else None
