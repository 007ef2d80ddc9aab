"""The tables of a fault run: counted from histories, and strict about points hardly met."""

from __future__ import annotations

import re
from typing import Any

from tests.faults.found import Books
from tests.faults.points import POINTS, Point, When
from tests.faults.shops import shops
from tests.faults.table import ENOUGH, FULL, Tally

(SHOP,) = shops(7, 40, ("sqlite",))
(FIRST, *_OTHERS) = shops(7, FULL, ("sqlite",))
SUMS = {"USD": ["10.00", "9.50", "1.00", "1.00"]}


def events() -> list[dict[str, Any]]:
    """A verb that is killed after the bank has charged, and one that meets a fault."""
    sent = {"who": "w0", "what": "operation", "old": "new", "new": "sent"}
    request = {"who": "bank", "of": "w0", "what": "request", "fault": "", "kind": "charge"}
    kill = {"who": "bank", "of": "w0", "what": "kill", "when": "after request", "where": "charge"}
    lost = {**request, "of": "w1", "fault": "drop_after", "kind": "read"}
    return [
        {"who": "w0", "what": "begun"},
        sent,
        request,
        kill,
        {"who": "w1", "what": "begun"},
        lost,
    ]


def table(books: Books) -> dict[str, list[str]]:
    """The cells of each row, by its name."""
    tally = Tally()
    tally.add(SHOP, events(), books)
    rows = (re.split("  +", line) for line in tally.lines() if line)
    return {name: cells for name, *cells in rows}


def test_points_are_counted_by_the_state_of_the_operation() -> None:
    rows = table(Books())
    assert rows["SIGKILL after request: charge"] == ["1", "0", "0", "1", "0", "0"]
    assert rows["SIGKILL before request: charge"] == ["0"] * 6
    assert rows["cut in place of the reply: read"] == ["1", "1", "0", "0", "0", "0"]


def test_each_invariant_has_its_column() -> None:
    lines = {"doubled": ["one"], "vault": ["two", "three"], "open": []}
    expected = ["1", "2", "2", "1", "1", "0", "1", "0", "0", "0", "0", "0", "2"]
    rows = table(Books(lines))
    assert rows["all"] == rows[f"sqlite, {SHOP.semantics}"] == expected


def test_sums_stand_by_currency_with_their_difference() -> None:
    assert table(Books({}, SUMS))["USD"] == ["10.00", "9.50", "1.00", "1.00", "0.50"]


def test_only_a_full_run_has_to_meet_each_point_often() -> None:
    tally = Tally()
    tally.add(SHOP, (), Books())
    assert tally.missed() == []


def test_a_full_run_that_hardly_met_a_point_fails() -> None:
    tally = Tally()
    for terms in shops(7, FULL, ("sqlite",)):
        tally.add(terms, (), Books())
    for point in POINTS:
        tally.hits[point.name]["sent"] = ENOUGH
    assert tally.missed() == []
    rare = Point(When.after_request, "refund").name
    tally.hits[rare]["sent"] = ENOUGH - 1
    assert tally.missed() == [f"rarely met: {rare} {ENOUGH - 1} times"]


def test_what_the_comparison_printed_is_read_again() -> None:
    books = Books({"lost": ["lost: 1"]}, SUMS, {"rows": 2})
    assert Books.read(books.write()) == books
    assert books.with_crashes(["crashed: w0"]).differences == ["lost: 1", "crashed: w0"]
    assert Books.read("Traceback").differences == ["the comparison broke off"]
