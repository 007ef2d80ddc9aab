"""Charges: approvals, refusals, parts given back, and repetitions of our own requests."""

from __future__ import annotations

from decimal import Decimal

import pytest

from django_dinero.cards import Address, CardDetails, PaymentToken
from django_dinero.enums import ReasonKind, ResultStatus
from django_dinero.exceptions import NotSent, OutcomeUnknown
from django_dinero.gateways.types import ChargeRequest, Reason, StoredCard, TransactionResult
from django_dinero.redaction import Secret
from tests.support.scripted import NOT_FOUND, Answer, no, ok, scripted

K = ReasonKind
KEY = "OPERATION-KEY"
STORED = StoredCard("10", "20")
CARD = CardDetails(Secret("4111111111111111"), Secret("900"), 3, 2040, Address(zip="12180"))
TOKEN = PaymentToken(Secret("a-nonce"))


def charge(source: StoredCard | CardDetails | PaymentToken = STORED) -> ChargeRequest:
    """Return a charge of 12.50."""
    return ChargeRequest(KEY, Decimal("12.50"), "USD", source)


def tx(code: str, trans_id: str = "60", inner: str = "") -> str:
    """Return a transactionResponse."""
    return (
        f"<transactionResponse><responseCode>{code}</responseCode><authCode>ABC123</authCode>"
        f"<transId>{trans_id}</transId>{inner}</transactionResponse>"
    )


def error(code: str, text: str = "No.") -> str:
    """Return the errors of a transaction."""
    row = f"<error><errorCode>{code}</errorCode><errorText>{text}</errorText></error>"
    return f"<errors>{row}</errors>"


APPROVED = ok(tx("1"))
UNSUCCESSFUL = "The transaction was unsuccessful."


# -- Answers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", [STORED, CARD, TOKEN])
@pytest.mark.parametrize("settle", [True, False])
def test_a_charge_is_one_call(source: StoredCard, settle: bool) -> None:
    gateway, client = scripted(APPROVED, duplicate_window=120)
    request = ChargeRequest(KEY, Decimal("12.50"), "USD", source, capture=settle)
    found = gateway.charge(request)
    assert found == TransactionResult(
        ResultStatus.APPROVED, transaction_id="60", auth_code="ABC123"
    )
    (asked,) = client.asked
    assert (asked.operation, asked.changes, asked.key) == ("createTransaction", True, KEY)
    sent = asked.values["transactionRequest"]
    assert sent["transactionType"] == f"auth{'Capture' if settle else 'Only'}Transaction"
    assert sent["order"]["invoiceNumber"] == KEY
    assert sent["transactionSettings"]["setting"][0]["settingValue"] == "120"


@pytest.mark.parametrize(
    ("answer", "outcome", "kinds"),
    [
        (ok(tx("2", "60", error("2"))), ResultStatus.DECLINED, [K.CARD_DECLINED]),
        (
            no("E00027", UNSUCCESSFUL, tx("2", "0", error("45"))),
            ResultStatus.DECLINED,
            [K.AVS, K.CVV],
        ),
        (
            no("E00027", UNSUCCESSFUL, tx("3", "0", error("5"))),
            ResultStatus.FAILED,
            [K.INVALID_AMOUNT],
        ),
        (ok(tx("4", "60")), ResultStatus.HELD, [K.HELD]),
    ],
)
def test_a_charge_that_is_not_approved(
    answer: Answer, outcome: ResultStatus, kinds: list[ReasonKind]
) -> None:
    gateway, client = scripted(answer)
    found = gateway.charge(charge())
    assert found.outcome is outcome
    assert [reason.kind for reason in found.reasons] == kinds
    assert len(client.asked) == 1


@pytest.mark.parametrize(
    ("answer", "outcome", "kind"),
    [
        (no("E00007", "User authentication failed."), ResultStatus.FAILED, K.AUTHENTICATION),
        (
            no("E00114", "Invalid OTS Token.", "<transactionResponse/>"),
            ResultStatus.FAILED,
            K.INVALID_CARD,
        ),
        (no("E00118", "Blocked."), ResultStatus.DECLINED, K.CARD_DECLINED),
        (no("E00027", "Card Code is required."), ResultStatus.FAILED, K.CVV),
        (no("E00001", "Try again."), ResultStatus.FAILED, K.GATEWAY_ERROR),
    ],
)
def test_a_message_without_a_transaction(
    answer: Answer, outcome: ResultStatus, kind: ReasonKind
) -> None:
    gateway, _client = scripted(answer)
    found = gateway.charge(charge(CARD))
    reason = Reason(kind, answer.code, answer.text)
    assert found == TransactionResult(outcome, reasons=(reason,))


