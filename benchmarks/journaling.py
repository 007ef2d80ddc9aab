"""What the journal and the books cost: a whole charge against the gateway's method alone."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from django.db import connection

from benchmarks.bodies import AMOUNT
from benchmarks.contestants import Bench, Ours
from benchmarks.database import created
from benchmarks.report import Row, Section, interleaved, median, scaled
from django_dinero.gateways.types import RemoteCustomer
from django_dinero.models import CreditCard, Transaction
from django_dinero.services import pull

ROUNDS = 15


def measure(bench: Bench, scale: float) -> Section:
    """Measure on a SQLite file of this process."""
    rounds = scaled(ROUNDS, scale)
    with created():
        card = _stored_card(bench)
        seconds = interleaved(
            rounds,
            {
                "whole": partial(_charge_whole, card, bench.calls),
                "alone": lambda number: Ours(bench).run("charge"),
            },
        )
        statements = _statements(card)
    whole, alone = (median(seconds[name]) / bench.calls * 1000 for name in ("whole", "alone"))
    rows = (
        Row("Transaction.create(price, card=card), vs gateway.charge", whole, alone, "ms"),
        Row("statements of it on the database", statements, None, ""),
    )
    note = (
        "Milliseconds of CPU: the service that writes its intent, commits, calls, and writes the "
        "outcome and the row of the books, against the call that it makes. On a SQLite file; "
        "waiting for a disk is not in it."
    )
    return Section("The journal", note, rows)


def _stored_card(bench: Bench) -> CreditCard:
    remote = bench.gateway.retrieve_customer(bench.customer_id)
    assert isinstance(remote, RemoteCustomer), remote
    customer = pull.write_customer(bench.gateway.name, remote)
    return customer.cards.get(card_id=bench.card_id)


def _charge_whole(card: CreditCard, calls: int, number: int) -> float:
    start = time.process_time()
    rows = [Transaction.create(price=AMOUNT, card=card) for _ in range(calls)]
    seconds = time.process_time() - start
    assert len({row.transaction_id for row in rows}) == calls
    return seconds


def _statements(card: CreditCard) -> int:
    count = 0

    def counting(execute: Any, *arguments: Any) -> Any:
        nonlocal count
        count += 1
        return execute(*arguments)

    with connection.execute_wrapper(counting):
        Transaction.create(price=AMOUNT, card=card)
    return count
