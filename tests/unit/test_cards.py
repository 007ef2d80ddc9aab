"""Card data as it was typed: numbers, CVVs, expiry dates, addresses, and what they refuse."""

from __future__ import annotations

import dataclasses
import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_dinero.card_numbers import brand_of
from django_dinero.cards import (
    ADDRESS_FIELDS,
    LONGEST_TEXT,
    MAX_YEARS_AHEAD,
    Address,
    CardDetails,
    PaymentToken,
    address_of,
    card_details,
    card_input_error,
    check_cvv,
    check_expiry,
    holds_card_number,
    text_of,
    unsendable,
    without_card_numbers,
    wrap_secrets,
)
from django_dinero.exceptions import (
    CVVError,
    ExpiryError,
    InvalidCardError,
    InvalidCardInput,
    InvalidCVVInput,
    InvalidExpiryInput,
    InvalidInput,
)
from django_dinero.redaction import Secret
from tests.support.digits import with_check_digit
from tests.support.frozen import stop_clock

VISA = "4111111111111111"
TODAY = datetime.date(2026, 3, 15)

REQUIRED = "A card number is required."
LENGTH = "A card number has 12 to 19 digits 0-9; spaces and dashes are fine."
CHECK_DIGIT = "This card number has a typing error (its check digit is wrong)."
CVV = "A card verification value has 3 or 4 digits."
MONTH = "The expiry month is a number from 1 to 12."
YEAR = "The expiry year has two or four digits."
EXPIRED = "The card has expired."
NO_MONTH = "The expiry month is missing."
NO_YEAR = "The expiry year is missing."
TOO_FAR = "The expiry year is too far away."
CONTROL = "The text has a character that cannot be sent (a control character)."
CARD_NUMBER = "This looks like a card number; it belongs in the number field only."


def errors_of(today: datetime.date = TODAY, **values: object) -> dict[str, list[str]]:
    with pytest.raises(InvalidInput) as caught:
        card_details({"number": VISA, **values}, today=today)
    return caught.value.errors


