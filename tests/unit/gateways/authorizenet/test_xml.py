"""Requests in the schema's order; replies read with patience, hostile ones not at all."""

from __future__ import annotations

import re
import traceback
from typing import Any
from xml.etree import ElementTree

import pytest

from django_dinero.gateways.authorizenet import xml
from django_dinero.protocols.authorizenet import NAMESPACE
from django_dinero.redaction import Secret

NUMBER = "4111111111111111"
KEY = "a-transaction-key"
CARD = {"cardCode": Secret("900"), "expirationDate": "2040-12", "cardNumber": Secret(NUMBER)}


def plain(body: bytes) -> str:
    """Return a request without its first line, namespace and root."""
    text = body.decode()
    found = re.fullmatch(
        r'<\?xml version="1\.0" encoding="utf-8"\?><(\w+) xmlns="(.+?)">(.*)', text
    )
    assert found is not None
    assert found[2] == NAMESPACE
    return found[3].removesuffix(f"</{found[1]}>")


# -- build -----------------------------------------------------------------------------------------


def test_a_request_has_declaration_root_and_namespace() -> None:
    assert xml.build("authenticateTestRequest", {}) == (
        b'<?xml version="1.0" encoding="utf-8"?>'
        b'<authenticateTestRequest xmlns="AnetApi/xml/v1/schema/AnetApiSchema.xsd">'
        b"</authenticateTestRequest>"
    )


def test_the_order_is_the_schemas_whatever_that_of_the_dict() -> None:
    body = xml.build(
        "createTransactionRequest",
        {
            "transactionRequest": {
                "billTo": {"zip": "12180", "firstName": "Ada"},
                "payment": {"creditCard": CARD},
                "amount": "1.00",
                "transactionType": "authCaptureTransaction",
            },
            "refId": "K",
            "merchantAuthentication": {"transactionKey": KEY, "name": "login"},
        },
    )
    assert plain(body) == (
        "<merchantAuthentication><name>login</name>"
        f"<transactionKey>{KEY}</transactionKey></merchantAuthentication><refId>K</refId>"
        "<transactionRequest><transactionType>authCaptureTransaction</transactionType>"
        "<amount>1.00</amount><payment><creditCard>"
        f"<cardNumber>{NUMBER}</cardNumber><expirationDate>2040-12</expirationDate>"
        "<cardCode>900</cardCode></creditCard></payment>"
        "<billTo><firstName>Ada</firstName><zip>12180</zip></billTo></transactionRequest>"
    )


@pytest.mark.parametrize("empty", [None, "", Secret(""), [], (), [None, ""]])
def test_what_is_empty_is_left_out(empty: object) -> None:
    body = xml.build("getTransactionDetailsRequest", {"transId": empty, "refId": "K"})
    assert plain(body) == "<refId>K</refId>"


@pytest.mark.parametrize("empty", [{}, [{}], {"billTo": {}}, {"billTo": {"zip": "", "city": None}}])
def test_what_holds_only_empty_things_is_left_out(empty: object) -> None:
    assert plain(xml.build("createTransactionRequest", {"transactionRequest": empty})) == ""


def test_a_zero_is_not_empty() -> None:
    body = xml.build("getTransactionDetailsRequest", {"transId": 0})
    assert plain(body) == "<transId>0</transId>"


@pytest.mark.parametrize("kind", [list, tuple])
def test_a_list_repeats_its_element(kind: type) -> None:
    setting = [{"settingName": "a", "settingValue": "1"}, {"settingName": "b"}]
    settings = {"transactionSettings": {"setting": kind(setting)}}
    body = xml.build("createTransactionRequest", {"transactionRequest": settings})
    assert plain(body) == (
        "<transactionRequest><transactionSettings>"
        "<setting><settingName>a</settingName><settingValue>1</settingValue></setting>"
        "<setting><settingName>b</settingName></setting>"
        "</transactionSettings></transactionRequest>"
    )


def test_texts_are_escaped_and_come_back() -> None:
    text = "Bär & <Söhne> \"Ltd\" 'x' ]]> 漢字 \U0001f600"
    values = {"profile": {"email": text, "description": Secret("a<b")}}
    body = xml.build("createCustomerProfileRequest", values)
    assert "Bär &amp; &lt;Söhne&gt;" in body.decode()
    found = ElementTree.fromstring(body)
    assert [each.text for each in found.iter() if each.text] == ["a<b", text]


