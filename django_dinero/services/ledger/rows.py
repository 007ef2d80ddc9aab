"""Rows of the books, written from what a gateway said; each once, whoever writes it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.contrib.auth import get_user_model
from django.db import Error, IntegrityError, router, transaction
from django.db.models import Model, Q, QuerySet
from django.utils import timezone

from django_dinero.enums import RemoteStatus, ResultStatus, TransactionKind
from django_dinero.gateways.types import TransactionResult
from django_dinero.models.card import CreditCard
from django_dinero.models.customer import Customer
from django_dinero.models.operation import Operation
from django_dinero.models.transaction import COUNTED, Transaction, TransactionStatus
from django_dinero.money import EXACT, normalise
from django_dinero.redaction import scrub
from django_dinero.services.ledger.statuses import FROM_REMOTE, KINDS, SHARED, STATUSES


def transactions() -> QuerySet[Transaction]:
    """Return all rows, as the database that is written to has them: never from a replica."""
    return Transaction.objects.using(router.db_for_write(Transaction))


def refresh(row: Transaction) -> None:
    """Bring an instance up to date from the database that is written to."""
    row.refresh_from_db(using=router.db_for_write(Transaction))


def lock_name_of(row: Transaction) -> str:
    """Return what the operations that follow a transaction hold."""
    return f"transaction:{row.public_id}"


def original_of(operation: Operation) -> Transaction:
    """Return the transaction that an operation follows."""
    return transactions().get(public_id=operation.lock_name.partition(":")[2])


def outcome_of(result: TransactionResult) -> dict[str, Any]:
    """Return what the journal keeps of an answer: enough to write its row again."""
    first = result.reasons[0] if result.reasons else None
    told = {
        "auth_code": result.auth_code,
        "avs": result.avs,
        "cvv": result.cvv,
        "network_transaction_id": result.network_transaction_id,
        "last_4": result.last_4,
        "brand": result.brand,
        "gateway_code": first.code if first else "",
        "gateway_text": scrub(first.text)[:1000] if first else "",
    }
    return {
        **truncate_for_columns(told),
        "result": result.outcome.value,
        "transaction_id": _real_id(result.transaction_id),
        "reason": first.kind.value if first else "",
        "reasons": [reason.kind.value for reason in result.reasons],
    }


def truncate_for_columns(told: Mapping[str, str]) -> dict[str, str]:
    """Return what a gateway said as our columns take it: not too long, no NUL, no half characters.

    An approval must not be lost because its AVS letter has become a sentence.
    """
    return {name: _fitting(text, name) for name, text in told.items()}


def _fitting(text: str, name: str) -> str:
    clean = text.replace("\x00", "").encode("utf-8", "ignore").decode()
    limit = getattr(Transaction._meta.get_field(name), "max_length", None)
    return clean[:limit]


def write_row(operation: Operation) -> tuple[Transaction, bool]:
    """Return the row of a concluded operation, and whether it was written just now.

    Everything comes from the operation's intent and outcome, so that a row lost in a rollback is
    written again as it was.
    """
    values = _values(operation)
    found = _recorded(operation, values)
    if found is not None:
        return found
    links = _existing(_links(operation))
    try:
        return _write(operation, values, links), True
    except IntegrityError:
        pass
    # Somebody else wrote it meanwhile, or MariaDB saw at once that a row it points at has gone.
    again = _recorded(operation, values)
    return again or (_write(operation, values, _existing(links)), True)


def _recorded(operation: Operation, values: Mapping[str, Any]) -> tuple[Transaction, bool] | None:
    """Return the row of an operation, or of another one that did the very same at the gateway.

    An authorization and its capture are one transaction there: voiding both is one void, and the
    second caller is told that it was done before.
    """
    own = transactions().filter(operation_key=operation.key).first()
    if own is not None:
        return own, False
    if values["transaction_id"] is None:
        return None
    names = ("gateway_name", "kind", "transaction_id")
    same = transactions().filter(**{name: values[name] for name in names}).first()
    if same is None:
        return None
    if same.operation_key is None:
        return same, _claimed(same, operation, values)
    return (same, False) if same.kind in SHARED else None


def _claimed(row: Transaction, operation: Operation, values: Mapping[str, Any]) -> bool:
    """Take a row that was read from the gateway before its operation had an answer."""
    newer = ("status", "transaction_id", "public_id")
    ours = {name: value for name, value in values.items() if name not in newer}
    found = transactions().filter(pk=row.pk, operation_key=None)
    links = _existing(_links(operation))
    won = bool(found.update(operation_key=operation.key, **ours, **links))
    refresh(row)
    return won


def belongs_to_other_operation(operation: Operation, transaction_id: str) -> bool:
    """Say whether the gateway's id belongs to a row that another operation has made."""
    kind = KINDS[operation.kind]
    if kind in SHARED or not transaction_id:
        return False
    same = transactions().filter(
        gateway_name=operation.gateway_name, kind=kind, transaction_id=transaction_id
    )
    try:
        return same.exclude(operation_key=None).exclude(operation_key=operation.key).exists()
    except Error:
        return False  # whoever writes the answer down meets the same database, and tells