# -- Numbers ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "digits"),
    [
        (VISA, VISA),
        ("4111 1111 1111 1111", VISA),
        ("4111-1111-1111-1111", VISA),
        (" 4111 1111-1111 1111 ", VISA),
        ("4 1 1 1 1111 11111111", VISA),
        (int(VISA), VISA),
        (Secret(VISA), VISA),
        (Secret(" 4111 1111 1111 1111 "), VISA),
        (with_check_digit("5" * 11), with_check_digit("5" * 11)),
        (with_check_digit("6" * 18), with_check_digit("6" * 18)),
        ("000000000000", "000000000000"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_number_loses_its_spaces_and_dashes(typed: object, digits: str) -> None:
    details = card_details({"number": typed}, today=TODAY)
    assert isinstance(details.number, Secret)
    assert details.number.reveal() == digits
    assert details == CardDetails(number=Secret(digits))
    assert (details.cvv, details.month, details.year) == (None, None, None)
    assert details.address == Address()


@pytest.mark.parametrize("typed", [None, "", "  ", "- -", Secret(""), Secret(" ")])
def test_a_missing_number_is_said_to_be_missing(typed: object) -> None:
    assert errors_of(number=typed) == {"number": [REQUIRED]}


def test_no_values_at_all() -> None:
    with pytest.raises(InvalidCardInput) as caught:
        card_details({})
    assert caught.value.errors == {"number": [REQUIRED]}


@pytest.mark.parametrize(
    "typed",
    [
        with_check_digit("5" * 10),
        with_check_digit("6" * 19),
        "4111.1111.1111.1111",
        "4111\u20111111\u20111111\u20111111",
        "4111\u00a01111\u00a01111\u00a01111",
        "4111_1111_1111_1111",
        "4111\n1111\n1111\n1111",
        VISA + "\x00",
        "\ud800" + VISA,
        "".join(chr(0xFF10 + int(d)) for d in VISA),
        "".join(chr(0x0660 + int(d)) for d in VISA),
        VISA[:-1] + "\uff11",
        VISA[:-1] + "\u00b9",
        "x" + VISA,
        VISA + "x",
        "4.111111111111111e15",
        "+" + VISA,
        "four",
        True,
        4111111111111111.0,
        -4111111111111111.5,
        b"4111111111111111",
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_number_is_refused(typed: object) -> None:
    assert errors_of(number=typed) == {"number": [LENGTH]}


@pytest.mark.parametrize("typed", ["4111111111111112", "4111 1111 1111 1121", "1" * 12])
def test_a_mistyped_number_is_said_to_be_mistyped(typed: str) -> None:
    assert errors_of(number=typed) == {"number": [CHECK_DIGIT]}


@pytest.mark.parametrize("typed", ["4111111111111112", "41111111", "4111x1111y1111z1111"])
def test_an_error_never_repeats_the_number(typed: str) -> None:
    with pytest.raises(InvalidCardInput) as caught:
        card_details({"number": typed, "cvv": "90123"}, today=TODAY)
    assert typed not in str(caught.value)
    assert "90123" not in str(caught.value)


@given(number=st.from_regex(r"\A[0-9]{11,18}\Z").map(with_check_digit))
def test_every_good_number_is_taken_whole(number: str) -> None:
    details = card_details({"number": number})
    assert details.number.reveal() == number
    assert details.last_4 == number[-4:]
    assert details.brand == brand_of(number)
    assert number not in repr(details)


def test_last_4_and_brand() -> None:
    details = card_details({"number": "5424000000000015"})
    assert details.last_4 == "0015"
    assert details.brand == "mastercard"


# -- CVV ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("typed", ["900", "9001", " 900 ", 900, Secret("900"), "000"])
def test_a_good_cvv(typed: object) -> None:
    expected = Secret(text_of(typed))
    assert card_details({"number": VISA, "cvv": typed}).cvv == expected
    assert check_cvv(typed) == expected


@pytest.mark.parametrize("typed", [None, "", "  ", Secret("")])
def test_no_cvv(typed: object) -> None:
    assert card_details({"number": VISA, "cvv": typed}).cvv is None
    assert check_cvv(typed) is None


@pytest.mark.parametrize(
    "typed", ["12", "12345", "12a", "1 23", "-123", "\u0661\u0662\u0663", "\uff11\uff12\uff13", 0]
)
def test_a_wrong_cvv(typed: object) -> None:
    assert errors_of(cvv=typed) == {"cvv": [CVV]}
    with pytest.raises(InvalidCVVInput) as caught:
        check_cvv(typed)
    assert caught.value.errors == {"cvv": [CVV]}


def test_a_cvv_error_carries_the_callers_name_of_the_field() -> None:
    with pytest.raises(InvalidCVVInput) as caught:
        check_cvv("1", field="card_cvv")
    assert caught.value.errors == {"card_cvv": [CVV]}


# -- Expiry -------------------------------------------------------------------------------------


def expiry(month: object, year: object, today: datetime.date = TODAY) -> dict[str, str] | str:
    """What check_expiry() makes of it: the errors, or the date as text."""
    errors: dict[str, str] = {}
    result = check_expiry(month, year, errors, today=today)
    return errors or str(result)


@pytest.mark.parametrize(
    ("month", "year", "result"),
    [
        (1, 2027, (1, 2027)),
        (12, 2027, (12, 2027)),
        ("1", "27", (1, 2027)),
        ("01", "2027", (1, 2027)),
        ("001", "2027", (1, 2027)),
        ("0012", "2027", (12, 2027)),
        (" 7 ", " 2030 ", (7, 2030)),
        (Secret("7"), Secret("30"), (7, 2030)),
        ("3", "26", (3, 2026)),
        ("12", "76", (12, 2076)),
        (12, 2026 + MAX_YEARS_AHEAD, (12, 2076)),
    ],
)
def test_a_good_expiry(month: object, year: object, result: tuple[int, int]) -> None:
    assert expiry(month, year) == str(result)
    details = card_details({"number": VISA, "month": month, "year": year}, today=TODAY)
    assert (details.month, details.year) == result


@pytest.mark.parametrize("nothing", [None, "", " ", Secret("")])
def test_no_expiry(nothing: object) -> None:
    assert expiry(nothing, nothing) == "(None, None)"


@pytest.mark.parametrize(
    "month",
    [
        0,
        13,
        -1,
        1.0,
        True,
        "1 2",
        "1\x00",
        "\ud800",
        "0",
        "00",
        "13",
        "99",
        "1.0",
        "1e0",
        "x",
        "00001",
        "\u0661",
        "\uff11",
        "\xb2",
    ],
    ids=ascii,
)
def test_a_wrong_month(month: object) -> None:
    assert expiry(month, 2030) == {"month": MONTH}
    assert errors_of(month=month, year=2030) == {"month": [MONTH]}


@pytest.mark.parametrize(
    "year",
    [
        7,
        123,
        20270,
        27.0,
        "\ud800\ud800",
        "27\x00\x00",
        "7",
        "027",
        "20270",
        "20.7",
        "-27",
        "+027",
        "2o27",
        "1e1",
        "2e10",
        "\u0662\u0660",
        "\uff12\uff17",
        "\xb2\xb3",
    ],
    ids=ascii,
)
def test_a_wrong_year(year: object) -> None:
    assert expiry(7, year) == {"year": YEAR}
    assert errors_of(month=7, year=year) == {"year": [YEAR]}


@pytest.mark.parametrize("nothing", [None, "", " "])
def test_half_a_date_says_which_half_is_missing(nothing: object) -> None:
    assert errors_of(month=7, year=nothing) == {"year": [NO_YEAR]}
    assert errors_of(month=nothing, year=2030) == {"month": [NO_MONTH]}


def test_month_and_year_are_both_named() -> None:
    assert expiry(13, "x") == {"month": MONTH, "year": YEAR}


def test_a_wrong_month_hides_no_year_that_is_wrong_in_any_month() -> None:
    today = datetime.datetime.now(datetime.UTC).year
    assert expiry(13, today) == {"month": MONTH}
    assert expiry(13, 1999) == {"month": MONTH, "year": "The card has expired."}
    assert expiry(13, 2999) == {"month": MONTH, "year": "The expiry year is too far away."}


@pytest.mark.parametrize(
    ("month", "year", "today", "expired"),
    [
        (3, 2026, "2026-03-01", False),
        (3, 2026, "2026-03-31", False),
        (3, 2026, "2026-04-01", False),
        (3, 2026, "2026-04-02", True),
        (2, 2026, "2026-03-01", False),
        (2, 2026, "2026-03-02", True),
        (2, 2028, "2028-03-01", False),
        (2, 2028, "2028-03-02", True),
        (12, 2025, "2025-12-31", False),
        (12, 2025, "2026-01-01", False),
        (12, 2025, "2026-01-02", True),
        (12, 2025, "2026-06-15", True),
        (1, 2025, "2026-06-15", True),
        (7, 2025, "2026-06-15", True),
        (1, 2027, "2026-06-15", False),
        (12, 2000, "2026-06-15", True),
    ],
)
def test_a_card_is_good_to_the_end_of_its_month_and_one_day(
    month: int, year: int, today: str, expired: bool
) -> None:
    day = datetime.date.fromisoformat(today)
    expected: object = {"year": EXPIRED} if expired else str((month, year))
    assert expiry(month, year, day) == expected
    assert expiry(str(month), str(year)[2:], day) == expected


@pytest.mark.parametrize(
    ("year", "today", "far"),
    [
        (2076, "2026-03-15", False),
        (2077, "2026-03-15", True),
        ("77", "2026-03-15", True),
        ("99", "2026-03-15", True),
        (9999, "2026-03-15", True),
        # One day into the new year counts from the new year, whatever the day of grace says.
        (2077, "2027-01-01", False),
        (2078, "2027-01-01", True),
    ],
)
def test_fifty_years_ahead_is_the_limit(year: object, today: str, far: bool) -> None:
    result = expiry(12, year, datetime.date.fromisoformat(today))
    assert (result == {"year": TOO_FAR}) is far
    assert MAX_YEARS_AHEAD == 50


def test_today_is_the_day_in_utc_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    stop_clock(monkeypatch, datetime.datetime(2031, 5, 2, 0, 30, tzinfo=datetime.UTC))
    errors: dict[str, str] = {}
    check_expiry(4, 2031, errors)
    assert errors == {"year": EXPIRED}
    with pytest.raises(InvalidExpiryInput):
        card_details({"number": VISA, "month": 4, "year": 2031})
    assert card_details({"number": VISA, "month": 5, "year": 2031}).year == 2031
    assert card_details({"number": VISA, "month": 4, "year": 31}, today=TODAY).year == 2031


def test_a_refused_expiry_is_still_returned_for_the_form() -> None:
    assert check_expiry(1, 2020, {}, today=TODAY) == (1, 2020)


# -- All wrong fields in one error, of the class of the first -----------------------------------


@pytest.mark.parametrize(
    ("fields", "error", "caught_as"),
    [
        (["number"], InvalidCardInput, InvalidCardError),
        (["number", "month", "year", "cvv", "zip"], InvalidCardInput, InvalidCardError),
        (["month"], InvalidExpiryInput, ExpiryError),
        (["year"], InvalidExpiryInput, ExpiryError),
        (["cvv", "year"], InvalidExpiryInput, ExpiryError),
        (["zip", "cvv"], InvalidCVVInput, CVVError),
        (["zip"], InvalidInput, ValueError),
        ([], InvalidInput, ValueError),
    ],
)
def test_the_class_is_that_of_the_first_wrong_field(
    fields: list[str], error: type[InvalidInput], caught_as: type[Exception]
) -> None:
    result = card_input_error(dict.fromkeys(fields, "wrong"))
    assert type(result) is error
    assert isinstance(result, caught_as)
    assert result.errors == {name: ["wrong"] for name in fields}


def test_every_wrong_field_is_named_at_once() -> None:
    values = {"number": "1", "month": "13", "year": "1", "cvv": "1", "city": "\x00", "zip": VISA}
    with pytest.raises(InvalidCardInput) as caught:
        card_details(values, today=TODAY)
    assert caught.value.errors == {
        "number": [LENGTH],
        "month": [MONTH],
        "year": [YEAR],
        "cvv": [CVV],
        "city": [CONTROL],
        "zip": [CARD_NUMBER],
    }


# -- Addresses and texts ------------------------------------------------------------------------


def test_the_fields_of_an_address() -> None:
    names = "first_name last_name company address city state zip country phone fax"
    assert tuple(names.split()) == ADDRESS_FIELDS
    values = {name: f" {name}'s " for name in ADDRESS_FIELDS}
    address = address_of({**values, "other": "x"}, {})
    assert address.as_dict() == {name: f"{name}'s" for name in ADDRESS_FIELDS}
    assert list(Address().as_dict().values()) == [""] * 10
    assert card_details({"number": VISA, **values}).address == address


def test_wrong_texts_of_an_address_are_named_and_the_others_kept() -> None:
    errors: dict[str, str] = {}
    address = address_of({"first_name": "\x01", "fax": VISA, "zip": 46203}, errors)
    assert errors == {"first_name": CONTROL, "fax": CARD_NUMBER}
    assert address.zip == "46203"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        ("", ""),
        (" a b ", "a b"),
        ("\ta\n", "a"),
        (0, "0"),
        (False, "False"),
        (Secret(" x "), "x"),
        (5, "5"),
    ],
)
def test_text_of(value: object, text: str) -> None:
    assert text_of(value) == text


@pytest.mark.parametrize(
    "character",
    [*map(chr, (*range(9), 11, 12, *range(14, 32))), *"\x7f\ufffe\uffff\ud800\udbff\udc00\udfff"],
    ids=ascii,
)
def test_characters_that_fail_in_xml_or_databases(character: str) -> None:
    assert unsendable(character) == CONTROL
    assert unsendable(f"Main{character}Street") == CONTROL


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a\tb",
        "a\nb",
        "a\r\nb",
        "<&>\"'",
        "46203-1234",
        "+1 317 555 0100",
        *"~ \x80\ud7ff\ue000\ufffd\U0001f600\u00df",
    ],
    ids=ascii,
)
def test_texts_that_can_be_sent(text: str) -> None:
    assert unsendable(text) == ""


