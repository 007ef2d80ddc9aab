"""One customer for an owner, however many requests ask for the first one at the same moment.

Whoever makes it holds the owner's lock meanwhile, with an operation that is never sent. The others
wait for it, and get the customer that was made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from django.db import Error, router
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext as _

from django_dinero import identifiers
from django_dinero.db.queries import primary
from django_dinero.exceptions import InvalidInput
from django_dinero.gateways.base import Gateway
from django_dinero.models import journal_notes
from django_dinero.models.card import CreditCard
from django_dinero.models.customer import Customer
from django_dinero.models.mode import Account, lock_prefix
from django_dinero.models.operation import (
    LOCKING_STATES,
    Operation,
    OperationKind,
    OperationState,
)
from django_dinero.models.records import Intent, RecordedOutcome
from django_dinero.models.sync_state import SyncState
from django_dinero.services import journal
from django_dinero.services.recovery import locking
from django_dinero.services.recovery.idempotency import unfinished_error
from django_dinero.services.recovery.lookup import look_up
from django_dinero.services.vault import own_deletes

#: Seconds to wait for a request that makes the owner's customer at this moment.
PATIENCE = 5.0


def only_customer(
    gateway: Gateway, asked: Customer, make: Callable[[], Customer]
) -> tuple[Customer, bool]:
    """Return the owner's customer with the e-mail address that is asked for; make it once.

    Returns:
        The customer, and whether it was made now.

    Raises:
        InvalidInput: no owner is named.
        OperationInProgress: another request is making it.
        OutcomeUnknown, NeedsAttention: nobody knows yet whether it was made.
    """
    if asked.owner_id is None:
        raise InvalidInput({"owner": _("Pass the user whose only customer it is.")})
    made = _customer_of_owner(asked)
    # Without its id at the gateway it may be made at this moment, by whoever holds the lock.
    if made is not None and made.customer_id is not None:
        return made, False
    with _owner_held(gateway, asked) as lock:
        _settle_creations(lock, asked)
        made = _customer_of_owner(asked)
        return (make(), True) if made is None else (made, False)


def owner_lock_name(account: Account, owner_pk: object) -> str:
    """Return what is held while an owner's first customer is made."""
    return f"{lock_prefix(account.live)}owner:{account.gateway_name}:{owner_pk}"


def cards_first(customers: QuerySet[Customer]) -> QuerySet[Customer]:
    """Order an owner's customers: with a default card, with any card, the oldest.

    So a card that is added goes where the others are, and changes no default.
    """
    cards = CreditCard.objects.filter(customer_pk=OuterRef("pk"))
    there = cards.exclude(sync_state=SyncState.MISSING)
    has_default, has_card = Exists(there.filter(default_of__isnull=False)), Exists(there)
    return customers.order_by(has_default.desc(), has_card.desc(), "pk")


def _customer_of_owner(asked: Customer) -> Customer | None:
    """Return the one that the owner's cards are at, or None.

    The caller's transaction may have begun before another request stored it: then only the
    journal's connection sees it.
    """
    same = Customer.objects.filter(
        owner_id=asked.owner_id, email__iexact=asked.email, **Account.of(asked).columns
    )
    rows = cards_first(same.exclude(sync_state=SyncState.MISSING))
    using = router.db_for_write(Customer)
    for found in own_deletes.seen_on_each(rows):
        for made in found:
            # One that the caller's transaction has changed is another's, or has gone, by now.
            if made._state.db == using or not primary(Customer).filter(pk=made.pk).exists():
                made._state.db = using
                return made
    return None


@contextmanager
def _owner_held(gateway: Gateway, asked: Customer) -> Iterator[Operation]:
    lock = locking.begin(
        gateway,
        OperationKind.CREATE_CUSTOMER,
        using=Operation.objects.alias_for_vault(),
        lock_name=owner_lock_name(Account.of(asked), asked.owner_id),
        patience=PATIENCE,
        key=identifiers.new_key(),
        intent=Intent(owner_pk=asked.owner_id),
    )
    try:
        yield lock
    finally:
        # Where the database fails, the next look-up frees the lock.
        with suppress(Error):
            note = RecordedOutcome(note=journal_notes.ONLY_A_LOCK)
            journal.move(lock, OperationState.SUCCEEDED, note)


def _settle_creations(lock: Operation, asked: Customer) -> None:
    """Find out how creations for this owner ended that have no row yet: their workers died."""
    rows = Operation.objects.using(lock.written_on).filter(
        kind=OperationKind.CREATE_CUSTOMER,
        customer_id="",
        owner_pk=lock.owner_pk,
        state__in=LOCKING_STATES,
        **Account.of(asked).columns,
    )
    for operation in rows.exclude(pk=lock.pk):
        if look_up(operation).is_open:
            raise unfinished_error(operation)
