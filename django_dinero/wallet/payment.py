"""How the payment of an order stands."""

from __future__ import annotations

from dataclasses import dataclass

from django_dinero.gateways.types import NextAction
from django_dinero.models import Transaction
from django_dinero.models.transaction_status import COUNTED, TransactionStatus


@dataclass(frozen=True, slots=True)
class Payment:
    """How the payment of an order stands.

    Args:
        transaction: the charge; None while nobody knows whether there is one.
        next_action: what the card's holder has to do first; None where it is nothing, or where the
            gateway could not be asked.
        has_other_amount: whether it is not what the order costs now. The order was changed after
            it: staff have to look, and nothing more may be paid before that.
        is_replaceable: whether it waits for the card's holder, and the shopper may pay with another
            card in its place. It is voided first.
        is_undone: whether it was approved once and does not pay the order any more: it was voided,
            returned, charged back or refunded altogether, has expired, or was moved to another
            order. The next attempt may pay this one.
    """

    transaction: Transaction | None
    next_action: NextAction | None = None
    has_other_amount: bool = False
    is_replaceable: bool = False
    is_undone: bool = False

    @property
    def is_unknown(self) -> bool:
        """Whether an attempt was made whose end nobody knows yet."""
        return self.transaction is None

    @property
    def is_paid(self) -> bool:
        """Whether it is approved, with the order's amount, and was not given back altogether."""
        return not self.is_undone and any(self._has(status) for status in COUNTED)

    @property
    def is_held(self) -> bool:
        """Whether the gateway holds it until somebody has reviewed it."""
        return self._has(TransactionStatus.HELD)

    @property
    def needs_action(self) -> bool:
        """Whether it waits for the card's holder."""
        return self._has(TransactionStatus.REQUIRES_ACTION)

    @property
    def is_open(self) -> bool:
        """Whether the gateway could say more than is known here."""
        row = self.transaction
        return row is None or row.status == TransactionStatus.REQUIRES_ACTION

    def _has(self, status: TransactionStatus) -> bool:
        row = self.transaction
        return row is not None and row.status == status and not self.has_other_amount
