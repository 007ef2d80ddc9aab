"""The gateway's books, as its reporting calls show them."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import pytest

from django_dinero.enums import ReasonKind, RemoteStatus, TransactionKind
from django_dinero.exceptions import OutcomeUnknown
from django_dinero.gateways.authorizenet import reports, xml
from django_dinero.gateways.types import RemoteTransaction

MOMENT = datetime.datetime(2026, 3, 1, 17, 49, 20, tzinfo=datetime.UTC)


def content(text: str) -> dict[str, Any]:
    """Return the content of a document."""
    return xml.parse(f"<r>{text}</r>".encode())[1]


DETAILS = (
    "<transaction><transId>60</transId><refTransId>59</refTransId>"
    "<submitTimeUTC>2026-03-01T17:49:20Z</submitTimeUTC>"
    "<transactionType>{kind}</transactionType><transactionStatus>{status}</transactionStatus>"
    "<authCode>ABC123</authCode><AVSResponse>Y</AVSResponse>"
    "<cardCodeResponse>M</cardCodeResponse>{order}"
    "<authAmount>10.00</authAmount><settleAmount>{settled}</settleAmount>"
    "<payment><creditCard><cardNumber>XXXX1111</cardNumber><expirationDate>XXXX</expirationDate>"
    "<cardType>Visa</cardType></creditCard></payment>"
    "<profile><customerProfileId>10</customerProfileId>"
    "<customerPaymentProfileId>20</customerPaymentProfileId></profile>"
    "<networkTransId>N1</networkTransId></transaction><transrefId>REF</transrefId>"
)
ORDER = "<order><invoiceNumber>KEY</invoiceNumber><description>Two mills</description></order>"


def details(
    kind: str = "authCaptureTransaction",
    status: str = "settledSuccessfully",
    settled: str = "8.00",
    order: str = ORDER,
) -> RemoteTransaction:
    """Read a transaction's details."""
    found = DETAILS.format(kind=kind, status=status, settled=settled, order=order)
    return reports.details(content(found), "CAD")


def test_details_with_everything() -> None:
    assert details() == RemoteTransaction(
        transaction_id="60",
        kind=TransactionKind.CHARGE,
        status=RemoteStatus.SETTLED,
        amount=Decimal("10.00"),
        currency="CAD",
        operation_key="KEY",
        settled_amount=Decimal("8.00"),
        parent_id="59",
        customer_id="10",
        card_id="20",
        last_4="1111",
        brand="visa",
        auth_code="ABC123",
        avs="Y",
        cvv="M",
        network_transaction_id="N1",
        submitted_at=MOMENT,
        description="Two mills",
    )


def test_without_an_invoice_number_the_request_names_itself() -> None:
    assert details(order="").operation_key == "REF"
    assert details(order="<order><description>x</description></order>").operation_key == "REF"


@pytest.mark.parametrize(
    ("status", "settled"),
    [("capturedPendingSettlement", "8.00"), ("settledSuccessfully", "8.00"),
     ("returnedItem", "8.00"), ("chargeback", "8.00"), ("authorizedPendingCapture", None),
     ("voided", None), ("declined", None), ("underReview", None), ("expired", None)],
)  # fmt: skip
def test_what_was_settled_is_told_where_it_was(status: str, settled: str | None) -> None:
    expected = None if settled is None else Decimal(settled)
    assert details(status=status).settled_amount == expected
    listed = content(
        f"<settleAmount>8</settleAmount><transactionStatus>{status}</transactionStatus>"
    )
    assert reports.summary(listed, "USD").settled_amount == expected


@pytest.mark.parametrize(
    ("status", "code", "kinds"),
    [
        ("generalError", "26", [ReasonKind.UNAVAILABLE]),
        ("communicationError", "13", [ReasonKind.AUTHENTICATION]),
        ("declined", "45", [ReasonKind.AVS, ReasonKind.CVV]),
        ("settlementError", "1", []),  # approved, and not settled
        ("generalError", "", []),
        ("settledSuccessfully", "1", []),
        ("underReview", "253", []),
    ],
)
def test_what_was_refused_tells_why(status: str, code: str, kinds: list[ReasonKind]) -> None:
    told = f"<responseReasonCode>{code}</responseReasonCode>" if code else ""
    text = "<responseReasonDescription>Try again.</responseReasonDescription>"
    found = details(status=status, order=f"{ORDER}{told}{text}")
    assert [reason.kind for reason in found.reasons] == kinds
    assert all((each.code, each.text) == (code, "Try again.") for each in found.reasons[:1])


def test_a_refund_is_as_large_as_what_went_back() -> None:
    found = details("refundTransaction", "refundPendingSettlement")
    assert (found.kind, found.amount) == (TransactionKind.REFUND, Decimal("8.00"))
    assert found.settled_amount == Decimal("8.00")


def test_without_an_authorized_amount_the_settled_one_counts() -> None:
    found = reports.details(
        {"transaction": {"transactionStatus": "voided", "settleAmount": "8"}}, "USD"
    )
    assert (found.amount, found.kind, found.submitted_at) == (
        Decimal("8.00"),
        TransactionKind.CHARGE,
        None,
    )
    empty = reports.details({"transaction": {"transactionStatus": "voided"}}, "USD")
    assert empty.amount == 0


