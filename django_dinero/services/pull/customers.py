"""Write pulled customers and their cards. Nothing is pushed back and nothing is deleted."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import Any

from django.contrib.auth import get_user_model
from django.db import IntegrityError, router, transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from django_dinero.cards import without_card_numbers
from django_dinero.db.failures import retry_on_conflict
from django_dinero.db.transactions import locked
from django_dinero.exceptions import CustomerNotFoundError, DineroError
from django_dinero.gateways.types import RemoteCard, RemoteCustomer
from django_dinero.identifiers import KEY_LENGTH, new_key
from django_dinero.models import default_card
from django_dinero.models.card import CreditCard
from django_dinero.models.customer import Customer
from django_dinero.models.mode import Account
from django_dinero.models.operation import Operation, OperationKind
from django_dinero.models.records import Intent
from django_dinero.models.sync_state import WAITING, SyncedQuerySet, SyncState
from django_dinero.services.pull.cards import (
    SYNC_COLUMNS,
    fitting,
    new_card_row,
    scrubbed_address,
    write_beside_edits,
    write_cards,
    write_columns,
)
from django_dinero.services.pull.deletes import cancel_for_customer, was_deleted_since
from django_dinero.services.pull.owners import OwnerOf, find_owner
from django_dinero.services.pull.snapshot import Snapshot

#: Customers in a batch. Ids and keys go into one query, and SQLite may bind only 999 values.
BATCH = 400
COLUMNS = ("live", "customer_id", "email", "first_name", "last_name", *SYNC_COLUMNS, "pulled_at")


@dataclass(frozen=True, slots=True)
class Batch:
    """Customers that the gateway told of, and their rows; what is deleted here has none."""

    remotes: Sequence[RemoteCustomer]
    rows: Sequence[Customer]


def write_customers(account: Account, remotes: Iterable[RemoteCustomer]) -> int:
    """Write many customers with their cards, in batches of constant cost; return their number.

    Edits that are not pushed yet are kept. Cards that the gateway no longer has are marked as
    missing. Rows deleted here stay deleted while the gateway's delete is still to be sent.
    """
    return sum(len(batch.rows) for batch in write_in_batches(account, remotes))


def write_in_batches(
    account: Account, remotes: Iterable[RemoteCustomer], owner_of: OwnerOf | None = None
) -> Iterator[Batch]:
    """As :func:`write_customers`; yield each batch after it was committed.

    If the list breaks off, what was read until then is written before that is raised.

    Args:
        owner_of: is asked for the owner of each customer that has none, in the transaction that
            writes the row.
    """
    source = iter(remotes)
    snapshot = Snapshot(of_many=True)  # before the gateway is asked for the customers of the batch
    failure: DineroError | None = None
    while failure is None:
        batch, failure = _read_batch(source)
        if batch:
            yield Batch(batch, _pull_batch(account, batch, snapshot, owner_of))
            snapshot = Snapshot(of_many=True)
        elif failure is None:
            return
    raise failure


def _read_batch(
    source: Iterator[RemoteCustomer],
) -> tuple[list[RemoteCustomer], DineroError | None]:
    """Return the next customers of a list, and what it broke off with."""
    batch: list[RemoteCustomer] = []
    try:
        for remote in islice(source, BATCH):
            batch.append(remote)
    except DineroError as error:
        return batch, error
    return batch, None


def write_customer(
    account: Account,
    remote: RemoteCustomer,
    snapshot: Snapshot | None = None,
    owner_of: OwnerOf | None = None,
) -> Customer:
    """Write one customer with all cards, and return its row.

    Args:
        account: where it is stored; a row of another account with the same id is somebody else's.
        snapshot: our rows before the gateway was asked; rows that have changed since are kept.
        owner_of: as for :func:`write_in_batches`.

    Raises:
        CustomerNotFoundError: it was deleted here and is still to be deleted at the gateway.
    """
    for row in _pull_batch(account, [remote], snapshot or Snapshot(), owner_of):
        return row
    raise CustomerNotFoundError(
        _("This customer was deleted here and is still to be deleted at the gateway."),
        gateway_name=account.gateway_name,
    )


def _pull_batch(
    account: Account,
    remotes: Sequence[RemoteCustomer],
    snapshot: Snapshot,
    owner_of: OwnerOf | None = None,
) -> list[Customer]:
    using = router.db_for_write(Customer)
    # A list that moved while it was read may tell of one twice; the last word counts.
    remotes = [*{remote.customer_id: scrubbed(remote) for remote in remotes}.values()]
    write = partial(_write_batch, account, remotes, using, snapshot, owner_of)
    try:
        return retry_on_conflict(write, using)
    except IntegrityError:
        pass
    # Another process has just inserted one of them. The second attempt finds its row.
    return retry_on_conflict(write, using)


def scrubbed(remote: RemoteCustomer) -> RemoteCustomer:
    """Return a customer as it may be stored, without card numbers in its texts.

    Other software wrote them. A key that is none of ours is left out, and the row gets its own. A
    card that is told of twice is there once.
    """
    names = ("email", "first_name", "last_name")
    texts = {name: fitting(Customer, name, getattr(remote, name)) for name in names}
    key = without_card_numbers("customer_key", remote.customer_key)
    key = key if key == remote.customer_key else ""
    cards = {c.card_id: replace(c, address=scrubbed_address(c.address)) for c in remote.cards}
    return replace(remote, customer_key=key, cards=tuple(cards.values()), **texts)


def _write_batch(
    account: Account,
    remotes: Sequence[RemoteCustomer],
    using: str,
    snapshot: Snapshot,
    owner_of: OwnerOf | None,
) -> list[Customer]:
    snapshot.ask_about(account, [remote.customer_id for remote in remotes])
    with transaction.atomic(using=using):
        by_id, by_key = _stored_customers(account, remotes, using, snapshot)
        remotes = [
            remote
            for remote in remotes
            if remote.customer_id in by_id or not snapshot.is_deleted_here(remote.customer_id)
        ]
        customers, new = _write_customers(
            account, remotes, by_id, by_key, using, snapshot, owner_of
        )
        write_cards(remotes, customers, {row.pk for row in new}, using, snapshot)
        return customers


# -- Customers -----------------------------------------------------------------------------------


def _write_customers(
    account: Account,
    remotes: Sequence[RemoteCustomer],
    by_id: Mapping[str, Customer],
    by_key: dict[str, Customer],
    using: str,
    snapshot: Snapshot,
    owner_of: OwnerOf | None,
) -> tuple[list[Customer], list[Customer]]:
    """Return the rows in the order of ``remotes``, and those of them that are new."""
    rows, new, changed = [], [], []
    for remote in remotes:
        row = by_id.get(remote.customer_id) or _if_without_id(by_key.get(remote.customer_key))
        if row is None:
            row = Customer(**account.columns, customer_key=_customer_key_for(remote, by_key))
            by_key[row.customer_key] = row
            new.append(row)
        elif _customer_differs(row, remote, snapshot):
            changed.append(row)
        else:
            if row.sync_state in WAITING and not snapshot.is_rewritten(row):
                _take_beside_edits(row, remote, using, snapshot)
            rows.append(row)
            continue
        row.live = account.live  # it may have been saved before the configuration changed
        row.pulled_at = snapshot.when_asked(using)
        _fill_customer(row, remote)
        rows.append(row)
    owned = [] if owner_of is None else _find_owners(remotes, rows, owner_of)
    Customer.objects.using(using).bulk_create(new)
    write_columns(Customer, changed, COLUMNS, using)
    write_columns(Customer, owned, ("owner",), using)
    return rows, new


def _find_owners(
    remotes: Sequence[RemoteCustomer], rows: Sequence[Customer], owner_of: OwnerOf
) -> list[Customer]:
    """Ask for the owners of those that have none; return the rows that were stored without."""
    found = []
    for remote, row in zip(remotes, rows, strict=True):
        if row.owner_id is None:
            row.owner = find_owner(owner_of, remote)
            if row.owner is not None and not row._state.adding:
                found.append(row)
    return found


def _stored_customers(
    account: Account, remotes: Sequence[RemoteCustomer], using: str, snapshot: Snapshot
) -> tuple[dict[str, Customer], dict[str, Customer]]:
    """Return the existing rows, by the gateway's id and by our customer key.

    They are locked, so that nobody moves the default of a customer whose cards are written. Those
    of the other mode are other customers, except for what no account has yet.
    """
    ids = {remote.customer_id for remote in remotes}
    keys = {remote.customer_key for remote in remotes if remote.customer_key}
    rows = Customer.objects.using(using).filter(
        Q(customer_id__in=ids) | Q(customer_key__in=keys),
        Q(live=account.live) | Q(customer_id=None),
        gateway_name=account.gateway_name,
    )
    found = snapshot.read(locked(rows.order_by("pk"), using))
    found.sort(key=lambda row: row.live == account.live)
    by_key = {row.customer_key: row for row in found}
    by_id = {row.customer_id: row for row in by_key.values() if row.customer_id in ids}
    return by_id, by_key


def _if_without_id(row: Customer | None) -> Customer | None:
    """Return the row if it has no id yet, because the reply to its creation was lost."""
    return row if row is not None and row.customer_id is None else None


def _customer_key_for(remote: RemoteCustomer, taken: Container[str]) -> str:
    # The gateway may have two customers with one key, if a creation was delivered twice.
    ours = 0 < len(remote.customer_key) <= KEY_LENGTH and remote.customer_key not in taken
    return remote.customer_key if ours else new_key()


def _names(row: Customer, remote: RemoteCustomer) -> tuple[str, str]:
    """Return first and last name: the gateway's, or ours, or those of the default card."""
    if remote.first_name or remote.last_name:
        return remote.first_name, remote.last_name
    if row.first_name or row.last_name:
        return row.first_name, row.last_name
    card = next((c for c in remote.cards if c.is_default), next(iter(remote.cards), None))
    return (card.address.first_name, card.address.last_name) if card else ("", "")


