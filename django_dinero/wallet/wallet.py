"""A shopper's cards at one gateway, and paying an order with them once."""

from __future__ import annotations

import uuid
from decimal import Decimal
from functools import cached_property
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.db.models import Prefetch
from django.utils.translation import gettext as _

from django_dinero import identifiers
from django_dinero.db.queries import primary
from django_dinero.exceptions import (
    ActionRequired,
    CardNotFoundError,
    HeldForReview,
    IdempotencyKeyReused,
    InvalidInput,
    OperationInProgress,
    OrderPaid,
)
from django_dinero.gateways.base import Gateway
from django_dinero.gateways.registry import get_gateway
from django_dinero.gateways.types import NextAction
from django_dinero.models import CreditCard, Customer, Operation, Transaction
from django_dinero.models.order_lock import named_order
from django_dinero.models.sync_state import SyncState
from django_dinero.models.transaction_status import TransactionStatus
from django_dinero.money import parse_amount
from django_dinero.redaction import Secret
from django_dinero.services.payments.orders import Order
from django_dinero.services.recovery import idempotency, lookup
from django_dinero.services.vault.owners import cards_first
from django_dinero.users import email_of
from django_dinero.validation import CallerKey
from django_dinero.wallet.payment import Payment


class Wallet:
    """The cards of a signed-in user. Nothing here may run inside a database transaction.

    Args:
        user: whose cards.
        gateway_name: where they are; ``"default"`` if not given.
    """

    def __init__(self, user: AbstractBaseUser, gateway_name: str | None = None) -> None:
        self.user = user
        self.gateway: Gateway = get_gateway(gateway_name)

    @property
    def _account(self) -> dict[str, Any]:
        return {"gateway_name": self.gateway.name, "live": self.gateway.live}

    # -- Cards -----------------------------------------------------------------------------------

    @cached_property
    def customers(self) -> list[Customer]:
        """The user's customers at this gateway: several where the project has made more.

        First the one that the cards are at: with a default card, with any card, or the oldest.
        """
        own = primary(Customer).filter(owner_id=self.user.pk, **self._account)
        there = cards_first(own.exclude(sync_state=SyncState.MISSING))
        # A router is asked about what is prefetched, too, and may name a replica.
        return list(there.prefetch_related(Prefetch("cards", primary(CreditCard))))

    @property
    def customer(self) -> Customer | None:
        """The customer that new cards are stored with; None before the first card."""
        return self.customers[0] if self.customers else None

    @property
    def cards(self) -> list[CreditCard]:
        """The cards that can be charged, the default one first, as they were at the first look.

        Each customer has a default card of its own; that of the first one stands before the others.
        What this wallet stores or removes counts at once.
        """
        found = (card for customer in self.customers for card in customer.cards)
        there = (card for card in found if card.sync_state != SyncState.MISSING)
        return sorted(there, key=lambda card: not card.is_default)

    def card(self, public_id: uuid.UUID | str) -> CreditCard:
        """Return one of the cards.

        Raises:
            CardNotFoundError: the user has no such card.
        """
        found = next((card for card in self.cards if str(card.public_id) == str(public_id)), None)
        if found is None:
            raise CardNotFoundError(_("There is no such card."))
        return found

    @property
    def needs_email(self) -> bool:
        """Whether the first card needs an e-mail address, since the user has none."""
        return not email_of(self.user) and not self.customers

    def add_card(
        self, token: Secret | str, *, key: str | None = None, email: str = "", **address: Any
    ) -> CreditCard:
        """Store the card of a token.

        Args:
            token: what the gateway's script gave.
            key: of the form, a new one each time it is shown. Two forms at the same moment make one
                customer, too.
            email: of a user who has none, for the customer that the first card makes.
            **address: name and billing address, as for ``customer.add_card``.

        Raises:
            CardDeclinedError, InvalidInput, ...: as ``customer.add_card``.
        """
        first = next(iter(self.customers), None)
        if first is None or first.customer_id is None:
            # Without its id at the gateway it may be made at this moment, by another request.
            known = first.email if first is not None else email_of(self.user)
            self.customers[:1] = [self._new_customer(key, known or email, address)]
        try:
            return self.customers[0].add_card(token=Secret(token), **address)
        finally:
            self._look_again()

    def _look_again(self) -> None:
        """Read customers and cards anew, where they are written: a replica may be behind."""
        self.__dict__.pop("customers", None)

    def _new_customer(self, key: str | None, email: str, address: dict[str, Any]) -> Customer:
        return Customer.create(
            email,
            gateway_name=self.gateway.name,
            owner=self.user,
            one_per_owner=True,
            first_name=address.get("first_name") or "",
            last_name=address.get("last_name") or "",
            idempotency_key=key,
            scope=identifiers.user_scope("wallet", self.user.pk) if key else None,
        )

    def remove_card(self, public_id: uuid.UUID | str) -> CreditCard:
        """Delete one of the cards, here and at the gateway.

        Raises:
            CardNotFoundError: the user has no such card.
            NotSent, OutcomeUnknown, ...: the gateway has not confirmed it. The card is gone here,
                and the delete is sent again by itself.
        """
        card = self.card(public_id)
        try:
            card.delete()
        finally:
            self._look_again()
        return card

    # -- Payments --------------------------------------------------------------------------------

    def attempt(self, order_reference: str) -> int:
        """Return the number of the next attempt to pay an order, for the form that offers it.

        Raises:
            InvalidInput: the reference is blank.
        """
        name = self.gateway.name
        return Transaction.objects.next_attempt(order_reference, gateway_name=name)

    def payment(
        self,
        order_reference: str,
        price: Decimal | int | str,
        currency: str | None = None,
        *,
        look_up: bool = True,
    ) -> Payment | None:
        """Return how the payment of an order stands, None where nothing paid it.

        What waits for the card's holder is looked up: he may have come back from his bank. So is an
        attempt whose answer was lost, whoever made it and however long ago.

        Args:
            order_reference: as for :meth:`pay`.
            price: what the order costs now, in major units.
            currency: the gateway's own if not given.
            look_up: whether the gateway may be asked.

        Raises:
            InvalidInput: the reference is blank.
        """
        asked = (price, currency or self.gateway.currency)
        row, action = self._standing(order_reference, *asked), None
        operation = self._open_operation(order_reference, row)
        if look_up and operation is not None:
            action = lookup.look_up(operation, is_callers=True).next_action
            row = self._standing(order_reference, *asked)
            operation = self._open_operation(order_reference, row)
        if row is not None:
            return self._payment(row, *asked, action)
        return None if operation is None else Payment(None)

    def _payment(
        self,
        row: Transaction,
        price: Decimal | int | str,
        currency: str,
        action: NextAction | None = None,
    ) -> Payment:
        if not _has_amount(row, price, currency):
            return Payment(row, has_other_amount=True)
        may_replace = self._order(row.order_reference).may_replace(row)
        is_replaceable = may_replace and self.gateway.supports("void")
        return Payment(row, action, is_replaceable=is_replaceable)

    def _order(self, order_reference: str) -> Order:
        return Order(order_reference, self.gateway, self.user.pk)

    def _open_operation(self, order_reference: str, row: Transaction | None) -> Operation | None:
        """Return what has to be looked up before anybody knows how the payment stands."""
        if row is None:
            return self._order(order_reference).attempts().first()
        if row.status != TransactionStatus.REQUIRES_ACTION:
            return None
        operations = Operation.objects.newest()
        return operations.filter(key=row.operation_key).first()

    def replaces(self, payment: Payment, order_reference: str, attempt: int | None) -> bool:
        """Say whether to pay with this number takes the place of a payment that waits.

        Only the form of the next attempt does: the one before was sent twice perhaps.
        """
        return payment.is_replaceable and attempt == self.attempt(order_reference)

    def is_repetition(self, order_reference: str, attempt: int) -> bool:
        """Say whether to pay with this number repeats an attempt that was made already."""
        number = self._number(order_reference, attempt, self.attempt(order_reference))
        return self._was_made(order_reference, number)

    def _number(self, order_reference: str, attempt: int | None, following: int) -> int:
        if attempt and attempt < following and self._was_made(order_reference, attempt):
            return attempt
        return following

    def _was_made(self, order_reference: str, number: int) -> bool:
        key = CallerKey(_key(order_reference, number)).at(self.gateway.name)
        return key.key is not None and idempotency.is_known(key.key, key.scope)

    def _standing(
        self, order_reference: str, price: Decimal | int | str, currency: str
    ) -> Transaction | None:
        paid = Transaction.objects.paid_for(order_reference, gateway_name=self.gateway.name)
        rows = list(paid.order_by("pk"))
        # What staff have charged after they had looked pays it.
        fitting = (row for row in rows if _has_amount(row, price, currency))
        return next(fitting, rows[0] if rows else None)

    def pay(
        self,
        price: Decimal | int | str,
        *,
        order_reference: str,
        card: uuid.UUID | str,
        attempt: int | None = None,
        currency: str | None = None,
        description: str = "",
        customer_ip: str | None = None,
    ) -> Payment:
        """Pay an order with one of the cards, unless it is paid, or something else stands for it.

        A double click, the back button and a reload send the number of the same attempt: it is made
        once, and answered the same each time. The number of the next attempt replaces a payment
        that waits for the card's holder: that is voided first.

        Args:
            price: in major units. It must not change after the first attempt: what was charged
                until then is answered with ``has_other_amount``, and nothing is charged.
            order_reference: what the order is known by, unique in the shop.
            card: its public id.
            attempt: the number that the form was shown with. It counts where that attempt was made;
                otherwise the next one is. Nobody skips an attempt whose end may not be known, and
                none is made under a number that others have passed.
            currency: the gateway's own if not given.
            description: for the shopper's statement.
            customer_ip: where the order came from.

        Returns:
            How it stands. It ``is_unknown`` while another attempt is: nothing was sent then. It
            ``is_undone`` where the attempt of this number was made, and pays this order no more.

        Raises:
            InvalidInput: the reference is blank.
            OperationInProgress: another attempt was under way at this moment, and paid nothing.
            CardDeclinedError, OutcomeUnknown, ...: as ``card.charge``.
        """
        following = self.attempt(order_reference)  # before the look: see next_attempt()
        standing = self.payment(order_reference, price, currency)
        if standing is not None and not self.replaces(standing, order_reference, attempt):
            return standing
        number = self._number(order_reference, attempt, following)
        try:
            row = self.card(card).charge(
                price,
                order_reference=order_reference,
                pays_order=True,
                idempotency_key=_key(order_reference, number),
                currency=currency,
                description=description,
                customer_ip=customer_ip,
                owner=self.user,
            )
        except (ActionRequired, HeldForReview) as error:
            if error.transaction is None:
                raise
            action = error.next_action if isinstance(error, ActionRequired) else None
            asked = (price, currency or self.gateway.currency)
            return self._payment(error.transaction, *asked, action)
        except IdempotencyKeyReused as error:
            if error.transaction is None:
                raise
            # Staff have moved what this attempt paid to another order.
            return Payment(error.transaction, is_undone=True)
        except (OperationInProgress, OrderPaid) as error:
            # Without an operation it is about another attempt for the order.
            standing = self.payment(order_reference, price, currency)
            if error.operation is not None or standing is None:
                raise
            return standing
        # The answer of long ago is not how it stands.
        return Payment(row, is_undone=row.is_replay and not self._stands(row, order_reference))

    def _stands(self, row: Transaction, order_reference: str) -> bool:
        paid = Transaction.objects.paid_for(order_reference, gateway_name=self.gateway.name)
        return paid.filter(pk=row.pk).exists()

    def action_address(self, payment: Payment, return_url: str) -> str:
        """Return where the card's holder confirms a payment; empty where no address leads there.

        Args:
            payment: what waits.
            return_url: the page to come back to, whole with its host.
        """
        action = payment.next_action
        return self.gateway.action_address(action, return_url) if action is not None else ""


def _key(order_reference: str, number: int) -> str:
    """Return the idempotency key of an attempt: the same each time, whatever the text is."""
    order_reference = named_order(order_reference)
    key = f"{order_reference}-{number}"
    try:
        CallerKey.read({"idempotency_key": key})
    except InvalidInput:
        # Not of SECRET_KEY: that may change between two attempts.
        return identifiers.digest({"order_reference": order_reference, "attempt": number})
    return key


def _has_amount(row: Transaction, price: Decimal | int | str, currency: str) -> bool:
    try:
        return row.currency == currency and row.price == parse_amount(price, currency)
    except InvalidInput:  # nothing was ever charged with it
        return False
