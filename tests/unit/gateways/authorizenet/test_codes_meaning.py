"""Codes whose meaning hangs on the text or the request, and texts that must be scrubbed."""

from __future__ import annotations

import pytest

from django_dinero.enums import ReasonKind, ResultStatus
from django_dinero.gateways.authorizenet import codes
from django_dinero.gateways.types import Reason
from django_dinero.redaction import Secret, secrets_in_play

K = ReasonKind
NS = "AnetApi/xml/v1/schema/AnetApiSchema.xsd"

# Words of recorded replies and of the official table, each with what it is about.
FIELD_TEXTS = [
    ("Expiration Date is invalid.", K.EXPIRY),
    ("Credit Card expirationDate is required.", K.EXPIRY),
    ("The credit card has expired.", K.EXPIRY),
    ("Card expired.", K.EXPIRY),
    (f"The '{NS}:expirationDate' element is invalid - The value 'X' is invalid.", K.EXPIRY),
    ("Card Code is required.", K.CVV),
    (f"The '{NS}:cardCode' element is invalid - The value 'X' is invalid.", K.CVV),
    ("This transaction has been declined because of a CVV2 mismatch.", K.CVV),
    ("Card Number is invalid.", K.INVALID_CARD),
    (f"The '{NS}:cardNumber' element is invalid - The value XX is invalid.", K.INVALID_CARD),
    ("Account Number must be 4 to 17 digits.", K.INVALID_CARD),
    (f"The '{NS}:accountNumber' element is invalid.", K.INVALID_CARD),
    ("Routing Number is invalid.", K.INVALID_CARD),
    (f"The '{NS}:routingNumber' element is invalid.", K.INVALID_CARD),
    ("The transaction has been declined because of an AVS mismatch. The address provided does "
     "not match billing address of cardholder.", K.AVS),
    ("This transaction has been declined.", K.CARD_DECLINED),
    ("Phone is invalid. Letters are not allowed.", K.GATEWAY_ERROR),
    ("The transaction was unsuccessful.", K.GATEWAY_ERROR),
    ("", K.GATEWAY_ERROR),
]  # fmt: skip


@pytest.mark.parametrize(("text", "kind"), FIELD_TEXTS)
def test_a_field_message_is_read_by_its_text(text: str, kind: ReasonKind) -> None:
    assert codes.field_kind(text) is kind
    assert codes.field_kind(text.upper()) is kind
    for code in sorted(codes.FIELD_MESSAGES):
        assert codes.message_reason(code, text) == Reason(kind, code, text)


def test_the_text_of_other_messages_decides_nothing() -> None:
    assert codes.message_reason("E00007", "Card Number is invalid.").kind is K.AUTHENTICATION
    assert codes.message_reason("E00041", "Card Number is invalid.").kind is K.GATEWAY_ERROR
    assert codes.message_reason("E00040", "Card Number is invalid.").kind is K.INVALID_TRANSACTION


def test_the_field_named_first_wins_where_an_expiry_comes_with_a_number() -> None:
    assert codes.field_kind("Card number and expiration date do not match.") is K.EXPIRY


@pytest.mark.parametrize("missing", [K.CUSTOMER_NOT_FOUND, K.CARD_NOT_FOUND, K.REFUND])
def test_not_found_is_about_what_was_asked_for(missing: ReasonKind) -> None:
    text = "The record cannot be found."
    assert codes.message_reason("E00040", text, missing) == Reason(missing, "E00040", text)
    # The hint is for that one code alone.
    assert codes.message_reason("E00041", text, missing).kind is K.GATEWAY_ERROR


def test_an_account_without_reports_is_not_one_with_bad_keys() -> None:
    text = "The user does not have permission to call the Transaction Details API."
    assert codes.message_reason("E00011", text).kind is K.NOT_PERMITTED