@pytest.mark.parametrize("text", [VISA, f"card {VISA}, please", "4111  1111  1111  1111"])
def test_a_card_number_in_a_text_is_refused(text: str) -> None:
    assert unsendable(text) == CARD_NUMBER
    assert unsendable(text, "scope") == ""


def test_what_is_longer_than_any_field_is_refused_unread() -> None:
    assert unsendable("x" * LONGEST_TEXT) == ""
    assert unsendable(VISA + "\x00" * LONGEST_TEXT) == "At most 4000 characters."
    assert holds_card_number("company", "x" * (LONGEST_TEXT + 1))


# -- The objects --------------------------------------------------------------------------------


@pytest.mark.parametrize("made", [CardDetails(Secret(VISA)), PaymentToken(Secret("tok-1234"))])
def test_cards_and_tokens_are_frozen_and_hide_their_secrets(made: Any) -> None:
    for shown in (repr(made), str(made), f"{made}"):
        assert VISA not in shown
        assert "tok-1234" not in shown
        assert "[secret]" in shown
    name = dataclasses.fields(made)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(made, name, "x")
    assert made.address == Address()
    assert not hasattr(made, "__dict__")


# -- Arguments as they arrive -------------------------------------------------------------------


@pytest.mark.parametrize("typed", [VISA, "", "not a number", int(VISA), 0])
@pytest.mark.parametrize("name", ["number", "cvv", "token"])
def test_secret_arguments_are_sealed_whatever_they_hold(name: str, typed: object) -> None:
    arguments: dict[str, object] = {name: typed, "city": "Troy"}
    wrap_secrets(arguments)
    assert arguments == {name: Secret(str(typed)), "city": "Troy"}
    assert list(arguments) == [name, "city"]