@pytest.mark.parametrize("error_", [NotSent("no"), OutcomeUnknown("lost")])
def test_what_breaks_on_the_wire_is_passed_on(error_: Exception) -> None:
    gateway, _client = scripted(error_)
    with pytest.raises(type(error_)):
        gateway.charge(charge())


# -- Not found: which of the two -------------------------------------------------------------------

CUSTOMER = ok("<profile><customerProfileId>10</customerProfileId></profile>")


@pytest.mark.parametrize(
    ("answer", "kind"),
    [(CUSTOMER, K.CARD_NOT_FOUND), (NOT_FOUND, K.CUSTOMER_NOT_FOUND),
     (NotSent("no"), K.CARD_NOT_FOUND), (OutcomeUnknown("lost"), K.CARD_NOT_FOUND)],
)  # fmt: skip
def test_not_found_of_a_stored_card(answer: Answer | Exception, kind: ReasonKind) -> None:
    gateway, client = scripted(NOT_FOUND, answer)
    found = gateway.charge(charge())
    assert found == TransactionResult(
        ResultStatus.FAILED, reasons=(Reason(kind, "E00040", NOT_FOUND.text),)
    )
    assert client.operations == ["createTransaction", "getCustomerProfile"]


def test_not_found_of_a_typed_card_is_no_question() -> None:
    gateway, client = scripted(NOT_FOUND)
    assert gateway.charge(charge(CARD)).reasons[0].kind is K.INVALID_TRANSACTION
    assert len(client.asked) == 1


def test_a_card_that_was_just_created_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    naps: list[float] = []
    monkeypatch.setattr("django_dinero.gateways.authorizenet.patience.time.sleep", naps.append)
    gateway, client = scripted(NOT_FOUND, NOT_FOUND, APPROVED)
    gateway.fresh.add("20")
    assert gateway.charge(charge()).outcome is ResultStatus.APPROVED
    assert naps == [0.5, 1.0]
    # The very same request each time: the same key, so that it cannot be charged twice.
    assert len({str(asked.values) for asked in client.asked}) == 1
    assert {asked.key for asked in client.asked} == {KEY}


def test_a_declined_card_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    naps: list[float] = []
    monkeypatch.setattr("django_dinero.gateways.authorizenet.patience.time.sleep", naps.append)
    gateway, _client = scripted(no("E00027", UNSUCCESSFUL, tx("2", "0", error("2"))))
    gateway.fresh.add("20")
    assert gateway.charge(charge()).outcome is ResultStatus.DECLINED
    assert naps == []


# -- A part of what was asked for ------------------------------------------------------------------

PART = ok(tx("1", "60", "<splitTenderId>7</splitTenderId>"))


@pytest.mark.parametrize("part", [PART, ok(tx("4", "60", error("295", "A part.")))])
@pytest.mark.parametrize("voided", [ok(tx("1", "60")), ok(tx("1", "60", error("310")))])
def test_a_part_is_given_back_and_counts_as_declined(part: Answer, voided: Answer) -> None:
    gateway, client = scripted(part, voided)
    found = gateway.charge(charge())
    assert (found.outcome, found.reasons[0].code) == (ResultStatus.DECLINED, "295")
    values = {"transactionType": "voidTransaction", "refTransId": "60"}
    assert client.asked[1].values == {"transactionRequest": values}
    assert client.asked[1].key not in ("", KEY)


@pytest.mark.parametrize(
    "answer",
    [NotSent("no"), OutcomeUnknown("lost"), no("E00001", "Try again."), ok(),
     ok(tx("3", "0", error("16")))],
)  # fmt: skip
def test_a_part_that_is_not_given_back_is_unknown(answer: Answer | Exception) -> None:
    gateway, _client = scripted(PART, answer)
    with pytest.raises(OutcomeUnknown) as caught:
        gateway.charge(charge())
    assert caught.value.__context__ is None


def test_a_part_of_nothing_needs_no_void() -> None:
    gateway, client = scripted(ok(tx("2", "0", error("295"))))
    assert gateway.charge(charge()).outcome is ResultStatus.DECLINED
    assert len(client.asked) == 1