@pytest.mark.parametrize("bad", ["\x00", "\x0b", "\x1f", "\ufffe", "\uffff", "\ud800", "\udfff"])
def test_what_xml_cannot_carry_is_an_error_without_the_values(bad: str) -> None:
    values = {"payment": {"creditCard": CARD}, "poNumber": f"a{bad}b"}
    with pytest.raises(ValueError, match="character that XML cannot carry") as caught:
        xml.build("createTransactionRequest", {"transactionRequest": values})
    assert NUMBER not in shown(caught.value)


@pytest.mark.parametrize("good", ["\t", "\n", " ", "\x7f", "\ue000", "\ufffd", "\U0010ffff"])
def test_what_xml_can_carry_is_carried(good: str) -> None:
    assert (
        f"a{good}b" in xml.build("getTransactionDetailsRequest", {"transId": f"a{good}b"}).decode()
    )


def test_an_unknown_name_is_an_error_without_the_values() -> None:
    login = {"merchantAuthentication": {"name": "login", "transactionKey": Secret(KEY)}}
    values = {"payment": {"creditCard": CARD}, "order": {"invoice": "1"}}
    with pytest.raises(KeyError, match="orderType has no element 'invoice'") as caught:
        xml.build("createTransactionRequest", {**login, "transactionRequest": values})
    assert NUMBER not in shown(caught.value)
    assert KEY not in shown(caught.value)


def test_an_unknown_operation_is_an_error() -> None:
    with pytest.raises(KeyError, match="moveMoneyRequest"):
        xml.build("moveMoneyRequest", {})


def shown(error: BaseException) -> str:
    """Return everything an error page shows: the chain, and the locals of our own frames."""
    found = traceback.TracebackException.from_exception(error, capture_locals=True)
    frames = [frame for frame in found.stack if "test_xml" not in frame.filename]
    assert frames
    assert error.__cause__ is None
    assert error.__context__ is None or error.__suppress_context__
    return str(error) + "".join(str(frame.locals) for frame in frames)


# -- parse -----------------------------------------------------------------------------------------

OK = "<messages><resultCode>Ok</resultCode></messages>"
PREFIXED = "<a:messages><a:resultCode>Ok</a:resultCode></a:messages>"


@pytest.mark.parametrize(
    "body",
    [
        f"<r>{OK}</r>".encode(),
        b"\xef\xbb\xbf" + f'<?xml version="1.0" encoding="utf-8"?><r>{OK}</r>'.encode(),
        f'<?xml version="1.0"?>\n<!-- a --><r xmlns="{NAMESPACE}" a="1">\n{OK} </r>\n'.encode(),
        f'<a:r xmlns:a="{NAMESPACE}">{OK}</a:r>'.encode(),
        f'<a:r xmlns:a="{NAMESPACE}" xmlns="x">{PREFIXED}</a:r>'.encode(),
        f'<?xml version="1.0" encoding="utf-16"?><r>{OK}</r>'.encode("utf-16"),
    ],
    ids=["bare", "byte order mark", "noise", "prefixed root", "prefixes", "utf-16"],
)
def test_a_reply_is_read(body: bytes) -> None:
    assert xml.parse(body) == ("r", {"messages": {"resultCode": "Ok"}})


def test_a_body_is_read_in_the_encoding_it_declares() -> None:
    text = '<?xml version="1.0" encoding="iso-8859-1"?><r><a>Zoë</a></r>'
    assert xml.parse(text.encode("iso-8859-1")) == ("r", {"a": "Zoë"})


@pytest.mark.parametrize("body", [b"<r/>", b"<r></r>", b"<r>\n </r>", b'<r a="1"/>'])
def test_a_root_without_content_is_an_empty_dict(body: bytes) -> None:
    assert xml.parse(body) == ("r", {})


def test_entities_of_the_language_and_cdata_are_text() -> None:
    assert xml.parse(b"<r><a>&lt;&amp;&#65;</a><b><![CDATA[<x>]]></b></r>") == (
        "r",
        {"a": "<&A", "b": "<x>"},
    )