def _customer_differs(row: Customer, remote: RemoteCustomer, snapshot: Snapshot) -> bool:
    if row.customer_id != remote.customer_id:
        return True
    if row.sync_state in WAITING:
        return False
    current = (row.email, row.first_name, row.last_name, row.sync_state)
    told = (remote.email, *_names(row, remote), SyncState.SYNCED)
    return current != told and not snapshot.is_newer(row)


def _take_beside_edits(
    row: Customer, remote: RemoteCustomer, using: str, snapshot: Snapshot
) -> None:
    """Take the gateway's values of a customer whose edits wait, beside those edits."""
    names = zip(("first_name", "last_name"), _names(row, remote), strict=True)
    told = {"email": remote.email, **dict(names)}
    news = {
        name: text
        for name, text in told.items()
        if text != getattr(row, name) and not row.is_edited(name)
    }
    if news:
        write_beside_edits(row, news, using, snapshot)
        for name, text in news.items():
            setattr(row, name, text)


def _fill_customer(row: Customer, remote: RemoteCustomer) -> None:
    had_id = row.customer_id is not None
    row.customer_id = remote.customer_id
    if row._state.adding or had_id:
        row.email = remote.email
        row.first_name, row.last_name = _names(row, remote)
    elif (row.email, row.first_name, row.last_name) != _pushed_texts(remote):
        # The reply to its creation was lost, and an edit since then is still to be pushed.
        return
    row.mark_synced()


