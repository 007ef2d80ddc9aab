"""Whole accounts are pulled: resumed, with owners, and what is gone is marked."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import OperationalError

from django_dinero.exceptions import GatewayError, InvalidInput, NotSent
from django_dinero.gateways.types import RemoteCustomer
from django_dinero.models import CreditCard, Customer, Operation, VaultPull
from django_dinero.services.pull import customers as pulled
from django_dinero.services.sync import pulling
from django_dinero.services.sync.pulling import Failure, PullOptions, pull_account
from tests.support.aging import grow_old
from tests.support.cards import PAST, Make
from tests.support.recording import RecordingGateway
from tests.unit.services.sync.conftest import Stored

pytestmark = pytest.mark.django_db


def emails() -> list[str]:
    return list(Customer.objects.order_by("email").values_list("email", flat=True))


def break_off_after(gateway: RecordingGateway, count: int, monkeypatch: Any) -> None:
    """The gateway stops answering in the middle of its list, once."""
    walk = gateway.iter_customers

    def broken(after: str = "") -> Any:
        for number, each in enumerate(walk(after)):
            if number == count:
                monkeypatch.undo()
                monkeypatch.setattr(pulled, "BATCH", 2)
                raise GatewayError("page 2 failed")
            yield each

    monkeypatch.setattr(gateway, "iter_customers", broken)


def test_an_account_is_pulled_and_pulled_again(
    gateway: RecordingGateway, stored_there: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulled, "BATCH", 2)
    for number in range(5):
        stored_there(f"c{number}@example.com")
    told: list[Any] = []
    how = PullOptions(progress=lambda *each: told.append(each))
    assert pull_account(gateway, how) == {"customers": 5, "gone": 0}
    assert told == [("customers", 2, None), ("customers", 4, None), ("customers", 5, None)]
    assert emails() == [f"c{number}@example.com" for number in range(5)]
    assert pull_account(gateway, PullOptions()) == {"customers": 5, "gone": 0}
    assert Customer.objects.count() == 5
    run = VaultPull.objects.first()
    assert run is not None
    assert (run.pulled, bytes(run.seen), run.ended_at is not None) == (5, b"", True)


def test_a_pull_that_was_broken_off_goes_on(
    gateway: RecordingGateway,
    stored_there: Stored,
    make_customer: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What was pulled before is not fetched again; nothing is marked before the end."""
    kept, gone = make_customer(), make_customer(email="gone@example.com")
    for number in range(5):
        stored_there(f"c{number}@example.com")
    gateway.bank.delete_customer(gone.customer_id or "")
    monkeypatch.setattr(pulled, "BATCH", 2)
    break_off_after(gateway, 5, monkeypatch)
    with pytest.raises(GatewayError, match="page 2"):
        pull_account(gateway, PullOptions())
    assert len(emails()) == 6  # the fifth, which was alone in its batch, too
    assert not Customer.objects.filter(sync_state="missing").exists()
    mark = gateway.mark
    cursor = VaultPull.objects.get().cursor
    assert pull_account(gateway, PullOptions(), resume=True) == {"customers": 6, "gone": 1}
    ((_verb, arguments), *_rest) = gateway.calls[mark:]
    assert arguments == (cursor,)
    assert VaultPull.objects.get().ended_at is not None
    assert len(emails()) == 7
    assert Customer.objects.get(sync_state="missing") == gone
    kept.refresh_from_db()
    assert kept.sync_state == "synced"


