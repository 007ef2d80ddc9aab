"""Holds every customer and card here against the bank's vault, one by one (invariant I7)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from django_dinero.models import CreditCard, Customer
from django_dinero.models.sync_state import SyncState
from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.bank.records import Card
from django_dinero.sandbox.bank.records import Customer as Stored


def differences(bank: Bank) -> Iterator[str]:
    """Yield a line for each customer or card that one side lacks, and for each value that differs.

    The bank's Authorize.Net dialect keeps no names of a customer: those are not compared.
    """
    stored = {customer.id: customer for customer in bank.customers()}
    rows = {row.customer_id or "": row for row in Customer.objects.all()}
    for customer_id in stored.keys() - rows.keys():
        yield f"lost: the bank has customer {customer_id} ({stored[customer_id].email})"
    for customer_id, row in rows.items():
        if row.sync_state != SyncState.SYNCED:
            yield f"waits: customer {customer_id or row.pk} is {row.sync_state}: {row.sync_error}"
        if customer_id not in stored:
            yield f"invented: customer {row.pk} ({customer_id!r}) is not at the bank"
        else:
            yield from _customer_differs(row, stored[customer_id])
    yield from _cards(bank)


def _customer_differs(row: Customer, stored: Stored) -> Iterator[str]:
    here, there = (row.customer_key, row.email), (stored.key, stored.email)
    if here != there:
        yield f"differs: customer {stored.id} is {here} here, {there} at the bank"


def _cards(bank: Bank) -> Iterator[str]:
    stored = {card.id: card for customer in bank.customers() for card in customer.cards}
    rows = {row.card_id: row for row in CreditCard.objects.select_related("customer")}
    for card_id in stored.keys() - rows.keys():
        card = stored[card_id]
        yield f"lost: the bank has card {card_id} of customer {card.customer_id}"
    for card_id, row in rows.items():
        if _is_refused_twin(row, stored):
            continue
        if row.sync_state != SyncState.SYNCED:
            yield f"waits: card {card_id} is {row.sync_state}: {row.sync_error}"
        if card_id not in stored:
            yield f"invented: card {row.pk} ({card_id}) is not at the bank"
        else:
            yield from _card_differs(row, stored[card_id])
    yield from _two_defaults("the bank", (card for card in stored.values() if card.is_default))
    yield from _two_defaults("the shop", (row for row in rows.values() if row.is_default))


def _is_refused_twin(row: CreditCard, stored: Mapping[str, Card]) -> bool:
    """Say whether a card would become what another one of its customer is at the bank already.

    The bank refuses that, which stands on the row, and a person decides. It comes of a card that
    was replaced in a transaction that was rolled back, while its answer was lost.
    """
    if row.sync_state != SyncState.ERROR or row.card_id not in stored:
        return False
    others = (card for card in stored.values() if card.id != row.card_id)
    return any(
        (card.customer_id, card.last_4, card.billing.get("zip", ""))
        == (row.customer_id, row.last_4, row.zip)
        for card in others
    )


def _two_defaults(side: str, defaults: Iterable[Card | CreditCard]) -> Iterator[str]:
    for customer_id, count in Counter(card.customer_id for card in defaults).items():
        if count > 1:
            yield f"differs: {count} cards of customer {customer_id} are the default at {side}"


def _card_differs(row: CreditCard, stored: Card) -> Iterator[str]:
    here = (row.customer_id, row.last_4, row.month, row.year, row.zip, row.address, row.is_default)
    there = (
        *(stored.customer_id, stored.last_4, stored.month, stored.year),
        *(stored.billing.get("zip", ""), stored.billing.get("address", ""), stored.is_default),
    )
    if here != there:
        yield f"differs: card {stored.id} is {here} here, {there} at the bank"
    if row.customer.customer_id != row.customer_id:
        yield f"differs: card {stored.id} hangs on another customer here"
