"""Writes what the gateway has into our rows: nothing of it is pushed back, nothing is deleted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from itertools import islice
from typing import Any, TypeVar

from django.contrib.auth import get_user_model
from django.db import IntegrityError, connections, router, transaction

from django_dinero.cards import ADDRESS_FIELDS, CardDetails, PaymentToken
from django_dinero.gateways.types import RemoteCard, RemoteCustomer
from django_dinero.keys import KEY_LENGTH, new_key
from django_dinero.models.card import CreditCard
from django_dinero.models.customer import Customer
from django_dinero.models.mirrored import Mirrored, SyncState
from django_dinero.models.operation import Operation

RowT = TypeVar("RowT", bound=Mirrored)

BATCH = 500
MARKS = ("sync_state", "sync_error", "synced_digest")
CUSTOMER_COLUMNS = ("customer_id", "email", "first_name", "last_name", *MARKS)
CARD_COLUMNS = ("last_4", "brand", "month", "year", "default_slot", *ADDRESS_FIELDS, *MARKS)


def mirror_customers(gateway_name: str, remotes: Iterable[RemoteCustomer]) -> int:
    """Mirror many customers with their cards, in batches of constant cost; return how many.

    Rows with edits that are not pushed yet keep them. Cards that the gateway no longer has are
    marked as missing.
    """
    count = 0
    source = iter(remotes)
    while batch := list(islice(source, BATCH)):
        _mirror_batch(gateway_name, batch)
        count += len(batch)
    return count


def mirror_customer(gateway_name: str, remote: RemoteCustomer) -> Customer:
    """Mirror one customer with all cards, and return its row."""
    return _mirror_batch(gateway_name, [remote])[0]


def _mirror_batch(gateway_name: str, remotes: Sequence[RemoteCustomer]) -> list[Customer]:
    using = router.db_for_write(Customer)
    try:
        return _write_batch(gateway_name, remotes, using)
    except IntegrityError:
        pass
    # Somebody else mirrored one of them meanwhile; a second look finds it.
    return _write_batch(gateway_name, remotes, using)


def _write_batch(
    gateway_name: str, remotes: Sequence[RemoteCustomer], using: str
) -> list[Customer]:
    with transaction.atomic(using=using):
        customers, new = _write_customers(gateway_name, remotes, using)
        _write_cards(gateway_name, remotes, customers, {row.pk for row in new}, using)
        return customers


# -- Customers -----------------------------------------------------------------------------------


def _write_customers(
    gateway_name: str, remotes: Sequence[RemoteCustomer], using: str
) -> tuple[list[Customer], list[Customer]]:
    """Return the rows in the order of ``remotes``, and those of them that are new."""
    known = _known_customers(gateway_name, remotes, using)
    rows, new, changed = [], [], []
    for remote in remotes:
        row = known.get(("id", remote.customer_id)) or known.get(("key", remote.key))
        if row is None:
            row = Customer(gateway_name=gateway_name, key=_key_for(remote))
            new.append(row)
        elif not _customer_differs(row, remote):
            rows.append(row)
            continue
        else:
            changed.append(row)
        _fill_customer(row, remote)
        rows.append(row)
    Customer.objects.using(using).bulk_create(new)
    _write_changed(Customer, changed, CUSTOMER_COLUMNS, using)
    return rows, new


def _known_customers(
    gateway_name: str, remotes: Sequence[RemoteCustomer], using: str
) -> dict[tuple[str, str], Customer]:
    rows = Customer.objects.using(using).filter(gateway_name=gateway_name)
    known = {
        ("id", row.customer_id or ""): row
        for row in rows.filter(customer_id__in=[remote.customer_id for remote in remotes])
    }
    keys = [r.key for r in remotes if r.key and ("id", r.customer_id) not in known]
    if keys:
        # A customer whose creation got no reply is known by the key that we gave it.
        waiting = rows.filter(key__in=keys, customer_id=None)
        known |= {("key", row.key): row for row in waiting}
    return known


def _key_for(remote: RemoteCustomer) -> str:
    return remote.key if 0 < len(remote.key) <= KEY_LENGTH else new_key()


def _names(row: Customer, remote: RemoteCustomer) -> tuple[str, str]:
    """Return first and last name: the gateway's, else ours, else those on the default card."""
    if remote.first_name or remote.last_name:
        return remote.first_name, remote.last_name
    if row.first_name or row.last_name:
        return row.first_name, row.last_name
    card = next((c for c in remote.cards if c.is_default), next(iter(remote.cards), None))
    return (card.address.first_name, card.address.last_name) if card else ("", "")


def _customer_differs(row: Customer, remote: RemoteCustomer) -> bool:
    if row.customer_id != remote.customer_id:
        return True
    if row.sync_state in (SyncState.PENDING, SyncState.ERROR):
        return False
    current = (row.email, row.first_name, row.last_name, row.sync_state)
    return current != (remote.email, *_names(row, remote), SyncState.SYNCED)


def _fill_customer(row: Customer, remote: RemoteCustomer) -> None:
    had_id = row.customer_id is not None
    row.customer_id = remote.customer_id
    if row._state.adding or had_id:
        row.email = remote.email
        row.first_name, row.last_name = _names(row, remote)
    elif (row.email, row.first_name, row.last_name) != _texts(remote):
        # Its creation got no reply, and it was edited since: that is still to be pushed.
        return
    _mark(row)


def _texts(remote: RemoteCustomer) -> tuple[str, str, str]:
    return remote.email, remote.first_name, remote.last_name


# -- Cards ---------------------------------------------------------------------------------------