def test_of_two_who_go_on_with_a_pull_one_does(
    gateway: RecordingGateway, stored_there: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is behind would write less as seen than was, and mark the rest as gone."""
    for number in range(7):
        stored_there(f"c{number}@example.com")
    monkeypatch.setattr(pulled, "BATCH", 2)
    break_off_after(gateway, 3, monkeypatch)
    with pytest.raises(GatewayError, match="page 2"):
        pull_account(gateway, PullOptions())
    counts: list[Any] = []

    def meanwhile(call: Any) -> Any:
        counts.append(pull_account(gateway, PullOptions(), resume=True))
        return call()

    gateway.faults["iter_customers"] = meanwhile
    with pytest.raises(InvalidInput, match="Somebody else"):
        pull_account(gateway, PullOptions(), resume=True)
    assert counts == [{"customers": 7, "gone": 0}]
    run = VaultPull.objects.get()
    assert (run.pulled, run.gone, bytes(run.seen)) == (7, 0, b"")


def test_there_must_be_something_to_go_on_with(
    gateway: RecordingGateway, stored_there: Stored
) -> None:
    with pytest.raises(InvalidInput, match="broken off"):
        pull_account(gateway, PullOptions(), resume=True)
    pull_account(gateway, PullOptions())
    with pytest.raises(InvalidInput, match="broken off"):
        pull_account(gateway, PullOptions(), resume=True)


# -- What is gone --------------------------------------------------------------------------------


def test_what_is_gone_is_marked_with_its_cards(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    gateway.bank.delete_customer(customer.customer_id or "")
    assert pull_account(gateway, PullOptions())["gone"] == 1
    customer.refresh_from_db()
    card = CreditCard.objects.get()
    assert (customer.sync_state, card.sync_state, card.default_of) == ("missing", "missing", None)
    assert customer.default_card is None
    assert pull_account(gateway, PullOptions())["gone"] == 0


def test_what_the_list_lacks_and_the_gateway_has_is_not_gone(
    gateway: RecordingGateway, make_customer: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_customer()
    monkeypatch.setattr(gateway, "iter_customers", lambda: iter(()))
    assert pull_account(gateway, PullOptions())["gone"] == 0
    assert Customer.objects.get().sync_state == "synced"


def test_what_cannot_be_asked_for_is_not_gone(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    gateway.bank.delete_customer(customer.customer_id or "")

    def out(call: Any) -> Any:
        raise NotSent("no route")

    gateway.faults["retrieve_customer"] = out
    assert pull_account(gateway, PullOptions())["gone"] == 0
    assert Customer.objects.get().sync_state == "synced"


def test_a_gateway_that_is_out_is_not_asked_for_each_of_them(
    gateway: RecordingGateway, make_customer: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pull breaks off, and goes on with the question who is gone."""
    for number in range(5):
        customer = make_customer(email=f"c{number}@example.com")
        gateway.bank.delete_customer(customer.customer_id or "")
    asked: list[str] = []

    def out(customer_id: str) -> Any:
        asked.append(customer_id)
        raise NotSent("no route")

    with monkeypatch.context() as patch:
        patch.setattr(gateway, "retrieve_customer", out)
        with pytest.raises(NotSent):
            pull_account(gateway, PullOptions())
    assert (len(asked), VaultPull.objects.get().ended_at) == (3, None)
    assert pull_account(gateway, PullOptions(), resume=True)["gone"] == 5


@pytest.mark.parametrize("case", ["stored meanwhile", "new", "other account", "waits"])
def test_who_is_not_asked_for(
    gateway: RecordingGateway, make_customer: Make, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    """A row that is newer than the pull, one just pushed, one of a test account, one that waits."""
    customer = make_customer()
    gateway.bank.delete_customer(customer.customer_id or "")
    Operation.objects.update(updated_at=PAST)
    monkeypatch.setattr(gateway, "iter_customers", lambda: iter(()))
    if case == "stored meanwhile":
        Operation.objects.update(updated_at="2999-01-01T00:00:00Z")
    elif case == "new":
        grow_old(10)
    elif case == "other account":
        Customer.objects.update_without_push(live=True)
    else:
        Customer.objects.update(first_name="Bo")
    mark = gateway.mark
    assert pull_account(gateway, PullOptions())["gone"] == 0
    assert gateway.since(mark) == []


def test_a_row_that_is_newer_than_the_pull_is_not_asked_for(
    gateway: RecordingGateway, make_customer: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def walk() -> Any:
        make_customer()
        Operation.objects.update(updated_at=PAST)
        yield from ()

    monkeypatch.setattr(gateway, "iter_customers", walk)
    assert pull_account(gateway, PullOptions())["gone"] == 0
    assert "retrieve_customer" not in gateway.verbs


# -- What waits, and who comes in between --------------------------------------------------------


def test_an_edit_that_waits_stays(gateway: RecordingGateway, make_customer: Make) -> None:
    customer = make_customer()
    Customer.objects.update(email="new@example.com")
    CreditCard.objects.update(zip="99999")
    pull_account(gateway, PullOptions())
    customer.refresh_from_db()
    assert (customer.email, customer.sync_state) == ("new@example.com", "pending")
    assert CreditCard.objects.get().zip == "99999"


def test_an_edit_that_is_pushed_while_the_list_is_read_stays(
    gateway: RecordingGateway, make_customer: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gateway's answer is minutes old when its batch is written."""
    customer = make_customer()
    told = list(gateway.iter_customers())

    def walk() -> Any:
        yield from told
        row = Customer.objects.get()
        row.email = "new@example.com"
        row.save()
        card = row.cards[0]
        card.zip = "99999"
        card.save()
        row.add_card(number="4007000000027")
        grow_old()

    monkeypatch.setattr(gateway, "iter_customers", walk)
    pull_account(gateway, PullOptions())
    customer.refresh_from_db()
    assert (customer.email, customer.cards[0].zip) == ("new@example.com", "99999")
    assert {card.sync_state for card in customer.cards} == {customer.sync_state} == {"synced"}


# -- Owners --------------------------------------------------------------------------------------


def test_owners_are_asked_for_where_there_is_none(
    gateway: RecordingGateway, stored_there: Stored, make_customer: Make
) -> None:
    users = get_user_model().objects
    ann, bo = users.create(username="ann"), users.create(username="bo")
    owned = make_customer(owner=bo)
    asked: list[str] = []

    def owner_of(remote: RemoteCustomer) -> Any:
        asked.append(remote.email)
        return users.filter(username=remote.email.partition("@")[0]).first()

    stored_there("cy@example.com")
    pull_account(gateway, PullOptions())
    stored_there("ann@example.com")
    pull_account(gateway, PullOptions(owner_of=owner_of))
    assert asked == ["cy@example.com", "ann@example.com"]
    owners = dict(Customer.objects.values_list("email", "owner__username"))
    assert owners == {"cy@example.com": None, "ann@example.com": "ann", owned.email: "bo"}
    users.create(username="cy")
    pull_account(gateway, PullOptions(owner_of=owner_of))
    assert Customer.objects.get(email="cy@example.com").owner == users.get(username="cy")
    assert Customer.objects.get(email="ann@example.com").owner == ann


def test_a_callable_that_fails_is_named_and_the_pull_goes_on_behind_what_is_done(
    gateway: RecordingGateway,
    stored_there: Stored,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(pulled, "BATCH", 1)
    first, second = stored_there("ann@example.com"), stored_there("bo@example.com")
    number = "4111111111111111"
    asked: list[str] = []

    def owner_of(remote: RemoteCustomer) -> Any:
        asked.append(remote.email)
        if asked == ["ann@example.com", "bo@example.com"]:
            raise ZeroDivisionError(number)
        return None

    with pytest.raises(InvalidInput) as caught:
        pull_account(gateway, PullOptions(owner_of=owner_of))
    said = str(caught.value)
    assert f"{__name__}.test_a_callable" in said
    assert f"owner_of raised ZeroDivisionError, asked about customer {second.customer_id}" in said
    assert "4111" not in said + caplog.text
    assert "in owner_of" in caplog.text
    assert [row.customer_id for row in Customer.objects.all()] == [first.customer_id]
    counts = pull_account(gateway, PullOptions(owner_of=owner_of), resume=True)
    assert (counts["customers"], Customer.objects.count()) == (2, 2)
    assert asked == ["ann@example.com", "bo@example.com", "bo@example.com"]


@pytest.mark.parametrize("make", [str, get_user_model()])
def test_what_is_no_stored_user_is_no_owner(
    gateway: RecordingGateway, stored_there: Stored, make: type
) -> None:
    stored_there()
    what = make()
    with pytest.raises(InvalidInput, match=f"returned {type(what).__name__}, and no stored user"):
        pull_account(gateway, PullOptions(owner_of=lambda remote: what))
    assert not Customer.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_callable_whose_query_was_in_the_way_is_asked_again(
    gateway: RecordingGateway, stored_there: Stored
) -> None:
    stored_there()
    asked: list[str] = []

    def owner_of(remote: RemoteCustomer) -> Any:
        asked.append(remote.email)
        if len(asked) == 1:
            raise OperationalError(1213, "Deadlock found")

    assert pull_account(gateway, PullOptions(owner_of=owner_of))["customers"] == 1
    assert len(asked) == 2


# -- By id ---------------------------------------------------------------------------------------


def test_one_id_that_fails_does_not_stop_the_others(
    gateway: RecordingGateway, stored_there: Stored, make_customer: Make
) -> None:
    there, gone = stored_there(), make_customer()
    gateway.bank.delete_customer(gone.customer_id or "")
    failed: list[Failure] = []
    gone_id = gone.customer_id or ""
    ids = ["nobody", gone_id, there.customer_id]
    counts = pulling.pull_customers(gateway, ids, PullOptions(failed=failed.append))
    assert counts == {"customers": 1, "failed": 2}
    assert [(each.subject, each.code) for each in failed] == [
        ("nobody", "customer_not_found"),
        (gone_id, "customer_not_found"),
    ]
    gone.refresh_from_db()
    assert gone.sync_state == "missing"


def test_transactions_are_pulled_by_id(gateway: RecordingGateway, customer: Customer) -> None:
    row = customer.charge("5.00")
    gateway.bank.settle_batch()
    counts = pulling.pull_transactions(gateway, [row.transaction_id or "", "0"], PullOptions())
    assert counts == {"transactions": 1, "failed": 1}
    row.refresh_from_db()
    assert row.status == "settled"
