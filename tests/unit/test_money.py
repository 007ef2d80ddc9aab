"""Amounts: what is accepted, what is refused by which name, and nothing is ever rounded."""

from __future__ import annotations

import enum
from decimal import Context, Decimal, Inexact, Rounded, localcontext
from typing import Any

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st
from iso4217 import Currency

from django_dinero.exceptions import (
    DineroError,
    InvalidAmountError,
    InvalidAmountInput,
    InvalidInput,
)
from django_dinero.money import (
    COMMON_EXPONENTS,
    DECIMAL_PLACES,
    MAX_DIGITS,
    added_up,
    amount_text,
    exponent,
    from_minor,
    hidden_if_no_amount,
    normalise,
    parse_amount,
    summed,
    to_minor,
)
from django_dinero.redaction import Secret

PLAIN_DIGITS = "Write an amount above zero in plain digits, as 12.50."
ABOVE_ZERO = "The amount must be above zero."
TOO_LARGE = "The amount is larger than can be stored."
#: Currencies by their number of decimals (ISO 4217).
BY_PLACES = {0: "JPY", 2: "USD", 3: "BHD", 4: "CLF"}


class Price(enum.IntEnum):
    FIVE = 5


def refusal(value: object, currency: str = "USD", **options: Any) -> dict[str, list[str]]:
    with pytest.raises(InvalidAmountInput) as caught:
        parse_amount(value, currency, **options)
    return caught.value.errors


# -- Currencies ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("currency", "places"),
    [("USD", 2), ("EUR", 2), ("JPY", 0), ("KRW", 0), ("BHD", 3), ("KWD", 3), ("CLF", 4)],
)
def test_exponent_is_the_one_of_iso_4217(currency: str, places: int) -> None:
    assert exponent(currency) == places


def test_the_common_exponents_are_those_of_the_whole_table() -> None:
    assert "USD" in COMMON_EXPONENTS
    for currency, places in COMMON_EXPONENTS.items():
        assert Currency[currency].exponent == exponent(currency) == places


@pytest.mark.parametrize(
    "currency",
    [
        "usd",
        "Usd",
        "",
        "US",
        "USDD",
        " USD",
        "USD ",
        "USD\n",
        "XXX",
        "XAU",
        "ZZZ",
        "\u0423\u0421\u0414",
        "840",
    ],
)
def test_what_is_no_currency_is_refused_by_name(currency: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        exponent(currency)
    assert caught.value.errors == {"currency": ["Not an ISO 4217 currency code in capitals."]}
    assert not isinstance(caught.value, InvalidAmountError)


def test_no_currency_at_all_is_refused_by_name() -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_amount(5, None)  # type: ignore[arg-type]
    assert set(caught.value.errors) == {"currency"}


def test_the_currency_is_checked_before_the_amount() -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_amount("abc", "dollars")
    assert set(caught.value.errors) == {"currency"}


# -- What is accepted ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "currency", "expected"),
    [
        (5, "USD", "5.00"),
        (Price.FIVE, "USD", "5.00"),
        ("5", "USD", "5.00"),
        ("5.2", "USD", "5.20"),
        ("5.25", "USD", "5.25"),
        ("0.01", "USD", "0.01"),
        ("007.50", "USD", "7.50"),
        (Decimal("5"), "USD", "5.00"),
        (Decimal("0.01"), "USD", "0.01"),
        (Decimal("12.5000"), "USD", "12.50"),
        (Decimal("12.000000000"), "USD", "12.00"),
        (Decimal("1E+2"), "USD", "100.00"),
        (Decimal("1E+11"), "USD", "100000000000.00"),
        (500, "JPY", "500"),
        ("500", "JPY", "500"),
        (Decimal("500.0000"), "JPY", "500"),
        ("1.234", "BHD", "1.234"),
        (1, "BHD", "1.000"),
        ("1.2345", "CLF", "1.2345"),
        ("999999999999.99", "USD", "999999999999.99"),
        ("0999999999999.99", "USD", "999999999999.99"),
        (999_999_999_999, "USD", "999999999999.00"),
        ("999999999999.9999", "CLF", "999999999999.9999"),
    ],
)
def test_an_amount_gets_exactly_the_decimals_of_its_currency(
    value: object, currency: str, expected: str
) -> None:
    amount = parse_amount(value, currency)
    assert isinstance(amount, Decimal)
    assert str(amount) == expected


