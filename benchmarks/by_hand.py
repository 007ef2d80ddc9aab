"""The verbs as a Django developer writes them by hand, without any safety: the floor of ours.

Each one writes and commits what it is about to do, calls the same client of the gateway once, and
writes the outcome and the row of the books in one transaction. Models, columns and calls are those
of the app, so what is left between the two is what the promises cost.

Left out is what only they need: no argument is checked, no idempotency key or lock is taken,
nothing is read before or after (not even the network's id of the card's first charge, which ours
sends along), and no signal is sent. ``NOT_FILLED`` names the columns that stay empty for this
reason; a test holds all others equal.
"""

from __future__ import annotations

import os
import socket
import uuid
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db import models, transaction
from django.utils import timezone

from django_dinero.cards import Address, CardDetails
from django_dinero.enums import RemoteStatus, ResultStatus
from django_dinero.gateways.base import Gateway
from django_dinero.gateways.types import (
    ChargeRequest,
    CustomerRequest,
    FollowUpRequest,
    RemoteCustomer,
    RemoteTransaction,
    StoredCard,
    TransactionResult,
)
from django_dinero.identifiers import new_key
from django_dinero.models import CreditCard, Customer, Operation, Transaction
from django_dinero.redaction import Secret

WORKER = f"{socket.gethostname()}:{os.getpid()}"
#: Columns, and a value of the intent, that serve the app's promises alone.
NOT_FILLED = {
    Operation: ("fingerprint", "lock_name", "parent_key", "email_key"),
    Transaction: (),
    Customer: ("synced_digest",),
    CreditCard: ("synced_digest",),
}


def charge(
    gateway: Gateway, card: CreditCard, price: Decimal, *, capture: bool = True
) -> Transaction:
    """Charge a stored card, or authorize it."""
    customer = card.customer
    operation = _begin(
        gateway,
        "charge" if capture else "authorize",
        intent={
            "public_id": str(uuid.uuid4()),
            "customer_pk": customer.pk,
            "card_pk": card.pk,
            "email": customer.email,
            "initiator": "customer",
            "last_4": card.last_4,
            "brand": card.brand,
        },
        amount=price,
        currency=gateway.currency,
        customer_id=card.customer_id,
        card_id=card.card_id,
    )
    result = gateway.charge(
        ChargeRequest(
            operation_key=operation.key,
            amount=price,
            currency=gateway.currency,
            source=StoredCard(card.customer_id, card.card_id),
            capture=capture,
            email=customer.email,
        )
    )
    with transaction.atomic():
        _finish(operation, result)
        return _row(
            operation,
            result,
            kind="charge" if capture else "authorization",
            price=price,
            initiator="customer",
        )


def capture(gateway: Gateway, authorization: Transaction) -> Transaction:
    """Take all of an authorization."""
    operation = _begin_follow_up(gateway, "capture", authorization)
    result = gateway.capture(_request(operation, authorization))
    with transaction.atomic():
        _finish(operation, result)
        return _follow_up_row(operation, result, "capture", authorization)


def void(gateway: Gateway, original: Transaction) -> Transaction:
    """Cancel a payment."""
    operation = _begin_follow_up(gateway, "void", original)
    result = gateway.void(_request(operation, original))
    with transaction.atomic():
        _finish(operation, result)
        row = _follow_up_row(operation, result, "void", original)
        _set_status(original, "voided")
    return row


def refund(gateway: Gateway, original: Transaction) -> Transaction:
    """Give all of a payment back.

    One call: the gateway itself refuses to refund what has not settled, and whoever knows that it
    has need not ask.
    """
    operation = _begin_follow_up(gateway, "refund", original)
    result = gateway.refund(_request(operation, original))
    with transaction.atomic():
        _finish(operation, result)
        return _follow_up_row(operation, result, "refund", original)


def refund_after_asking(gateway: Gateway, original: Transaction) -> Transaction:
    """Give all of a payment back, as a void where it has not settled: two calls, as ours."""
    remote = gateway.retrieve_transaction(original.transaction_id or "")
    assert isinstance(remote, RemoteTransaction), remote
    if remote.status is not RemoteStatus.SETTLED:
        return void(gateway, original)
    _set_status(original, "settled", settled_at=remote.settled_at, batch_id=remote.batch_id)
    return refund(gateway, original)


def create_customer(
    gateway: Gateway, email: str, number: str, cvv: str, month: int, year: int, **address: str
) -> Customer:
    """Store a customer with a card."""
    operation_key, customer_key = new_key(), new_key()
    card = CardDetails(Secret(number), Secret(cvv), month, year, Address(**address))
    operation = _begin(
        gateway,
        "create_customer",
        key=operation_key,
        intent={
            "customer_key": customer_key,
            "email": email,
            "last_4": card.last_4,
            "brand": card.brand,
        },
        customer_key=customer_key,
    )
    remote = gateway.create_customer(
        CustomerRequest(
            operation_key=operation_key, customer_key=customer_key, email=email, card=card
        )
    )
    assert isinstance(remote, RemoteCustomer), remote
    with transaction.atomic():
        _finish_customer(operation, remote)
        return _customer_rows(gateway, remote, customer_key, email)


