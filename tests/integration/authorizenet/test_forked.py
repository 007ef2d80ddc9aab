"""A worker forks when it has charged already: parent and children charge beside each other."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import connections

from django_dinero.models import Operation, Transaction
from django_dinero.sandbox.http.server import SandboxServer
from tests.databases import VENDOR
from tests.unit.services.conftest import CARD

ALIASES = ["default"] if VENDOR == "sqlite" else ["default", "journal"]
pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True, databases=ALIASES)]

CHILDREN, CHARGES = 3, 5


def charge(worker: int) -> None:
    """Charge amounts that no other worker has, and see that the answers are those of ours."""
    for number in range(1, CHARGES + 1):
        price = f"{worker}{number}.00"
        row = Transaction.create(price, idempotency_key=f"order-{worker}-{number}", **CARD)
        assert (str(row.price), row.status) == (price, "approved")


def forked(work: Callable[[], object]) -> int:
    """Do something in a child, and return its process id."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        work()
        code = 0
    finally:
        connections.close_all()
        os._exit(code)


def test_each_gets_its_own_answers(bank: SandboxServer) -> None:
    charge(1)  # now there is a connection, and the children inherit it
    connections.close_all()  # not that of the database, which is the project's own affair
    children = [forked(partial(charge, worker)) for worker in range(2, CHILDREN + 2)]
    charge(9)
    codes: list[Any] = [os.waitstatus_to_exitcode(os.waitpid(each, 0)[1]) for each in children]
    assert codes == [0] * CHILDREN
    entries = {entry.operation_key: str(entry.amount) for entry in bank.bank.transactions()}
    assert len(entries) == len(bank.bank.transactions()) == (CHILDREN + 2) * CHARGES
    rows = Transaction.objects.values_list("operation_key", "price")
    assert {key: f"{price:.2f}" for key, price in rows} == entries
    assert set(Operation.objects.values_list("state", flat=True)) == {"succeeded"}
