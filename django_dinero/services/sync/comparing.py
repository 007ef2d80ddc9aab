"""Compare rows of customers and cards with what the gateway shows of them. Nothing is written."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from django_dinero.cards import ADDRESS_FIELDS
from django_dinero.gateways.types import RemoteCard, RemoteCustomer
from django_dinero.models.card import CreditCard
from django_dinero.models.customer import Customer
from django_dinero.models.sync_state import WAITING, SyncState
from django_dinero.services.pull import scrubbed


class Side(StrEnum):
    """Who has it."""

    BOTH = "both"
    HERE = "here"
    THERE = "there"


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """A customer or a card that is not the same on both sides.

    Attributes:
        side: who has it.
        customer_id, card_id: the gateway's ids; no ``card_id`` for a customer, and no
            ``customer_id`` for one that was never pushed.
        customer_pk: the primary key of the customer here, None where there is none.
        waits: whether a push or a delete of it waits, which will end this by itself.
        fields: the values that differ, here and there, by name.
    """

    side: Side
    customer_id: str = ""
    card_id: str = ""
    customer_pk: int | None = None
    waits: bool = False
    fields: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)


def compare(
    row: Customer, cards: Collection[CreditCard], remote: RemoteCustomer
) -> Iterator[Drift]:
    """Yield what differs between a customer's rows and what the gateway shows.

    What a gateway does not keep or show is not compared: names of a customer, a masked date.
    """
    remote = scrubbed(remote)
    ids: dict[str, Any] = {"customer_id": remote.customer_id, "customer_pk": row.pk}
    if differing := _customer_fields(row, remote):
        waits = row.sync_state in WAITING
        yield Drift(side=Side.BOTH, **ids, waits=waits, fields=differing)
    here, there = {card.card_id: card for card in cards}, {c.card_id: c for c in remote.cards}
    for card_id in sorted(here.keys() | there.keys()):
        yield from _compare_card(here.get(card_id), there.get(card_id), {**ids, "card_id": card_id})


def _compare_card(
    card: CreditCard | None, shown: RemoteCard | None, ids: Mapping[str, Any]
) -> Iterator[Drift]:
    if card is None:
        yield Drift(side=Side.THERE, **ids)
        return
    waits = card.sync_state in WAITING
    if shown is None:
        # What is marked is known; and a gateway may not show yet what it has just stored.
        if card.sync_state != SyncState.MISSING and not card.is_new:
            yield Drift(side=Side.HERE, **ids, waits=waits)
    elif differing := _card_fields(card, shown):
        yield Drift(side=Side.BOTH, **ids, waits=waits, fields=differing)


def _customer_fields(row: Customer, remote: RemoteCustomer) -> dict[str, tuple[Any, Any]]:
    pairs = {"email": (row.email, remote.email)}
    if remote.first_name or remote.last_name:
        pairs["first_name"] = row.first_name, remote.first_name
        pairs["last_name"] = row.last_name, remote.last_name
    if row.sync_state == SyncState.MISSING:
        pairs["sync_state"] = str(row.sync_state), ""
    return _differing(pairs)


def _card_fields(card: CreditCard, shown: RemoteCard) -> dict[str, tuple[Any, Any]]:
    pairs: dict[str, tuple[Any, Any]] = {
        "last_4": (card.last_4, shown.last_4 or card.last_4),
        "is_default": (card.is_default, shown.is_default),
    }
    if shown.month or shown.year:
        pairs["month"], pairs["year"] = (card.month, shown.month), (card.year, shown.year)
    for name in ADDRESS_FIELDS:
        pairs[name] = getattr(card, name), getattr(shown.address, name)
    if card.sync_state == SyncState.MISSING:
        pairs["sync_state"] = str(card.sync_state), ""
    return _differing(pairs)


def _differing(pairs: Mapping[str, tuple[Any, Any]]) -> dict[str, tuple[Any, Any]]:
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
