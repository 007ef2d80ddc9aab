"""A shopper who is signed in, at a recording gateway."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.test import Client

from django_dinero.gateways.registry import get_gateway
from django_dinero.models import CreditCard
from django_dinero.wallet.wallet import Wallet
from tests.support.recording import RecordingGateway

NUMBER = "4111111111111111"
ACTION_NUMBER = "4000000000003220"
FORM = {"key": "A" * 20, "first_name": "Bill", "last_name": "Smith", "zip": "12345"}


@pytest.fixture
def gateway(settings: Any) -> RecordingGateway:
    """The default gateway, recording what is asked of it; and where a shopper signs in."""
    entry = {"BACKEND": "tests.support.recording.RecordingGateway", "OPTIONS": {}}
    settings.DINERO = {**settings.DINERO, "GATEWAYS": {"default": entry}}
    settings.LOGIN_URL = "/sign-in/"
    found = get_gateway()
    assert isinstance(found, RecordingGateway)
    return found


@pytest.fixture(autouse=True)
def nothing_counted() -> None:
    """The attempts of other tests do not count."""
    cache.clear()


@pytest.fixture
def shopper() -> Any:
    return get_user_model().objects.create_user(
        "bill", "bill@example.com", first_name="Bill", last_name="Smith"
    )


@pytest.fixture
def client(gateway: RecordingGateway, shopper: Any) -> Client:
    client = Client()
    client.force_login(shopper)
    return client


@pytest.fixture
def wallet(gateway: RecordingGateway, shopper: Any) -> Wallet:
    return Wallet(shopper)


def mint(gateway: RecordingGateway, number: str = NUMBER, cvv: str = "900") -> str:
    """A token, as the browser gets it."""
    return gateway.bank.mint_token(number, month=12, year=2040, cvv=cvv)


def add(wallet: Wallet, gateway: RecordingGateway, number: str = NUMBER) -> CreditCard:
    """A saved card."""
    return wallet.add_card(mint(gateway, number), key="B" * 20, first_name="Bill", zip="12345")


def pay_form(card: CreditCard, attempt: int = 1, amount: str = "1250.50 USD") -> dict[str, str]:
    """What the page of the order A-1 posts, or that of another order with its amount."""
    return {"card": str(card.public_id), "attempt": str(attempt), "shown_amount": amount}


def attempt_in(page: str) -> int:
    """The number of the attempt that a page offers."""
    found = re.search(r'name="attempt" value="(\d+)"', page)
    assert found is not None
    return int(found[1])
