"""Customers: the people and companies whose cards are stored at a gateway."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, Self, Unpack

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import models, router
from django.utils.translation import gettext_lazy as _

from django_dinero.cards import hidden_if_card_number, without_card_numbers, wrap_secrets
from django_dinero.db.fields import IdField
from django_dinero.identifiers import KEY_LENGTH, new_key
from django_dinero.models import _services
from django_dinero.models.arguments import CustomerOptions, NewCardOptions, PaymentOptions
from django_dinero.models.choices import quick_labels
from django_dinero.models.mode import lock_prefix
from django_dinero.models.related import OwnerForeignKey
from django_dinero.models.sync_state import SyncedManager, SyncedQuerySet
from django_dinero.models.synced import SyncedModel
from django_dinero.models.validators import validate_sendable
from django_dinero.money import hidden_if_no_amount

if TYPE_CHECKING:
    from django_dinero.models.card import CreditCard
    from django_dinero.models.card_list import CardList
    from django_dinero.models.pending_charge import PendingCharge
    from django_dinero.models.transaction import Transaction


def default_among(cards: Iterable[CreditCard]) -> CreditCard | None:
    """Return which of a customer's cards is charged when only the customer is named.

    That is the default card, or else the first one that the gateway still has.
    """
    there = [card for card in cards if card.sync_state != "missing"]
    return next((card for card in there if card.is_default), there[0] if there else None)


@quick_labels
class Customer(SyncedModel):
    """A customer, stored here and at a payment gateway.

    ``customer_id`` is the gateway's id, None until the first push. ``customer_key`` is chosen here
    and sent along: by it a customer is found again if the reply to its creation was lost.
    """

    PUSHED_FIELDS: ClassVar[tuple[str, ...]] = ("email", "first_name", "last_name")

    owner = OwnerForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("owner"),
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="dinero_customers",
        help_text=_("The user who sees this customer. Deleting the user deletes the customer."),
    )
    customer_id = IdField(_("customer id"), max_length=255, null=True, blank=True, editable=False)
    customer_key = IdField(
        _("customer key"), max_length=KEY_LENGTH, default=new_key, editable=False
    )
    email = models.EmailField(
        _("e-mail"), max_length=255, blank=True, validators=[validate_sendable]
    )
    first_name = models.CharField(
        _("first name"), max_length=150, blank=True, validators=[validate_sendable]
    )
    last_name = models.CharField(
        _("last name"), max_length=150, blank=True, validators=[validate_sendable]
    )

    objects: ClassVar[SyncedQuerySet[Self]] = SyncedManager()

    #: Counts the cards added and deleted through this instance, so that rows read earlier are known
    #: to be outdated.
    card_changes = 0

    if TYPE_CHECKING:
        cards: CardList

    class Meta:
        verbose_name = _("customer")
        verbose_name_plural = _("customers")
        ordering = ("-id",)
        constraints = (
            # The id first: people search for it alone.
            models.UniqueConstraint(
                fields=("customer_id", "gateway_name", "live"), name="dinero_customer_remote_id"
            ),
            models.UniqueConstraint(
                fields=("customer_key", "gateway_name", "live"), name="dinero_customer_key"
            ),
            models.CheckConstraint(
                condition=~models.Q(customer_id=""), name="dinero_customer_id_not_empty"
            ),
            models.CheckConstraint(
                condition=models.Q(sync_state__in=("synced", "pending", "error", "missing")),
                name="dinero_customer_sync_state",
            ),
        )
        # What waits to be pushed; and what people search by. Indexes in the Meta, not ``db_index``:
        # with that, Django adds a second one on PostgreSQL, for LIKE.
        indexes = (
            models.Index(fields=("sync_state",), name="dinero_customer_sync_state_idx"),
            models.Index(fields=("email",), name="dinero_customer_email"),
            models.Index(fields=("last_name",), name="dinero_customer_last_name"),
            models.Index(fields=("first_name",), name="dinero_customer_first_name"),
        )
        permissions = (
            ("add_stored_card", _("Can add a card to a customer")),
            ("change_customer_owner", _("Can change the owner of a customer")),
        )

    def value_errors(self, only: Collection[str] | None = None) -> dict[str, str]:
        """As in the base class. An e-mail that a gateway had stays; a new one is checked."""
        errors = super().value_errors(only)
        asked = "email" in self.__dict__ and (only is None or "email" in only)
        if asked and "email" not in errors and self.email and self.is_unsaved("email"):
            try:
                validate_email(self.email)
            except ValidationError as error:
                errors["email"] = " ".join(error.messages)
        return errors

    @property
    def lock_name(self) -> str:
        """The lock name of this customer. One operation on it is open at a time."""
        return f"{lock_prefix(self.live)}customer:{self.gateway_name}:{self.customer_key}"

    def __str__(self) -> str:
        email = without_card_numbers("email", str(self.email))
        return email or self.customer_id or str(self.public_id)

    @classmethod
    def create(
        cls, email: str, *, gateway_name: str | None = None, **options: Unpack[CustomerOptions]
    ) -> Customer:
        """Store a new customer at the gateway, with a first card if one is given.

        Args:
            email: the customer's address.
            gateway_name: a name in ``DINERO["GATEWAYS"]``; ``"default"`` if not given.
            **options: ``first_name``, ``last_name``, ``owner``; for a card ``number`` or ``token``,
                ``cvv``, ``month``, ``year`` and the address: ``company``, ``address``, ``city``,
                ``state``, ``zip``, ``country``, ``phone``, ``fax``; ``idempotency_key`` with
                ``scope``: the same key again returns the customer that it created; and
                ``one_per_owner``: a customer that the owner has with this e-mail address is
                returned, with the card added to it, however many ask at the same moment. Of several
                it is the one with a default card, with any card, or the oldest.

        Raises:
            TypeError: an unknown argument; the accepted ones are listed.
            InvalidInput: wrong fields, all named in ``errors``; nothing was sent.
            CardDeclinedError, ...: the gateway refused the card; nothing was stored.
            OutcomeUnknown: no reply; looking up its operation finds out whether it was stored.
        """
        wrap_secrets(options)
        email = hidden_if_card_number("email", email)
        return _services.customers.create_customer(
            email=email, gateway_name=gateway_name, **options
        )

    @classmethod
    def retrieve(cls, customer_id: str, gateway_name: str | None = None) -> Customer:
        """Pull a customer with all cards from the gateway.

        Local edits that are not pushed yet are kept. Cards that the gateway no longer has are
        marked as missing. Nothing is deleted.

        Raises:
            CustomerNotFoundError: the gateway has no such customer. A row of it is marked as
                missing, with its cards; edits that wait stay.
        """
        return _services.customers.retrieve_customer(customer_id, gateway_name=gateway_name)

    def refresh_from_gateway(self) -> Customer:
        """Pull this customer with all cards, as :meth:`retrieve` does, and return it.

        What was changed on this object and not saved stays as it is.

        Raises:
            InvalidInput: the gateway does not have it yet.
            CustomerNotFoundError: the gateway does not have it any more. The row and its cards are
                marked as missing; edits that wait stay.
        """
        return _services.customers.refresh_customer(self)

    refresh_from_gateway.alters_data = True  # type: ignore[attr-defined]

    def add_card(self, **options: Unpack[NewCardOptions]) -> CreditCard:
        """Store one more card; the arguments are those of a card in :meth:`create`.

        Raises:
            DuplicateCardError: the customer already has this card; ``.card_id`` is its id.
        """
        wrap_secrets(options)
        return _services.cards.add_card(self, **options)

    def charge(self, price: Decimal | int | str, **options: Unpack[PaymentOptions]) -> Transaction:
        """Charge the default card, or authorize it with ``settle=False``.

        Arguments and errors are those of :meth:`Transaction.create`.
        """
        wrap_secrets(options)
        price = hidden_if_no_amount(price)
        return _services.charges.charge_stored(price, self, **options)

    def charge_on_commit(
        self, price: Decimal | int | str, **options: Unpack[PaymentOptions]
    ) -> PendingCharge:
        """Charge right after the commit; see :meth:`Transaction.charge_on_commit`."""
        wrap_secrets(options)
        price = hidden_if_no_amount(price)
        return _services.later_charges.charge_stored_on_commit(price, self, **options)

    @property
    def card_id(self) -> str | None:
        """The gateway's id of the default card, None without a card."""
        card = self.default_card
        return card.card_id if card else None

    @property
    def default_card(self) -> CreditCard | None:
        """The card that is charged when only the customer is named.

        It is not read from a replica. Cards that were prefetched are taken as they are.
        """
        cards: Any = self.cards
        return default_among(cards.db_manager(router.db_for_write(cards.model)).all())

    def forget_cards(self) -> None:
        """Drop the prefetched cards, because a card was added or deleted."""
        self.card_changes += 1
        getattr(self, "_prefetched_objects_cache", {}).pop("cards", None)

    def _columns_written_elsewhere(self) -> tuple[str, ...]:
        return ("customer_id",)