def _write(
    operation: Operation, values: Mapping[str, Any], links: Mapping[str, Any]
) -> Transaction:
    using = router.db_for_write(Transaction)
    with transaction.atomic(using=using):
        row = transactions().create(operation_key=operation.key, **values, **links)
        if row.kind == TransactionKind.VOID and row.status == TransactionStatus.APPROVED:
            _mark_voided(row)
    return row


def _mark_voided(void: Transaction) -> None:
    """A void takes its original out of the books, and what hangs on the same remote id."""
    same = transactions().filter(gateway_name=void.gateway_name, status__in=COUNTED)
    parent = void.parent
    original = Q(pk=void.parent_id)
    if void.transaction_id and parent and parent.kind != TransactionKind.REFUND:
        # An authorization and its capture are one transaction at gateways that keep one id.
        original |= Q(
            transaction_id=parent.transaction_id,
            kind__in=(TransactionKind.AUTHORIZATION, TransactionKind.CAPTURE),
        )
    same.filter(original).update(status=TransactionStatus.VOIDED, updated_at=timezone.now())
    if parent:
        refresh(parent)


def _values(operation: Operation) -> dict[str, Any]:
    intent, outcome = operation.intent, operation.outcome
    kind, result = KINDS[operation.kind], ResultStatus(outcome["result"])
    # A refused capture or void may come with the id of its original: it moved nothing of its own.
    nothing = kind in SHARED and result is not ResultStatus.APPROVED
    values = {
        "gateway_name": operation.gateway_name,
        "transaction_id": None if nothing else outcome.get("transaction_id") or None,
        "kind": kind.value,
        "status": _status(kind, outcome).value,
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
        "gateway_code": outcome.get("gateway_code", ""),
        "gateway_text": outcome.get("gateway_text", ""),
    }
    if "public_id" in intent:
        values["public_id"] = uuid.UUID(intent["public_id"])
    return values


def _status(kind: TransactionKind, outcome: Mapping[str, Any]) -> TransactionStatus:
    """Return what the answer makes of a row; what was found by a lookup may have gone further."""
    seen = outcome.get("remote_status")
    if seen and kind != TransactionKind.VOID:
        return FROM_REMOTE[RemoteStatus(seen)]
    return STATUSES[ResultStatus(outcome["result"])]


def _links(operation: Operation) -> dict[str, Any]:
    intent = operation.intent
    parent = None
    if operation.lock_name:
        # By its public id: a row that was written again has another primary key.
        parent = transactions().filter(public_id=operation.lock_name.partition(":")[2]).first()
    return {
        "customer_pk": intent.get("customer_pk"),
        "card_pk": intent.get("card_pk"),
        "owner_id": intent.get("owner_pk"),
        "parent": parent,
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
        name: value if name not in tables or _exists(tables[name], value) else None
        for name, value in links.items()
    }


def _exists(model: type[Model], pk: Any) -> bool:
    return (
        pk is not None
        and model._base_manager.using(router.db_for_write(model)).filter(pk=pk).exists()
    )


def left_to_refund(row: Transaction) -> Decimal:
    """Return how much of a charge or a capture can still be refunded.

    A refund that the gateway holds may still go out, and counts.
    """
    on_its_way = row.sum_of(TransactionKind.REFUND, (*COUNTED, TransactionStatus.HELD))
    taken = Decimal(row.price) if row.kind == TransactionKind.CAPTURE else row.captured_amount
    return EXACT.subtract(taken, on_its_way)


def _real_id(transaction_id: str) -> str:
    # "0" is Authorize.Net's word for "no transaction was made" (its XML guide).
    return "" if transaction_id == "0" else transaction_id