def _write_cards(
    gateway_name: str,
    remotes: Sequence[RemoteCustomer],
    customers: Sequence[Customer],
    new_pks: Set[int],
    using: str,
) -> None:
    by_pk: dict[int, dict[str, CreditCard]] = {row.pk: {} for row in customers}
    holders: set[int] = set()
    # A customer that was written a moment ago has no cards yet (an empty list asks nothing).
    for card in CreditCard.objects.using(using).filter(customer__in=by_pk.keys() - new_pks):
        by_pk[card.customer_pk][card.card_id] = card
        if card.is_default:
            holders.add(card.pk)
    new: list[CreditCard] = []
    changed: list[CreditCard] = []
    for remote, customer in zip(remotes, customers, strict=True):
        _sort_cards(gateway_name, remote, customer, by_pk[customer.pk], new, changed)
    freed = [row.pk for row in changed if row.default_slot is None and row.pk in holders]
    if freed:
        # The default moves from one card to another: unique, so the old one lets go first.
        CreditCard.objects.using(using).filter(pk__in=freed).update_mirrored(default_slot=None)
    _write_changed(CreditCard, changed, CARD_COLUMNS, using)
    CreditCard.objects.using(using).bulk_create(new)


def _sort_cards(
    gateway_name: str,
    remote: RemoteCustomer,
    customer: Customer,
    local: dict[str, CreditCard],
    new: list[CreditCard],
    changed: list[CreditCard],
) -> None:
    default_id = _default_of(remote, local)
    for shown in remote.cards:
        row = local.pop(shown.card_id, None)
        slot = customer.pk if shown.card_id == default_id else None
        if row is None:
            row = new_card_row(gateway_name, customer, shown)
            row.default_slot = slot
            _mark(row)
            new.append(row)
        elif _fill_card(row, shown, slot):
            changed.append(row)
    for row in local.values():
        if row.sync_state != SyncState.MISSING:
            row.sync_state, row.sync_error = SyncState.MISSING, ""
            row.default_slot = None
            changed.append(row)


def _default_of(remote: RemoteCustomer, local: dict[str, CreditCard]) -> str:
    """Return which card is the default: the gateway's, else ours, else the first one."""
    ours = next((row.card_id for row in local.values() if row.is_default), "")
    ids = [card.card_id for card in remote.cards]
    told = next((card.card_id for card in remote.cards if card.is_default), "")
    return told or (ours if ours in ids else next(iter(ids), ""))


def new_card_row(
    gateway_name: str,
    customer: Customer,
    shown: RemoteCard,
    typed: CardDetails | PaymentToken | None = None,
) -> CreditCard:
    """Return an unsaved row for a card; what the gateway masks is taken from what was typed."""
    details = typed if isinstance(typed, CardDetails) else None
    address = shown.address
    if typed is not None and not any(address.as_dict().values()):
        address = typed.address
    return CreditCard(
        gateway_name=gateway_name,
        customer=customer,
        customer_id=shown.customer_id,
        card_id=shown.card_id,
        last_4=shown.last_4 or (details.last_4 if details else ""),
        brand=shown.brand or (details.brand if details else ""),
        month=shown.month or (details.month if details else None),
        year=shown.year or (details.year if details else None),
        **address.as_dict(),
    )


def _fill_card(row: CreditCard, shown: RemoteCard, slot: int | None) -> bool:
    """Write what the gateway shows into a row; say whether anything changed."""
    if row.sync_state in (SyncState.PENDING, SyncState.ERROR):
        return False
    before = _shown_values(row)
    for name, text in shown.address.as_dict().items():
        setattr(row, name, text)
    row.last_4 = shown.last_4 or row.last_4
    row.brand = shown.brand or row.brand
    row.month = shown.month or row.month
    row.year = shown.year or row.year
    row.default_slot = slot
    _mark(row)
    return before != _shown_values(row)


def _shown_values(row: CreditCard) -> tuple[Any, ...]:
    return tuple(getattr(row, name) for name in CARD_COLUMNS)


# -- Both ----------------------------------------------------------------------------------------


def _mark(row: Mirrored) -> None:
    for name, value in row.bookkeeping(row).items():
        setattr(row, name, value)


def _write_changed(
    model: type[RowT], rows: Sequence[RowT], columns: Sequence[str], using: str
) -> None:
    if not rows:
        return
    manager = model._default_manager.using(using)
    if connections[using].vendor == "mysql":
        # Its upsert takes no unique_fields and would overwrite a stranger by another unique key.
        manager.bulk_update_mirrored(rows, columns)  # type: ignore[attr-defined]
        return
    manager.bulk_create(rows, update_conflicts=True, update_fields=columns, unique_fields=["id"])


def found(operation: Operation, remote: RemoteCustomer | RemoteCard) -> None:
    """Write the rows of a vault operation whose reply was lost and which was found after all."""
    if isinstance(remote, RemoteCustomer):
        customer = mirror_customer(operation.gateway_name, remote)
        _complete(operation, customer)
        return
    rows = Customer.objects.filter(
        gateway_name=operation.gateway_name, customer_id=remote.customer_id
    )
    for customer in rows:
        card = new_card_row(operation.gateway_name, customer, remote)
        _mark(card)
        CreditCard.objects.bulk_create([card], ignore_conflicts=True)


def _complete(operation: Operation, customer: Customer) -> None:
    """Give a found customer what the gateway does not hold: owner and names of the intent."""
    intent = operation.intent
    missing = {
        name: intent[name]
        for name in ("first_name", "last_name")
        if intent.get(name) and not getattr(customer, name)
    }
    if intent.get("owner_pk") and customer.owner_id is None:
        owners = get_user_model()._base_manager.filter(pk=intent["owner_pk"])
        missing["owner"] = owners.first()  # who may have been deleted since
    if missing:
        Customer.objects.filter(pk=customer.pk).update_mirrored(**missing)
