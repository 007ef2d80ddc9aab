"""Mirrors cards: the rows of customers that have been mirrored a moment before."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from django.db import connections
from django.db.models import F

from django_dinero.cards import ADDRESS_FIELDS, CardDetails, PaymentToken
from django_dinero.db.transactions import locked
from django_dinero.gateways.types import RemoteCard, RemoteCustomer
from django_dinero.models.card import CreditCard
from django_dinero.models.customer import Customer
from django_dinero.models.sync_state import WAITING, SyncState
from django_dinero.models.synced import SyncedModel
from django_dinero.services.pull.snapshot import Snapshot

RowT = TypeVar("RowT", bound=SyncedModel)

#: The marks of a row that the gateway may not have as it is.
TO_BE_PUSHED: Mapping[str, str] = {"sync_state": SyncState.PENDING, "synced_digest": ""}
MARKS = ("sync_state", "sync_error", "synced_digest")
COLUMNS = ("last_4", "brand", "month", "year", "default_slot", *ADDRESS_FIELDS, *MARKS)


@dataclass
class _Changes:
    """What has to be written of a batch's cards.

    Attributes:
        new, changed: rows to insert and to update.
        waiting: rows whose edits wait to be pushed, with what the gateway knows better.
        doubtful: default cards that stay as they are, where the gateway names another one.
    """

    new: list[CreditCard] = field(default_factory=list)
    changed: list[CreditCard] = field(default_factory=list)
    waiting: list[CreditCard] = field(default_factory=list)
    doubtful: list[CreditCard] = field(default_factory=list)


def write_cards(
    gateway_name: str,
    remotes: Sequence[RemoteCustomer],
    customers: Sequence[Customer],
    new_pks: Collection[int],
    using: str,
    seen: Snapshot,
) -> None:
    """Write the cards of mirrored customers; ``new_pks`` are those that have none yet."""
    by_pk: dict[int, dict[str, CreditCard]] = {row.pk: {} for row in customers}
    rows = CreditCard.objects.using(using)
    # A customer that was written a moment ago has no cards yet (an empty list asks nothing).
    old = rows.filter(customer__in=by_pk.keys() - set(new_pks)).order_by("pk")
    for card in locked(old, using):
        by_pk[card.customer_pk][card.card_id] = card
    changes, freed = _Changes(), list[int]()
    for remote, customer in zip(remotes, customers, strict=True):
        local = by_pk[customer.pk]
        holders = [card for card in local.values() if card.is_default]
        _sort_cards(gateway_name, remote, customer, local, changes, seen)
        freed += [card.pk for card in holders if not card.is_default]
    if freed:
        # The default moves from one card to another: unique, so the old one lets go first.
        rows.filter(pk__in=freed).update_without_push(default_slot=None)
    write_changed(CreditCard, changes.changed, COLUMNS, using)
    for card in changes.waiting:
        _write_facts(card, using)
    for card in changes.doubtful:
        same = rows.filter(pk=card.pk, version=card.version, sync_state=SyncState.SYNCED)
        same.update_without_push(**TO_BE_PUSHED, version=F("version") + 1)
    rows.bulk_create(changes.new)


def _sort_cards(
    gateway_name: str,
    remote: RemoteCustomer,
    customer: Customer,
    local: dict[str, CreditCard],
    changes: _Changes,
    seen: Snapshot,
) -> None:
    ids = [card.card_id for card in remote.cards]
    kept = {card.card_id for card in local.values() if _stays(card, ids, seen)}
    default_id = _default_of(remote, local, kept)
    told_id = next((card.card_id for card in remote.cards if card.is_default), "")
    for shown in remote.cards:
        row = local.pop(shown.card_id, None)
        slot = customer.pk if shown.card_id == default_id else None
        if row is None:
            gone = seen.deleted(shown.customer_id, shown.card_id)
            if not gone and shown.customer_id not in seen.adding:
                changes.new.append(_new_row(gateway_name, customer, shown, slot))
        elif shown.card_id in kept:
            if not seen.is_rewritten(row) and _take_facts(row, shown):
                changes.waiting.append(row)
            elif row.is_default and told_id not in ("", row.card_id):
                changes.doubtful.append(row)
        elif _fill_card(row, shown, slot):
            changes.changed.append(row)
    for row in local.values():
        if row.sync_state != SyncState.MISSING and row.card_id not in kept:
            row.sync_state, row.sync_error = SyncState.MISSING, ""
            row.default_slot = None
            changes.changed.append(row)


def _stays(card: CreditCard, ids: Collection[str], seen: Snapshot) -> bool:
    """Whether the row is left as it is: an edit waits, or it is newer than the gateway's answer."""
    if card.card_id not in ids:
        return seen.is_new(card)
    return card.sync_state in WAITING or seen.is_newer(card)


