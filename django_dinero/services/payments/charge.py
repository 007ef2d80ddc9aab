"""Charging and authorizing: a stored card, a typed one, or a token."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial
from typing import Any, Unpack

from django.contrib.auth import get_user_model
from django.core.exceptions import ObjectDoesNotExist
from django.utils.translation import gettext as _

from django_dinero import identifiers
from django_dinero.cards import ADDRESS_FIELDS, CardDetails, PaymentToken, check_cvv, text_of
from django_dinero.exceptions import InvalidInput
from django_dinero.gateways.base import Gateway
from django_dinero.gateways.calls import check_request
from django_dinero.gateways.registry import get_gateway
from django_dinero.gateways.types import ChargeRequest, StoredCard
from django_dinero.input_errors import InputErrors
from django_dinero.models.arguments import ChargeOptions, PaymentOptions, names_of
from django_dinero.models.card import CreditCard
from django_dinero.models.customer import Customer
from django_dinero.models.operation import Operation, OperationKind
from django_dinero.models.sync_state import SyncState
from django_dinero.models.transaction import Transaction
from django_dinero.money import parse_amount
from django_dinero.redaction import Secret
from django_dinero.services import journal, ledger, modes, validation
from django_dinero.services.journal.records import Intent
from django_dinero.services.payments import execute
from django_dinero.services.recovery import idempotency
from django_dinero.services.recovery.idempotency import CallerKey
from django_dinero.services.validation import CARD_ARGUMENTS, ShownCard

TEXT_LIMITS = {"order_reference": 255, "description": 255}
INITIATORS = ("customer", "merchant")
#: ``price`` is positional, and belongs in the list of accepted names.
ACCEPTED = names_of(ChargeOptions) | {"price"}
#: Arguments that describe a new card or token; an address alone does not.
TYPED = CARD_ARGUMENTS.difference(ADDRESS_FIELDS)


def charge(price: Decimal | int | str, **options: Unpack[ChargeOptions]) -> Transaction:
    """Charge or authorize; see :meth:`Transaction.create` for arguments and errors."""
    order = ChargeOrder.read(price, options)
    earlier = idempotency.earlier(order.key, order.parameters)
    if earlier is not None:
        return earlier  # also when the card has gone meanwhile
    order.refuse_if_impossible()
    request = order.request_with_history()
    try:
        operation = order.open(request)
    except journal.KeyTaken as taken:
        return idempotency.rival_answer(taken.operation, order.parameters)
    return execute.perform(order.gateway, operation, partial(order.gateway.charge, request))


def charge_stored(
    price: Decimal | int | str,
    source: Customer | CreditCard,
    **options: Unpack[PaymentOptions],
) -> Transaction:
    """Charge a customer's default card, or a card; see :meth:`Customer.charge`."""
    validation.refuse_unknown(options, names_of(PaymentOptions) | {"price"})
    if isinstance(source, Customer):
        return charge(price, customer=source, **options)
    return charge(price, card=source, **options)


@dataclass(frozen=True, slots=True)
class Source:
    """What is charged, and the rows that it belongs to."""

    charge: StoredCard | CardDetails | PaymentToken
    customer: Customer | None = None
    card: CreditCard | None = None
    #: Why it cannot be charged now. What was charged before is answered all the same.
    problem: Mapping[str, str] = field(default_factory=dict)
    #: Only the customer was named. The fingerprint leaves the card out: the default may change.
    by_customer: bool = False

    @property
    def new_ids(self) -> tuple[str, ...]:
        """The gateway's ids that it may not find yet."""
        rows = (self.customer, self.card)
        return tuple(each for row in rows if row is not None for each in row.new_ids)

    @property
    def shown(self) -> ShownCard:
        """Last four digits and brand, as far as they are known here."""
        if self.card is not None:
            return {"last_4": self.card.last_4, "brand": self.card.brand}
        if isinstance(self.charge, CardDetails | PaymentToken):
            return validation.shown(self.charge)
        return {"last_4": "", "brand": ""}


