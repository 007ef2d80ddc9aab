"""Store cards and new numbers. A number or token is sent in the call that receives it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Unpack

from django.core.exceptions import ObjectDoesNotExist
from django.db import router
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from django_dinero import identifiers, signals, validation
from django_dinero.cards import (
    ADDRESS_FIELDS,
    CardDetails,
    PaymentToken,
    check_cvv,
    text_of,
    wrap_secrets,
)
from django_dinero.db.on_commit import when_committed
from django_dinero.db.queries import primary
from django_dinero.db.transactions import in_transaction
from django_dinero.enums import ReasonKind, ResultStatus
from django_dinero.exceptions import (
    CardNotFoundError,
    InvalidInput,
    OperationInProgress,
)
from django_dinero.gateways.base import Gateway
from django_dinero.gateways.calls import check_request
from django_dinero.gateways.registry import get_gateway
from django_dinero.gateways.types import (
    CardRequest,
    CardUpdate,
    Refusal,
    RemoteCard,
    TransactionResult,
    has_reason,
)
from django_dinero.input_errors import InputErrors
from django_dinero.models import journal_notes
from django_dinero.models.arguments import NewCardOptions, names_of, refuse_unknown
from django_dinero.models.card import CreditCard, cards_lock_name
from django_dinero.models.customer import Customer
from django_dinero.models.mode import Account
from django_dinero.models.operation import (
    OPEN_STATES,
    Operation,
    OperationKind,
    OperationState,
)
from django_dinero.models.records import Intent, RecordedOutcome
from django_dinero.models.sync_state import ALL_EDITS, SyncState
from django_dinero.models.synced import GatewayAnswer
from django_dinero.observing.verbs import traced
from django_dinero.redaction import Secret
from django_dinero.services import journal, modes, pull
from django_dinero.services.errors import error_for, read
from django_dinero.services.pull import UNFINISHED_STATES
from django_dinero.services.recovery import locking
from django_dinero.services.recovery.idempotency import unfinished_error
from django_dinero.services.vault import number_keys, own_deletes
from django_dinero.services.vault.push import push_customer

#: Saves the row of a card with the gateway's answer.
WriteRow = Callable[[GatewayAnswer], None]

ACCEPTED = names_of(NewCardOptions)


def add_card(customer: Customer, **options: Unpack[NewCardOptions]) -> CreditCard:
    """Add a card to a customer; see :meth:`Customer.add_card`."""
    refuse_unknown(options, ACCEPTED)
    card = _new_row(customer, options)
    card.save()
    customer.forget_cards()
    return card


def check(customer: Customer, options: Mapping[str, Any]) -> None:
    """Raise what :func:`add_card` would say of its arguments; do nothing else.

    Raises:
        InvalidInput: wrong fields, all named in ``errors``.
    """
    card = _new_row(customer, options)
    _check_input(_gateway_of(card), card)


def _new_row(customer: Customer, options: Mapping[str, Any]) -> CreditCard:
    values = {name: value for name, value in options.items() if value is not None}
    is_default = bool(values.pop("is_default", False))
    card = CreditCard(customer=customer, gateway_name=customer.gateway_name, **values)
    if is_default:
        card.default_of = customer.pk
    return card


@traced("validate_card")
def validate_card(card: CreditCard, cvv: Secret | None) -> None:
    """Ask the issuer whether a stored card is valid; see :meth:`CreditCard.validate`."""
    gateway = modes.gateway_of(card)
    gateway.require("validate_card")
    code = check_cvv(cvv)
    gateway.expect(*card.new_ids)
    verb = partial(gateway.validate_card, card.customer_id, card.card_id, code)
    result = read(gateway, verb, answers=TransactionResult, changes=True)
    if result.outcome is not ResultStatus.APPROVED:
        raise error_for(result.reasons, gateway_name=gateway.name)


@dataclass(frozen=True, slots=True)
class _Sent:
    """A card that the gateway has taken, and that has to be written here."""

    operation: Operation
    outcome: RecordedOutcome
    answer: GatewayAnswer


@traced("store_card")
def store_card(card: CreditCard, write: WriteRow) -> None:
    """Send a card that has a new number or token, and write its row with the answer.

    Args:
        write: saves the row; called after the answer has been put on the instance.
    """
    created = card._state.adding
    gateway = _gateway_of(card)
    gateway.require("add_card" if created else "update_card")
    details = _check_input(gateway, card)
    _fill_row(card, details)
    send = _add_at_gateway if created else _replace_number
    sent = send(gateway, card, details)
    with journal.told_if_unrecorded(sent.operation, OperationState.SUCCEEDED, sent.outcome):
        write(sent.answer)
    if sent.answer.accepted:
        # Before the signal: no receiver may see the number.
        card.drop_secrets()
        _announce_after_commit(card, created=created)


def new_number_errors(card: CreditCard) -> dict[str, str]:
    """Return the errors, by field, of a card that has a new number or token."""
    errors = InputErrors()
    errors.collect(lambda: _check_input(_gateway_of(card), card))
    return errors.by_field


def _gateway_of(card: CreditCard) -> Gateway:
    row = _stored_customer(card) if card._state.adding else card
    gateway = get_gateway(row.gateway_name)
    if row.live != gateway.live:
        modes.refuse_foreign(gateway, row)
    return gateway


def _announce_after_commit(card: CreditCard, *, created: bool) -> None:
    """Send ``card_pushed`` once the row is committed, as it is for a card that a push sends."""
    announce = partial(signals.send, signals.card_pushed, CreditCard, card=card, created=created)
    using = card._state.db or router.db_for_write(CreditCard, instance=card)
    when_committed(using, announce)


def _stored_customer(card: CreditCard) -> Customer:
    if "customer" not in card._state.fields_cache:
        # From the primary: Django would read it from a replica.
        stored = primary(Customer).filter(pk=card.customer_pk)
        found = stored.first()
        if found is not None:
            card.customer = found
    customer: Customer | None = card._state.fields_cache.get("customer")
    if customer is None or customer.pk is None:
        raise InvalidInput({"customer": _("Save the customer first.")})
    return customer


def _check_input(gateway: Gateway, card: CreditCard) -> CardDetails | PaymentToken:
    """Return what was typed. All errors in it are raised as one exception."""
    _strip_address(card)
    typed = _typed_values(card)
    wrap_secrets(typed)
    errors = InputErrors()
    details = errors.collect(lambda: validation.required_card(typed))
    validation.check_for_gateway(errors, gateway, typed)
    errors.add(card.value_errors())
    if details is None or errors.by_field:
        raise card.input_error(errors.by_field)
    return details


def _strip_address(card: CreditCard) -> None:
    for name in ADDRESS_FIELDS:
        value = getattr(card, name)
        if not isinstance(value, Secret):  # a number in an address field is refused
            setattr(card, name, text_of(value))


def _typed_values(card: CreditCard) -> dict[str, Any]:
    address = {name: getattr(card, name) for name in ADDRESS_FIELDS}
    if card.token is not None:
        return {"token": card.token, "number": card.number, **address}
    expiry = {"month": card.month, "year": card.year}
    return {"number": card.number, "cvv": card.cvv, **expiry, **address}


def _fill_row(card: CreditCard, details: CardDetails | PaymentToken) -> None:
    for name, text in details.address.as_dict().items():
        setattr(card, name, text)
    if isinstance(details, CardDetails):
        card.last_4, card.brand = details.last_4, details.brand
        card.month, card.year = details.month, details.year


def _add_at_gateway(
    gateway: Gateway, card: CreditCard, details: CardDetails | PaymentToken
) -> _Sent:
    customer = card.customer
    card.gateway_name, card.live = gateway.name, gateway.live
    check_request(gateway, CardRequest("", customer.customer_id or "", details))
    _push_customer_first(customer)
    customer_id = customer.customer_id or ""
    operation = locking.begin_on_cards(
        gateway,
        OperationKind.ADD_CARD,
        using=Operation.objects.alias_for_vault(),
        lock_name=cards_lock_name(gateway.name, customer_id, live=gateway.live),
        key=identifiers.new_key(),
        customer_id=customer_id,
        intent=Intent(
            customer_key=customer.customer_key,
            in_transaction=in_transaction(router.db_for_write(CreditCard)),
            **validation.shown(details),
        ),
    )
    with journal.released_on_failure(operation):
        is_stored = _record_other_cards(operation, card)
    if not is_stored:
        journal.move(
            operation, OperationState.FAILED, RecordedOutcome(error=journal_notes.DELETED_MEANWHILE)
        )
        raise InvalidInput({"customer": validation.not_stored()}, operation=operation)
    request = CardRequest(
        operation_key=operation.key,
        customer_id=customer_id,
        card=details,
        is_default=card.is_default,
    )
    gateway.expect(*customer.new_ids)
    call = partial(gateway.add_card, request)
    result = journal.send(gateway, operation, call, RemoteCard | Refusal)
    existing = _card_without_row(customer, result, details)
    sent = _apply_answer(card, operation, existing or result, details, accepted=existing is None)
    customer.forget_cards()
    return sent


def _record_other_cards(operation: Operation, card: CreditCard) -> bool:
    """Make a first card the default, and record the customer's other cards in the intent.

    This is done under the lock, when nobody else can add a card. Waiting for the lock may have
    recovered a card whose reply was lost.

    Returns:
        Whether the customer has a row. Another one may have its primary key after a rollback.
    """
    stored = card.customer.stored_row(router.db_for_write(CreditCard, instance=card))
    found = list(stored.values_list("cards__card_id", "cards__default_of"))
    others = {card_id: default_of for card_id, default_of in found if card_id is not None}
    default_id = next((card_id for card_id, owner in others.items() if owner is not None), "")
    if card.wants_default or not others:
        card.default_of = card.customer_pk
    journal.add_to_intent(
        operation,
        known_card_ids=(*others, *_unfinished_deletes(operation).values_list("card_id", flat=True)),
        is_default=card.is_default,
        default_card_id=default_id,
    )
    return bool(found)


def _unfinished_deletes(operation: Operation) -> QuerySet[Operation]:
    """Return the deletes of this customer's cards that the gateway has not carried out.

    None of them is under way, because it would have the lock of the customer's cards.
    """
    rows = primary(Operation)
    rows = rows.filter(kind=OperationKind.DELETE_CARD, **Account.of(operation).columns)
    # Also filtered by the lock name, which has an index.
    rows = rows.filter(lock_name=operation.lock_name, customer_id=operation.customer_id)
    return rows.exclude(state=OperationState.SUCCEEDED)


def _end_in_save(
    card: CreditCard, operation: Operation, outcome: RecordedOutcome, *, stored_before: bool
) -> None:
    """End the operation in the transaction that writes the row.

    Raises:
        OutcomeUnknown: this worker was so slow that another one looked the operation up and wrote
            its row. That row may have been changed or deleted since.
        NeedsAttention, ...: another one has ended the operation otherwise.
    """
    if stored_before:
        # Before anything else: a worker that sends a delete locks its operation first and asks for
        # the lock of the cards second.
        _cancel_deletes(operation, outcome.card_id)
    journal.end_operation_in_transaction(
        operation, OperationState.SUCCEEDED, outcome, card_id=outcome.card_id
    )
    if not operation.ended_from:
        raise unfinished_error(operation)
    if operation.ended_from not in OPEN_STATES:
        # Another worker may have changed the customer's cards since. Push the row once more.
        card.sync_state, card.synced_digest, card.edits = SyncState.PENDING, "", ALL_EDITS


def _cancel_deletes(operation: Operation, card_id: str) -> None:
    """End the deletes of a card that was stored again before they were carried out."""
    deletes = _unfinished_deletes(operation).filter(card_id=card_id)
    pull.cancel_repetitions(pull.to_be_repeated(deletes))
    pull.cancel_all(deletes.filter(state__in=UNFINISHED_STATES))


def _push_customer_first(customer: Customer) -> None:
    """Create the customer of a new card at the gateway, if that is still to be done."""
    if customer.customer_id is not None:
        return
    using = router.db_for_write(Customer, instance=customer)
    if not customer.stored_row(using).exists():
        raise InvalidInput({"customer": validation.not_stored()})
    push_customer(customer.pk, using)
    customer.refresh_from_db(using=using, fields=["customer_id", *Customer.BOOKKEEPING])
    if customer.customer_id is None:
        # Another worker is creating the customer. Without its id no card can be added.
        raise OperationInProgress(_("The customer is still being stored at the gateway."))


def _card_without_row(
    customer: Customer, result: RemoteCard | Refusal, details: CardDetails | PaymentToken
) -> RemoteCard | None:
    """Return the existing card that a duplicate refusal names, if it has no row here.

    Either a proxy delivered our request twice and the first delivery stored the card, or it was
    added elsewhere. In both cases it is the customer's card. Its row waits to be pushed, because
    the existing card may have another expiry date than the one typed now.
    """
    if not isinstance(result, Refusal) or not has_reason(result, ReasonKind.DUPLICATE_CARD):
        return None
    rows = CreditCard.objects.filter(
        **Account.of(customer).columns,
        customer_id=customer.customer_id,
        card_id=result.existing_id,
    )
    if not result.existing_id or any(own_deletes.seen_on_each(rows)):
        return None
    shown = validation.shown(details)
    return RemoteCard(
        customer.customer_id or "", result.existing_id, shown["last_4"], shown["brand"]
    )


def _replace_number(
    gateway: Gateway, card: CreditCard, details: CardDetails | PaymentToken
) -> _Sent:
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
    check_request(gateway, request)
    operation = locking.begin_on_cards(
        gateway,
        OperationKind.UPDATE_CARD,
        using=Operation.objects.alias_for_vault(),
        lock_name=card.lock_name,
        key=request.operation_key,
        customer_id=card.customer_id,
        card_id=card.card_id,
        intent=Intent(number_key=request.operation_key, **validation.shown(details)),
    )
    with journal.released_on_failure(operation):
        details = _reread(operation, card, details)
    request = replace(
        request,
        address=details.address,
        month=card.month,
        year=card.year,
        is_default=card.is_default,
        card=details,
    )
    gateway.expect(*card.new_ids)
    with number_keys.counted_as_new(card, operation):
        call = partial(gateway.update_card, request)
        result = journal.send(gateway, operation, call, RemoteCard | Refusal)
        sent = _apply_answer(card, operation, result, details)
    card.number_key = operation.key
    return sent


def _reread(
    operation: Operation, card: CreditCard, details: CardDetails | PaymentToken
) -> CardDetails | PaymentToken:
    """Read again, under the lock, what this save does not change: others may have changed it.

    Returns:
        ``details`` with the address that the card now has.

    Raises:
        CardNotFoundError: the card was deleted here; nothing was sent.
    """
    # A number comes with its own date. A token has none, so that of the row stays.
    own_date = ("month", "year") if isinstance(details, CardDetails) else ()
    unchanged = [n for n in card.PUSHED_FIELDS if n not in own_date and not card.is_unsaved(n)]
    try:
        using = router.db_for_write(CreditCard, instance=card)
        card.refresh_from_db(using=using, fields=["version", "number_key", *unchanged])
        return replace(details, address=card.billing_address)
    except ObjectDoesNotExist:
        journal.move(
            operation, OperationState.FAILED, RecordedOutcome(error=journal_notes.DELETED_MEANWHILE)
        )
    raise CardNotFoundError(
        _("This card was deleted."), operation=operation, gateway_name=card.gateway_name
    )


def _apply_answer(
    card: CreditCard,
    operation: Operation,
    result: RemoteCard | Refusal,
    details: CardDetails | PaymentToken,
    *,
    accepted: bool = True,
) -> _Sent:
    """Put the gateway's answer on the instance; return it with the function that ends it."""
    if isinstance(result, Refusal):
        raise journal.end_refused(operation, result)
    card.customer_id, card.card_id = result.customer_id, result.card_id
    card.last_4 = result.last_4 or card.last_4
    card.brand = result.brand or card.brand
    if isinstance(details, PaymentToken):
        card.month = result.month or card.month
        card.year = result.year or card.year
    outcome = RecordedOutcome(customer_id=result.customer_id, card_id=result.card_id)
    end_operation = partial(_end_in_save, card, operation, outcome, stored_before=not accepted)
    return _Sent(operation, outcome, GatewayAnswer(accepted=accepted, end_operation=end_operation))
