"""What each recipe of ours says, and that the official schema takes it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from lxml import etree

from django_dinero.cards import Address, CardDetails, PaymentToken
from django_dinero.gateways.authorizenet import requests, xml
from django_dinero.gateways.types import ChargeRequest, FollowUpRequest, StoredCard
from django_dinero.redaction import Secret
from tests.support.witness import OFFICIAL

NUMBER = "4111111111111111"
KEY = "K2345678901234567890"
ADA = Address("Ada", "Byron", "Mill", "1 Mill St", "Troy", "NY", "12180", "US", "555", "556")
ADA_THEIRS = {
    "firstName": "Ada",
    "lastName": "Byron",
    "company": "Mill",
    "address": "1 Mill St",
    "city": "Troy",
    "state": "NY",
    "zip": "12180",
    "country": "US",
    "phoneNumber": "555",
    "faxNumber": "556",
}
CARD = CardDetails(Secret(NUMBER), Secret("900"), 3, 2040, ADA)
TOKEN = PaymentToken(Secret("a-nonce"), address=ADA)
STORED = StoredCard("10", "20")
WINDOW = {"setting": [{"settingName": "duplicateWindow", "settingValue": "28800"}]}


def valid(operation: str, values: dict[str, Any]) -> dict[str, Any]:
    """Hold an operation's values against the official schema if it is here; give them back."""
    login = {"name": Secret("login"), "transactionKey": Secret("key")}
    head = {"merchantAuthentication": login, "refId": KEY}
    document = etree.fromstring(xml.build(f"{operation}Request", {**head, **values}))
    if OFFICIAL is not None:
        assert OFFICIAL.validate(document), OFFICIAL.error_log.last_error
    return values


def charged(source: StoredCard | CardDetails | PaymentToken, **changed: Any) -> dict[str, Any]:
    """Return the transactionRequest of a charge, valid."""
    request = ChargeRequest(KEY, Decimal("12.50"), "USD", source, **changed)
    values = requests.charge(request, 28800)
    return dict(valid("createTransaction", {"transactionRequest": values})["transactionRequest"])


def test_a_charge_of_a_stored_card_has_neither_payment_nor_address() -> None:
    assert charged(STORED, cvv=Secret("900"), email="ada@example.com", customer_ip="127.0.0.1") == {
        "transactionType": "authCaptureTransaction",
        "amount": "12.50",
        "currencyCode": "USD",
        "profile": {
            "customerProfileId": "10",
            "paymentProfile": {"paymentProfileId": "20", "cardCode": Secret("900")},
        },
        "order": {"invoiceNumber": KEY, "description": ""},
        "customerIP": "127.0.0.1",
        "transactionSettings": WINDOW,
        "processingOptions": {"isStoredCredentials": "true"},
    }


def test_a_charge_of_a_typed_card() -> None:
    assert charged(CARD, email="ada@example.com", description="Two mills") == {
        "transactionType": "authCaptureTransaction",
        "amount": "12.50",
        "currencyCode": "USD",
        "payment": {
            "creditCard": {
                "cardNumber": Secret(NUMBER),
                "expirationDate": "2040-03",
                "cardCode": Secret("900"),
            }
        },
        "order": {"invoiceNumber": KEY, "description": "Two mills"},
        "customer": {"email": "ada@example.com"},
        "billTo": ADA_THEIRS,
        "customerIP": "",
        "transactionSettings": WINDOW,
    }


def test_a_charge_of_a_token() -> None:
    values = charged(TOKEN, stores_card=True, initiator="merchant")
    assert values["payment"] == {
        "opaqueData": {
            "dataDescriptor": "COMMON.ACCEPT.INAPP.PAYMENT",
            "dataValue": Secret("a-nonce"),
        }
    }
    assert values["billTo"] == ADA_THEIRS
    # The flags speak of stored cards alone.
    assert "processingOptions" not in values


def test_another_kind_of_token_says_so() -> None:
    values = charged(PaymentToken(Secret("x"), "COMMON.APPLE.INAPP.PAYMENT"))
    assert values["payment"]["opaqueData"]["dataDescriptor"] == "COMMON.APPLE.INAPP.PAYMENT"


@pytest.mark.parametrize("source", [STORED, CARD, TOKEN])
def test_an_authorization_differs_in_its_type_alone(source: StoredCard) -> None:
    values = charged(source, capture=False)
    assert values.pop("transactionType") == "authOnlyTransaction"
    charge = charged(source)
    assert charge.pop("transactionType") == "authCaptureTransaction"
    assert values == charge


