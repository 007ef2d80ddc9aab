"""What the gateway's replies to money calls say, in our words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from django.utils.translation import gettext as _

from django_dinero.enums import ReasonKind, ResultStatus
from django_dinero.exceptions import (
    AuthenticationError,
    GatewayError,
    GatewayUnavailableError,
    NotPermittedError,
    OutcomeUnknown,
)
from django_dinero.gateways.authorizenet import codes
from django_dinero.gateways.authorizenet.client import Reply
from django_dinero.gateways.authorizenet.xml import at, dicts_at, text_at
from django_dinero.gateways.types import Reason, TransactionResult
from django_dinero.redaction import scrub

#: What a list that is not shown can be about; no card and no payment has a part in it.
_LIST_ERRORS: Mapping[ReasonKind, type[GatewayError]] = {
    ReasonKind.AUTHENTICATION: AuthenticationError,
    ReasonKind.NOT_PERMITTED: NotPermittedError,
    ReasonKind.UNAVAILABLE: GatewayUnavailableError,
}


def transaction(
    reply: Reply,
    missing: ReasonKind = ReasonKind.INVALID_TRANSACTION,
    *,
    follow_up: bool = False,
) -> TransactionResult:
    """Return what a reply says of its transaction, or the API's message where there is none.

    Args:
        reply: the reply to a money call.
        missing: what "the record cannot be found" is about.
        follow_up: it answers a refund or a void.

    Raises:
        OutcomeUnknown: it contradicts itself, or what it says of the transaction is in pieces.
    """
    if not response_code(reply.content):
        return _refused(reply, missing)
    found = result(reply.content, follow_up=follow_up)
    if found.outcome is ResultStatus.APPROVED and not reply.ok:
        raise OutcomeUnknown(
            _("The gateway approved and says that it failed: %(text)s")
            % {"text": reply.reason().text}
        )
    return found


def _refused(reply: Reply, missing: ReasonKind) -> TransactionResult:
    """Read an answer without a transaction: it has an API message and nothing else."""
    if reply.ok or speaks_of_a_transaction(reply.content):
        raise OutcomeUnknown(_("The gateway's answer does not tell what became of it."))
    reasons = reply.reasons(missing)
    declined = reasons[0].kind is ReasonKind.CARD_DECLINED
    outcome = ResultStatus.DECLINED if declined else ResultStatus.FAILED
    return TransactionResult(outcome, reasons=reasons)


def unreadable(reason: Reason, gateway_name: str) -> GatewayError:
    """Return the exception for a list that the gateway does not show."""
    error = _LIST_ERRORS.get(reason.kind, GatewayError)
    return error(reason.text, gateway_code=reason.code, gateway_name=gateway_name)


def response_code(content: Mapping[str, Any]) -> str:
    """Return the transaction's response code, empty if the reply speaks of no transaction."""
    return text_at(content, "transactionResponse", "responseCode")


def speaks_of_a_transaction(content: Mapping[str, Any]) -> bool:
    """Say whether the transactionResponse holds anything; an empty one says nothing."""
    response = at(content, "transactionResponse")
    if not isinstance(response, dict):
        return response is not None
    return any(value is not None for value in response.values())


def result(content: Mapping[str, Any], *, follow_up: bool = False) -> TransactionResult:
    """Return what a ``transactionResponse`` says.

    Args:
        content: the reply's content; its transactionResponse has a response code.
        follow_up: it answers a refund or a void.

    Raises:
        OutcomeUnknown: it says two things at once, approves without an id, or has a response code
            that this release does not know. The gateway's records will tell.
    """
    response = at(content, "transactionResponse")
    verdict = _verdict(response, follow_up=follow_up)
    return TransactionResult(
        outcome=verdict.outcome,
        transaction_id=text_at(response, "transId"),
        operation_key=text_at(content, "refId"),
        auth_code=text_at(response, "authCode"),
        avs=text_at(response, "avsResultCode"),
        cvv=text_at(response, "cvvResultCode"),
        network_transaction_id=text_at(response, "networkTransId"),
        last_4=last_4(text_at(response, "accountNumber")),
        brand=codes.brand(text_at(response, "accountType")),
        reasons=verdict.reasons,
        already=verdict.already,
    )


class _Verdict(NamedTuple):
    outcome: ResultStatus
    reasons: tuple[Reason, ...] = ()
    already: bool = False


