"""Create customers at the gateway, once for each idempotency key.

The customer key is derived from the caller's idempotency key. It is in the row, in the lock name
and at the gateway, so a second request finds the first customer even if the first reply was lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
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
from django_dinero.gateways.calls import ask
from django_dinero.gateways.registry import get_gateway
from django_dinero.gateways.types import CustomerRequest, Refusal, RemoteCustomer, has_reason
from django_dinero.models.card import CreditCard
from django_dinero.models.customer import Customer
from django_dinero.models.operation import Operation, OperationState
from django_dinero.models.records import Intent, RecordedOutcome
from django_dinero.services import journal, modes, pull
from django_dinero.services.recovery import idempotency
from django_dinero.services.recovery.lookup import look_up
from django_dinero.services.vault import own_deletes
from django_dinero.validation import CallerKey


def customer_key_for(given: Mapping[str, Any], gateway_name: str) -> str:
    """Return the customer key derived from ``idempotency_key`` and ``scope``, empty without a key.

    One that was used before SECRET_KEY was changed is still the customer's, as long as the old
    secret is among SECRET_KEY_FALLBACKS.

    Raises:
        InvalidInput: the idempotency key or the scope has the wrong form.
    """
    key = CallerKey.read(given).at(gateway_name)
    if key.key is None:
        return ""
    earlier = identifiers.earlier_derived_keys(key.scope, key.key)
    used = (each for each in earlier if _is_used(gateway_name, each))
    return next(used, None) or identifiers.derived_key(key.scope, key.key)


def _is_used(gateway_name: str, customer_key: str) -> bool:
    """Say whether a customer was stored, or is being stored, under a customer key."""
    same = {"gateway_name": gateway_name, "customer_key": customer_key}
    names = [Customer(**same, live=live).lock_name for live in (False, True)]
    rows = Operation.objects.newest().filter(lock_name__in=names)
    return rows.exists() or any(own_deletes.seen_on_each(Customer.objects.filter(**same)))


def customer_with_same_key(customer: Customer) -> Customer | None:
    """Return the stored customer with the same customer key, or None.

    The caller's transaction may have begun before another one stored it: then only the journal's
    connection sees it.
    """
    rows = Customer.objects.filter(
        gateway_name=customer.gateway_name, customer_key=customer.customer_key
    )
    for found in own_deletes.seen_on_each(rows):
        # One of the other mode is another customer, but the key was used.
        made = min(found, key=lambda row: row.live != customer.live, default=None)
        if made is not None:
            made._state.db = router.db_for_write(Customer)
            return made
    return None


def is_known(gateway_name: str | None, key: str, scope: str) -> bool:
    """Say whether a call with this key has stored a customer.

    A customer that is just being stored does not count: what else the call asks for has not been
    compared yet, and may be another card each time.
    """
    gateway = get_gateway(gateway_name)
    given = {"idempotency_key": key, "scope": scope}
    customer = Customer(
        gateway_name=gateway.name,
        live=gateway.live,
        customer_key=customer_key_for(given, gateway.name),
    )
    return customer_with_same_key(customer) is not None


def earlier_customer(
    customer: Customer, card: CardDetails | PaymentToken | None
) -> Customer | None:
    """Return the customer that an earlier request with this key created, or None.

    If it is stored here and has not reached the gateway, it is pushed first.

    Raises:
        IdempotencyKeyReused: the earlier request had other values.
        InvalidInput: it was made at another account than the gateway is now.
        OperationInProgress, OutcomeUnknown, NeedsAttention: it has no result yet.
    """
    lock_name = customer.lock_name
    pending = Operation.objects.newest().filter(held_lock=lock_name).first()
    if pending is not None and look_up(pending).is_open:
        raise idempotency.unfinished_error(pending)
    made = customer_with_same_key(customer)
    if made is None:
        return None
    refuse_another(made, customer, card)
    if made.customer_id is None:
        made.save()
    if made.customer_id is None and not in_transaction(router.db_for_write(Customer)):
        raise OperationInProgress(_("This customer is being created; ask again in a moment."))
    return made


def refuse_another(
    made: Customer, asked: Customer, card: CardDetails | PaymentToken | None
) -> None:
    """Refuse a stored customer that is not the one that this call with its key asks for.

    A token is another one in each attempt, so it is taken for the card of the first call.

    Raises:
        IdempotencyKeyReused: the earlier request had other values.
        InvalidInput: it was made at another account than the gateway is now.
    """
    foreign = modes.foreign_error(made)
    if foreign is not None:
        raise foreign
    if _has_same_values(made, asked, card):
        return
    raise IdempotencyKeyReused(
        _(
            "This idempotency key was used before with other parameters. Repeat the first call "
            "as it was, or take a new key."
        )
    )


def _has_same_values(
    made: Customer, asked: Customer, card: CardDetails | PaymentToken | None
) -> bool:
    names = ("email", "first_name", "last_name", "owner_id")
    if any(getattr(made, name) != getattr(asked, name) for name in names):
        return False
    cards = CreditCard.objects.filter(customer_pk=made.pk)
    stored = {each.last_4 for found in own_deletes.seen_on_each(cards) for each in found}
    return card.last_4 in stored if isinstance(card, CardDetails) else bool(card is None or stored)


def creation_request(
    row: Customer, card: CardDetails | PaymentToken | None = None
) -> CustomerRequest:
    """Return the request that stores a customer, with a first card if there is one."""
    return CustomerRequest(
        operation_key=identifiers.new_key(),
        customer_key=row.customer_key,
        email=row.email,
        first_name=row.first_name,
        last_name=row.last_name,
        card=card,
    )


def creation_intent(row: Customer) -> Intent:
    """Return the intent for the journal, enough to write the customer's row after a look-up."""
    return Intent(
        customer_key=row.customer_key,
        email=row.email,
        first_name=row.first_name,
        last_name=row.last_name,
        owner_pk=row.owner_id,
        in_transaction=in_transaction(router.db_for_write(Customer)),
    )


