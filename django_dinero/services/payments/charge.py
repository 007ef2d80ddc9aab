"""Charging and authorizing: stored cards, typed cards, tokens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from django_dinero import identifiers
from django_dinero.cards import CardDetails, PaymentToken, check_cvv
from django_dinero.exceptions import InvalidInput
from django_dinero.gateways.base import Gateway
from django_dinero.gateways.registry import get_gateway
from django_dinero.gateways.types import ChargeRequest, StoredCard
from django_dinero.models.card import CreditCard
from django_dinero.models.customer import Customer
from django_dinero.models.operation import OperationKind
from django_dinero.models.sync_state import SyncState
from django_dinero.models.transaction import COUNTED, Transaction
from django_dinero.money import parse_amount
from django_dinero.services import journal, ledger, validation
from django_dinero.services.payments.execute import begin, perform
from django_dinero.services.recovery import idempotency

TEXT_LIMITS = {"order_reference": 255, "description": 255}
INITIATORS = ("customer", "merchant")
ACCEPTED = validation.CARD_ARGUMENTS | {
    "customer",
    "card",
    "settle",
    "currency",
    "gateway_name",
    "email",
    "order_reference",
    "description",
    "customer_ip",
    "initiator",
    "owner",
    "idempotency_key",
    "scope",
}


@dataclass(frozen=True, slots=True)
class Source:
    """What is charged, and the rows that it belongs to."""

    charge: StoredCard | CardDetails | PaymentToken
    customer: Customer | None = None
    card: CreditCard | None = None
    #: Why it cannot be charged now. What was charged before is answered all the same.
    problem: Mapping[str, str] = field(default_factory=dict)
    #: Whether the customer was named, and the card found: another day it is another one.
    by_customer: bool = False

    @property
    def shown(self) -> dict[str, str]:
        """Last four digits and brand, as far as they are known here."""
        if self.card is not None:
            return {"last_4": self.card.last_4, "brand": self.card.brand}
        if isinstance(self.charge, CardDetails):
            return {"last_4": self.charge.last_4, "brand": self.charge.brand}
        return {"last_4": "", "brand": ""}


def charge(price: Decimal | int | str, **given: Any) -> Transaction:
    """Charge or authorize; see :meth:`Transaction.create` for arguments and errors."""
    validation.refuse_unknown(given, ACCEPTED | {"price"})
    source = _source(given)
    gateway = _gateway(given, source)
    currency = check_currency(gateway, given.get("currency"))
    amount = parse_amount(price, currency)
    request = _request(given, source, amount, currency)
    gateway.require("charge")
    gateway.check_request(request)
    columns = idempotency.check_key(given.get("idempotency_key"), given.get("scope", ""))
    parameters = _parameters(gateway, request, source)
    before = idempotency.earlier(columns, parameters)
    if before is not None:
        return before
    if source.problem:
        raise InvalidInput(source.problem)
    try:
        operation = begin(
            journal.begin,
            gateway,
            OperationKind.CHARGE if request.capture else OperationKind.AUTHORIZE,
            amount=amount,
            currency=currency,
            fingerprint=identifiers.fingerprint(parameters),
            intent=_intent(request, source, given.get("owner")),
            key=request.operation_key,
            customer_id=source.customer.customer_id or "" if source.customer else "",
            card_id=source.card.card_id if source.card else "",
            **columns,
        )
    except journal.KeyTaken as taken:
        return idempotency.rival_answer(taken.operation, parameters)
    return perform(gateway, operation, lambda: gateway.charge(request))


def check_currency(gateway: Gateway, currency: object) -> str:
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
                % {"gateway": gateway.alias, "currency": gateway.currency}
            },
            gateway_name=gateway.alias,
        )
    return str(currency)


def _source(given: Mapping[str, Any]) -> Source:
    customer, card = given.get("customer"), given.get("card")
    stored = customer is not None or card is not None
    values = dict(given)
    if stored and values.get("cvv") and not values.get("number"):
        values.pop("cvv")  # the CVV of a stored card, asked again for this charge
    fresh = validation.new_card(values)
    if stored and fresh is not None:
        raise InvalidInput({"number": _("Pass a stored card, or a number or token; not both.")})
    if stored:
        return _stored_source(customer, card)
    if fresh is None:
        raise InvalidInput({"card": _("Pass a customer, a card, a number or a token.")})
    return Source(fresh)


def _stored_source(customer: Any, card: Any) -> Source:
    if customer is not None and not isinstance(customer, Customer):
        raise InvalidInput({"customer": _("Pass a Customer.")})
    by_customer = card is None
    if card is None and customer is not None:
        card = customer.default_card if customer.pk else None
        if card is None:
            problem = {"customer": _("This customer has no card to charge.")}
            nothing = StoredCard(customer.customer_id or "", "")
            return Source(nothing, customer, problem=problem, by_customer=True)
    if not isinstance(card, CreditCard) or card.pk is None:
        raise InvalidInput({"card": _("Pass a stored CreditCard.")})
    if customer is not None and card.customer_pk != customer.pk:
        raise InvalidInput({"card": _("This card belongs to another customer.")})
    missing = card.sync_state == SyncState.MISSING
    return Source(
        StoredCard(card.customer_id, card.card_id),
        customer or card.customer,
        card,
        problem={"card": _("The gateway no longer has this card.")} if missing else {},
        by_customer=by_customer,
    )


def _gateway(given: Mapping[str, Any], source: Source) -> Gateway:
    name = given.get("gateway_name")
    if source.customer is None:
        return get_gateway(name)
    stored_at = source.customer.gateway_name
    if name is not None and name != stored_at:
        raise InvalidInput(
            {"gateway_name": _("This card is stored at %(gateway)s.") % {"gateway": stored_at}}
        )
    return get_gateway(stored_at)


def _request(
    given: Mapping[str, Any], source: Source, amount: Decimal, currency: str
) -> ChargeRequest:
    initiator = given.get("initiator", "customer")
    if initiator not in INITIATORS:
        raise InvalidInput({"initiator": _("Pass 'customer' or 'merchant'.")})
    texts = validation.check_texts(given, TEXT_LIMITS)
    email = validation.check_email(given.get("email"), required=False)
    if not email and source.customer is not None:
        email = source.customer.email
    cvv = check_cvv(given.get("cvv")) if source.card is not None else None
    return ChargeRequest(
        operation_key=identifiers.new_key(),
        amount=amount,
        currency=currency,
        source=source.charge,
        capture=bool(given.get("settle", True)),
        cvv=cvv,
        email=email,
        customer_ip=validation.check_ip(given.get("customer_ip")),
        initiator=initiator,
        order_reference=texts["order_reference"],
        description=texts["description"],
        **_stored_credential(source),
    )


def _stored_credential(source: Source) -> dict[str, Any]:
    """Return what the networks want to know of earlier charges with this card."""
    if source.card is None:
        return {}
    first = (
        ledger.transactions()
        .filter(card=source.card, status__in=COUNTED)
        .exclude(network_transaction_id="")
        .order_by("id")
        .first()
    )
    if first is None:
        return {"stores_card": True}
    return {
        "network_transaction_id": first.network_transaction_id,
        "original_amount": Decimal(first.price),
    }


def _parameters(gateway: Gateway, request: ChargeRequest, source: Source) -> dict[str, object]:
    """Return what makes two requests the same; of a number only the last four digits."""
    charged = request.source
    shown: dict[str, object] = dict(source.shown)
    if source.by_customer and source.customer is not None:
        shown = {"customer": str(source.customer.public_id)}
    elif isinstance(charged, StoredCard):
        shown |= {"customer_id": charged.customer_id, "card_id": charged.card_id}
    elif isinstance(charged, CardDetails):
        shown |= {"month": charged.month, "year": charged.year}
    return {
        "verb": "charge" if request.capture else "authorize",
        "gateway": gateway.alias,
        "amount": str(request.amount),
        "currency": request.currency,
        "order_reference": request.order_reference,
        **shown,
    }


def _intent(request: ChargeRequest, source: Source, owner: Any) -> dict[str, Any]:
    holder = owner
    if holder is None and source.customer is not None:
        holder = source.customer.owner
    return {
        "customer_pk": source.customer.pk if source.customer else None,
        "card_pk": source.card.pk if source.card else None,
        "owner_pk": holder.pk if holder is not None else None,
        "order_reference": request.order_reference,
        "description": request.description,
        "customer_ip": request.customer_ip,
        "initiator": request.initiator,
        "email": request.email,
        **source.shown,
    }
