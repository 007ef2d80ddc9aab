"""What a transactionResponse says, and the traps: what looks like an approval and is none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from django_dinero.enums import ReasonKind, ResultStatus
from django_dinero.exceptions import OutcomeUnknown
from django_dinero.gateways.authorizenet import responses, xml
from django_dinero.gateways.types import Reason, TransactionResult

K = ReasonKind
APPROVED = "This transaction has been approved."


def response(inner: str, *, code: str = "1", trans_id: str = "60036553096") -> dict[str, Any]:
    """Return the content of a reply with this transactionResponse."""
    _root, content = xml.parse(
        "<createTransactionResponse><refId>KEY</refId><transactionResponse>"
        f"<responseCode>{code}</responseCode><transId>{trans_id}</transId>"
        f"{inner}</transactionResponse></createTransactionResponse>".encode()
    )
    return content


def message(code: str, text: str = APPROVED) -> str:
    """Return a message of a transaction."""
    inner = f"<code>{code}</code><description>{text}</description>"
    return f"<messages><message>{inner}</message></messages>"


def errors(*rows: tuple[str, str]) -> str:
    """Return the errors of a transaction."""
    inner = "".join(
        f"<error><errorCode>{code}</errorCode><errorText>{text}</errorText></error>"
        for code, text in rows
    )
    return f"<errors>{inner}</errors>"


def test_an_approval_with_everything() -> None:
    found = responses.result(
        response(
            "<authCode>2Z8XYR</authCode><avsResultCode>Y</avsResultCode>"
            "<cvvResultCode>P</cvvResultCode><accountNumber>XXXX0015</accountNumber>"
            "<accountType>MasterCard</accountType>"
            + message("1")
            + "<networkTransId>N1234</networkTransId>"
        )
    )
    assert found == TransactionResult(
        ResultStatus.APPROVED,
        transaction_id="60036553096",
        operation_key="KEY",
        auth_code="2Z8XYR",
        avs="Y",
        cvv="P",
        network_transaction_id="N1234",
        last_4="0015",
        brand="mastercard",
    )


def test_an_approval_with_next_to_nothing() -> None:
    found = responses.result(response(""))
    assert found == TransactionResult(
        ResultStatus.APPROVED, transaction_id="60036553096", operation_key="KEY"
    )


@pytest.mark.parametrize("code", ["310", "311"])
@pytest.mark.parametrize("trans_id", ["60036553096", "0"])
def test_voided_or_captured_before_is_no_success_of_this_call(code: str, trans_id: str) -> None:
    text = "This transaction has already been captured."
    found = responses.result(response(message(code, text), trans_id=trans_id))
    assert found.outcome is ResultStatus.FAILED
    assert found.already
    assert found.reasons == (Reason(K.INVALID_TRANSACTION, code, text),)


@pytest.mark.parametrize("code", ["310", "311"])
def test_the_same_code_in_a_failure_is_a_failure(code: str) -> None:
    found = responses.result(response(errors((code, "No.")), code="3"))
    assert (found.outcome, found.already) == (ResultStatus.FAILED, False)
    assert found.reasons == (Reason(K.INVALID_TRANSACTION, code, "No."),)


def test_an_approval_with_an_error_beside_it_is_not_believed() -> None:
    with pytest.raises(OutcomeUnknown, match="error beside it") as caught:
        responses.result(response(message("1") + errors(("27", "An AVS mismatch."))))
    assert "27" in str(caught.value)


def test_an_approval_that_kept_nothing_failed() -> None:
    found = responses.result(response(message("1"), trans_id="0"))
    assert found.outcome is ResultStatus.FAILED
    assert [reason.kind for reason in found.reasons] == [K.GATEWAY_ERROR]
    assert "test mode" in found.reasons[0].text
    assert not found.already


@pytest.mark.parametrize("inner", ["", errors(("27", "No.")), "<splitTenderId>7</splitTenderId>"])
@pytest.mark.parametrize(
    "trans_id", ["", "60</transId><transId>61", "<a/>", "60<a/>", "-1", "60 61", "id", "\u0666"]
)
def test_an_approval_without_one_id_may_have_taken_money(trans_id: str, inner: str) -> None:
    with pytest.raises(OutcomeUnknown, match="as which transaction"):
        responses.result(response(inner, trans_id=trans_id))


def test_an_approval_that_kept_nothing_and_says_why() -> None:
    found = responses.result(response(errors(("27", "4111111111111111")), trans_id="0"))
    assert found.outcome is ResultStatus.FAILED
    assert found.reasons == (Reason(K.AVS, "27", "[secret]"),)


@pytest.mark.parametrize("code", ["2", "3"])
def test_a_refusal_whose_reason_is_an_approval_is_not_believed(code: str) -> None:
    with pytest.raises(OutcomeUnknown, match="says that it approved"):
        responses.result(response(message("1"), code=code))


def test_code_1_alone_is_no_approval() -> None:
    found = responses.result(response(message("1", "Declined as asked."), code="2"))
    assert (found.outcome, found.reasons[0].kind) == (ResultStatus.DECLINED, K.CARD_DECLINED)


@pytest.mark.parametrize("code", ["36", "120", "121", "122", "152"])
def test_what_the_gateway_could_not_take_back_may_stand(code: str) -> None:
    with pytest.raises(OutcomeUnknown, match=r"its records will tell: Try again\.") as caught:
        responses.result(response(errors((code, "Try again.")), code="3"))
    assert caught.value.gateway_code == code


@pytest.mark.parametrize("code", ["1", "252", "253", "193", ""])
def test_response_code_4_is_held(code: str) -> None:
    text = "Your order has been received. Thank you for your business!"
    inner = "<authCode>ABC123</authCode>" + (message(code, text) if code else "")
    found = responses.result(response(inner, code="4"))
    assert (found.outcome, found.auth_code) == (ResultStatus.HELD, "ABC123")
    assert found.reasons == (Reason(K.HELD, code, text if code else ""),)
    assert found.transaction_id == "60036553096"


@pytest.mark.parametrize("code", ["252", "253", "193"])
def test_under_review_is_held_even_where_it_says_approved(code: str) -> None:
    found = responses.result(response(message(code, "Under review.")))
    assert found.outcome is ResultStatus.HELD
    assert found.reasons == (Reason(K.HELD, code, "Under review."),)


@pytest.mark.parametrize("code", ["1", "2", "4"])
@pytest.mark.parametrize("wrapped", [errors(("295", "A part.")), message("295", "A part.")])
def test_a_part_is_a_decline_whatever_the_response_code(code: str, wrapped: str) -> None:
    found = responses.result(response(wrapped, code=code))
    assert found.outcome is ResultStatus.DECLINED
    assert found.reasons == (Reason(K.CARD_DECLINED, "295", "A part."),)
    assert found.transaction_id == "60036553096"


def test_a_part_that_calls_itself_approved_is_a_decline() -> None:
    part = "<splitTenderId>123</splitTenderId>" + message("1")
    found = responses.result(response(part))
    assert found.outcome is ResultStatus.DECLINED
    assert found.reasons == (Reason(K.CARD_DECLINED, "295", APPROVED),)


def test_a_part_with_an_empty_tender_is_whole() -> None:
    assert responses.result(response("<splitTenderId/>")).outcome is ResultStatus.APPROVED


@pytest.mark.parametrize("code", ["5", "0", "11", "Approved"])
def test_an_unknown_response_code_is_not_guessed(code: str) -> None:
    with pytest.raises(OutcomeUnknown, match="unknown response code"):
        responses.result(response(message("1"), code=code))


def test_every_error_counts() -> None:
    rows = (("6", "Invalid."), ("8", "Expired."), ("33", "A."), ("33", "B."), ("6", "Invalid."))
    found = responses.result(response(errors(*rows), code="3"))
    assert found.outcome is ResultStatus.FAILED
    assert found.reasons == (
        Reason(K.INVALID_CARD, "6", "Invalid."),
        Reason(K.EXPIRY, "8", "Expired."),
        Reason(K.GATEWAY_ERROR, "33", "A."),
        Reason(K.GATEWAY_ERROR, "33", "B."),
    )


def test_both_checks_count_where_each_has_an_error_of_its_own() -> None:
    rows = (("27", "No such address."), ("44", "No such code."))
    found = responses.result(response(errors(*rows), code="2"))
    assert {reason.kind for reason in found.reasons} == {K.AVS, K.CVV}


@pytest.mark.parametrize("place", [0, 1])
def test_what_may_stand_is_seen_in_any_place(place: int) -> None:
    rows = [("6", "Invalid.")]
    rows.insert(place, ("120", "Try again."))
    with pytest.raises(OutcomeUnknown, match="records will tell: Try again") as caught:
        responses.result(response(errors(*rows), code="3"))
    assert caught.value.gateway_code == "120"


@pytest.mark.parametrize("place", [0, 1])
def test_a_part_that_was_approved_is_seen_in_any_place(place: int) -> None:
    rows = [("2", "Declined.")]
    rows.insert(place, ("295", "A part."))
    found = responses.result(response(errors(*rows), code="4"))
    assert found.outcome is ResultStatus.DECLINED
    assert "295" in {reason.code for reason in found.reasons}


def test_errors_come_before_messages() -> None:
    inner = message("1") + errors(("2", "Declined."))
    assert responses.result(response(inner, code="2")).reasons[0].code == "2"


@pytest.mark.parametrize(
    "inner", ["<message>{0}</message>", "<messages><message>{0}</message></messages>"]
)
def test_messages_may_lack_their_wrapper(inner: str) -> None:
    words = "<code>311</code><description>Captured before.</description>"
    found = responses.result(response(inner.format(words)))
    assert found.already
    assert found.reasons[0].text == "Captured before."


@pytest.mark.parametrize(
    "empty", ["", "<errors/>", "<messages/>", "<errors/><messages/><message/>"]
)
def test_a_refusal_without_reasons_follows_the_response_code(empty: str) -> None:
    declined = responses.result(response(empty, code="2", trans_id="0"))
    assert declined.reasons == (Reason(K.CARD_DECLINED),)
    assert responses.result(response(empty, code="3")).reasons == (Reason(K.GATEWAY_ERROR),)


@pytest.mark.parametrize(
    ("avs", "cvv", "kinds"),
    [
        ("N", "M", [K.AVS]),
        ("Y", "N", [K.CVV]),
        ("N", "N", [K.AVS, K.CVV]),
        ("Y", "M", [K.CARD_DECLINED]),
        ("", "", [K.CARD_DECLINED]),
    ],
)
def test_without_a_reason_the_letters_tell(avs: str, cvv: str, kinds: list[ReasonKind]) -> None:
    letters = f"<avsResultCode>{avs}</avsResultCode><cvvResultCode>{cvv}</cvvResultCode>"
    found = responses.result(response(letters, code="2", trans_id="0"))
    assert [reason.kind for reason in found.reasons] == kinds
    # With a reason they tell nothing, and of an approval they are only kept.
    declined = responses.result(response(letters + errors(("2", "Declined.")), code="2"))
    assert [reason.kind for reason in declined.reasons] == [K.CARD_DECLINED]
    approved = responses.result(response(letters))
    assert (approved.outcome, approved.avs, approved.cvv) == (ResultStatus.APPROVED, avs, cvv)


def test_not_found_of_a_follow_up_refuses_the_refund() -> None:
    content = response(errors(("16", "Not found.")), code="3", trans_id="0")
    assert responses.result(content, follow_up=True).reasons[0].kind is K.REFUND
    assert responses.result(content).reasons[0].kind is K.INVALID_TRANSACTION


@pytest.mark.parametrize(
    ("account_type", "brand"),
    [("MasterCard", "mastercard"), ("Mastercard", "mastercard"), ("AmericanExpress", "amex"),
     ("eCheck", "echeck"), ("", "")],
)  # fmt: skip
def test_the_network_in_every_spelling(account_type: str, brand: str) -> None:
    inner = f"<accountType>{account_type}</accountType><accountNumber/>"
    found = responses.result(response(inner))
    assert (found.brand, found.last_4) == (brand, "")


def test_a_reply_may_speak_of_no_transaction() -> None:
    assert responses.response_code(response("", code="3")) == "3"
    for empty in ("<r/>", "<r><transactionResponse/></r>", "<r><messages>1</messages></r>"):
        assert responses.response_code(xml.parse(empty.encode())[1]) == ""


@pytest.mark.parametrize("inner", ["", "<errors/>", "<errors/><messages/>", "\n"])
def test_an_empty_transaction_says_nothing(inner: str) -> None:
    content = xml.parse(f"<r><transactionResponse>{inner}</transactionResponse></r>".encode())[1]
    assert not responses.speaks_of_a_transaction(content)
    assert not responses.speaks_of_a_transaction({})


@pytest.mark.parametrize(
    "pieces",
    ["<transId>60</transId>", "<responseCode>1</responseCode><responseCode>3</responseCode>",
     "<responseCode><a/></responseCode>", "approved",
     "</transactionResponse><transactionResponse>"],
)  # fmt: skip
def test_a_transaction_in_pieces_is_not_nothing(pieces: str) -> None:
    content = xml.parse(f"<r><transactionResponse>{pieces}</transactionResponse></r>".encode())[1]
    assert responses.response_code(content) == ""
    assert responses.speaks_of_a_transaction(content)


def test_recorded_transactions_are_understood(shared_data: Path) -> None:
    """Every one of them by the meaning that was noted when they were collected."""
    folder = shared_data / "authorizenet-recorded"
    index = json.loads((folder / "index.json").read_text())
    kinds = {"RefundError": K.REFUND, "InvalidAmountError": K.INVALID_AMOUNT}
    outcomes = {"approved": ResultStatus.APPROVED, "error": ResultStatus.FAILED}
    seen = 0
    for name, row in index.get("files", index).items():
        meaning = row.get("meaning", {})
        if row.get("root") != "createTransactionResponse" or meaning["outcome"] == "api_error":
            continue
        _root, content = xml.parse((folder / name).read_bytes())
        found = responses.result(content)
        assert found.outcome is outcomes[meaning["outcome"]], name
        assert found.transaction_id == meaning["transaction"]["trans_id"]
        assert found.last_4 == (meaning["transaction"]["last4"] or "")
        assert [reason.code for reason in found.reasons] == (
            [] if found.outcome is ResultStatus.APPROVED else [meaning["reason_code"]]
        )
        suggested = kinds.get(meaning["exception_suggested"])
        assert suggested in (None, *(reason.kind for reason in found.reasons)), name
        seen += 1
    assert seen >= 20
