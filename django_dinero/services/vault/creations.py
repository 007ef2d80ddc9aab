"""Creating customers: what is asked of the gateway, and that it is done once.

A customer whose creation is asked for twice, under one idempotency key, is created once.
The caller's key makes the customer key, which the row, the journal's lock name and the gateway all
have: whatever became of the first answer, the second request finds the first customer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import router
from django.utils.translation import gettext as _

from django_dinero import identifiers
from django_dinero.cards import CardDetails, PaymentToken
from django_dinero.db.transactions import in_transaction
from django_dinero.enums import ReasonKind
from django_dinero.exceptions import (
    IdempotencyKeyReused,
    NotSent,
    OperationInProgress,
    OutcomeUnknown,
)
from django_dinero.gateways.base import Gateway
from django_dinero.gateways.types import CustomerRequest, Refusal, RemoteCustomer
from django_dinero.models.customer import Customer
from django_dinero.models.operation import Operation
from django_dinero.services import journal
from django_dinero.services.errors import has_reason
from django_dinero.services.journal.records import Intent
from django_dinero.services.recovery import idempotency
from django_dinero.services.recovery.lookup import look_up


def key_for(given: Mapping[str, Any]) -> str:
    """Return the customer key that ``idempotency_key`` and ``scope`` make, empty without them.

    Raises:
        InvalidInput: no key of the form that is asked for.
    """
    key = idempotency.CallerKey.read(given)
    return "" if key.key is None else identifiers.derived_key(key.scope, key.key)


def row_with(customer: Customer) -> Customer | None:
    """Return the stored customer that has this one's key."""
    return Customer.objects.filter(
        gateway_name=customer.gateway_name, customer_key=customer.customer_key
    ).first()


def earlier(customer: Customer, card: CardDetails | PaymentToken | None) -> Customer | None:
    """Return the customer that this key made before, None if it made none.

    One that is stored here and has not reached the gateway is pushed.

    Raises:
        IdempotencyKeyReused: it was made with other values.
        OperationInProgress, OutcomeUnknown, NeedsAttention: it has no result yet.
    """
    lock_name = customer.lock_name
    holder = Operation.objects.filter(held_lock=lock_name).first()
    if holder is not None and look_up(holder).is_open:
        raise idempotency.unfinished_error(holder)
    made = row_with(customer)
    if made is None:
        return None
    if not _same(made, customer, card):
        raise IdempotencyKeyReused(_("This idempotency key was used before with other parameters."))
    if made.customer_id is None:
        made.save()
    if made.customer_id is None and not in_transaction(router.db_for_write(Customer)):
        raise OperationInProgress(_("This customer is being created; ask again in a moment."))
    return made


def _same(made: Customer, asked: Customer, card: CardDetails | PaymentToken | None) -> bool:
    names = ("email", "first_name", "last_name", "owner_id")
    if any(getattr(made, name) != getattr(asked, name) for name in names):
        return False
    stored = {row.last_4 for row in made.cards.all()}
    return card.last_4 in stored if isinstance(card, CardDetails) else bool(card is None or stored)


def request_for(row: Customer, card: CardDetails | PaymentToken | None = None) -> CustomerRequest:
    """Return what asks a gateway to store a customer, with a first card where there is one."""
    return CustomerRequest(
        operation_key=identifiers.new_key(),
        customer_key=row.customer_key,
        email=row.email,
        first_name=row.first_name,
        last_name=row.last_name,
        card=card,
    )


def intent_of(row: Customer) -> Intent:
    """Return what the journal keeps of it: enough to write the row of one that is found later."""
    return Intent(
        customer_key=row.customer_key,
        email=row.email,
        first_name=row.first_name,
        last_name=row.last_name,
        owner_pk=row.owner_id,
    )


def send(
    gateway: Gateway, operation: Operation, row: Customer, request: CustomerRequest
) -> RemoteCustomer:
    """Store a customer at the gateway; one that it has already under our key is ours.

    Raises:
        GatewayError: it was refused; the operation is closed.
        NotSent, OutcomeUnknown: as :func:`sending.send` does.
    """
    result = journal.send(gateway, operation, lambda: gateway.create_customer(request))
    if isinstance(result, Refusal):
        result = _own_duplicate(gateway, row, result)
    if isinstance(result, Refusal):
        raise journal.close_refused(operation, result)
    return result


def _own_duplicate(gateway: Gateway, row: Customer, refusal: Refusal) -> RemoteCustomer | Refusal:
    """A duplicate that carries our key is our own, from an attempt whose reply was lost."""
    if not has_reason(refusal, ReasonKind.DUPLICATE_CUSTOMER) or not refusal.existing_id:
        return refusal
    existing: RemoteCustomer | Refusal = refusal
    lost = ""
    try:
        existing = gateway.retrieve_customer(refusal.existing_id)
    except (NotSent, OutcomeUnknown) as error:
        lost = str(error)
    if lost:
        # "Not sent" is said of this second call; the first one may have stored the customer.
        raise OutcomeUnknown(lost)
    ours = isinstance(existing, RemoteCustomer) and existing.customer_key == row.customer_key
    return existing if ours else refusal