WORDS = "words " * 200
BOMB = f'<!DOCTYPE r [<!ENTITY a "{WORDS}"><!ENTITY b "&a;&a;">]><r><a>&b;</a></r>'
HOSTILE = {
    "another namespace": b'<r xmlns="urn:other"><a>1</a></r>',
    "prefix of another namespace": f'<x:r xmlns:x="urn:other" xmlns="{NAMESPACE}"/>'.encode(),
    "document type": b"<!DOCTYPE r><r><a>1</a></r>",
    "document type with an address": b'<!DOCTYPE r SYSTEM "http://127.0.0.1/x.dtd"><r/>',
    "entity bomb": BOMB.encode(),
    "outside entity": b'<!DOCTYPE r [<!ENTITY a SYSTEM "file:///etc/hosts">]><r>&a;</r>',
    "unknown entity": b"<r>&a;</r>",
    "100000 levels": b"<r>" * 100_000 + b"</r>" * 100_000,
    "text": b"<r>an answer in words</r>",
    "a page": b"<html><body><br>Service unavailable</body></html>",
    "nothing": b"",
    "blanks": b" \n",
    "half": b"<r><a>1</a>",
    "two roots": b"<r/><r/>",
    "json": b'{"messages": {}}',
    "zero byte": b"<r><a>\x00</a></r>",
    "not utf-8": b"<r><a>\xff\xfe</a></r>",
    "unknown encoding": b'<?xml version="1.0" encoding="klingon"?><r/>',
    "codec that is none": b'<?xml version="1.0" encoding="hex"?><r/>',
    "undeclared multi-byte": b'<?xml version="1.0" encoding="shift-jis"?><r><a>\x83\x65</a></r>',
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_reply_is_refused(body: bytes) -> None:
    with pytest.raises(xml.UnreadableReply) as caught:
        xml.parse(body)
    assert len(str(caught.value)) < 40


def test_the_reader_cannot_be_told_to_take_document_types() -> None:
    """Another release of the library that sets this handler takes the guard's place nowhere."""
    parser = xml._Guarded("utf-8", None)
    parser.StartDoctypeDeclHandler = print
    with pytest.raises(ValueError, match="document type"):
        parser.Parse(b"<!DOCTYPE r><r/>", True)


def test_as_deep_as_allowed_and_one_deeper() -> None:
    def nested(levels: int) -> bytes:
        return b"<r>" * levels + b"<a/>" + b"</r>" * levels

    assert xml.parse(nested(xml.MAX_DEPTH - 1))[0] == "r"
    with pytest.raises(xml.UnreadableReply):
        xml.parse(nested(xml.MAX_DEPTH))


def test_many_elements_beside_each_other_are_not_deep() -> None:
    assert len(xml.parse(b"<r>" + b"<a><b/></a>" * 1000 + b"</r>")[1]["a"]) == 1000


@pytest.mark.parametrize(
    "body",
    [f"<r>{NUMBER}</r>", f"<r><a>{NUMBER}</a>", f"<!DOCTYPE r><r><a>{NUMBER}</a></r>"],
    ids=["text", "half", "document type"],
)
def test_the_error_shows_nothing_of_the_reply(body: str) -> None:
    with pytest.raises(xml.UnreadableReply) as caught:
        xml.parse(body.encode())
    assert caught.value.__context__ is None
    assert NUMBER not in shown(caught.value)


# -- reading what was parsed -----------------------------------------------------------------------

CONTENT: dict[str, Any] = {
    "messages": {"message": [{"code": "1"}, {"code": "2"}, None, "words"]},
    "one": {"message": {"code": "1"}},
    "empty": None,
    "text": "words",
    "ids": {"numericString": ["1", None, "2", {"a": "3"}]},
}


def test_at_follows_a_path() -> None:
    assert xml.at(CONTENT, "one", "message", "code") == "1"
    assert xml.at(CONTENT) is CONTENT
    for path in (("no",), ("empty", "a"), ("text", "a"), ("messages", "message", "code")):
        assert xml.at(CONTENT, *path) is None
    assert xml.at(None, "a") is None


def test_text_at_gives_texts_alone() -> None:
    assert xml.text_at(CONTENT, "text") == "words"
    for path in (("no",), ("empty",), ("one",), ("messages", "message")):
        assert xml.text_at(CONTENT, *path) == ""


def test_a_list_of_one_is_a_list() -> None:
    assert xml.list_at(CONTENT, "one", "message") == [{"code": "1"}]
    assert len(xml.list_at(CONTENT, "messages", "message")) == 4
    assert xml.list_at(CONTENT, "text") == ["words"]
    assert xml.list_at(CONTENT, "empty") == xml.list_at(CONTENT, "no", "no") == []


def test_lists_of_elements_and_of_texts_leave_out_the_rest() -> None:
    assert xml.dicts_at(CONTENT, "messages", "message") == [{"code": "1"}, {"code": "2"}]
    assert xml.dicts_at(CONTENT, "one", "message") == [{"code": "1"}]
    assert xml.texts_at(CONTENT, "ids", "numericString") == ["1", "2"]
    assert xml.texts_at(CONTENT, "text") == ["words"]
