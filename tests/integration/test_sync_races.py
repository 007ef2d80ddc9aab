"""Syncs that run at the same moment, and what a rollback of the caller left at the gateway."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction

from django_dinero.exceptions import NotSent
from django_dinero.identifiers import new_key
from django_dinero.models import CreditCard, Customer, Operation
from django_dinero.services.reconcile.phase import Run
from django_dinero.services.reconcile.vault import compare_touched
from django_dinero.services.sync import pulling
from django_dinero.services.sync.pulling import PullOptions
from django_dinero.services.vault import waiting
from tests.databases import VENDOR
from tests.faults import vault
from tests.support.aging import grow_old
from tests.support.cards import PAST, SECOND
from tests.support.racing import at_once
from tests.support.recording import RecordingGateway
from tests.unit.services.conftest import CARD

ALIASES = ["default"] if VENDOR == "sqlite" else ["default", "journal"]
pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True, databases=ALIASES)]

#: Rows that wait, and syncs at once.
ROWS, SYNCS = 12, 3


def customers(count: int) -> list[Customer]:
    made = [Customer.create(f"c{number}@example.com", **CARD) for number in range(count)]
    grow_old()
    return made


def let_time_pass() -> None:
    for column in ("sent_at", "lease_until", "quarantine_until", "next_check_at"):
        rows = Operation.objects.filter(**{f"{column}__isnull": False})
        rows.update(**{column: PAST})


def test_each_row_is_pushed_once_by_syncs_at_once(gateway: RecordingGateway) -> None:
    customers(ROWS)
    Customer.objects.update(first_name="Ann")
    CreditCard.objects.update(zip="99999")
    mark = gateway.mark
    found = at_once(*[partial(waiting.drive_pushes, gateway)] * SYNCS)
    sent = [(verb, arguments[0].customer_id) for verb, arguments in gateway.calls[mark:]]
    assert len(sent) == len(set(sent)) == 2 * ROWS
    assert not sum(counts["push_failed"] for counts in found)  # type: ignore[index]
    assert list(vault.differences(gateway.bank)) == []


def test_each_delete_is_sent_once_by_syncs_at_once(gateway: RecordingGateway) -> None:
    for customer in customers(ROWS):
        gateway.faults["delete_customer"] = _out
        with pytest.raises(NotSent):
            customer.delete()
    # The process died before it wrote the tombstones of the repetition.
    Operation.objects.filter(kind="delete_customer", state="new").delete()
    mark = gateway.mark
    at_once(*[partial(waiting.drive_deletes, gateway)] * SYNCS)
    sent = [arguments for _verb, arguments in gateway.calls[mark:]]
    assert len(sent) == len(set(sent)) == ROWS
    assert list(gateway.iter_customers()) == []
    assert waiting.still_waiting(gateway)["deletes"] == 0


def _out(call: Callable[[], Any]) -> Any:
    raise NotSent("no route")


def test_pulls_at_once_write_each_customer_once(gateway: RecordingGateway) -> None:
    for number in range(ROWS):
        gateway.bank.create_customer(
            key=new_key(), email=f"c{number}@example.com", first_name="", last_name="", cards=[]
        )
    at_once(*[partial(pulling.pull_account, gateway, PullOptions())] * SYNCS)
    assert Customer.objects.count() == ROWS
    assert list(vault.differences(gateway.bank)) == []


# -- Rolled back ---------------------------------------------------------------------------------


class RolledBack(Exception):
    """What goes wrong in the caller's transaction."""


def swept(gateway: RecordingGateway, **given: Any) -> dict[str, int]:
    run = Run(gateway, datetime.now(UTC) - timedelta(days=1), **given)
    compare_touched(run)
    return {name.removeprefix("vault_"): n for name, n in run.counts.items() if n}


def roll_back(act: Callable[[], object]) -> None:
    with pytest.raises(RolledBack), transaction.atomic():
        act()
        raise RolledBack


@pytest.mark.autonomous
def test_a_rolled_back_customer_leaves_nothing_at_the_gateway(gateway: RecordingGateway) -> None:
    roll_back(partial(Customer.create, "ann@example.com", **CARD))
    assert len(list(gateway.iter_customers())) == 1
    assert swept(gateway) == {"unsettled": 1}
    let_time_pass()
    assert swept(gateway) == {"taken_back": 1}
    assert list(gateway.iter_customers()) == []
    assert swept(gateway) == {}


@pytest.mark.autonomous
def test_a_rolled_back_card_leaves_nothing_at_the_gateway(gateway: RecordingGateway) -> None:
    (customer,) = customers(1)
    roll_back(partial(Customer.objects.get().add_card, **SECOND))
    let_time_pass()
    assert swept(gateway) == {"taken_back": 1, "compared": 1}
    assert list(vault.differences(gateway.bank)) == []
    assert len(customer.cards) == 1


@pytest.mark.autonomous
@pytest.mark.parametrize("what", ["customer", "card"])
def test_a_transaction_that_is_still_open_keeps_what_it_stored(
    gateway: RecordingGateway, what: str
) -> None:
    """Its lease and its quarantine are over long since, and it commits after all."""
    if what == "card":
        customers(1)
    with transaction.atomic():
        if what == "card":
            Customer.objects.get().add_card(**SECOND)
        else:
            Customer.create("ann@example.com", **CARD)
        elsewhere(let_time_pass)
        found = elsewhere(partial(swept, gateway))
    assert found["unsettled"] == 1
    assert not Operation.objects.filter(kind__startswith="delete").exists()
    assert "taken_back" not in swept(gateway)
    assert list(vault.differences(gateway.bank)) == []


def elsewhere(act: Callable[[], Any]) -> Any:
    """Do something on a connection of its own, and return what it returned."""
    found: list[Any] = []

    def work() -> None:
        try:
            found.append(act())
        finally:
            connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return found[0]


@pytest.mark.autonomous
def test_sweeps_at_once_delete_once(gateway: RecordingGateway) -> None:
    for number in range(4):
        roll_back(partial(Customer.create, f"c{number}@example.com", **CARD))
    let_time_pass()
    mark = gateway.mark
    at_once(*[partial(swept, gateway)] * SYNCS)
    deletes = [args for verb, args in gateway.calls[mark:] if verb == "delete_customer"]
    assert len(deletes) == len(set(deletes)) == 4
    assert list(gateway.iter_customers()) == []
    assert not Customer.objects.exists()