@given(minor=st.integers(1, 10**14 - 1), places=st.sampled_from(sorted(BY_PLACES)))
def test_minor_units_and_back(minor: int, places: int) -> None:
    currency = BY_PLACES[places]
    amount = from_minor(minor % 10 ** (12 + places) or 1, currency)
    assert parse_amount(str(amount), currency) == amount
    assert parse_amount(amount, currency) == amount
    assert from_minor(to_minor(amount, currency), currency) == amount
    assert -amount.as_tuple().exponent == places  # type: ignore[operator]


# -- What is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "type_name"),
    [
        (5.0, "float"),
        (float("nan"), "float"),
        (True, "bool"),
        (False, "bool"),
        (None, "NoneType"),
        (b"5", "bytes"),
        ([5], "list"),
        (5 + 0j, "complex"),
    ],
)
def test_a_wrong_type_is_named_with_the_accepted_ones(value: object, type_name: str) -> None:
    assert refusal(value) == {"price": [f"Pass a Decimal, an int or a str, not {type_name}."]}


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "1e3",
        "1E3",
        "1_000",
        "1,000",
        "1,5",
        "1.",
        ".5",
        "1.2.3",
        " 5",
        "5 ",
        "5\n",
        "+5",
        "-5",
        "-0",
        "0x10",
        "$5",
        "5 USD",
        "five",
        "NaN",
        "sNaN",
        "Infinity",
        "inf",
        "-Infinity",
        "\u0665",
        "1\u0665",
        "\uff15",  # full-width
        "1\uff0e5",
        "\u096b.00",
        "\u00b2",
        "\u00bd",
        "\ud800",
        "5\x00",
        "\x00",
        "5\u200b",
        -5,
        -1,
        Decimal("-5"),
        Decimal("-0"),
        Decimal("-0.00"),
        Decimal("NaN"),
        Decimal("sNaN"),
        Decimal("-NaN"),
        Decimal("Infinity"),
        Decimal("-Infinity"),
        Decimal("1E-40"),
        Decimal("1E-999999"),
    ],
    ids=lambda value: ascii(value)[:24],
)
def test_what_is_no_plain_number_is_refused(value: object) -> None:
    assert refusal(value) == {"price": [PLAIN_DIGITS]}


@pytest.mark.parametrize(
    "value", [0, "0", "0.00", "00", Decimal(0), Decimal("0.0000"), "0.0", Decimal("0E+99")]
)
def test_zero_is_refused(value: object) -> None:
    assert refusal(value) == {"price": [ABOVE_ZERO]}


