"""The journal: a row for every gateway call that changes something, written before the call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models, router
from django.utils.translation import gettext_lazy as _

from django_dinero import conf
from django_dinero.cards import wrap_secrets
from django_dinero.db.fields import IdField, UtcDateTimeField, UtcNow
from django_dinero.db.indexes import ValuesIndex
from django_dinero.identifiers import KEY_LENGTH, new_key
from django_dinero.models import _services
from django_dinero.models.choices import quick_labels
from django_dinero.models.journal_aliases import OperationManager
from django_dinero.models.mode import LiveField
from django_dinero.models.own_row import OwnRowModel
from django_dinero.money import DECIMAL_PLACES, MAX_DIGITS

if TYPE_CHECKING:
    from django_dinero.gateways.types import NextAction


class OperationState(models.TextChoices):
    """The state of an operation. ``docs/deployment`` describes the whole state machine."""

    #: Written, not sent. Only the worker that changes it to SENT may send it.
    NEW = "new", _("new")
    #: Being sent. After ``lease_until`` its worker counts as dead, and the outcome as unknown.
    SENT = "sent", _("sent")
    SUCCEEDED = "succeeded", _("succeeded")
    DECLINED = "declined", _("declined")
    #: The gateway accepted it and holds it for review.
    HELD = "held", _("held at the gateway")
    #: The cardholder has to do something first (3-D Secure). It holds no lock meanwhile.
    REQUIRES_ACTION = "requires_action", _("waits for the card's holder")
    #: Proven not to have happened: nothing reached the gateway, or it refused to process it.
    FAILED = "failed", _("failed")
    #: Sent, but no answer came that can be trusted.
    UNKNOWN = "unknown", _("outcome unknown")
    #: Searched for in complete lists after the quarantine, and not found.
    ABSENT = "absent", _("proven absent")
    #: The gateway's answer contradicts the intent. Only a person can finish it.
    NEEDS_ATTENTION = "needs_attention", _("needs attention")
    #: A person has finished it and left a note. Its idempotency key stays taken.
    CLOSED = "closed", _("closed by hand")


#: States in which an operation keeps its lock, so that no second one can begin.
LOCKING_STATES = (
    OperationState.NEW,
    OperationState.SENT,
    OperationState.UNKNOWN,
    OperationState.NEEDS_ATTENTION,
)
#: States in which the outcome is not known yet.
OPEN_STATES = (*LOCKING_STATES, OperationState.REQUIRES_ACTION)

#: The gateway has it, and nobody has decided yet.
UNDECIDED_STATES = (OperationState.HELD, OperationState.REQUIRES_ACTION)

#: States in which few operations are: what somebody looks for among millions. The others are those
#: of every charge that is approved, from its first moment to its end.
RARE_STATES = (
    OperationState.DECLINED,
    OperationState.HELD,
    OperationState.REQUIRES_ACTION,
    OperationState.FAILED,
    OperationState.UNKNOWN,
    OperationState.ABSENT,
    OperationState.NEEDS_ATTENTION,
    OperationState.CLOSED,
)

#: States in which an operation has a worker, as long as its lease lasts: it is about to be sent, or
#: is being sent.
BEING_SENT = (OperationState.NEW, OperationState.SENT)

#: The states that may follow each state. SUCCEEDED, DECLINED and CLOSED are final, and so is FAILED
#: unless a payment that was not sent, as far as anybody knew, is at the gateway after all.
TRANSITIONS: Mapping[str, frozenset[str]] = {
    OperationState.NEW: frozenset(
        {OperationState.SENT, OperationState.FAILED, OperationState.SUCCEEDED}
    ),
    OperationState.SENT: frozenset(
        {
            OperationState.SUCCEEDED,
            OperationState.DECLINED,
            OperationState.HELD,
            OperationState.REQUIRES_ACTION,
            OperationState.FAILED,
            OperationState.UNKNOWN,
            OperationState.NEEDS_ATTENTION,
        }
    ),
    OperationState.UNKNOWN: frozenset(
        {
            OperationState.SUCCEEDED,
            OperationState.DECLINED,
            OperationState.HELD,
            OperationState.REQUIRES_ACTION,
            OperationState.FAILED,  # only if the gateway says so, never because time has passed
            OperationState.ABSENT,
            OperationState.NEEDS_ATTENTION,
        }
    ),
    OperationState.HELD: frozenset(
        {OperationState.SUCCEEDED, OperationState.DECLINED, OperationState.NEEDS_ATTENTION}
    ),
    OperationState.REQUIRES_ACTION: frozenset(
        {
            OperationState.SUCCEEDED,
            OperationState.DECLINED,
            OperationState.HELD,
            OperationState.FAILED,
            OperationState.NEEDS_ATTENTION,
        }
    ),
    OperationState.ABSENT: frozenset(
        {
            OperationState.SUCCEEDED,
            OperationState.DECLINED,
            OperationState.HELD,
            OperationState.REQUIRES_ACTION,
            OperationState.FAILED,
            OperationState.NEEDS_ATTENTION,
        }
    ),
    OperationState.FAILED: frozenset(
        {
            OperationState.SUCCEEDED,
            OperationState.HELD,
            OperationState.REQUIRES_ACTION,
            OperationState.NEEDS_ATTENTION,
        }
    ),
    OperationState.NEEDS_ATTENTION: frozenset(
        {
            OperationState.SUCCEEDED,
            OperationState.DECLINED,
            OperationState.FAILED,
            OperationState.CLOSED,
        }
    ),
}


class OperationKind(models.TextChoices):
    """The gateway verb that an operation calls."""

    CREATE_CUSTOMER = "create_customer", _("create customer")
    UPDATE_CUSTOMER = "update_customer", _("update customer")
    DELETE_CUSTOMER = "delete_customer", _("delete customer")
    ADD_CARD = "add_card", _("add card")
    UPDATE_CARD = "update_card", _("update card")
    DELETE_CARD = "delete_card", _("delete card")
    CHARGE = "charge", _("charge")
    AUTHORIZE = "authorize", _("authorize")
    CAPTURE = "capture", _("capture")
    VOID = "void", _("void")
    REFUND = "refund", _("refund")
    APPROVE_HELD = "approve_held", _("approve held")
    DECLINE_HELD = "decline_held", _("decline held")


#: Deletes wait in the journal to be sent. If a worker dies first, another one sends them.
DELETES = (OperationKind.DELETE_CUSTOMER, OperationKind.DELETE_CARD)

#: What begins a payment.
CHARGES = (OperationKind.CHARGE, OperationKind.AUTHORIZE)

MONEY_KINDS = (
    OperationKind.CHARGE,
    OperationKind.AUTHORIZE,
    OperationKind.CAPTURE,
    OperationKind.VOID,
    OperationKind.REFUND,
    OperationKind.APPROVE_HELD,
    OperationKind.DECLINE_HELD,
)


@quick_labels
class Operation(OwnRowModel):
    """One attempt to change something at a gateway. It is never deleted and has no foreign keys.

    The journal may have a connection of its own. There, a foreign key to a row that the caller has
    locked would wait for the caller, who waits for the journal. The database would not notice.

    No index covers a column that a charge changes when it is approved. So PostgreSQL keeps the new
    version of the row beside the old one, and touches no index. Nor does a claim, which looks for
    one row by its key, read the old versions of all that was sent lately. The few operations that
    end otherwise enter the index of rare states, which has only those.
    """

    OWN_COLUMN: ClassVar[str] = "key"

    # Unique by constraints: for ``unique=True`` on a text, Django adds a second index on PostgreSQL
    # that only LIKE would use.
    key = IdField(_("operation key"), max_length=KEY_LENGTH, default=new_key)
    scope = IdField(_("scope of the idempotency key"), max_length=100, blank=True, default="")
    idempotency_key = IdField(_("idempotency key"), max_length=100, null=True, blank=True)
    fingerprint = models.CharField(max_length=32, blank=True, editable=False)
    kind = models.CharField(_("kind"), max_length=20, choices=OperationKind)
    gateway_name = IdField(_("gateway"), max_length=64)
    #: Whether it is of an account where real money moves.
    live = LiveField(_("live"))
    lock_name = IdField(_("lock name"), max_length=150, blank=True, default="")
    #: ``lock_name`` while the operation keeps its lock, else NULL. The column is unique, so at most
    #: one operation has the lock.
    held_lock = IdField(max_length=150, null=True, editable=False)
    #: The primary key of the user who owns the customer or payment, as text.
    owner_pk = IdField(_("owner"), max_length=64, blank=True, default="")
    customer_key = IdField(_("customer key"), max_length=KEY_LENGTH, blank=True, default="")
    customer_id = IdField(_("customer id"), max_length=255, blank=True, default="")
    card_id = IdField(_("card id"), max_length=255, blank=True, default="")
    transaction_id = IdField(_("transaction id"), max_length=255, blank=True, default="")
    parent_key = IdField(_("key of the original"), max_length=KEY_LENGTH, blank=True, default="")
    amount = models.DecimalField(
        _("amount"), max_digits=MAX_DIGITS, decimal_places=DECIMAL_PLACES, null=True, blank=True
    )
    currency = models.CharField(_("currency"), max_length=3, blank=True, default="")
    state = models.CharField(
        _("state"), max_length=16, choices=OperationState, default=OperationState.NEW
    )
    #: ``state`` where it is a rare one, else NULL: for queries, since it has an index. It is filled
    #: in by the database; an instance has it as it was read.
    rare_state = models.GeneratedField(
        expression=models.Case(
            models.When(state__in=[state.value for state in RARE_STATES], then=models.F("state")),
            default=None,
        ),
        output_field=models.CharField(max_length=16, null=True),
        db_persist=True,
    )
    # Django's encoder, because a primary key in the intent may be a UUID.
    intent = models.JSONField(_("intent"), default=dict, blank=True, encoder=DjangoJSONEncoder)
    outcome = models.JSONField(_("outcome"), default=dict, blank=True)
    worker = models.CharField(max_length=100, blank=True, default="", editable=False)
    #: How often it was sent or looked up.
    attempts = models.PositiveSmallIntegerField(default=0, editable=False)
    sent_at = UtcDateTimeField(_("sent"), null=True, blank=True)
    lease_until = UtcDateTimeField(_("lease until"), null=True, blank=True)
    quarantine_until = UtcDateTimeField(_("quarantine until"), null=True, blank=True)
    next_check_at = UtcDateTimeField(_("next check"), null=True, blank=True)
    #: Both by the database's clock, as the leases are, so that times in a row can be compared.
    created_at = UtcDateTimeField(_("created"), db_default=UtcNow(), editable=False)
    updated_at = UtcDateTimeField(_("changed"), db_default=UtcNow(), editable=False)

    objects: ClassVar[OperationManager[Self]] = OperationManager()

    #: The state that it had before this instance ended it; empty if another worker ended it.
    ended_from = ""
    #: Whether this instance's ``intent`` has values that the row lacks; the claim writes them.
    has_new_intent = False
    #: ``send_deadline.uptime()`` until which this process may send it; None if it may not.
    send_before: float | None = None
    #: Whether the last look-up of this instance got no answer, as the next one's would not either.
    asked_in_vain = False
    #: ``send_deadline.uptime()`` when a look-up of this instance asked the gateway for it last.
    searched_at: float | None = None
    #: What the cardholder has to do, as the gateway has just said. It is not stored.
    next_action: NextAction | None = None

    class Meta:
        verbose_name = _("operation")
        verbose_name_plural = _("operations")
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(fields=("key",), name="dinero_operation_key"),
            models.UniqueConstraint(fields=("held_lock",), name="dinero_operation_held_lock"),
            # The key first: it is searched for without its scope, too.
            models.UniqueConstraint(
                fields=("idempotency_key", "scope"), name="dinero_operation_idempotency_key"
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=OperationState.values), name="dinero_operation_state"
            ),
            models.CheckConstraint(
                condition=models.Q(kind__in=OperationKind.values), name="dinero_operation_kind"
            ),
            models.CheckConstraint(
                condition=models.Q(amount__isnull=True) | models.Q(amount__gt=0),
                name="dinero_operation_amount_positive",
            ),
            models.CheckConstraint(
                condition=~models.Q(kind__in=[kind.value for kind in MONEY_KINDS])
                | models.Q(amount__isnull=False),
                name="dinero_operation_money_has_amount",
            ),
            # An operation that has ended must release its lock, or nothing could begin there again.
            models.CheckConstraint(
                condition=models.Q(held_lock=None) | models.Q(state__in=LOCKING_STATES),
                name="dinero_operation_lock_while_open",
            ),
        )
        indexes = (
            # For what was and is done to a customer or to a transaction.
            models.Index(fields=("lock_name",), name="dinero_operation_lock_name"),
            # Deletes and cards being added, at each pull; all of a customer's, for people. The
            # kind first: the deletes of an account that wait are found by nothing else.
            models.Index(fields=("kind", "customer_id"), name="dinero_operation_customer"),
            # In the order of their time, as lists show them: of thousands, the newest are at hand.
            ValuesIndex(fields=("rare_state", "created_at"), name="dinero_operation_rare_state"),
            # The account behind the time: rows of another one are passed over without being read.
            models.Index(
                fields=("created_at", "live", "gateway_name"), name="dinero_operation_created_at"
            ),
        )
        permissions = (("close_operation", _("Can close an operation that needs attention")),)

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.key} ({self.get_state_display()})"

    def refresh_from_db(
        self,
        using: str | None = None,
        fields: Iterable[str] | None = None,
        from_queryset: models.QuerySet[Self] | None = None,
    ) -> None:
        """Read again where the row was written, deferred fields too: a replica may lag behind."""
        super().refresh_from_db(
            using=using or self.written_on, fields=fields, from_queryset=from_queryset
        )

    def __getstate__(self) -> dict[str, Any]:
        """Return what a pickle or a copy holds: without the action, which is a secret."""
        state: dict[str, Any] = super().__getstate__()
        state.pop("next_action", None)
        return state

    @property
    def written_on(self) -> str:
        """The database alias on which it is changed: the journal's alias if it was read there.

        Any other alias it was read from may be a replica, so the router decides.
        """
        read_from = self._state.db
        if read_from and read_from == conf.journal_alias():
            return read_from
        return router.db_for_write(type(self), instance=self)

    @property
    def is_open(self) -> bool:
        """Whether its outcome is not known yet."""
        return self.state in OPEN_STATES

    @property
    def asked_amount(self) -> Decimal:
        """The amount that it asked for, 0 if it moves no money."""
        return Decimal(self.amount or 0)

    @property
    def has_result(self) -> bool:
        """Whether the gateway's answer is known and trusted, so that it can get a row."""
        answered = not self.is_open or self.state == OperationState.REQUIRES_ACTION
        return answered and "result" in self.outcome

    def note(self, name: str) -> Any:
        """Return a value of ``outcome``, or an empty string if it has none of this name."""
        return self.outcome.get(name, "")

    @property
    def made_by(self) -> str:
        """The name of who asked for it; empty if nobody said, or if it was the payment's owner."""
        return str(self.intent.get("made_by", ""))

    def look_up(self) -> Operation:
        """Ask the gateway how the operation ended, and record what can be proven now.

        Returns:
            This operation, up to date. If nothing can be proven yet, its state stays as it is.
        """
        return _services.lookup.look_up(self)

    def close(self, *, note: str, by: object) -> Operation:
        """Finish an operation that needs attention, after a person has found out how it ended.

        First call ``Transaction.retrieve(id)`` for what the gateway has of it, which ends the
        operation by itself. Closing is for what did not happen: it gets no row. A payment that has
        one already, and is undecided there, is brought up to date with the gateway.

        The lock is released, and the idempotency key stays taken. The attempt counts in
        ``Transaction.objects.next_attempt``, so that the next one pays the order.

        Args:
            note: what the person found out, for the record.
            by: who closes it: a user or a name.

        Raises:
            InvalidInput: it does not need attention, or there is no note or name.
        """
        texts = {"note": note, "by": by if isinstance(by, str) else str(by or "")}
        wrap_secrets(texts)
        del note, by  # a traceback shows the locals
        return _services.closing.close(self, **texts)
