"""Sums of transactions: the database's and our own are the same."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Context, Decimal, localcontext

import pytest

from django_dinero.enums import TransactionKind
from django_dinero.models import Transaction
from django_dinero.models.family import Family
from django_dinero.models.totals import Total, totals, totals_of
from django_dinero.services.report import by_day
from django_dinero.testing.factories import TransactionFactory

pytestmark = pytest.mark.django_db


def test_rows_are_added_up_by_currency_and_mode() -> None:
    for live in (True, False):
        paid = TransactionFactory(price="20", status="settled", live=live)
        TransactionFactory(parent=paid, kind="refund", price="5.50", live=live)
        TransactionFactory(parent=paid, kind="refund", price="1", status="declined", live=live)
    authorized = TransactionFactory(kind="authorization", price="70", live=True)
    TransactionFactory(parent=authorized, kind="capture", price="60", live=True)
    TransactionFactory(price="300", currency="JPY", live=True, status="declined")
    found = totals(Transaction.objects.all())
    assert found == [
        Total("JPY", True, 1, Decimal(300), Decimal(0), Decimal(0)),
        Total("USD", True, 5, Decimal("156.50"), Decimal(80), Decimal("5.50")),
        Total("USD", False, 3, Decimal("26.50"), Decimal(20), Decimal("5.50")),
    ]
    assert [each.net for each in found] == [Decimal(0), Decimal("74.50"), Decimal("14.50")]
    assert [str(each.charged) for each in found] == ["0", "80.00", "20.00"]


def test_those_that_are_here_come_to_the_same() -> None:
    for number in range(12):
        row = TransactionFactory(price=f"{number + 1}.1", live=number % 2 == 0)
        TransactionFactory(parent=row, kind="refund", price="0.4", live=number % 2 == 0)
        TransactionFactory(price="3", currency="JPY", status="declined", live=number % 3 == 0)
    rows = Transaction.objects.all()
    assert totals_of(rows) == totals(rows)
    assert str(totals_of(rows)) == str(totals(rows))


@pytest.mark.parametrize("status", ["charged_back", "returned"])
def test_of_a_payment_that_came_back_no_refund_counts(status: str) -> None:
    lost = TransactionFactory(price="100", status=status)
    TransactionFactory(parent=lost, kind="refund", price="40")
    authorized = TransactionFactory(kind="authorization", price="70")
    captured = TransactionFactory(parent=authorized, kind="capture", price="60", status=status)
    TransactionFactory(parent=captured, kind="refund", price="10", status="settled")
    TransactionFactory(parent=TransactionFactory(price="20"), kind="refund", price="5")
    rows = Transaction.objects.all()
    for (found,) in (totals(rows), totals_of(rows)):
        assert (found.count, found.amount) == (7, Decimal(305))
        assert (found.charged, found.refunded) == (Decimal(20), Decimal(5))
        assert found.net == Decimal(15)


def test_no_sum_is_rounded_to_what_a_thread_asks_for() -> None:
    day = datetime.now(UTC).date()
    paid = TransactionFactory(price="1234567.89", status="settled")
    TransactionFactory(price="1234567.89")
    authorized = TransactionFactory(kind="authorization", price="7654321.21")
    for price in ("1234567.89", "1234567.12"):
        TransactionFactory(parent=authorized, kind="capture", price=price)
    TransactionFactory(parent=paid, kind="refund", price="0.01")
    with localcontext(Context(prec=6)):
        for (found,) in (totals(Transaction.objects.all()), totals_of(Transaction.objects.all())):
            assert (str(found.charged), str(found.net)) == ("4938270.79", "4938270.78")
        (line,) = by_day([paid.gateway_name], day, day)
        assert str(line.net) == "4938270.78"
        assert str(Family.of(authorized).captured) == "2469135.01"


def test_what_was_taken_is_the_same_sum_wherever_it_is_asked_for() -> None:
    authorized = TransactionFactory(kind="authorization", price="9999999999.99")
    for price in ("9999999999.97", "0.01"):
        captured = TransactionFactory(parent=authorized, kind="capture", price=price)
        TransactionFactory(parent=captured, kind="refund", price=price, status="settled")
    declined = TransactionFactory(status="declined")
    for row in (authorized, declined):
        family = Family.of(row)
        assert str(row.captured_amount) == str(family.captured)
        assert str(row.refunded_amount) == str(family.sum_of(TransactionKind.REFUND))
    assert str(declined.captured_amount) == "0.00"
    assert str(authorized.refunded_amount) == "9999999999.98"


def test_nothing_comes_to_nothing() -> None:
    assert totals(Transaction.objects.all()) == totals_of([]) == []
