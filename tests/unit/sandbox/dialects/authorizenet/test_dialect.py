"""The dialect as a whole: credentials, heads of replies, every operation, hostile bodies."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from django_dinero.protocols.authorizenet import REPLY_ROOTS, UNSIGNED
from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.dialects.authorizenet.dialect import AuthorizeNetDialect
from tests.support.authorizenet import NAMESPACE, VISA, Talk, card, posted, request


def login(name: str, key: str) -> str:
    inside = (f"<name>{name}</name>" if name else "") + (
        f"<transactionKey>{key}</transactionKey>" if key else ""
    )
    return f"<merchantAuthentication>{inside}</merchantAuthentication>"


@pytest.mark.parametrize(
    ("name", "key", "code"),
    [
        ("", "sandbox-key", "E00006"),
        ("sandbox-login", "", "E00005"),
        ("sandbox-login", "wrong", "E00007"),
        ("wrong", "sandbox-key", "E00007"),
        ("ä", "ö", "E00007"),
    ],
)
def test_credentials(talk: Talk, name: str, key: str, code: str) -> None:
    answer = talk.raw(request("authenticateTest", ref_id="r1", login=login(name, key)))
    assert (answer.name, answer.code, answer.ok) == ("authenticateTestResponse", code, False)
    assert answer["refId"] == "r1"


def test_wrong_credentials_keep_the_operations_root(talk: Talk) -> None:
    body = request(
        "createTransaction",
        "<transactionRequest><transactionType>voidTransaction</transactionType>"
        "</transactionRequest>",
        login=login("a", "b"),
    )
    answer = talk.raw(body)
    assert answer.name == "createTransactionResponse"
    assert answer.words == "User authentication failed due to invalid authentication values."
    assert answer["transactionResponse"] == ""


def test_a_session_token_is_no_key(talk: Talk) -> None:
    token = (
        "<merchantAuthentication><name>sandbox-login</name><sessionToken>x</sessionToken>"
        "</merchantAuthentication>"
    )
    assert talk.raw(request("authenticateTest", login=token)).code == "E00005"


def test_authenticate(talk: Talk) -> None:
    answer = talk("authenticateTest")
    assert (answer.code, answer.words, answer.ok) == ("I00001", "Successful.", True)
    assert "refId" not in answer


def test_ref_id_is_echoed_and_escaped(talk: Talk) -> None:
    assert talk("authenticateTest", ref_id="a&lt;b&amp;c")["refId"] == "a<b&c"


def test_merchant_details(talk: Talk) -> None:
    answer = talk("getMerchantDetails")
    assert answer["isTestMode"] == "false"
    assert answer["publicClientKey"] == talk.bank.account.client_key
    assert answer.all("currencies/currency") == ["USD"]


def test_what_is_malformed_has_its_own_root(talk: Talk) -> None:
    answer = talk.raw(b"<nonsense/>")
    assert (answer.name, answer.code, answer.ok) == ("ErrorResponse", "E00045", False)
    answer = talk.raw(request("authenticateTest"), "text/plain")
    assert (answer.name, answer.code) == ("ErrorResponse", "E00002")


def test_an_echoed_value_stays_xml(talk: Talk) -> None:
    answer = talk(
        "createTransaction",
        "<transactionRequest><transactionType>x</transactionType>"
        f"{card('4111&lt;/code&gt;&amp;' + '1' * 16)}</transactionRequest>",
    )
    assert answer.code == "E00003"
    assert "'4111</code>&1" in answer.words


def test_without_a_byte_order_mark(bank: Bank) -> None:
    reply = AuthorizeNetDialect(bank, bom=False).answer(posted(request("authenticateTest")))
    assert reply.body.startswith(b'<?xml version="1.0" encoding="utf-8"?><authenticateTestResponse')
    assert reply.headers["Content-Type"] == "application/xml; charset=utf-8"


def test_a_repr_shows_no_body(bank: Bank) -> None:
    assert "authenticate" not in repr(
        AuthorizeNetDialect(bank).answer(posted(request("authenticateTest")))
    )


@pytest.mark.parametrize("root", sorted(REPLY_ROOTS))
def test_every_operation_refuses_an_empty_body_or_answers(talk: Talk, root: str) -> None:
    answer = talk(root.removesuffix("Request"))
    assert answer.name in ("ErrorResponse", REPLY_ROOTS[root])
    if answer.name == "ErrorResponse":
        # One has no place for credentials, which every other one needs.
        wrong = "has invalid child element" if root == UNSIGNED else "has incomplete content"
        assert wrong in answer.words


def test_whether_it_is_alive_is_asked_by_anybody(talk: Talk) -> None:
    answer = talk.raw(request("isAlive", ref_id="r1", login=""))
    assert (answer.name, answer.code, answer["refId"]) == ("isAliveResponse", "I00001", "r1")


def test_the_official_requests_are_answered(talk: Talk, shared_data: Path) -> None:
    """Each of the 30, on an empty bank: no crash, its own root, and the schema holds."""
    for file in sorted((shared_data / "authorizenet-requests").glob("*.xml")):
        body = file.read_bytes().replace(b"<name>L<", b"<name>sandbox-login<")
        body = body.replace(b"<transactionKey>K<", b"<transactionKey>sandbox-key<")
        answer = talk.raw(body)
        root = body.split(b"<", 3)[2].split()[0].decode()
        # The schema has no getTransactionDetailsResponse without a transaction.
        expected = "ErrorResponse" if "Details" in root else REPLY_ROOTS[root]
        assert answer.name == expected, file.name
        assert answer["refId"] == "r1"


def test_no_reply_shows_a_card_number_of_a_good_request(talk: Talk) -> None:
    customer = talk.customer(cards="<paymentProfiles>" + card() + "</paymentProfiles>")
    charge = talk.pay(inner=card(cvv="900"))
    for operation, inner in (
        ("getCustomerProfile", f"<customerProfileId>{customer}</customerProfileId>"),
        ("getTransactionDetails", f"<transId>{charge.trans_id}</transId>"),
        ("getUnsettledTransactionList", ""),
    ):
        reply = talk.dialect.answer(posted(request(operation, inner)))
        assert b"XXXX1111" in reply.body
        assert VISA.encode() not in reply.body


def test_control_characters_of_other_dialects_do_not_break_the_xml(talk: Talk) -> None:
    customer = talk.bank.create_customer(key="k", description="a\x00\x1b\uffffb")
    answer = talk("getCustomerProfile", f"<customerProfileId>{customer.id}</customerProfileId>")
    assert answer["profile/description"] == "ab"


def test_the_namespace_is_the_schemas() -> None:
    assert NAMESPACE == "AnetApi/xml/v1/schema/AnetApiSchema.xsd"


@pytest.mark.parametrize(
    ("error", "code"),
    [(sqlite3.OperationalError("database is locked"), "E00053"), (KeyError("x"), "E00001")],
)
def test_a_failure_of_the_bank_is_answered_and_logged(
    talk: Talk,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
    code: str,
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(talk.bank, "customer_ids", fail)
    answer = talk("getCustomerProfileIds", ref_id="r1")
    assert (answer.code, answer.ok) == (code, False)
    assert "The test bank failed at getCustomerProfileIdsRequest." in caplog.text
    assert repr(error).partition("(")[0] in caplog.text


@pytest.mark.parametrize(
    ("body", "operation"),
    [
        (
            b'<?xml version="1.0"?>\n<createTransactionRequest xmlns="x"><a/>',
            "createTransactionRequest",
        ),
        (b"\xef\xbb\xbf<?xml version='1.0'?><!-- a --><ns:getCustomer a='b'/>", "getCustomer"),
        (b"", ""),
        (b"{}", ""),
        (b" " * 3000 + b"<late/>", ""),
    ],
)
def test_an_operation_is_its_root_element(bank: Bank, body: bytes, operation: str) -> None:
    assert AuthorizeNetDialect(bank).operation_of(posted(body)) == operation