def _default_of(remote: RemoteCustomer, local: dict[str, CreditCard], kept: set[str]) -> str:
    """Return which card is the default: that of a row which stays, the gateway's, ours, or none.

    A default that was given here and waits to be pushed, with other edits or alone, stands.
    """
    ours = next((row.card_id for row in local.values() if row.is_default), "")
    if ours in kept:
        return ours
    ids = [card.card_id for card in remote.cards]
    told = next((card.card_id for card in remote.cards if card.is_default), "")
    if told or not ours or ours in ids:
        return told or ours
    # Ours is gone there, and the first of the others takes its place.
    return next((card_id for card_id in ids if card_id not in kept), "")


def _new_row(
    gateway_name: str, customer: Customer, shown: RemoteCard, slot: int | None
) -> CreditCard:
    row = new_card_row(gateway_name, customer, shown)
    row.default_slot = slot
    _mark_shown(row, shown)
    return row


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
    before = _shown_values(row)
    for name, text in shown.address.as_dict().items():
        setattr(row, name, text)
    row.last_4 = shown.last_4 or row.last_4
    row.brand = shown.brand or row.brand
    row.month = shown.month or row.month
    row.year = shown.year or row.year
    had_default = row.is_default
    row.default_slot = slot
    if not had_default:
        _mark_shown(row, shown)
    else:
        row.mark_synced()
    return before != _shown_values(row)


def _mark_shown(row: CreditCard, shown: RemoteCard) -> None:
    """Mark a row as the gateway shows it; a default of our choice is still to be told there."""
    row.mark_synced()
    if row.is_default and not shown.is_default:
        for name, value in TO_BE_PUSHED.items():
            setattr(row, name, value)


def _take_facts(row: CreditCard, shown: RemoteCard) -> bool:
    """Take what only the gateway knows into a row whose edits wait; say whether anything changed.

    The date goes with the number: the one that was edited here belongs to the old number.
    """
    facts = (shown.last_4 or row.last_4, shown.brand or row.brand)
    if facts == (row.last_4, row.brand):
        return False
    if facts[0] != row.last_4:
        row.month, row.year = shown.month or row.month, shown.year or row.year
    row.last_4, row.brand = facts
    return True


def _write_facts(card: CreditCard, using: str) -> None:
    """Write them, unless the row was written since it was read; its edits wait as before."""
    CreditCard.objects.using(using).filter(pk=card.pk, version=card.version).update_without_push(
        last_4=card.last_4,
        brand=card.brand,
        month=card.month,
        year=card.year,
        # What was pushed last is no longer what the gateway has.
        synced_digest="",
        version=F("version") + 1,
    )


def _shown_values(row: CreditCard) -> tuple[Any, ...]:
    return tuple(getattr(row, name) for name in COLUMNS)


def write_changed(
    model: type[RowT], rows: Sequence[RowT], columns: Sequence[str], using: str
) -> None:
    """Write these columns of rows that exist, in bulk."""
    if not rows:
        return
    manager = model._default_manager.using(using)
    if connections[using].vendor == "mysql":
        # Its upsert takes no unique_fields and would overwrite a stranger by another unique key.
        manager.bulk_update_without_push(rows, columns)  # type: ignore[attr-defined]
        return
    manager.bulk_create(rows, update_conflicts=True, update_fields=columns, unique_fields=["id"])