@pytest.mark.parametrize("typed", [None, Secret("900"), PaymentToken(Secret("t")), 1.5])
def test_what_is_no_text_is_left_to_the_checks(typed: object) -> None:
    arguments = {"number": typed}
    wrap_secrets(arguments)
    assert arguments["number"] is typed


def test_a_number_in_another_field_is_sealed_too() -> None:
    arguments: dict[str, object] = {"zip": VISA, "month": 12, "company": "4111 1111", "fax": None}
    wrap_secrets(arguments)
    assert arguments == {"zip": Secret(VISA), "month": 12, "company": "4111 1111", "fax": None}
    arguments = {"city": int(VISA), "state": True, "company": 10**5000}
    wrap_secrets(arguments)
    assert arguments == {"city": Secret(VISA), "state": True, "company": 10**5000}


def test_what_holds_numbers_of_another_kind_is_not_sealed() -> None:
    mobile, order = f"+{with_check_digit('491511234567')}", with_check_digit("402600012345")
    arguments: dict[str, object] = {"phone": mobile, "order_reference": order, "scope": VISA}
    wrap_secrets(arguments)
    assert arguments == {"phone": mobile, "order_reference": order, "scope": VISA}


def test_a_number_in_another_field_can_be_left_alone() -> None:
    arguments: dict[str, object] = {"zip": VISA, "cvv": "900"}
    wrap_secrets(arguments, misplaced=False)
    assert arguments == {"zip": VISA, "cvv": Secret("900")}


def test_a_token_that_came_as_a_text_is_secret_all_the_same() -> None:
    token = PaymentToken("tok_1234567890")  # type: ignore[arg-type]
    assert token.value.reveal() == "tok_1234567890"
    assert "tok_1234567890" not in repr(token)
    assert PaymentToken(token.value) == token


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("company", f"Acme {VISA}", "Acme [secret]"),
        ("company", "Acme", "Acme"),
        ("phone", VISA, "[secret]"),
        ("phone", with_check_digit("491511234567"), with_check_digit("491511234567")),
        ("order_reference", f" {VISA}", " [secret]"),
        ("scope", VISA, VISA),
        ("company", VISA + "x" * LONGEST_TEXT, "[secret]" + "x" * LONGEST_TEXT),
    ],
)
def test_card_numbers_that_others_typed_are_masked(name: str, text: str, expected: str) -> None:
    assert without_card_numbers(name, text) == expected
