"""Apply an event about a customer or a card: fetch the customer with all cards, and pull it."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from django_dinero.db.queries import primary
from django_dinero.exceptions import CardNotFoundError, CustomerNotFoundError
from django_dinero.gateways.base import Gateway
from django_dinero.gateways.types import RemoteCustomer
from django_dinero.models.card import CreditCard
from django_dinero.models.customer import Customer
from django_dinero.models.operation import OPEN_STATES, OperationKind
from django_dinero.models.webhook_event import WebhookEvent
from django_dinero.services import journal, pull
from django_dinero.services.modes import account_of
from django_dinero.services.webhooks import operations
from django_dinero.services.webhooks.found import Found


@dataclass(frozen=True, slots=True)
class _Pulled:
    """A customer's row, and what the gateway has of it; None if it has nothing any more."""

    row: Customer
    remote: RemoteCustomer | None

    def lists(self, card_id: str) -> bool:
        cards = self.remote.cards if self.remote is not None else ()
        return any(card.card_id == card_id for card in cards)


def apply_customer(gateway: Gateway, event: WebhookEvent) -> Found | None:
    """Bring the customer of an event up to date; None if it is not ours.

    Raises:
        CustomerNotFoundError: it was stored a moment ago, and the gateway may not find it yet.
    """
    pulled = _pulled(gateway, event.object_id)
    return None if pulled is None else Found(pulled.row)


def apply_card(gateway: Gateway, event: WebhookEvent) -> Found | None:
    """Bring the card of an event up to date, with its customer; None if that is not ours.

    Raises:
        OperationInProgress: a worker is storing a card of this customer, and writes the row.
        CardNotFoundError, CustomerNotFoundError: it was stored a moment ago, and the gateway may
            not list it yet.
    """
    customer_id = event.customer_id or _customer_of(gateway, event.object_id)
    pulled = _pulled(gateway, customer_id) if customer_id else None
    if pulled is None:
        return None
    cards = _cards(gateway).filter(customer_id=customer_id, card_id=event.object_id)
    card = cards.first()
    if card is None:
        for operation in operations.operations(gateway).filter(
            kind=OperationKind.ADD_CARD, customer_id=customer_id, state__in=OPEN_STATES
        ):
            operations.resolve_or_wait(operation)
        return Found(cards.first())
    if card.is_new and not pulled.lists(card.card_id):
        raise CardNotFoundError(
            _("The gateway does not list this card, which is new."), gateway_name=gateway.name
        )
    return Found(card)


def _customers(gateway: Gateway) -> QuerySet[Customer]:
    rows = primary(Customer)
    return rows.filter(**account_of(gateway).columns)


def _cards(gateway: Gateway) -> QuerySet[CreditCard]:
    rows = primary(CreditCard)
    return rows.filter(**account_of(gateway).columns)


def _customer_of(gateway: Gateway, card_id: str) -> str:
    return (
        _cards(gateway).filter(card_id=card_id).values_list("customer_id", flat=True).first() or ""
    )


def _pulled(gateway: Gateway, customer_id: str) -> _Pulled | None:
    """Return a customer's row, as the gateway has it now; None if it is not ours."""
    fetched = pull.fetch_customer(gateway, customer_id)
    row, remote = fetched.row, fetched.remote
    if row is None and (remote is None or not _is_ours(gateway, remote)):
        return None
    try:
        return _Pulled(fetched.write(), remote)
    except CustomerNotFoundError:
        if row is None or remote is not None:
            return None  # deleted here, and its delete is on its way
        if row.is_new:
            raise
    row.refresh_from_db(using=row._state.db)
    return _Pulled(row, None)


def _is_ours(gateway: Gateway, remote: RemoteCustomer) -> bool:
    """Say whether a customer without a row by its id is one that is being stored by us.

    Raises:
        OperationInProgress: its worker writes the row.
    """
    if not remote.customer_key:
        return False
    creation = (
        operations.operations(gateway)
        .filter(kind=OperationKind.CREATE_CUSTOMER, customer_key=remote.customer_key)
        .order_by("pk")
        .last()
    )
    if creation is not None:
        operations.resolve_or_wait(creation)
    if _customers(gateway).filter(customer_key=remote.customer_key).exists():
        return True
    if creation is not None and operations.may_be_uncommitted(creation):
        raise journal.in_progress(creation)
    return False
