"""Erase what is stored of a person, here and at the gateway. The books stay.

The amounts, the gateway's ids, the last four digits and the order reference of every payment are
kept, since the books have to add up. What names a person goes: e-mail and names, the address with
the card, the IP address, free descriptions, and the link to the user; in the admin's log too. Who
asked for a payment is kept if it was somebody else: an owner is not named there. The scope of an
idempotency key is kept too, since a repeated request must find its first answer.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import partial

from django.db import router
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from django_dinero import identifiers
from django_dinero.db.failures import retry_on_conflict
from django_dinero.db.pages import pages
from django_dinero.db.queries import primary
from django_dinero.exceptions import DineroError, OperationInProgress
from django_dinero.models.card import CreditCard
from django_dinero.models.customer import Customer
from django_dinero.models.mode import Account
from django_dinero.models.operation import (
    OPEN_STATES,
    UNDECIDED_STATES,
    Operation,
    OperationKind,
)
from django_dinero.models.records import Intent
from django_dinero.models.transaction import Transaction
from django_dinero.models.webhook_event import WebhookEvent
from django_dinero.observing.verbs import verb
from django_dinero.services.vault import admin_log
from django_dinero.services.vault.owners import owner_lock_name


@dataclass(frozen=True, slots=True)
class Erased:
    """What was erased.

    Attributes:
        cards: stored cards that are gone.
        transactions: payments that stay, without what names a person.
        operations, events, log_entries: rows of the journal, webhooks, and entries of the
            admin's log that stay likewise.
        waits: why the gateway has not deleted it yet; empty if it has. It is tried again.
    """

    cards: int
    transactions: int
    operations: int
    events: int
    log_entries: int
    waits: str = ""


@verb("erase")
def erase(customer: Customer) -> Erased:
    """Erase a person. Called again after a crash, it goes on as long as the row is there.

    All that the row leads to is emptied before the row is deleted. Where the crash came after that,
    what others wrote while the row went is left: a webhook's text, which is emptied when it is old,
    and what names the e-mail address in the journal and the admin's log, which
    :func:`erase_traces` empties.

    Args:
        customer: a stored customer. Its row is gone afterwards.

    Raises:
        OperationInProgress: a payment or a change of this customer is not finished. Nothing was
            erased.
        DineroError: the row could not be deleted.
    """
    person = _Person.of(customer)
    person.refuse_if_busy()
    # Once before the row is deleted, since the row leads to all else. Once after it, since the
    # delete and others may have written more meanwhile.
    locks = person.forget_locks()
    person.forget()
    person.forget_log()
    waits = _delete(customer)
    locks += person.forget_locks()
    transactions, operations, events = person.forget()
    entries = person.forget_log()
    return Erased(person.cards, transactions, operations + locks, events, entries, waits)


@verb("erase_traces")
def erase_traces(email: str, gateway_name: str | None = None) -> Erased:
    """Empty what is kept of an e-mail address that no customer has (any more).

    It may be that of a guest who has paid, or of somebody who was deleted before. The journal is
    searched without an index, since nobody else searches it so. Operations that are old may have
    been emptied of the address, and still lead to the payments.

    Args:
        email: in any case.
        gateway_name: only at this gateway; None for all.

    Raises:
        OperationInProgress: one of the operations is not finished. Nothing was erased.
    """
    operations = primary(Operation)
    named = Q(intent__email__iexact=email)
    for key in identifiers.address_keys(email):
        named |= Q(intent__email_key=key)
    operations = operations.filter(named)
    if gateway_name is not None:
        operations = operations.filter(gateway_name=gateway_name)
    _refuse_if_busy(operations)
    gone = list(_gone(operations))
    for person in gone:
        person.refuse_if_busy()
    locks = _named_so(_owner_locks(operations))
    _refuse_if_busy(locks)
    leads = list(operations.values_list("pk", flat=True))
    totals = [(0, _forget_locks(locks), 0)]
    totals += [person.forget(but=leads) for person in gone]
    # Payments of a customer who has a row, under another address by now, stay as they are.
    totals.append(_forget_guest(operations.filter(customer_id=""), leads))
    # These come last, since they lead to all else: after a kill, a repetition finds it again.
    leading = Operation.objects.using(operations.db).filter(pk__in=leads)
    entries = admin_log.forget_address(email)
    totals.append((0, _forget_operations(leading), 0))
    transactions, emptied, events = (sum(each) for each in zip(*totals, strict=True))
    return Erased(0, transactions, emptied, events, entries)


def _forget_guest(operations: QuerySet[Operation], leads: list[int]) -> tuple[int, int, int]:
    """Empty what payments without a customer, and what has followed them, say of a person."""
    keys = list(operations.values_list("key", flat=True))
    payments = primary(Transaction)
    paid = set(payments.filter(operation_key__in=keys).values_list("pk", flat=True))
    for _step in range(2):  # a capture follows an authorization, and a refund the capture
        paid |= set(payments.filter(parent__in=paid).values_list("pk", flat=True))
    own = payments.filter(pk__in=paid)
    followed = [key for key in own.values_list("operation_key", flat=True) if key]
    rest = Operation.objects.using(operations.db).filter(key__in=followed).exclude(pk__in=leads)
    told = _events_about(own)
    return _forget_transactions(own), _forget_operations(rest), _forget_events(told)


def _events_about(payments: QuerySet[Transaction]) -> QuerySet[WebhookEvent]:
    """Return the events about payments; another account has others under the same ids."""
    rows = primary(WebhookEvent)
    same = payments.filter(
        gateway_name=OuterRef("gateway_name"),
        live=OuterRef("live"),
        transaction_id=OuterRef("object_id"),
    )
    ids = payments.exclude(transaction_id=None).values("transaction_id")
    return rows.filter(Exists(same), object_id__in=ids)


def _gone(operations: QuerySet[Operation]) -> Iterator[_Person]:
    """Yield the customers that these operations stored and that have no row any more."""
    found = operations.exclude(customer_id="").values_list("gateway_name", "live", "customer_id")
    rows = primary(Customer)
    for gateway_name, live, customer_id in set(found):
        account = Account(gateway_name, live)
        if not rows.filter(**account.columns, customer_id=customer_id).exists():
            yield _Person(account, customer_id, (), (), (), None, ())


def _delete(customer: Customer) -> str:
    pk, using = customer.pk, router.db_for_write(Customer)
    try:
        customer.delete()
    except DineroError as error:
        if Customer.objects.using(using).filter(pk=pk).exists():
            raise
        return str(error)
    return ""


@dataclass(frozen=True, slots=True)
class _Person:
    """What leads to everything that is stored of a customer, once its own row is gone."""

    account: Account
    customer_id: str
    card_ids: tuple[str, ...]
    lock_names: tuple[str, ...]
    owner_locks: tuple[str, ...]
    customer_pk: int | None
    card_pks: tuple[int, ...]

    @classmethod
    def of(cls, customer: Customer) -> _Person:
        stored = primary(CreditCard)
        # After a rollback its primary key, and the cards, may be another one's.
        is_own = not customer.has_key_of_another(stored.db)
        cards = list(stored.filter(customer=customer)) if is_own else []
        account = Account.of(customer)
        creations = primary(Operation).filter(lock_name=customer.lock_name)
        owners = (
            {owner_lock_name(account, customer.owner_id)}
            if customer.owner_id is not None
            else set()
        )
        return cls(
            account=account,
            customer_id=customer.customer_id or "",
            card_ids=tuple(card.card_id for card in cards),
            lock_names=(customer.lock_name, *(card.lock_name for card in cards)),
            # It may have had another owner when it was made.
            owner_locks=tuple(owners | _owner_locks(creations)),
            customer_pk=customer.pk if is_own else None,
            card_pks=tuple(card.pk for card in cards),
        )

    @property
    def cards(self) -> int:
        """How many cards there were."""
        return len(self.card_pks)

    def refuse_if_busy(self) -> None:
        """Raise :class:`OperationInProgress` if an operation of theirs has no outcome yet."""
        _refuse_if_busy(self._operations())
        _refuse_if_busy(_named_so(self.owner_locks))

    def forget(self, but: Collection[int] = ()) -> tuple[int, int, int]:
        """Empty what names the person in transactions, operations and webhooks; count the rows.

        Args:
            but: the primary keys of operations that are left for later.
        """
        return (
            sum(_forget_transactions(rows) for rows in self._transactions()),
            _forget_operations(self._operations().exclude(pk__in=but)),
            _forget_events(self._events()),
        )

    def forget_locks(self) -> int:
        """Empty what was held while the owner's customer was made; count the rows."""
        return _forget_locks(_named_so(self.owner_locks))

    def forget_log(self) -> int:
        """Empty what the admin's log says of the rows; count its entries."""
        if self.customer_pk is None:
            return 0
        return admin_log.forget_rows(self.customer_pk, self.card_pks)

    def _transactions(self) -> tuple[QuerySet[Transaction], ...]:
        """Return the payments, what followed them, and what followed that; no row is in two.

        What was refunded in the gateway's own pages may name no customer there, and the row has the
        owner of the payment. Three queries, since one would join the table with itself for each of
        its rows.
        """
        if not self.customer_id:  # it was never at the gateway, and has paid nothing
            return ()
        rows = primary(Transaction).filter(**self.account.columns)
        others = rows.exclude(customer_id=self.customer_id)
        later = others.exclude(parent__customer_id=self.customer_id)
        return (
            rows.filter(customer_id=self.customer_id),
            others.filter(parent__customer_id=self.customer_id),
            later.filter(parent__parent__customer_id=self.customer_id),
        )

    def _operations(self) -> QuerySet[Operation]:
        rows = primary(Operation)
        own = Q(lock_name__in=self.lock_names)
        for paid in self._transactions():
            own |= Q(key__in=paid.exclude(operation_key=None).values_list("operation_key"))
        if self.customer_id:
            # All kinds are named, because the index begins with the kind.
            own |= Q(kind__in=OperationKind.values, customer_id=self.customer_id)
        return rows.filter(own, **self.account.columns)

    def _events(self) -> QuerySet[WebhookEvent]:
        rows = primary(WebhookEvent)
        about = Q(object_id__in=[each for each in (self.customer_id, *self.card_ids) if each])
        for paid in self._transactions():
            about |= Q(object_id__in=paid.values("transaction_id"))
        if self.customer_id:
            about |= Q(customer_id=self.customer_id)
        return rows.filter(about, **self.account.columns)


