"""Each code means what the gateway's tables say, and each row of our tables is seen by a test.

The expected tables are written by hand from the official code list, not derived from ours. Codes
are asked for by number, all there may be, so that a row too many is found like a row too few.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

import pytest

from django_dinero.enums import ReasonKind, RemoteStatus, ResultStatus, TransactionKind
from django_dinero.exceptions import OutcomeUnknown
from django_dinero.gateways.authorizenet import codes, reports, responses

K = ReasonKind

EXPECTED_MESSAGES: dict[ReasonKind, str] = {
    K.AUTHENTICATION: "5 6 7 8 10 59 122 123 124 139",
    K.NOT_PERMITTED: "9 11 44",
    K.INVALID_CARD: "29 113 114 115 116 117",
    K.CARD_DECLINED: "118",
    K.CARD_LIMIT: "42",
    K.REFUND: "51",
    K.CUSTOMER_NOT_FOUND: "98",
    K.CARD_NOT_FOUND: "121",
    # What "The record cannot be found." is about is the caller's knowledge.
    K.INVALID_TRANSACTION: "40",
}
EXPECTED_REASONS: dict[tuple[ReasonKind, ...], str] = {
    (K.CARD_DECLINED,): ("2 3 4 41 141 145 165 200 201 202 203 204 205 206 223 250 251 254 295"),
    (K.INVALID_AMOUNT,): "5 47 49 289",
    (K.INVALID_CARD,): "6 9 10 17 28 37 315",
    (K.EXPIRY,): "7 8 316 317",
    (K.DUPLICATE_TRANSACTION,): "11 318",
    (K.AUTHENTICATION,): "13",
    (K.INVALID_TRANSACTION,): "16 310 311 319",
    (K.AVS,): "27 127",
    (K.CVV,): "44 65 78 312",
    (K.AVS, K.CVV): "45",
    (K.REFUND,): "48 50 51 54 55 327",
    (K.HELD,): "193 252 253",
    (K.UNAVAILABLE,): "19 20 21 22 23 25 26 57 58 59 60 61 62 63",
}
EXPECTED_OUTCOMES = {
    "1": ResultStatus.APPROVED,
    "2": ResultStatus.DECLINED,
    "3": ResultStatus.FAILED,
    "4": ResultStatus.HELD,
}
EXPECTED_STATUSES: dict[RemoteStatus, str] = {
    RemoteStatus.AUTHORIZED: "authorizedPendingCapture authorizedPendingRelease",
    RemoteStatus.CAPTURED: (
        "capturedPendingSettlement refundPendingSettlement approvedReview couldNotVoid"
        " pendingFinalSettlement pendingSettlement updatingSettlement"
    ),
    RemoteStatus.SETTLED: "settledSuccessfully refundSettledSuccessfully chargebackReversal",
    RemoteStatus.VOIDED: "voided",
    RemoteStatus.HELD: "underReview FDSPendingReview FDSAuthorizedPendingReview",
    RemoteStatus.DECLINED: "declined failedReview",
    RemoteStatus.EXPIRED: "expired",
    RemoteStatus.RETURNED: "returnedItem",
    RemoteStatus.CHARGED_BACK: "chargeback",
    RemoteStatus.FAILED: "communicationError generalError settlementError",
}
EXPECTED_KINDS = {
    "authCaptureTransaction": TransactionKind.CHARGE,
    "authOnlyTransaction": TransactionKind.AUTHORIZATION,
    "captureOnlyTransaction": TransactionKind.CHARGE,
    "priorAuthCaptureTransaction": TransactionKind.CAPTURE,
    "refundTransaction": TransactionKind.REFUND,
    "voidTransaction": TransactionKind.VOID,
}
EXPECTED_BRANDS = {
    "Visa": "visa",
    "MasterCard": "mastercard",
    "Mastercard": "mastercard",
    "AmericanExpress": "amex",
    "American Express": "amex",
    "AMEX": "amex",
    "Discover": "discover",
    "DinersClub": "diners",
    "Diners Club": "diners",
    "JCB": "jcb",
    "eCheck": "echeck",
}
FIELD_CODES = ("E00003", "E00013", "E00014", "E00015", "E00016", "E00027")


def by_code(table: Mapping[Any, str]) -> dict[str, Any]:
    """Turn a meaning's codes into a code's meaning; each code stands once."""
    rows = [(code, meaning) for meaning, words in table.items() for code in words.split()]
    assert len(dict(rows)) == len(rows)
    return dict(rows)


def check_messages() -> None:
    expected = by_code(EXPECTED_MESSAGES)
    for number in range(1, 200):
        code = f"E{number:05d}"
        assert codes.message_reason(code, "words").kind is expected.get(
            str(number), K.GATEWAY_ERROR
        ), code


def check_field_messages() -> None:
    for number in range(1, 200):
        code = f"E{number:05d}"
        kind = codes.message_reason(code, "Expiration Date is invalid.").kind
        assert (kind is K.EXPIRY) == (code in FIELD_CODES), code


def check_reasons() -> None:
    expected = by_code(EXPECTED_REASONS)
    for number in range(400):
        reasons = codes.transaction_reasons(str(number), "words", ResultStatus.FAILED)
        kinds = tuple(reason.kind for reason in reasons)
        assert kinds == expected.get(str(number), (K.GATEWAY_ERROR,)), number


def check_outcomes() -> None:
    for code in map(str, range(10)):
        content = {"transactionResponse": {"responseCode": code, "transId": "60"}}
        if code in EXPECTED_OUTCOMES:
            assert responses.result(content).outcome is EXPECTED_OUTCOMES[code], code
        else:
            with pytest.raises(OutcomeUnknown):
                responses.result(content)


def check_statuses() -> None:
    for word, status in by_code(EXPECTED_STATUSES).items():
        assert reports.remote_status(word) is status, word
    assert len(codes.STATUSES) == 24


def check_kinds() -> None:
    for word, kind in EXPECTED_KINDS.items():
        found = {"transaction": {"transactionType": word, "transactionStatus": "voided"}}
        assert reports.details(found, "USD").kind is kind, word
    assert len(codes.KINDS) == 6


def check_brands() -> None:
    for account_type, brand in EXPECTED_BRANDS.items():
        assert codes.brand(account_type) == brand, account_type
    assert len(codes.BRANDS) == 8


CHECKS: dict[str, Callable[[], None]] = {
    "MESSAGES": check_messages,
    "FIELD_MESSAGES": check_field_messages,
    "REASONS": check_reasons,
    "OUTCOMES": check_outcomes,
    "STATUSES": check_statuses,
    "KINDS": check_kinds,
    "BRANDS": check_brands,
}


@pytest.mark.parametrize("table", CHECKS)
def test_the_table_is_the_gateways(table: str) -> None:
    CHECKS[table]()


@pytest.mark.parametrize("table", CHECKS)
def test_swapping_a_row_is_seen(table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = getattr(codes, table)
    for row in rows:
        if isinstance(rows, Mapping):
            monkeypatch.setattr(codes, table, {**rows, row: other_than(rows[row], rows)})
        else:
            monkeypatch.setattr(codes, table, rows - {row})
        with pytest.raises(AssertionError):
            CHECKS[table]()
            pytest.fail(f"{row} may be swapped")


@pytest.mark.parametrize("table", CHECKS)
def test_losing_a_row_is_seen(table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = getattr(codes, table)
    for row in rows:
        left = {k: rows[k] for k in rows if k != row} if isinstance(rows, Mapping) else rows - {row}
        monkeypatch.setattr(codes, table, left)
        with pytest.raises((AssertionError, OutcomeUnknown)):
            CHECKS[table]()
            pytest.fail(f"{row} may be lost")


def other_than(value: Any, rows: Mapping[str, Any]) -> Any:
    """Return the value of another row that differs from this one's."""
    return next(each for each in rows.values() if each != value)


def test_every_outcome_kind_and_status_is_used_or_known_to_be_none() -> None:
    def unused(kind: type[StrEnum], table: Mapping[str, Any]) -> set[StrEnum]:
        return set(kind) - set(table.values())

    assert unused(TransactionKind, codes.KINDS) == set()
    # This API asks nothing of a card's holder: 3-D Secure comes before the call.
    assert unused(RemoteStatus, codes.STATUSES) == {RemoteStatus.REQUIRES_ACTION}
    assert unused(ResultStatus, codes.OUTCOMES) == {ResultStatus.REQUIRES_ACTION}
