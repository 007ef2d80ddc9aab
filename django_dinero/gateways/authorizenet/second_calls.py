"""Answers to a money call that take a second call to understand or to put right."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, TypeVar

from django.utils.translation import gettext as _

from django_dinero.enums import ReasonKind, RemoteStatus, ResultStatus
from django_dinero.exceptions import NotSent, OutcomeUnknown
from django_dinero.gateways.authorizenet import codes, profiles, reports, requests, responses
from django_dinero.gateways.authorizenet.client import Reply
from django_dinero.gateways.authorizenet.patience import PatientClient
from django_dinero.gateways.authorizenet.xml import text_at
from django_dinero.gateways.types import (
    ChargeRequest,
    FollowUpRequest,
    Reason,
    Refusal,
    RemoteTransaction,
    StoredCard,
    TransactionResult,
    has_reason,
)
from django_dinero.identifiers import new_key

AnswerT = TypeVar("AnswerT")

#: What the original of a duplicate has become, as the result of the call that repeated it.
_RESULTS: Mapping[RemoteStatus, ResultStatus] = {
    RemoteStatus.AUTHORIZED: ResultStatus.APPROVED,
    RemoteStatus.CAPTURED: ResultStatus.APPROVED,
    RemoteStatus.SETTLED: ResultStatus.APPROVED,
    RemoteStatus.HELD: ResultStatus.HELD,
}


def missing_record(client: PatientClient, reply: Reply, source: object) -> ReasonKind:
    """Find out what a charge's "the record cannot be found" is about: the customer or the card."""
    if reply.code != codes.NOT_FOUND or not isinstance(source, StoredCard):
        return ReasonKind.INVALID_TRANSACTION
    customer: object = None
    # The charge was refused either way. Without an answer only the finer reason is lost.
    with contextlib.suppress(NotSent, OutcomeUnknown):
        customer = profiles.fetch_customer(client, source.customer_id)
    gone = isinstance(customer, Refusal) and has_reason(customer, ReasonKind.CUSTOMER_NOT_FOUND)
    return ReasonKind.CUSTOMER_NOT_FOUND if gone else ReasonKind.CARD_NOT_FOUND


# -- Duplicates ------------------------------------------------------------------------------------


def is_duplicate(result: TransactionResult) -> bool:
    """Say whether the gateway has refused it as the repetition of an earlier transaction."""
    return any(reason.code in codes.DUPLICATES for reason in result.reasons)


def original_of_duplicate(
    client: PatientClient,
    request: ChargeRequest | FollowUpRequest,
    result: TransactionResult,
    currency: str,
) -> TransactionResult:
    """Take the original of a duplicate for our own if it carries our key.

    It does when an earlier delivery of this very request was carried out.

    Raises:
        OutcomeUnknown: the original is not named or could not be read. It may be ours: the
            gateway compares invoice numbers, and no other request has this one.
    """
    if result.transaction_id in ("", "0"):
        raise OutcomeUnknown(
            _("The gateway calls it a repetition and does not say of what: %(text)s")
            % {"text": result.reasons[0].text}
        )
    original = _certainly(lambda: reports.fetch(client, result.transaction_id, currency))
    if isinstance(original, Refusal):
        raise OutcomeUnknown(
            _("The gateway calls it a repetition of %(id)s and does not show that: %(text)s")
            % {"id": result.transaction_id, "text": original.reasons[0].text}
        )
    outcome = _RESULTS.get(original.status)
    if original.operation_key != request.operation_key or outcome is None:
        # The id and the code are those of somebody else's transaction.
        return replace(result, transaction_id="", auth_code="")
    return _result_of(original, outcome)


def _result_of(original: RemoteTransaction, outcome: ResultStatus) -> TransactionResult:
    return TransactionResult(
        outcome,
        transaction_id=original.transaction_id,
        amount=original.amount,
        operation_key=original.operation_key,
        auth_code=original.auth_code,
        avs=original.avs,
        cvv=original.cvv,
        network_transaction_id=original.network_transaction_id,
        last_4=original.last_4,
        brand=original.brand,
        reasons=() if outcome is ResultStatus.APPROVED else (Reason(ReasonKind.HELD),),
        already=True,
    )


