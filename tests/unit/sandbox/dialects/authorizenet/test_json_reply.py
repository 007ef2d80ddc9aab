"""Replies in JSON: the shape of lists, numbers and texts that the gateway's clients read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from django_dinero.sandbox.dialects.authorizenet.json_reply import write_json

MESSAGES = {"resultCode": "Ok", "message": [{"code": "I00001", "text": "Successful."}]}


def written(root: str, **values: object) -> Any:
    reply = write_json(root, {"messages": MESSAGES, **values})
    assert reply.body.startswith(b"\xef\xbb\xbf{")
    return json.loads(reply.body.decode("utf-8-sig"))


def test_a_reply() -> None:
    reply = write_json("authenticateTestResponse", {"messages": MESSAGES, "refId": "r1"})
    assert (reply.status, reply.headers) == (
        200,
        {"Content-Type": "application/json; charset=utf-8"},
    )
    assert reply.body.decode("utf-8-sig") == (
        '{"refId":"r1","messages":{"resultCode":"Ok","message":'
        '[{"code":"I00001","text":"Successful."}]}}'
    )


def test_without_a_byte_order_mark() -> None:
    reply = write_json("authenticateTestResponse", {"messages": MESSAGES}, bom=False)
    assert reply.body.startswith(b'{"messages"')


def test_the_payload_comes_first_and_in_the_schemas_order() -> None:
    tx = {"errors": None, "transId": "7", "responseCode": "1"}
    found = written("createTransactionResponse", refId="r", transactionResponse=tx)
    assert list(found) == ["transactionResponse", "refId", "messages"]
    assert list(found["transactionResponse"]) == ["responseCode", "transId"]


def test_a_list_takes_the_place_of_its_element() -> None:
    found = written(
        "createCustomerProfileResponse",
        customerProfileId="1",
        customerPaymentProfileIdList={"numericString": ["2", "3"]},
        customerShippingAddressIdList={},
        validationDirectResponseList={"string": ["1,1,1"]},
    )
    assert found == {
        "customerProfileId": "1",
        "customerPaymentProfileIdList": ["2", "3"],
        "customerShippingAddressIdList": [],
        "validationDirectResponseList": ["1,1,1"],
        "messages": MESSAGES,
    }


def test_lists_of_a_transaction() -> None:
    error = {"errorCode": "11", "errorText": "A duplicate transaction has been submitted."}
    found = written(
        "createTransactionResponse",
        transactionResponse={"responseCode": "3", "errors": {"error": [error]}},
    )
    assert found["transactionResponse"] == {"responseCode": "3", "errors": [error]}


def test_one_value_of_many_is_an_array_too() -> None:
    found = written("getCustomerProfileIdsResponse", ids={"numericString": "5"})
    assert found["ids"] == ["5"]
    one = {"customerPaymentProfileId": "8"}
    found = written("getCustomerProfileResponse", profile={"paymentProfiles": one})
    assert found["profile"]["paymentProfiles"] == [one]


@pytest.mark.parametrize("nothing", [None, [], [None]])
def test_an_empty_list_beside_others_is_left_out(nothing: object) -> None:
    profile = {"customerProfileId": "1", "paymentProfiles": nothing}
    found = written("getCustomerProfileResponse", profile=profile)
    assert found["profile"] == {"customerProfileId": "1"}


def test_an_empty_element_is_an_empty_object() -> None:
    assert written("createTransactionResponse", transactionResponse={})["transactionResponse"] == {}


def test_numbers_and_booleans_are_those_of_the_schema() -> None:
    tree = {"transId": "7", "settleAmount": "12.50", "hasReturnedItems": "true"}
    body = write_json(
        "getUnsettledTransactionListResponse",
        {
            "messages": MESSAGES,
            "transactions": {"transaction": [tree]},
            "totalNumInResultSet": "1",
        },
    ).body.decode("utf-8-sig")
    assert '"transId":"7","settleAmount":12.50,"hasReturnedItems":true}]' in body
    assert '"totalNumInResultSet":1,' in body


@pytest.mark.parametrize(
    ("text", "found"),
    [("1", True), ("0", False), ("true", True), ("false", False), ("maybe", "maybe")],
)
def test_booleans(text: str, found: object) -> None:
    assert written("getMerchantDetailsResponse", isTestMode=text)["isTestMode"] == found


@pytest.mark.parametrize("text", ["", "+5", "01", ".5", "1e5", "5."])
def test_what_json_has_no_number_for_stays_a_text(text: str) -> None:
    found = written("getUnsettledTransactionListResponse", totalNumInResultSet=text)
    assert found["totalNumInResultSet"] == text


def test_what_xml_could_not_hold_is_left_out_of_json_too() -> None:
    found = written("ErrorResponse", refId='a\x00\ud800"\\\u2028b')
    assert found["refId"] == 'a"\\\u2028b'


def test_a_name_or_a_value_of_the_wrong_kind() -> None:
    with pytest.raises(KeyError, match="has no element 'cvv'"):
        write_json("ErrorResponse", {"cvv": "1"})
    with pytest.raises(TypeError, match="int, not a text"):
        write_json("ErrorResponse", {"refId": 5})