@pytest.mark.parametrize(
    "value",
    [
        10**12,
        10**12 + 1,
        10**5000,
        -(10**12),
        "1000000000000",
        "1000000000000.00",
        "99999999999999.00",
        "1" * 14,
        "9" * 5000,
        Decimal("1E+12"),
        Decimal("1E+13"),
        Decimal("1E+40"),
        Decimal("1E+999999"),
        Decimal("-1E+999999"),
        Decimal("1000000000000.00"),
        Decimal("9999999999999"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_the_column_cannot_hold_is_refused(value: object) -> None:
    assert refusal(value) == {"price": [TOO_LARGE]}


def test_the_largest_amount_fits_the_column_exactly() -> None:
    largest = parse_amount("999999999999.9999", "CLF")
    assert len(largest.as_tuple().digits) == MAX_DIGITS == 16
    assert largest.as_tuple().exponent == -DECIMAL_PLACES == -4


@pytest.mark.parametrize(
    ("value", "currency", "places"),
    [
        ("5.001", "USD", 2),
        ("5.000", "USD", 2),
        ("0.001", "USD", 2),
        (Decimal("5.001"), "USD", 2),
        (Decimal("0.005"), "USD", 2),
        (Decimal("999999999999.9999"), "USD", 2),
        (Decimal("1E-39"), "USD", 2),
        ("5.0", "JPY", 0),
        ("5.5", "JPY", 0),
        (Decimal("5.5"), "JPY", 0),
        ("1.2345", "BHD", 3),
        (Decimal("1.2345"), "BHD", 3),
        ("1.23450", "CLF", 4),
    ],
)
def test_nothing_is_rounded(value: object, currency: str, places: int) -> None:
    text = f"{currency} has {places} decimals; nothing is rounded."
    assert refusal(value, currency) == {"price": [text]}


@pytest.mark.parametrize("value", ["x", 0, 10**12, "1000000000000", 1.5, "1.234", Decimal("NaN")])
def test_the_error_carries_the_callers_name_of_the_field(value: object) -> None:
    assert set(refusal(value, field="amount")) == {"amount"}


@given(st.text())
def test_any_text_is_an_exact_amount_or_refused(text: str) -> None:
    try:
        amount = parse_amount(text, "USD")
    except InvalidAmountInput:
        return
    assert text.isascii()
    assert amount > 0
    assert amount == Decimal(text)


@given(st.decimals(allow_nan=True, allow_infinity=True))
def test_any_decimal_is_an_exact_amount_or_refused(value: Decimal) -> None:
    try:
        amount = parse_amount(value, "USD")
    except InvalidAmountInput:
        return
    assert amount == value > 0
    assert amount.as_tuple().exponent == -2


# -- Minor units --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("12.50", "USD", 1250),
        ("12.5", "USD", 1250),
        ("12.5000", "USD", 1250),
        ("0.01", "USD", 1),
        ("-12.50", "USD", -1250),
        ("500", "JPY", 500),
        ("1.234", "BHD", 1234),
        ("1.2345", "CLF", 12345),
        ("999999999999.99", "USD", 99999999999999),
    ],
)
def test_to_minor(amount: str, currency: str, minor: int) -> None:
    result = to_minor(Decimal(amount), currency)
    assert type(result) is int
    assert result == minor


@pytest.mark.parametrize(
    ("amount", "currency"), [("0.005", "USD"), ("12.345", "USD"), ("0.5", "JPY"), ("1.2345", "BHD")]
)
def test_to_minor_does_not_round(amount: str, currency: str) -> None:
    with pytest.raises(InvalidAmountInput) as caught:
        to_minor(Decimal(amount), currency)
    assert caught.value.errors == {"amount": ["More decimals than the currency has."]}


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (1250, "USD", "12.50"),
        (0, "USD", "0.00"),
        (1, "USD", "0.01"),
        (-1250, "USD", "-12.50"),
        (500, "JPY", "500"),
        (1, "BHD", "0.001"),
        (10000, "CLF", "1.0000"),
    ],
)
def test_from_minor(minor: int, currency: str, text: str) -> None:
    assert str(from_minor(minor, currency)) == text


@pytest.mark.parametrize("currency", ["usd", "", None, "XAU", "US", 840])
def test_a_currency_that_a_gateway_made_up_proves_not_that_nothing_was_sent(
    currency: Any,
) -> None:
    with pytest.raises(ValueError, match="no ISO 4217 code") as caught:
        from_minor(1250, currency)
    assert not isinstance(caught.value, DineroError)
    with pytest.raises(InvalidInput):  # what is sent was typed by somebody
        to_minor(Decimal("12.50"), currency)


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        ("12.5000", "USD", "12.50"),
        ("12.5", "USD", "12.50"),
        ("500.0000", "JPY", "500"),
        ("1.2340", "BHD", "1.234"),
        ("1E+2", "USD", "100.00"),
    ],
)
def test_normalise_gives_a_stored_amount_the_decimals_of_its_currency(
    amount: str, currency: str, text: str
) -> None:
    assert str(normalise(Decimal(amount), currency)) == text


