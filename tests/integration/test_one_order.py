"""One order, many attempts to pay it at the same moment: one charge, whoever asks."""

from __future__ import annotations

import json
import logging
import random
import time
import uuid
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connections

from django_dinero.gateways.registry import get_gateway
from django_dinero.models import Operation, Transaction
from django_dinero.wallet.wallet import Wallet
from tests.databases import VENDOR
from tests.integration.api.calling import Caller
from tests.support.racing import at_once
from tests.support.recording import RecordingGateway
from tests.unit.services.conftest import CARD

ALIASES = ["default"] if VENDOR == "sqlite" else ["default", "journal"]
pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True, databases=ALIASES)]

ROUNDS = 10
LOST = {"operation_in_progress", "order_paid"}


def price_of(request: Any, asked: Mapping[str, str]) -> str:
    """Every order costs the same."""
    return "12.50"


@pytest.fixture
def bank(gateway: RecordingGateway, settings: Any) -> RecordingGateway:
    """The gateway of a shop whose guests pay."""
    settings.DINERO = {**settings.DINERO, "API_GUEST_CHARGES": f"{__name__}.price_of"}
    found = get_gateway()
    assert isinstance(found, RecordingGateway)
    return found


@pytest.fixture
def jitter() -> random.Random:
    """How long each waits; the seed is printed where a test fails."""
    seed = random.randrange(2**32)
    logging.getLogger(__name__).warning("seed %d", seed)
    return random.Random(seed)


def late(jitter: random.Random, call: Callable[[], object]) -> Callable[[], object]:
    """Do something up to 20 ms later."""
    pause = jitter.uniform(0, 0.02)

    def wait_and_call() -> object:
        time.sleep(pause)
        try:
            return call()
        finally:
            connections.close_all()

    return wait_and_call


def guest_pays(bank: RecordingGateway, order: str) -> str:
    """A guest's request with a key of its own; the code of a refusal."""
    token = bank.bank.mint_token(CARD["number"], month=12, year=2060, cvv="900")
    body = {"price": "12.50", "token": token, "order_reference": order}
    reply = Caller().post("charges/", body, key=str(uuid.uuid4()))
    assert reply.status_code in (201, 409), reply.content
    shown = json.loads(reply.content)
    return str(shown.get("code") or shown["id"])


def program_pays(order: str) -> str:
    """A program of the shop's pays the whole order."""
    row = Transaction.create("12.50", order_reference=order, pays_order=True, **CARD)
    return str(row.public_id)


def shopper_pays(user: Any, card: Any, order: str) -> str:
    """A shopper's page pays it."""
    payment = Wallet(user).pay("12.50", order_reference=order, card=card)
    return str(payment.transaction.public_id) if payment.transaction else "operation_in_progress"


def assert_paid_once(bank: RecordingGateway, order: str, found: list[object]) -> None:
    """One charge at the bank, one row here, and everybody else was told so."""
    row = Transaction.objects.get(order_reference=order)
    assert {str(each) for each in found} - {str(row.public_id)} <= LOST
    assert str(row.public_id) in found
    charged = [entry.operation_key for entry in bank.bank.transactions()]
    assert charged.count(str(row.operation_key)) == 1
    left = Operation.objects.filter(intent__order_reference=order).exclude(key=row.operation_key)
    assert {each.state for each in left} <= {"failed"}
    assert not Operation.objects.exclude(held_lock=None).exists()


def test_keys_of_their_own_pay_an_order_once(bank: RecordingGateway, jitter: random.Random) -> None:
    for number in range(ROUNDS):
        order = f"order-{number}"
        found = at_once(*[late(jitter, partial(program_pays, order)) for _each in range(6)])
        assert_paid_once(bank, order, found)
    assert len(bank.bank.transactions()) == bank.verbs.count("charge") == ROUNDS


def test_guests_shoppers_and_programs_pay_an_order_once(
    bank: RecordingGateway, jitter: random.Random
) -> None:
    user = get_user_model().objects.create_user("bill", "bill@example.com")
    token = bank.bank.mint_token(CARD["number"], month=12, year=2060, cvv="900")
    card = Wallet(user).add_card(token, first_name="Bill", zip="12345").public_id
    Caller().get("")  # the schema that answers are compared with is made in one thread
    for number in range(ROUNDS):
        order = f"order-{number}"
        calls = [
            *[partial(guest_pays, bank, order)] * 2,
            *[partial(shopper_pays, user, card, order)] * 2,
            partial(program_pays, order),
        ]
        found = at_once(*[late(jitter, call) for call in calls])
        assert_paid_once(bank, order, found)
    assert len(bank.bank.transactions()) == bank.verbs.count("charge") == ROUNDS


def test_orders_of_their_own_do_not_wait(bank: RecordingGateway) -> None:
    orders = [f"order-{number}" for number in range(6)]
    found = at_once(*[partial(program_pays, order) for order in orders])
    assert len(set(found)) == len(orders)
    assert not LOST.intersection(map(str, found))
    assert bank.verbs.count("charge") == len(orders)
