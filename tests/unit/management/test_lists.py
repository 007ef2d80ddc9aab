"""Lists and sums: for people, for spreadsheets and for programs."""

from __future__ import annotations

import csv
import datetime
import io
from collections.abc import Callable
from datetime import UTC, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.management.base import OutputWrapper

from django_dinero.csv_rows import FORMULA
from django_dinero.management.tables import Column, csv_text, write_table
from django_dinero.models import CreditCard, Customer, Transaction
from django_dinero.testing.factories import TransactionFactory
from tests.support.recording import RecordingGateway
from tests.unit.management.conftest import Told, rows

pytestmark = pytest.mark.django_db

Make = Callable[..., Customer]
TODAY = datetime.datetime.now(UTC).date()
COLUMNS = (Column("name", "name"), Column("sum", "sum", is_number=True))


# -- Tables --------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_pipe_gets_plain_columns() -> None:
    out = io.StringIO()
    given: list[dict[str, Any]] = [
        {"name": "Ann", "sum": Decimal("5.00")},
        {"name": "\x1b[31mBob", "sum": None},
    ]
    write_table(OutputWrapper(out), COLUMNS, given)
    assert out.getvalue().splitlines() == [
        "name          sum",
        "Ann          5.00",
        "\\x1b[31mBob",
    ]


def test_a_terminal_gets_a_table_without_anybody_elses_markup() -> None:
    out = Terminal()
    write_table(OutputWrapper(out), COLUMNS, [{"name": "[red]Ann[/red]", "sum": Decimal("-5.00")}])
    assert "[red]Ann[/red]" in out.getvalue()
    assert "-5.00" in out.getvalue()


def test_a_narrow_terminal_breaks_no_id(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    out, name = Terminal(), "83854d1cb70b" * 5
    write_table(OutputWrapper(out), COLUMNS, [{"name": name, "sum": Decimal("5.00")}])
    assert f"{name}  5.00" in out.getvalue()


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "\nx", "\uff1d1+1"])
def test_no_cell_is_taken_for_a_formula(text: str) -> None:
    found = csv_text(COLUMNS, [{"name": text, "sum": Decimal("-5.00")}])
    (row,) = csv.DictReader(io.StringIO(found, newline=""))
    assert row == {"name": f"'{text}", "sum": "-5.00"}


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("Bob;=1+1", "Bob;'=1+1"),
        ("Bob\t@x;; -1", "Bob\t'@x;;' -1"),
        ('Bob;"=1+1', "Bob;'\"=1+1"),
        ("Bob\r\n\uff1d1", "Bob\r\n'\uff1d1"),
        ("a; b = c, d-e", "a; b = c, d-e"),
    ],
)
@pytest.mark.parametrize("between", [",", ";", "\t"])
def test_nor_is_a_part_of_one_where_cells_are_parted_otherwise(
    text: str, written: str, between: str
) -> None:
    found = csv_text(COLUMNS, [{"name": text, "sum": Decimal(1)}])
    assert next(csv.DictReader(io.StringIO(found, newline="")))["name"] == written
    lines = csv.reader(io.StringIO(found, newline=""), delimiter=between)
    assert not [cell for line in lines for cell in line if cell.lstrip().startswith(FORMULA)]


# -- Cards ---------------------------------------------------------------------------------------


def expires(customer: Customer, when: datetime.date) -> None:
    CreditCard.objects.filter(customer=customer).update(year=when.year, month=when.month)


def test_cards_that_expire_soon(make_customer: Make, told: Told) -> None:
    dates = (-40, 20, 400)
    for number, days in enumerate(dates):
        expires(make_customer(email=f"c{number}@example.com"), TODAY + timedelta(days=days))
    shown = told("dinero_cards", "--expiring", "100")
    assert ("c0@" in shown, "c1@" in shown, "c2@" in shown) == (True, True, False)
    assert "c2@" in told("dinero_cards")
    found = rows(told("dinero_cards", "--json", "--default"), "cards")
    assert [each["email"][:2] for each in found] == ["c0", "c1", "c2"]
    assert {(each["last_4"], each["is_default"]) for each in found} == {("1111", True)}
    (row,) = csv.DictReader(io.StringIO(told("dinero_cards", "--csv", "--expiring", "1")))
    assert row["email"] == "c0@example.com"


def test_the_cards_of_one_customer(make_customer: Make, told: Told) -> None:
    for name in ("ann", "bob"):
        make_customer(email=f"{name}@example.com")
    shown = told("dinero_cards", "--customer", "ANN@example.com")
    assert ("ann@" in shown, "bob@" in shown) == (True, False)
    assert "There is no customer eve@example.com." in told(
        "dinero_cards", "--customer", "eve@example.com", ends=1
    )


def test_who_is_at_another_gateway_is_said_to_be_there(
    settings: Any, make_customer: Make, told: Told
) -> None:
    make_customer(email="ann@example.com")
    gateways = settings.DINERO["GATEWAYS"]
    settings.DINERO = {
        **settings.DINERO,
        "GATEWAYS": {**gateways, "other": gateways["default"]},
    }
    text = "There is no customer ann@example.com at other. There is one at: default."
    asked = ("--customer", "ann@example.com", "--gateway", "other")
    assert text in told("dinero_cards", *asked, ends=1)
    assert text in told("dinero_charge", "5", *asked, "--no-input", ends=1)


def test_a_card_is_good_until_the_end_of_its_month(
    make_customer: Make, told: Told, monkeypatch: Any
) -> None:
    customer = make_customer()
    CreditCard.objects.update(year=2026, month=3)
    now = datetime.datetime(2026, 2, 28, 12, tzinfo=UTC)
    monkeypatch.setattr("django.utils.timezone.now", lambda: now)
    assert customer.email not in told("dinero_cards", "--expiring", "30")
    assert customer.email in told("dinero_cards", "--expiring", "31")


