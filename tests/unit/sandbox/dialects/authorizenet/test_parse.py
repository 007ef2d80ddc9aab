"""The strict reader: what the gateway's own XML library refuses, in its words."""

from __future__ import annotations

from pathlib import Path

import pytest

from django_dinero.protocols.authorizenet import FACETS
from django_dinero.sandbox.dialects.authorizenet.parse import Malformed, Node, read
from django_dinero.sandbox.dialects.authorizenet.values import problem
from tests.support.authorizenet import LOGIN, NAMESPACE, VISA, card, request

IN = f" in namespace '{NAMESPACE}'"


def refused(body: bytes, content_type: str = "text/xml") -> tuple[str, str]:
    with pytest.raises(Malformed) as caught:
        read(body, content_type)
    return caught.value.code, caught.value.text


def transaction(inner: str) -> bytes:
    return request("createTransaction", f"<transactionRequest>{inner}</transactionRequest>")


def test_what_it_reads() -> None:
    root = read(
        request("getCustomerProfile", "<customerProfileId>7</customerProfileId>", ref_id="r"),
        "application/xml; charset=utf-8",
    )
    assert root.name == "getCustomerProfileRequest"
    assert root.value("refId") == "r"
    assert root.value("merchantAuthentication", "name") == "sandbox-login"
    assert root.value("nothing", "there") == ""
    assert not root.flag("unmaskExpirationDate")
    assert [node.name for node in root.all("customerProfileId")] == ["customerProfileId"]


def test_repr_shows_no_value() -> None:
    node = Node("n cardNumber", [])
    node.text = VISA
    assert repr(node) == "<Node cardNumber>"


def test_utf8_bom_and_other_encodings() -> None:
    body = request("authenticateTest")
    assert read(b"\xef\xbb\xbf" + body, "text/xml").name == "authenticateTestRequest"
    latin = request("getCustomerProfile", "<email>é</email>").decode()
    latin = latin.replace('version="1.0"', 'version="1.0" encoding="iso-8859-1"')
    assert read(latin.encode("latin-1"), "text/xml").value("email") == "é"


@pytest.mark.parametrize("content_type", ["", "text/html", "text/xmlx"])
def test_other_content_types(content_type: str) -> None:
    body = request("authenticateTest")
    assert refused(body, content_type) == (
        "E00002",
        "The content-type specified is not supported.",
    )


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "Root element is missing."),
        (b"hello", "Data at the root level is invalid. Line 1, position 1."),
        (b"<a><b>", "The following elements are not closed: b, a."),
        (b"<a></b>", "The request is not well-formed XML. Line 1"),
        (b"<x:a/>", "Data at the root level is invalid."),
        (b'<?xml version="1.0" encoding="klingon"?><a/>', "Data at the root level is invalid."),
        (b"\xff\xfe\xfd", ""),
    ],
)
def test_no_xml(body: bytes, words: str) -> None:
    code, text = refused(body)
    assert code == "E00003"
    assert words in text


@pytest.mark.parametrize(
    "doctype",
    ["<!DOCTYPE a>", '<!DOCTYPE a [<!ENTITY b "x">]>', '<!DOCTYPE a SYSTEM "file:///etc/passwd">'],
)
def test_a_dtd_is_refused(doctype: str) -> None:
    body = request("authenticateTest").replace(b"?>", f"?>{doctype}".encode(), 1)
    code, text = refused(body)
    assert code == "E00003"
    assert text.startswith("For security reasons DTD is prohibited")


def test_namespace() -> None:
    words = ("E00045", "The root node does not reference a valid XML namespace.")
    assert refused(b"<authenticateTestRequest/>") == words
    assert refused(b'<authenticateTestRequest xmlns="other"/>') == words


def test_unknown_root() -> None:
    body = f'<chargeRequest xmlns="{NAMESPACE}"/>'.encode()
    assert refused(body) == ("E00004", "The name of the requested API method is invalid.")
    response = f'<ErrorResponse xmlns="{NAMESPACE}"/>'.encode()
    assert refused(response)[0] == "E00004"


def test_wrong_order() -> None:
    body = transaction(
        "<transactionType>voidTransaction</transactionType><refTransId>1</refTransId>"
        "<amount>1</amount>"
    )
    code, text = refused(body)
    assert code == "E00003"
    assert text.startswith(
        f"The element 'transactionRequest'{IN} has invalid child element 'amount'{IN}."
        " List of possible elements expected: 'splitTenderId, order, lineItems, "
    )
    assert text.endswith(f"authorizationIndicatorType'{IN}.")


def test_unknown_element_and_foreign_namespace() -> None:
    inner = "<customerProfileId>1</customerProfileId>"
    assert refused(request("deleteCustomerProfile", inner + "<force/>"))[1] == (
        f"The element 'deleteCustomerProfileRequest'{IN} has invalid child element 'force'{IN}."
    )
    foreign = inner.replace("<customerProfileId", '<customerProfileId xmlns="urn:x"')
    assert refused(request("deleteCustomerProfile", foreign))[1] == (
        f"The element 'deleteCustomerProfileRequest'{IN} has invalid child element"
        " 'customerProfileId' in namespace 'urn:x'. List of possible elements expected:"
        f" 'clientId, refId, customerProfileId'{IN}."
    )


def test_repeated_element() -> None:
    inner = "<customerProfileId>1</customerProfileId>" * 2
    assert (
        "invalid child element 'customerProfileId'"
        in refused(request("deleteCustomerProfile", inner))[1]
    )


