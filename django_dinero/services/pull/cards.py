"""Write pulled cards, for customers whose rows have just been written."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from django.db import connections
from django.db.models import F

from django_dinero.cards import (
    ADDRESS_FIELDS,
    Address,
    CardDetails,
    PaymentToken,
    without_card_numbers,
)
from django_dinero.db.transactions import locked
from django_dinero.gateways.types import RemoteCard, RemoteCustomer
from django_dinero.identifiers import new_key
from django_dinero.models.card import CreditCard
from django_dinero.models.customer import Customer
from django_dinero.models.sync_state import WAITING, SyncState
from django_dinero.models.synced import SyncedModel
from django_dinero.services.pull.snapshot import Snapshot

RowT = TypeVar("RowT", bound=SyncedModel)

#: The bookkeeping of a row that waits for its being the default alone.
TO_BE_PUSHED: Mapping[str, Any] = {
    "sync_state": SyncState.PENDING,
    "synced_digest": "",
    "edits": CreditCard.edits_of(["default_of"]),
}
SYNC_COLUMNS = ("sync_state", "sync_error", "synced_digest", "edits")
#: What only the gateway can tell of a number, and which one it is.
NUMBER_COLUMNS = ("last_4", "brand", "number_key", "month", "year")
COLUMNS = (*NUMBER_COLUMNS, "default_of", *ADDRESS_FIELDS, *SYNC_COLUMNS)
PULLED_COLUMNS = (*COLUMNS, "pulled_at")


@dataclass
class _CardChanges:
    """The card rows of a batch that have to be written.

    Attributes:
        new, changed: rows to insert and to update.
        waiting: rows that wait to be pushed, and got new values in the fields that only the
            gateway fills.
        disputed: default cards that stay the default although the gateway has another one.
    """

    new: list[CreditCard] = field(default_factory=list)
    changed: list[CreditCard] = field(default_factory=list)
    waiting: list[CreditCard] = field(default_factory=list)
    disputed: list[CreditCard] = field(default_factory=list)


def write_cards(
    remotes: Sequence[RemoteCustomer],
    customers: Sequence[Customer],
    new_pks: Collection[int],
    using: str,
    snapshot: Snapshot,
) -> None:
    """Write the cards of pulled customers; those in ``new_pks`` have none here yet."""
    by_pk: dict[int, dict[str, CreditCard]] = {row.pk: {} for row in customers}
    rows = CreditCard.objects.using(using)
    # New customers have no cards yet. If all are new, Django sends no query for an empty list.
    old = rows.filter(customer__in=by_pk.keys() - set(new_pks)).order_by("pk")
    for card in locked(old, using):
        by_pk[card.customer_pk][card.card_id] = card
    changes, former_defaults = _CardChanges(), list[int]()
    for remote, customer in zip(remotes, customers, strict=True):
        local = by_pk[customer.pk]
        old_defaults = [card for card in local.values() if card.is_default]
        _compare_cards(remote, customer, local, changes, snapshot)
        former_defaults += [card.pk for card in old_defaults if not card.is_default]
    if former_defaults:
        # The default moves from one card to another. The column is unique: clear the old one first.
        rows.filter(pk__in=former_defaults).update_without_push(default_of=None)
    for card in (*changes.new, *changes.changed):
        card.pulled_at = snapshot.asked_at
    write_columns(CreditCard, changes.changed, PULLED_COLUMNS, using)
    for card in changes.waiting:
        _write_gateway_fields(card, using, snapshot)
    for card in changes.disputed:
        same = rows.filter(pk=card.pk, version=card.version, sync_state=SyncState.SYNCED)
        same.update_without_push(**TO_BE_PUSHED, version=F("version") + 1)
    rows.bulk_create(changes.new)


def push_default_again(customer_pk: int, using: str) -> None:
    """Let a customer's default card wait to be pushed: the gateway may have no default any more."""
    synced = CreditCard.objects.using(using).filter(
        default_of=customer_pk, sync_state=SyncState.SYNCED
    )
    synced.update_without_push(**TO_BE_PUSHED, version=F("version") + 1)


def _compare_cards(
    remote: RemoteCustomer,
    customer: Customer,
    local: dict[str, CreditCard],
    changes: _CardChanges,
    snapshot: Snapshot,
) -> None:
    told = {card.card_id: card for card in remote.cards}
    kept = {each for each, row in local.items() if _is_kept(row, told.get(each), snapshot)}
    default_id = _default_card_id(remote, local, kept, snapshot)
    remote_default = next((card.card_id for card in remote.cards if card.is_default), "")
    for remote_card in remote.cards:
        row = local.pop(remote_card.card_id, None)
        default_of = customer.pk if remote_card.card_id == default_id else None
        if row is None:
            gone = snapshot.is_deleted_here(remote_card.customer_id, remote_card.card_id)
            if not gone and not snapshot.is_being_added_to(remote_card.customer_id):
                changes.new.append(_new_row(customer, remote_card, default_of))
        elif remote_card.card_id in kept:
            if _takes_news(row, snapshot) and _take_gateway_fields(row, remote_card, default_of):
                changes.waiting.append(row)
            elif _is_disputed(row, remote_default, snapshot):
                changes.disputed.append(row)
        elif _fill_card(row, remote_card, default_of):
            changes.changed.append(row)
    for row in local.values():
        if row.sync_state != SyncState.MISSING and row.card_id not in kept:
            row.sync_state, row.sync_error, row.synced_digest = SyncState.MISSING, "", ""
            row.default_of = None
            changes.changed.append(row)


