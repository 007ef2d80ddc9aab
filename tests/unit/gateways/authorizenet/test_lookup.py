"""What became of a lost call: found by our key, absent only where a search was complete."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import pytest

from django_dinero.enums import TransactionKind
from django_dinero.exceptions import NotSent, OutcomeUnknown
from django_dinero.gateways.types import LookupHints, LookupResult, RemoteCard, RemoteTransaction
from tests.support.frozen import stop_clock
from tests.support.scripted import NOT_FOUND, Answer, no, ok, scripted

KEY = "OPERATION-KEY"
NOW = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.UTC)
SINCE = NOW - datetime.timedelta(hours=1)
FORBIDDEN = no("E00011", "No permission.")
EMPTY = ok(code="I00004", text="No records found.")


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stop the clock."""
    stop_clock(monkeypatch, NOW)


def hints(kind: str, **changed: Any) -> LookupHints:
    """Return what is known of a lost operation."""
    return LookupHints(kind, SINCE, **changed)


def item(trans_id: str, key: str = KEY, submitted: str = "2026-03-01T11:30:00Z") -> str:
    """Return one transaction of a list."""
    return (
        f"<transaction><transId>{trans_id}</transId><submitTimeUTC>{submitted}</submitTimeUTC>"
        "<transactionStatus>capturedPendingSettlement</transactionStatus>"
        f"<invoiceNumber>{key}</invoiceNumber><settleAmount>5.00</settleAmount></transaction>"
    )


def listed(*items: str) -> Answer:
    """Answer with a list of transactions."""
    return ok(f"<transactions>{''.join(items)}</transactions>")


def batches(*ids: str) -> Answer:
    """Answer with a list of batches."""
    inner = "".join(f"<batch><batchId>{each}</batchId></batch>" for each in ids)
    return ok(f"<batchList>{inner}</batchList>")


def details(
    trans_id: str = "60",
    *,
    key: str = KEY,
    kind: str = "authCaptureTransaction",
    status: str = "capturedPendingSettlement",
    settled: str = "5.00",
) -> Answer:
    """Answer with a transaction."""
    return ok(
        f"<transaction><transId>{trans_id}</transId><transactionType>{kind}</transactionType>"
        f"<transactionStatus>{status}</transactionStatus>"
        f"<order><invoiceNumber>{key}</invoiceNumber></order><authAmount>10.00</authAmount>"
        f"<settleAmount>{settled}</settleAmount></transaction>"
    )


def ids(found: LookupResult) -> list[str]:
    """Return the ids of transactions that were found."""
    assert all(isinstance(match, RemoteTransaction) for match in found.matches)
    return [match.transaction_id for match in found.matches]  # type: ignore[union-attr]


# -- Charges, authorizations, refunds: by invoice number -------------------------------------------


@pytest.mark.parametrize("kind", ["charge", "authorize", "refund"])
def test_an_unsettled_one_is_found(kind: str) -> None:
    gateway, client = scripted(listed(item("59", "OTHER"), item("60")), EMPTY, details())
    found = gateway.find_operation(KEY, hints(kind))
    assert (ids(found), found.complete) == (["60"], True)
    assert client.operations == [
        "getUnsettledTransactionList",
        "getSettledBatchList",
        "getTransactionDetails",
    ]
    assert not any(asked.changes for asked in client.asked)


def test_a_settled_one_is_found() -> None:
    lists = [listed(item("58", "OTHER")), batches("1", "2"), listed(item("59", ""))]
    gateway, client = scripted(*lists, listed(item("60")), details())
    assert ids(gateway.find_operation(KEY, hints("charge"))) == ["60"]
    assert [asked.values.get("batchId") for asked in client.asked[2:4]] == ["1", "2"]


def test_one_in_two_lists_is_found_once() -> None:
    gateway, _client = scripted(listed(item("60")), batches("1"), listed(item("60")), details())
    assert ids(gateway.find_operation(KEY, hints("charge"))) == ["60"]


def test_two_with_our_key_are_both_told() -> None:
    answers = [listed(item("60"), item("61")), EMPTY, details("60"), details("61")]
    gateway, _client = scripted(*answers)
    assert ids(gateway.find_operation(KEY, hints("charge"))) == ["60", "61"]


def test_the_details_decide_whose_it_is() -> None:
    gateway, _client = scripted(listed(item("60")), EMPTY, details(key="OTHER"))
    assert gateway.find_operation(KEY, hints("charge")) == LookupResult()


def test_absence_is_proven_by_lists_that_were_read() -> None:
    for answers in ([EMPTY, EMPTY], [listed(), batches()], [ok(), ok()]):
        gateway, _client = scripted(*answers)
        assert gateway.find_operation(KEY, hints("charge")) == LookupResult((), complete=True)


@pytest.mark.parametrize(
    "answers",
    [
        [FORBIDDEN],
        [EMPTY, FORBIDDEN],
        [EMPTY, batches("1"), FORBIDDEN],
        [listed(item("60")), EMPTY, FORBIDDEN],
        [listed(item("60")), EMPTY, NOT_FOUND],
    ],
)
def test_absence_is_not_proven_by_others(answers: list[Answer]) -> None:
    gateway, _client = scripted(*answers)
    assert gateway.find_operation(KEY, hints("charge")) == LookupResult((), complete=False)