@dataclass(frozen=True, slots=True)
class ChargeForm:
    """The arguments of a charge that need no row to be checked."""

    #: Whether a stored card was named, or a customer.
    is_stored: bool
    #: Whether a new card or token was described.
    is_typed: bool
    #: The new card or token; None also if it is wrong.
    new_card: CardDetails | PaymentToken | None
    cvv: Secret | None
    capture: bool
    email: str
    customer_ip: str
    initiator: str
    texts: Mapping[str, str]
    key: CallerKey

    @classmethod
    def read(cls, options: Mapping[str, Any], errors: InputErrors) -> ChargeForm:
        """Read them. What is wrong is added to ``errors``."""
        is_stored = options.get("customer") is not None or options.get("card") is not None
        typed, cvv = options, None
        if is_stored and options.get("cvv") and not options.get("number"):
            # The CVV of a stored card, asked again for this charge.
            typed = {name: value for name, value in options.items() if name != "cvv"}
            cvv = errors.collect(check_cvv, options["cvv"])
        settle, initiator = options.get("settle"), options.get("initiator") or "customer"
        if not isinstance(settle, bool | None):
            errors.add({"settle": _("Pass True or False.")})
        if initiator not in INITIATORS:
            errors.add({"initiator": _("Pass 'customer' or 'merchant'.")})
        return cls(
            is_stored=is_stored,
            is_typed=any(text_of(typed.get(name)) for name in TYPED),
            new_card=errors.collect(validation.new_card, typed),
            cvv=cvv,
            capture=settle is not False,
            email=errors.collect(validation.check_email, options.get("email"), required=False)
            or "",
            customer_ip=errors.collect(validation.check_ip, options.get("customer_ip")) or "",
            initiator=initiator,
            texts=errors.collect(validation.check_texts, options, TEXT_LIMITS) or {},
            key=errors.collect(CallerKey.read, options) or CallerKey(),
        )

    def request(self, source: Source, amount: Decimal, currency: str) -> ChargeRequest:
        """Return what is sent to the gateway, without the history of the card."""
        email = self.email
        if not email and source.customer is not None:
            email = source.customer.email
        return ChargeRequest(
            operation_key=identifiers.new_key(),
            amount=amount,
            currency=currency,
            source=source.charge,
            capture=self.capture,
            cvv=self.cvv,
            email=email,
            customer_ip=self.customer_ip,
            initiator=self.initiator,
            order_reference=self.texts["order_reference"],
            description=self.texts["description"],
        )


@dataclass(frozen=True, slots=True)
class ChargeOrder:
    """What a caller asked for, read and checked in its form."""

    gateway: Gateway
    source: Source
    request: ChargeRequest
    key: CallerKey
    owner_pk: object

    @classmethod
    def read(cls, price: Decimal | int | str, options: Mapping[str, Any]) -> ChargeOrder:
        """Read the arguments of a charge.

        Raises:
            TypeError: an unknown argument.
            InvalidInput: a wrong one.
        """
        validation.refuse_unknown(options, ACCEPTED)
        errors = InputErrors()
        form = ChargeForm.read(options, errors)
        source = errors.collect(_source, options, form)
        if source is None and form.is_stored:
            raise errors.as_exception()
        gateway = errors.collect(_gateway, options, source)
        if gateway is None:
            raise errors.as_exception()
        currency = errors.collect(_currency, gateway, options.get("currency")) or gateway.currency
        amount = errors.collect(parse_amount, price, currency)
        owner_pk = errors.collect(_owner_pk, options.get("owner"), source)
        if errors.by_field or source is None or amount is None:
            raise errors.as_exception(gateway_name=gateway.name)
        gateway.require("charge")
        request = form.request(source, amount, currency)
        check_request(gateway, request)
        gateway.expect(*source.new_ids)
        return cls(gateway, source, request, form.key.at(gateway.name), owner_pk)

    @property
    def parameters(self) -> dict[str, object]:
        """What makes two orders the same; of a number only the last four digits."""
        charged, source, request = self.request.source, self.source, self.request
        shown: dict[str, object] = dict(source.shown)
        if source.by_customer and source.customer is not None:
            shown = {"customer": str(source.customer.public_id)}
        elif isinstance(charged, StoredCard):
            shown |= {"customer_id": charged.customer_id, "card_id": charged.card_id}
        elif isinstance(charged, CardDetails):
            shown |= {"month": charged.month, "year": charged.year}
        return {
            "verb": "charge" if request.capture else "authorize",
            "gateway": self.gateway.name,
            "live": self.gateway.live,
            "amount": str(request.amount),
            "currency": request.currency,
            "order_reference": request.order_reference,
            **shown,
        }

    def refuse_if_impossible(self) -> None:
        """Raise :class:`InvalidInput` if there is nothing that could be charged now."""
        if self.source.problem:
            raise InvalidInput(self.source.problem)
        card = self.source.card
        if card is not None and card.live != self.gateway.live:
            modes.refuse_foreign(self.gateway, card)

    def request_with_history(self) -> ChargeRequest:
        """Return the request with what the networks want to know of this card's first charge."""
        card = self.source.card
        if card is None:
            return self.request
        charges = ledger.charges_with_number_of(card)
        known = charges.exclude(network_transaction_id="")
        first = known.values_list("network_transaction_id", "price").first()
        if first is not None:
            return replace(self.request, network_transaction_id=first[0], original_amount=first[1])
        # The merchant begins no series: the cardholder has to have agreed to one. And a gateway
        # that names no network ids leaves later charges without one.
        begins = self.request.initiator == "customer" and not charges.values_list("pk").first()
        return replace(self.request, stores_card=begins)

    def open(self, request: ChargeRequest) -> Operation:
        """Write the operation. It holds no lock, so nothing has to be checked under one.

        Raises:
            journal.KeyTaken: the caller's key has an operation.
        """
        return execute.begin(
            self.gateway,
            OperationKind.CHARGE if request.capture else OperationKind.AUTHORIZE,
            sent=True,
            key=request.operation_key,
            intent=self._intent(),
            amount=request.amount,
            currency=request.currency,
            fingerprint=identifiers.fingerprint(self.parameters),
            customer_id=self.source.customer.customer_id or "" if self.source.customer else "",
            card_id=self.source.card.card_id if self.source.card else "",
            idempotency_key=self.key.key,
            scope=self.key.scope,
        )

    def _intent(self) -> Intent:
        source, request = self.source, self.request
        return Intent(
            customer_pk=source.customer.pk if source.customer else None,
            card_pk=source.card.pk if source.card else None,
            owner_pk=self.owner_pk,
            order_reference=request.order_reference,
            description=request.description,
            customer_ip=request.customer_ip,
            initiator=request.initiator,
            email=request.email,
            **source.shown,
        )


