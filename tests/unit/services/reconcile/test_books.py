"""The books: both sides of a day, to the cent."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Context, Decimal, localcontext
from typing import Any

import pytest

from django_dinero.enums import RemoteStatus, TransactionKind
from django_dinero.exceptions import GatewayError
from django_dinero.gateways.types import RemoteTransaction
from django_dinero.models import Customer, Difference, Operation, Transaction
from django_dinero.services.reconcile import old_days
from django_dinero.services.reconcile.books import Books
from django_dinero.services.reconcile.covered import Covered
from django_dinero.services.reconcile.findings import Findings
from django_dinero.services.reconcile.phase import Run
from django_dinero.services.reconcile.sweep import sweep
from django_dinero.services.reconcile.verdicts import counted_there
from tests.support.recording import RecordingGateway
from tests.support.sweeping import make_run, two_days_ago

__all__ = ["make_run", "two_days_ago"]

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
Make = Callable[..., Run]


def test_a_day_of_everything_agrees(
    gateway: RecordingGateway, customer: Customer, make_run: Make, two_days_ago: Any
) -> None:
    charges = [Transaction.create(amount, customer=customer) for amount in ("50.00", "20.01")]
    part = Transaction.create("30.00", customer=customer, settle=False)
    part.capture("10.00")
    Transaction.create("5.00", customer=customer, settle=False)
    gateway.bank.settle_batch()
    charges[0].refund("20.00")
    Transaction.create("9.00", customer=customer).void()
    two_days_ago()
    for run in (make_run(days=4, dry_run=True), make_run(days=4)):
        sweep(run)
        assert (run.counts["days"], run.counts["differences"]) == (1, 0)


def test_a_day_that_differs_stands_with_both_sums_until_it_agrees(
    gateway: RecordingGateway, customer: Customer, make_run: Make, two_days_ago: Any
) -> None:
    for amount in ("50.00", "20.01"):
        Transaction.create(amount, customer=customer)
    two_days_ago()
    gateway.bank.store.execute("UPDATE ledger SET status = 'authorized' WHERE amount = '20.01'")
    sweep(make_run(days=4))
    found = Difference.objects.get(kind="books")
    assert (found.amount_here, found.amount_there) == (Decimal("70.01"), Decimal("50.00"))
    assert found.subject == f"{found.day} USD"
    gateway.bank.store.execute("UPDATE ledger SET status = 'captured'")
    sweep(make_run(days=4))
    found.refresh_from_db()
    assert found.state == "resolved"


def test_what_the_gateway_does_not_have_counts_here(
    gateway: RecordingGateway, charge: Transaction, make_run: Make, two_days_ago: Any
) -> None:
    two_days_ago()
    gateway.bank.store.execute("DELETE FROM ledger")
    sweep(make_run(days=4))
    found = Difference.objects.get(kind="books")
    assert (found.amount_here, found.amount_there) == (Decimal(50), Decimal(0))


@pytest.fixture
def old_difference(
    gateway: RecordingGateway, charge: Transaction, make_run: Make, two_days_ago: Any
) -> Difference:
    """The books of a day that is outside of the usual run by now, and whose cause is mended."""
    two_days_ago()
    gateway.bank.store.execute("UPDATE ledger SET status = 'authorized'")
    sweep(make_run(days=4))
    gateway.bank.store.execute("UPDATE ledger SET status = 'captured'")
    Difference.objects.exclude(kind="books").update(state="resolved", open_name=None)
    return Difference.objects.get(kind="books")


def be_rested() -> None:
    Difference.objects.update(last_seen_at=datetime.now(UTC) - old_days.REST, facts={})


def test_a_day_that_no_run_looks_back_to_is_compared_again(
    gateway: RecordingGateway, old_difference: Difference, make_run: Make
) -> None:
    sweep(make_run(days=1))
    assert gateway.verbs.count("iter_transactions") == 2  # it was found a moment ago
    be_rested()
    dry = make_run(days=1, dry_run=True)
    sweep(dry)
    run = make_run(days=1)
    sweep(run)
    old_difference.refresh_from_db()
    assert (dry.counts["days_again"], run.counts["days_again"]) == (0, 1)
    assert old_difference.state == "resolved"


def test_one_that_differs_still_or_is_not_read_rests(
    gateway: RecordingGateway, old_difference: Difference, make_run: Make
) -> None:
    gateway.bank.store.execute("UPDATE ledger SET status = 'authorized'")
    be_rested()
    for again in (1, 0):
        run = make_run(days=1)
        sweep(run)
        assert run.counts["days_again"] == again
    old_difference.refresh_from_db()
    assert (old_difference.state, old_difference.times_seen) == ("open", 2)
    be_rested()

    def no_list(call: Callable[[], Any]) -> Any:
        raise GatewayError("no list")

    def read_once(call: Callable[[], Any]) -> Any:
        gateway.faults["iter_transactions"] = no_list
        return call()

    gateway.faults["iter_transactions"] = read_once
    for again in (1, 0):
        run = make_run(days=1)
        sweep(run)
        assert (run.counts["days_again"], run.counts["unread"]) == (again, again)


@pytest.mark.parametrize("case", ["there only", "here only", "another amount", "another status"])
def test_what_a_person_has_closed_counts_on_neither_side(
    gateway: RecordingGateway, customer: Customer, make_run: Make, two_days_ago: Any, case: str
) -> None:
    charge = Transaction.create("50.00", customer=customer)
    Transaction.create("20.01", customer=customer)
    two_days_ago()
    if case == "there only":
        Transaction.objects.filter(pk=charge.pk).delete()
        Operation.objects.filter(key=charge.operation_key).delete()
    elif case == "here only":
        gateway.bank.store.execute("DELETE FROM ledger WHERE amount = '50.00'")
    elif case == "another amount":
        Transaction.objects.filter(pk=charge.pk).update(price="49.00")
    else:
        Transaction.objects.filter(pk=charge.pk).update(status="voided")
    sweep(make_run(days=4))
    books = Difference.objects.get(kind="books")
    Difference.objects.exclude(kind="books").get().close(note="it is fine", by="Ann")
    for _time in range(2):
        sweep(make_run(days=4))
        books.refresh_from_db()
        assert books.state == "resolved"
    assert not Difference.objects.filter(state="open").exists()


def test_what_is_listed_twice_counts_once(
    gateway: RecordingGateway, charge: Transaction, make_run: Make, two_days_ago: Any
) -> None:
    two_days_ago()
    Transaction.objects.all().delete()
    Operation.objects.all().delete()
    gateway.faults["iter_transactions"] = lambda call: iter([*call()] * 2)
    run = make_run(days=4)
    sweep(run)
    assert Difference.objects.get(kind="books").amount_there == Decimal(50)
    assert Difference.objects.get(kind="unknown_key").times_seen == 1


def test_a_payment_that_is_listed_twice_counts_once_on_both_sides(
    gateway: RecordingGateway, customer: Customer, make_run: Make, two_days_ago: Any
) -> None:
    for amount in ("50.00", "20.01"):
        Transaction.create(amount, customer=customer)
    two_days_ago()
    Transaction.objects.filter(price=Decimal("20.01")).update(status="voided")
    gateway.faults["iter_transactions"] = lambda call: iter([*call()] * 2)
    sweep(make_run(days=4))
    found = Difference.objects.get(kind="books")
    assert (found.amount_here, found.amount_there) == (Decimal(50), Decimal("70.01"))


def test_a_moment_at_the_end_of_time_stops_nothing(make_run: Make) -> None:
    covered = Covered(datetime(2026, 5, 4, tzinfo=UTC), datetime(2026, 5, 6, tzinfo=UTC))
    assert not covered.has_day(date.max)
    assert not covered.has_day(date.min)
    assert covered.has_day(date(2026, 5, 5))


def test_days_at_the_edge_of_the_window_are_not_judged(make_run: Make) -> None:
    run = make_run()
    covered = Covered(datetime(2026, 5, 4, tzinfo=UTC), datetime(2026, 5, 6, 23, 59, tzinfo=UTC))
    books = Books()
    for day in range(3, 8):
        moment = datetime(2026, 5, day, 12, tzinfo=UTC)
        books.add(moment, "USD", here=Decimal(1), there=Decimal(0))
    books.close(covered, Findings(run))
    days = Difference.objects.order_by("day").values_list("day__day", flat=True)
    assert list(days) == [4, 5]


def test_currencies_do_not_mix(make_run: Make) -> None:
    books = Books()
    books.add(NOON, "USD", here=Decimal("0.10"), there=Decimal("0.10"))
    books.add(NOON, "JPY", here=Decimal(1000), there=Decimal(999))
    books.add(None, "JPY", here=Decimal(5), there=Decimal(0))
    books.close(Covered(NOON - timedelta(days=9), NOON + timedelta(days=9)), Findings(make_run()))
    assert Difference.objects.get().subject == "2026-05-04 JPY"


@pytest.mark.parametrize(
    ("status", "kind", "counts"),
    [
        ("captured", "charge", 30),
        ("settled", "authorization", 30),
        ("settled", "refund", -30),
        ("authorized", "authorization", 0),
        ("voided", "charge", 0),
        ("returned", "charge", 0),
        ("charged_back", "charge", 0),
        ("held", "charge", 0),
    ],
)
def test_what_counts(status: str, kind: str, counts: int) -> None:
    remote = RemoteTransaction(
        transaction_id="1",
        kind=TransactionKind(kind),
        status=RemoteStatus(status),
        amount=Decimal(40),
        currency="USD",
        settled_amount=Decimal(30),
    )
    assert counted_there(remote, kind) == counts


def test_what_counts_is_exact_whatever_the_threads_context_is() -> None:
    remote = RemoteTransaction(
        transaction_id="1",
        kind=TransactionKind.REFUND,
        status=RemoteStatus.SETTLED,
        amount=Decimal("12345.67"),
        currency="USD",
    )
    with localcontext(Context(prec=6)):
        counts = counted_there(remote, "refund")
    assert counts == Decimal("-12345.67")


def test_a_day_adds_up_whatever_the_threads_context_is(make_run: Make) -> None:
    books = Books()
    with localcontext(Context(prec=6)):
        for amount in ("12345.67", "12345.67"):
            books.add(NOON, "USD", here=Decimal(amount), there=Decimal(amount))
        books.add(NOON, "USD", here=Decimal("0.01"), there=Decimal("0.00"))
    books.close(Covered(NOON - timedelta(days=9), NOON + timedelta(days=9)), Findings(make_run()))
    found = Difference.objects.get()
    assert (found.amount_here, found.amount_there) == (Decimal("24691.35"), Decimal("24691.34"))


def test_large_refunds_agree_whatever_the_threads_context_is(
    gateway: RecordingGateway, customer: Customer, make_run: Make, two_days_ago: Any
) -> None:
    with localcontext(Context(prec=6)):
        paid = Transaction.create("1234567.89", customer=customer)
        gateway.bank.settle_batch()
        paid.refund("1234567.88")
        paid.refund("0.01")
        two_days_ago()
        sweep(make_run(days=4))
    assert not Difference.objects.exists()
