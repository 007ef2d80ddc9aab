"""The whole way over sockets: the bank sends, the project's endpoint receives, the books agree."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
import requests
from django.core.management import call_command

from django_dinero.gateways.registry import get_gateway
from django_dinero.models import CreditCard, Customer, Transaction, WebhookEvent
from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.bank.records import TEST_SIGNATURE_KEY
from django_dinero.sandbox.http.server import SandboxServer
from django_dinero.services import webhooks
from tests.support.aging import grow_old
from tests.support.webhooks import address, let_time_pass

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

CARD: dict[str, Any] = {"number": "4111111111111111", "month": 12, "year": 2040, "cvv": "900"}


@pytest.fixture
def bank(settings: Any) -> Iterator[SandboxServer]:
    """The test bank behind an address, as the default gateway's."""
    with SandboxServer(Bank()) as server:
        options = {
            "endpoint": server.endpoint,
            "login_id": "sandbox-login",
            "transaction_key": "sandbox-key",
            "signature_key": ["0" * 128, TEST_SIGNATURE_KEY],
        }
        entry = {
            "BACKEND": "django_dinero.gateways.authorizenet.AuthorizeNetGateway",
            "OPTIONS": options,
        }
        settings.DINERO = {**settings.DINERO, "GATEWAYS": {"default": entry}}
        yield server


def until(true: Callable[[], bool]) -> None:
    """Wait for what other threads do, and let what is parked be tried."""
    end = time.monotonic() + 30
    while not true():
        assert time.monotonic() < end, list(WebhookEvent.objects.values())
        let_time_pass()
        webhooks.drain(get_gateway())
        time.sleep(0.05)


def waiting() -> bool:
    """Whether an event is not applied yet."""
    return WebhookEvent.objects.filter(waiting_state__isnull=False).exists()


def test_what_happens_at_the_gateway_comes_here(bank: SandboxServer, live_server: Any) -> None:
    call_command("dinero_webhooks", "register", live_server.url + address(), stdout=StringIO())
    customer = Customer.create("bill@example.com", **CARD)
    charge = Transaction.create("50.00", customer=customer)
    authorization = Transaction.create("30.00", customer=customer, settle=False)
    until(lambda: WebhookEvent.objects.count() == 4 and not waiting())
    grow_old()
    # In the gateway's own pages:
    bank.bank.capture(authorization.transaction_id or "", Decimal("25.00"))
    bank.bank.void(charge.transaction_id or "")
    bank.bank.settle_batch()
    bank.bank.refund(authorization.transaction_id or "", Decimal("5.00"))
    bank.bank.delete_card(customer.customer_id or "", customer.cards[0].card_id)
    until(lambda: WebhookEvent.objects.count() == 8 and not waiting())
    assert set(WebhookEvent.objects.values_list("state", flat=True)) == {"applied"}
    charge.refresh_from_db()
    authorization.refresh_from_db()
    assert (charge.status, authorization.status) == ("voided", "settled")
    assert (authorization.captured_amount, authorization.refunded_amount) == (
        Decimal(25),
        Decimal(5),
    )
    assert CreditCard.objects.get().sync_state == "missing"
    sent = [each.status for each in bank.sender.sent()]
    assert sent == [200] * 8


@pytest.mark.parametrize("trick", ["late", "twice", "swap", "forge"])
def test_tricks_change_nothing(bank: SandboxServer, live_server: Any, trick: str) -> None:
    bank.bank.add_endpoint(live_server.url + address())
    played = {"name": trick, "times": 2, "seconds": 0.3}
    assert requests.post(f"{bank.control_url}webhook", json=played, timeout=5).status_code == 200
    customer = Customer.create("bill@example.com", **CARD)
    charge = Transaction.create("50.00", customer=customer)
    until(lambda: WebhookEvent.objects.count() == 3 and not waiting())
    assert set(WebhookEvent.objects.values_list("state", flat=True)) == {"applied"}
    assert Transaction.objects.get() == charge
    if trick == "forge":
        forged = [each.status for each in bank.sender.sent() if each.forged]
        assert forged == [400, 400]
    told = requests.get(f"{bank.control_url}webhooks", timeout=5).json()
    assert len(told["sent"]) >= 3
