"""The bank's own Accept.js: the script, what it posts, and the codes of what is wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from django_dinero.redaction import Secret
from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.bank.enums import Reason
from django_dinero.sandbox.bank.records import BankRefusal, Order, Token
from django_dinero.sandbox.dialects.authorizenet.accept import (
    DESCRIPTOR,
    ERRORS,
    SCRIPT_PATH,
    TOKEN_PATH,
)
from django_dinero.sandbox.dialects.authorizenet.dialect import AuthorizeNetDialect
from django_dinero.sandbox.http.exchange import Request, Response

KEYS = {"apiLoginID": "sandbox-login", "clientKey": "sandbox-client-key"}
CARD = {"cardNumber": "4111 1111 1111 1111", "month": "12", "year": "2040", "cardCode": "900"}


@pytest.fixture
def bank() -> Iterator[Bank]:
    bank = Bank()
    yield bank
    bank.close()


def ask(bank: Bank, body: bytes, method: str = "POST", path: str = TOKEN_PATH) -> Response:
    dialect = AuthorizeNetDialect(bank)
    assert method in dialect.route.methods_at(path)
    return dialect.answer(Request(method, path, {"Content-Type": "application/json"}, body))


def post(bank: Bank, card: dict[str, Any], keys: dict[str, Any] | None = None) -> dict[str, Any]:
    body = {"authData": KEYS if keys is None else keys, "cardData": card}
    response = ask(bank, json.dumps(body).encode())
    assert response.status == 200
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    found: dict[str, Any] = json.loads(response.body)
    return found


def codes(answer: dict[str, Any]) -> list[str]:
    assert answer["messages"]["resultCode"] == "Error"
    assert "opaqueData" not in answer
    told = {each["code"]: each["text"] for each in answer["messages"]["message"]}
    assert told == {code: ERRORS[code] for code in told}
    return list(told)


def token(bank: Bank) -> str:
    answer = post(bank, CARD)
    assert answer["messages"]["resultCode"] == "Ok"
    assert answer["opaqueData"]["dataDescriptor"] == DESCRIPTOR
    found: str = answer["opaqueData"]["dataValue"]
    return found


def spend(bank: Bank, value: str) -> str:
    verdict = bank.charge(
        Token(Secret(value)), Decimal("5.00"), operation_key="K1", order=Order(), currency="USD"
    )
    assert verdict.row is not None
    return verdict.row.last_4


def test_the_script_has_the_interface_of_the_real_one(bank: Bank) -> None:
    response = ask(bank, b"", "GET", SCRIPT_PATH)
    assert response.headers["Content-Type"].startswith("text/javascript")
    assert b"window.Accept" in response.body
    assert b"dispatchData" in response.body


def test_a_card_becomes_a_token_that_pays_once(bank: Bank) -> None:
    value = token(bank)
    assert spend(bank, value) == "1111"
    with pytest.raises(BankRefusal) as caught:
        spend(bank, value)
    assert caught.value.reason is Reason.TOKEN_USED


def test_a_token_lives_for_a_quarter_of_an_hour(bank: Bank) -> None:
    early, late = token(bank), token(bank)
    bank.clock.advance(14 * 60)
    assert spend(bank, early) == "1111"
    bank.clock.advance(60)
    with pytest.raises(BankRefusal) as caught:
        spend(bank, late)
    assert caught.value.reason is Reason.TOKEN_EXPIRED


def test_a_year_of_two_digits(bank: Bank) -> None:
    assert post(bank, CARD | {"year": "40"})["messages"]["resultCode"] == "Ok"


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"cardNumber": "4111111111111112"}, ["E_WC_05"]),
        ({"cardNumber": ""}, ["E_WC_05"]),
        ({"cardNumber": 4111111111111111}, ["E_WC_05"]),
        ({"cardNumber": "\u0664" * 16}, ["E_WC_05"]),
        ({"month": "13"}, ["E_WC_06"]),
        ({"month": ""}, ["E_WC_06"]),
        ({"year": "040"}, ["E_WC_07"]),
        ({"year": "2020"}, ["E_WC_08"]),
        ({"cardCode": "12"}, ["E_WC_15"]),
        ({"cardCode": "abc"}, ["E_WC_15"]),
        ({"zip": "1" * 21}, ["E_WC_16"]),
        ({"fullName": "x" * 65}, ["E_WC_17"]),
        ({"cardNumber": "1", "month": "0", "year": ""}, ["E_WC_05", "E_WC_06", "E_WC_07"]),
    ],
)
def test_what_is_wrong_with_a_card(
    bank: Bank, changed: dict[str, Any], expected: list[str]
) -> None:
    assert codes(post(bank, CARD | changed)) == expected


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"clientKey": "sandbox-client-key"}, "E_WC_10"),
        ({"apiLoginID": "sandbox-login"}, "E_WC_18"),
        (KEYS | {"clientKey": "sandbox-key"}, "E_WC_21"),
        (KEYS | {"apiLoginID": "somebody"}, "E_WC_21"),
        (KEYS | {"apiLoginID": "s\u00e4ndbox"}, "E_WC_21"),
    ],
)
def test_what_is_wrong_with_the_keys(bank: Bank, keys: dict[str, Any], expected: str) -> None:
    assert codes(post(bank, CARD, keys)) == [expected]


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"\xff", b"[" * 100_000, b'{"authData": 1}'])
def test_what_is_no_card_at_all(bank: Bank, body: bytes) -> None:
    assert codes(json.loads(ask(bank, body).body)) == ["E_WC_04"]


def test_nothing_of_a_card_comes_back(bank: Bank) -> None:
    body = json.dumps({"authData": KEYS, "cardData": CARD | {"month": "99"}}).encode()
    answer = ask(bank, body).body
    assert b"4111" not in answer
    assert b"900" not in answer


def test_a_browser_may_ask_first(bank: Bank) -> None:
    response = ask(bank, b"", "OPTIONS")
    assert response.status == 204
    assert response.headers["Access-Control-Allow-Headers"] == "Content-Type"


def test_requests_are_counted_and_can_be_told_not_yet(bank: Bank) -> None:
    dialect = AuthorizeNetDialect(bank)
    request = Request("POST", TOKEN_PATH, {}, b"{}")
    assert dialect.operation_of(request) == "token"
    assert dialect.operation_of(Request("GET", SCRIPT_PATH)) == "Accept.js"
    assert codes(json.loads(dialect.not_found(request).body)) == ["E_WC_19"]
