"""The verbs on an earlier payment: capture, void, refund, and the review of a held one."""

from __future__ import annotations

import datetime
import json
from decimal import Decimal
from typing import Final

from django_dinero.enums import RemoteStatus
from django_dinero.money import DECIMAL_PLACES, EXACT
from django_dinero.sandbox.bank import ledger_rows
from django_dinero.sandbox.bank.base import BankBase
from django_dinero.sandbox.bank.card_facts import fingerprint
from django_dinero.sandbox.bank.charges import NO_ORDER
from django_dinero.sandbox.bank.enums import Outcome, Reason, RowKind
from django_dinero.sandbox.bank.records import LedgerRow, Order, Verdict
from django_dinero.sandbox.bank.schema import from_units
from django_dinero.sandbox.bank.store import writes

#: How long after its settlement a payment can be refunded.
REFUND_LIFE: Final = datetime.timedelta(days=180)

NOT_CAPTURABLE: Final = {
    RemoteStatus.CAPTURED: Reason.ALREADY_CAPTURED,
    RemoteStatus.SETTLED: Reason.ALREADY_CAPTURED,
    RemoteStatus.RETURNED: Reason.ALREADY_CAPTURED,
    RemoteStatus.CHARGED_BACK: Reason.ALREADY_CAPTURED,
    RemoteStatus.VOIDED: Reason.ALREADY_VOIDED,
    RemoteStatus.HELD: Reason.HELD,
    RemoteStatus.REQUIRES_ACTION: Reason.ACTION_REQUIRED,
    RemoteStatus.EXPIRED: Reason.AUTHORIZATION_EXPIRED,
}
NOT_VOIDABLE: Final = {
    RemoteStatus.VOIDED: Reason.ALREADY_VOIDED,
    RemoteStatus.SETTLED: Reason.ALREADY_SETTLED,
    RemoteStatus.RETURNED: Reason.ALREADY_SETTLED,
    RemoteStatus.CHARGED_BACK: Reason.ALREADY_SETTLED,
}
VOIDABLE: Final = frozenset(
    {
        RemoteStatus.AUTHORIZED,
        RemoteStatus.CAPTURED,
        RemoteStatus.HELD,
        RemoteStatus.REQUIRES_ACTION,
    }
)
#: Not in a batch yet: it can be voided instead.
NOT_SETTLED: Final = VOIDABLE


