"""The bank's verbs about an earlier payment: capture, void, refund, and the review of held ones."""

from __future__ import annotations

import datetime
import json
from decimal import Decimal
from typing import Final

from django_dinero.sandbox import entries
from django_dinero.sandbox.base import BankBase
from django_dinero.sandbox.charges import NO_ORDER
from django_dinero.sandbox.records import (
    Entry,
    Kind,
    Order,
    Outcome,
    Reason,
    Status,
    Verdict,
)
from django_dinero.sandbox.schema import UNITS
from django_dinero.sandbox.sources import fingerprint
from django_dinero.sandbox.store import writes

#: How long an authorization can be captured (about 30 days at Authorize.Net).
AUTHORIZATION_LIFE: Final = datetime.timedelta(days=30)
#: How long after its settlement a payment can be refunded.
REFUND_LIFE: Final = datetime.timedelta(days=180)

NOT_CAPTURABLE: Final = {
    Status.captured: Reason.already_captured,
    Status.settled: Reason.already_captured,
    Status.returned: Reason.already_captured,
    Status.charged_back: Reason.already_captured,
    Status.voided: Reason.already_voided,
    Status.held: Reason.held,
    Status.expired: Reason.authorization_expired,
}
NOT_VOIDABLE: Final = {
    Status.voided: Reason.already_voided,
    Status.settled: Reason.already_settled,
    Status.returned: Reason.already_settled,
    Status.charged_back: Reason.already_settled,
}
VOIDABLE: Final = frozenset({Status.authorized, Status.captured, Status.held})
#: Waits for its batch, or for somebody: it can be voided instead.
NOT_SETTLED: Final = VOIDABLE


