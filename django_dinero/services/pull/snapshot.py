"""Our rows before the gateway was asked. Changes since then are newer than its answer."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import router
from django.db.models import Max, Q, QuerySet

from django_dinero.db import clock
from django_dinero.db.fields import UtcIn, UtcNow
from django_dinero.db.queries import primary
from django_dinero.models.card import CreditCard
from django_dinero.models.customer import Customer
from django_dinero.models.mode import Account
from django_dinero.models.operation import (
    BEING_SENT,
    DELETES,
    OPEN_STATES,
    Operation,
    OperationKind,
    OperationState,
)
from django_dinero.models.records import RecordedOutcome
from django_dinero.models.sync_state import WAITING
from django_dinero.send_deadline import uptime

#: States of a delete that may still be sent. What it names is deleted here and stays deleted.
UNFINISHED_STATES = (*OPEN_STATES, OperationState.ABSENT)
#: What changes a customer's values, or cards, at the gateway.
PUSHES = (OperationKind.ADD_CARD, OperationKind.UPDATE_CUSTOMER, OperationKind.UPDATE_CARD)
#: Seconds that the clocks of this machine and of the database may drift apart during a call.
DRIFT = 1.0
#: SQLite tells the time in milliseconds.
TICK = timedelta(milliseconds=5)


@dataclass(frozen=True, slots=True)
class _Operations:
    """What the journal tells of the customers of an answer.

    Attributes:
        deleted: the ids of what was deleted here; a customer has no card's id.
        adding: the customers to whom cards are being added.
        changed: the customers of whom something was pushed since the snapshot.
    """

    deleted: set[tuple[str, str]] = field(default_factory=set)
    adding: set[str] = field(default_factory=set)
    changed: set[str] = field(default_factory=set)


@dataclass
class Snapshot:
    """The versions of our rows before the gateway was asked.

    An empty snapshot means that none was taken. Then no row counts as newer than the answer.

    Attributes:
        versions: by model and primary key; None if no snapshot was taken.
        waiting: the rows that waited to be pushed.
        customer: the customer's row as it was; None if there was none, or of many.
        last_delete: the newest delete that the answer can reflect.
        taken: ``send_deadline.uptime()`` when the snapshot was taken.
        of_many: whether it is of an unknown number of customers, whose versions were not read.
            Then the journal tells which of them were changed since.
        asked_at: ``taken`` by the database's clock; None until :meth:`read` has read a row.
        age: how long before that read it was.
    """

    versions: Mapping[type[Customer | CreditCard], Mapping[int, int]] | None = None
    waiting: Collection[Customer | CreditCard] = ()
    last_delete: int | None = None
    taken: float = field(default_factory=uptime)
    of_many: bool = False
    customer: Customer | None = None
    asked_at: datetime | None = field(default=None, init=False)
    age: timedelta = field(default=timedelta(0), init=False)
    _about: tuple[Account, Collection[str]] = field(default=(Account("", False), ()), init=False)
    _operations: _Operations | None = field(default=None, init=False)

    def is_newer(self, row: Customer | CreditCard) -> bool:
        """Say whether the row was written or pushed since, so that the answer may be older."""
        # A row that waited may have been pushed while the answer was on its way.
        return self.is_rewritten(row) or row in self.waiting

    def is_rewritten(self, row: Customer | CreditCard) -> bool:
        """Say whether the row was written since the snapshot."""
        if self.was_pulled(row):
            return True
        if self.versions is None:
            return self._was_pushed(row)
        return self._known_versions(row).get(row.pk) != row.version

    def is_new(self, row: Customer | CreditCard) -> bool:
        """Say whether the row was inserted, or the gateway told of it, since the snapshot."""
        if self.was_pulled(row):
            return True
        if self.versions is None:
            return self._was_pushed(row)
        return row.pk not in self._known_versions(row)

    def was_pulled(self, row: Customer | CreditCard) -> bool:
        """Say whether the row has what the gateway answered to somebody who asked later.

        A time that has not come yet proves nothing: the database's clock was wrong, or another
        database wrote the row.
        """
        if self.asked_at is None or row.pulled_at is None:
            return False
        return self.asked_at + TICK < row.pulled_at <= self.asked_at + self.age

    def _was_pushed(self, row: Customer | CreditCard) -> bool:
        return self.of_many and row.customer_id in self._read_operations().changed

    def _known_versions(self, row: Customer | CreditCard) -> Mapping[int, int]:
        return (self.versions or {})[CreditCard if isinstance(row, CreditCard) else Customer]

    def read(self, rows: QuerySet[Customer]) -> list[Customer]:
        """Read rows of customers, and with them when the gateway was asked."""
        self.age = timedelta(seconds=uptime() - self.taken)
        found: list[Customer] = list(rows.annotate(asked_at=UtcIn(-self.age)))
        for row in found:
            self.asked_at = row.__dict__.pop("asked_at")
        return found

    def when_asked(self, using: str) -> datetime:
        """Return when the gateway was asked, by the database's clock, also where it has no row."""
        if self.asked_at is None:
            self.age = timedelta(seconds=uptime() - self.taken)
            self.asked_at = clock.now(using) - self.age
        return self.asked_at

    def ask_about(self, account: Account, customer_ids: Collection[str]) -> None:
        """Say whose operations the questions below are about.

        They are read with the first question. Ask it of something that has no row here, after the
        look for the row: what is there, and locked, was not deleted.
        """
        self._about, self._operations = (account, customer_ids), None

    def is_deleted_here(self, customer_id: str, card_id: str = "") -> bool:
        """Say whether this was deleted here, and the answer may be older than its delete there."""
        return (customer_id, card_id) in self._read_operations().deleted

    def is_being_added_to(self, customer_id: str) -> bool:
        """Say whether a worker is adding a card to this customer. It writes the row itself."""
        return customer_id in self._read_operations().adding

    def _read_operations(self) -> _Operations:
        if self._operations is None:
            found = _Operations()
            columns = ("kind", "state", "customer_id", "card_id", "outcome")
            rows = self._relevant_operations().values_list(*columns)
            for kind, state, customer_id, card_id, outcome in rows:
                if RecordedOutcome.from_json(outcome).covered:
                    continue  # never sent: the delete of its customer tells what became of it
                if kind in DELETES:
                    found.deleted.add((customer_id, card_id))
                elif kind == OperationKind.ADD_CARD and state in BEING_SENT:
                    found.adding.add(customer_id)
                else:
                    found.changed.add(customer_id)
            self._operations = found
        return self._operations

    def _relevant_operations(self) -> QuerySet[Operation]:
        account, customer_ids = self._about
        since = timedelta(seconds=uptime() - self.taken + DRIFT)
        missed = Q(state__in=UNFINISHED_STATES)
        missed |= Q(state=OperationState.SUCCEEDED, updated_at__gt=UtcNow() - since)
        if self.last_delete is not None:
            missed |= Q(pk__gt=self.last_delete)
        kinds: tuple[str, ...] = (*DELETES, OperationKind.ADD_CARD)
        asked = Q(missed, kind__in=DELETES)
        asked |= Q(kind=OperationKind.ADD_CARD, state__in=BEING_SENT, lease_until__gt=UtcNow())
        if self.of_many:
            kinds = (*DELETES, *PUSHES)
            asked |= Q(
                kind__in=PUSHES, state=OperationState.SUCCEEDED, updated_at__gt=UtcNow() - since
            )
        # By kind and customer, as the index has them: a customer's charges are not read.
        return _operations().filter(
            asked,
            kind__in=kinds,
            **account.columns,
            customer_id__in=customer_ids,
        )


def take_snapshot(account: Account, customer_id: str) -> Snapshot:
    """Read the versions of a customer and its cards, before the gateway is asked for them."""
    using = router.db_for_write(Customer)
    taken = uptime()
    ids = {**account.columns, "customer_id": customer_id}
    customers = list(Customer.objects.using(using).filter(**ids))
    cards = CreditCard.objects.using(using).filter(**ids)
    read: dict[type[Customer | CreditCard], list[Any]] = {
        Customer: customers,
        CreditCard: list(cards.only("version", "sync_state")),
    }
    versions = {model: {row.pk: row.version for row in rows} for model, rows in read.items()}
    waiting = [row for rows in read.values() for row in rows if row.sync_state in WAITING]
    # Of operations of any kind: the index has the newest key at hand, and the keys of later deletes
    # are higher.
    last = _operations().aggregate(last=Max("pk"))["last"]
    customer = next(iter(customers), None)
    return Snapshot(versions, waiting, last or 0, taken, customer=customer)


def _operations() -> QuerySet[Operation]:
    return primary(Operation)
