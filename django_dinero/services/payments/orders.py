"""Paying an order once: while an attempt that may have paid it is open, no other one begins.

The attempts of one order find each other by its lock name. Whoever pays the whole order holds the
lock until the outcome is known. A charge of a part only has the name, and keeps nobody off.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from django_dinero import conf
from django_dinero.db.queries import primary
from django_dinero.exceptions import (
    DineroError,
    OperationInProgress,
    OrderPaid,
)
from django_dinero.gateways.base import Gateway
from django_dinero.logs import fields_of, get_logger
from django_dinero.models.operation import (
    CHARGES,
    OPEN_STATES,
    Operation,
    OperationKind,
    OperationState,
)
from django_dinero.models.order_lock import order_lock_name
from django_dinero.models.records import RecordedOutcome
from django_dinero.models.transaction import Transaction
from django_dinero.models.transaction_status import COUNTED, TransactionStatus
from django_dinero.money import amount_text
from django_dinero.services import journal, ledger
from django_dinero.services.payments import followups
from django_dinero.services.recovery import idempotency, locking
from django_dinero.services.recovery.lookup import look_up
from django_dinero.validation import CallerKey

logger = get_logger("django_dinero.journal")

State = OperationState

#: States of attempts that are not open and have a ledger row, unless a rollback took it.
_SUCCEEDED_OR_HELD = (State.SUCCEEDED, State.HELD)


class Attempt(NamedTuple):
    """What may have paid an order: an open operation, or a payment that counts or is held."""

    #: Its key or public id.
    about: str
    #: A sentence for staff that names it.
    text: str
    #: The operation, if it is open.
    operation: Operation | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """An order that a charge pays, whole or in part.

    Args:
        reference: as it is passed to the charges.
        gateway: where it is paid. What a test account took pays nothing at a live one.
        owner_pk: the primary key of the user who pays it; None where nobody is signed in.
        key: the caller's idempotency key. An attempt that was begun with it is this very one, and
            is not given up for it.
    """

    reference: str
    gateway: Gateway
    owner_pk: object = None
    key: CallerKey = field(default_factory=CallerKey)

    @property
    def lock_name(self) -> str:
        """The lock name of this order; the attempt that pays it whole holds the lock."""
        return self._lock_name(live=self.gateway.live)

    def _lock_name(self, *, live: bool) -> str:
        return order_lock_name(self.reference, self.gateway.name, live=live)

    def begin(
        self, kind: OperationKind, *, using: str, asks_gateway: bool, **columns: Any
    ) -> Operation:
        """Write the operation that pays the order. It holds the order's lock, and is not sent yet.

        Args:
            kind: of the operation.
            using: the alias that it is written on.
            asks_gateway: whether to find out first how open attempts ended, and to give up one that
                the same shopper has left unconfirmed.
            **columns: of :class:`Operation`.

        Raises:
            OrderPaid: the order is paid.
            OperationInProgress: an attempt is not decided, or its outcome is not known.
            journal.KeyTaken: the caller's key has an operation.
        """
        if asks_gateway:
            self.settle_attempts()
        problem = self.problem()
        if problem is not None:
            raise problem
        begin = partial(locking.begin, self.gateway, kind, using=using, error_of=_unfinished)
        held = False
        try:
            operation = begin(lock_name=self.lock_name, **columns)
        except journal.LockHeld:
            held = True
        if held:
            raise _in_progress(State.SENT)
        self.confirm(operation)
        return operation

    def confirm(self, operation: Operation) -> None:
        """Check once more, now that the operation holds the lock; end it where it may not go on.

        Raises:
            OrderPaid, OperationInProgress: as for :meth:`begin`.
        """
        with journal.released_on_failure(operation):
            problem = self.problem(apart_from=operation.key)
        if problem is not None:
            journal.move(operation, State.FAILED, RecordedOutcome.of_error(problem))
            raise problem

    def problem(self, *, apart_from: str = "") -> DineroError | None:
        """Return why it must not be paid now; None if it may.

        Args:
            apart_from: the key of the operation that asks.
        """
        # Attempts are read before rows: one that ends in between has its row by then.
        attempts = list(self.attempts((*OPEN_STATES, *_SUCCEEDED_OR_HELD)).exclude(key=apart_from))
        statuses = {row.status for row in self._standing()}
        if statuses.intersection(COUNTED):
            return _paid()
        states = [each.state for each in attempts if each.state in OPEN_STATES]
        if states or statuses:
            return _in_progress(*states, *statuses)
        return _problem_of_lost([each for each in attempts if each.state in _SUCCEEDED_OR_HELD])

    def attempts(self, states: Collection[str] = OPEN_STATES) -> QuerySet[Operation]:
        """Return the charges of this order in these states, whoever made them and however old."""
        names = [self._lock_name(live=True)]
        if not self.gateway.live:
            names.append(self._lock_name(live=False))
        rows = Operation.objects.newest()
        return rows.filter(lock_name__in=names, kind__in=CHARGES, state__in=states).order_by("pk")

    def known_attempts(self) -> Iterator[Attempt]:
        """Yield what a person has to know of before more is charged for it; no gateway is asked."""
        for operation in self.attempts():
            text = _(
                "A payment of order %(order)s is not finished: operation %(key)s (%(state)s)."
            ) % {
                "order": self.reference,
                "key": operation.key,
                "state": operation.get_state_display(),
            }
            yield Attempt(operation.key, text, operation)
        for row in self._standing().filter(status__in=(*COUNTED, TransactionStatus.HELD)):
            text = _("Order %(order)s has a payment of %(amount)s already (%(status)s).") % {
                "order": self.reference,
                "amount": amount_text(row.price, row.currency),
                "status": row.get_status_display(),
            }
            yield Attempt(str(row.public_id), text)

    def settle_attempts(self) -> None:
        """Find out how open attempts ended; void what the same shopper has not confirmed.

        Afterwards nobody can confirm it any more, so that another attempt takes no second payment.
        """
        for operation in self.attempts():
            look_up(operation)
        waiting = self._waiting()
        if self._look_up_given(waiting):
            waiting = self._waiting()
        own = idempotency.operation_of(self.key) if waiting else None
        for row in waiting:
            if own is None or row.operation_key != own.key:
                _give_up(row)

    def _waiting(self) -> list[Transaction]:
        return [row for row in self._standing() if self.may_replace(row)]

    def _look_up_given(self, waiting: list[Transaction]) -> bool:
        """Look up what waits and was given to this order later; say whether there was any.

        It was begun without the order, and is none of its attempts: its holder may have confirmed
        it by now.
        """
        rows = Operation.objects.newest().filter(key__in=[row.operation_key for row in waiting])
        given = list(rows.exclude(lock_name=self.lock_name)) if waiting else []
        for operation in given:
            look_up(operation)
        return bool(given)

    def may_replace(self, row: Transaction) -> bool:
        """Say whether another attempt of this shopper takes the place of a payment that waits.

        A shopper who is not signed in may replace a payment that belongs to nobody: the shop has
        let them pay this order.
        """
        return (
            row.status == TransactionStatus.REQUIRES_ACTION
            and row.live == self.gateway.live
            and row.initiator != "merchant"
            and row.owner_id in (None, self.owner_pk)
        )

    def _standing(self) -> QuerySet[Transaction]:
        paid = Transaction.objects.paid_for(self.reference, gateway_name=self.gateway.name)
        return paid.order_by("pk")


def _give_up(row: Transaction) -> None:
    failure: DineroError | None = None
    try:
        followups.void(row, description=_("The shopper has begun another payment of this order."))
    except DineroError as error:
        failure = error
    if failure is None:
        return
    logger.info(
        "Transaction %s waits for the card's holder, and could not be voided: %s",
        row.public_id,
        failure.code,
    )
    # Perhaps the card's holder has confirmed it meanwhile.
    rows = Operation.objects.newest()
    operation = rows.filter(key=row.operation_key or "").first()
    if operation is not None:
        look_up(operation)


def _problem_of_lost(attempts: list[Operation]) -> DineroError | None:
    """Return why an order must not be paid: an attempt was approved or held, and has no row here.

    A rollback has taken the row. Or it is still being written, where the journal has a connection
    of its own and commits first.
    """
    rows = primary(Transaction).filter(operation_key__in=[each.key for each in attempts])
    known = set(rows.values_list("operation_key", flat=True)) if attempts else set()
    for operation in attempts:
        outcome = RecordedOutcome.of(operation)
        if operation.key in known or outcome.give_back or outcome.given_back:
            continue
        logger.info("Operation %s has no row", operation.key, extra=fields_of(operation))
        problem = _problem_of(operation)
        if problem is not None:
            return problem
    return None


def _problem_of(lost: Operation) -> DineroError | None:
    """Return what speaks against paying: an orphan that goes back has paid nothing for long."""
    if ledger.may_be_orphan(lost) and conf.on_rollback() == "void":
        return _in_progress(State.SENT)
    try:
        row = ledger.restore_row(lost)
    except OperationInProgress:  # it names the operation, which may be somebody else's
        return _in_progress(State.SENT)
    if row.status in COUNTED:
        return _paid()
    return _in_progress(row.status) if row.status == TransactionStatus.HELD else None


def _paid() -> OrderPaid:
    return OrderPaid(_("This order is paid already."))


def _unfinished(operation: Operation) -> OperationInProgress:
    return _in_progress(operation.state)


def _in_progress(*states: str) -> OperationInProgress:
    """Return the exception for an order that may have been paid; it names nobody's operation.

    Args:
        *states: of the attempts: of their operations or of their transactions.
    """
    if State.NEEDS_ATTENTION in states:
        text = _(
            "Staff have to find out how an attempt to pay this order ended. Until then nothing "
            "more is charged."
        )
    elif State.UNKNOWN in states:
        text = _(
            "It is not known yet whether an attempt to pay this order succeeded. Nothing was "
            "charged now: the gateway is asked each time; try again in a few minutes."
        )
    elif State.NEW in states or State.SENT in states:
        text = _("This order is being paid. Nothing was charged now; look again in a moment.")
    elif State.HELD in states:
        text = _("A payment of this order is being reviewed. Nothing was charged now.")
    else:
        text = _(
            "A payment of this order waits for the card's holder to confirm it. Nothing was "
            "charged now."
        )
    return OperationInProgress(text)