def _pushed_texts(remote: RemoteCustomer) -> tuple[str, str, str]:
    return remote.email, remote.first_name, remote.last_name


# -- Found by a look-up ---------------------------------------------------------------------------


def write_found(operation: Operation, remote: RemoteCustomer | RemoteCard) -> None:
    """Write the rows of a vault operation whose reply was lost and which a look-up found."""
    account = Account.of(operation)
    if isinstance(remote, RemoteCustomer):
        if not was_deleted_since(operation):
            cancel_for_customer(operation, remote)
            asked = operation.searched_at
            snapshot = Snapshot() if asked is None else Snapshot(taken=asked)
            for customer in _pull_batch(account, [remote], snapshot):
                _complete_from_intent(operation, customer)
        return
    using = router.db_for_write(Customer)
    rows = Customer.objects.using(using).filter(**account.columns, customer_id=remote.customer_id)
    for customer in rows:
        with transaction.atomic(using=using):
            _write_found_card(operation, customer, remote, using)


def _write_found_card(
    operation: Operation, customer: Customer, remote: RemoteCard, using: str
) -> None:
    default_card.lock([customer.pk], using)
    cards = CreditCard.objects.using(using)
    known = locked(cards.filter(customer=customer), using)
    others = {card.card_id: card for card in known}
    if remote.card_id in others:
        return  # pulled meanwhile
    row = new_card_row(operation.gateway_name, customer, remote)
    intent = Intent.of(operation)
    default_id = next((card.card_id for card in others.values() if card.is_default), "")
    # A card that was made the default after this one was sent stays the default. It waits to be
    # pushed.
    unmoved = default_id in ("", intent.default_card_id)
    if unmoved and (remote.is_default or intent.is_default):
        default_card.release(cards, customer.pk, to=None)
        row.default_of = customer.pk
    if remote.is_default or not row.is_default:
        row.mark_synced()
    cards.bulk_create([row], ignore_conflicts=True)


def _complete_from_intent(operation: Operation, customer: Customer) -> None:
    """Fill in from the intent what the gateway does not keep: the owner and the names."""
    intent = Intent.of(operation)
    missing: dict[str, Any] = {
        name: getattr(intent, name)
        for name in ("first_name", "last_name")
        if getattr(intent, name) and not getattr(customer, name)
    }
    if intent.owner_pk and customer.owner_id is None:
        user = get_user_model()
        owners = user._base_manager.using(router.db_for_write(user)).filter(pk=intent.owner_pk)
        missing["owner"] = owners.first()  # None if that user has been deleted since
    if missing:
        Customer.objects.using(customer._state.db).filter(pk=customer.pk).update_without_push(
            **missing
        )


def forget_pushed_digest(operation: Operation) -> None:
    """Clear the digest of a row whose push got no answer: the gateway may have the new values.

    Otherwise a row that gets its old values back would count as synced.
    """
    using = router.db_for_write(Customer)
    if operation.kind == OperationKind.UPDATE_CUSTOMER:
        ids = {"customer_id": operation.customer_id}
        rows: SyncedQuerySet[Any] = Customer.objects.using(using)
    elif operation.kind == OperationKind.UPDATE_CARD:
        ids = {"customer_id": operation.customer_id, "card_id": operation.card_id}
        rows = CreditCard.objects.using(using)
    else:
        return
    rows = rows.filter(**Account.of(operation).columns, **ids, sync_state__in=WAITING)
    rows.update_without_push(synced_digest="")
