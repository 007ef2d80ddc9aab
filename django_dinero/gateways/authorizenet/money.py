"""Charges and what follows them, all of it ``createTransactionRequest``."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Literal, TypeVar

from django.utils.translation import gettext as _

from django_dinero.enums import ReasonKind, RemoteStatus, ResultStatus
from django_dinero.exceptions import NotSent, OutcomeUnknown
from django_dinero.gateways.authorizenet import codes, reports, requests, responses
from django_dinero.gateways.authorizenet.account import Account
from django_dinero.gateways.authorizenet.client import Reply
from django_dinero.gateways.authorizenet.xml import text_at
from django_dinero.gateways.types import (
    ChargeRequest,
    FollowUpRequest,
    Reason,
    Refusal,
    RemoteTransaction,
    StoredCard,
    TransactionResult,
)
from django_dinero.identifiers import new_key

K = ReasonKind

AnswerT = TypeVar("AnswerT")

#: What a charge of ours has become that the gateway says it has already.
_ADOPTED: Mapping[RemoteStatus, ResultStatus] = {
    RemoteStatus.AUTHORIZED: ResultStatus.APPROVED,
    RemoteStatus.CAPTURED: ResultStatus.APPROVED,
    RemoteStatus.SETTLED: ResultStatus.APPROVED,
    RemoteStatus.HELD: ResultStatus.HELD,
}


_CAPTURED = (RemoteStatus.CAPTURED, RemoteStatus.SETTLED)


class Money(Account):
    """The money verbs."""

    def charge(self, request: ChargeRequest) -> TransactionResult:
        """Charge or authorize; a partial approval is voided and counts as declined."""
        values = requests.charge(request, self.options.duplicate_window)
        source = request.source
        about = (source.customer_id, source.card_id) if isinstance(source, StoredCard) else ()
        reply = self._send(values, request.operation_key, about=about)
        result = self._result(reply, self._missing(reply, source))
        if any(reason.code in codes.DUPLICATES for reason in result.reasons):
            return self._adopt(request, result)
        partial = any(reason.code == codes.PARTIAL_APPROVAL for reason in result.reasons)
        if partial and result.transaction_id not in ("", "0"):
            self._void_part(result.transaction_id)
        return result

    def _missing(self, reply: Reply, source: object) -> ReasonKind:
        """Ask which of the two is missing: "the record cannot be found" does not tell."""
        if reply.code != codes.NOT_FOUND or not isinstance(source, StoredCard):
            return K.INVALID_TRANSACTION
        customer: object = None
        # The charge was refused either way; only the finer reason is lost with the answer.
        with contextlib.suppress(NotSent, OutcomeUnknown):
            customer = self.fetch_customer(source.customer_id)
        return K.CUSTOMER_NOT_FOUND if isinstance(customer, Refusal) else K.CARD_NOT_FOUND

    def _adopt(
        self, request: ChargeRequest | FollowUpRequest, result: TransactionResult
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
        original = _certainly(lambda: self.retrieve_transaction(result.transaction_id))
        if isinstance(original, Refusal):
            raise OutcomeUnknown(
                _("The gateway calls it a repetition of %(id)s and does not show that: %(text)s")
                % {"id": result.transaction_id, "text": original.reasons[0].text}
            )
        outcome = _ADOPTED.get(original.status)
        if original.operation_key != request.operation_key or outcome is None:
            # The id is that of another one: it is not this charge's.
            return replace(result, transaction_id="", auth_code="")
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
            reasons=() if outcome is ResultStatus.APPROVED else (Reason(K.HELD),),
            already=True,
        )

    def _void_part(self, transaction_id: str) -> None:
        """Give back what was approved of less than we asked for.

        Raises:
            OutcomeUnknown: it could not be voided; the part is on the card until somebody does.
        """
        reply = _certainly(lambda: self._send(requests.void(transaction_id), new_key()))
        if responses.response_code(reply.content) != "1":
            raise OutcomeUnknown(
                _("The gateway approved a part as %(id)s and did not void it: %(text)s")
                % {"id": transaction_id, "text": reply.reason().text}
            )

    def capture(self, request: FollowUpRequest) -> TransactionResult:
        """Capture an authorization (``priorAuthCaptureTransaction``)."""
        result = self._follow_up(requests.capture(request), request)
        if not result.already:
            return result

        def captured(remote: RemoteTransaction) -> bool:
            return remote.status in _CAPTURED and remote.settled_amount == request.amount

        return self._done_before(request, result, captured)

    def void(self, request: FollowUpRequest) -> TransactionResult:
        """Void what has not settled."""
        values = requests.void(request.transaction_id)
        result = self._follow_up(values, request, giving_back=True)
        if not result.already:
            return result
        return self._done_before(request, result, lambda r: r.status is RemoteStatus.VOIDED)

    def refund(self, request: FollowUpRequest) -> TransactionResult:
        """Refund a settled charge to its card."""
        values = requests.refund(request, self.options.duplicate_window)
        result = self._follow_up(values, request, giving_back=True)
        duplicate = any(reason.code in codes.DUPLICATES for reason in result.reasons)
        return self._adopt(request, result) if duplicate else result

    def _done_before(
        self,
        request: FollowUpRequest,
        result: TransactionResult,
        there: Callable[[RemoteTransaction], bool],
    ) -> TransactionResult:
        """Take "it had been done before" for done, if what was asked for is ``there`` now.

        Our request is sent once, and a proxy may deliver it twice: then the first delivery did it.
        The gateway does not tell that from somebody else's doing the same; in both cases the
        books agree only if it is in ours too.

        Raises:
            OutcomeUnknown: the transaction could not be read.
        """
        remote = _certainly(lambda: self.retrieve_transaction(request.transaction_id))
        if isinstance(remote, Refusal):
            return result
        return (
            replace(result, outcome=ResultStatus.APPROVED, reasons=()) if there(remote) else result
        )

    def decide_review(
        self, request: FollowUpRequest, action: Literal["approve", "decline"]
    ) -> TransactionResult:
        """Approve or decline what the fraud filters hold (``updateHeldTransactionRequest``)."""
        values = {
            "heldTransactionRequest": {"action": action, "refTransId": request.transaction_id}
        }
        key = request.operation_key
        return self._result(
            self.client.call("updateHeldTransaction", values, changes=True, key=key)
        )

    def _follow_up(
        self, values: dict[str, Any], request: FollowUpRequest, *, giving_back: bool = False
    ) -> TransactionResult:
        return self._result(self._send(values, request.operation_key), follow_up=giving_back)

    def _send(self, values: dict[str, Any], key: str, *, about: tuple[str, ...] = ()) -> Reply:
        return self.call(
            "createTransaction",
            {"transactionRequest": values},
            changes=True,
            key=key,
            about=about,
        )

    def _result(
        self,
        reply: Reply,
        missing: ReasonKind = K.INVALID_TRANSACTION,
        *,
        follow_up: bool = False,
    ) -> TransactionResult:
        """Return what a reply says of its transaction, or the API's message where there is none.

        Raises:
            OutcomeUnknown: it contradicts itself, or what it says of the transaction is in pieces.
        """
        if not responses.response_code(reply.content):
            return self._refused(reply, missing)
        result = responses.result(reply.content, follow_up=follow_up)
        if result.outcome is ResultStatus.APPROVED and not reply.ok:
            raise OutcomeUnknown(
                _("The gateway approved and says that it failed: %(text)s")
                % {"text": reply.reason().text}
            )
        return result

    def _refused(self, reply: Reply, missing: ReasonKind) -> TransactionResult:
        """Return an answer that speaks of no transaction: an API message is all there is."""
        if reply.ok or responses.speaks_of_a_transaction(reply.content):
            raise OutcomeUnknown(_("The gateway's answer does not tell what became of it."))
        reason = reply.reason(missing)
        declined = reason.kind in (K.CARD_DECLINED,)
        outcome = ResultStatus.DECLINED if declined else ResultStatus.FAILED
        return TransactionResult(outcome, reasons=(reason,))

    def retrieve_transaction(self, transaction_id: str) -> RemoteTransaction | Refusal:
        """Fetch one transaction (needs the *Transaction Details API*)."""
        values = {"transId": transaction_id}
        reply = self.client.call("getTransactionDetails", values, changes=False)
        if not reply.ok:
            return reply.refusal(K.INVALID_TRANSACTION)
        if text_at(reply.content, "transaction", "transId") != transaction_id:
            raise OutcomeUnknown(_("The gateway answered with another transaction."))
        return reports.details(reply.content, self.currency)


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