def _refuse_if_busy(operations: QuerySet[Operation]) -> None:
    states = (*OPEN_STATES, *UNDECIDED_STATES)
    busy = operations.filter(state__in=states).order_by("pk").first()
    if busy is not None:
        text = _("Operation %(operation)s is not finished; nothing was erased.")
        raise OperationInProgress(
            text % {"operation": str(busy)}, operation=busy, gateway_name=busy.gateway_name
        )


def _forget_transactions(rows: QuerySet[Transaction]) -> int:
    count = rows.count()
    empty = partial(rows.update, customer_ip=None, description="", owner=None)
    retry_on_conflict(empty, rows.db)
    return count


def _forget_operations(rows: QuerySet[Operation]) -> int:
    count = 0
    for operation in _each(rows):
        intent = Intent.of(operation).without_person().to_json()
        same = Operation.objects.using(operation.written_on).filter(pk=operation.pk)
        retry_on_conflict(partial(same.update, intent=intent, owner_pk=""), same.db)
        count += 1
    return count


def _owner_locks(operations: QuerySet[Operation]) -> set[str]:
    """Return the names of the locks of whoever owned the customers that these operations stored."""
    creations = operations.filter(kind=OperationKind.CREATE_CUSTOMER).exclude(owner_pk="")
    found = creations.values_list("gateway_name", "live", "owner_pk")
    return {owner_lock_name(Account(name, live), owner) for name, live, owner in found}


def _named_so(lock_names: Collection[str]) -> QuerySet[Operation]:
    return primary(Operation).filter(
        kind=OperationKind.CREATE_CUSTOMER, lock_name__in=list(lock_names)
    )


def _forget_locks(rows: QuerySet[Operation]) -> int:
    """Empty operations that only held an owner's lock: its name has the owner's primary key.

    One that is held was begun meanwhile, and keeps others from making two customers.
    """
    ended = rows.exclude(state__in=OPEN_STATES).filter(held_lock=None)
    return retry_on_conflict(partial(ended.update, intent={}, owner_pk="", lock_name=""), rows.db)


def _forget_events(rows: QuerySet[WebhookEvent]) -> int:
    return retry_on_conflict(partial(rows.update, body="", error=""), rows.db)


def _each(rows: QuerySet[Operation]) -> Iterator[Operation]:
    for page in pages(rows):
        yield from page
