"""Syncs killed in the middle, and run again: nothing is doubled and nothing is lost."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from django_dinero.exceptions import DineroError, NotSent
from django_dinero.models import CreditCard, Customer, Operation, VaultPull
from django_dinero.services import journal
from django_dinero.services.journal import sending
from django_dinero.services.pull import customers as pulled
from django_dinero.services.sync import pulling
from django_dinero.services.sync.pulling import PullOptions, pull_account
from django_dinero.services.vault import deletions, waiting
from tests.faults import vault
from tests.integration.test_killed_workers import Plant, after, before, dies, shop
from tests.support.aging import grow_old
from tests.support.cards import PAST
from tests.support.recording import RecordingGateway
from tests.unit.services.conftest import CARD

__all__ = ["shop"]
pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


def let_time_pass() -> None:
    for column in ("sent_at", "lease_until", "quarantine_until", "next_check_at"):
        rows = Operation.objects.filter(**{f"{column}__isnull": False})
        rows.update(**{column: PAST})


def second(place: Callable[[Any, str], Plant], owner: Any, name: str) -> Plant:
    """Die at the second call of a function, before it or after it."""

    def plant(verb: str) -> None:
        original, calls = getattr(owner, name), [0]

        def counted(*args: Any, **kwargs: Any) -> Any:
            calls[0] += 1
            if calls[0] < 2:
                return original(*args, **kwargs)
            setattr(owner, name, original)
            place(owner, name)("")
            return getattr(owner, name)(*args, **kwargs)

        setattr(owner, name, counted)

    return plant


@pytest.mark.parametrize(
    "plant",
    [
        second(before, RecordingGateway, "update_customer"),
        second(after, RecordingGateway, "update_customer"),
        second(before, journal, "end_operation"),
        second(after, journal, "end_operation"),
        second(before, sending, "_insert"),
        second(after, sending, "_insert"),
    ],
)
def test_a_push_is_gone_on_with(shop: RecordingGateway, plant: Plant) -> None:
    for number in range(3):
        Customer.create(f"c{number}@example.com", **CARD)
    grow_old()
    Customer.objects.update(first_name="Ann")
    CreditCard.objects.update(zip="99999")
    dies(partial(waiting.drive_pushes, shop), lambda: plant(""))
    assert sum(waiting.still_waiting(shop).values()) > 3
    for _time in range(2):  # what the dead worker sent is looked up first
        let_time_pass()
        waiting.drive_pushes(shop)
    assert list(vault.differences(shop.bank)) == []
    assert not Operation.objects.filter(state__in=("new", "sent", "unknown")).exists()


@pytest.mark.parametrize(
    "plant",
    [
        second(before, RecordingGateway, "delete_customer"),
        second(after, RecordingGateway, "delete_customer"),
        second(before, waiting, "record_deletion_again"),
        second(after, waiting, "record_deletion_again"),
        second(before, deletions, "_announce_deleted"),
    ],
)
def test_deletes_are_gone_on_with(
    shop: RecordingGateway, plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [Customer.create(f"c{number}@example.com") for number in range(3)]
    with monkeypatch.context() as patch:
        patch.setattr(RecordingGateway, "delete_customer", _out)
        for row in rows:
            with pytest.raises(DineroError):
                row.delete()
    Operation.objects.filter(kind="delete_customer", state="new").delete()
    dies(partial(waiting.drive_deletes, shop), lambda: plant(""))
    let_time_pass()
    waiting.drive_deletes(shop)
    assert list(shop.iter_customers()) == []
    assert waiting.still_waiting(shop)["deletes"] == 0


def _out(self: RecordingGateway, customer_id: str) -> Any:
    raise NotSent("no route")


@pytest.mark.parametrize(
    "plant",
    [
        second(before, pulled, "_pull_batch"),
        second(after, pulled, "_pull_batch"),
        second(before, pulling, "_move"),
        second(after, pulling, "_move"),
        second(before, pulled, "write_cards"),
        before(pulling, "mark_unseen"),
        after(pulling, "mark_unseen"),
    ],
)
def test_a_pull_goes_on_where_it_was_killed(
    shop: RecordingGateway, plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulled, "BATCH", 2)
    gone = Customer.create("gone@example.com", **CARD)
    for number in range(5):
        Customer.create(f"c{number}@example.com", **CARD)
    CreditCard.objects.exclude(customer=gone)._raw_delete("default")
    Customer.objects.exclude(pk=gone.pk)._raw_delete("default")
    Operation.objects.update(updated_at=PAST)
    grow_old()
    shop.bank.delete_customer(gone.customer_id or "")
    dies(partial(pull_account, shop, PullOptions()), lambda: plant(""))
    done = VaultPull.objects.get().pulled
    fetched: list[str] = []
    counts = pull_account(
        shop, PullOptions(progress=lambda what, done, total: fetched.append(str(done))), resume=True
    )
    assert counts["customers"] == 5
    assert len(fetched) == (5 - done + 1) // 2
    assert Customer.objects.count() == 6
    assert CreditCard.objects.count() == 6
    gone.refresh_from_db()
    assert gone.sync_state == "missing"
    gone.delete()
    assert list(vault.differences(shop.bank)) == []
