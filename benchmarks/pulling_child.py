"""Runs in a process of its own, on a database of its own; prints its figures as JSON."""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Iterable, Iterator
from typing import Any

from benchmarks import mirror_child
from benchmarks.database import created
from django_dinero.gateways.sandbox import SandboxGateway
from django_dinero.gateways.types import RemoteCustomer
from django_dinero.models import CreditCard, Customer
from django_dinero.services.pull.customers import BATCH
from django_dinero.services.sync.pulling import PullOptions, pull_account


class Account(SandboxGateway):
    """A gateway whose customers are made up while they are asked for."""

    told: Iterable[RemoteCustomer] = ()

    def iter_customers(self, after: str = "") -> Iterator[RemoteCustomer]:
        yield from self.told


def account(size: int, revision: int) -> Iterator[RemoteCustomer]:
    """Yield customers with one card and with two, in turn."""
    for number in range(size):
        yield mirror_child.remote_customer(number, revision, 1 + number % 2)


def ours(told: Iterable[RemoteCustomer]) -> None:
    """Pull with the service."""
    gateway = Account("default")
    gateway.told = told
    pull_account(gateway, PullOptions())


def main(size: int, writer: str) -> dict[str, Any]:
    """Run one writer in every situation."""
    write = {"ours": ours, "bulk": mirror_child.bulk}[writer]
    figures: dict[str, Any] = {"batches": -(-size // BATCH)}
    for situation, revision in (("new", 0), ("same", 0), ("changed", 1)):
        seconds, queries = mirror_child.timed(write, account(size, revision))
        figures[situation] = {"seconds": seconds, "queries": queries}
    found = (Customer.objects.count(), CreditCard.objects.filter(year=2031).count())
    if found != (size, size + size // 2):
        raise SystemExit(f"written: {found}, of {size} customers")
    figures["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return figures


if __name__ == "__main__":
    with created():
        result = main(int(sys.argv[1]), sys.argv[2])
    json.dump(result, sys.stdout)
