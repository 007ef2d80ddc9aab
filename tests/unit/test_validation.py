"""What callers pass as a card, an e-mail address, a text or an IP address."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from django_dinero import validation
from django_dinero.cards import Address, CardDetails, PaymentToken
from django_dinero.exceptions import InvalidInput
from django_dinero.redaction import Secret

VISA = "4111111111111111"


def refused(call: Callable[[], object]) -> dict[str, list[str]]:
    with pytest.raises(InvalidInput) as caught:
        call()
    return caught.value.errors


# -- Cards and tokens ------------------------------------------------------------------------------


@pytest.mark.parametrize("values", [{}, {"zip": "12345"}, {"number": "", "token": None}])
def test_arguments_without_a_card_describe_none(values: dict[str, Any]) -> None:
    assert validation.new_card(values) is None
    assert "number" in refused(lambda: validation.required_card(values))


def test_a_number_and_a_token_are_one_too_many() -> None:
    errors = refused(lambda: validation.new_card({"number": VISA, "token": "tok"}))
    assert errors == {"token": ["Pass a number or a token, not both."]}


@pytest.mark.parametrize("name", ["cvv", "month", "year"])
def test_a_part_of_a_card_asks_for_its_number(name: str) -> None:
    assert "number" in refused(lambda: validation.new_card({name: "12"}))


def test_a_number_becomes_a_card() -> None:
    card = validation.required_card({"number": Secret(VISA), "month": "12", "year": "2040"})
    assert isinstance(card, CardDetails)
    assert (card.last_4, card.brand, card.month, card.year) == ("1111", "visa", 12, 2040)


@pytest.mark.parametrize("token", ["tok_1", Secret("tok_1"), PaymentToken(Secret("tok_1"))])
def test_a_token_comes_in_three_shapes(token: object) -> None:
    made = validation.new_card({"token": token, "zip": "12345"})
    assert isinstance(made, PaymentToken)
    assert made.value.reveal() == "tok_1"
    assert made.address.zip == "12345"


def test_a_token_keeps_its_own_address_until_another_is_given() -> None:
    token = PaymentToken(Secret("tok_1"), "COMMON.OWN", Address(zip="99999"))
    kept = validation.new_card({"token": token})
    changed = validation.new_card({"token": token, "zip": "12345"})
    assert isinstance(kept, PaymentToken)
    assert isinstance(changed, PaymentToken)
    assert (kept.address.zip, changed.address.zip) == ("99999", "12345")
    assert kept.descriptor == changed.descriptor == "COMMON.OWN"


def test_a_descriptor_may_be_missing() -> None:
    """As a form leaves it that was not filled in."""
    token: Any = PaymentToken(Secret("tok_1"), descriptor=None)  # type: ignore[arg-type]
    assert validation.new_card({"token": token}) == token


def test_a_token_of_another_type_is_refused_with_its_address() -> None:
    errors = refused(lambda: validation.new_card({"token": 7, "zip": "1" * 200}))
    assert errors["token"] == ["Pass a PaymentToken, or the token as a str."]


@pytest.mark.parametrize("text", ["abc\x01", "\ud800", "abc\ufffe"])
def test_a_token_that_cannot_be_sent_is_refused(text: str) -> None:
    cure = ["The text has a character that cannot be sent (a control character)."]
    for token in (text, Secret(text), PaymentToken(Secret("tok_1"), descriptor=text)):
        given = {"token": token}
        assert refused(partial(validation.new_card, given))["token"] == cure


@pytest.mark.parametrize("text", [VISA, "4111 1111-1111 1111", f" {VISA}\n"])
def test_a_card_number_is_no_token(text: str) -> None:
    errors = refused(lambda: validation.new_card({"token": Secret(text)}))
    assert errors["token"] == [
        "This looks like a card number; it belongs in the number field only."
    ]


@pytest.mark.parametrize("text", ["9487144138499481604001", f"tok_{VISA}", f"{VISA}000"])
def test_a_token_may_have_many_digits(text: str) -> None:
    made = validation.new_card({"token": text})
    assert isinstance(made, PaymentToken)
    assert made.value.reveal() == text


# -- E-mail, texts, IP -----------------------------------------------------------------------------


@pytest.mark.parametrize("email", ["nobody", "a@b@c.d", "a b@example.com", "@example.com"])
def test_what_is_no_address_is_refused(email: str) -> None:
    errors = refused(lambda: validation.check_email(email, required=False))
    assert errors == {"email": ["Enter a valid email address."]}


def test_an_address_may_be_required() -> None:
    assert validation.check_email(None, required=False) == ""
    errors = refused(lambda: validation.check_email("", required=True))
    assert errors == {"email": ["An e-mail address is required."]}
    assert validation.check_email("bill@example.com", required=True) == "bill@example.com"


def test_a_number_in_an_address_is_named_as_one() -> None:
    errors = refused(lambda: validation.check_email(f"{VISA}@example.com", required=True))
    assert VISA not in str(errors)


def test_every_wrong_text_is_named() -> None:
    limits = {"description": 5, "order_reference": 5, "note": 5}
    values = {"description": "x" * 6, "order_reference": "a\x00b", "note": "fine"}
    errors = refused(lambda: validation.check_texts(values, limits))
    assert set(errors) == {"description", "order_reference"}
    assert errors["description"] == ["At most 5 characters."]
    assert validation.check_texts({"note": "x" * 5}, {"note": 5, "other": 5}) == {
        "note": "x" * 5,
        "other": "",
    }


@pytest.mark.parametrize(
    ("given", "canonical"),
    [(None, ""), ("", ""), ("192.0.2.1", "192.0.2.1"), ("2001:DB8:0:0::1", "2001:db8::1")],
)
def test_an_ip_is_kept_in_its_canonical_text(given: str | None, canonical: str) -> None:
    assert validation.check_ip(given) == canonical


@pytest.mark.parametrize("given", ["192.0.2", "192.0.2.256", "localhost", "192.0.2.1/24"])
def test_what_is_no_ip_is_refused(given: str) -> None:
    assert refused(lambda: validation.check_ip(given)) == {
        "customer_ip": ["Enter a valid IPv4 or IPv6 address."]
    }
