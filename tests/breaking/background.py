"""What is done in the background: sync, webhooks, erasing, reconcile itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from io import StringIO
from typing import Any
from unittest import mock

from django.core.management import CommandError, call_command

from django_dinero.gateways.registry import get_gateway
from django_dinero.gateways.types import WebhookNotice
from django_dinero.models import (
    CreditCard,
    Customer,
    Operation,
    Transaction,
    VaultPull,
    WebhookEvent,
)
from django_dinero.services import webhooks
from django_dinero.services.pull import customers as pulled
from django_dinero.services.reconcile.run import reconcile
from django_dinero.services.vault.erasure import erase
from tests.breaking import elsewhere, states
from tests.breaking.clock import let_time_pass
from tests.breaking.verbs import Verb, first_customer, first_transaction, found
from tests.support.recording import RecordingGateway, refuse_connection
from tests.support.webhooks import post

#: What a person is told of a customer that is gone at the gateway, and of its two cards.
GONE = {"waits": 3, "invented": 3, "difference": 1}
#: And of one card.
CARD_GONE = {"waits": 1, "invented": 1, "difference": 1}


# -- Sync ------------------------------------------------------------------------------------------


def sync(**options: Any) -> None:
    """Run ``manage.py dinero_sync``; its exit code 1 says what reconcile will tell too."""
    given = {"verbosity": 0, "stdout": StringIO(), "stderr": StringIO(), **options}
    with suppress(CommandError):
        call_command("dinero_sync", **given)


def marked(gateway: RecordingGateway) -> None:
    """Leave a customer, a card and a delete to be pushed."""
    states.customer(gateway)
    gateway.faults["delete_card"] = refuse_connection
    with suppress(Exception):
        CreditCard.objects.order_by("pk")[1].delete()
    Customer.objects.update(email="fred@example.com")
    CreditCard.objects.update(zip="99999")
    let_time_pass()


def pull_account() -> None:
    """Pull all customers, two at a time."""
    with mock.patch.object(pulled, "BATCH", 2):
        sync(pull=True, all=True)


def pull_on() -> None:
    """Go on with a pull that was broken off, or begin one."""
    last = VaultPull.objects.order_by("-pk").first()
    sync(pull=True, all=True, resume=last is not None and last.ended_at is None)


def pull_here(kind: str, ids: Callable[[], list[Any]]) -> Callable[[], None]:
    """Return the command that pulls single ones."""
    return lambda: sync(**{kind: ids()})


def customer_ids() -> list[str]:
    """Return the ids of all customers here."""
    return [row.customer_id or "" for row in Customer.objects.order_by("pk")]


def transaction_ids() -> list[str]:
    """Return the ids of all payments of the gateway's."""
    return [row.id for row in gateway_here().bank.transactions()]


SYNC = [
    Verb("sync_push", marked, sync, again=sync, roams=True),
    Verb("pull_customer", elsewhere.edited, pull_here("customer", customer_ids)),
    Verb("refresh_customer", elsewhere.edited, lambda: first_customer().refresh_from_gateway()),
    Verb(
        "pull_account",
        elsewhere.others,
        pull_account,
        again=pull_on,
        left={"waits": 1, "invented": 1, "difference": 1},
    ),
    Verb("pull_transactions", elsewhere.batches, pull_here("transaction", transaction_ids)),
    Verb(
        "refresh_transaction",
        elsewhere.settled,
        lambda: first_transaction().refresh_from_gateway(),
    ),
]


# -- Webhooks --------------------------------------------------------------------------------------


def gateway_here() -> RecordingGateway:
    """Return the gateway of this run."""
    gateway = get_gateway()
    assert isinstance(gateway, RecordingGateway)
    return gateway


def receive(kind: str, object_id: str, number: int = 1, **given: Any) -> None:
    """Post a signed webhook, the same one each time."""
    told = WebhookNotice(f"evt-{number}", f"{kind}.changed", kind, object_id, **given)
    post(gateway_here(), told)


def hear_of_payment() -> None:
    """Be told of the newest payment; that is what happened last."""
    row = gateway_here().bank.transactions()[-1]
    receive("transaction", row.id, operation_key=row.operation_key)


def hear_of_customer() -> None:
    """Be told of the customer."""
    receive("customer", found(Customer.objects.order_by("pk").first()).customer_id or "")