def _verdict(response: Mapping[str, Any], *, follow_up: bool) -> _Verdict:
    told = told_by(response)
    texts = dict(reversed(told))
    outcome = _outcome(text_at(response, "responseCode"))
    if codes.PARTIAL_APPROVAL in texts:
        # Whatever response code came with it, less was approved than was asked for.
        outcome = ResultStatus.DECLINED
    if outcome is ResultStatus.APPROVED:
        return _approved(response, told)
    # The text too: code 1 may say of a held transaction that it was declined as asked.
    if "approved" in texts.get(codes.APPROVED, "") and outcome is not ResultStatus.HELD:
        raise OutcomeUnknown(_("The gateway refused, and says that it approved."))
    for code in codes.BROKEN:
        if code in texts:
            raise OutcomeUnknown(
                _("The gateway broke off, and its records will tell: %(text)s")
                % {"text": scrub(texts[code])},
                gateway_code=code,
            )
    reasons = _reasons(told, outcome, follow_up=follow_up)
    if not any(texts) and outcome is ResultStatus.DECLINED:
        reasons = _by_letters(response) or reasons
    return _Verdict(outcome, reasons)


def told_by(response: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return code and text of every error, else of the first message.

    There is always one: an empty code where the gateway says nothing.
    """
    errors = dicts_at(response, "errors", "error")
    told = [(text_at(error, "errorCode"), text_at(error, "errorText")) for error in errors]
    if told:
        return list(dict.fromkeys(told))
    # The API reference's samples put message right under transactionResponse.
    messages = dicts_at(response, "messages", "message") or dicts_at(response, "message")
    return [(text_at(m, "code"), text_at(m, "description")) for m in messages[:1]] or [("", "")]


def _reasons(
    told: Iterable[tuple[str, str]], outcome: ResultStatus, *, follow_up: bool = False
) -> tuple[Reason, ...]:
    return tuple(
        reason
        for code, text in told
        for reason in codes.transaction_reasons(code, text, outcome, follow_up=follow_up)
    )


def _outcome(word: str) -> ResultStatus:
    found = codes.OUTCOMES.get(word)
    if found is None:
        raise OutcomeUnknown(
            _("The gateway gave an unknown response code (%(code)r).") % {"code": word[:20]}
        )
    return found


def _approved(response: Mapping[str, Any], told: list[tuple[str, str]]) -> _Verdict:
    """Find out whether response code 1 approves this call; there are six ways in which not."""
    failed = ResultStatus.FAILED
    first, text = told[0]
    said = {code for code, _text in told}
    transaction_id = text_at(response, "transId")
    errors = dicts_at(response, "errors", "error")
    if said & {codes.ALREADY_VOIDED, codes.ALREADY_CAPTURED}:
        return _Verdict(failed, _reasons(told, failed), already=True)
    if not (transaction_id.isascii() and transaction_id.isdigit()):  # none, or several of them
        raise OutcomeUnknown(_("The gateway approved and does not say as which transaction."))
    if transaction_id == "0" and errors:
        return _Verdict(failed, _reasons(told, failed))
    if transaction_id == "0":
        shown = _("The gateway approved in test mode and kept nothing.")
        return _Verdict(failed, (Reason(ReasonKind.GATEWAY_ERROR, first, shown),))
    if text_at(response, "splitTenderId"):
        declined = ResultStatus.DECLINED
        reasons = codes.transaction_reasons(codes.PARTIAL_APPROVAL, text, declined)
        return _Verdict(declined, reasons)
    if errors:
        # A transaction with an error beside it: neither can be believed.
        raise OutcomeUnknown(
            _("The gateway approved with an error beside it (%(code)s).")
            % {"code": ", ".join(code for code, _text in told)}
        )
    if not said.isdisjoint(codes.UNDER_REVIEW):
        held = ResultStatus.HELD
        return _Verdict(held, _reasons(told, held))
    return _Verdict(ResultStatus.APPROVED)


def _by_letters(response: Mapping[str, Any]) -> tuple[Reason, ...]:
    """Return the checks that failed by the card networks' letters; a blank is "not asked"."""
    letters = (
        (ReasonKind.AVS, "avs", text_at(response, "avsResultCode")),
        (ReasonKind.CVV, "cvv", text_at(response, "cvvResultCode")),
    )
    return tuple(Reason(kind, f"{name}:N") for kind, name, letter in letters if letter == "N")


# -- What was paid with, in every kind of reply ----------------------------------------------------


def account(content: Mapping[str, Any]) -> str:
    """Return the last four digits of what was paid with, a card or a bank account."""
    card_number = text_at(content, "payment", "creditCard", "cardNumber")
    return last_4(card_number or text_at(content, "payment", "bankAccount", "accountNumber"))


def last_4(masked: str) -> str:
    """Return the last four digits of ``XXXX1111``, empty where there are none."""
    digits = masked[-4:]
    return digits if len(digits) == 4 and digits.isascii() and digits.isdigit() else ""
