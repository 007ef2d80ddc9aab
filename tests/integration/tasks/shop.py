"""A shop with a lot to do in the background, and what must have become of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connections

from django_dinero.exceptions import NotSent
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
from django_dinero.services import webhooks
from django_dinero.tasks import queue, work
from tests.support.aging import grow_old
from tests.support.planted import stands_alone
from tests.support.recording import RecordingGateway, refuse_connection
from tests.support.webhooks import notice, post

NUMBER = "5424000000000015"
CARD: dict[str, Any] = {
    "number": NUMBER,
    "cvv": "917",
    "month": "12",
    "year": "2030",
    "zip": "12345",
}


def leaks(text: str) -> list[str]:
    """Which of a card's and a customer's facts stand in what a queue was told."""
    alone = [each for each in (CARD["cvv"], CARD["zip"]) if stands_alone(each, text)]
    return [*(each for each in (NUMBER, "example.com") if each in text), *alone]


CUSTOMERS = 6
ELSEWHERE = 7
PAST = "2020-01-01T00:00:00Z"
ROOT = Path(__file__).resolve().parents[3]


@dataclass
class Shop:
    """A shop whose bank is shared by processes.

    Attributes:
        held: the file that the worker writes that stops in the middle.
        event: the event that it stops at.
    """

    gateway: RecordingGateway
    options: dict[str, Any]
    held: Path
    event: WebhookEvent | None = None
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def fill(self) -> None:
        """Do all that puts something into the queue."""
        customers = [
            Customer.create(email=f"{number}@example.com", **CARD) for number in range(CUSTOMERS)
        ]
        grow_old()
        charges = [Transaction.create("5.00", customer=customer) for customer in customers]
        self.gateway.bank.settle_batch()
        for _twice in range(2):
            for charge in charges:
                told = notice("transaction", charge.transaction_id or "")
                assert post(self.gateway, told).status_code == 200
        self.event = WebhookEvent.objects.earliest("pk")
        for customer in customers:
            self._edit_in_vain(customer)
        for number in range(ELSEWHERE):
            self.gateway.bank.create_customer(
                key="", email=f"other-{number}@example.com", first_name="", last_name="", cards=[]
            )
        assert work.begin_pull("default")
        self._let_the_last_run_be_long_ago()
        assert queue.enqueue("reconcile", None)

    def _edit_in_vain(self, customer: Customer) -> None:
        customer.email = f"new-{customer.email}"
        self.gateway.faults["update_customer"] = refuse_connection
        with pytest.raises(NotSent):
            customer.save()
        card = customer.cards[0]
        self.gateway.faults["delete_card"] = refuse_connection
        with pytest.raises(NotSent):
            card.delete()

    def _let_the_last_run_be_long_ago(self) -> None:
        before = datetime.now(UTC) - timedelta(days=30)
        row = Reconciliation.objects.create(
            gateway_name="default", live=self.gateway.live, state="finished", since=before
        )
        Reconciliation.objects.filter(pk=row.pk).update(started_at=before, ended_at=before)

    # -- Workers -----------------------------------------------------------------------------------

    def start(self, *arguments: str, **environment: str) -> None:
        """Start a worker process."""
        assert self.event is not None
        backend = "django_dinero.gateways.sandbox.SandboxGateway"
        entry = {"BACKEND": backend, "OPTIONS": {**self.options, "allow_in_production": True}}
        told = {
            "database": str(connections["default"].settings_dict["NAME"]),
            "dinero": {"GATEWAYS": {"default": entry}, "TASKS": settings.DINERO["TASKS"]},
            "tasks": settings.TASKS,
        }
        self.workers.append(
            subprocess.Popen(
                [sys.executable, "-m", *arguments],
                cwd=ROOT,
                env={
                    **os.environ,
                    "DJANGO_SETTINGS_MODULE": "tests.support.workers.settings",
                    "DINERO_WORKER": json.dumps(told),
                    "DINERO_HELD_FILE": str(self.held),
                    "DINERO_HELD_EVENT": str(self.event.pk),
                    **environment,
                },
                start_new_session=True,
            )
        )

    def kill_the_held_one(self) -> None:
        """Kill the process that has stopped in the middle of an event."""
        wait_until(lambda: self.held.exists() and bool(self.held.read_text()), "a worker is held")
        os.kill(int(self.held.read_text()), signal.SIGKILL)

    def stop(self) -> None:
        """Stop all workers, and what they have started."""
        for worker in self.workers:
            with suppress(ProcessLookupError):
                os.killpg(worker.pid, signal.SIGKILL)
            worker.wait()

    # -- What must have become of it ---------------------------------------------------------------

    def is_done(self) -> bool:
        """Say whether the workers have done all but what the killed one had."""
        assert self.event is not None
        waits = WebhookEvent.objects.exclude(pk=self.event.pk).exclude(state="applied")
        return not (
            waits.exists()
            or Customer.objects.exclude(sync_state="synced").exists()
            or Operation.objects.filter(kind="delete_card", state="new").exists()
            or VaultPull.objects.filter(ended_at=None).exists()
        )

    def come_to_an_end(self) -> None:
        """Let the leases of the dead run out, and the periodic run come."""
        for model in (WebhookEvent, Operation, Reconciliation):
            rows = model._default_manager.exclude(lease_until=None)
            rows.update(lease_until=PAST)
        WebhookEvent.objects.exclude(next_try_at=None).update(next_try_at=PAST)
        webhooks.drain(self.gateway)
        call_command("dinero_reconcile", verbosity=0)

    def check(self) -> None:
        """Assert that all is done, and each once."""
        assert set(WebhookEvent.objects.values_list("state", flat=True)) == {"applied"}
        assert set(Transaction.objects.values_list("kind", "status")) == {("charge", "settled")}
        assert Transaction.objects.count() == CUSTOMERS == len(self.gateway.bank.transactions())
        assert Customer.objects.count() == CUSTOMERS + ELSEWHERE
        assert set(Customer.objects.values_list("sync_state", flat=True)) == {"synced"}
        for customer in Customer.objects.all():
            there = self.gateway.bank.customer(customer.customer_id or "")
            assert (there.email, there.cards) == (customer.email, ())
        assert not CreditCard.objects.exists()
        assert not Difference.objects.filter(state="open").exists()
        assert not Reconciliation.objects.filter(state="running").exists()
        assert Reconciliation.objects.latest("pk").state == "finished"
        # An update for each edit: none was sent twice.
        sent = Operation.objects.filter(kind="update_customer", state="succeeded")
        assert sent.count() == CUSTOMERS


def wait_until(ready: Callable[[], bool], what: str, seconds: float = 90) -> None:
    """Wait until something is so; fail if it does not come."""
    end = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < end, f"{what}: it did not come"
        time.sleep(0.1)
