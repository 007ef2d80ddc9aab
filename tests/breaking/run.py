"""One run: a verb is broken off at one point, reconcile runs once, the books are compared."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

from django.conf import settings
from django.db import connections
from django.db.models import QuerySet
from django.test import override_settings

from django_dinero.enums import RemoteStatus
from django_dinero.gateways.registry import get_gateway, reset
from django_dinero.models import (
    CreditCard,
    Customer,
    Difference,
    Operation,
    Reconciliation,
    Transaction,
    VaultPull,
    WebhookEvent,
)
from django_dinero.models.reconciliation import ReconciliationState
from django_dinero.models.transaction_status import TransactionStatus
from django_dinero.models.webhook_event import EventState
from django_dinero.sandbox.bank.bank import Bank
from django_dinero.services.reconcile.run import reconcile
from django_dinero.services.recovery import locking
from tests.breaking.clock import let_time_pass
from tests.breaking.points import Died, Points, bury
from tests.breaking.told import Heard, Told
from tests.breaking.verbs import Verb
from tests.faults import comparing, vault
from tests.support.recording import RecordingGateway


@dataclass(slots=True)
class Outcome:
    """What came of a run.

    Attributes:
        points: the points that were passed, in order; the last one is where it died.
        differences: what does not hold afterwards, a sentence each.
    """

    points: list[str]
    differences: list[str] = field(default_factory=list)


def break_off(verb: Verb, at: int | None = None, partner: Verb | None = None) -> Outcome:
    """Do a verb, and let its process die at a point; reconcile once, and compare.

    Args:
        at: the number of the point; None lets it live.
        partner: what another process does whole at that point, to the same objects.
    """
    gateway = _begin()
    verb.before(gateway)
    told, heard = Told(), Heard()
    points = Points(at, _in_a_thread(told, partner) if partner else None)
    with heard.listening(), mock.patch.object(locking, "CARDS_PATIENCE", 0.0):
        with points.watching(gateway), suppress(Died):
            told.by(verb.act)
        bury()
        points.let_others_act()
        let_time_pass()
        if verb.again is not None:
            told.meanwhile(verb.again)
            let_time_pass()
        run = reconcile("default")
    found = [*_differences(gateway.bank), *told.falsehoods()]
    if partner is None:
        found += verb.holds()
    if not verb.rolls_back:
        asked = [each for each in (verb, partner) if each and each.name == "replay_webhook"]
        found += heard.doubled(len(asked))
    if run.state != ReconciliationState.FINISHED:
        found.append(f"reconcile: {run.state}: {run.error}")
    left = Counter(verb.left) + Counter(partner.left if partner else {})
    return Outcome(points.passed, _unexpected(found, left, exactly=partner is None))


def _differences(bank: Bank) -> Iterator[str]:
    """Yield a line for whatever is not as it should be on both sides."""
    yield from comparing.differences(bank)
    yield from comparing.left_open()
    yield from vault.differences(bank)
    standing = {row.id for row in bank.transactions() if row.status is RemoteStatus.SETTLED}
    for row in Transaction.objects.filter(
        transaction_id__in=standing, status=TransactionStatus.APPROVED
    ):
        yield f"behind: {row} {row.transaction_id} is settled at the bank"
    for event in WebhookEvent.objects.exclude(state=EventState.APPLIED):
        # What has been deleted here is nobody's.
        if event.state != EventState.NOT_OURS or _is_here(event):
            yield f"event: {event}: {event.error}"
    for each in Difference.objects.all():
        is_open = each.state == "open"
        yield f"{'difference' if is_open else each.state}: {each}: {each.text}"


def _is_here(event: WebhookEvent) -> bool:
    rows: Mapping[str, QuerySet[Any]] = {
        "customer": Customer.objects.filter(customer_id=event.object_id),
        "card": CreditCard.objects.filter(card_id=event.object_id),
        "transaction": Transaction.objects.filter(transaction_id=event.object_id),
    }
    return rows[event.object_kind].exists()


def _unexpected(lines: Iterable[str], left: Mapping[str, int], *, exactly: bool) -> list[str]:
    """Return the lines of which there are more than a person is told of on purpose.

    Args:
        exactly: whether a lack of such a line is a fault too. It is not where somebody else acts,
            who may also end what was told: by deleting the row of a customer that is gone.
    """
    lines = [line for line in lines if exactly or not line.startswith("resolved:")]
    counts = Counter(line.split(":")[0] for line in lines)
    found = [line for line in lines if counts[line.split(":")[0]] > left.get(line.split(":")[0], 0)]
    if exactly:
        short = (name for name, count in left.items() if counts[name] < count)
        found += [f"untold: {name}: {counts[name]} lines, and not {left[name]}" for name in short]
    return found


def _in_a_thread(told: Told, partner: Verb) -> Callable[[], None]:
    """Return a call that lets another process do a verb, and waits for it."""

    def work() -> None:
        try:
            told.meanwhile(partner.act)
        finally:
            connections.close_all()

    def do() -> None:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()

    return do


def _begin() -> RecordingGateway:
    """Empty both books, and return the gateway."""
    # MariaDB checks a foreign key at each row: what follows a payment goes first.
    for pk in Transaction.objects.order_by("-pk").values_list("pk", flat=True):
        Transaction.objects.filter(pk=pk)._raw_delete("default")
    for model in (Operation, Difference, Reconciliation, WebhookEvent, VaultPull):
        model._default_manager.all()._raw_delete("default")
    CreditCard.objects.all()._raw_delete("default")  # the gateway is a new one
    Customer.objects.all()._raw_delete("default")
    reset()
    gateway = get_gateway()
    assert isinstance(gateway, RecordingGateway)
    return gateway


@contextmanager
def configured() -> Iterator[None]:
    """Have the in-process bank as the default gateway, and nothing of it afterwards."""
    entry = {"BACKEND": "tests.support.recording.RecordingGateway", "OPTIONS": {}}
    with override_settings(DINERO={**settings.DINERO, "GATEWAYS": {"default": entry}}):
        yield
    reset()
