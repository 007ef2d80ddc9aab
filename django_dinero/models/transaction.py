"""The ledger: a row for every charge, capture, void and refund, declined and held ones too."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from contextlib import suppress
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, Self, Unpack

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from django_dinero.cards import wrap_secrets
from django_dinero.db.fields import IdField, RowForeignKey, UtcDateTimeField
from django_dinero.db.indexes import UnlessIndex, ValuesIndex
from django_dinero.db.queries import primary
from django_dinero.enums import TransactionKind
from django_dinero.exceptions import InvalidInput
from django_dinero.identifiers import KEY_LENGTH
from django_dinero.models import _services
from django_dinero.models.arguments import ChargeOptions, FollowUpOptions
from django_dinero.models.card import CreditCard
from django_dinero.models.choices import quick_labels
from django_dinero.models.customer import Customer
from django_dinero.models.ledger_row import LedgerRow
from django_dinero.models.mode import LiveField
from django_dinero.models.pending_charge import PendingCharge
from django_dinero.models.transaction_queries import TransactionQuerySet
from django_dinero.models.transaction_status import COUNTED, RARE_STATUSES, TransactionStatus
from django_dinero.money import (
    DECIMAL_PLACES,
    MAX_DIGITS,
    added_up,
    amount_text,
    hidden_if_no_amount,
    normalise,
)

KIND_LABELS = {
    TransactionKind.CHARGE: _("charge"),
    TransactionKind.AUTHORIZATION: _("authorization"),
    TransactionKind.CAPTURE: _("capture"),
    TransactionKind.VOID: _("void"),
    TransactionKind.REFUND: _("refund"),
}
#: Kinds that follow an earlier transaction, their parent.
FOLLOW_UPS = (TransactionKind.CAPTURE, TransactionKind.VOID, TransactionKind.REFUND)
#: What the lock names of transactions begin with.
LOCK_PREFIX = "transaction:"


class TransactionManager(models.Manager.from_queryset(TransactionQuerySet)):  # type: ignore[misc]
    """``Transaction.objects``: it has ``paid_for()`` and ``next_attempt()``, too."""


@quick_labels
class Transaction(LedgerRow):
    """A movement of money, or an attempt at one.

    If the customer or the card is deleted, the row stays, with their ids and the last four digits.
    """

    FREE_FIELDS: ClassVar[tuple[str, ...]] = ("owner", "order_reference", "description")

    public_id = models.UUIDField(_("public id"), default=uuid.uuid4, unique=True, editable=False)
    gateway_name = IdField(_("gateway"), max_length=64)
    #: Whether it is of an account where real money moves.
    live = LiveField(_("live"))
    transaction_id = IdField(_("transaction id"), max_length=255, null=True, blank=True)
    # Unique by a constraint, as ``Operation.key`` is.
    operation_key = IdField(_("operation key"), max_length=KEY_LENGTH, null=True, blank=True)
    kind = models.CharField(
        _("kind"),
        max_length=16,
        choices=[(kind.value, label) for kind, label in KIND_LABELS.items()],
    )
    status = models.CharField(_("status"), max_length=16, choices=TransactionStatus)
    #: ``status`` where it is a rare one, else NULL: for queries, since it has an index. It is
    #: filled in by the database; an instance has it as it was read.
    rare_status = models.GeneratedField(
        expression=models.Case(
            models.When(
                status__in=[status.value for status in RARE_STATUSES], then=models.F("status")
            ),
            default=None,
        ),
        output_field=models.CharField(max_length=16, null=True),
        db_persist=True,
    )
    price = models.DecimalField(_("price"), max_digits=MAX_DIGITS, decimal_places=DECIMAL_PLACES)
    currency = models.CharField(_("currency"), max_length=3)
    parent = models.ForeignKey(
        "self",
        verbose_name=_("original"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        db_index=False,
        related_name="children",
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("owner"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="dinero_transactions",
    )
    customer = RowForeignKey(
        Customer,
        verbose_name=_("customer"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        db_index=False,
        related_name="transactions",
    )
    card = RowForeignKey(
        CreditCard,
        verbose_name=_("card"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        db_index=False,
        related_name="transactions",
    )
    customer_id = IdField(_("customer id"), max_length=255, blank=True)
    card_id = IdField(_("card id"), max_length=255, blank=True)
    last_4 = models.CharField(_("last four digits"), max_length=4, blank=True)
    brand = models.CharField(_("brand"), max_length=32, blank=True)
    #: Which number of its card was charged; see :attr:`CreditCard.number_key`.
    number_key = IdField(max_length=KEY_LENGTH, blank=True, editable=False)
    auth_code = models.CharField(_("authorization code"), max_length=32, blank=True)
    avs = models.CharField(_("AVS result"), max_length=8, blank=True)
    cvv = models.CharField(_("CVV result"), max_length=8, blank=True)
    network_transaction_id = IdField(_("network transaction id"), max_length=255, blank=True)
    order_reference = IdField(_("order reference"), max_length=255, blank=True)
    description = models.CharField(_("description"), max_length=255, blank=True)
    customer_ip = models.GenericIPAddressField(_("customer IP"), null=True, blank=True)
    initiator = models.CharField(_("started by"), max_length=8, blank=True)
    #: When the bank paid it out, and in which batch.
    settled_at = UtcDateTimeField(_("settled"), null=True, blank=True)
    batch_id = IdField(_("settlement batch"), max_length=64, blank=True, default="")
    reason = models.CharField(_("reason"), max_length=40, blank=True)
    gateway_code = models.CharField(_("gateway code"), max_length=40, blank=True)
    gateway_text = models.TextField(_("gateway text"), blank=True)
    created_at = UtcDateTimeField(_("created"), auto_now_add=True, db_index=True)
    updated_at = UtcDateTimeField(_("changed"), auto_now=True)

    objects: ClassVar[TransactionQuerySet[Self]] = TransactionManager()

    #: Whether an earlier call with the same idempotency key made it. Set on what verbs return and
    #: on ``error.transaction``; it is not stored.
    is_replay = False
    #: Whether an operation has just taken this row, which was read from the gateway before.
    is_claimed = False

    if TYPE_CHECKING:
        customer_pk: int | None
        card_pk: int | None

    class Meta:
        verbose_name = _("transaction")
        verbose_name_plural = _("transactions")
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(fields=("operation_key",), name="dinero_transaction_operation"),
            # The id first: people search for it alone, and a pull without the kind.
            models.UniqueConstraint(
                fields=("transaction_id", "gateway_name", "kind", "live"),
                name="dinero_transaction_remote_id",
            ),
            models.CheckConstraint(
                condition=models.Q(price__gt=0), name="dinero_transaction_price_positive"
            ),
            models.CheckConstraint(
                condition=models.Q(kind__in=[kind.value for kind in TransactionKind]),
                name="dinero_transaction_kind",
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=TransactionStatus.values),
                name="dinero_transaction_status",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    kind__in=[kind.value for kind in FOLLOW_UPS], parent__isnull=False
                )
                | models.Q(
                    kind__in=[TransactionKind.CHARGE.value, TransactionKind.AUTHORIZATION.value],
                    parent__isnull=True,
                ),
                name="dinero_transaction_parent",
            ),
        )
        # Every charge costs an entry in each index, so none is here without a use.
        indexes = (
            # With the id behind them: a card's first charge and a customer's last ones are one step
            # away, however many there are.
            models.Index(fields=("card", "id"), name="dinero_transaction_card"),
            models.Index(fields=("customer", "id"), name="dinero_transaction_customer"),
            # For what follows a transaction. It has only rows with a parent, which are few.
            ValuesIndex(fields=("parent",), name="dinero_transaction_parent_idx"),
            # What a shopper quotes: the order's number, the card's last digits, the amount. Of many
            # with the same amount, the newest are at hand.
            models.Index(fields=("order_reference",), name="dinero_transaction_order"),
            models.Index(fields=("last_4",), name="dinero_transaction_last_4"),
            models.Index(fields=("price", "created_at"), name="dinero_transaction_price"),
            # What waits for somebody, was refused or went wrong later; the newest are at hand.
            ValuesIndex(
                fields=("rare_status", "created_at"), name="dinero_transaction_rare_status"
            ),
            # What is no plain charge, which most are: authorizations and what follows a payment.
            UnlessIndex(
                fields=("kind", "created_at"),
                unless=("kind", TransactionKind.CHARGE.value),
                name="dinero_transaction_kind_idx",
            ),
        )
        permissions = (
            ("capture_transaction", _("Can capture an authorization")),
            ("void_transaction", _("Can void a transaction")),
            ("refund_transaction", _("Can refund a transaction")),
            ("review_transaction", _("Can approve or decline a held transaction")),
            ("charge_keyed_card", _("Can charge a card that is typed in")),
        )

    def __str__(self) -> str:
        amount = amount_text(self.price, self.currency)
        return f"{self.get_kind_display()} {amount} ({self.get_status_display()})"

    def refuse_change(self, names: Collection[str], stored: models.QuerySet[Any]) -> None:
        """Refuse to move a payment from its order while it waits for the card's holder.

        The journal knows it by the order that it was begun for, and keeps that one closed until the
        holder has decided: it would be paid by nothing, and could not be paid. One that was begun
        for no order keeps none closed, and may be given one.
        """
        if "order_reference" not in names:
            return
        waiting = stored.filter(status=TransactionStatus.REQUIRES_ACTION)
        if waiting.exclude(order_reference__in=("", self.order_reference)).exists():
            text = _(
                "This payment waits for the card's holder, and belongs to its order until then. "
                "Move it when it is confirmed, or void it."
            )
            raise InvalidInput({"order_reference": str(text)})

    @property
    def lock_name(self) -> str:
        """The lock name of this transaction. One operation that follows it is open at a time."""
        return f"{LOCK_PREFIX}{self.public_id}"

    @classmethod
    def from_db(
        cls,
        db: str | None,
        field_names: Collection[str],
        values: Collection[Any],
        **options: Any,
    ) -> Self:
        """Load a row. Its price gets the decimals of its currency, as when it was created."""
        row = super().from_db(db, field_names, values, **options)
        if "price" in row.__dict__ and "currency" in row.__dict__:
            with suppress(InvalidInput):  # written by hand: one such row must not hide the others
                row.price = normalise(row.price, row.currency)
        return row

    @classmethod
    def create(cls, price: Decimal | int | str, **options: Unpack[ChargeOptions]) -> Transaction:
        """Charge a card, or authorize it with ``settle=False``.

        Args:
            price: in major units (dollars): a Decimal, int or str; a float is refused.
            **options: one source: ``customer`` (its default card), ``card``, ``number`` with
                ``month``, ``year``, ``cvv`` and the address, or ``token``; and ``settle``,
                ``currency``, ``gateway_name``, ``cvv``, ``email``, ``order_reference`` (with
                ``pays_order=True`` where it pays the whole order: once), ``description``,
                ``customer_ip``, ``initiator`` (``"customer"`` or ``"merchant"``), ``owner``,
                ``idempotency_key`` with ``scope``, and ``by``: who asks for it, a user or a name.

        Returns:
            The approved charge. The same ``idempotency_key`` returns the first one again.

        Raises:
            TypeError: an unknown argument; the accepted ones are listed.
            InvalidInput: wrong values; nothing was sent.
            InsideTransaction: a rollback could lose the row; nothing was sent.
            CardDeclinedError, HeldForReview, ...: the gateway's answer; its row is
                ``.transaction``.
            NotSent: nothing reached the gateway; repeating is safe.
            OutcomeUnknown: no answer; look up ``.operation`` to find the outcome.
        """
        wrap_secrets(options)
        price = hidden_if_no_amount(price)
        return _services.charges.charge(price, **options)

    @classmethod
    def charge_on_commit(
        cls, price: Decimal | int | str, **options: Unpack[ChargeOptions]
    ) -> PendingCharge:
        """Charge right after the commit of the caller's transaction; outside of one, at once.

        Its operation is committed together with the caller's rows, and a rollback takes both. What
        becomes of the charge is told by the signals, by its row, and by what is returned; nothing
        is raised after the commit. A worker that dies before it has sent the charge leaves the
        operation FAILED: nobody was charged, and the idempotency key is free.

        Args:
            price: as for :meth:`create`.
            **options: as for :meth:`create`.

        Raises:
            TypeError, InvalidInput: as :meth:`create`; nothing was written.
        """
        wrap_secrets(options)
        price = hidden_if_no_amount(price)
        return _services.later_charges.charge_on_commit(price, **options)

    @classmethod
    def retrieve(cls, transaction_id: str, gateway_name: str | None = None) -> Transaction:
        """Fetch a transaction from the gateway and bring its row here up to date.

        Raises:
            InvalidTransactionError: the gateway has no such transaction.
            OperationInProgress: a rollback may have taken its row, and whoever charged may still
                be at work; ask again after the lease of its operation.
        """
        return _services.pulled_transactions.retrieve_transaction(
            transaction_id, gateway_name=gateway_name
        )

    def refresh_from_gateway(self) -> Transaction:
        """Ask the gateway how it stands, and bring this row up to date; returns it.

        Raises:
            InvalidTransactionError: the gateway has no such transaction, or it has none of its own:
                it was refused.
            GatewayError, NotSent: the gateway did not answer; nothing was changed.
        """
        return _services.pulled_transactions.refresh_from_gateway(self)

    def capture(
        self, amount: Decimal | int | str | None = None, **options: Unpack[FollowUpOptions]
    ) -> Transaction:
        """Take this authorization, all of it or ``amount``; returns the capture's row."""
        wrap_secrets(options)
        amount = hidden_if_no_amount(amount)
        return _services.followups.capture(self, amount, **options)

    #: Kept as the other name of :meth:`capture`.
    settle = capture

    def refund(
        self, amount: Decimal | int | str | None = None, **options: Unpack[FollowUpOptions]
    ) -> Transaction:
        """Give ``amount`` back, or all that is left; return the row of the refund.

        Before the bank has settled the payment, a whole refund becomes a void. A partial one
        raises :class:`RefundError`, which says when to try again.
        """
        wrap_secrets(options)
        amount = hidden_if_no_amount(amount)
        return _services.followups.refund(self, amount, **options)

    def void(self, **options: Unpack[FollowUpOptions]) -> Transaction:
        """Cancel this payment before the bank settles it; return the row of the void."""
        wrap_secrets(options)
        return _services.followups.void(self, **options)

    def approve(self, **options: Unpack[FollowUpOptions]) -> Transaction:
        """Approve a payment that the gateway holds for review; return this row."""
        wrap_secrets(options)
        return _services.reviews.decide_review(self, "approve", **options)

    def decline(self, **options: Unpack[FollowUpOptions]) -> Transaction:
        """Decline a payment that the gateway holds for review; return this row."""
        wrap_secrets(options)
        return _services.reviews.decide_review(self, "decline", **options)

    @property
    def captured_amount(self) -> Decimal:
        """The amount taken: the price of a charge, or the sum of an authorization's captures."""
        if self.status not in COUNTED:
            return normalise(Decimal(0), self.currency)
        if self.kind in (TransactionKind.CHARGE, TransactionKind.CAPTURE):
            return normalise(Decimal(self.price), self.currency)
        return self.sum_of(TransactionKind.CAPTURE)

    @property
    def refunded_amount(self) -> Decimal:
        """The sum of the refunds of this transaction, those of its captures included."""
        return self.sum_of(TransactionKind.REFUND)

    def sum_of(
        self, kind: TransactionKind, statuses: Collection[TransactionStatus] = COUNTED
    ) -> Decimal:
        """Add up what follows this transaction, and what follows its captures.

        :meth:`Family.sum_of` adds up rows that were read before. Here they are read now, from the
        primary database.
        """
        family = models.Q(parent=self)
        if self.kind == TransactionKind.AUTHORIZATION:
            family |= models.Q(parent__parent=self)
        rows = primary(Transaction)
        rows = rows.filter(family, kind=kind, status__in=statuses)
        # Not by the database: SQLite adds up in floating point.
        return normalise(added_up(rows.values_list("price", flat=True)), self.currency)