# -- "You have sent this before" -------------------------------------------------------------------

DUPLICATE = no("E00027", UNSUCCESSFUL, tx("3", "60", error("11", "A duplicate.")))


def original(
    status: str = "capturedPendingSettlement", key: str = KEY, amount: str = "12.50"
) -> Answer:
    """Answer with the transaction that ours repeats."""
    return ok(
        "<transaction><transId>60</transId><transactionType>authCaptureTransaction"
        f"</transactionType><transactionStatus>{status}</transactionStatus><authCode>XYZ</authCode>"
        f"<AVSResponse>Y</AVSResponse><cardCodeResponse>M</cardCodeResponse>"
        f"<order><invoiceNumber>{key}</invoiceNumber></order>"
        f"<authAmount>{amount}</authAmount><settleAmount>{amount}</settleAmount>"
        "<payment><creditCard><cardNumber>XXXX1111</cardNumber><cardType>Visa</cardType>"
        "</creditCard></payment><networkTransId>N1</networkTransId></transaction>"
    )


@pytest.mark.parametrize(
    "status", ["authorizedPendingCapture", "capturedPendingSettlement", "settledSuccessfully"]
)
@pytest.mark.parametrize("code", ["11", "318"])
def test_a_repetition_of_our_own_request_is_its_success(code: str, status: str) -> None:
    answer = no("E00027", UNSUCCESSFUL, tx("3", "60", error(code)))
    gateway, client = scripted(answer, original(status, amount="9.99"))
    assert gateway.charge(charge()) == TransactionResult(
        ResultStatus.APPROVED,
        transaction_id="60",
        # What it was then, for the caller to compare.
        amount=Decimal("9.99"),
        operation_key=KEY,
        auth_code="XYZ",
        avs="Y",
        cvv="M",
        network_transaction_id="N1",
        last_4="1111",
        brand="visa",
        already=True,
    )
    assert client.operations == ["createTransaction", "getTransactionDetails"]
    assert client.asked[1].values == {"transId": "60"}


def test_one_that_is_held_is_held() -> None:
    gateway, _client = scripted(DUPLICATE, original("FDSPendingReview"))
    found = gateway.charge(charge())
    assert (found.outcome, found.transaction_id, found.already) == (ResultStatus.HELD, "60", True)
    assert [reason.kind for reason in found.reasons] == [K.HELD]


@pytest.mark.parametrize(
    "answer",
    [original(key="SOMEBODY-ELSES"), original(key=""), original("voided"), original("declined")],
)
def test_one_of_another_key_or_without_effect_is_a_refusal(answer: Answer) -> None:
    gateway, _client = scripted(DUPLICATE, answer)
    found = gateway.charge(charge())
    # Without the other one's id, which is not this charge's.
    assert found == TransactionResult(
        ResultStatus.FAILED, reasons=(Reason(K.DUPLICATE_TRANSACTION, "11", "A duplicate."),)
    )


@pytest.mark.parametrize("trans_id", ["0", ""])
def test_one_that_names_no_original_may_be_ours(trans_id: str) -> None:
    gateway, client = scripted(no("E00027", UNSUCCESSFUL, tx("3", trans_id, error("11", "Again."))))
    with pytest.raises(OutcomeUnknown, match=r"Again\."):
        gateway.charge(charge())
    assert len(client.asked) == 1


@pytest.mark.parametrize(
    "answer",
    [NotSent("no"), OutcomeUnknown("lost"), no("E00011", "No permission."), NOT_FOUND,
     original("aNewStatus")],
)  # fmt: skip
def test_one_whose_original_cannot_be_read_may_be_ours(answer: Answer | Exception) -> None:
    gateway, _client = scripted(DUPLICATE, answer)
    with pytest.raises(OutcomeUnknown):
        gateway.charge(charge())


@pytest.mark.parametrize("code", ["E00053", "E00001", "E00007", "E00044"])
def test_a_customer_who_is_not_shown_is_not_gone(code: str) -> None:
    gateway, _client = scripted(NOT_FOUND, no(code))
    stored = ChargeRequest("K", Decimal("5.00"), "USD", StoredCard("10", "20"))
    assert gateway.charge(stored).reasons[0].kind is ReasonKind.CARD_NOT_FOUND