class FollowUps(BankBase):
    """What happens to a payment later.

    Each returns a verdict: ``approved`` with the entry as it is now, or ``failed`` with the reason
    and the entry that it was about (None for ``not_found``).
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
        """Take what was authorized, all or less of it, once. The entry keeps its id.

        Returns:
            Failed: ``not_found``, ``not_capturable``, ``already_captured``, ``already_voided``,
            ``held``, ``authorization_expired``, ``invalid_currency`` (one was given, and it is
            another than the original's), ``invalid_amount``, ``capture_exceeds_authorization``.
        """
        entry = entries.find(self.store, transaction_id)
        if entry is None:
            return _failed(Reason.not_found)
        entry = self._lapsed(entry)
        reason = _capture_refusal(entry)
        if reason is not None:
            return _failed(reason, entry)
        if currency not in ("", entry.currency):
            return _failed(Reason.invalid_currency, entry)
        fitted = entries.exact(entry.amount if amount is None else amount, entry.currency)
        if fitted is None:
            return _failed(Reason.invalid_amount, entry)
        if fitted > entry.amount:
            return _failed(Reason.capture_exceeds_authorization, entry)
        return _done(
            entries.update(
                self.store,
                entry,
                status=Status.captured,
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
        entry = entries.find(self.store, transaction_id)
        if entry is None:
            return _failed(Reason.not_found)
        entry = self._lapsed(entry)
        if entry.status not in VOIDABLE:
            return _failed(NOT_VOIDABLE.get(entry.status, Reason.not_voidable), entry)
        return _done(
            entries.update(
                self.store, entry, status=Status.voided, settled_amount=None, void_key=void_key
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
        """Give back what was settled, all that is left of it or ``amount``. A new entry.

        Args:
            currency, last_4, customer_id, card_id: of the original; those given must match.
            duplicate_window: seconds in which the same refund of the same payment is refused; 0
                is off, None the account's.

        Returns:
            Failed: ``not_found``, ``not_refundable`` (too old is one reason),
            ``refund_wrong_card``, ``refund_not_settled``, ``invalid_currency``,
            ``invalid_amount``, ``refund_exceeds``; ``duplicate`` with the original refund.
        """
        parent = entries.find(self.store, transaction_id)
        if parent is None:
            return _failed(Reason.not_found)
        given = {"last_4": last_4, "customer_id": customer_id, "card_id": card_id}
        reason = _refund_refusal(parent, given, self.clock.now())
        if reason is not None:
            return _failed(reason, parent)
        if currency not in ("", parent.currency):
            return _failed(Reason.invalid_currency, parent)
        left = self._left_to_refund(parent)
        fitted = entries.exact(left if amount is None else amount, parent.currency)
        if fitted is None:
            # Nothing left is no amount either, but the caller gave none.
            reason = Reason.refund_exceeds if amount is None else Reason.invalid_amount
            return _failed(reason, parent)
        window = self.account.duplicate_window if duplicate_window is None else duplicate_window
        compared = [window, "refund", parent.id, str(fitted), order.invoice]
        signature = fingerprint(json.dumps(compared), self._key)
        since = self.clock.now() - datetime.timedelta(seconds=window)
        original = entries.original(self.store, signature, since) if window else None
        if original is not None:
            return _failed(Reason.duplicate, original)
        if fitted > left:
            return _failed(Reason.refund_exceeds, parent)
        return _done(self._record_refund(parent, fitted, operation_key, order, signature))

    @writes
    def resolve_held(self, transaction_id: str, *, approve: bool) -> Verdict:
        """End the review of a held payment: let it through, or decline it.

        Returns:
            Approved when the review is over, either way: the entry's status tells which.
            Failed: ``not_found``, ``not_held``.
        """
        entry = entries.find(self.store, transaction_id)
        if entry is None:
            return _failed(Reason.not_found)
        entry = self._lapsed(entry)
        if entry.status is not Status.held:
            return _failed(Reason.not_held, entry)
        if not approve:
            changed = entries.update(
                self.store, entry, status=Status.declined, reason=Reason.declined
            )
        elif entry.kind is Kind.charge:
            changed = entries.update(
                self.store, entry, status=Status.captured, settled_amount=entry.amount, reason=None
            )
        else:
            changed = entries.update(self.store, entry, status=Status.authorized, reason=None)
        return _done(changed)

    # -- Helpers -----------------------------------------------------------------------------

    def _lapsed(self, entry: Entry) -> Entry:
        too_old = entry.submitted_at + AUTHORIZATION_LIFE <= self.clock.now()
        if entry.status in (Status.authorized, Status.held) and too_old:
            return entries.update(self.store, entry, status=Status.expired)
        return entry

    def _left_to_refund(self, parent: Entry) -> Decimal:
        refunded = self.store.value(
            "SELECT coalesce(sum(units), 0) FROM ledger WHERE parent_id = ? AND parent_id <> ''"
            " AND kind = 'refund' AND status IN ('captured', 'settled')",
            (parent.id,),
        )
        return (parent.settled_amount or Decimal(0)) - Decimal(refunded) / UNITS

    def _record_refund(
        self, parent: Entry, amount: Decimal, operation_key: str, order: Order, signature: str
    ) -> Entry:
        refund = Entry(
            id=self.store.next_id("transaction"),
            kind=Kind.refund,
            status=Status.captured,
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
            month=parent.month,
            year=parent.year,
            billing=parent.billing,
            **entries.of_order(order),
        )
        entries.insert(self.store, refund, signature)
        return refund


def _done(entry: Entry) -> Verdict:
    return Verdict(Outcome.approved, entry, entry.avs, entry.cvv)


def _failed(reason: Reason, entry: Entry | None = None) -> Verdict:
    return Verdict(Outcome.failed, entry, reason=reason)


def _capture_refusal(entry: Entry) -> Reason | None:
    if entry.kind in (Kind.refund, Kind.validation):
        return Reason.not_capturable
    if entry.status is Status.authorized:
        return None
    return NOT_CAPTURABLE.get(entry.status, Reason.not_capturable)


def _refund_refusal(parent: Entry, given: dict[str, str], now: datetime.datetime) -> Reason | None:
    if parent.kind in (Kind.refund, Kind.validation):
        return Reason.not_refundable
    if any(value and value != getattr(parent, name) for name, value in given.items()):
        return Reason.refund_wrong_card
    if parent.status in NOT_SETTLED:
        return Reason.refund_not_settled
    too_old = parent.settled_at is not None and parent.settled_at + REFUND_LIFE <= now
    if too_old or parent.status is not Status.settled:
        return Reason.not_refundable
    return None
