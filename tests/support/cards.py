"""Two cards of one customer, and what both sides say of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django_dinero.models import CreditCard, Customer, Operation
from django_dinero.services.recovery.lookup import look_up
from django_dinero.services.vault import push as vault_push
from tests.faults import vault
from tests.support.recording import (
    RecordingGateway,
)

Make = Callable[..., Customer]
Call = Callable[[], Any]
PAST = "2020-01-01T00:00:00Z"
SECOND: dict[str, Any] = {"number": "4222222222222", "month": 1, "year": 2031}


def defaults() -> list[str]:
    """Return the last digits of the default cards here."""
    return [card.last_4 for card in CreditCard.objects.order_by("pk") if card.is_default]


def make_default(row: CreditCard) -> None:
    """Do it as another process does, which has an instance of its own."""
    card = CreditCard.objects.get(pk=row.pk)
    card.is_default = True
    card.save()


def settle(gateway: RecordingGateway) -> list[str]:
    """Look up what has no answer, push what waits; return how the two vaults differ."""
    Operation.objects.update(lease_until=PAST)
    for operation in Operation.objects.filter(state__in=("sent", "unknown")):
        look_up(operation)
        Operation.objects.filter(pk=operation.pk).update(quarantine_until=PAST)
        look_up(operation)
    for card in CreditCard.objects.filter(sync_state__in=("pending", "error")):
        vault_push.push_card(card.pk)
    assert not Operation.objects.filter(state__in=("new", "sent", "unknown")).exists()
    return list(vault.differences(gateway.bank))


def hold(card: CreditCard, state: str, card_id: str = "") -> Operation:
    """Let another operation hold the customer's cards."""
    target = card.lock_name
    return Operation.objects.create(
        kind="update_card",
        gateway_name="default",
        lock_name=target,
        held_lock=target,
        state=state,
        customer_id=card.customer_id,
        card_id=card_id,
        lease_until="2999-01-01T00:00:00Z",
        quarantine_until="2999-01-01T00:00:00Z",
    )
