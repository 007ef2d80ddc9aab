"""Customers and cards, as replies show them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from django_dinero.cards import Address
from django_dinero.gateways.authorizenet import responses, responses_vault, xml
from django_dinero.gateways.types import RemoteCard


def content(text: str) -> dict[str, Any]:
    """Return the content of a document."""
    return xml.parse(f"<r>{text}</r>".encode())[1]


CARD = (
    "<defaultPaymentProfile>true</defaultPaymentProfile><customerType>individual</customerType>"
    "<billTo><firstName>Ada</firstName><lastName>Byron</lastName><company>Mill</company>"
    "<address>1 Mill St</address><city>Troy</city><state>NY</state><zip>12180</zip>"
    "<country>US</country><phoneNumber>555</phoneNumber><faxNumber>556</faxNumber></billTo>"
    "<customerPaymentProfileId>20</customerPaymentProfileId><payment><creditCard>"
    "<cardNumber>XXXX1111</cardNumber><expirationDate>2040-12</expirationDate>"
    "<cardType>Visa</cardType></creditCard></payment>"
)
ADA = Address("Ada", "Byron", "Mill", "1 Mill St", "Troy", "NY", "12180", "US", "555", "556")


def test_a_card_with_everything() -> None:
    assert responses_vault.card(content(CARD), "10") == RemoteCard(
        "10", "20", "1111", "visa", 12, 2040, ADA, is_default=True
    )


def test_a_card_that_names_its_customer() -> None:
    named = content("<customerProfileId>11</customerProfileId>" + CARD)
    assert responses_vault.card(named, "10").customer_id == "11"


def test_a_card_with_nothing() -> None:
    assert responses_vault.card({}, "10") == RemoteCard("10", "", "")


@pytest.mark.parametrize(
    ("shown", "month", "year"),
    [("2040-12", 12, 2040), ("2031-02", 2, 2031), ("XXXX", None, None), ("", None, None),
     ("1240", None, None), ("2040-1", None, None), ("X2040-12", None, None)],
)  # fmt: skip
def test_expiry_dates_masked_and_unmasked(shown: str, month: int | None, year: int | None) -> None:
    card = responses_vault.card({"payment": {"creditCard": {"expirationDate": shown}}}, "10")
    assert (card.month, card.year) == (month, year)


@pytest.mark.parametrize(
    ("word", "default"),
    [("true", True), ("TRUE", True), ("1", True), ("false", False), ("0", False), ("", False)],
)
def test_the_default_card(word: str, default: bool) -> None:
    assert responses_vault.card({"defaultPaymentProfile": word}, "10").is_default is default


def test_a_bank_account_shows_its_last_digits() -> None:
    account = {"accountNumber": "XXXX6789", "routingNumber": "XXXX2882"}
    assert responses_vault.card({"payment": {"bankAccount": account}}, "10").last_4 == "6789"


@pytest.mark.parametrize(
    ("masked", "digits"),
    [("XXXX1111", "1111"), ("1111", "1111"), ("XXXX", ""), ("", ""), ("11", ""), ("XXX111", ""),
     ("XXXX\u0661\u0661\u0661\u0661", "")],
)  # fmt: skip
def test_last_digits(masked: str, digits: str) -> None:
    assert responses.last_4(masked) == digits


@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_customer_with_any_number_of_cards(count: int) -> None:
    cards = f"<paymentProfiles>{CARD}</paymentProfiles>" * count
    found = responses_vault.customer(
        content(
            "<merchantCustomerId>KEY</merchantCustomerId><email>ada@example.com</email>"
            f"<customerProfileId>10</customerProfileId>{cards}"
        )
    )
    assert (found.customer_id, found.customer_key, found.email) == ("10", "KEY", "ada@example.com")
    assert [card.card_id for card in found.cards] == ["20"] * count
    assert all(card.customer_id == "10" for card in found.cards)


def test_a_profile_without_an_id_is_no_card() -> None:
    assert responses_vault.customer(
        content("<paymentProfiles/><paymentProfiles><a/></paymentProfiles>")
    ) == (responses_vault.customer({}))


@pytest.mark.parametrize(
    ("text", "found"),
    [("A duplicate record with ID 35938239 already exists.", "35938239"),
     ("A duplicate record already exists.", ""), ("GRID 12 exists.", ""), ("ID x12", "")],
)  # fmt: skip
def test_the_id_of_a_duplicate(text: str, found: str) -> None:
    assert responses_vault.duplicate_id(text) == found


def test_lists_of_ids() -> None:
    one, two = "<numericString>1</numericString>", "<numericString>2</numericString>"
    assert responses_vault.ids(content(f"<ids>{one}{two}</ids>"), "ids") == ["1", "2"]
    assert responses_vault.ids(content(f"<ids>{one}</ids>"), "ids") == ["1"]
    assert responses_vault.ids(content("<ids/>"), "ids") == responses_vault.ids({}, "ids") == []


def test_recorded_customers_and_cards_are_understood(shared_data: Path) -> None:
    folder = shared_data / "authorizenet-recorded"
    for name, least in (("SingleProfile", 1), ("MultipleProfiles", 2)):
        _root, found = xml.parse((folder / f"omnipay__CIMGet{name}Success.xml").read_bytes())
        customer = responses_vault.customer(found["profile"])
        assert customer.customer_id.isdigit()
        assert len(customer.cards) >= least
        assert all(card.card_id and len(card.last_4) == 4 for card in customer.cards)
