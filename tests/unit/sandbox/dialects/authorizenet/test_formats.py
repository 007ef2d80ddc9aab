"""XML and JSON at one address: the content type decides, for requests, replies and errors."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.dialects.authorizenet.dialect import AuthorizeNetDialect
from tests.support.authorizenet import VISA, posted, request
from tests.support.authorizenet_json import JSON, request_in_json

Send = Callable[..., Any]
NUMBER = "4012888818888"
LOGIN = {"name": "sandbox-login", "transactionKey": "sandbox-key"}
_TEXTS = st.text() | st.sampled_from(["email", "paymentProfiles", "payment", "creditCard", VISA])
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _TEXTS,
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(_TEXTS, inside, max_size=4),
    max_leaves=20,
)


@pytest.fixture
def send(bank: Bank) -> Send:
    """Posts a body as JSON and reads the reply."""

    def post(body: bytes, content_type: str = JSON) -> Any:
        reply = AuthorizeNetDialect(bank).answer(posted(body, content_type))
        assert reply.status == 200
        assert reply.headers == {"Content-Type": "application/json; charset=utf-8"}
        return json.loads(reply.body.decode("utf-8-sig"))

    return post


@pytest.fixture(scope="module")
def dialect() -> Iterator[AuthorizeNetDialect]:
    """A bank that many requests share."""
    bank = Bank()
    yield AuthorizeNetDialect(bank)
    bank.close()


def error(code: str, text: str) -> dict[str, object]:
    return {"messages": {"resultCode": "Error", "message": [{"code": code, "text": text}]}}


@pytest.mark.parametrize(
    "content_type", [JSON, "application/json; charset=utf-8", "Application/JSON"]
)
def test_json_is_answered_in_json(send: Send, content_type: str) -> None:
    body = request_in_json(request("authenticateTest", ref_id="r1"))
    assert send(body, content_type) == {
        "refId": "r1",
        "messages": {"resultCode": "Ok", "message": [{"code": "I00001", "text": "Successful."}]},
    }


def test_errors_come_in_json_too(send: Send) -> None:
    assert send(b"{") == error("E00003", "The request is not well-formed JSON. Line 1, position 2.")
    assert send(request("authenticateTest"))["messages"]["message"][0]["code"] == "E00003"
    wrong = request_in_json(request("createTransaction", login=""))
    assert send(wrong)["messages"]["message"][0]["code"] == "E00003"
    stranger = request("authenticateTest").replace(b"sandbox-key", b"wrong")
    assert send(request_in_json(stranger)) == error(
        "E00007", "User authentication failed due to invalid authentication values."
    )


@given(_VALUES)
def test_whatever_is_sent_is_answered(dialect: AuthorizeNetDialect, value: object) -> None:
    """With what the schema says of it, and never because the bank failed."""
    inside = {"merchantAuthentication": LOGIN, "profile": value}
    body = json.dumps({"createCustomerProfileRequest": inside}).encode()
    reply = dialect.answer(posted(body, JSON))
    assert reply.status == 200
    found = json.loads(reply.body.decode("utf-8-sig"))
    assert found["messages"]["message"][0]["code"] not in ("E00001", "E00053")


def test_json_under_another_content_type_is_no_json(bank: Bank) -> None:
    body = request_in_json(request("authenticateTest"))
    for content_type, code in (("text/xml", b"E00003"), ("", b"E00002"), ("text/json", b"E00002")):
        reply = AuthorizeNetDialect(bank).answer(posted(body, content_type))
        assert reply.body.startswith(b"\xef\xbb\xbf<?xml")
        assert b"<code>" + code + b"</code>" in reply.body


def test_not_found_comes_in_json_too(bank: Bank) -> None:
    dialect = AuthorizeNetDialect(bank, bom=False)
    body = request_in_json(request("getCustomerProfileIds", ref_id="r1"))
    found = json.loads(dialect.not_found(posted(body, JSON)).body)
    assert (found["refId"], found["ids"]) == ("r1", [])
    assert found["messages"]["message"][0]["code"] == "E00040"
    found = json.loads(dialect.not_found(posted(b"[]", JSON)).body)
    assert found["messages"]["message"][0]["code"] == "E00003"


@pytest.mark.parametrize(
    ("body", "operation"),
    [
        (b'{"createTransactionRequest":{"a":1}}', "createTransactionRequest"),
        (b'\xef\xbb\xbf\n{\n  "getCustomerProfileRequest" : {', "getCustomerProfileRequest"),
        (b"", ""),
        (b"[]", ""),
        (b'{"": 1}', ""),
        (b'{"a\\u0062": 1}', ""),
        (b'["createTransactionRequest"]', ""),
        (b" " * 3000 + b'{"late": 1}', ""),
    ],
)
def test_an_operation_is_the_name_in_the_object(bank: Bank, body: bytes, operation: str) -> None:
    assert AuthorizeNetDialect(bank).operation_of(posted(body, JSON)) == operation


def test_no_secret_of_a_request_is_logged(
    send: Send, bank: Bank, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Not when it is no JSON, not when the schema refuses it, not when the bank fails."""
    card = f"<creditCard><cardNumber>{NUMBER}</cardNumber><expirationDate>2040-12</expirationDate>"
    kind = "<transactionType>authCaptureTransaction</transactionType><amount>1</amount>"
    inner = f"{kind}<payment>{card}</creditCard></payment>"
    body = request("createTransaction", f"<transactionRequest>{inner}</transactionRequest>")
    good = request_in_json(body)

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("the bank is broken")

    with caplog.at_level(logging.DEBUG):
        assert send(good)["transactionResponse"]["accountNumber"] == "XXXX8888"
        for bad in (good[:-1], good.replace(b'"payment"', b'"refTransId"'), good + good):
            assert send(bad)["messages"]["message"][0]["code"] == "E00003"
        monkeypatch.setattr(bank, "charge", fail)
        assert send(good)["messages"]["message"][0]["code"] == "E00001"
    assert "the bank is broken" in caplog.text
    for secret in (NUMBER, VISA, "sandbox-key"):
        assert secret not in caplog.text
