"""createTransactionRequest: nothing authorized, captures on a code, credits without a payment."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.support.authorizenet import TX, Talk, bill_to, card, nonce, profile, stored

VISA, MASTERCARD, AMEX = "4111111111111111", "5424000000000015", "370000000000002"
NO_ADDRESS = "<billTo><zip>12180</zip></billTo>"


# -- Nothing --------------------------------------------------------------------------------------


@pytest.mark.parametrize("amount", ["0", "0.00"])
def test_nothing_is_authorized(talk: Talk, amount: str) -> None:
    answer = talk.pay("authOnlyTransaction", amount, card(cvv="900") + bill_to())
    assert answer.transaction == ("1", "1")
    assert (answer[TX + "avsResultCode"], answer[TX + "cvvResultCode"]) == ("Y", "M")
    found = talk("getTransactionDetails", f"<transId>{answer.trans_id}</transId>")
    assert found["transaction/authAmount"] == "0.00"
    assert talk.follow("voidTransaction", answer.trans_id).transaction == ("1", "1")


@pytest.mark.parametrize(
    ("inner", "reason", "text"),
    [
        (card(MASTERCARD) + bill_to(), "289", "zero dollar authorization"),
        (card(AMEX) + bill_to(), "289", "zero dollar authorization"),
        (card(VISA) + NO_ADDRESS, "290", "missing or invalid required fields"),
        (card(MASTERCARD), "290", "missing or invalid required fields"),
    ],
)
def test_nothing_is_refused(talk: Talk, inner: str, reason: str, text: str) -> None:
    answer = talk.pay("authOnlyTransaction", "0.00", inner)
    assert (answer.code, answer.transaction) == ("E00027", ("3", reason))
    assert text in answer[TX + "errors/error/errorText"]
    assert answer.trans_id == "0"


def test_with_a_stored_card_too(talk: Talk) -> None:
    _, _, with_profile = stored(talk)
    assert talk.pay("authOnlyTransaction", "0", with_profile).transaction == ("1", "1")


def test_without_an_amount_nothing_is_authorized(talk: Talk) -> None:
    assert talk.pay("authOnlyTransaction", "").transaction == ("3", "5")


def test_nothing_is_only_authorized(talk: Talk) -> None:
    assert talk.pay(amount="0").transaction == ("3", "5")


# -- captureOnlyTransaction -----------------------------------------------------------------------

CODE = "<authCode>ROHNFQ</authCode>"


def test_capture_only(talk: Talk) -> None:
    answer = talk.pay("captureOnlyTransaction", "10.00", card(MASTERCARD) + CODE, ref_id="r1")
    assert (answer.code, answer.transaction) == ("I00001", ("1", "1"))
    assert answer[TX + "authCode"] == "ROHNFQ"
    letters = [answer[TX + f"{name}ResultCode"] for name in ("avs", "cvv", "cavv")]
    assert letters == ["P", "", ""]
    assert (answer[TX + "accountNumber"], answer[TX + "refTransID"]) == ("XXXX0015", "")
    assert TX + "networkTransId" not in answer
    found = talk("getTransactionDetails", f"<transId>{answer.trans_id}</transId>")
    assert found["transaction/transactionType"] == "captureOnlyTransaction"
    assert found["transaction/transactionStatus"] == "capturedPendingSettlement"
    assert (found["transaction/authCode"], found["transrefId"]) == ("ROHNFQ", "r1")
    talk.bank.settle_batch()
    assert talk("getSettledBatchList").ok


def test_capture_only_needs_a_code(talk: Talk) -> None:
    answer = talk.pay("captureOnlyTransaction")
    assert (answer.code, answer.transaction) == ("E00027", ("3", "12"))
    assert answer[TX + "accountNumber"] == "XXXX1111"


def test_capture_only_refuses_as_a_charge_does(talk: Talk) -> None:
    assert talk.pay("captureOnlyTransaction", "0", card() + CODE).transaction == ("3", "5")
    answer = talk.pay("captureOnlyTransaction", "10.00", card(expires="2020-01") + CODE)
    assert answer.transaction == ("3", "8")


def test_capture_only_with_a_stored_card(talk: Talk) -> None:
    customer, _, with_profile = stored(talk)
    answer = talk.pay("captureOnlyTransaction", "10.00", with_profile + CODE)
    assert answer[TX + "profile/customerProfileId"] == customer


# -- Credits --------------------------------------------------------------------------------------


def test_a_credit_to_a_card(talk: Talk) -> None:
    answer = talk.pay("refundTransaction", "10.00", card() + bill_to(), ref_id="r2")
    assert (answer.code, answer.transaction) == ("I00001", ("1", "1"))
    assert (answer[TX + "authCode"], answer[TX + "refTransID"]) == ("", "")
    assert answer[TX + "avsResultCode"] == "P"
    row = talk.bank.retrieve_transaction(answer.trans_id)
    assert (row.kind, row.parent_id, row.operation_key) == ("refund", "", "r2")
    assert row.amount == Decimal("10.00")
    found = talk("getTransactionDetails", f"<transId>{answer.trans_id}</transId>")
    assert found["transaction/transactionStatus"] == "refundPendingSettlement"
    assert "transaction/refTransId" not in found


def test_a_credit_to_a_stored_card(talk: Talk) -> None:
    _, made, with_profile = stored(talk)
    answer = talk.pay("refundTransaction", "40.00", with_profile)
    assert answer[TX + "profile/customerPaymentProfileId"] == made


def test_a_credit_to_a_token(talk: Talk) -> None:
    token = talk.bank.mint_token(VISA, month=12, year=2040)
    assert talk.pay("refundTransaction", "4.00", nonce(token)).transaction == ("1", "1")


@pytest.mark.parametrize("number", ["XXXX1111", "1111"])
def test_a_mask_needs_the_payment(talk: Talk, number: str) -> None:
    answer = talk.pay("refundTransaction", "10.00", card(number, "XXXX"))
    assert answer.transaction == ("3", "33")


def test_a_credit_is_refused_by_its_card(talk: Talk) -> None:
    answer = talk.pay("refundTransaction", "10.00", card("400030001111222"))
    assert answer.transaction == ("3", "6")
    assert talk.pay("refundTransaction", "10.00", profile("1", "2")).code == "E00040"


def test_a_duplicate_credit(talk: Talk) -> None:
    talk.pay("refundTransaction", "10.00", card())
    assert talk.pay("refundTransaction", "10.00", card()).transaction == ("3", "11")