class FollowUps(BankBase):
    """What can follow a payment.

    Each verb returns a verdict: ``approved`` with the ledger row as it is now, or ``failed`` with
    the reason and the row it was about (None for ``not_found``).
    """

    @writes
    def capture(
        self,
        transaction_id: str,
        amount: Decimal | None = None,
        *,
        currency: str = "",
        capture_key: str = "",
    ) -> Verdict:
        """Take what was authorized, or a part of it. Once only; the row keeps its id.

        Returns:
            Failed: ``not_found``, ``not_capturable``, ``already_captured``, ``already_voided``,
            ``held``, ``action_required``, ``authorization_expired``, ``invalid_currency`` (one was
            given, and it is another than the original's), ``invalid_amount``,
            ``capture_exceeds_authorization``.
        """
        row = ledger_rows.find(self.store, transaction_id)
        if row is None:
            return _failed(Reason.NOT_FOUND)
        row = self._lapsed(row)
        reason = _capture_refusal(row)
        if reason is not None:
            return _failed(reason, row)
        if currency not in ("", row.currency):
            return _failed(Reason.INVALID_CURRENCY, row)
        fitted = ledger_rows.exact(row.amount if amount is None else amount, row.currency)
        if fitted is None:
            return _failed(Reason.INVALID_AMOUNT, row)
        if fitted > row.amount:
            return _failed(Reason.CAPTURE_EXCEEDS_AUTHORIZATION, row)
        return _done(
            ledger_rows.update(
                self.store,
                row,
                status=RemoteStatus.CAPTURED,
                settled_amount=fitted,
                capture_key=capture_key,
            )
        )

    @writes
    def void(self, transaction_id: str, *, void_key: str = "") -> Verdict:
        """Take back an authorization, charge, capture or refund that is not settled yet.

        Returns:
            Failed: ``not_found``, ``already_voided``, ``already_settled``, ``not_voidable``.
        """
        row = ledger_rows.find(self.store, transaction_id)
        if row is None:
            return _failed(Reason.NOT_FOUND)
        row = self._lapsed(row)
        if row.status not in VOIDABLE:
            return _failed(NOT_VOIDABLE.get(row.status, Reason.NOT_VOIDABLE), row)
        return _done(
            ledger_rows.update(
                self.store,
                row,
                status=RemoteStatus.VOIDED,
                settled_amount=None,
                void_key=void_key,
            )
        )

    @writes
    def refund(
        self,
        transaction_id: str,
        amount: Decimal | None = None,
        *,
        currency: str = "",
        last_4: str = "",
        customer_id: str = "",
        card_id: str = "",
        operation_key: str = "",
        order: Order = NO_ORDER,
        duplicate_window: int | None = None,
    ) -> Verdict:
        """Give back ``amount`` of what was settled, or all that is left, in a new row.

        Args:
            currency, last_4, customer_id, card_id: of the original; those given must match.
            duplicate_window: seconds in which the same refund of the same payment is refused; 0
                is off, None the account's.

        Returns:
            Failed: ``not_found``, ``not_refundable`` (too old is one reason),
            ``refund_wrong_card``, ``refund_not_settled``, ``invalid_currency``,
            ``invalid_amount``, ``refund_exceeds``; ``duplicate`` with the original refund.
        """
        parent = ledger_rows.find(self.store, transaction_id)
        if parent is None:
            return _failed(Reason.NOT_FOUND)
        given = {"last_4": last_4, "customer_id": customer_id, "card_id": card_id}
        reason = _refund_refusal(parent, given, self.clock.now())
        if reason is not None:
            return _failed(reason, parent)
        if currency not in ("", parent.currency):
            return _failed(Reason.INVALID_CURRENCY, parent)
        left = self._left_to_refund(parent)
        fitted = ledger_rows.exact(left if amount is None else amount, parent.currency)
        if fitted is None:
            # Nothing is left, which is no amount either: but the caller named none.
            reason = Reason.REFUND_EXCEEDS if amount is None else Reason.INVALID_AMOUNT
            return _failed(reason, parent)
        window = self.account.duplicate_window if duplicate_window is None else duplicate_window
        compared = [window, "refund", parent.id, str(fitted), order.invoice]
        signature = fingerprint(json.dumps(compared), self._key)
        since = self.clock.now() - datetime.timedelta(seconds=window)
        original = ledger_rows.original(self.store, signature, since) if window else None
        if original is not None:
            return _failed(Reason.DUPLICATE, original)
        if fitted > left:
            return _failed(Reason.REFUND_EXCEEDS, parent)
        return _done(self._record_refund(parent, fitted, operation_key, order, signature))

    @writes
    def decide_review(self, transaction_id: str, *, approve: bool) -> Verdict:
        """Decide the review of a held payment.

        Returns:
            Approved where a decision was made, whichever it was: the row's status tells it.
            Failed: ``not_found``, ``not_held``.
        """
        row = ledger_rows.find(self.store, transaction_id)
        if row is None:
            return _failed(Reason.NOT_FOUND)
        row = self._lapsed(row)
        if row.status is not RemoteStatus.HELD:
            return _failed(Reason.NOT_HELD, row)
        decide = ledger_rows.let_through if approve else ledger_rows.decline
        return _done(decide(self.store, row))

    # -- Helpers -----------------------------------------------------------------------------

    def _left_to_refund(self, parent: LedgerRow) -> Decimal:
        refunded = self.store.value(
            "SELECT coalesce(sum(units), 0) FROM ledger WHERE parent_id = ? AND parent_id <> ''"
            " AND kind = 'refund' AND status IN ('captured', 'settled')",
            (parent.id,),
        )
        settled = parent.settled_amount or Decimal(0)
        return EXACT.subtract(settled, from_units(refunded, DECIMAL_PLACES))

    def _record_refund(
        self, parent: LedgerRow, amount: Decimal, operation_key: str, order: Order, signature: str
    ) -> LedgerRow:
        refund = LedgerRow(
            id=self.store.next_id("transaction"),
            kind=RowKind.REFUND,
            status=RemoteStatus.CAPTURED,
            amount=amount,
            currency=parent.currency,
            submitted_at=self.clock.now(),
            settled_amount=amount,
            requested_amount=amount,
            operation_key=operation_key,
            parent_id=parent.id,
            customer_id=parent.customer_id,
            card_id=parent.card_id,
            last_4=parent.last_4,
            brand=parent.brand,
            issuer_number=parent.issuer_number,
            month=parent.month,
            year=parent.year,
            billing=parent.billing,
            **ledger_rows.of_order(order),
        )
        ledger_rows.insert(self.store, refund, signature)
        return refund


def _done(row: LedgerRow) -> Verdict:
    return Verdict(Outcome.APPROVED, row, row.avs, row.cvv)


def _failed(reason: Reason, row: LedgerRow | None = None) -> Verdict:
    return Verdict(Outcome.FAILED, row, reason=reason)


def _capture_refusal(row: LedgerRow) -> Reason | None:
    if row.kind in (RowKind.REFUND, RowKind.VALIDATION):
        return Reason.NOT_CAPTURABLE
    if row.status is RemoteStatus.AUTHORIZED:
        return None
    return NOT_CAPTURABLE.get(row.status, Reason.NOT_CAPTURABLE)


def _refund_refusal(
    parent: LedgerRow, given: dict[str, str], now: datetime.datetime
) -> Reason | None:
    if parent.kind in (RowKind.REFUND, RowKind.VALIDATION):
        return Reason.NOT_REFUNDABLE
    if any(value and value != getattr(parent, name) for name, value in given.items()):
        return Reason.REFUND_WRONG_CARD
    if parent.status in NOT_SETTLED:
        return Reason.REFUND_NOT_SETTLED
    too_old = parent.settled_at is not None and parent.settled_at + REFUND_LIFE <= now
    if too_old or parent.status is not RemoteStatus.SETTLED:
        return Reason.NOT_REFUNDABLE
    return None
