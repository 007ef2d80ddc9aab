"""Many requests at the same moment, and a server error after money moved."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections
from django.http import HttpResponse

from django_dinero.api import idempotency
from django_dinero.api.views import base
from django_dinero.identifiers import user_scope
from django_dinero.models import CreditCard, Customer, Operation, Transaction
from tests.databases import VENDOR
from tests.integration.api.calling import CARD, Caller, json_of, new_key, user_with
from tests.support import racing
from tests.support.recording import RecordingGateway

ALIASES = ["default"] if VENDOR == "sqlite" else ["default", "journal"]
THREADS = 6

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True, databases=ALIASES)]


@pytest.fixture
def clerk(db: None) -> Caller:
    """Staff who move money."""
    verbs = ("capture_transaction", "void_transaction", "refund_transaction")
    return Caller(user_with("clerk", "charge_creditcard", *verbs, is_staff=True))


@pytest.fixture
def stored(gateway: RecordingGateway, db: None) -> CreditCard:
    """A card that nobody owns."""
    return Customer.create("bill@example.com", **CARD).cards[0]


@pytest.fixture
def atomic_requests() -> Any:
    """ATOMIC_REQUESTS for every database."""
    with pytest.MonkeyPatch.context() as patch:
        for alias in connections:
            patch.setitem(connections[alias].settings_dict, "ATOMIC_REQUESTS", True)
        yield


def at_once(*requests: Callable[[Caller], HttpResponse], user: Any) -> list[HttpResponse]:
    """Send requests of one user at the same moment, each on a connection of its own."""
    start = threading.Barrier(len(requests))
    replies: list[HttpResponse] = []

    def send(request: Callable[[Caller], HttpResponse], caller: Caller) -> None:
        try:
            start.wait()
            replies.append(request(caller))
        finally:
            connections.close_all()

    threads = [
        threading.Thread(target=send, args=(request, Caller(user, raise_request_exception=False)))
        for request in requests
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return replies


def statuses(replies: list[HttpResponse]) -> Counter[int]:
    """How often each status was answered."""
    return Counter(reply.status_code for reply in replies)


@pytest.mark.parametrize("route", ["cards/{card}/charge/", "customers/{customer}/charge/"])
def test_one_key_at_the_same_moment_is_one_charge(
    clerk: Caller, stored: CreditCard, gateway: RecordingGateway, route: str
) -> None:
    path = route.format(card=stored.public_id, customer=stored.customer.public_id)
    for price in ("1.00", "2.00", "3.00"):
        key, body = new_key(), {"price": price}
        replies = at_once(
            *[lambda c, k=key, b=body: c.post(path, b, key=k)] * THREADS, user=clerk.user
        )
        found = statuses(replies)
        assert set(found) <= {201, 409}, [reply.content for reply in replies]
        assert found[201] >= 1
        made = {json_of(reply, 201)["id"] for reply in replies if reply.status_code == 201}
        again = clerk.post(path, body, key=key)
        assert {json_of(again, 201)["id"]} == made
        assert again[idempotency.REPLAYED] == "true"
    assert gateway.verbs.count("charge") == 3
    assert sorted(str(e.amount) for e in gateway.bank.transactions()) == ["1.00", "2.00", "3.00"]
    assert Transaction.objects.count() == 3


@pytest.mark.parametrize("card", [{}, CARD], ids=["without a card", "with a card"])
def test_one_key_at_the_same_moment_is_one_customer(
    clerk: Caller, gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    body, key = {"email": "bill@example.com", **card}, new_key()
    replies = at_once(*[lambda c: c.post("customers/", body, key=key)] * THREADS, user=clerk.user)
    assert set(statuses(replies)) <= {201, 409}, [reply.content for reply in replies]
    made = json_of(clerk.post("customers/", body, key=key), 201)
    assert {json_of(r, 201)["id"] for r in replies if r.status_code == 201} <= {made["id"]}
    assert [stored.id for stored in gateway.bank.customers()] == [made["customer_id"]]
    assert Customer.objects.count() == 1


@pytest.mark.parametrize("verb", ["capture", "void", "refund"])
def test_one_key_at_the_same_moment_is_one_follow_up(
    clerk: Caller, stored: CreditCard, gateway: RecordingGateway, verb: str
) -> None:
    row = Transaction.create("10.00", card=stored, settle=verb != "capture")
    if verb == "refund":
        gateway.bank.settle_batch()
    path, key = f"transactions/{row.public_id}/{verb}/", new_key()
    replies = at_once(*[lambda c: c.post(path, {}, key=key)] * THREADS, user=clerk.user)
    assert set(statuses(replies)) <= {201, 409}, [reply.content for reply in replies]
    json_of(clerk.post(path, {}, key=key), 201)
    assert gateway.verbs.count(verb) == 1
    assert row.children.count() == 1


def test_keys_of_their_own_refund_no_more_than_there_is(
    clerk: Caller, stored: CreditCard, gateway: RecordingGateway
) -> None:
    row = Transaction.create("10.00", card=stored)
    gateway.bank.settle_batch()
    path = f"transactions/{row.public_id}/refund/"
    replies = at_once(*[lambda c: c.post(path, {"amount": "4.00"})] * THREADS, user=clerk.user)
    found = statuses(replies)
    assert set(found) <= {201, 409}, [reply.content for reply in replies]
    assert 1 <= found[201] <= 2
    refunds = [e for e in gateway.bank.transactions() if e.kind == "refund"]
    assert len(refunds) == found[201]


def test_settle_against_void(clerk: Caller, stored: CreditCard) -> None:
    row = Transaction.create("10.00", card=stored, settle=False)
    path = f"transactions/{row.public_id}/"
    replies = at_once(
        lambda c: c.post(f"{path}capture/"), lambda c: c.post(f"{path}void/"), user=clerk.user
    )
    # Voiding after the capture is fine; capturing after the void is not.
    assert set(statuses(replies)) <= {201, 409}
    kinds = sorted(Transaction.objects.exclude(pk=row.pk).values_list("kind", flat=True))
    assert kinds in (["capture"], ["void"], ["capture", "void"])
    assert len(kinds) == statuses(replies)[201]


def test_a_bug_after_the_charge_leaves_the_books(
    atomic_requests: None,
    clerk: Caller,
    stored: CreditCard,
    gateway: RecordingGateway,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*args: Any, **kwargs: Any) -> Any:
        raise RuntimeError("the answer cannot be shown")

    path, body, key = f"cards/{stored.public_id}/charge/", {"price": "1.00"}, new_key()
    quiet = Caller(clerk.user, raise_request_exception=False)
    with monkeypatch.context() as patch:
        patch.setattr(base, "StaffTransactionSerializer", broken)
        assert quiet.post(path, body, key=key).status_code == 500
    row = Transaction.objects.get()
    assert (row.status, int(row.price)) == ("approved", 1)
    assert Operation.objects.get(idempotency_key=key).state == "succeeded"
    again = clerk.post(path, body, key=key)
    assert json_of(again, 201)["id"] == str(row.public_id)
    assert again[idempotency.REPLAYED] == "true"
    assert gateway.verbs.count("charge") == 1


# -- What another request with the same key has made meanwhile ------------------------------------


@pytest.mark.parametrize(("zip_code", "status"), [("46201", 201), ("46282", 402)])
def test_a_rivals_answer_is_a_replay(
    zip_code: str, status: int, clerk: Caller, stored: CreditCard
) -> None:
    stored.zip = zip_code
    stored.save()
    key = new_key()
    again: dict[str, Any] = {"idempotency_key": key, "scope": user_scope("user", clerk.user.pk)}

    def rival() -> None:
        racing.at_once(lambda: CreditCard.objects.get(pk=stored.pk).charge(5, **again))

    path = f"cards/{stored.public_id}/charge/"
    # The first look at the card is the view's. The second comes after that at the key.
    with racing.before_statement("SELECT", int, rival, about="dinero_creditcard"):
        reply = clerk.post(path, {"price": "5.00"}, key=key)
    assert (reply.status_code, reply.headers.get("Idempotency-Replayed")) == (status, "true")
    assert Transaction.objects.count() == 1
    assert (
        clerk.post(path, {"price": "5.00"}, key=new_key()).headers.get("Idempotency-Replayed")
        is None
    )


def test_a_rivals_capture_is_a_replay(clerk: Caller, stored: CreditCard) -> None:
    row = stored.charge(5, settle=False)
    key = new_key()
    again: dict[str, Any] = {"idempotency_key": key, "scope": user_scope("user", clerk.user.pk)}

    def rival() -> None:
        racing.at_once(lambda: Transaction.objects.get(pk=row.pk).capture(**again))

    path = f"transactions/{row.public_id}/capture/"
    with racing.before_statement("SELECT", int, rival, about="dinero_transaction"):
        reply = clerk.post(path, key=key)
    assert (reply.status_code, reply.headers.get("Idempotency-Replayed")) == (201, "true")
    assert Transaction.objects.filter(kind="capture").count() == 1
