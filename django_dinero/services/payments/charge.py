"""Charging and authorizing: a stored card, a typed one, or a token."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial
from typing import Any, Unpack

from django.contrib.auth import get_user_model
from django.db import router
from django.utils.translation import gettext as _

from django_dinero import identifiers, user_messages, validation
from django_dinero.cards import ADDRESS_FIELDS, CardDetails, PaymentToken, check_cvv, text_of
from django_dinero.db.queries import only_row
from django_dinero.db.transactions import in_transaction
from django_dinero.exceptions import (
    DineroError,
    InvalidInput,
    OperationInProgress,
    OrderPaid,
)
from django_dinero.gateways.base import Gateway
from django_dinero.gateways.calls import check_request
from django_dinero.gateways.registry import get_gateway
from django_dinero.gateways.types import ChargeRequest, StoredCard
from django_dinero.input_errors import InputErrors
from django_dinero.models.arguments import ChargeOptions, PaymentOptions, names_of, refuse_unknown
from django_dinero.models.card import CreditCard
from django_dinero.models.customer import Customer, default_among
from django_dinero.models.operation import Operation, OperationKind
from django_dinero.models.records import Intent
from django_dinero.models.sync_state import SyncedQuerySet, SyncState
from django_dinero.models.transaction import Transaction
from django_dinero.money import exponent, hidden_if_no_amount, normalise, parse_amount
from django_dinero.observing.verbs import verb
from django_dinero.redaction import Secret
from django_dinero.services import journal, ledger, modes
from django_dinero.services.payments import execute
from django_dinero.services.payments.orders import Order
from django_dinero.services.recovery import idempotency
from django_dinero.user_messages import ForCode
from django_dinero.validation import CARD_ARGUMENTS, CallerKey, MadeBy, ShownCard

TEXT_LIMITS = {"order_reference": 255, "description": 255}
INITIATORS = ("customer", "merchant")
#: ``price`` is a positional argument, but the error for an unknown argument lists it too.
ACCEPTED = names_of(ChargeOptions) | {"price"}
#: The columns that a charge reads of a stored card and of its customer. Each column costs time, and
#: the two tables together have three times as many.
CHARGED = (
    *("public_id", "gateway_name", "live", "sync_state", "created_at", "customer_id", "card_id"),
    *("last_4", "brand", "default_of", "number_key"),
    *("customer__public_id", "customer__created_at", "customer__customer_id"),
    *("customer__email", "customer__owner"),
)
#: Arguments that describe a new card or token; an address alone does not.
TYPED = CARD_ARGUMENTS.difference(ADDRESS_FIELDS)


@verb("charge")
def charge(price: Decimal | int | str, **options: Unpack[ChargeOptions]) -> Transaction:
    """Charge or authorize; see :meth:`Transaction.create` for arguments and errors."""
    order = ChargeOrder.read(price, options)
    earlier = idempotency.earlier(order.key, order.parameters, pays=order.paid_whole)
    if earlier is not None:
        return earlier  # even if the card has since been deleted
    order = order.with_present_rows()
    request = order.full_request()
    try:
        operation = order.open(request)
    except journal.KeyTaken as taken:
        return idempotency.rival_answer(taken.operation, order.parameters, pays=order.paid_whole)
    except (OperationInProgress, OrderPaid):
        # Another worker may have paid under this very key since we looked.
        rival = idempotency.earlier(order.key, order.parameters, pays=order.paid_whole)
        if rival is None:
            raise
        return rival
    try:
        return execute.perform(order.gateway, operation, partial(order.gateway.charge, request))
    except DineroError:
        idempotency.await_commit(operation)
        raise


def check(options: Mapping[str, Any], **source: Customer | CreditCard) -> None:
    """Raise what :func:`charge` would say of the form of its arguments; do nothing else.

    Args:
        options: the arguments, ``price`` among them.
        **source: ``customer`` or ``card``, if it is one that is stored.

    Raises:
        InvalidInput: wrong fields, all named in ``errors``.
    """
    given = {**options, **source}
    price = hidden_if_no_amount(given.pop("price"))
    ChargeOrder.read(price, given)


def charge_stored(
    price: Decimal | int | str,
    source: Customer | CreditCard,
    **options: Unpack[PaymentOptions],
) -> Transaction:
    """Charge a customer's default card, or a card; see :meth:`Customer.charge`."""
    refuse_unknown(options, names_of(PaymentOptions) | {"price"})
    if isinstance(source, Customer):
        return charge(price, customer=source, **options)
    return charge(price, card=source, **options)


