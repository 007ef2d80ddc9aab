"""Clicks at the same moment: with one key, with one key and two amounts, with keys of their own."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from django.db import connections

from django_dinero.exceptions import DineroError, IdempotencyKeyReused
from django_dinero.models import Operation, Transaction
from tests.databases import VENDOR
from tests.support.isolation import ROUNDS
from tests.support.racing import at_once
from tests.support.recording import RecordingGateway
from tests.unit.services.conftest import card

__all__ = ["card"]

ALIASES = ["default"] if VENDOR == "sqlite" else ["default", "journal"]
pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True, databases=ALIASES)]

SUBMITS = 50


class Crowd:
    """Workers that submit the same key at the same moment, in each round another one.

    Attributes:
        answers: how often each answer was given, a charge by the word "charge".
        charges: the operation keys of the charges that were told, by the caller's key.
        broken: what is none of our errors.
    """

    def __init__(self, card: dict[str, Any]) -> None:
        self._card = card
        self._start = threading.Barrier(SUBMITS)
        self._lock = threading.Lock()
        self.answers: Counter[str] = Counter()
        self.charges: dict[str, set[str]] = {}
        self.broken: list[BaseException] = []

    def submit(self, rounds: int) -> None:
        """Let all of them submit, and return when the last round is over."""
        threads = [threading.Thread(target=self._work, args=(rounds,)) for _ in range(SUBMITS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _work(self, rounds: int) -> None:
        try:
            # A server that takes no more connections is another failure than ours.
            connections["default"].ensure_connection()
            for number in range(rounds):
                self._start.wait()
                self._submit(f"order-{number}")
        except BaseException as error:
            self._start.abort()
            self.broken.append(error)
        finally:
            connections.close_all()

    def _submit(self, key: str) -> None:
        try:
            row = Transaction.create(5, idempotency_key=key, **self._card)
        except DineroError as error:
            answer, made = error.code, None
        else:
            answer, made = "charge", row.operation_key
        with self._lock:
            self.answers[answer] += 1
            if made is not None:
                self.charges.setdefault(key, set()).add(made)


def test_fifty_submits_of_one_key_make_one_charge(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    crowd = Crowd(card)
    crowd.submit(ROUNDS)
    assert crowd.broken == []
    sys.stdout.write(f"{VENDOR}, {ROUNDS} rounds of {SUBMITS}: {dict(crowd.answers)}\n")
    assert set(crowd.answers) <= {"charge", "operation_in_progress"}
    assert crowd.answers.total() == ROUNDS * SUBMITS
    assert [len(made) for made in crowd.charges.values()] == [1] * ROUNDS
    assert gateway.verbs.count("charge") == len(gateway.bank.transactions()) == ROUNDS
    assert Operation.objects.count() == Transaction.objects.count() == ROUNDS


def charge(card: dict[str, Any], price: int, key: str) -> Transaction:
    return Transaction.create(price, idempotency_key=key, **card)


def test_one_key_with_two_amounts_is_one_charge(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    refused = {"idempotency_key_reused", "operation_in_progress"}
    for number in range(1, ROUNDS + 1):
        key = f"order-{number}"
        found = at_once(*[partial(charge, card, price, key) for price in (5, 7)] * 4)
        rows = {each for each in found if isinstance(each, Transaction)}
        assert len(rows) == 1
        assert {each for each in found if isinstance(each, str)} <= refused
        assert "idempotency_key_reused" in found
        (other,) = {5, 7} - {int(row.price) for row in rows}
        with pytest.raises(IdempotencyKeyReused):
            charge(card, other, key)
        assert gateway.verbs.count("charge") == Transaction.objects.count() == number


def test_a_double_click_with_keys_of_their_own_is_two_charges(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    """Nobody but the project knows whether the customer wanted two."""
    keys = [f"click-{number}" for number in range(min(2 * ROUNDS, SUBMITS))]
    found = at_once(*[partial(charge, card, 5, key) for key in keys])
    assert {each.status for each in found if isinstance(each, Transaction)} == {"approved"}
    assert len(found) == len(gateway.bank.transactions()) == Transaction.objects.count()
    assert sum(row.price for row in Transaction.objects.all()) == Decimal(5 * len(keys))