def send_creation(
    gateway: Gateway, operation: Operation, request: CustomerRequest, *, is_first: bool = False
) -> RemoteCustomer:
    """Store a customer at the gateway. A duplicate under our customer key may count as stored.

    Args:
        is_first: whether no call before this one can have sent the customer key.

    Raises:
        GatewayError: the gateway refused; the operation has ended.
        NotSent, OutcomeUnknown: as for :func:`django_dinero.services.journal.send`.
    """
    call = partial(gateway.create_customer, request)
    result = journal.send(gateway, operation, call, RemoteCustomer | Refusal)
    if isinstance(result, Refusal):
        result = _own_duplicate(gateway, operation, request, result, is_first=is_first)
    if isinstance(result, Refusal):
        raise journal.end_refused(operation, result)
    return result


def _own_duplicate(
    gateway: Gateway,
    operation: Operation,
    request: CustomerRequest,
    refusal: Refusal,
    *,
    is_first: bool,
) -> RemoteCustomer | Refusal:
    """Return the duplicate if it is what is asked for.

    An earlier attempt created it, and its reply or its row was lost. Or it was deleted here and is
    stored again before its delete was sent: such a delete is called off. Or this very request was
    delivered twice.
    """
    if not has_reason(refusal, ReasonKind.DUPLICATE_CUSTOMER) or not refusal.existing_id:
        return refusal
    existing: RemoteCustomer | Refusal = refusal
    lost = ""
    try:
        call = partial(gateway.retrieve_customer, refusal.existing_id)
        existing = ask(gateway, call, answers=RemoteCustomer | Refusal)
    except (NotSent, OutcomeUnknown) as error:
        lost = str(error)
    except Exception as error:
        lost = journal.log_broken_backend(operation, error)
    if lost:
        # "Not sent" would be true of this second call only. The first may have stored the customer.
        journal.end(operation, OperationState.UNKNOWN, RecordedOutcome(error=lost[:500]))
        raise OutcomeUnknown(lost, operation=operation, gateway_name=gateway.name)
    if not isinstance(existing, RemoteCustomer) or existing.customer_id != refusal.existing_id:
        return refusal  # the gateway answered with another one
    if not _answers(existing, request, is_first=is_first):
        return refusal
    # Before the creation ends and lets go of its lock, for which the delete may be waiting.
    leaving = pull.cancel_for_customer(operation, existing)
    cards = tuple(card for card in existing.cards if card.card_id not in leaving)
    return replace(existing, cards=cards)


def _answers(existing: RemoteCustomer, request: CustomerRequest, *, is_first: bool) -> bool:
    """Whether the duplicate that the gateway has is the customer that is asked for.

    A card is sent once and stored nowhere, so a customer without it is not what was asked for. A
    number is compared by its last digits. What is behind a token only the gateway knows, and the
    cards of an earlier call, or of a customer that was deleted, may be other ones: the shopper's
    next charge would take them. So a token is answered only where this very call has stored the
    customer. Other values can be pushed later.
    """
    if existing.customer_key != request.customer_key:
        return False
    if request.card is None:
        return True
    if isinstance(request.card, CardDetails):
        return request.card.last_4 in {card.last_4 for card in existing.cards}
    return is_first and bool(existing.cards)
