"""A test bank that goes wrong where it is asked to."""

from __future__ import annotations

from decimal import Decimal

from django_dinero.cards import CardDetails
from django_dinero.enums import ResultStatus
from django_dinero.gateways.sandbox import SandboxGateway
from django_dinero.gateways.types import (
    CardRequest,
    ChargeRequest,
    Refusal,
    RemoteCard,
    TransactionResult,
)

#: A charge of so much is approved with another amount, and the bank knows nothing of it.
DOUBTFUL = Decimal("66.60")
#: A charge of so much breaks something.
BROKEN = Decimal("66.61")
#: A card with this zip meets an error that quotes it.
QUOTING = "66613"


class WatchedGateway(SandboxGateway):
    """The in-process sandbox, with triggers."""

    def charge(self, request: ChargeRequest) -> TransactionResult:
        if request.amount == DOUBTFUL:
            return TransactionResult(ResultStatus.APPROVED, "9001", amount=Decimal(4))
        if request.amount == BROKEN:
            raise RuntimeError("broken inside")
        return super().charge(request)

    def add_card(self, request: CardRequest) -> RemoteCard | Refusal:
        card = request.card
        if isinstance(card, CardDetails) and card.address.zip == QUOTING:
            raise ValueError(f"cannot read {card.number.reveal()}")
        return super().add_card(request)
