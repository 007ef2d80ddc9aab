"""Captures, voids, refunds, held payments, and one transaction as the books have it."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Context, Decimal, localcontext
from typing import Any, Literal

import pytest

from django_dinero.enums import ReasonKind, ResultStatus
from django_dinero.exceptions import NotSent, OutcomeUnknown
from django_dinero.gateways.types import (
    FollowUpRequest,
    LookupHints,
    Reason,
    Refusal,
    RemoteTransaction,
    TransactionResult,
)
from tests.support.scripted import NOT_FOUND, Answer, Asked, no, ok, scripted

K = ReasonKind
KEY = "OPERATION-KEY"
REQUEST = FollowUpRequest(KEY, "60", Decimal("5.00"), "USD", last_4="1111")
VERBS = ["capture", "void", "refund"]


def tx(code: str, trans_id: str = "61", inner: str = "") -> str:
    """Return a transactionResponse."""
    return (
        f"<transactionResponse><responseCode>{code}</responseCode><transId>{trans_id}</transId>"
        f"{inner}</transactionResponse>"
    )


def error(code: str) -> str:
    """Return the errors of a transaction."""
    return (
        f"<errors><error><errorCode>{code}</errorCode><errorText>No.</errorText></error></errors>"
    )


def already(code: str) -> str:
    """Return the message of an approval of nothing new."""
    row = f"<code>{code}</code><description>Before.</description>"
    return f"<messages><message>{row}</message></messages>"


@pytest.mark.parametrize(
    ("verb", "kind"),
    [("capture", "priorAuthCapture"), ("void", "void"), ("refund", "refund")],
)
def test_each_is_one_call(verb: str, kind: str) -> None:
    gateway, client = scripted(ok("<refId>OPERATION-KEY</refId>" + tx("1")))
    found = getattr(gateway, verb)(REQUEST)
    assert found == TransactionResult(ResultStatus.APPROVED, transaction_id="61", operation_key=KEY)
    (asked,) = client.asked
    assert (asked.operation, asked.changes, asked.key) == ("createTransaction", True, KEY)
    sent = asked.values["transactionRequest"]
    assert (sent["transactionType"], sent["refTransId"]) == (f"{kind}Transaction", "60")
    assert sent.get("amount") == (None if verb == "void" else "5.00")


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("lost", [NotSent("no"), OutcomeUnknown("lost")])
def test_what_breaks_on_the_wire_is_passed_on(verb: str, lost: Exception) -> None:
    gateway, _client = scripted(lost)
    with pytest.raises(type(lost)):
        getattr(gateway, verb)(REQUEST)


@pytest.mark.parametrize(
    ("verb", "code", "kind"),
    [
        ("capture", "16", K.INVALID_TRANSACTION),
        ("void", "16", K.REFUND),
        ("refund", "16", K.REFUND),
        ("capture", "47", K.INVALID_AMOUNT),
        ("capture", "33", K.GATEWAY_ERROR),
        ("refund", "54", K.REFUND),
        ("refund", "55", K.REFUND),
    ],
)
def test_refusals(verb: str, code: str, kind: ReasonKind) -> None:
    gateway, _client = scripted(no("E00027", "No.", tx("3", "0", error(code))))
    found = getattr(gateway, verb)(REQUEST)
    assert found.outcome is ResultStatus.FAILED
    assert found.reasons == (Reason(kind, code, "No."),)


# -- "It was done before" --------------------------------------------------------------------------


def now(status: str, amount: str = "5.00") -> Answer:
    """Answer with the transaction as it is now."""
    return ok(
        f"<transaction><transId>60</transId><transactionStatus>{status}</transactionStatus>"
        f"<settleAmount>{amount}</settleAmount></transaction>"
    )


@pytest.mark.parametrize(
    ("verb", "code", "there"),
    [
        ("capture", "311", now("capturedPendingSettlement")),
        ("capture", "311", now("settledSuccessfully")),
        ("void", "310", now("voided")),
    ],
)
def test_what_was_done_before_is_done(verb: str, code: str, there: Answer) -> None:
    gateway, client = scripted(ok(tx("1", "60", already(code))), there)
    found = getattr(gateway, verb)(REQUEST)
    assert (found.outcome, found.already, found.reasons) == (ResultStatus.APPROVED, True, ())
    assert client.operations == ["createTransaction", "getTransactionDetails"]


@pytest.mark.parametrize(
    ("verb", "code", "there"),
    [
        ("capture", "311", now("capturedPendingSettlement", "4.99")),
        ("capture", "311", now("voided")),
        ("capture", "310", now("voided")),
        ("void", "310", now("settledSuccessfully")),
        ("void", "311", now("capturedPendingSettlement", "4.99")),
        ("void", "310", NOT_FOUND),
        ("capture", "311", NOT_FOUND),
    ],
)
def test_something_else_was_done_before(verb: str, code: str, there: Answer) -> None:
    gateway, _client = scripted(ok(tx("1", "60", already(code))), there)
    found = getattr(gateway, verb)(REQUEST)
    assert (found.outcome, found.already) == (ResultStatus.FAILED, True)
    assert found.reasons == (Reason(K.INVALID_TRANSACTION, code, "Before."),)


@pytest.mark.parametrize("lost", [NotSent("no"), OutcomeUnknown("lost")])
def test_what_was_done_before_and_cannot_be_read_is_unknown(lost: Exception) -> None:
    gateway, _client = scripted(ok(tx("1", "60", already("310"))), lost)
    with pytest.raises(OutcomeUnknown):
        gateway.void(REQUEST)


def test_a_refund_that_was_delivered_twice_is_the_first_one() -> None:
    twice = no("E00027", "No.", tx("3", "61", error("11")))
    first = ok(
        "<transaction><transId>61</transId><transactionType>refundTransaction</transactionType>"
        "<transactionStatus>refundPendingSettlement</transactionStatus>"
        f"<order><invoiceNumber>{KEY}</invoiceNumber></order><settleAmount>5.00</settleAmount>"
        "</transaction>"
    )
    gateway, client = scripted(twice, first)
    found = gateway.refund(REQUEST)
    assert (found.outcome, found.transaction_id, found.already) == (
        ResultStatus.APPROVED,
        "61",
        True,
    )
    assert client.asked[1].values == {"transId": "61"}


@pytest.mark.parametrize("verb", VERBS)
def test_a_message_without_a_transaction(verb: str) -> None:
    gateway, client = scripted(NOT_FOUND, no("E00051", "Another's."), ok())
    found = getattr(gateway, verb)(REQUEST)
    assert found.reasons == (Reason(K.INVALID_TRANSACTION, "E00040", NOT_FOUND.text),)
    assert getattr(gateway, verb)(REQUEST).reasons[0].kind is K.REFUND
    with pytest.raises(OutcomeUnknown):
        getattr(gateway, verb)(REQUEST)
    assert len(client.asked) == 3


@pytest.mark.parametrize("action", ["approve", "decline"])
def test_a_held_payment_is_resolved(action: Literal["approve", "decline"]) -> None:
    gateway, client = scripted(ok(tx("1", "60")))
    found = gateway.decide_review(REQUEST, action)
    assert found == TransactionResult(ResultStatus.APPROVED, transaction_id="60")
    inner = {"action": action, "refTransId": "60"}
    values = {"heldTransactionRequest": inner}
    assert client.asked == [Asked("updateHeldTransaction", values, True, KEY)]


def test_a_held_payment_that_is_not_resolved() -> None:
    refused = no("E00027", "No.", tx("3", "0", error("16")))
    gateway, _client = scripted(refused, NOT_FOUND, ok())
    assert gateway.decide_review(REQUEST, "approve").reasons[0].kind is K.INVALID_TRANSACTION
    assert gateway.decide_review(REQUEST, "approve").reasons[0].code == "E00040"
    with pytest.raises(OutcomeUnknown):
        gateway.decide_review(REQUEST, "approve")


def details(**changed: Any) -> str:
    """Return a transaction's details."""
    values = {"transId": "60", "transactionType": "authCaptureTransaction"}
    values |= {"transactionStatus": "settledSuccessfully", "authAmount": "5.00", **changed}
    inner = "".join(f"<{name}>{value}</{name}>" for name, value in values.items())
    return f"<transaction>{inner}</transaction>"


