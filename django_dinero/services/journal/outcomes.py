"""What is kept of a gateway's answer, and of what its records show: it always fits the columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django_dinero.enums import RemoteStatus, ResultStatus
from django_dinero.gateways.types import Reason, RemoteTransaction, TransactionResult
from django_dinero.models.records import RecordedOutcome, truncate_for_columns
from django_dinero.redaction import scrub, storable

#: Characters that are kept of what a gateway said.
TEXT_LENGTH = 1000
#: Characters of a gateway's id, as the columns have them.
LONGEST_ID = 255

#: The answer that a call must have got, by what the gateway shows of its transaction.
RESULTS: Mapping[RemoteStatus, ResultStatus] = {
    RemoteStatus.AUTHORIZED: ResultStatus.APPROVED,
    RemoteStatus.CAPTURED: ResultStatus.APPROVED,
    RemoteStatus.SETTLED: ResultStatus.APPROVED,
    RemoteStatus.VOIDED: ResultStatus.APPROVED,
    RemoteStatus.HELD: ResultStatus.HELD,
    RemoteStatus.REQUIRES_ACTION: ResultStatus.REQUIRES_ACTION,
    RemoteStatus.DECLINED: ResultStatus.DECLINED,
    RemoteStatus.EXPIRED: ResultStatus.APPROVED,
    RemoteStatus.RETURNED: ResultStatus.APPROVED,
    RemoteStatus.CHARGED_BACK: ResultStatus.APPROVED,
    RemoteStatus.FAILED: ResultStatus.FAILED,
}


def outcome_of_result(result: TransactionResult) -> RecordedOutcome:
    """Return what is kept of an answer about money."""
    outcome = RecordedOutcome(
        result=result.outcome.value,
        transaction_id=_id_that_can_be_kept(result.transaction_id),
        auth_code=result.auth_code,
        avs=result.avs,
        cvv=result.cvv,
        network_transaction_id=result.network_transaction_id,
        last_4=result.last_4,
        brand=result.brand,
    )
    return _fitting(_with_reasons(outcome, result.reasons))


def outcome_of_remote(remote: RemoteTransaction) -> RecordedOutcome:
    """Return what is kept of a transaction that was found at the gateway."""
    outcome = RecordedOutcome(
        result=RESULTS[remote.status].value,
        remote_status=remote.status.value,
        settled_at=remote.settled_at.isoformat() if remote.settled_at else "",
        batch_id=truncate_for_columns({"batch_id": remote.batch_id})["batch_id"],
        transaction_id=remote.transaction_id,
        auth_code=remote.auth_code,
        avs=remote.avs,
        cvv=remote.cvv,
        network_transaction_id=remote.network_transaction_id,
        last_4=remote.last_4,
        brand=remote.brand,
        found=True,
    )
    return _fitting(_with_reasons(outcome, remote.reasons))


def _with_reasons(outcome: RecordedOutcome, reasons: tuple[Reason, ...]) -> RecordedOutcome:
    if not reasons:
        return outcome
    first = reasons[0]
    return replace(
        outcome,
        reason=first.kind.value,
        reasons=tuple(reason.kind.value for reason in reasons),
        gateway_code=storable(first.code),
        gateway_text=scrub(first.text)[:TEXT_LENGTH],
    )


def _fitting(outcome: RecordedOutcome) -> RecordedOutcome:
    texts: dict[str, Any] = {**truncate_for_columns(outcome.shown)}
    return replace(outcome, **texts)


def _id_that_can_be_kept(transaction_id: str) -> str:
    """Return a gateway's id, or an empty string: half of one would be the id of another."""
    # "0" is Authorize.Net's word for "no transaction was made" (its XML guide).
    fits = transaction_id != "0" and len(transaction_id) <= LONGEST_ID
    return transaction_id if fits and transaction_id.isprintable() else ""