@pytest.mark.parametrize("code", ["", "E99999", "I00001", "hello", "E0004"])
def test_an_unknown_message_is_an_error_of_the_gateway(code: str) -> None:
    assert codes.message_reason(code, "Whatever.") == Reason(K.GATEWAY_ERROR, code, "Whatever.")


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [
        (ResultStatus.DECLINED, K.CARD_DECLINED),
        (ResultStatus.HELD, K.HELD),
        (ResultStatus.FAILED, K.GATEWAY_ERROR),
        (ResultStatus.APPROVED, K.GATEWAY_ERROR),
    ],
)
@pytest.mark.parametrize("code", ["", "1", "36", "152", "999", "E00027"])
def test_an_unknown_reason_follows_the_response_code(
    code: str, outcome: ResultStatus, kind: ReasonKind
) -> None:
    assert codes.transaction_reasons(code, "Why.", outcome) == (Reason(kind, code, "Why."),)


@pytest.mark.parametrize("code", ["2", "27", "45", "5", "193", "252", ""])
def test_what_is_held_is_held_whatever_the_reason(code: str) -> None:
    reasons = codes.transaction_reasons(code, "Under review.", ResultStatus.HELD)
    assert reasons == (Reason(K.HELD, code, "Under review."),)


def test_address_and_card_code_are_two_reasons_and_one_text() -> None:
    reasons = codes.transaction_reasons("45", "Both.", ResultStatus.DECLINED)
    assert reasons == (Reason(K.AVS, "45", "Both."), Reason(K.CVV, "45", ""))


@pytest.mark.parametrize("outcome", [ResultStatus.FAILED, ResultStatus.DECLINED])
def test_not_found_of_a_refund_or_void_is_a_refusal_to_refund(outcome: ResultStatus) -> None:
    text = "The transaction cannot be found."
    follow_up = codes.transaction_reasons("16", text, outcome, follow_up=True)
    assert follow_up == (Reason(K.REFUND, "16", text),)
    assert codes.transaction_reasons("16", text, outcome)[0].kind is K.INVALID_TRANSACTION
    # Other codes mean the same in a refund.
    assert codes.transaction_reasons("2", text, outcome, follow_up=True)[0].kind is K.CARD_DECLINED
    assert codes.transaction_reasons("319", text, outcome, follow_up=True)[0].kind is (
        K.INVALID_TRANSACTION
    )


@pytest.mark.parametrize("echo", ["4111111111111111", "4111 1111 1111 1111", "4111-1111-1111-11"])
def test_an_echoed_number_is_scrubbed(echo: str) -> None:
    text = f"The value '{echo}' is invalid according to its datatype."
    shown = "The value '[secret]' is invalid according to its datatype."
    with secrets_in_play([Secret("4111111111111111")]):  # of one that was cut off
        assert codes.message_reason("E00003", text).text == shown
        assert codes.transaction_reasons("6", text, ResultStatus.FAILED)[0].text == shown


def test_codes_that_the_client_asks_for_by_name() -> None:
    assert codes.DUPLICATE_RECORD == "E00039"
    assert codes.NOT_FOUND == "E00040"
    assert sorted(codes.BROKE_OFF) == [
        *("E00001", "E00049", "E00053", "E00104", "E00133"),
    ]
    assert codes.ALREADY_DELETED == "I00003"
    assert codes.PARTIAL_APPROVAL == "295"
    assert codes.DUPLICATES == ("11", "318")
    assert codes.UNDER_REVIEW == ("193", "252", "253")
    assert (codes.ALREADY_VOIDED, codes.ALREADY_CAPTURED) == ("310", "311")


@pytest.mark.parametrize(
    ("account_type", "shown"),
    [("", ""), ("EnRoute", "enroute"), ("Apple-Pay!", "applepay"), (" Visa ", "visa")],
)
def test_a_network_that_has_no_row_keeps_its_letters(account_type: str, shown: str) -> None:
    assert codes.brand(account_type) == shown
