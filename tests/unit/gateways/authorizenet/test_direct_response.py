"""The comma-separated answer to a card check, as merchants' settings and typed texts shape it."""

from __future__ import annotations

from pathlib import Path

import pytest

from django_dinero.gateways.authorizenet import direct_response
from django_dinero.gateways.authorizenet.direct_response import DirectResponse
from django_dinero.gateways.authorizenet.xml import list_at, parse, text_at

APPROVED = "This transaction has been approved."
#: What the values below amount to.
EXPECTED = DirectResponse(
    response_code="1",
    reason_code="1",
    reason_text=APPROVED,
    auth_code="03305Y",
    avs="Z",
    cvv="M",
    transaction_id="9044060115",
    last_4="1111",
    account_type="Visa",
)
#: Delimiter and encapsulation character that a merchant may set.
SHAPES = [(",", ""), ("|", ""), (";", ""), (",", '"'), ("|", '"'), ("|", "'"), (",", "|")]


def answer(delimiter: str = ",", quote: str = "", **changed: str) -> str:
    """Return a direct response by the field list of the AIM guide, 68 fields."""
    values = {"0": "1", "1": "1", "2": "1", "3": APPROVED, "4": "03305Y", "5": "Z"}
    values |= {"6": "9044060115", "7": "none", "8": "Test transaction", "9": "0.00", "10": "CC"}
    values |= {"11": "auth_only", "13": "Ada", "14": "Byron", "16": "1 Mill St", "19": "12180"}
    values |= {"32": "0.00", "35": "FALSE", "37": "C01815A69AE1AC538B4F16A4C17DD88C", "38": "M"}
    values |= {"50": "XXXX1111", "51": "Visa"}
    values |= {name.removeprefix("f"): value for name, value in changed.items()}
    return delimiter.join(f"{quote}{values.get(str(i), '')}{quote}" for i in range(68))


@pytest.mark.parametrize(("delimiter", "quote"), SHAPES)
def test_every_shape_says_the_same(delimiter: str, quote: str) -> None:
    assert direct_response.parse(answer(delimiter, quote)) == EXPECTED


@pytest.mark.parametrize(("delimiter", "quote"), SHAPES)
@pytest.mark.parametrize(
    "text", ["Declined{0} sorry.", "{0}a{0}b{0} c", "No{0} no{0} no{0} no{0} no{0}"]
)
def test_the_delimiter_inside_the_reason(delimiter: str, quote: str, text: str) -> None:
    words = text.replace("{0}", delimiter)
    told = direct_response.parse(answer(delimiter, quote, f0="2", f2="27", f3=words, f5="N"))
    assert told is not None
    assert (told.response_code, told.reason_code, told.reason_text) == ("2", "27", words)
    assert (told.auth_code, told.avs, told.transaction_id) == ("03305Y", "N", "9044060115")
    assert (told.cvv, told.last_4, told.account_type) == ("M", "1111", "Visa")


@pytest.mark.parametrize("auth_code", ["", "000000"])
def test_the_delimiter_inside_the_reason_of_what_failed(auth_code: str) -> None:
    text = "Declined, because of that."
    told = direct_response.parse(answer(f0="3", f2="8", f3=text, f4=auth_code, f5="P", f6="0"))
    assert told is not None
    assert (told.reason_text, told.auth_code, told.avs) == (text, auth_code, "P")
    assert told.transaction_id == "0"


@pytest.mark.parametrize(("delimiter", "quote"), SHAPES)
def test_the_delimiter_inside_names_and_addresses(delimiter: str, quote: str) -> None:
    typed = {
        "f8": f"a{delimiter}b",
        "f13": f"Ada{delimiter} PhD",
        "f16": f"1{delimiter}2{delimiter}",
    }
    assert direct_response.parse(answer(delimiter, quote, **typed)) == EXPECTED