# -- Partial approvals -----------------------------------------------------------------------------


def is_partial(result: TransactionResult) -> bool:
    """Say whether less was approved than was asked for, as a transaction that still stands."""
    partial = any(reason.code == codes.PARTIAL_APPROVAL for reason in result.reasons)
    return partial and result.transaction_id not in ("", "0")


def approved_part(content: Mapping[str, Any]) -> Decimal | None:
    """Return how much a partial approval was of; None where the gateway does not tell."""
    return reports.amount(text_at(content, "transactionResponse", "prePaidCard", "approvedAmount"))


def void_partial(client: PatientClient, transaction_id: str) -> None:
    """Void a partial approval.

    Raises:
        OutcomeUnknown: it could not be voided. The part is on the card until somebody does.
    """
    values = {"transactionRequest": requests.void(transaction_id)}
    key = new_key()
    reply = _certainly(lambda: client.change("createTransaction", values, key=key))
    if responses.response_code(reply.content) != "1":
        raise OutcomeUnknown(
            _("The gateway approved a part as %(id)s and did not void it: %(text)s")
            % {"id": transaction_id, "text": reply.reason().text}
        )


# -- "It has been captured (voided) already" -------------------------------------------------------


def captured_before(
    client: PatientClient, request: FollowUpRequest, result: TransactionResult, currency: str
) -> TransactionResult:
    """Take "captured already" for success if it is captured for our amount.

    Our request is sent once, and a proxy may deliver it twice: then the first delivery did it.
    The gateway does not tell that from somebody else's capture. Either way both sides agree only if
    our ledger has it too.

    Raises:
        OutcomeUnknown: the transaction could not be read.
    """
    remote = _read_again(client, request, currency)
    done = remote is not None and reports.is_captured_for(remote, request.amount)
    return _approved(result) if done else result


def voided_before(
    client: PatientClient, request: FollowUpRequest, result: TransactionResult, currency: str
) -> TransactionResult:
    """Take "voided already" for success if it is voided, as :func:`captured_before` does.

    Raises:
        OutcomeUnknown: the transaction could not be read.
    """
    remote = _read_again(client, request, currency)
    done = remote is not None and remote.status is RemoteStatus.VOIDED
    return _approved(result) if done else result


def _read_again(
    client: PatientClient, request: FollowUpRequest, currency: str
) -> RemoteTransaction | None:
    """Return what a follow-up is about; None if the gateway has no such transaction.

    Raises:
        OutcomeUnknown: it could not be read, or the gateway does not show it.
    """
    remote = _certainly(lambda: reports.fetch(client, request.transaction_id, currency))
    if not isinstance(remote, Refusal):
        return remote
    if has_reason(remote, ReasonKind.INVALID_TRANSACTION):
        return None
    raise OutcomeUnknown(
        _("The gateway says that it was done before and does not show it: %(text)s")
        % {"text": remote.reasons[0].text}
    )


def _approved(result: TransactionResult) -> TransactionResult:
    return replace(result, outcome=ResultStatus.APPROVED, reasons=())


def before_change(read: Callable[[], AnswerT]) -> AnswerT:
    """Make the call by which a verb reads what it is about to change.

    Raises:
        NotSent: there was no answer, and so the change is not sent.
    """
    try:
        return read()
    except OutcomeUnknown as error:
        lost = str(error)
    raise NotSent(lost)


def _certainly(call: Callable[[], AnswerT]) -> AnswerT:
    """Make a second call of a verb, whose first one may have moved money.

    Raises:
        OutcomeUnknown: it was not answered, or not even sent: "not sent" is said of whole verbs.
    """
    problem = ""
    try:
        return call()
    except NotSent as error:
        problem = str(error)
    raise OutcomeUnknown(problem)
