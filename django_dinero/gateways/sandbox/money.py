"""The verbs on the test bank that move money."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from django_dinero.enums import ResultStatus
from django_dinero.gateways.sandbox import mapping
from django_dinero.gateways.sandbox.account import Account, results, source_of
from django_dinero.gateways.types import (
    ChargeRequest,
    FollowUpRequest,
    StoredCard,
    TransactionResult,
)
from django_dinero.sandbox.bank.enums import Reason
from django_dinero.sandbox.bank.records import Order, PlainCard, Token, VaultCard


class Money(Account):
    """Charges and what follows them."""

    @results
    def charge(self, request: ChargeRequest) -> TransactionResult:
        """Charge or authorize; a part of the amount is given back and counts as declined."""
        verdict = self.bank.charge(
            _charged(request),
            request.amount,
            operation_key=request.operation_key,
            order=Order(
                invoice=request.operation_key,
                description=request.description,
                customer_ip=request.customer_ip,
                customer_reference=request.order_reference,
                email=request.email,
            ),
            currency=request.currency,
            capture=request.capture,
            # Whoever is charged by the merchant alone is not there to be sent anywhere.
            can_redirect=request.initiator != "merchant",
        )
        if verdict.reason is Reason.PARTIAL_APPROVAL and verdict.entry is not None:
            self.bank.void(verdict.entry.id)
        return mapping.result(verdict)

    @results
    def capture(self, request: FollowUpRequest) -> TransactionResult:
        """Capture an authorization; one that was captured for this amount before is a success."""
        verdict = self.bank.capture(
            request.transaction_id,
            request.amount,
            currency=request.currency,
            capture_key=request.operation_key,
        )
        entry = verdict.entry
        there = entry is not None and entry.settled_amount == request.amount
        return _done_before(mapping.result(verdict), there)

    @results
    def void(self, request: FollowUpRequest) -> TransactionResult:
        """Void what has not settled; what was voided before is a success."""
        verdict = self.bank.void(request.transaction_id, void_key=request.operation_key)
        return _done_before(mapping.result(verdict), verdict.reason is Reason.ALREADY_VOIDED)

    @results
    def refund(self, request: FollowUpRequest) -> TransactionResult:
        """Give back what has settled."""
        verdict = self.bank.refund(
            request.transaction_id,
            request.amount,
            currency=request.currency,
            last_4=request.last_4,
            operation_key=request.operation_key,
            order=Order(invoice=request.operation_key, description=request.description),
        )
        return mapping.result(verdict)

    @results
    def decide_review(
        self, request: FollowUpRequest, action: Literal["approve", "decline"]
    ) -> TransactionResult:
        """Approve or decline a held payment."""
        verdict = self.bank.decide_review(request.transaction_id, approve=action == "approve")
        return mapping.result(verdict)


def _done_before(result: TransactionResult, there: bool) -> TransactionResult:
    """Take "it had been done before" for done: the books agree only if it is in ours too."""
    if not (result.already and there):
        return result
    return replace(result, outcome=ResultStatus.APPROVED, reasons=())


def _charged(request: ChargeRequest) -> PlainCard | Token | VaultCard:
    if isinstance(request.source, StoredCard):
        return VaultCard(request.source.customer_id, request.source.card_id, request.cvv)
    return source_of(request.source)
