"""What is sent to store a card, and what an update sends back of what the gateway shows."""

from __future__ import annotations

from typing import Any

import pytest
from lxml import etree

from django_dinero.cards import Address, CardDetails, PaymentToken
from django_dinero.gateways.authorizenet import requests, requests_vault, xml
from django_dinero.gateways.types import CardUpdate
from django_dinero.redaction import Secret
from tests.support.witness import OFFICIAL

ADA = Address("Ada", "Byron", zip="12180", phone="555", fax="556")
CARD = CardDetails(Secret("4111111111111111"), Secret("900"), 3, 2040, ADA)
EMPTY = dict.fromkeys(("company", "address", "city", "state", "country"), "")
ADA_THEIRS = {
    **EMPTY,
    "firstName": "Ada",
    "lastName": "Byron",
    "zip": "12180",
    "phoneNumber": "555",
    "faxNumber": "556",
}
#: A payment profile as the gateway shows it.
SHOWN = (
    "<r><customerType>business</customerType><billTo><firstName>Old</firstName>"
    "<city>Troy</city><phoneNumber>111</phoneNumber><email>old@example.com</email></billTo>"
    "<customerProfileId>10</customerProfileId>"
    "<customerPaymentProfileId>20</customerPaymentProfileId>{payment}"
    "<driversLicense><number>XXXX1234</number><state>NY</state><dateOfBirth>XXXX-XX-XX"
    "</dateOfBirth><newThing>1</newThing></driversLicense><taxId>XXXX1234</taxId>"
    "<originalNetworkTransId>N1</originalNetworkTransId>"
    "<originalAuthAmount>12.50</originalAuthAmount>"
    "<excludeFromAccountUpdater>false</excludeFromAccountUpdater></r>"
)
MASKED = (
    "<payment><creditCard><cardNumber>XXXX1111</cardNumber><expirationDate>XXXX</expirationDate>"
    "<cardType>Visa</cardType></creditCard></payment>"
)
BANK = (
    "<payment><bankAccount><accountType>checking</accountType><routingNumber>XXXX2882"
    "</routingNumber><accountNumber>XXXX6789</accountNumber><nameOnAccount>Ada</nameOnAccount>"
    "<echeckType>WEB</echeckType><newThing>1</newThing></bankAccount></payment>"
)
WALLET = (
    "<payment><tokenInformation><tokenNumber>XXXX1111</tokenNumber></tokenInformation></payment>"
)


def merge(payment: str = MASKED, **changed: Any) -> dict[str, Any]:
    """Merge an update with what is stored, and hold the request against the official schema."""
    request = CardUpdate("KEY", "10", "20", ADA, **changed)
    _root, stored = xml.parse(SHOWN.format(payment=payment).encode())
    profile = requests_vault.merged_profile(request, stored)
    check_valid("updateCustomerPaymentProfile", profile)
    return profile


def check_valid(operation: str, profile: dict[str, Any]) -> None:
    """Hold a payment profile against the official schema if it is here."""
    body = xml.build(
        f"{operation}Request",
        {
            "merchantAuthentication": {"name": "login", "transactionKey": "key"},
            "customerProfileId": "10",
            "paymentProfile": profile,
            "validationMode": "none",
        },
    )
    if OFFICIAL is not None:
        assert OFFICIAL.validate(etree.fromstring(body)), OFFICIAL.error_log.last_error


def test_a_card_to_store() -> None:
    profile = requests_vault.payment_profile(CARD, default=True)
    check_valid("createCustomerPaymentProfile", profile)
    assert profile == {
        "customerType": "individual",
        "billTo": ADA_THEIRS,
        "payment": {
            "creditCard": {
                "cardNumber": CARD.number,
                "expirationDate": "2040-03",
                "cardCode": CARD.cvv,
            }
        },
        "defaultPaymentProfile": "true",
    }


def test_a_card_that_is_not_the_default_does_not_say_so() -> None:
    profile = requests_vault.payment_profile(CARD, default=False)
    check_valid("createCustomerPaymentProfile", profile)
    assert profile["defaultPaymentProfile"] is None


def test_a_token_to_store() -> None:
    profile = requests_vault.payment_profile(PaymentToken(Secret("a-nonce")), default=True)
    check_valid("createCustomerPaymentProfile", profile)
    token = {"dataDescriptor": requests.NONCE, "dataValue": Secret("a-nonce")}
    assert profile["payment"] == {"opaqueData": token}
    assert set(profile["billTo"].values()) == {""}


def test_an_update_keeps_what_is_not_mirrored_here() -> None:
    assert merge() == {
        "customerType": "business",
        "taxId": "XXXX1234",
        "excludeFromAccountUpdater": "false",
        "driversLicense": {"number": "XXXX1234", "state": "NY", "dateOfBirth": "XXXX-XX-XX"},
        "subsequentAuthInformation": {
            "originalNetworkTransId": "N1",
            "originalAuthAmount": "12.50",
        },
        "billTo": {**ADA_THEIRS, "email": "old@example.com"},
        "payment": {"creditCard": {"cardNumber": "XXXX1111", "expirationDate": "XXXX"}},
        "defaultPaymentProfile": None,
        "customerPaymentProfileId": "20",
    }


@pytest.mark.parametrize(
    ("month", "year", "sent"),
    [(1, 2041, "2041-01"), (12, 2041, "2041-12"), (None, None, "XXXX"), (1, None, "XXXX")],
)
def test_an_update_of_the_expiry_date(month: int | None, year: int | None, sent: str) -> None:
    card = merge(month=month, year=year)["payment"]["creditCard"]
    assert card == {"cardNumber": "XXXX1111", "expirationDate": sent}


def test_a_new_number_is_no_follower_of_the_old_ones_first_charge() -> None:
    profile = merge(card=CARD, is_default=True)
    assert profile["payment"] == requests.payment(CARD)
    assert "subsequentAuthInformation" not in profile
    assert profile["defaultPaymentProfile"] == "true"
    assert profile["taxId"] == "XXXX1234"


def test_a_bank_account_goes_back_as_it_came() -> None:
    account = merge(BANK, month=1, year=2041)["payment"]["bankAccount"]
    assert account == {
        "accountType": "checking",
        "routingNumber": "XXXX2882",
        "accountNumber": "XXXX6789",
        "nameOnAccount": "Ada",
        "echeckType": "WEB",
    }


@pytest.mark.parametrize("payment", [WALLET, "", "<payment/>"])
def test_what_cannot_be_sent_back_is_left_out(payment: str) -> None:
    assert merge(payment)["payment"] == {"creditCard": {}}


def test_a_profile_with_nothing_in_it() -> None:
    profile = requests_vault.merged_profile(CardUpdate("KEY", "10", "20", ADA), {})
    check_valid("updateCustomerPaymentProfile", profile)
    assert profile["billTo"] == {**ADA_THEIRS, "email": ""}