def test_a_typed_text_that_looks_like_an_account_is_none() -> None:
    assert direct_response.parse(answer(f7="XXXX9999", f16="XXXX8888")) == EXPECTED


def test_a_test_mode_answer() -> None:
    text = "(TESTMODE) This transaction has been approved."
    told = direct_response.parse(answer(f3=text, f4="000000", f5="P", f6="0", f38=""))
    assert told == DirectResponse("1", "1", text, "000000", "P", "", "0", "1111", "Visa")


def test_more_fields_than_expected_do_no_harm() -> None:
    assert direct_response.parse(answer() + ",1.23,more,more") == EXPECTED


def test_a_response_that_ends_early_tells_what_it_holds() -> None:
    assert direct_response.parse("2,1,2,Declined.,,P,0") == DirectResponse(
        "2", "2", "Declined.", "", "P", "", "0"
    )
    assert direct_response.parse("3,") == DirectResponse("3")
    assert direct_response.parse('"3","1"') == DirectResponse("3")


def test_a_longer_mask_is_a_mask() -> None:
    told = direct_response.parse(answer(f50="XXXXXXXXXXXX0027", f51=""))
    assert told is not None
    assert (told.last_4, told.account_type, told.cvv) == ("0027", "", "M")


@pytest.mark.parametrize(
    "account", ["", "XXXX", "XXX1111", "XXXX11111", "1111", "4111111111111111"]
)
def test_what_is_no_masked_account_leaves_the_card_unknown(account: str) -> None:
    told = direct_response.parse(answer(f50=account))
    assert told is not None
    assert (told.last_4, told.account_type) == ("", "")


@pytest.mark.parametrize(("delimiter", "quote"), SHAPES)
@pytest.mark.parametrize("letter", ["", *"MNPSU"])
def test_the_card_code_result_needs_no_account(delimiter: str, quote: str, letter: str) -> None:
    bare = {"f38": letter, "f50": "", "f51": ""}
    plain = answer(delimiter, quote, **bare)
    reason = answer(delimiter, quote, f3=f"No{delimiter} no{delimiter} no.", **bare)
    typed = {"f13": f"Ada{delimiter} PhD", "f16": f"1{delimiter}2{delimiter}"}
    for text in (plain, reason, answer(delimiter, quote, **bare, **typed)):
        told = direct_response.parse(text)
        assert told is not None
        assert told.cvv == letter


def test_the_card_code_result_of_a_line_that_ends_with_it() -> None:
    fields = answer().split(",")
    told = direct_response.parse(",".join(fields[:39]))
    assert told is not None
    assert (told.cvv, told.last_4) == ("M", "")


def test_a_card_code_result_is_one_letter() -> None:
    told = direct_response.parse(answer(f38="Matched"))
    assert told is not None
    assert told.cvv == ""


@pytest.mark.parametrize(
    "text", ["", " ", "1", "11,1", "5,1,1", "0,1", "approved", '"1,1', "1 1", "1x"]
)
def test_what_is_no_direct_response_is_none(text: str) -> None:
    assert direct_response.parse(text) is None


def test_recorded_answers_are_understood(shared_data: Path) -> None:
    """Real ones: the account and its type stand where we look, and each says approved."""
    found = []
    for path in sorted((shared_data / "authorizenet-recorded").glob("*.xml")):
        _root, content = parse(path.read_bytes())
        names = ("validationDirectResponse", "directResponse")
        found += [text for name in names if (text := text_at(content, name))]
        found += list_at(content, "validationDirectResponseList", "string")
    assert len(found) >= 7
    for text in found:
        told = direct_response.parse(text)
        assert told is not None
        assert told.reason_text.endswith(APPROVED)
        assert (told.response_code, told.reason_code, told.cvv) == ("1", "1", "")
        assert told.last_4.isdigit()
        assert told.account_type in ("Visa", "MasterCard")
        assert told.avs in ("P", "Z")
        assert told.transaction_id.isdigit()