def _begin(gateway: Gateway, kind: str, **columns: Any) -> Operation:
    now = timezone.now()
    lease = now + timedelta(seconds=gateway.lease_seconds)
    return Operation.objects.create(
        kind=kind,
        gateway_name=gateway.name,
        state="sent",
        sent_at=now,
        lease_until=lease,
        quarantine_until=now + timedelta(seconds=gateway.quarantine_seconds),
        next_check_at=lease,
        attempts=1,
        worker=WORKER,
        **columns,
    )


def _begin_follow_up(gateway: Gateway, kind: str, original: Transaction) -> Operation:
    return _begin(
        gateway,
        kind,
        intent={
            "public_id": str(uuid.uuid4()),
            "customer_pk": original.customer_pk,
            "card_pk": original.card_pk,
            "last_4": original.last_4,
            "brand": original.brand,
        },
        amount=original.price,
        currency=original.currency,
        customer_id=original.customer_id,
        card_id=original.card_id,
        transaction_id=original.transaction_id or "",
    )


def _request(operation: Operation, original: Transaction) -> FollowUpRequest:
    return FollowUpRequest(
        operation_key=operation.key,
        transaction_id=original.transaction_id or "",
        amount=original.price,
        currency=original.currency,
        customer_id=original.customer_id,
        card_id=original.card_id,
        last_4=original.last_4,
        order_reference=original.order_reference,
    )


def _finish(operation: Operation, result: TransactionResult) -> None:
    assert result.outcome is ResultStatus.APPROVED, result
    Operation.objects.filter(pk=operation.pk).update(
        state="succeeded",
        transaction_id=result.transaction_id,
        outcome={
            "result": "approved",
            "transaction_id": result.transaction_id,
            "auth_code": result.auth_code,
            "avs": result.avs,
            "cvv": result.cvv,
            "network_transaction_id": result.network_transaction_id,
            "last_4": result.last_4,
            "brand": result.brand,
        },
        updated_at=timezone.now(),
    )


def _row(operation: Operation, result: TransactionResult, **columns: Any) -> Transaction:
    intent = operation.intent
    return Transaction.objects.create(
        public_id=intent["public_id"],
        gateway_name=operation.gateway_name,
        transaction_id=result.transaction_id,
        operation_key=operation.key,
        status="approved",
        currency=operation.currency,
        customer_pk=intent["customer_pk"],
        card_pk=intent["card_pk"],
        customer_id=operation.customer_id,
        card_id=operation.card_id,
        last_4=intent["last_4"],
        brand=intent["brand"],
        auth_code=result.auth_code,
        avs=result.avs,
        cvv=result.cvv,
        network_transaction_id=result.network_transaction_id,
        **columns,
    )


def _follow_up_row(
    operation: Operation, result: TransactionResult, kind: str, original: Transaction
) -> Transaction:
    return _row(operation, result, kind=kind, price=original.price, parent=original)


def _set_status(row: Transaction, status: str, **columns: Any) -> None:
    now = timezone.now()
    Transaction.objects.filter(pk=row.pk).update(status=status, updated_at=now, **columns)


def _finish_customer(operation: Operation, remote: RemoteCustomer) -> None:
    Operation.objects.filter(pk=operation.pk).update(
        state="succeeded",
        customer_id=remote.customer_id,
        outcome={
            "customer_id": remote.customer_id,
            "card_ids": [card.card_id for card in remote.cards],
        },
        updated_at=timezone.now(),
    )


def _customer_rows(
    gateway: Gateway, remote: RemoteCustomer, customer_key: str, email: str
) -> Customer:
    """Write both rows, past the ``save()`` of our models, which would check and push them."""
    marks = {"sync_state": "synced", "edits": 0, "synced_version": 1}
    known = {"gateway_name": gateway.name, **marks}
    customer = Customer(
        customer_key=customer_key, customer_id=remote.customer_id, email=email, **known
    )
    models.Model.save(customer, force_insert=True)
    (stored,) = remote.cards
    card = CreditCard(
        customer=customer,
        customer_id=remote.customer_id,
        card_id=stored.card_id,
        last_4=stored.last_4,
        brand=stored.brand,
        month=stored.month,
        year=stored.year,
        default_of=customer.pk,
        **stored.address.as_dict(),
        **known,
    )
    models.Model.save(card, force_insert=True)
    return customer
