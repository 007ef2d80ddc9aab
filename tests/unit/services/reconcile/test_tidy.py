"""Once a day, old operations and events are emptied of what they have of a person."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from django_dinero.db import pages as paging
from django_dinero.models import (
    Customer,
    Difference,
    Operation,
    Reconciliation,
    Transaction,
    WebhookEvent,
)
from django_dinero.models.operation import OperationState
from django_dinero.services.reconcile import tidy as tidying
from django_dinero.services.reconcile.orphans import LOOKED_BACK
from django_dinero.services.reconcile.run import reconcile
from django_dinero.services.reconcile.tidy import FINISHED
from django_dinero.services.vault.erasure import erase_traces
from tests.support.racing import before_statement
from tests.support.recording import RecordingGateway

pytestmark = pytest.mark.django_db

#: What a request tells of a person.
PERSON = ("ada@example.com", "Augusta", "Lovelace", "203.0.113.7", "for her birthday")
DAYS = 60


@pytest.fixture(autouse=True)
def keep(settings: Any, gateway: RecordingGateway) -> None:
    settings.DINERO = {**settings.DINERO, "KEEP_OPERATIONS_DAYS": DAYS}


@pytest.fixture
def paid(make_customer: Callable[..., Customer]) -> Transaction:
    """A charge with all that its request may tell."""
    customer = make_customer(email="ada@example.com", first_name="Augusta", last_name="Lovelace")
    return customer.charge(
        "12.50",
        description="for her birthday",
        customer_ip="203.0.113.7",
        order_reference="A-1",
        idempotency_key="order-1",
    )


def grow_old(days: float = DAYS + 1, **which: Any) -> None:
    Operation.objects.filter(**which).update(created_at=datetime.now(UTC) - timedelta(days=days))


def told() -> list[str]:
    """What of the person the journal still says."""
    text = json.dumps(list(Operation.objects.values_list("intent", flat=True)))
    return [each for each in PERSON if each in text]


def test_what_the_request_told_goes_and_the_operation_stays(paid: Transaction) -> None:
    assert told() == list(PERSON)
    grow_old()
    before = Operation.objects.get(key=paid.operation_key)
    run = reconcile(None)
    assert told() == []
    assert (run.state, run.counts["operations_emptied"]) == ("finished", 2)
    after = Operation.objects.get(key=paid.operation_key)
    assert after.intent["order_reference"] == "A-1"
    kept = ("key", "idempotency_key", "fingerprint", "state", "amount", "outcome", "updated_at")
    assert [getattr(after, name) for name in kept] == [getattr(before, name) for name in kept]


@pytest.mark.parametrize("secret", ["same", "replaced"])
@pytest.mark.parametrize("is_guest", [True, False])
def test_whoever_asks_to_be_erased_after_that_is_found(
    gateway: RecordingGateway,
    paid: Transaction,
    card: dict[str, Any],
    settings: Any,
    secret: str,
    is_guest: bool,
) -> None:
    """The books keep the description and the IP address, and the address led there."""
    if is_guest:
        personal: dict[str, Any] = {"description": "for Gina", "customer_ip": "203.0.113.9"}
        row = Transaction.create("5.00", email="gina@example.com", **personal, **card)
    else:
        row = paid
        Customer.objects.get().delete()
    others = Transaction.create("6.00", description="for Bob", **card)
    grow_old()
    reconcile(None)
    assert not Operation.objects.filter(intent__has_key="email").exists()
    if secret == "replaced":
        settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
        settings.SECRET_KEY = "another"
    address = "Gina@example.com" if is_guest else "ADA@example.com"
    erased = erase_traces(address)
    row.refresh_from_db()
    assert (erased.transactions, row.description, row.customer_ip) == (1, "", None)
    assert erase_traces(address).transactions == 0
    others.refresh_from_db()
    assert others.description == "for Bob"


def test_a_repeated_key_is_answered_as_before(gateway: RecordingGateway, paid: Transaction) -> None:
    grow_old()
    reconcile(None)
    mark = gateway.mark
    again = Customer.objects.get().charge(
        "12.50",
        description="for her birthday",
        customer_ip="203.0.113.7",
        order_reference="A-1",
        idempotency_key="order-1",
    )
    assert (again, again.is_replay) == (paid, True)
    assert gateway.since(mark) == []


def test_the_gateways_payment_is_still_ours(gateway: RecordingGateway, paid: Transaction) -> None:
    grow_old()
    reconcile(None)
    reconcile(None, since=datetime.now(UTC) - timedelta(days=90))
    assert not Difference.objects.exists()
    assert Transaction.objects.get() == paid


@pytest.mark.parametrize("state", sorted(set(OperationState) - set(FINISHED)))
def test_what_is_not_finished_stays_whole(paid: Transaction, state: str) -> None:
    later = datetime.now(UTC) + timedelta(days=1)
    Operation.objects.filter(key=paid.operation_key).update(
        state=state, lease_until=later, next_check_at=later, quarantine_until=later
    )
    grow_old()
    reconcile(None)
    assert "for her birthday" in told()


@pytest.mark.parametrize("state", FINISHED)
def test_what_is_finished_does_not(paid: Transaction, state: str) -> None:
    Operation.objects.filter(key=paid.operation_key).update(state=state, held_lock=None)
    grow_old()
    reconcile(None)
    assert told() == []


def test_what_is_younger_stays_whole(paid: Transaction) -> None:
    grow_old(DAYS - 1)
    reconcile(None)
    assert told() == list(PERSON)


def test_how_old_it_is_says_the_databases_clock(paid: Transaction) -> None:
    with time_machine.travel(datetime.now(UTC) + timedelta(days=DAYS + 9)):
        reconcile(None)
    assert told() == list(PERSON)


def test_without_the_setting_nothing_goes(settings: Any, paid: Transaction) -> None:
    settings.DINERO = {**settings.DINERO, "KEEP_OPERATIONS_DAYS": None}
    grow_old()
    assert "operations_emptied" not in reconcile(None).counts
    assert told() == list(PERSON)


def test_what_has_lost_its_row_stays_whole(
    paid: Transaction, roll_back: Callable[..., None]
) -> None:
    """Its row is written again from it, by whoever looks that far back."""
    roll_back(paid)
    grow_old(LOOKED_BACK.days + 1)
    Reconciliation.objects.all().delete()
    run = reconcile(None, since=datetime.now(UTC) - timedelta(days=1))
    assert run.state == "finished"
    assert "for her birthday" in told()
    reconcile(None, since=datetime.now(UTC) - timedelta(days=LOOKED_BACK.days + 9))
    assert Transaction.objects.get().description == "for her birthday"


def test_another_account_is_not_ours_to_empty(paid: Transaction) -> None:
    grow_old()
    Operation.objects.update(live=True)
    reconcile(None)
    assert told() == list(PERSON)


def test_it_is_done_once_a_day(paid: Transaction) -> None:
    reconcile(None)
    grow_old()
    assert "operations_emptied" not in reconcile(None).counts
    yesterday = datetime.now(UTC) - timedelta(days=1)
    Reconciliation.objects.update(started_at=yesterday)
    assert reconcile(None).counts["operations_emptied"] == 2


def test_a_dry_run_counts(paid: Transaction) -> None:
    grow_old()
    assert reconcile(None, dry_run=True).counts["operations_to_empty"] == 2
    assert told() == list(PERSON)


def test_many_take_one_statement(paid: Transaction) -> None:
    one = Operation.objects.get(key=paid.operation_key)
    copies = [
        Operation(
            **{"key": f"COPY{number}", "kind": "charge", "gateway_name": "default"},
            **{"live": False, "state": "failed", "intent": one.intent},
            **{"amount": 1, "currency": "USD"},
        )
        for number in range(7)
    ]
    Operation.objects.bulk_create(copies)
    grow_old()
    with CaptureQueriesContext(connection) as queries:
        assert reconcile(None).counts["operations_emptied"] == 9
    assert told() == []
    emptied = [q["sql"] for q in queries if "_operation" in q["sql"] and "intent" in q["sql"]]
    assert sum(sql.startswith("UPDATE") for sql in emptied) == 1


def test_each_page_is_emptied(paid: Transaction, monkeypatch: pytest.MonkeyPatch) -> None:
    one = paging.key_pages
    monkeypatch.setattr(tidying, "key_pages", lambda rows: one(rows, 1))
    grow_old()
    assert reconcile(None).counts["operations_emptied"] == 2
    assert told() == []


def test_an_end_that_comes_at_the_same_moment_stays(paid: Transaction) -> None:
    grow_old()
    Operation.objects.filter(key=paid.operation_key).update(state="failed", outcome={})
    late = {"result": "approved", "transaction_id": "77"}

    def land() -> None:
        Operation.objects.filter(key=paid.operation_key).update(state="succeeded", outcome=late)

    with before_statement("UPDATE dinero_operation SET intent", land):
        reconcile(None)
    found = Operation.objects.get(key=paid.operation_key)
    assert (found.state, found.outcome) == ("succeeded", late)
    assert told() == []


@pytest.mark.parametrize("setting", [{"KEEP_OPERATIONS_DAYS": 7}, {"WEBHOOKS": {"KEEP_DAYS": 0}}])
def test_a_wrong_setting_is_told(settings: Any, paid: Transaction, setting: Any) -> None:
    settings.DINERO = {**settings.DINERO, **setting}
    run = reconcile(None)
    assert run.state == "broken"
    assert run.error.startswith("tidy: DINERO[")


def test_old_events_are_emptied_too(gateway: RecordingGateway) -> None:
    old = datetime.now(UTC) - timedelta(days=61)
    for number, live in enumerate((False, True)):
        WebhookEvent.objects.create(
            **{"gateway_name": "default", "live": live, "event_id": str(number)},
            **{"state": "applied", "body": "{}", "received_at": old},
        )
    run = reconcile(None)
    assert run.counts["events_emptied"] == 1
    bodies = WebhookEvent.objects.order_by("event_id").values_list("body", flat=True)
    assert list(bodies) == ["", "{}"]
