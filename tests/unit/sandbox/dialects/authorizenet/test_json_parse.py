"""Requests in JSON: what becomes of them, and what is refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_dinero.sandbox.dialects.authorizenet.json_parse import MAX_DEPTH, read_json
from django_dinero.sandbox.dialects.authorizenet.parse import Malformed, Node
from tests.support.authorizenet import NAMESPACE, VISA
from tests.support.growth import grows_linearly

IN = f" in namespace '{NAMESPACE}'"
LOGIN = {"merchantAuthentication": {"name": "sandbox-login", "transactionKey": "sandbox-key"}}


def body(operation: str, **values: object) -> bytes:
    return json.dumps({f"{operation}Request": {**LOGIN, **values}}).encode()


def refused(text: bytes | str) -> str:
    """Return the text of E00003."""
    with pytest.raises(Malformed) as caught:
        read_json(text if isinstance(text, bytes) else text.encode())
    assert caught.value.code == "E00003"
    return caught.value.text


def transaction(**values: object) -> bytes:
    return body("createTransaction", transactionRequest=values)


def shape(node: Node) -> object:
    """Return names and texts of an element."""
    children = [(child.name, shape(child)) for child in node]
    return children or node.text


def test_what_it_reads() -> None:
    root = read_json(body("getCustomerProfile", refId="r", customerProfileId="7"))
    assert (root.name, root.namespace) == ("getCustomerProfileRequest", NAMESPACE)
    assert root.value("merchantAuthentication", "name") == "sandbox-login"
    assert root.value("customerProfileId") == "7"


def test_arrays_repeat_an_element_and_one_needs_none() -> None:
    one, two = {"settingName": "a"}, {"settingName": "b", "settingValue": "1"}
    for given_settings, count in (([one, two], 2), ([one], 1), (one, 1), ([], 0)):
        root = read_json(
            transaction(
                transactionType="voidTransaction", transactionSettings={"setting": given_settings}
            )
        )
        settings = root.find("transactionRequest").find("transactionSettings")  # type: ignore[union-attr]
        assert settings is not None
        assert len(settings.all("setting")) == count


def test_numbers_booleans_and_null_are_texts() -> None:
    text = json.dumps(
        {
            "createTransactionRequest": {
                **LOGIN,
                "refId": None,
                "transactionRequest": {"transactionType": "x", "amount": 0, "taxExempt": True},
            }
        }
    ).replace(": 0,", ": 12.500,")
    root = read_json(text.encode())
    assert shape(root)[1:] == [  # type: ignore[index]
        ("refId", ""),
        (
            "transactionRequest",
            [("transactionType", "x"), ("amount", "12.500"), ("taxExempt", "true")],
        ),
    ]
    flags = {"customerProfileId": 7, "unmaskExpirationDate": False}
    assert shape(read_json(body("getCustomerProfile", **flags)))[1:] == [  # type: ignore[index]
        ("customerProfileId", "7"),
        ("unmaskExpirationDate", "false"),
    ]


def test_a_byte_order_mark_and_other_alphabets() -> None:
    text = b"\xef\xbb\xbf" + body("getCustomerProfile", email="é\U0001f600")
    assert read_json(text).value("email") == "é\U0001f600"


def test_order_counts() -> None:
    text = refused(transaction(transactionType="voidTransaction", refTransId="1", amount="1"))
    assert text.startswith(
        f"The element 'transactionRequest'{IN} has invalid child element 'amount'{IN}."
    )


def test_other_operations() -> None:
    with pytest.raises(Malformed) as caught:
        read_json(b'{"chargeRequest": {}}')
    assert (caught.value.code, caught.value.text) == (
        "E00004",
        "The name of the requested API method is invalid.",
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "Root element is missing."),
        (b"\xef\xbb\xbf \n", "Root element is missing."),
        (b"{}", "Root element is missing."),
        (b'"authenticateTestRequest"', "Root element is missing."),
        (b"17", "Root element is missing."),
        (b"null", "Root element is missing."),
        (b'{"authenticateTestRequest": []}', "Root element is missing."),
        (b'{"a": {}, "b": {}}', "The object holds more than one request."),
        (b'{"a": [{}, {}]}', "The object holds more than one request."),
        (b"[]", "'The request' is an array where none belongs."),
        (b'{"a": [[]]}', "'a' is an array where none belongs."),
        (b'{"a": }', "The request is not well-formed JSON. Line 1, position 7."),
        (b'{"a": 1}\n x', "The request is not well-formed JSON. Line 2, position 2."),
        (b"<authenticateTestRequest/>", "not well-formed JSON. Line 1, position 1."),
        (b"{'a': 1}", "not well-formed JSON."),
        (b'{"a": 01}', "not well-formed JSON."),
        (b'{"a": "\x01"}', "not well-formed JSON."),
        (b'{"a": NaN}', "The request is not well-formed JSON: NaN is no number."),
        (b'{"a": -Infinity}', "The request is not well-formed JSON: -Infinity is no number."),
        (b'{"a": "\xff"}', "The request is not in UTF-8."),
        ('{"a": 1}'.encode("utf-16"), "The request is not in UTF-8."),
        (b'{"a": {"b": 1, "c": 2, "b": 1}}', "The name 'b' appears twice in one object."),
        (b'{"a": {}, "a": {}}', "The name 'a' appears twice in one object."),
        (b'{"a": "\\u0000"}', "U+0000 is an invalid character."),
        (b'{"a": "\\ud800"}', "U+D800 is an invalid character."),
        (b'{"a": {"\\uffff": 1}}', "U+FFFF is an invalid character."),
    ],
)
def test_what_is_no_request(text: bytes, words: str) -> None:
    assert words in refused(text)


@pytest.mark.parametrize("levels", [MAX_DEPTH + 1, 900, 100_000])
@pytest.mark.parametrize(("opening", "closing"), [('{"a":', "}"), ("[", "]"), ('{"a":[', "]}")])
def test_deep_nesting(levels: int, opening: str, closing: str) -> None:
    text = f'{{"authenticateTestRequest": {opening * levels}1{closing * levels}}}'
    too_deep = f"The request is nested deeper than {MAX_DEPTH} levels."
    no_array = "'authenticateTestRequest' is an array where none belongs."
    assert refused(text) in (too_deep, no_array if opening == "[" else too_deep)


def test_looking_for_equal_names_grows_with_their_number() -> None:
    """Within the limit of a body it is no work of hours."""

    def body(names: int) -> str:
        listed = ",".join(f'"{number}":1' for number in range(names))
        return f'{{"a": {{{listed}, "1": 1}}}}'

    def read(text: str) -> None:
        assert refused(text) == "The name '1' appears twice in one object."

    assert grows_linearly(read, body(10_000), body(80_000), times=8)


def test_a_request_as_deep_as_the_limit_is_read() -> None:
    text = '{"a":' * MAX_DEPTH + "1" + "}" * MAX_DEPTH
    with pytest.raises(Malformed) as caught:
        read_json(text.encode())
    assert caught.value.code == "E00004"


@pytest.mark.parametrize("number", ["1e999", "1E+2", "1e-7", "-1", f"0.{'1' * 5000}"])
def test_numbers_that_are_no_amounts(number: str) -> None:
    """They are not even computed: an exponent of a thousand digits costs nothing."""
    text = transaction(transactionType="authCaptureTransaction", tip={"amount": 17})
    assert "The 'AnetApi/xml/v1/schema/AnetApiSchema.xsd:amount' element is invalid" in refused(
        text.replace(b"17", number.encode())
    )
    read_json(text.replace(b"17", b"9" * 5000))


def test_a_card_number_as_a_number() -> None:
    card = {"cardNumber": int(VISA), "expirationDate": "2040-12", "cardCode": 900}
    root = read_json(transaction(transactionType="x", payment={"creditCard": card}))
    assert root.value("transactionRequest", "payment", "creditCard", "cardNumber") == VISA
    text = refused(
        transaction(transactionType="x", payment={"creditCard": {**card, "cardNumber": 10**16}})
    )
    assert text.endswith("The actual length is greater than the MaxLength value.")


@pytest.mark.parametrize("name", ["", "@xmlns", "#text", "a b", "<b>", "x customerProfileId", "{}"])
def test_names_that_are_no_elements(name: str) -> None:
    assert "invalid child element" in refused(body("getCustomerProfile", **{name: "1"}))


@pytest.mark.parametrize("value", ["text", 5, True])
def test_a_value_where_an_object_belongs(value: object) -> None:
    assert "cannot contain text" in refused(body("createCustomerProfile", profile=value))


def test_an_object_where_a_value_belongs() -> None:
    assert "cannot contain child element 'x'" in refused(
        body("getCustomerProfile", email={"x": "1"})
    )


@given(st.binary())
def test_whatever_bytes_are_sent(data: bytes) -> None:
    with pytest.raises(Malformed):
        read_json(data)
