"""The controls of a served test bank."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from django_dinero.redaction import Secret
from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.bank.records import PlainCard, Token
from django_dinero.sandbox.bank.triggers import ACTION_NUMBER
from django_dinero.sandbox.dialects.default import default_notifier
from django_dinero.sandbox.http.controls import CONTROLS, Control, Counts
from django_dinero.sandbox.http.faults import Faults
from django_dinero.sandbox.http.sender import Sender
from tests.support.testbank import plain, row_of

VISA = "4111111111111111"


class Controls:
    """Uses them."""

    def __init__(self, bank: Bank) -> None:
        self.faults = Faults()
        self.counts = Counts()
        self.sender = Sender(bank, default_notifier(bank))
        self.control = Control(bank, self.faults, self.counts, self.sender)

    def __call__(self, method: str, name: str, given: object = None) -> tuple[int, Any]:
        body = b"" if given is None else json.dumps(given).encode()
        reply = self.control.answer(method, name, body)
        assert reply.headers["Content-Type"] == "application/json"
        return reply.status, json.loads(reply.body)


@pytest.fixture
def use(bank: Bank) -> Controls:
    return Controls(bank)


def charge(bank: Bank) -> str:
    verdict = bank.charge(PlainCard(Secret(VISA), 12, 2040), Decimal("10.00"))
    assert verdict.row is not None
    return verdict.row.id


def test_settle(bank: Bank, use: Controls) -> None:
    assert use("POST", "settle") == (200, {"batch": "", "count": 0})
    row = charge(bank)
    status, given = use("POST", "settle")
    assert (status, given["count"]) == (200, 1)
    assert bank.retrieve_transaction(row).batch_id == given["batch"]


def test_hold(bank: Bank, use: Controls) -> None:
    assert use("POST", "hold", {"count": 1}) == (200, {"hold": 1})
    assert bank.retrieve_transaction(charge(bank)).status == "held"


def test_advance(bank: Bank, use: Controls) -> None:
    before = bank.clock.now()
    status, given = use("POST", "advance", {"seconds": 3600})
    assert status == 200
    assert given["now"] > before.isoformat()
    assert (bank.clock.now() - before).total_seconds() >= 3600


def test_mint(bank: Bank, use: Controls) -> None:
    status, given = use("POST", "mint", {"number": VISA, "month": 12, "year": 2040, "cvv": "901"})
    assert status == 200
    verdict = bank.charge(Token(Secret(given["token"])), Decimal("10.00"))
    assert verdict.reason == "cvv"
    assert use("POST", "mint", {"number": "4111111111111112"}) == (
        409,
        {"error": "invalid_number"},
    )


def test_chargeback_and_return(bank: Bank, use: Controls) -> None:
    first, second = charge(bank), charge_again(bank)
    assert use("POST", "chargeback", {"id": first}) == (409, {"error": "not_settled"})
    bank.settle_batch()
    assert use("POST", "chargeback", {"id": first})[1]["status"] == "charged_back"
    assert use("POST", "return", {"id": second})[1]["status"] == "returned"


def test_actions(bank: Bank, use: Controls) -> None:
    asked = [row_of(bank.charge(plain(ACTION_NUMBER), Decimal(n))) for n in (1, 2)]
    assert use("POST", "finish_action", {"id": asked[0].id})[1]["status"] == "captured"
    assert use("POST", "refuse_action", {"id": asked[1].id})[1]["status"] == "declined"
    assert use("POST", "finish_action", {"id": asked[1].id}) == (409, {"error": "no_action"})


def charge_again(bank: Bank) -> str:
    verdict = bank.charge(PlainCard(Secret(VISA), 12, 2040), Decimal("11.00"))
    assert verdict.row is not None
    return verdict.row.id


def test_fault(use: Controls) -> None:
    status, given = use(
        "POST", "fault", {"name": "delay", "operation": "x", "times": 2, "seconds": 3}
    )
    assert status == 200
    assert given["faults"] == [{"name": "delay", "operation": "x", "times": 2, "seconds": 3.0}]
    assert use("POST", "fault", {}) == (200, {"faults": []})
    assert use.faults.waiting() == ()


def test_stats(bank: Bank, use: Controls) -> None:
    use.counts.connected()
    use.counts.requested("authenticateTestRequest")
    use.counts.requested("")
    use.faults.add("die")
    status, given = use("GET", "stats")
    assert status == 200
    assert given["connections"] == 1
    assert given["requests"] == {"authenticateTestRequest": 1, "(none)": 1}
    assert [fault["name"] for fault in given["faults"]] == ["die"]
    assert use("GET", "connections") == (200, {"connections": 1})


@pytest.mark.parametrize(
    ("method", "name"), [("GET", "settle"), ("POST", "stats"), ("POST", "x"), ("PUT", "hold")]
)
def test_unknown_controls(use: Controls, method: str, name: str) -> None:
    status, given = use(method, name)
    assert status == 404
    assert "There are: GET connections, stats, webhooks; POST settle" in given["error"]


@pytest.mark.parametrize(
    ("name", "given", "words"),
    [
        ("advance", {"seconds": "soon"}, "seconds: "),
        ("advance", {"seconds": True}, "seconds: "),
        ("advance", {"seconds": -1}, "seconds: "),
        ("hold", {"count": 1.5}, "count: "),
        ("mint", {}, "number: "),
        ("mint", {"number": 4111111111111111}, "number: "),
        ("fault", {"name": "explode"}, "name: "),
        ("fault", [], "not a JSON object"),
        ("webhook", {"name": "burn"}, "name: "),
        ("webhook", {"name": "late", "times": 0}, "times: "),
        ("webhook", {"name": "late", "seconds": -1}, "seconds: "),
        ("hold", {"count": 0}, "count: "),
        ("hold", {"count": -3}, "count: "),
        ("advance", {}, "seconds: is missing"),
        ("advance", {"seconds": 1e300}, "the calendar ends before that"),
        ("advance", {"secnds": 5}, 'secnds: no such value; advance takes {"seconds": 86400}'),
        ("chargeback", {}, "id: is missing"),
    ],
)
def test_bad_values(use: Controls, name: str, given: object, words: str) -> None:
    status, answer = use("POST", name, given)
    assert status == 400
    assert words in answer["error"]


def test_no_json(use: Controls) -> None:
    reply = use.control.answer("POST", "hold", b"{")
    assert reply.status == 400
    assert json.loads(reply.body) == {"error": 'The body is not JSON; hold takes {"count": 1}.'}


def test_the_time_stays_where_it_cannot_go(bank: Bank, use: Controls) -> None:
    before = bank.clock.now()
    assert use("POST", "advance", {"seconds": 1e12})[0] == 400
    assert (bank.clock.now() - before).total_seconds() < 60


def test_the_examples_of_all_controls_are_of_their_kind(bank: Bank, use: Controls) -> None:
    statuses = {name: use("POST", name, dict(takes))[0] for name, takes in CONTROLS.items()}
    # There is no such transaction yet.
    about_one = {"chargeback", "return", "finish_action", "refuse_action"}
    assert {statuses.pop(name) for name in about_one} == {409}
    assert set(statuses.values()) == {200}
