"""Stored cards: the gateway's ids, the last four digits and the address. Never a full number."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Self, Unpack

from django.db import models, router
from django.db.models import Case, F, Q, Value, When
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from django_dinero.cards import (
    ADDRESS_FIELDS,
    BRAND_LENGTH,
    LAST_4_LENGTH,
    Address,
    PaymentToken,
    card_input_error,
    check_expiry,
    text_of,
    wrap_secrets,
)
from django_dinero.db.failures import translate_database_failures
from django_dinero.db.fields import IdField
from django_dinero.exceptions import InvalidInput
from django_dinero.identifiers import KEY_LENGTH
from django_dinero.models import _services, default_card
from django_dinero.models.arguments import PaymentOptions
from django_dinero.models.card_list import CustomerForeignKey
from django_dinero.models.choices import quick_labels
from django_dinero.models.customer import Customer
from django_dinero.models.mode import lock_prefix
from django_dinero.models.sync_state import SyncedManager, SyncedQuerySet, SyncState
from django_dinero.models.synced import SyncedModel
from django_dinero.models.validators import validate_month, validate_sendable
from django_dinero.money import hidden_if_no_amount
from django_dinero.redaction import Secret, mask_card_numbers

if TYPE_CHECKING:
    from django_dinero.models.pending_charge import PendingCharge
    from django_dinero.models.transaction import Transaction

#: Characters of a lock name's column.
LOCK_NAME_LENGTH = 150


def cards_lock_name(gateway_name: str, customer_id: str, *, live: bool) -> str:
    """Return the lock name for the cards of a customer. One operation on them is open at a time.

    All cards of a customer share one lock, because changing the default concerns all of them. The
    name is cut to its column. If ids are so long that two customers share a name, their
    operations wait for each other.
    """
    return f"{lock_prefix(live)}cards:{gateway_name}:{customer_id}"[:LOCK_NAME_LENGTH]


@quick_labels
class CreditCard(SyncedModel):
    """A customer's card, stored at the gateway.

    ``customer_id`` and ``card_id`` are the gateway's ids. ``number``, ``cvv`` and ``token`` can be
    set before a save, which sends them in the same call. They are never stored or read back.
    """

    PUSHED_FIELDS: ClassVar[tuple[str, ...]] = (*ADDRESS_FIELDS, "month", "year", "default_of")
    FIXED_FIELDS: ClassVar[tuple[str, ...]] = ("gateway_name", "customer_pk")
    GATEWAY_ONLY: ClassVar[tuple[str, ...]] = ("last_4", "brand", "number_key")

    customer = CustomerForeignKey(
        Customer, verbose_name=_("customer"), on_delete=models.CASCADE, related_name="cards"
    )
    customer_id = IdField(_("customer id"), max_length=255, editable=False)
    card_id = IdField(_("card id"), max_length=255, editable=False)
    last_4 = models.CharField(
        _("last four digits"), max_length=LAST_4_LENGTH, blank=True, editable=False
    )
    brand = models.CharField(_("brand"), max_length=BRAND_LENGTH, blank=True, editable=False)
    #: The key of the operation that brought the present number, empty for the first one: two
    #: numbers may have the same last digits. A key of its own where other software brought it.
    number_key = IdField(max_length=KEY_LENGTH, blank=True, editable=False)
    month = models.PositiveSmallIntegerField(
        _("expiry month"), null=True, blank=True, validators=[validate_month]
    )
    year = models.PositiveSmallIntegerField(_("expiry year"), null=True, blank=True)
    first_name = models.CharField(
        _("first name"), max_length=150, blank=True, validators=[validate_sendable]
    )
    last_name = models.CharField(
        _("last name"), max_length=150, blank=True, validators=[validate_sendable]
    )
    company = models.CharField(
        _("company"), max_length=150, blank=True, validators=[validate_sendable]
    )
    address = models.CharField(
        _("address"), max_length=255, blank=True, validators=[validate_sendable]
    )
    city = models.CharField(_("city"), max_length=150, blank=True, validators=[validate_sendable])
    state = models.CharField(_("state"), max_length=150, blank=True, validators=[validate_sendable])
    zip = models.CharField(
        _("postal code"), max_length=32, blank=True, validators=[validate_sendable]
    )
    country = models.CharField(
        _("country"), max_length=150, blank=True, validators=[validate_sendable]
    )
    phone = models.CharField(
        _("telephone"), max_length=50, blank=True, validators=[validate_sendable]
    )
    fax = models.CharField(_("fax"), max_length=50, blank=True, validators=[validate_sendable])
    #: The primary key of the customer whose default card this is, NULL for every other card. The
    #: column is unique, so a customer has at most one. (MariaDB has no partial unique index.)
    default_of = models.BigIntegerField(null=True, blank=True, unique=True, editable=False)

    objects: ClassVar[SyncedQuerySet[Self]] = SyncedManager()

    _number: Secret | None = None
    _cvv: Secret | None = None
    _token: PaymentToken | None = None
    #: Whether this instance was made the default, even if it already was when it was read.
    wants_default = False
    _took_default = False
    #: The latest choice of this card as the default, which may still be rolled back.
    _default_choice: default_card.Choice | None = None

    if TYPE_CHECKING:
        customer_pk: int

    class Meta:
        verbose_name = _("credit card")
        verbose_name_plural = _("credit cards")
        ordering = ("id",)
        constraints = (
            # The id first: people search for it alone.
            models.UniqueConstraint(
                fields=("customer_id", "card_id", "gateway_name", "live"),
                name="dinero_card_remote_id",
            ),
            models.CheckConstraint(
                condition=~models.Q(card_id="") & ~models.Q(customer_id=""),
                name="dinero_card_ids_not_empty",
            ),
            models.CheckConstraint(
                condition=models.Q(default_of=None) | models.Q(default_of=models.F("customer_pk")),
                name="dinero_card_default_of_own_customer",
            ),
            models.CheckConstraint(
                condition=models.Q(sync_state__in=("synced", "pending", "error", "missing")),
                name="dinero_card_sync_state",
            ),
        )
        # As for customers: what waits to be pushed, and what people search by.
        indexes = (
            models.Index(fields=("sync_state",), name="dinero_card_sync_state_idx"),
            models.Index(fields=("last_4",), name="dinero_card_last_4"),
            models.Index(fields=("card_id",), name="dinero_card_card_id"),
            models.Index(fields=("year", "month"), name="dinero_card_expiry"),
        )
        permissions = (("charge_creditcard", _("Can charge a stored card")),)

    @property
    def expiry_changed(self) -> bool:
        """Whether month or year differ from what was loaded."""
        return bool(self.changed("month", "year"))

    def value_errors(self, only: Collection[str] | None = None) -> dict[str, str]:
        """As in the base class. A stored card may be expired; only a new date must be valid."""
        errors = super().value_errors(only)
        if self.expiry_changed and (only is None or not {"month", "year"}.isdisjoint(only)):
            wrong: dict[str, str] = {}
            month, year = check_expiry(self.month, self.year, wrong)
            if not wrong:
                self.month, self.year = month, year
            errors |= wrong
        if self._gives_up_default() and (only is None or "default_of" in only):
            errors["is_default"] = gettext("Make another card the default one instead.")
        return errors

    def save_errors(self) -> dict[str, str]:
        """As in the base class; a new number or token is checked with everything around it."""
        if self.number is None and self.token is None:
            return super().save_errors()
        return _services.cards.new_number_errors(self)

    def _gives_up_default(self) -> bool:
        # Gateways can be told which card is the default, but not that a card no longer is.
        return self.default_of is None and not self.wants_default and self._changes_default()

    def input_error(self, errors: Mapping[str, str]) -> InvalidInput:
        """Return the error for these fields, of the class of the first that is wrong."""
        return card_input_error(errors)

    def __str__(self) -> str:
        return mask_card_numbers(f"{self.brand or _('card')} •••• {self.last_4}")

    @property
    def billing_address(self) -> Address:
        """The address fields of this card."""
        return Address(**{name: getattr(self, name) for name in ADDRESS_FIELDS})

    @property
    def lock_name(self) -> str:
        """The lock name of its customer's cards; see :func:`cards_lock_name`."""
        return cards_lock_name(self.gateway_name, self.customer_id, live=self.live)

    @property
    def is_default(self) -> bool:
        """Whether this card is charged when only the customer is named."""
        return self.default_of is not None

    @is_default.setter
    def is_default(self, value: bool) -> None:
        self.default_of = self.customer_pk if value else None
        self.wants_default = bool(value)

    @property
    def number(self) -> Secret | None:
        """A new number to be sent by ``save()``; None for a stored card."""
        return self._number

    @number.setter
    def number(self, value: str | Secret | None) -> None:
        text = text_of(value)
        self._number = Secret(text) if text else None

    @property
    def cvv(self) -> Secret | None:
        """The CVV that goes with a new number. It is not stored anywhere."""
        return self._cvv

    @cvv.setter
    def cvv(self, value: str | Secret | None) -> None:
        text = text_of(value)
        self._cvv = Secret(text) if text else None

    @property
    def token(self) -> PaymentToken | None:
        """A token from the gateway's browser-side form, in place of a number."""
        return self._token

    @token.setter
    def token(self, value: str | Secret | PaymentToken | None) -> None:
        if value is None or isinstance(value, PaymentToken):
            self._token = value
        else:
            self._token = PaymentToken(Secret(value))

    def charge(self, price: Decimal | int | str, **options: Unpack[PaymentOptions]) -> Transaction:
        """Charge this card, or authorize it with ``settle=False``.

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

    def validate(self, *, cvv: str | int | Secret | None = None) -> None:
        """Ask the issuer whether the card is good, without charging it.

        Args:
            cvv: the code on the card, if its holder has typed it again.

        Raises:
            CardDeclinedError, ...: it is not.
            UnsupportedFeature: the gateway cannot ask.
        """
        code = None if cvv is None else Secret(text_of(cvv))
        del cvv  # a traceback shows the locals
        _services.cards.validate_card(self, code)

    @translate_database_failures()
    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save the row and push what changed. A new number or token is sent to the gateway first.

        Raises:
            InvalidInput: wrong fields; nothing was sent or written.
            DineroError: the gateway refused. If it refused a number, the row stays as it was.
        """
        using = kwargs.get("using") or router.db_for_write(type(self), instance=self)
        if self._default_choice is not None and self.default_of is not None:
            # After a rollback this instance says "default" and the row does not.
            self.wants_default |= self._default_choice.was_rolled_back(self, using)
        if self.number is not None or self.token is not None or not self.card_id:
            _services.cards.store_card(self, partial(self.save_with_answer, *args, **kwargs))
        else:
            super().save(*args, **kwargs)
        self.drop_secrets()

    def drop_secrets(self) -> None:
        """Drop number, CVV and token, once they have been sent."""
        self._number = self._cvv = self._token = None

    def before_write(self, using: str, names: Collection[str] | None) -> None:
        """Take the default from the customer's other card if this one becomes the default."""
        if self.answer is not None and self.answer.with_customer:
            return  # its customer is written in the same transaction and has no other card yet
        # Every write locks the customer first and cards second. In any other order two writes could
        # deadlock.
        default_card.lock([self.customer_pk], using)
        self._took_default = self._writes_default(names)
        if self._took_default:
            self._default_choice = default_card.Choice.in_transaction(using)
            default_card.release(CreditCard.objects.using(using), self.customer_pk, to=self.pk)

    @classmethod
    def lock_for_write(cls, rows: models.QuerySet[Any], using: str) -> None:
        """Lock the customers of these cards."""
        default_card.lock(rows.values("customer_pk"), using)

    def _writes_default(self, names: Collection[str] | None) -> bool:
        return self.default_of is not None and (names is None or "default_of" in names)

    def _changes_default(self) -> bool:
        """Whether this save changes which card is the default."""
        return self.wants_default or bool(self.changed("default_of"))

    def remember_written(self, written: Mapping[str, Any], using: str) -> None:
        """As in the base class; the choice of the default is written too."""
        super().remember_written(written, using)
        if self._took_default:
            self.wants_default = self._took_default = False

    def reload_bookkeeping(self, using: str) -> None:
        """As in the base class; also remember the version that the row got with the choice."""
        super().reload_bookkeeping(using)
        if self._default_choice is not None and self._default_choice.version is None:
            self._default_choice.version = self.version

    def is_unsaved(self, column: str) -> bool:
        """As in the base class; a choice of the default counts even if it was made before."""
        # Another request may have taken the default since this card was read with it.
        return super().is_unsaved(column) or (column == "default_of" and self.wants_default)

    def _columns_written_elsewhere(self) -> tuple[str, ...]:
        # Saving another card takes the default from this one. An instance read before that must not
        # bring it back, so the column is written only if this instance changed it.
        return () if self._state.adding or self._changes_default() else ("default_of",)

    def _forced_columns(self, update_fields: Collection[str] | None) -> frozenset[str]:
        forced = super()._forced_columns(update_fields)
        # The date came with the new number, even if it is the one that was read before.
        return forced | {"month", "year"} if self.was_accepted else forced

    def _marks_after_answer(self) -> dict[str, Any]:
        # The row may have changed between the gateway's answer and this write: an edit, or the
        # default moved. Then it is still to be pushed.
        same = Q(version=self.version)
        if self.sync_state != SyncState.SYNCED:
            return super()._marks_after_answer()
        synced = When(same, then=Value(SyncState.SYNCED))
        digest = When(same, then=Value(self.pushed_digest()))
        version = When(same, then=F("version") + 1)
        return {
            "sync_state": Case(synced, default=Value(SyncState.PENDING)),
            "synced_digest": Case(digest, default=Value("")),
            "edits": Case(
                When(same, then=Value(0)),
                default=F("edits"),
                output_field=models.PositiveSmallIntegerField(),
            ),
            "synced_version": Case(version, default=Value(self.version)),
            # The last one: in MariaDB an assignment sees the result of the one before it.
            "version": F("version") + 1,
        }