class PresentFacts(ShownCard):
    """What an intent says of rows that may change until the charge is sent."""

    number_key: str
    email: str


@dataclass(frozen=True, slots=True)
class Source:
    """What is charged, and the rows that it belongs to."""

    payment_method: StoredCard | CardDetails | PaymentToken
    customer: Customer | None = None
    card: CreditCard | None = None
    #: Why it cannot be charged now, by argument. A repetition of an earlier charge is answered all
    #: the same.
    problem: Mapping[str, str] = field(default_factory=dict)
    #: Whether only the customer was named. The fingerprint leaves the card out then, because the
    #: default card may change.
    by_customer: bool = False

    def refusal(self) -> InvalidInput:
        """Return the error for its problem, in the words of each reader."""
        if self.card is not None:
            return InvalidInput(self.problem)
        stored = self.customer is not None and self.customer.pk is not None
        return InvalidInput(
            self.problem,
            cardholder=str(user_messages.NO_CARD),
            over_http={"customer": str(user_messages.CALLER_NO_CARD)} if stored else None,
        )

    @property
    def new_ids(self) -> tuple[str, ...]:
        """The gateway's ids of rows so new that the gateway may not find them yet."""
        rows = (self.customer, self.card)
        return tuple(each for row in rows if row is not None for each in row.new_ids)

    @property
    def shown(self) -> ShownCard:
        """Last four digits and brand, as far as they are known here."""
        if self.card is not None:
            return {"last_4": self.card.last_4, "brand": self.card.brand}
        if isinstance(self.payment_method, CardDetails | PaymentToken):
            return validation.shown(self.payment_method)
        return {"last_4": "", "brand": ""}