def hear_of_card() -> None:
    """Be told of the newest card at the gateway, or of the one that is gone."""
    customer_id = found(Customer.objects.order_by("pk").first()).customer_id or ""
    there = {card.id for card in gateway_here().bank.customer(customer_id).cards}
    here = set(CreditCard.objects.values_list("card_id", flat=True))
    (card_id,) = sorted(there ^ here) or [max(there)]
    receive("card", card_id, customer_id=customer_id)


def parked(gateway: RecordingGateway) -> None:
    """Leave three events that could not be applied: of two payments and of the customer."""
    elsewhere.edited(gateway)
    row = first_customer()
    ids = [row.charge(price).transaction_id or "" for price in ("11.00", "12.00")]
    gateway.bank.void(ids[1])
    gateway.bank.settle_batch()
    for number, object_id in enumerate(ids):
        gateway.faults["retrieve_transaction"] = refuse_connection
        receive("transaction", object_id, number)
    gateway.faults["retrieve_customer"] = refuse_connection
    receive("customer", row.customer_id or "", 3)
    let_time_pass()


def drain() -> None:
    """Apply what waits."""
    webhooks.drain(gateway_here())


def applied(gateway: RecordingGateway) -> None:
    """An event was applied, and its payment has moved on since."""
    states.charge(gateway)
    hear_of_payment()
    gateway.bank.settle_batch()


def replay() -> None:
    """Apply an event once more."""
    found(WebhookEvent.objects.order_by("pk").first()).replay()


WEBHOOKS = [
    *[
        Verb(f"webhook_{before.__name__}", before, hear_of_payment)
        for before in (
            *(elsewhere.settled, elsewhere.voided, elsewhere.refunded, elsewhere.charged_back),
            *(elsewhere.captured, elsewhere.approved, elsewhere.declined, states.lost_charge),
        )
    ],
    Verb("webhook_customer", elsewhere.edited, hear_of_customer),
    Verb("webhook_card", elsewhere.edited, hear_of_card),
    Verb("webhook_card_deleted", elsewhere.card_deleted, hear_of_card, left=CARD_GONE),
    Verb("webhook_customer_deleted", elsewhere.customer_deleted, hear_of_customer, left=GONE),
    Verb("drain_webhooks", parked, drain),
    Verb("replay_webhook", applied, replay),
]


# -- Erasing, and reconcile ------------------------------------------------------------------------


def erase_all() -> None:
    """Erase whoever is left."""
    for row in Customer.objects.order_by("pk"):
        erase(row)


def told_and_settled(gateway: RecordingGateway) -> None:
    """A customer has paid, and webhooks tell of it."""
    states.settled(gateway)
    hear_of_payment()
    hear_of_customer()


def kept() -> Iterator[str]:
    """Yield a line for each row that still names a person who was erased."""
    if Customer.objects.exists():
        return
    for model in (Operation, Transaction, WebhookEvent):
        for row in model._default_manager.values():
            # Not in capitals: a random key of ours may have these letters.
            if re.search("bill|Bill", str(row)):
                yield f"kept: {model.__name__} {row['id']} names the person"


def give_back() -> None:
    """Reconcile, and give back what a rollback took."""
    reconcile("default", void_orphans=True)


reconcile_all = partial(reconcile, "default")

RECONCILE = [
    Verb("erase", told_and_settled, erase_all, again=erase_all, holds=kept),
    Verb("reconcile", states.open_ends, reconcile_all, roams=True),
    Verb("reconcile_orphans", elsewhere.orphaned, reconcile_all),
    Verb("reconcile_give_back", elsewhere.orphaned, give_back, again=give_back),
    Verb("reconcile_batches", elsewhere.batches, reconcile_all),
    Verb("reconcile_expired", elsewhere.expired, reconcile_all),
    Verb("reconcile_edited", elsewhere.edited, reconcile_all),
    Verb("reconcile_gone", elsewhere.customer_deleted, reconcile_all, left=GONE),
    Verb("reconcile_over", elsewhere.over, reconcile_all, left={"resolved": 2}),
    Verb("reconcile_webhooks", parked, reconcile_all),
]

BACKGROUND = [*SYNC, *WEBHOOKS, *RECONCILE]
