"""Our verbs against the floor: the same rows and the same calls without any safety."""

from __future__ import annotations

import time
from functools import partial

from django.db import connection
from django.test import override_settings

from benchmarks.bank import TlsBank
from benchmarks.database import created
from benchmarks.report import Row, Section, interleaved, median, scaled
from benchmarks.verbs import COMPARISONS, CONTESTANTS, Shop, Verb, open_shop, originals
from django_dinero.gateways.registry import get_gateway

ROUNDS = 25
#: How many calls a contestant makes before it is the next one's turn.
CALLS = 20
ALIAS = "authorizenet"
_NOTE = (
    "Milliseconds of this process's CPU per call, the bank in another process behind TLS on "
    "loopback: our verbs against what a Django developer writes by hand without any safety "
    "(`benchmarks/by_hand.py`). By hand is the ORM with the same models and columns: the intent "
    "is inserted and committed, the same client makes the call, and one transaction has the "
    "outcome's UPDATE and the row's INSERT. Nothing is checked, locked or read. Before a refund "
    "our verb asks the gateway whether the charge has settled; by hand that call is left out, and "
    "the row after it has it on both sides. Everything from the caller's arguments on is timed; "
    "the rows that a call starts from (card, customer, original) are read before."
)


def measure(scale: float) -> Section:
    """Measure on the database of this process."""
    rounds, calls = scaled(ROUNDS, scale), scaled(CALLS, scale)
    with TlsBank() as bank, override_settings(DINERO={"GATEWAYS": {ALIAS: bank.entry}}), created():
        shop = open_shop(get_gateway(ALIAS), bank.settle)
        runs = {
            f"{side}: {name}": partial(_round, shop, verb, calls)
            for (side, name), verb in CONTESTANTS.items()
        }
        seconds = interleaved(rounds, runs)
    ms = {name: median(found) / calls * 1000 for name, found in seconds.items()}
    rows = tuple(
        Row(one.title, ms[f"ours: {one.ours}"], ms[f"by hand: {one.by_hand}"], "ms", one.limit)
        for one in COMPARISONS
    )
    return Section("The floor", f"{_NOTE} {rounds} rounds of {calls} calls{_where()}.", rows)


def _where() -> str:
    if connection.vendor == "postgresql":
        return " on PostgreSQL, whose server's CPU is not in it"
    return (
        ". **On a SQLite file, for want of DINERO_TEST_POSTGRES_URL**: the database's own CPU is "
        "in both sides, which makes the ratios smaller"
    )


def _round(shop: Shop, verb: Verb, calls: int, number: int) -> float:
    followed = originals(shop, verb, calls)
    start = time.process_time()
    for original in followed:
        verb.call(shop, original)
    return time.process_time() - start
