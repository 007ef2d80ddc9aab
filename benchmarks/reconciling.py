"""The sweep over many payments: time, statements and memory, and how they grow.

``python -m benchmarks.reconciling [count ...]`` fills a database with so many charges (10,000 and
100,000 without an argument) and sweeps them against a gateway's list of as many: once where both
sides agree, once where all have settled since, and once where nothing is listed, so that each row
is asked about (a tenth of them). ``BENCH_DATABASE`` names a PostgreSQL; without it a SQLite file is
used. The list is made up as it is read and costs next to nothing, so the figures are ours alone.
"""

from __future__ import annotations

import datetime
import os
import resource
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"
django.setup()

from django.db import connection  # noqa: E402

from benchmarks.database import created  # noqa: E402
from django_dinero.enums import RemoteStatus, TransactionKind  # noqa: E402
from django_dinero.gateways.sandbox import SandboxGateway  # noqa: E402
from django_dinero.gateways.types import RemoteTransaction  # noqa: E402
from django_dinero.models import Difference, Operation, Transaction  # noqa: E402
from django_dinero.services.reconcile.phase import Run  # noqa: E402
from django_dinero.services.reconcile.sweep import sweep  # noqa: E402

COUNTS = (10_000, 100_000)
#: Rows that are written at a time.
PIECE = 2000
PRICE = Decimal("12.34")
#: All of it lies wholly in the window: two days, and today's list.
NOW = datetime.datetime.now(datetime.UTC)
FIRST = NOW - datetime.timedelta(days=2)


def key_of(number: int) -> str:
    """Return an operation key that looks like ours."""
    return f"{number:020d}".translate(str.maketrans("0123456789", "ABCDEFGHIJ"))


def moment_of(number: int, count: int) -> datetime.datetime:
    """Return when a payment was submitted, all of them spread over a day and a half."""
    return FIRST + datetime.timedelta(hours=1 + 36 * number / count)


@dataclass
class Listing:
    """A list of the gateway's, made up as it is read; ``asked`` counts the questions."""

    count: int
    status: RemoteStatus = RemoteStatus.CAPTURED
    shown: bool = True
    asked: int = 0

    def __call__(self, since: datetime.datetime) -> Iterator[RemoteTransaction]:
        return (self.remote(number) for number in range(self.count if self.shown else 0))

    def one(self, transaction_id: str) -> RemoteTransaction:
        self.asked += 1
        return self.remote(int(transaction_id) - 60_000_000)

    def remote(self, number: int) -> RemoteTransaction:
        settled = self.status is RemoteStatus.SETTLED
        return RemoteTransaction(
            transaction_id=str(60_000_000 + number),
            kind=TransactionKind.CHARGE,
            status=self.status,
            amount=PRICE,
            currency="USD",
            operation_key=key_of(number),
            settled_amount=PRICE,
            submitted_at=moment_of(number, self.count),
            settled_at=NOW if settled else None,
            batch_id=str(number // 5000) if settled else "",
        )


def fill(count: int) -> None:
    """Write ``count`` charges, approved, with their operations."""
    for begin in range(0, count, PIECE):
        numbers = range(begin, min(begin + PIECE, count))
        Operation.objects.bulk_create([_operation(number) for number in numbers])
        Transaction.objects.bulk_create([_row(number) for number in numbers])
    # The clock's time was put in; the payments are spread over the window, a piece at a time.
    for begin in range(0, count, PIECE):
        first = Transaction.objects.get(operation_key=key_of(begin)).pk
        piece = Transaction.objects.filter(pk__gte=first, pk__lt=first + PIECE)
        piece.update(created_at=moment_of(begin, count))


def _operation(number: int) -> Operation:
    return Operation(
        key=key_of(number),
        kind="charge",
        gateway_name="default",
        live=False,
        amount=PRICE,
        currency="USD",
        state="succeeded",
        outcome={"result": "approved", "transaction_id": str(60_000_000 + number)},
    )


def _row(number: int) -> Transaction:
    return Transaction(
        gateway_name="default",
        live=False,
        transaction_id=str(60_000_000 + number),
        operation_key=key_of(number),
        kind="charge",
        status="approved",
        price=PRICE,
        currency="USD",
    )


def swept(listing: Listing) -> Run:
    """Sweep once."""
    gateway = SandboxGateway("default", {"allow_in_production": True})
    made: dict[str, Any] = {
        "iter_transactions": listing,
        "retrieve_transaction": listing.one,
        "clock": lambda: datetime.datetime.now(datetime.UTC),
    }
    for name, verb in made.items():
        setattr(gateway, name, verb)
    run = Run(gateway, FIRST)
    sweep(run)
    assert not Difference.objects.exists(), Difference.objects.first()
    return run


def report(title: str, count: int, work: Callable[[], Run]) -> None:
    """Print time and statements of one sweep."""
    began, busy = time.perf_counter(), time.process_time()
    run = work()
    seconds, busy = time.perf_counter() - began, time.process_time() - busy
    counts = {name: number for name, number in sorted(run.counts.items()) if number}
    print(f"{count:>8,}  {title:<28} {seconds:8.2f} s ({busy:.2f} s of CPU)  {counts}", flush=True)


def statements(count: int, listing: Listing) -> float:
    """Return the statements of a sweep for each thousand payments."""
    total = 0

    def counted(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal total
        total += 1
        return execute(sql, params, many, context)

    with connection.execute_wrapper(counted):
        swept(listing)
    return 1000 * total / count


def peak(listing: Listing) -> float:
    """Return the most memory that Python has allocated at a time in a sweep, in MB."""
    tracemalloc.start()
    swept(listing)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most / 1e6


def measure(count: int) -> None:
    """Print the figures for one number of payments."""
    fill(count)
    agrees, before = Listing(count), resident()
    report("both sides agree", count, lambda: swept(agrees))
    print(f"{count:>8,}  most resident memory: {resident():.0f} MB, before {before:.0f} MB")
    queries = statements(count, agrees)
    memory = peak(agrees)
    print(f"{count:>8,}  statements per 1,000: {queries:.1f}; peak of Python: {memory:.1f} MB")
    settled = Listing(count, RemoteStatus.SETTLED)
    report("all have settled since", count, lambda: swept(settled))
    Transaction.objects.update(status="approved", settled_at=None, batch_id="")
    queries = statements(count, settled)
    print(f"{count:>8,}  statements per 1,000: {queries:.1f}, all of them settling")
    part = Transaction.objects.order_by("pk").values_list("pk", flat=True)[count // 10]
    Transaction.objects.filter(pk__gte=part)._raw_delete(connection.alias)
    report(
        "a tenth, and none is listed",
        count,
        lambda: swept(Listing(count, RemoteStatus.SETTLED, shown=False)),
    )


def resident() -> float:
    """Return the most memory that the process has taken so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def main() -> None:
    """Measure each number of payments on a database of its own."""
    counts = [int(each) for each in sys.argv[1:]] or COUNTS
    for count in counts:
        with created():
            measure(count)


if __name__ == "__main__":
    main()