def test_normalise_refuses_what_the_currency_cannot_hold() -> None:
    with pytest.raises(InvalidAmountInput):
        normalise(Decimal("12.345"), "USD")


@pytest.mark.parametrize("context", [Context(prec=3), Context(prec=3, traps=[Inexact, Rounded])])
def test_the_callers_own_decimal_context_rounds_nothing(context: Context) -> None:
    with localcontext(context):
        assert str(parse_amount("12345678.90", "USD")) == "12345678.90"
        assert to_minor(Decimal("12345678.90"), "USD") == 1234567890
        assert str(from_minor(1234567890, "USD")) == "12345678.90"
        assert str(normalise(Decimal("12345678.9000"), "USD")) == "12345678.90"
        with pytest.raises(InvalidAmountInput):
            parse_amount("12345678.901", "USD")


# -- A card number in place of an amount -----------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        "4111111111111111",
        4111111111111111,
        Decimal(4111111111111111),
        "4111 1111 1111 1111",
        "4111.1111.1111.1111",
        "4222222222222",
    ],
    ids=repr,
)
def test_a_card_number_is_hidden_and_then_refused(value: object) -> None:
    hidden = hidden_if_no_amount(value)
    assert isinstance(hidden, Secret)
    with pytest.raises(InvalidAmountInput, match="card number"):
        parse_amount(hidden, "USD")


@pytest.mark.parametrize("value", ["12.50", 0, None, 1.5, Decimal("360000000002.06"), True])
def test_what_may_be_an_amount_is_not_hidden(value: object) -> None:
    assert hidden_if_no_amount(value) is value


@pytest.mark.parametrize(
    ("total", "currency", "expected"),
    [
        (Decimal("10021.0699999999"), "USD", "10021.07"),
        (Decimal("10021.0700000001"), "USD", "10021.07"),
        (Decimal("4999.9999999"), "JPY", "5000"),
        (Decimal("12.5000"), "USD", "12.50"),
        (Decimal("123456789012345.1200"), "USD", "123456789012345.12"),
        (None, "KWD", "0.000"),
    ],
)
def test_a_sum_has_no_more_decimals_than_its_currency(
    total: Decimal | None, currency: str, expected: str
) -> None:
    assert str(summed(total, currency)) == expected


@pytest.mark.parametrize("context", [Context(prec=6), Context(prec=6, traps=[Inexact, Rounded])])
def test_a_sum_is_exact_whatever_the_threads_context_is(context: Context) -> None:
    with localcontext(context):
        assert str(summed(Decimal("1234567.8900"), "USD")) == "1234567.89"
        amounts = (Decimal("1234567.89"), Decimal("0.01"), Decimal("98765432.10"))
        assert str(added_up(amounts)) == "100000000.00"
    assert added_up(()) == 0


# -- As people read it -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "amount", "currency", "shown"),
    [
        ("en", "1234.5000", "USD", "1,234.50 USD"),
        ("de", "1234.5000", "USD", "1.234,50 USD"),
        ("fr", "1234.5000", "USD", "1 234,50 USD"),
        ("en", "-7", "EUR", "\N{MINUS SIGN}7.00 EUR"),
        ("de", 1200, "JPY", "1.200 JPY"),
    ],
)
def test_an_amount_in_the_readers_language(
    language: str, amount: Any, currency: str, shown: str
) -> None:
    with translation.override(language), localcontext(Context(prec=2)):
        assert " ".join(amount_text(amount, currency).split()) == shown