def _owner_pk(owner: object, source: Source | None) -> object:
    if owner is None:
        customer = None if source is None else source.customer
        return None if customer is None else customer.owner_id
    if not isinstance(owner, get_user_model()) or owner.pk is None:
        raise InvalidInput({"owner": _("Pass a user who is stored.")})
    return owner.pk


def _currency(gateway: Gateway, currency: object) -> str:
    """Return the currency of a charge; the account's own by default.

    Raises:
        InvalidInput: the account has another one.
    """
    if currency is None:
        return gateway.currency
    if gateway.single_currency and currency != gateway.currency:
        raise InvalidInput(
            {
                "currency": _("%(gateway)s takes %(currency)s only.")
                % {"gateway": gateway.name, "currency": gateway.currency}
            }
        )
    return str(currency)


def _source(given: Mapping[str, Any], form: ChargeForm) -> Source | None:
    """Return what is charged; None if it was typed, and typed wrong."""
    if form.is_stored:
        if form.new_card is not None:
            raise InvalidInput({"number": _("Pass a stored card, or a number or token; not both.")})
        _refuse_address(given)
        return _stored_source(given.get("customer"), given.get("card"))
    if form.new_card is not None:
        return Source(form.new_card)
    if form.is_typed:
        return None
    raise InvalidInput({"card": _("Pass a customer, a card, a number or a token.")})


def _refuse_address(given: Mapping[str, Any]) -> None:
    """Refuse what would be dropped in silence: who passes it believes that it was checked."""
    named = [name for name in ADDRESS_FIELDS if text_of(given.get(name))]
    if named:
        text = _("A stored card has an address of its own; change it there.")
        raise InvalidInput(dict.fromkeys(named, text))


def _stored_source(customer: Any, card: Any) -> Source:
    if customer is not None and not isinstance(customer, Customer):
        raise InvalidInput({"customer": _("Pass a Customer.")})
    by_customer = card is None
    if card is None and customer is not None:
        card = customer.default_card if customer.pk else None
        if card is None:
            no_card = {"customer": _("This customer has no card to charge.")}
            nothing = StoredCard(customer.customer_id or "", "")
            return Source(nothing, customer, problem=no_card, by_customer=True)
    if not isinstance(card, CreditCard) or card.pk is None:
        raise InvalidInput({"card": _("Pass a stored CreditCard.")})
    if customer is not None and card.customer_pk != customer.pk:
        raise InvalidInput({"card": _("This card belongs to another customer.")})
    problem: dict[str, str] = {}
    if card.sync_state == SyncState.MISSING:
        problem = {"card": _("The gateway no longer has this card.")}
    if customer is None:
        customer = _customer_of(card)
        if customer is None:
            problem = {"card": _("This card was deleted with its customer.")}
    stored = StoredCard(card.customer_id, card.card_id)
    return Source(stored, customer, card, problem=problem, by_customer=by_customer)


def _customer_of(card: CreditCard) -> Customer | None:
    # An instance may be older than the delete of its row; what it paid is answered all the same.
    try:
        return card.customer
    except ObjectDoesNotExist:
        return None


def _gateway(given: Mapping[str, Any], source: Source | None) -> Gateway:
    name = given.get("gateway_name")
    row = None if source is None else source.card or source.customer
    if row is None:
        return get_gateway(name)
    stored_at = row.gateway_name
    if name is not None and name != stored_at:
        raise InvalidInput(
            {"gateway_name": _("This card is stored at %(gateway)s.") % {"gateway": stored_at}}
        )
    return get_gateway(stored_at)
