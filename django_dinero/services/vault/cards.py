"""Cards that arrive with a number or a token: sent in the call that received them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, Unpack

from django.core.exceptions import ObjectDoesNotExist
from django.db import router
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from django_dinero import identifiers
from django_dinero.cards import ADDRESS_FIELDS, CardDetails, PaymentToken, check_cvv, text_of
from django_dinero.enums import ReasonKind, ResultStatus
from django_dinero.exceptions import (
    CardNotFoundError,
    InvalidInput,
    OperationInProgress,
    OutcomeUnknown,
)
from django_dinero.gateways.base import Gateway
from django_dinero.gateways.registry import get_gateway
from django_dinero.gateways.types import CardRequest, CardUpdate, Refusal, RemoteCard
from django_dinero.models.arguments import NewCardOptions, names_of
from django_dinero.models.card import CreditCard, cards_lock_name
from django_dinero.models.customer import Customer
from django_dinero.models.operation import (
    OPEN_STATES,
    Operation,
    OperationKind,
    OperationState,
)
from django_dinero.models.sync_state import SyncState
from django_dinero.models.synced import GatewayAnswer
from django_dinero.redaction import Secret
from django_dinero.services import journal, validation
from django_dinero.services.errors import error_for, has_reason, read
from django_dinero.services.journal.records import Intent, RecordedOutcome
from django_dinero.services.pull import UNDONE
from django_dinero.services.recovery import locking
from django_dinero.services.validation import Findings
from django_dinero.services.vault.push import push_customer

#: Saves the row of a card with what the gateway has answered.
Write = Callable[[GatewayAnswer], None]

ACCEPTED = names_of(NewCardOptions)


def add_card(customer: Customer, **options: Unpack[NewCardOptions]) -> CreditCard:
    """Store one more card for a customer; see :meth:`Customer.add_card`."""
    validation.refuse_unknown(options, ACCEPTED)
    values = {name: value for name, value in options.items() if value is not None}
    is_default = bool(values.pop("is_default", False))
    card = CreditCard(customer=customer, gateway_name=customer.gateway_name, **values)
    if is_default:
        card.default_slot = customer.pk
    card.save()
    customer.forget_cards()
    return card


def validate_card(card: CreditCard, cvv: Secret | None) -> None:
    """Ask the issuer whether a stored card is good; see :meth:`CreditCard.validate`."""
    gateway = get_gateway(card.gateway_name)
    gateway.require("validate_card")
    code = check_cvv(cvv)
    result = read(gateway, lambda: gateway.validate_card(card.customer_id, card.card_id, code))
    if result.outcome is not ResultStatus.APPROVED:
        raise error_for(result.reasons, gateway_name=gateway.name)


def store_card(card: CreditCard, write: Write) -> None:
    """Send a card that has a new number or token, and write its row with the answer.

    Args:
        write: saves the row; whatever it takes from the instance stands there by then.
    """
    gateway = get_gateway(_owner_of(card).gateway_name if card._state.adding else card.gateway_name)
    gateway.require("add_card" if card._state.adding else "update_card")
    details = _checked(gateway, card)
    _fill(card, details)
    if card._state.adding:
        _add(gateway, card, details, write)
    else:
        _replace_number(gateway, card, details, write)


def _owner_of(card: CreditCard) -> Customer:
    customer: Customer = card.customer
    if customer.pk is None:
        raise InvalidInput({"customer": _("Save the customer first.")})
    return customer


def _checked(gateway: Gateway, card: CreditCard) -> CardDetails | PaymentToken:
    """Return what was typed; all that is wrong with it is one error."""
    for name in ADDRESS_FIELDS:
        value = getattr(card, name)
        if not isinstance(value, Secret):  # a number that was typed here is refused below
            setattr(card, name, text_of(value))
    typed = _typed(card)
    findings = Findings()
    details = findings.of(lambda: validation.checked_card(typed))
    findings.of_gateway(gateway, typed)
    findings.add(card.problems())
    if details is None or findings.errors:
        raise card.input_error(findings.errors)
    return details


def _typed(card: CreditCard) -> dict[str, Any]:
    address = {name: getattr(card, name) for name in ADDRESS_FIELDS}
    if card.token is not None:
        return {"token": card.token, "number": card.number, **address}
    expiry = {"month": card.month, "year": card.year}
    return {"number": card.number, "cvv": card.cvv, **expiry, **address}


def _fill(card: CreditCard, details: CardDetails | PaymentToken) -> None:
    for name, text in details.address.as_dict().items():
        setattr(card, name, text)
    if isinstance(details, CardDetails):
        card.last_4, card.brand = details.last_4, details.brand
        card.month, card.year = details.month, details.year


def _add(
    gateway: Gateway, card: CreditCard, details: CardDetails | PaymentToken, write: Write
) -> None:
    customer = card.customer
    card.gateway_name = gateway.name
    gateway.check_request(CardRequest("", customer.customer_id or "", details))
    _push_first(customer)
    customer_id = customer.customer_id or ""
    operation = locking.begin_on_cards(
        gateway,
        OperationKind.ADD_CARD,
        using=journal.alias_for_vault(),
        lock_name=cards_lock_name(gateway.name, customer_id),
        key=identifiers.new_key(),
        customer_id=customer_id,
        intent=Intent(customer_key=customer.customer_key, **validation.shown(details)),
    )
    _look_at_the_others(operation, card)
    request = CardRequest(
        operation_key=operation.key,
        customer_id=customer_id,
        card=details,
        is_default=card.is_default,
    )
    result = journal.send(gateway, operation, lambda: gateway.add_card(request))
    adopted = _unknown_here(customer, result, details)
    answer = _take_answer(card, operation, adopted or result, details, pushed=adopted is None)
    customer.forget_cards()
    write(answer)


def _look_at_the_others(operation: Operation, card: CreditCard) -> None:
    """Make a first card the default, and write into the intent which cards there are.

    Now that nobody else adds one: getting here may have found a card that had been lost.
    """
    using = router.db_for_write(CreditCard, instance=card)
    cards = CreditCard.objects.using(using).filter(customer=card.customer)
    others = dict(cards.values_list("card_id", "default_slot"))
    default_id = next((card_id for card_id, slot in others.items() if slot is not None), "")
    if card.wants_default or not others:
        card.default_slot = card.customer_pk
    journal.add_to_intent(
        operation,
        known_card_ids=(*others, *_undone_deletes(operation).values_list("card_id", flat=True)),
        is_default=card.is_default,
        default_card_id=default_id,
    )


def _undone_deletes(operation: Operation) -> QuerySet[Operation]:
    """Return the deletes of this customer's cards that the gateway has not done.

    None of them is under way: that one would hold the customer's cards.
    """
    rows = Operation.objects.using(router.db_for_write(Operation))
    rows = rows.filter(kind=OperationKind.DELETE_CARD, gateway_name=operation.gateway_name)
    # By the lock's name too, which has an index.
    rows = rows.filter(lock_name=operation.lock_name, customer_id=operation.customer_id)
    return rows.exclude(state=OperationState.SUCCEEDED)


def _conclude(card: CreditCard, operation: Operation, result: RemoteCard, *, adopted: bool) -> None:
    """End the operation in the transaction that writes the row.

    Raises:
        OutcomeUnknown: this worker was so slow that a look-up took it for dead, and has written
            what it found: the row of this answer may have been changed or deleted since.
    """
    if adopted:
        # First: whoever sends a delete has locked it when it asks who holds the cards.
        _cancel_deletes(operation, result.card_id)
    outcome = RecordedOutcome(customer_id=result.customer_id, card_id=result.card_id)
    journal.conclude(
        operation, OperationState.SUCCEEDED, outcome, lambda: None, card_id=result.card_id
    )
    if not operation.ended_from:
        raise OutcomeUnknown(
            _("Operation %(key)s was looked up meanwhile; read the cards again.")
            % {"key": operation.key},
            operation=operation,
        )
    if operation.ended_from not in OPEN_STATES:
        # Others may have changed the customer's cards since: the row is to be pushed once more.
        card.sync_state, card.synced_digest = SyncState.PENDING, ""


def _cancel_deletes(operation: Operation, card_id: str) -> None:
    """Close the deletes of a card that was stored again before they were done."""
    for tombstone in _undone_deletes(operation).filter(card_id=card_id, state__in=UNDONE):
        journal.move(tombstone, OperationState.FAILED, RecordedOutcome(error="stored again"))


def _push_first(customer: Customer) -> None:
    """See that the gateway has the customer of a new card."""
    if customer.customer_id is not None:
        return
    using = router.db_for_write(Customer, instance=customer)
    push_customer(customer.pk, using)
    customer.refresh_from_db(using=using, fields=["customer_id", *Customer.BOOKKEEPING])
    if customer.customer_id is None:
        # Another worker is creating it: without its id there is nothing to add a card to.
        raise OperationInProgress(_("The customer is still being stored at the gateway."))


def _unknown_here(
    customer: Customer, result: RemoteCard | Refusal, details: CardDetails | PaymentToken
) -> RemoteCard | None:
    """Return the card that "the customer has this card" speaks of, if it has no row here.

    A proxy delivered our request twice and the first delivery stored it, or it was added elsewhere:
    either way it is the customer's. Its row waits to be pushed, since a duplicate may have another
    expiry date than what was typed now.
    """
    if not isinstance(result, Refusal) or not has_reason(result, ReasonKind.DUPLICATE_CARD):
        return None
    cards = CreditCard.objects.using(router.db_for_write(CreditCard)).filter(
        gateway_name=customer.gateway_name, customer_id=customer.customer_id
    )
    if not result.existing_id or cards.filter(card_id=result.existing_id).exists():
        return None
    shown = validation.shown(details)
    return RemoteCard(
        customer.customer_id or "", result.existing_id, shown["last_4"], shown["brand"]
    )


def _replace_number(
    gateway: Gateway, card: CreditCard, details: CardDetails | PaymentToken, write: Write
) -> None:
    request = CardUpdate(
        operation_key=identifiers.new_key(),
        customer_id=card.customer_id,
        card_id=card.card_id,
        address=details.address,
        month=card.month,
        year=card.year,
        is_default=card.is_default,
        card=details,
    )
    gateway.check_request(request)
    operation = locking.begin_on_cards(
        gateway,
        OperationKind.UPDATE_CARD,
        using=journal.alias_for_vault(),
        lock_name=card.lock_name,
        key=request.operation_key,
        customer_id=card.customer_id,
        card_id=card.card_id,
        intent=Intent(**validation.shown(details)),
    )
    _reread_default(operation, card)
    request = replace(request, is_default=card.is_default)
    result = journal.send(gateway, operation, lambda: gateway.update_card(request))
    write(_take_answer(card, operation, result, details))


def _reread_default(operation: Operation, card: CreditCard) -> None:
    """Read whether the card is still the default, now that nobody else moves it at the gateway.

    Raises:
        CardNotFoundError: it was deleted here; nothing was sent.
    """
    if card.wants_default or card.changed("default_slot"):
        return  # what this save is to change
    try:
        using = router.db_for_write(CreditCard, instance=card)
        card.refresh_from_db(using=using, fields=["default_slot"])
        return
    except ObjectDoesNotExist:
        journal.move(operation, OperationState.FAILED, RecordedOutcome(error="deleted meanwhile"))
    raise CardNotFoundError(
        _("This card was deleted."), operation=operation, gateway_name=card.gateway_name
    )


def _take_answer(
    card: CreditCard,
    operation: Operation,
    result: RemoteCard | Refusal,
    details: CardDetails | PaymentToken,
    *,
    pushed: bool = True,
) -> GatewayAnswer:
    """Put what the gateway said on the instance; return it, with what ends the operation."""
    if isinstance(result, Refusal):
        raise journal.close_refused(operation, result)
    card.customer_id, card.card_id = result.customer_id, result.card_id
    card.last_4 = result.last_4 or card.last_4
    card.brand = result.brand or card.brand
    if isinstance(details, PaymentToken):
        card.month = result.month or card.month
        card.year = result.year or card.year
    conclude = partial(_conclude, card, operation, result, adopted=not pushed)
    return GatewayAnswer(taken=pushed, conclude=conclude)