def test_what_may_repeat_repeats() -> None:
    setting = "<setting><settingName>a</settingName><settingValue>b</settingValue></setting>"
    body = transaction(
        "<transactionType>voidTransaction</transactionType><transactionSettings>"
        f"{setting * 3}</transactionSettings>"
    )
    root = read(body, "text/xml")
    tx = root.find("transactionRequest")
    assert tx is not None
    settings = tx.find("transactionSettings")
    assert settings is not None
    assert len(settings.all("setting")) == 3


def test_missing_element() -> None:
    assert refused(request("deleteCustomerProfile")) == (
        "E00003",
        f"The element 'deleteCustomerProfileRequest'{IN} has incomplete content. List of possible"
        f" elements expected: 'clientId, refId, customerProfileId'{IN}.",
    )
    assert "'merchantAuthentication'" in refused(request("authenticateTest", login=""))[1]


def test_a_choice_wants_one() -> None:
    kind = "<transactionType>authCaptureTransaction</transactionType>"
    text = refused(transaction(f"{kind}<payment/>"))[1]
    assert f"The element 'payment'{IN} has incomplete content." in text
    assert "'creditCard, bankAccount, trackData, encryptedTrackData, payPal, opaqueData" in text
    both = card().replace("</payment>", "") + (
        "<opaqueData><dataDescriptor>a</dataDescriptor><dataValue>b</dataValue></opaqueData>"
    )
    text = refused(transaction(f"{kind}{both}</payment>"))[1]
    assert "has invalid child element 'opaqueData'" in text
    assert "'dataSource'" in text


def test_text_between_elements() -> None:
    body = request("authenticateTest", "hello")
    assert "cannot contain text" in refused(body)[1]
    read(request("authenticateTest", "\n  "), "text/xml")


def test_elements_inside_text() -> None:
    body = request("getCustomerProfile", "<email><b/></email>")
    assert "cannot contain child element 'b'" in refused(body)[1]


def test_attributes() -> None:
    body = request("getCustomerProfile", '<email verified="yes">a</email>')
    assert refused(body)[1] == "The 'verified' attribute is not declared."
    hint = LOGIN.replace(
        "<merchantAuthentication",
        '<merchantAuthentication xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
        ' xsi:schemaLocation="a b"',
    )
    read(request("authenticateTest", login=hint), "text/xml")


def test_empty_elements_break_their_pattern() -> None:
    assert refused(request("deleteCustomerProfile", "<customerProfileId/>"))[1] == (
        f"The '{NAMESPACE}:customerProfileId' element is invalid - The value '' is invalid"
        f" according to its datatype '{NAMESPACE}:numericString' - The Pattern constraint failed."
    )


def test_a_card_number_is_echoed() -> None:
    """As the real one does: a client has to scrub what it logs."""
    kind = "<transactionType>authCaptureTransaction</transactionType>"
    text = refused(transaction(kind + card(f"{VISA}9")))[1]
    assert text == (
        f"The '{NAMESPACE}:cardNumber' element is invalid - The value '{VISA}9' is invalid"
        " according to its datatype 'String' - The actual length is greater than the MaxLength"
        " value."
    )


@pytest.mark.parametrize(
    ("type_name", "good", "bad", "words"),
    [
        ("boolean", ("true", "0", " false "), ("yes", "TRUE", ""), "not a valid Boolean value."),
        ("int", ("-5", "2147483647"), ("2147483648", "1.0", "٣", ""), "not a valid Int32 value."),
        ("decimal", ("1", "-1.5", ".5", "+2."), ("1e5", "1,5", ".", ""), "a valid Decimal value."),
        ("amount", ("0", "1.23450"), ("-0.01",), "The MinInclusive constraint failed."),
        ("amount", (), ("1.23456",), "The FractionDigits constraint failed."),
        ("rate", ("0.12345",), ("12.12345",), "The TotalDigits constraint failed."),
        ("pageSize", ("1", "1000"), ("1001",), "The MaxInclusive constraint failed."),
        ("page", ("100000",), ("0",), "The MinInclusive constraint failed."),
        ("cardNumber", ("4111", "X" * 16), ("411",), "less than the MinLength value."),
        ("expirationDate", ("2030-01", "0130"), ("2030-011",), "greater than the MaxLength value."),
        ("cardCode", ("123", "1234"), ("12a",), "The Pattern constraint failed."),
        ("validationModeEnum", ("none",), ("None", ""), "The Enumeration constraint failed."),
        ("dateTime", ("2026-01-31T00:00:00Z", "2026-01-31T00:00:00.5+02:00"), ("2026-01-31",), ""),
        ("dateTime", (), ("2026-02-30T00:00:00",), "not a valid DateTime value."),
        ("date", ("2026-01-31",), ("31.1.2026",), "not a valid Date value."),
        ("text", ("", "anything"), (), ""),
    ],
)
def test_values(type_name: str, good: tuple[str, ...], bad: tuple[str, ...], words: str) -> None:
    assert type_name in FACETS
    assert [text for text in good if problem(type_name, text)] == []
    for text in bad:
        found = problem(type_name, text)
        assert f"The value '{text}' is invalid according to its datatype" in found
        assert found.endswith(words)


def test_datatypes_are_called_as_the_library_calls_them() -> None:
    assert f"datatype '{NAMESPACE}:cardCode'" in problem("cardCode", "1")
    assert f"datatype '{NAMESPACE}:validationModeEnum'" in problem("validationModeEnum", "x")
    assert "datatype 'http://www.w3.org/2001/XMLSchema:boolean'" in problem("boolean", "x")
    assert "datatype 'String'" in problem("text20", "x" * 21)
    assert "datatype 'Decimal'" in problem("amount", "-1")


def test_the_official_requests_are_accepted(shared_data: Path) -> None:
    files = sorted((shared_data / "authorizenet-requests").glob("*.xml"))
    assert len(files) == 30
    for file in files:
        assert read(file.read_bytes(), "text/xml").name.endswith("Request"), file.name
