"""A pull page by page: whoever comes second finds that somebody was there."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model

from django_dinero.exceptions import GatewayError, InvalidInput
from django_dinero.models import Customer, VaultPull
from django_dinero.services.pull import customers as pulled
from django_dinero.services.sync import paging, pulling
from tests.support.aging import grow_old
from tests.support.recording import RecordingGateway
from tests.unit.services.sync.conftest import Stored

pytestmark = pytest.mark.django_db


def owner_of(remote: Any) -> Any:
    """What a project would name."""
    return get_user_model().objects.filter(email=remote.email).first()


OWNER = f"{__name__}.owner_of"


@pytest.fixture(autouse=True)
def pages_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of two customers, each in a batch of its own."""
    monkeypatch.setattr(paging, "PAGE", 2)
    monkeypatch.setattr(pulled, "BATCH", 1)


def pull_all(pull: VaultPull) -> list[str]:
    """Pull page after page; return where each one ended."""
    cursors: list[str] = []
    cursor = pull.cursor
    while True:
        following = paging.pull_page(pull.pk, cursor)
        if following is None:
            return cursors
        cursor = following
        cursors.append(cursor)


def test_all_pages_with_their_owners_and_what_is_gone(
    gateway: RecordingGateway, stored_there: Stored
) -> None:
    user = get_user_model().objects.create(username="ann", email="ann@example.com")
    gone = Customer.create(email="gone@example.com")
    gateway.bank.delete_customer(gone.customer_id or "")
    grow_old()
    ids = [stored_there(f"{name}@example.com").customer_id for name in ("ann", "bob", "eve")]
    pull = paging.begin(gateway, OWNER)
    assert pull_all(pull) == [ids[1]]
    pull.refresh_from_db()
    assert (pull.pulled, pull.gone, pull.ended_at is None) == (3, 1, False)
    assert bytes(pull.seen) == b""
    assert Customer.objects.get(email="ann@example.com").owner == user
    gone.refresh_from_db()
    assert gone.sync_state == "missing"


def test_a_list_that_ends_with_a_page_ends_with_an_empty_one(
    gateway: RecordingGateway, stored_there: Stored
) -> None:
    ids = [stored_there(f"{name}@example.com").customer_id for name in ("ann", "bob")]
    pull = paging.begin(gateway)
    assert pull_all(pull) == [ids[1]]
    pull.refresh_from_db()
    assert pull.ended_at is not None


def test_of_two_workers_at_the_same_page_one_goes_on(
    gateway: RecordingGateway, stored_there: Stored
) -> None:
    for name in ("ann", "bob", "eve"):
        stored_there(f"{name}@example.com")
    pull = paging.begin(gateway)
    answers: list[str | None] = []

    def meanwhile(call: Any) -> Any:
        answers.append(paging.pull_page(pull.pk, ""))
        return call()

    gateway.faults["iter_customers"] = meanwhile
    answers.append(paging.pull_page(pull.pk, ""))
    assert [answer is None for answer in answers] == [False, True]
    pull.refresh_from_db()
    assert (pull.pulled, pull.cursor) == (2, answers[0])


def test_a_page_that_breaks_off_is_gone_on_with_where_it_was(
    gateway: RecordingGateway, stored_there: Stored
) -> None:
    ids = [stored_there(f"{name}@example.com").customer_id for name in ("ann", "bob", "eve")]

    def broken(call: Any) -> Any:
        yield next(call())
        raise GatewayError("page 2 failed")

    gateway.faults["iter_customers"] = broken
    pull = paging.begin(gateway)
    with pytest.raises(GatewayError):
        paging.pull_page(pull.pk, "")
    assert paging.pull_page(pull.pk, "") is None, "somebody was further"
    pull.refresh_from_db()
    assert pull.cursor == ids[0]
    assert paging.pull_page(pull.pk, pull.cursor) == ids[2]
    assert paging.pull_page(pull.pk, ids[2]) is None
    assert Customer.objects.count() == 3


def test_a_name_that_stands_for_another_account_by_now_is_left_alone(
    gateway: RecordingGateway, stored_there: Stored
) -> None:
    stored_there()
    pull = paging.begin(gateway)
    VaultPull.objects.update(live=not gateway.live)
    assert paging.pull_page(pull.pk, "") is None
    assert Customer.objects.count() == 0


def test_only_the_newest_pull_of_tasks_counts_as_stalled(gateway: RecordingGateway) -> None:
    past = "2020-01-01T00:00:00Z"
    old = paging.begin(gateway)
    assert paging.stalled(gateway) is None, "it has just begun"
    VaultPull.objects.update(touched_at=past)
    assert paging.stalled(gateway) == old
    assert paging.stalled(gateway) is None, "somebody goes on with it"
    pulling.begin(gateway)
    VaultPull.objects.update(touched_at=past)
    assert paging.stalled(gateway) is None, "a person's own pull is newer"


def test_who_asks_for_each_that_was_not_seen_does_not_look_stalled(
    gateway: RecordingGateway, stored_there: Stored
) -> None:
    for name in ("ann", "bob"):
        gone = Customer.create(email=f"{name}@example.com")
        gateway.bank.delete_customer(gone.customer_id or "")
    grow_old()
    pull = paging.begin(gateway)
    taken_over: list[object] = []

    def asked(*args: Any) -> Any:
        """Another worker looks, long after this one has begun with the one before."""
        taken_over.append(paging.stalled(gateway))
        VaultPull.objects.update(touched_at="2020-01-01T00:00:00Z")
        gateway.faults["retrieve_customer"] = asked
        raise GatewayError("busy")

    VaultPull.objects.update(touched_at="2020-01-01T00:00:00Z")
    gateway.faults["retrieve_customer"] = asked
    assert paging.pull_page(pull.pk, "") is None
    assert taken_over == [None, None]


def test_the_pull_of_a_person_is_none_of_the_tasks(
    gateway: RecordingGateway, stored_there: Stored
) -> None:
    stored_there()
    assert paging.pull_page(pulling.begin(gateway).pk, "") is None
    assert Customer.objects.count() == 0


def test_a_pull_of_tasks_can_be_resumed_by_hand(
    gateway: RecordingGateway, stored_there: Stored
) -> None:
    for name in ("ann", "bob", "eve"):
        stored_there(f"{name}@example.com")
    pull = paging.begin(gateway)
    cursor = paging.pull_page(pull.pk, "")
    pulling.pull_account(gateway, pulling.PullOptions(), resume=True)
    assert paging.pull_page(pull.pk, cursor or "") is None
    pull.refresh_from_db()
    assert (pull.pulled, pull.ended_at is None) == (3, False)


def test_a_gateway_without_a_list_is_told_at_once(
    gateway: RecordingGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(verb: str) -> None:
        raise InvalidInput({"verb": verb})

    monkeypatch.setattr(gateway, "require", refuse)
    with pytest.raises(InvalidInput):
        paging.begin(gateway)
    assert not VaultPull.objects.exists()