def test_a_transaction_is_read_in_the_accounts_currency() -> None:
    gateway, client = scripted(ok(details()), currency="CAD")
    found = gateway.retrieve_transaction("60")
    assert isinstance(found, RemoteTransaction)
    assert (found.transaction_id, found.amount, found.currency) == ("60", Decimal("5.00"), "CAD")
    assert client.asked == [Asked("getTransactionDetails", {"transId": "60"}, False, "")]


@pytest.mark.parametrize("other", ["61", ""])
def test_another_transaction_than_asked_for_is_no_answer(other: str) -> None:
    gateway, _client = scripted(ok(details(transId=other)))
    with pytest.raises(OutcomeUnknown, match="another transaction"):
        gateway.retrieve_transaction("60")


def test_a_transaction_that_is_not_there() -> None:
    gateway, _client = scripted(NOT_FOUND, no("E00011", "No permission."))
    text = NOT_FOUND.text
    assert gateway.retrieve_transaction("60") == Refusal(
        (Reason(K.INVALID_TRANSACTION, "E00040", text),)
    )
    assert gateway.retrieve_transaction("60") == Refusal(
        (Reason(K.NOT_PERMITTED, "E00011", "No permission."),)
    )


@pytest.mark.parametrize("code", ["E00011", "E00053", "E00001", "E00007"])
@pytest.mark.parametrize(("verb", "said"), [("capture", "311"), ("void", "310")])
def test_what_was_done_before_and_is_not_shown_is_unknown(verb: str, said: str, code: str) -> None:
    """The first delivery may have done it; only "no such transaction" says that none did."""
    gateway, _client = scripted(ok(tx("1", "60", already(said))), no(code))
    with pytest.raises(OutcomeUnknown, match="does not show it"):
        getattr(gateway, verb)(REQUEST)


@pytest.mark.parametrize("status", ["chargeback", "returnedItem"])
def test_a_capture_is_found_though_its_money_came_back(status: str) -> None:
    gateway, _client = scripted(now(status))
    asked = datetime.now(UTC)
    hints = LookupHints("capture", asked, transaction_id="60", amount=Decimal("5.00"))
    (match,) = gateway.find_operation("K", hints).matches
    assert isinstance(match, RemoteTransaction)
    assert match.transaction_id == "60"


def test_an_amount_is_read_whatever_the_thread_rounds_to() -> None:
    amounts = "<authAmount>12345.67</authAmount><settleAmount>12345.67</settleAmount>"
    gateway, _client = scripted(
        ok(
            "<transaction><transId>60</transId>"
            "<transactionType>authCaptureTransaction</transactionType>"
            f"<transactionStatus>capturedPendingSettlement</transactionStatus>{amounts}"
            "</transaction>"
        )
    )
    with localcontext(Context(prec=6)):
        found = gateway.retrieve_transaction("60")
    assert isinstance(found, RemoteTransaction)
    assert (found.amount, found.settled_amount) == (Decimal("12345.67"), Decimal("12345.67"))
