"""Stored cards: the gateway's ids and what may be shown, never a number."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self, overload

from django.db import models
from django.db.models.fields.related_descriptors import (
    ReverseManyToOneDescriptor,
    create_reverse_many_to_one_manager,
)
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from django_dinero import hooks
from django_dinero.cards import (
    ADDRESS_FIELDS,
    PaymentToken,
    card_input_error,
    check_expiry,
    seal,
    text_of,
)
from django_dinero.db import GetT, IdField, RowForeignKey, SetT
from django_dinero.exceptions import InvalidInput
from django_dinero.models.customer import Customer
from django_dinero.models.marks import MirroredManager, MirroredQuerySet, SyncState
from django_dinero.models.mirrored import Mirrored
from django_dinero.secrets import Secret

if TYPE_CHECKING:
    _ListBase = MirroredQuerySet["CreditCard"]
else:
    _ListBase = object


class CardListMixin(_ListBase):
    """Makes ``customer.cards`` a list to look at, and leaves it a manager to query."""

    instance: Customer
    _counted: tuple[int, list[CreditCard]] | None = None

    def _rows(self) -> list[CreditCard]:
        return list(self.all())

    @overload  # type: ignore[override]
    def __getitem__(self, index: int) -> CreditCard: ...
    @overload
    def __getitem__(self, index: slice) -> list[CreditCard]: ...
    def __getitem__(self, index: int | slice) -> CreditCard | list[CreditCard]:
        if not isinstance(index, int | slice):  # a template asks for "0" first
            raise TypeError(f"A position or a slice, not {index!r}.")
        return self._rows()[index]

    def __len__(self) -> int:
        # list() and the template loop ask for the length, then for the rows at once after it: they
        # get the rows that were counted. Any later loop asks again, one after add_card() at once.
        rows = self._rows()
        self._counted = (self.instance.cards_changed, rows)
        return len(rows)

    def __iter__(self) -> Iterator[CreditCard]:
        # A generator: list() asks for the iterator first, and for the length before the first row.
        yield from self._counted_rows()

    def __reversed__(self) -> Iterator[CreditCard]:
        return reversed(self._counted_rows())

    def _counted_rows(self) -> list[CreditCard]:
        counted, self._counted = self._counted, None
        fresh = counted is not None and counted[0] == self.instance.cards_changed
        return counted[1] if counted and fresh else self._rows()

    def __bool__(self) -> bool:
        return bool(self._rows())

    def __contains__(self, card: object) -> bool:
        return card in self._rows()

    def create(self, **kwargs: Any) -> CreditCard:
        """Store one more card, as :meth:`Customer.add_card` does."""
        seal(kwargs, misplaced=False)
        return super().create(**kwargs)

    create.alters_data = True  # type: ignore[attr-defined]

    async def acreate(self, **kwargs: Any) -> CreditCard:
        """As :meth:`create`."""
        seal(kwargs, misplaced=False)
        return await super().acreate(**kwargs)

    acreate.alters_data = True  # type: ignore[attr-defined]

    def add(self, *cards: CreditCard, bulk: bool = False) -> None:
        """Save new cards of this customer; another customer's card cannot be moved here.

        Django's ``bulk`` would write past :meth:`CreditCard.save` and is not followed.
        """
        super().add(*cards, bulk=False)  # type: ignore[misc]

    add.alters_data = True  # type: ignore[attr-defined]


class _CardsDescriptor(ReverseManyToOneDescriptor):  # type: ignore[type-arg]
    @cached_property
    def related_manager_cls(self) -> type[Any]:
        manager = type(self.rel.related_model._default_manager)
        made = create_reverse_many_to_one_manager(manager, self.rel)
        return type("CardListManager", (CardListMixin, made), {})


class CustomerForeignKey(RowForeignKey[SetT, GetT]):
    """The customer of a card; its reverse, ``customer.cards``, can be indexed and counted."""

    related_accessor_class = _CardsDescriptor


if TYPE_CHECKING:
    #: What ``customer.cards`` is, for type checkers.
    CardList = CardListMixin


class CreditCard(Mirrored):
    """A card in a customer's vault.

    ``customer_id`` and ``card_id`` are the gateway's ids. ``number``, ``cvv`` and ``token`` can be
    set before a save and are never read back or stored: the save sends them in the same call.
    """

    MIRRORED: ClassVar[tuple[str, ...]] = (*ADDRESS_FIELDS, "month", "year", "default_slot")
    FIXED: ClassVar[tuple[str, ...]] = ("gateway_name", "customer_pk")
    WATCHED: ClassVar[tuple[str, ...]] = ("month", "year")

    customer = CustomerForeignKey(
        Customer, verbose_name=_("customer"), on_delete=models.CASCADE, related_name="cards"
    )
    customer_id = IdField(_("customer id"), max_length=255, editable=False)
    card_id = IdField(_("card id"), max_length=255, editable=False)
    last_4 = models.CharField(_("last four digits"), max_length=4, blank=True, editable=False)
    brand = models.CharField(_("brand"), max_length=32, blank=True, editable=False)
    month = models.PositiveSmallIntegerField(_("expiry month"), null=True, blank=True)
    year = models.PositiveSmallIntegerField(_("expiry year"), null=True, blank=True)
    first_name = models.CharField(_("first name"), max_length=150, blank=True)
    last_name = models.CharField(_("last name"), max_length=150, blank=True)
    company = models.CharField(_("company"), max_length=150, blank=True)
    address = models.CharField(_("address"), max_length=255, blank=True)
    city = models.CharField(_("city"), max_length=150, blank=True)
    state = models.CharField(_("state"), max_length=150, blank=True)
    zip = models.CharField(_("postal code"), max_length=32, blank=True)
    country = models.CharField(_("country"), max_length=150, blank=True)
    phone = models.CharField(_("telephone"), max_length=50, blank=True)
    fax = models.CharField(_("fax"), max_length=50, blank=True)
    #: The customer's key if this is the default card, else NULL: unique, so there is one at most.
    #: (A partial unique index would say it more plainly; MariaDB has none.)
    default_slot = models.BigIntegerField(null=True, blank=True, unique=True, editable=False)

    objects: ClassVar[MirroredQuerySet[Self]] = MirroredManager()

    if TYPE_CHECKING:
        customer_pk: int

    class Meta:
        verbose_name = _("credit card")
        verbose_name_plural = _("credit cards")
        ordering = ("id",)
        constraints = (
            models.UniqueConstraint(
                fields=("gateway_name", "customer_id", "card_id"), name="dinero_card_remote_id"
            ),
            models.CheckConstraint(
                condition=~models.Q(card_id="") & ~models.Q(customer_id=""),
                name="dinero_card_ids_not_empty",
            ),
            models.CheckConstraint(
                condition=models.Q(default_slot=None)
                | models.Q(default_slot=models.F("customer_pk")),
                name="dinero_card_default_of_own_customer",
            ),
            models.CheckConstraint(
                condition=models.Q(sync_state__in=("synced", "pending", "error", "missing")),
                name="dinero_card_sync_state",
            ),
        )
        permissions = (("charge_creditcard", _("Can charge a stored card")),)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._number: Secret | None = None
        self._cvv: Secret | None = None
        self._token: PaymentToken | None = None
        #: Closes the operation of a number that was sent; called in the row's own transaction.
        self.conclude_push: Callable[[], object] | None = None
        seal(kwargs, misplaced=False)
        super().__init__(*args, **kwargs)

    @property
    def expiry_changed(self) -> bool:
        """Whether month or year differ from what was loaded."""
        return bool(self.changed("month", "year"))

    def problems(self, only: Collection[str] | None = None) -> dict[str, str]:
        """As in the base; a stored card may be expired, only a new date has to be a good one."""
        errors = super().problems(only)
        if self.expiry_changed and (only is None or not {"month", "year"}.isdisjoint(only)):
            wrong: dict[str, str] = {}
            month, year = check_expiry(self.month, self.year, wrong)
            if not wrong:
                self.month, self.year = month, year
            errors |= wrong
        return errors

    def input_error(self, errors: Mapping[str, str]) -> InvalidInput:
        """Return the error for these fields, of the class of the first that is wrong."""
        return card_input_error(errors)

    def __str__(self) -> str:
        return f"{self.brand or _('card')} •••• {self.last_4}"

    @property
    def journal_target(self) -> str:
        """The journal's name for this card: one operation on it is open at most."""
        return f"card:{self.public_id}"

    @property
    def is_default(self) -> bool:
        """Whether this card is charged when only the customer is named."""
        return self.default_slot is not None

    @is_default.setter
    def is_default(self, value: bool) -> None:
        self.default_slot = self.customer_pk if value else None

    @property
    def number(self) -> Secret | None:
        """A new number that waits for ``save()``; never a stored one."""
        return self._number

    @number.setter
    def number(self, value: str | Secret | None) -> None:
        text = text_of(value)
        self._number = Secret(text) if text else None

    @property
    def cvv(self) -> Secret | None:
        """A CVV for the check of a new number; it is not stored anywhere."""
        return self._cvv

    @cvv.setter
    def cvv(self, value: str | Secret | None) -> None:
        text = text_of(value)
        self._cvv = Secret(text) if text else None

    @property
    def token(self) -> PaymentToken | None:
        """A client-side token in place of a number."""
        return self._token

    @token.setter
    def token(self, value: str | Secret | PaymentToken | None) -> None:
        if value is None or isinstance(value, PaymentToken):
            self._token = value
        else:
            self._token = PaymentToken(Secret(value))

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save, and push what changed; a new number or token goes to the gateway first.

        Raises:
            InvalidInput: wrong fields; nothing was sent or written.
            DineroError: what the gateway answered. A refused number leaves the row as it was.
        """
        if self.number is not None or self.token is not None or not self.card_id:
            hooks.call("store_card", self)
        try:
            super().save(*args, **kwargs)
        finally:
            self.conclude_push = None
        self._number = self._cvv = self._token = None

    def before_write(self, using: str) -> None:
        """Close what was sent, and take the default slot from the card that has it."""
        if self.conclude_push is not None:
            self.conclude_push()
        if self.default_slot is None:
            return
        rivals = CreditCard.objects.using(using).filter(default_slot=self.default_slot)
        for rival in rivals.exclude(pk=self.pk):
            rival.default_slot = None
            marks = {"default_slot": None}
            if rival.sync_state == SyncState.SYNCED:
                # The gateway takes the default from it by itself when this one is pushed.
                marks |= rival.synced_marks()
            rivals.filter(pk=rival.pk).update_mirrored(**marks)