def test_no_card_and_no_gateway(gateway: RecordingGateway, told: Told) -> None:
    assert told("dinero_cards", "--expiring") == "There is no such card.\n"
    assert "No gateway is called" in told("dinero_cards", "--gateway", "gone", ends=1)


# -- Sums ----------------------------------------------------------------------------------------


def test_a_day_adds_up_what_counts(
    gateway: RecordingGateway, customer: Customer, settled: Transaction, told: Told
) -> None:
    Transaction.create("10.00", customer=customer).void()
    Transaction.create("20.00", customer=customer, settle=False).capture("15.00")
    settled.refresh_from_db()
    settled.refund("5.00")
    (day,) = rows(told("dinero_report", "--json"), "days")
    assert (day["day"], day["currency"]) == (TODAY.isoformat(), "USD")
    assert (day["charges"], day["charged"]) == (2, "65.00")
    assert (day["refunds"], day["refunded"], day["net"]) == (1, "5.00", "60.00")
    assert "60.00" in told("dinero_report")
    (row,) = csv.DictReader(io.StringIO(told("dinero_report", "--csv")))
    assert row["net"] == "60.00"


def test_a_payment_that_came_back_takes_its_refunds_along(settled: Transaction, told: Told) -> None:
    settled.refund("20.00")
    Transaction.objects.filter(pk=settled.pk).update(
        status="charged_back", settled_at=datetime.datetime.now(UTC), batch_id="B-9"
    )
    Transaction.objects.filter(parent=settled).update(
        status="settled", settled_at=datetime.datetime.now(UTC), batch_id="B-9"
    )
    (day,) = rows(told("dinero_report", "--json"), "days")
    assert (day["charges"], day["refunds"], day["refunded"], day["net"]) == (0, 0, "0.00", "0.00")
    (batch,) = rows(told("dinero_report", "batches", "--json"), "batches")
    assert (batch["charged"], batch["refunded"], batch["net"]) == ("50.00", "20.00", "30.00")


def test_days_are_those_of_utc(charge: Transaction, told: Told) -> None:
    late = datetime.datetime(2026, 5, 4, 23, 59, 59, tzinfo=UTC)
    Transaction.objects.update(created_at=late)
    period = ("--since", "2026-05-04", "--until", "2026-05-04")
    (day,) = rows(told("dinero_report", *period, "--json"), "days")
    assert day["day"] == "2026-05-04"
    period = ("--since", "2026-05-05", "--until", "2026-05-06")
    assert told("dinero_report", *period) == "There is nothing to report.\n"


def test_the_days_are_30_with_today(charge: Transaction, told: Told) -> None:
    for days, count in ((29, 1), (30, 0)):
        made = datetime.datetime.now(UTC) - datetime.timedelta(days=days)
        Transaction.objects.update(created_at=made)
        assert len(rows(told("dinero_report", "--json"), "days")) == count


def test_what_is_refused_is_counted(charge: Transaction, told: Told) -> None:
    Transaction.objects.update(status="declined")
    for kind in ("capture", "void"):
        TransactionFactory(parent=charge, kind=kind, status="declined")
    (day,) = rows(told("dinero_report", "--json"), "days")
    assert (day["declined"], day["charges"], day["charged"]) == (1, 0, "0.00")


def test_a_batch_stays_as_it_was_settled(settled: Transaction, told: Told) -> None:
    night = datetime.datetime.now(UTC)
    Transaction.objects.update(status="charged_back", settled_at=night, batch_id="B-9")
    (batch,) = rows(told("dinero_report", "batches", "--json"), "batches")
    assert (batch["batch_id"], batch["charged"], batch["day"]) == (
        *("B-9", "50.00"),
        night.date().isoformat(),
    )
    assert "B-9" in told("dinero_report", "batches")


def test_authorizations_that_run_out(
    customer: Customer, authorization: Transaction, told: Told
) -> None:
    Transaction.create("9.00", customer=customer, settle=False).capture()
    assert told("dinero_report", "authorizations") == "There is nothing to report.\n"
    old = datetime.datetime.now(UTC) - timedelta(days=6, hours=1)
    Transaction.objects.update(created_at=old)
    (found,) = rows(told("dinero_report", "authorizations", "--json"), "authorizations")
    assert (found["id"], found["price"], found["days"]) == (
        *(str(authorization.public_id), "50.00"),
        6,
    )
    assert told("dinero_report", "authorizations", "--older", "7") == (
        "There is nothing to report.\n"
    )


@pytest.mark.parametrize("date", ["yesterday", "2026-13-01", "4.5.2026"])
def test_a_wrong_date_is_named(gateway: RecordingGateway, told: Told, date: str) -> None:
    assert "a date like 2026-11-28" in told("dinero_report", "--since", date, ends=1)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("authorizations", "--since", "2026-11-01"), "they have --older"),
        (("authorizations", "--until", "2026-11-01"), "they have --older"),
        (("days", "--older", "3"), "--older is for authorizations"),
        (("batches", "--older", "3"), "--older is for authorizations"),
    ],
)
def test_an_option_of_another_report_is_refused(
    gateway: RecordingGateway, told: Told, arguments: tuple[str, ...], says: str
) -> None:
    assert says in told("dinero_report", *arguments, ends=1)


def test_a_period_has_an_order(gateway: RecordingGateway, told: Told) -> None:
    period = ("--since", "2026-05-04", "--until", "2026-05-03")
    assert "--until lies before --since." in told("dinero_report", *period, ends=1)