@dataclass(frozen=True, slots=True)
class ChargeArguments:
    """The arguments of a charge that need no row to be checked."""

    #: Whether a stored card was named, or a customer.
    is_stored: bool
    #: Whether a new card or token was described.
    is_typed: bool
    #: The new card or token; None if none was described, or if it is wrong.
    new_card: CardDetails | PaymentToken | None
    cvv: Secret | None
    capture: bool
    pays_order: bool
    email: str
    customer_ip: str
    initiator: str
    texts: Mapping[str, str]
    key: CallerKey
    made_by: MadeBy

    @classmethod
    def read(cls, options: Mapping[str, Any], errors: InputErrors) -> ChargeArguments:
        """Read the arguments from the options. What is wrong is added to ``errors``."""
        is_stored = options.get("customer") is not None or options.get("card") is not None
        typed, cvv = options, None
        if is_stored and options.get("cvv") and not options.get("number"):
            # The CVV of a stored card, asked again for this charge.
            typed = {name: value for name, value in options.items() if name != "cvv"}
            cvv = errors.collect(check_cvv, options["cvv"])
        settle, initiator = options.get("settle"), options.get("initiator") or "customer"
        pays_order = options.get("pays_order")
        for name, value in (("settle", settle), ("pays_order", pays_order)):
            if not isinstance(value, bool | None):
                errors.add({name: _("Pass True or False.")})
        if pays_order and not text_of(options.get("order_reference")):
            errors.add({"order_reference": _("Name the order that is paid.")})
        if initiator not in INITIATORS:
            errors.add({"initiator": _("Pass 'customer' or 'merchant'.")})
        return cls(
            is_stored=is_stored,
            is_typed=any(text_of(typed.get(name)) for name in TYPED),
            new_card=errors.collect(validation.new_card, typed),
            cvv=cvv,
            capture=settle is not False,
            pays_order=pays_order is True,
            email=errors.collect(validation.check_email, options.get("email"), required=False)
            or "",
            customer_ip=errors.collect(validation.check_ip, options.get("customer_ip")) or "",
            initiator=initiator,
            texts=errors.collect(validation.check_texts, options, TEXT_LIMITS) or {},
            key=errors.collect(CallerKey.read, options) or CallerKey(),
            made_by=errors.collect(MadeBy.read, options) or MadeBy(),
        )

    def request(self, source: Source, amount: Decimal, currency: str) -> ChargeRequest:
        """Return what is sent to the gateway, without what our rows add to it."""
        return ChargeRequest(
            operation_key=identifiers.new_key(),
            amount=amount,
            currency=currency,
            source=source.payment_method,
            capture=self.capture,
            cvv=self.cvv,
            email=self.email,
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
    #: Two orders with the same parameters are the same order. Of a card number they have the last
    #: four digits only.
    parameters: Mapping[str, object]
    #: The primary key of the user who was named as the owner.
    owner_pk: object
    made_by: MadeBy
    #: Whether it pays the whole order, which must be paid only once.
    pays_order: bool = False

    @classmethod
    def read(cls, price: Decimal | int | str, options: Mapping[str, Any]) -> ChargeOrder:
        """Read the arguments of a charge.

        Raises:
            TypeError: an unknown argument.
            InvalidInput: a wrong one.
        """
        refuse_unknown(options, ACCEPTED)
        errors = InputErrors()
        form = ChargeArguments.read(options, errors)
        source = errors.collect(_source, options, form)
        if source is None and form.is_stored:
            raise errors.as_exception()
        gateway = errors.collect(_gateway, options, source)
        if gateway is None:
            raise errors.as_exception()
        named = errors.collect(_currency, gateway, options.get("currency"))
        currency = named or gateway.currency  # so that the price is checked too
        amount = errors.collect(parse_amount, price, currency)
        owner_pk = errors.collect(_owner_pk, options.get("owner"))
        if errors.by_field or source is None or amount is None:
            if source is not None and form.texts:
                likely = form.request(source, amount or Decimal(1), currency)
                errors.collect(check_request, gateway, likely)
            raise errors.as_exception(gateway_name=gateway.name)
        gateway.require("charge")
        request = form.request(source, amount, currency)
        check_request(gateway, request)
        parameters = _parameters(gateway, source, request)
        return cls(
            gateway=gateway,
            source=source,
            request=request,
            key=form.key.at(gateway.name),
            parameters=parameters,
            owner_pk=owner_pk,
            made_by=form.made_by,
            pays_order=form.pays_order,
        )

    def with_present_rows(self, *, again: bool = False) -> ChargeOrder:
        """Return the order with its card and customer as they are now.

        Args:
            again: whether to read the default card's row again too, because time has passed since
                the order was read. It is charged also if another card is the default by now.

        Raises:
            InvalidInput: there is nothing that could be charged now.
        """
        just_read = self.source.by_customer and not again
        source = self.source if just_read else _present(self.source)
        if source.problem:
            raise source.refusal()
        if source.card is not None and source.card.live != self.gateway.live:
            modes.refuse_foreign(self.gateway, source.card)
        self.gateway.expect(*source.new_ids)
        return replace(self, source=source)

    def full_request(self) -> ChargeRequest:
        """Return the request with what our rows add to it.

        That is the customer's e-mail, and what the card networks want to know of a stored card:
        which payment began its series of payments, or that this one begins it.
        """
        request, card, customer = self.request, self.source.card, self.source.customer
        if not request.email and customer is not None and customer.email:
            request = replace(request, email=customer.email)
            check_request(self.gateway, request)
        if card is None:
            return request
        charges = ledger.charges_with_number_of(card)
        known = charges.exclude(network_transaction_id="")
        first = known.values_list("network_transaction_id", "price", "currency").first()
        if first is not None:
            network_id, price, currency = first
            # Without a currency of its own, it would be taken for an amount in this charge's.
            amount = normalise(price, currency) if currency == request.currency else None
            return replace(request, network_transaction_id=network_id, original_amount=amount)
        # The first charge of a stored card begins a series of stored-credential payments, and later
        # ones name the first by the id that the networks gave it. A merchant cannot begin a series:
        # the cardholder has to have agreed to it. Where a gateway tells no network ids, later
        # charges go without one, and begin no second series.
        begins = request.initiator == "customer" and not charges.values_list("pk").first()
        return replace(request, stores_card=begins)

    def open(self, request: ChargeRequest, *, on_commit_of: str | None = None) -> Operation:
        """Write the operation. It holds no lock but the order's, if it pays the whole order.

        Args:
            on_commit_of: the alias of the caller's transaction, if the charge waits for its commit;
                the operation is written there, and sent later.

        Raises:
            OrderPaid, OperationInProgress: the order is paid, or may be.
            InsideTransaction: the caller's transaction could roll the journal back.
            journal.KeyTaken: the caller's key has an operation.
        """
        kind = OperationKind.CHARGE if request.capture else OperationKind.AUTHORIZE
        columns = self._columns(request)
        if on_commit_of is not None:
            # Its row is written after that commit, in one transaction with its outcome.
            columns["intent"] = replace(columns["intent"], in_transaction=False)
        # Raises InsideTransaction before an open attempt is given up.
        using = on_commit_of or Operation.objects.alias_for_money()
        if self.pays_order:
            asks_gateway = on_commit_of is None
            return self.shop_order.begin(kind, using=using, asks_gateway=asks_gateway, **columns)
        return journal.begin(
            self.gateway,
            kind,
            using=using,
            lock_name=self.shop_order.lock_name if request.order_reference else "",
            holds_lock=False,
            sent=on_commit_of is None,
            **columns,
        )

    def _columns(self, request: ChargeRequest) -> dict[str, Any]:
        customer, card = self.source.customer, self.source.card
        return {
            "key": request.operation_key,
            "intent": self._intent(request),
            "amount": request.amount,
            "currency": request.currency,
            "fingerprint": identifiers.fingerprint(self.parameters),
            "customer_id": customer.customer_id or "" if customer else "",
            "card_id": card.card_id if card else "",
            "idempotency_key": self.key.key,
            "scope": self.key.scope,
        }

    @property
    def shop_order(self) -> Order:
        """The order that this charge pays, whole or in part."""
        return Order(self.request.order_reference, self.gateway, self._payer_pk, self.key)

    @property
    def paid_whole(self) -> str:
        """The reference of the order that it pays whole; empty if it pays a part, or none."""
        return self.request.order_reference if self.pays_order else ""

    @property
    def _payer_pk(self) -> object:
        customer = self.source.customer
        return customer.owner_id if self.owner_pk is None and customer else self.owner_pk

    def present_facts(self, request: ChargeRequest) -> PresentFacts:
        """Return what the intent says of the rows as they were just read."""
        card = self.source.card
        number_key = card.number_key if card else ""
        return PresentFacts(**self.source.shown, number_key=number_key, email=request.email)

    def _intent(self, request: ChargeRequest) -> Intent:
        customer = self.source.customer
        owner_pk = self._payer_pk
        return Intent(
            public_id=str(uuid.uuid4()),
            customer_pk=customer.pk if customer else None,
            card_pk=self.source.card.pk if self.source.card else None,
            owner_pk=owner_pk,
            order_reference=request.order_reference,
            description=request.description,
            customer_ip=request.customer_ip,
            initiator=request.initiator,
            in_transaction=in_transaction(router.db_for_write(Transaction)),
            **self.present_facts(request),
            **self.made_by.for_intent(owner_pk, request.email),
        )


def _parameters(gateway: Gateway, source: Source, request: ChargeRequest) -> dict[str, object]:
    shown: dict[str, object] = dict(source.shown)
    charged = request.source
    if source.by_customer and source.customer is not None:
        shown = {"customer": str(source.customer.public_id)}
    elif isinstance(charged, StoredCard):
        # By its ids alone: it may have got another number since, and be the same card to whoever
        # repeats the charge.
        shown = {"customer_id": charged.customer_id, "card_id": charged.card_id}
    elif isinstance(charged, CardDetails):
        shown |= {"month": charged.month, "year": charged.year}
    return {
        "verb": "charge" if request.capture else "authorize",
        "gateway": gateway.name,
        "live": gateway.live,
        "amount": str(request.amount),
        "currency": request.currency,
        "order_reference": request.order_reference,
        **shown,
    }


def _owner_pk(owner: object) -> object:
    if owner is None:
        return None
    if not isinstance(owner, get_user_model()) or owner.pk is None:
        raise InvalidInput({"owner": _("Pass a user who is stored.")})
    return owner.pk


def _currency(gateway: Gateway, currency: object) -> str:
    """Return the currency of a charge; the account's own by default.

    Raises:
        InvalidInput: the account has another one, or there is none such.
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
    exponent(str(currency))
    return str(currency)


def _source(given: Mapping[str, Any], form: ChargeArguments) -> Source | None:
    """Return what is charged; None if it was typed, and typed wrong."""
    if form.is_stored:
        if form.new_card is not None:
            text = _("Pass a stored card, or a number or token; not both.")
            raise InvalidInput({"number": ForCode(text)})
        _refuse_address(given)
        return _stored_source(given.get("customer"), given.get("card"))
    if form.new_card is not None:
        return Source(form.new_card)
    if form.is_typed:
        return None
    raise InvalidInput({"card": _("Pass a customer, a card, a number or a token.")})


def _refuse_address(given: Mapping[str, Any]) -> None:
    """Refuse an address with a stored card.

    If it were dropped in silence, the caller would believe that it was checked.
    """
    named = [name for name in ADDRESS_FIELDS if text_of(given.get(name))]
    if named:
        text = _("A stored card has an address of its own; change it there.")
        raise InvalidInput(dict.fromkeys(named, ForCode(text)))


def _stored_source(customer: Any, card: Any) -> Source:
    if customer is not None and not isinstance(customer, Customer):
        raise InvalidInput({"customer": _("Pass a Customer.")})
    by_customer = card is None
    if card is None and customer is not None:
        card = _default_card(customer) if customer.pk else None
        if card is None:
            text = (
                _("This customer has no card. Store one with customer.add_card(…).")
                if customer.pk
                else validation.not_stored()
            )
            no_card = {"customer": text}
            nothing = StoredCard(customer.customer_id or "", "")
            return Source(nothing, customer, problem=no_card, by_customer=True)
    if not isinstance(card, CreditCard) or card.pk is None:
        raise InvalidInput({"card": _("Pass a stored CreditCard.")})
    if customer is not None and card.customer_pk != customer.pk:
        raise InvalidInput({"card": _("This card belongs to another customer.")})
    stored = StoredCard(card.customer_id, card.card_id)
    if by_customer:
        customer = card.customer  # as it is now: the instance may be older
    return Source(stored, customer, card, by_customer=by_customer)


def _cards() -> SyncedQuerySet[CreditCard]:
    # From the primary: a replica may lag behind, and what it has would be charged.
    rows = CreditCard.objects.using(router.db_for_write(CreditCard))
    return rows.select_related("customer").only(*CHARGED)


def _default_card(customer: Customer) -> CreditCard | None:
    # By the public id too: after a rollback another customer may have got its primary key.
    same = {"customer": customer, "customer__public_id": customer.public_id}
    return default_among(_cards().filter(**same))


def _present(source: Source) -> Source:
    """Return the source with its rows as they are now: an instance may be older than a delete."""
    if source.card is None:
        return source
    # By the public id too: after a rollback another card may have got its primary key.
    same = {"pk": source.card.pk, "public_id": source.card.public_id}
    card = only_row(_cards().filter(**same))
    problem = ""
    if card is None:
        problem = _("This card was deleted.")
    elif card.sync_state == SyncState.MISSING:
        problem = _("The gateway no longer has this card.")
    elif source.customer is not None and source.customer.public_id != card.customer.public_id:
        problem = _("This card belongs to another customer.")
    if card is None or problem:
        return replace(source, problem={"card": problem})
    return replace(source, card=card, customer=card.customer)


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