@pytest.mark.parametrize("kind", ["charge", "create_customer", "add_card", "capture", "void"])
@pytest.mark.parametrize("lost", [NotSent("no"), OutcomeUnknown("lost")])
def test_what_breaks_on_the_wire_is_passed_on(kind: str, lost: Exception) -> None:
    gateway, _client = scripted(lost)
    with pytest.raises(type(lost)):
        gateway.find_operation(KEY, hints(kind, customer_id="10", transaction_id="60"))


# -- Customers and cards ---------------------------------------------------------------------------

CARDS = (
    "<paymentProfiles><customerPaymentProfileId>20</customerPaymentProfileId><payment><creditCard>"
    "<cardNumber>XXXX1111</cardNumber></creditCard></payment></paymentProfiles>"
    "<paymentProfiles><customerPaymentProfileId>21</customerPaymentProfileId><payment><creditCard>"
    "<cardNumber>XXXX4444</cardNumber></creditCard></payment></paymentProfiles>"
)


def customer(key: str = "CUSTOMER-KEY") -> Answer:
    """Answer with a customer."""
    return ok(
        f"<profile><merchantCustomerId>{key}</merchantCustomerId>"
        f"<customerProfileId>10</customerProfileId>{CARDS}</profile>"
    )


def test_a_customer_is_found_by_our_key() -> None:
    gateway, client = scripted(customer())
    found = gateway.find_operation(KEY, hints("create_customer", customer_key="CUSTOMER-KEY"))
    (match,) = found.matches
    assert getattr(match, "customer_id", None) == "10"
    assert found.complete
    (asked,) = client.asked
    assert asked.operation == "getCustomerProfile"
    assert asked.values == {"merchantCustomerId": "CUSTOMER-KEY", "unmaskExpirationDate": "true"}


@pytest.mark.parametrize(
    ("answer", "complete"),
    [(NOT_FOUND, True), (customer("ANOTHER"), True), (ok(), True), (no("E00001"), False)],
)
def test_a_customer_that_is_not_found(answer: Answer, complete: bool) -> None:
    gateway, _client = scripted(answer)
    found = gateway.find_operation(KEY, hints("create_customer", customer_key="CUSTOMER-KEY"))
    assert found == LookupResult((), complete)


@pytest.mark.parametrize(
    ("known", "last_4", "found"),
    [
        ((), "", ["20", "21"]),
        ((), "4444", ["21"]),
        (("20",), "", ["21"]),
        (("20",), "1111", []),
        (("20", "21"), "", []),
    ],
)
def test_a_card_is_found_among_those_that_are_new(
    known: tuple[str, ...], last_4: str, found: list[str]
) -> None:
    gateway, _client = scripted(customer())
    known_ids = frozenset(known)
    lookup = gateway.find_operation(
        KEY, hints("add_card", customer_id="10", known_card_ids=known_ids, last_4=last_4)
    )
    assert [match.card_id for match in lookup.matches if isinstance(match, RemoteCard)] == found
    assert lookup.complete


@pytest.mark.parametrize(("answer", "complete"), [(NOT_FOUND, True), (no("E00001"), False)])
def test_a_card_of_a_customer_that_is_not_shown(answer: Answer, complete: bool) -> None:
    gateway, _client = scripted(answer)
    found = gateway.find_operation(KEY, hints("add_card", customer_id="10"))
    assert found == LookupResult((), complete)


# -- Captures and voids: by their target -----------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "settled", "found"),
    [
        ("capturedPendingSettlement", "5.00", True),
        ("settledSuccessfully", "5", True),
        ("capturedPendingSettlement", "6.00", False),
        ("authorizedPendingCapture", "5.00", False),
        ("voided", "5.00", False),
    ],
)
def test_a_capture_is_its_authorization_captured(status: str, settled: str, found: bool) -> None:
    gateway, client = scripted(
        details(kind="authOnlyTransaction", status=status, settled=settled, key="ANOTHER")
    )
    lookup = gateway.find_operation(
        KEY, hints("capture", transaction_id="60", amount=Decimal("5.00"))
    )
    assert lookup.complete
    assert [
        (m.transaction_id, m.kind) for m in lookup.matches if isinstance(m, RemoteTransaction)
    ] == ([("60", TransactionKind.CAPTURE)] if found else [])
    assert client.asked[0].values == {"transId": "60"}


@pytest.mark.parametrize(
    ("status", "found"),
    [("voided", True), ("capturedPendingSettlement", False), ("settledSuccessfully", False)],
)
def test_a_void_is_its_target_voided(status: str, found: bool) -> None:
    gateway, _client = scripted(details(status=status))
    lookup = gateway.find_operation(KEY, hints("void", transaction_id="60"))
    assert lookup.complete
    assert [m.kind for m in lookup.matches if isinstance(m, RemoteTransaction)] == (
        [TransactionKind.VOID] if found else []
    )


@pytest.mark.parametrize("kind", ["capture", "void"])
@pytest.mark.parametrize("answer", [NOT_FOUND, FORBIDDEN])
def test_a_target_that_is_not_shown_proves_nothing(kind: str, answer: Answer) -> None:
    gateway, _client = scripted(answer)
    found = gateway.find_operation(KEY, hints(kind, transaction_id="60"))
    assert found == LookupResult((), complete=False)