def test_a_summary_with_everything() -> None:
    listed = content(
        "<transId>60</transId><submitTimeUTC>2026-03-01T17:49:20</submitTimeUTC>"
        "<transactionStatus>settledSuccessfully</transactionStatus>"
        "<invoiceNumber>KEY</invoiceNumber><accountType>Visa</accountType>"
        "<accountNumber>XXXX1111</accountNumber><settleAmount>8.00</settleAmount>"
        "<profile><customerProfileId>10</customerProfileId>"
        "<customerPaymentProfileId>20</customerPaymentProfileId></profile>"
    )
    assert reports.summary(listed, "USD") == RemoteTransaction(
        transaction_id="60",
        kind=TransactionKind.CHARGE,
        status=RemoteStatus.SETTLED,
        amount=Decimal("8.00"),
        currency="USD",
        operation_key="KEY",
        settled_amount=Decimal("8.00"),
        customer_id="10",
        card_id="20",
        last_4="1111",
        brand="visa",
        submitted_at=MOMENT,
    )


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("refundSettledSuccessfully", TransactionKind.REFUND),
        ("refundPendingSettlement", TransactionKind.REFUND),
        ("authorizedPendingCapture", TransactionKind.AUTHORIZATION),
        ("voided", TransactionKind.CHARGE),
        ("capturedPendingSettlement", TransactionKind.CHARGE),
    ],
)
def test_the_kind_of_a_summary_follows_from_its_status(status: str, kind: TransactionKind) -> None:
    found = reports.summary({"transactionStatus": status}, "USD")
    assert (found.kind, found.amount) == (kind, Decimal(0))


@pytest.mark.parametrize("word", ["", "settled", "SettledSuccessfully", "x" * 500])
def test_an_unknown_status_is_not_guessed(word: str) -> None:
    with pytest.raises(OutcomeUnknown, match="unknown transaction status") as caught:
        reports.summary({"transactionStatus": word}, "USD")
    assert len(str(caught.value)) < 150


@pytest.mark.parametrize(
    ("text", "expected"),
    [("10", "10.00"), ("10.5", "10.50"), ("0.0100", "0.01"), ("-1.23", "-1.23"), ("", None),
     ("ten", None), ("NaN", None), ("Infinity", None), ("1E+60", None)],
)  # fmt: skip
def test_amounts(text: str, expected: str | None) -> None:
    found = reports.amount(text)
    assert (None if found is None else str(found)) == expected


@pytest.mark.parametrize(
    "text",
    ["2026-03-01T17:49:20Z", "2026-03-01T17:49:20", "2026-03-01T17:49:20.000Z",
     "2026-03-01T17:49:20.0", "2026-03-01T12:49:20-05:00", "2026-03-01T17:49:20.0000000Z"],
)  # fmt: skip
def test_moments_in_every_shape(text: str) -> None:
    found = reports.moment(text)
    assert found == MOMENT
    assert found is not None
    assert found.tzinfo is not None


@pytest.mark.parametrize("text", ["", "yesterday", "17:49:20", "2026-13-01T00:00:00Z"])
def test_no_moment(text: str) -> None:
    assert reports.moment(text) is None


BATCH = (
    "<batch><batchId>77</batchId><settlementTimeUTC>2026-03-02T05:00:00Z</settlementTimeUTC>"
    "<settlementState>settledSuccessfully</settlementState></batch>"
)
SETTLED_AT = datetime.datetime(2026, 3, 2, 5, tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("settledSuccessfully", (SETTLED_AT, "77")),
        ("refundSettledSuccessfully", (SETTLED_AT, "77")),
        ("chargeback", (SETTLED_AT, "77")),
        ("returnedItem", (SETTLED_AT, "77")),
        ("voided", (None, "")),
        ("declined", (None, "")),
        ("capturedPendingSettlement", (None, "")),
    ],
)
def test_the_batch_is_told_of_what_it_settled(word: str, expected: object) -> None:
    status = f"<transactionStatus>{word}</transactionStatus>"
    transaction = f"<transaction><transId>60</transId>{status}{BATCH}</transaction>"
    found = reports.details(content(transaction), "USD")
    assert (found.settled_at, found.batch_id) == expected
    listed = reports.summary(content(transaction)["transaction"], "USD")
    assert (listed.settled_at, listed.batch_id) == expected


def test_a_settled_payment_with_a_returned_item_has_come_back() -> None:
    returned = "<returnedItems><returnedItem><id>61</id><code>R02</code></returnedItem>"
    status = "<transactionStatus>settledSuccessfully</transactionStatus>"
    whole = f"<transaction><transId>60</transId>{status}{returned}</returnedItems></transaction>"
    assert reports.details(content(whole), "USD").status is RemoteStatus.RETURNED
    short = f"<transaction>{status}<hasReturnedItems>true</hasReturnedItems></transaction>"
    listed = reports.summary(content(short)["transaction"], "USD")
    assert listed.status is RemoteStatus.RETURNED
