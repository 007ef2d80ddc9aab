"""What a charge is paid with: a stored card, a typed one, or a token."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from django.db import router
from django.utils.translation import gettext as _

from django_dinero.cards import ADDRESS_FIELDS, CardDetails, PaymentToken, text_of
from django_dinero.db.queries import only_row
from django_dinero.exceptions import InvalidInput
from django_dinero.gateways.types import StoredCard
from django_dinero.models.card import CreditCard
from django_dinero.models.customer import Customer, default_among
from django_dinero.models.sync_state import SyncedQuerySet, SyncState
from django_dinero.services import validation
from django_dinero.services.validation import CARD_ARGUMENTS, ShownCard

#: What a charge reads of a stored card and of its customer: each column costs time, and they have
#: three times as many.
CHARGED = (
    *("public_id", "gateway_name", "live", "sync_state", "created_at", "customer_id", "card_id"),
    *("last_4", "brand", "default_of", "number_key"),
    *("customer__public_id", "customer__created_at", "customer__customer_id"),
    *("customer__email", "customer__owner"),
)
#: Arguments that describe a new card or token; an address alone does not.
TYPED = CARD_ARGUMENTS.difference(ADDRESS_FIELDS)


@dataclass(frozen=True, slots=True)
class Source:
    """What is charged, and the rows that it belongs to."""

    payment_method: StoredCard | CardDetails | PaymentToken
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
        if isinstance(self.payment_method, CardDetails | PaymentToken):
            return validation.shown(self.payment_method)
        return {"last_4": "", "brand": ""}


def names_stored(given: Mapping[str, Any]) -> bool:
    """Say whether a stored card was named, or a customer."""
    return given.get("customer") is not None or given.get("card") is not None


def read_source(
    given: Mapping[str, Any], new_card: CardDetails | PaymentToken | None, *, is_typed: bool
) -> Source | None:
    """Return what is charged; None if it was typed, and typed wrong.

    Args:
        given: the arguments of the charge.
        new_card: what was typed, if it is right.
        is_typed: whether a new card or token was described, be it wrong.

    Raises:
        InvalidInput: nothing was named, or two things, or what cannot be charged.
    """
    if names_stored(given):
        if new_card is not None:
            raise InvalidInput({"number": _("Pass a stored card, or a number or token; not both.")})
        _refuse_address(given)
        return _stored_source(given.get("customer"), given.get("card"))
    if new_card is not None:
        return Source(new_card)
    if is_typed:
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
        card = _default_card(customer) if customer.pk else None
        if card is None:
            text = (
                _("This customer has no card. Store one with customer.add_card(…).")
                if customer.pk
                else _("This customer is not stored: it was never saved, or has been deleted.")
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
    # From the primary: a replica may lag behind, and what it has is charged.
    rows = CreditCard.objects.using(router.db_for_write(CreditCard))
    return rows.select_related("customer").only(*CHARGED)


def _default_card(customer: Customer) -> CreditCard | None:
    # By both: after a rollback another customer may have got its primary key.
    same = {"customer": customer, "customer__public_id": customer.public_id}
    return default_among(_cards().filter(**same))


def present(source: Source) -> Source:
    """Return the source with its rows as they are now: an instance may be older than a delete."""
    if source.card is None:
        return source
    # By both: after a rollback another card may have got its primary key.
    same = {"pk": source.card.pk, "public_id": source.card.public_id}
    card = only_row(_cards().filter(**same))
    problem = ""
    if card is None:
        problem = _("This card was deleted.")
    elif card.sync_state == SyncState.MISSING:
        problem = _("The gateway no longer has this card.")
    if card is None or problem:
        return replace(source, problem={"card": problem})
    return replace(source, card=card, customer=card.customer)