def _is_kept(card: CreditCard, told: RemoteCard | None, snapshot: Snapshot) -> bool:
    """Whether the row stays as it is: an edit waits, or it is newer than the gateway's answer."""
    if told is None:
        # A gateway may not list yet what it has just stored.
        return card.is_new or snapshot.is_new(card)
    if card.sync_state in WAITING:
        return True
    # Of many, the journal is asked only where the answer makes a difference.
    return not (snapshot.of_many and _is_as_told(card, told)) and snapshot.is_newer(card)


def _is_disputed(card: CreditCard, remote_default: str, snapshot: Snapshot) -> bool:
    """Whether the row is our default, and stays it, although the gateway has another one."""
    other = card.is_default and remote_default not in ("", card.card_id)
    return other and not snapshot.was_pulled(card)  # the gateway's by now, as it told since


def _takes_news(card: CreditCard, snapshot: Snapshot) -> bool:
    """Whether the row waits, and takes what the gateway tells beside its edits."""
    # If its push got through meanwhile, the answer may be older than that.
    return card.sync_state in WAITING and not snapshot.is_rewritten(card)


def _is_as_told(card: CreditCard, told: RemoteCard) -> bool:
    facts = (card.last_4, card.brand, card.month, card.year, card.is_default)
    shown = (told.last_4 or card.last_4, told.brand or card.brand, *_expiry(card, told))
    return facts == (*shown, told.is_default) and card.billing_address == told.address


def _default_card_id(
    remote: RemoteCustomer, local: dict[str, CreditCard], kept: set[str], snapshot: Snapshot
) -> str:
    """Return the id of the default card, or an empty string.

    Our default wins if its row stays as it is, because the choice may still wait to be pushed.
    Otherwise the gateway's default wins, if its row can take it, then ours.
    """
    ours = next((row.card_id for row in local.values() if row.is_default), "")
    if ours in kept:
        return ours
    ids = [card.card_id for card in remote.cards]
    remote_default = next((card.card_id for card in remote.cards if card.is_default), "")
    if remote_default in kept and not _takes_default(local[remote_default], snapshot):
        return ours if ours in ids else ""
    if remote_default or not ours or ours in ids:
        return remote_default or ours
    # The gateway no longer has our default card. The first of the others takes its place.
    takers = [each for each in ids if each not in kept]
    takers += [each for each in ids if each in kept and _takes_news(local[each], snapshot)]
    return next(iter(takers), "")


def _takes_default(card: CreditCard, snapshot: Snapshot) -> bool:
    """Whether a row that stays as it is becomes the default all the same, beside its edits."""
    return _takes_news(card, snapshot) and not card.is_edited("default_of")


def _new_row(customer: Customer, remote_card: RemoteCard, default_of: int | None) -> CreditCard:
    row = new_card_row(customer.gateway_name, customer, remote_card)
    row.default_of = default_of
    _mark_pulled(row, remote_card)
    return row


def new_card_row(
    gateway_name: str,
    customer: Customer,
    remote_card: RemoteCard,
    typed: CardDetails | PaymentToken | None = None,
) -> CreditCard:
    """Return an unsaved row for a card. What the gateway masks is taken from ``typed``."""
    details = typed if isinstance(typed, CardDetails) else None
    address = scrubbed_address(remote_card.address)
    if typed is not None and not any(address.as_dict().values()):
        address = typed.address
    return CreditCard(
        gateway_name=gateway_name,
        live=customer.live,
        customer=customer,
        customer_id=remote_card.customer_id,
        card_id=remote_card.card_id,
        last_4=remote_card.last_4 or (details.last_4 if details else ""),
        brand=remote_card.brand or (details.brand if details else ""),
        month=remote_card.month or (details.month if details else None),
        year=remote_card.year or (details.year if details else None),
        **address.as_dict(),
    )


def scrubbed_address(address: Address) -> Address:
    """Return an address as it may be stored, without the card numbers of other software."""
    texts = address.as_dict()
    return Address(**{name: fitting(CreditCard, name, text) for name, text in texts.items()})


