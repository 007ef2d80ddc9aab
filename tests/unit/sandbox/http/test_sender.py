"""The bank's webhooks: what is told, to whom, in which order, and that no verb waits for it."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

import pytest

from django_dinero.gateways.authorizenet import webhooks
from django_dinero.gateways.types import WebhookNotice
from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.bank.enums import Validation
from django_dinero.sandbox.bank.records import BankRefusal
from django_dinero.sandbox.dialects.default import default_notifier
from django_dinero.sandbox.http import sender as sending
from django_dinero.sandbox.http.sender import Delivery, Sender
from tests.support.testbank import authorized, charged, held, new_card, plain

URL = "http://shop.example/payments/default/"
PAY = "net.authorize.payment."
VAULT = "net.authorize.customer."


class Shop:
    """Takes note of what is posted, and answers what it is told to."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.posted: list[tuple[str, bytes, Mapping[str, str]]] = []
        self.answers: list[int] = []
        self.open = threading.Event()
        self.open.set()

    def __call__(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        self.open.wait(10)
        self.posted.append((url, body, headers))
        self.bodies.append(json.loads(body))
        return self.answers.pop(0) if self.answers else 200

    @property
    def events(self) -> list[str]:
        """The names of the events, in order."""
        return [body["eventType"] for body in list(self.bodies)]


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def sender(bank: Bank, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sender]:
    monkeypatch.setattr(sending, "RETRIES", (0.01, 0.02))
    monkeypatch.setattr(sending, "BEHIND", 0.02)
    made = Sender(bank, default_notifier(bank), shop)
    bank.add_endpoint(URL)
    made.start()
    yield made
    shop.open.set()
    made.stop()


def until(true: Callable[[], bool]) -> None:
    """Wait for what another thread does."""
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.002)


def sent(sender: Sender, count: int) -> tuple[Delivery, ...]:
    """The deliveries, once there are so many."""
    until(lambda: len(sender.sent()) >= count)
    return sender.sent()


def test_payments(bank: Bank, shop: Shop, sender: Sender) -> None:
    charge, authorization = charged(bank), authorized(bank)
    bank.capture(authorization.id, capture_key="CAPTURE")
    bank.void(charge.id, void_key="VOID")
    bank.settle_batch()
    bank.refund(authorization.id, Decimal("1.00"))
    bank.chargeback(authorization.id)
    sent(sender, 5)
    assert shop.events == [
        PAY + "authcapture.created",
        PAY + "authorization.created",
        PAY + "priorAuthCapture.created",
        PAY + "void.created",
        PAY + "refund.created",
    ]
    keys = [body["payload"].get("merchantReferenceId") for body in shop.bodies]
    assert keys[2:4] == ["CAPTURE", "VOID"]
    assert [body["payload"]["id"] for body in shop.bodies[:4]] == [
        *(charge.id, authorization.id, authorization.id, charge.id)
    ]


def test_reviews(bank: Bank, shop: Shop, sender: Sender) -> None:
    bank.decide_review(held(bank).id, approve=True)
    bank.decide_review(held(bank).id, approve=False)
    sent(sender, 4)
    names = ("fraud.held", "fraud.approved", "fraud.held", "fraud.declined")
    assert shop.events == [PAY + name for name in names]


def test_the_vault(bank: Bank, shop: Shop, sender: Sender) -> None:
    customer = bank.create_customer("k", "a@example.com", cards=[new_card()])
    card = customer.cards[0].id
    bank.update_customer(customer.id, key="k", email="b@example.com")
    bank.update_card(customer.id, card, plain("5424000000000015"))
    bank.delete_card(customer.id, card)
    bank.delete_customer(customer.id)
    sent(sender, 6)
    assert shop.events == [
        VAULT + "created",
        VAULT + "paymentProfile.created",
        VAULT + "updated",
        VAULT + "paymentProfile.updated",
        VAULT + "paymentProfile.deleted",
        VAULT + "deleted",
    ]
    payload = shop.bodies[1]["payload"]
    assert (payload["id"], payload["customerProfileId"]) == (card, int(customer.id))


def test_declines_checks_and_refusals_are_not_told(bank: Bank, shop: Shop, sender: Sender) -> None:
    bank.charge(plain(zip="46282"), Decimal("5.00"))
    with pytest.raises(BankRefusal):
        bank.create_customer("k", cards=[new_card(), new_card()])
    with pytest.raises(BankRefusal):
        bank.delete_customer("1")
    bank.create_customer("k", cards=[new_card()], validation=Validation.LIVE)
    sent(sender, 2)
    assert shop.events == [VAULT + "created", VAULT + "paymentProfile.created"]


def test_the_client_believes_them(bank: Bank, shop: Shop, sender: Sender) -> None:
    row = charged(bank)
    sent(sender, 1)
    ((url, body, headers),) = shop.posted
    assert url == URL
    found = webhooks.parse(headers, body, [bank.account.signature_key])
    assert isinstance(found, WebhookNotice)
    assert (found.object_kind, found.object_id) == ("transaction", row.id)