def test_the_window_is_sent_even_where_it_is_off() -> None:
    values = requests.charge(ChargeRequest(KEY, Decimal("1"), "USD", STORED), 0)
    (setting,) = values["transactionSettings"]["setting"]
    assert setting == {"settingName": "duplicateWindow", "settingValue": "0"}


def test_secrets_stay_secret_until_they_are_written() -> None:
    for source in (CARD, TOKEN, STORED):
        shown = repr(charged(source, cvv=Secret("900")))
        assert NUMBER not in shown
        assert "a-nonce" not in shown
        assert "'900'" not in shown


@pytest.mark.parametrize(
    ("changed", "options", "first"),
    [
        ({}, "isStoredCredentials", None),
        ({"initiator": "merchant"}, "isSubsequentAuth", ("", "")),
        (
            {"initiator": "merchant", "network_transaction_id": "N1",
             "original_amount": Decimal("1E+1")},
            "isSubsequentAuth",
            ("N1", "10"),
        ),
        ({"stores_card": True}, "isFirstSubsequentAuth", None),
        ({"stores_card": True, "initiator": "merchant"}, "isFirstSubsequentAuth", None),
        ({"network_transaction_id": "N1"}, "isStoredCredentials", None),
    ],
)  # fmt: skip
def test_stored_credential_flags(
    changed: dict[str, Any], options: str, first: tuple[str, str] | None
) -> None:
    values = charged(STORED, **changed)
    assert values["processingOptions"] == {options: "true"}
    information = values.get("subsequentAuthInformation")
    names = ("originalNetworkTransId", "originalAuthAmount")
    assert information == (None if first is None else dict(zip(names, first, strict=True)))


def test_an_amount_is_never_written_with_an_exponent() -> None:
    request = ChargeRequest(KEY, Decimal("1E+3"), "USD", STORED)
    assert requests.charge(request, 0)["amount"] == "1000"
    follow_up = FollowUpRequest(KEY, "60", Decimal("1E+3"), "USD", last_4="1111")
    assert (
        requests.capture(follow_up)["amount"] == requests.refund(follow_up, 120)["amount"] == "1000"
    )


@pytest.mark.parametrize(
    ("reference", "description", "expected"),
    [("", "", ""), ("A1", "", "A1"), ("", "Two mills", "Two mills"),
     ("A1", "Two mills", "A1 | Two mills"), ("A" * 200, "b" * 100, "A" * 200 + " | " + "b" * 52)],
)  # fmt: skip
def test_the_order_carries_our_key(reference: str, description: str, expected: str) -> None:
    assert requests.order(KEY, reference, description) == {
        "invoiceNumber": KEY,
        "description": expected,
    }
    assert len(expected) <= requests.MAX_DESCRIPTION


def follow_up(**changed: Any) -> FollowUpRequest:
    """Return a follow-up of transaction 60."""
    return FollowUpRequest(KEY, "60", Decimal("5.00"), "USD", **changed)


def test_a_capture() -> None:
    values = requests.capture(follow_up(customer_id="10", card_id="20", last_4="1111"))
    assert valid("createTransaction", {"transactionRequest": values})["transactionRequest"] == {
        "transactionType": "priorAuthCaptureTransaction",
        "amount": "5.00",
        "currencyCode": "USD",
        "refTransId": "60",
    }


def test_a_void() -> None:
    values = valid("createTransaction", {"transactionRequest": requests.void("60")})
    assert values["transactionRequest"] == {
        "transactionType": "voidTransaction",
        "refTransId": "60",
    }


REFUND = {
    "transactionType": "refundTransaction",
    "amount": "5.00",
    "currencyCode": "USD",
    "refTransId": "60",
    "order": {"invoiceNumber": KEY, "description": "A1 | Broken"},
    "transactionSettings": {
        "setting": [{"settingName": "duplicateWindow", "settingValue": "28800"}]
    },
}


def test_a_refund_goes_to_the_masked_number_even_of_a_stored_card() -> None:
    request = follow_up(
        customer_id="10",
        card_id="20",
        last_4="1111",
        order_reference="A1",
        description="Broken",
    )
    values = requests.refund(request, 28800)
    valid("createTransaction", {"transactionRequest": values})
    card = {"cardNumber": "XXXX1111", "expirationDate": "XXXX"}
    assert values == {**REFUND, "payment": {"creditCard": card}}


def test_a_refund_goes_to_the_profile_where_no_digits_are_known() -> None:
    request = follow_up(customer_id="10", card_id="20", order_reference="A1", description="Broken")
    values = requests.refund(request, 28800)
    valid("createTransaction", {"transactionRequest": values})
    profile = {"customerProfileId": "10", "paymentProfile": {"paymentProfileId": "20"}}
    assert values == {**REFUND, "profile": profile}