def fitting(model: type[Customer | CreditCard], name: str, text: str) -> str:
    """Return a text of the gateway's as its column takes it; other software may have longer ones.

    Card numbers in it are masked.
    """
    limit = getattr(model._meta.get_field(name), "max_length", None)
    return without_card_numbers(name, text)[:limit]


def _fill_card(row: CreditCard, remote_card: RemoteCard, default_of: int | None) -> bool:
    """Put the gateway's values on a row; say whether anything changed."""
    before = _column_values(row)
    if is_other_number(row, remote_card):
        row.number_key = new_key()
    for name, text in remote_card.address.as_dict().items():
        setattr(row, name, text)
    row.month, row.year = _expiry(row, remote_card)
    row.last_4 = remote_card.last_4 or row.last_4
    row.brand = remote_card.brand or row.brand
    had_default = row.is_default
    row.default_of = default_of
    if not had_default:
        _mark_pulled(row, remote_card)
    else:
        row.mark_synced()
    return before != _column_values(row)


def is_other_number(row: CreditCard, told: RemoteCard) -> bool:
    """Say whether the gateway tells of another number than the row's, replaced by other software.

    A later date alone is that of a card that was renewed, which keeps its number. And two names of
    one network are no other number, as long as the date is the same.
    """
    if told.last_4 not in ("", row.last_4):
        return bool(row.last_4)
    is_told = told.month is not None and not (row.is_edited("month") or row.is_edited("year"))
    other_date = is_told and row.month is not None and _date(told) != _date(row)
    return other_date and "" not in (told.brand, row.brand) and told.brand != row.brand


def _date(card: CreditCard | RemoteCard) -> tuple[int | None, int | None]:
    return card.month, card.year


def _expiry(row: CreditCard, remote_card: RemoteCard) -> tuple[int | None, int | None]:
    """Return the card's date. Where the gateway hides it, ours is one of the number we know."""
    if remote_card.month or remote_card.year:
        return remote_card.month or row.month, remote_card.year or row.year
    same_number = remote_card.last_4 in ("", row.last_4)
    return (row.month, row.year) if same_number else (None, None)


def _mark_pulled(row: CreditCard, remote_card: RemoteCard) -> None:
    """Mark a row as synced, or as waiting if its being the default is still to be pushed."""
    row.mark_synced()
    if row.is_default and not remote_card.is_default:
        for name, value in TO_BE_PUSHED.items():
            setattr(row, name, value)


def _take_gateway_fields(row: CreditCard, remote_card: RemoteCard, default_of: int | None) -> bool:
    """Put the gateway's values on a row whose edits wait, beside those edits.

    A new number brings its expiry date along: the date edited here belongs to the old number.

    Args:
        default_of: as :func:`_default_card_id` has it, which respects an edit of the default.

    Returns:
        Whether anything changed.
    """
    before = _column_values(row)
    new_number = remote_card.last_4 not in ("", row.last_4)
    if is_other_number(row, remote_card):
        new_number, row.number_key = True, new_key()
    if new_number or not (row.is_edited("month") or row.is_edited("year")):
        row.month, row.year = _expiry(row, remote_card)
    row.last_4, row.brand = remote_card.last_4 or row.last_4, remote_card.brand or row.brand
    for name, text in remote_card.address.as_dict().items():
        if not row.is_edited(name):
            setattr(row, name, text)
    row.default_of = default_of
    return before != _column_values(row)


def _write_gateway_fields(card: CreditCard, using: str, snapshot: Snapshot) -> None:
    """Write these fields unless the row has changed since it was read. Its edits still wait."""
    names = (*NUMBER_COLUMNS, "default_of", *ADDRESS_FIELDS)
    write_beside_edits(card, {name: getattr(card, name) for name in names}, using, snapshot)


def write_beside_edits(
    row: Customer | CreditCard, values: Mapping[str, Any], using: str, snapshot: Snapshot
) -> None:
    """Write the gateway's values into a row that waits, unless it has changed since it was read."""
    rows = type(row)._default_manager.using(using).filter(pk=row.pk, version=row.version)
    # The gateway no longer has what was pushed last.
    bookkeeping = {"synced_digest": "", "version": F("version") + 1}
    rows.update_without_push(**values, **bookkeeping, pulled_at=snapshot.asked_at)


def _column_values(row: CreditCard) -> tuple[Any, ...]:
    return tuple(getattr(row, name) for name in COLUMNS)


def write_columns(
    model: type[RowT], rows: Sequence[RowT], columns: Sequence[str], using: str
) -> None:
    """Write these columns of existing rows in bulk."""
    if not rows:
        return
    manager = model._default_manager.using(using)
    if connections[using].vendor == "mysql":
        # Its upsert has no unique_fields. It could overwrite another row by another unique key.
        manager.bulk_update_without_push(rows, columns)  # type: ignore[attr-defined]
        return
    manager.bulk_create(rows, update_conflicts=True, update_fields=columns, unique_fields=["id"])