def test_no_verb_waits_for_an_endpoint(bank: Bank, shop: Shop, sender: Sender) -> None:
    shop.open.clear()
    before = time.monotonic()
    for number in range(1, 21):
        charged(bank, f"{number}.00")
    assert time.monotonic() - before < 5
    shop.open.set()
    sent(sender, 20)


def test_what_is_not_taken_is_sent_again_and_then_given_up(
    bank: Bank, shop: Shop, sender: Sender
) -> None:
    shop.answers = [500, 0, 200, 500, 500, 500]
    charged(bank)
    assert [(each.status, each.attempt) for each in sent(sender, 3)] == [(500, 1), (0, 2), (200, 3)]
    assert len({body["notificationId"] for body in shop.bodies}) == 1
    charged(bank)
    sent(sender, 6)
    time.sleep(0.1)
    assert [each.attempt for each in sender.sent()[3:]] == [1, 2, 3]


def test_an_endpoint_gets_what_it_wants(bank: Bank, shop: Shop, sender: Sender) -> None:
    bank.add_endpoint("http://voids.example/", (PAY + "void.created",))
    row = charged(bank)
    bank.void(row.id)
    sent(sender, 3)
    assert [each.url for each in sender.sent()] == [URL, URL, "http://voids.example/"]


def test_late(bank: Bank, shop: Shop, sender: Sender) -> None:
    sender.play("late", seconds=0.2)
    row = charged(bank)
    bank.void(row.id)
    sent(sender, 2)
    assert shop.events == [PAY + "void.created", PAY + "authcapture.created"]


def test_twice(bank: Bank, shop: Shop, sender: Sender) -> None:
    sender.play("twice", times=2)
    row = charged(bank)
    bank.void(row.id)
    sent(sender, 4)
    assert len({body["notificationId"] for body in shop.bodies}) == 2


def test_swapped(bank: Bank, shop: Shop, sender: Sender) -> None:
    sender.play("swap")
    row = charged(bank)
    assert sender.sent() == ()
    bank.void(row.id)
    sent(sender, 2)
    assert shop.events == [PAY + "void.created", PAY + "authcapture.created"]


def test_lost(bank: Bank, shop: Shop, sender: Sender) -> None:
    sender.play("lose")
    row = charged(bank)
    bank.void(row.id)
    sent(sender, 1)
    assert shop.events == [PAY + "void.created"]


def test_forged(bank: Bank, shop: Shop, sender: Sender) -> None:
    """It is sent once, whatever is answered; the right one comes behind it."""
    sender.play("forge")
    shop.answers = [400]
    charged(bank)
    forged, right = sent(sender, 2)
    assert (forged.forged, right.forged) == (True, False)
    (_, body, headers), (_, _, good) = shop.posted
    key = [bank.account.signature_key]
    assert not webhooks.signed(headers, body, key)
    assert webhooks.signed(good, body, key)


def test_no_tricks_are_left(bank: Bank, shop: Shop, sender: Sender) -> None:
    sender.play("lose", times=5)
    sender.clear()
    charged(bank)
    (one,) = sent(sender, 1)
    assert (one.status, one.forged) == (200, False)
    assert len(shop.posted) == 1


def test_a_bank_without_endpoints_tells_nobody(bank: Bank, shop: Shop, sender: Sender) -> None:
    (endpoint,) = bank.endpoints()
    assert bank.remove_endpoint(endpoint.id)
    assert not bank.remove_endpoint(endpoint.id)
    charged(bank)
    time.sleep(0.05)
    assert sender.sent() == ()


def test_a_broken_endpoint_does_not_end_the_thread(
    bank: Bank, shop: Shop, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "_post", lambda *args: 1 / 0)
    charged(bank)
    assert sent(sender, 1)[0].status == 0
    monkeypatch.setattr(sender, "_post", shop)
    charged(bank)  # the first may have been given up by now
    until(lambda: bool(shop.events))
    assert set(shop.events) == {PAY + "authcapture.created"}


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/", "http://127.0.0.1:99999/", "http:///x", "https://127.0.0.1:1/"]
)
def test_an_address_where_nobody_is(url: str) -> None:
    assert sending.post_over_http(url, b"{}", {}) == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_tells_nobody(bank: Bank, sender: Sender) -> None:
    """The thread that sends is the parent's, and its lock may have been held at the fork."""
    child = os.fork()
    if not child:
        charged(bank)
        os._exit(len(bank.store.listeners))
    assert os.waitpid(child, 0)[1] == 0
    assert len(bank.store.listeners) == 1


def test_a_server_that_writes_its_body_late_meets_no_broken_pipe() -> None:
    """The status and the body of an answer come in two writes."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        host, port = server.getsockname()
        told: list[int] = []
        thread = threading.Thread(
            target=lambda: told.append(sending.post_over_http(f"http://{host}:{port}/", b"{}", {}))
        )
        thread.start()
        peer, _ = server.accept()
        with peer:
            peer.recv(65_536)
            peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
            thread.join(0.2)
            assert thread.is_alive()
            peer.sendall(b"ok")
            thread.join(5)
    assert told == [200]
