"""The verbs that move money for the first time: charge, authorize, capture only, credit."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final

from django_dinero.enums import RemoteStatus
from django_dinero.sandbox.bank import ledger_rows
from django_dinero.sandbox.bank.base import BankBase
from django_dinero.sandbox.bank.card_facts import CardFacts, fingerprint
from django_dinero.sandbox.bank.enums import Outcome, Reason, RowKind
from django_dinero.sandbox.bank.records import (
    LedgerRow,
    Order,
    PlainCard,
    Token,
    VaultCard,
    Verdict,
)
from django_dinero.sandbox.bank.store import writes
from django_dinero.sandbox.bank.triggers import (
    Assessment,
    approved_amount,
    assess,
    balance,
    form_errors,
    zero_amount_error,
)

#: The fields of the billing address that the duplicate window compares (Authorize.Net's list).
COMPARED: Final = (
    *("first_name", "last_name", "company", "address", "city", "state", "zip", "country"),
)
NO_ORDER: Final = Order()
#: Why a row is as it is, where the assessment of the card gave no reason.
REASONS: Final = {
    Outcome.DECLINED: Reason.DECLINED,
    Outcome.HELD: Reason.HELD,
    Outcome.PARTIAL: Reason.PARTIAL_APPROVAL,
    Outcome.REQUIRES_ACTION: Reason.ACTION_REQUIRED,
}
#: The card's bank is not asked: its approval was given elsewhere, or is not needed.
UNASKED: Final = (RowKind.CAPTURE_ONLY, RowKind.REFUND)
#: The card's bank has given no approval.
UNAPPROVED: Final = (Outcome.DECLINED, Outcome.REQUIRES_ACTION)
STATUSES: Final = {
    Outcome.DECLINED: RemoteStatus.DECLINED,
    Outcome.HELD: RemoteStatus.HELD,
    Outcome.REQUIRES_ACTION: RemoteStatus.REQUIRES_ACTION,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Payment:
    """What is asked for; see :meth:`Charges.charge`."""

    kind: RowKind
    source: PlainCard | Token | VaultCard
    amount: Decimal
    currency: str
    operation_key: str
    order: Order
    duplicate_window: int | None
    can_redirect: bool = True
    auth_code: str = ""


class Charges(BankBase):
    """Charges, authorizations, credits, and the control that holds charges."""

    def charge(
        self,
        source: PlainCard | Token | VaultCard,
        amount: Decimal,
        *,
        operation_key: str = "",
        order: Order = NO_ORDER,
        currency: str = "",
        duplicate_window: int | None = None,
        capture: bool = True,
        can_redirect: bool = True,
    ) -> Verdict:
        """Take money, or only authorize it.

        Args:
            source: the card.
            amount: in major units.
            operation_key: kept with the row. It does not make the call idempotent.
            order: what the merchant says of the payment.
            currency: ISO 4217; empty for the account's.
            duplicate_window: seconds in which the same payment is refused; 0 is off, None the
                account's.
            capture: False only authorizes, for a later :meth:`capture`.
            can_redirect: False where nobody can send the card's holder to a page: a card that
                asks for that is declined.

        Returns:
            ``approved``, ``declined`` and ``held`` with a new row; ``requires_action`` with one and
            with the action; ``partial`` with a row of less than was asked for; ``failed`` without a
            new one, for ``invalid_amount``, ``invalid_currency``, ``invalid_number``,
            ``expired``, and ``duplicate`` with the original row. An authorization may be of 0.00:
            that fails with ``missing_address`` and, by the card's network, ``zero_amount``.

        Raises:
            BankRefusal: ``customer_not_found``, ``card_not_found``, ``token_invalid``,
                ``token_used``, ``token_expired``.
        """
        payment = _Payment(
            kind=RowKind.CHARGE if capture else RowKind.AUTHORIZATION,
            source=source,
            amount=amount,
            currency=currency,
            operation_key=operation_key,
            order=order,
            duplicate_window=duplicate_window,
            can_redirect=can_redirect,
        )
        return self._pay(payment)

    def authorize(
        self,
        source: PlainCard | Token | VaultCard,
        amount: Decimal,
        *,
        operation_key: str = "",
        order: Order = NO_ORDER,
        currency: str = "",
        duplicate_window: int | None = None,
        can_redirect: bool = True,
    ) -> Verdict:
        """Authorize an amount for a later :meth:`capture`; see :meth:`charge`."""
        return self.charge(
            source,
            amount,
            operation_key=operation_key,
            order=order,
            currency=currency,
            duplicate_window=duplicate_window,
            capture=False,
            can_redirect=can_redirect,
        )

    def capture_only(
        self,
        source: PlainCard | Token | VaultCard,
        amount: Decimal,
        *,
        auth_code: str,
        operation_key: str = "",
        order: Order = NO_ORDER,
        currency: str = "",
        duplicate_window: int | None = None,
    ) -> Verdict:
        """Take what the card's bank has approved elsewhere, by telephone for instance.

        Args:
            auth_code: the code of that approval, kept as it is.
            source, amount, operation_key, order, currency, duplicate_window: see :meth:`charge`.

        Returns:
            ``approved`` with a new row, or ``failed`` as a charge does.

        Raises:
            BankRefusal: as :meth:`charge`.
        """
        payment = _Payment(
            kind=RowKind.CAPTURE_ONLY,
            source=source,
            amount=amount,
            currency=currency,
            operation_key=operation_key,
            order=order,
            duplicate_window=duplicate_window,
            auth_code=auth_code,
        )
        return self._pay(payment)

    def credit(
        self,
        source: PlainCard | Token | VaultCard,
        amount: Decimal,
        *,
        operation_key: str = "",
        order: Order = NO_ORDER,
        currency: str = "",
        duplicate_window: int | None = None,
    ) -> Verdict:
        """Give money to a card without a payment that it is given back for.

        Args:
            source, amount, operation_key, order, currency, duplicate_window: see :meth:`charge`.

        Returns:
            ``approved`` with a new row, a refund without a parent, or ``failed`` as a charge does.

        Raises:
            BankRefusal: as :meth:`charge`.
        """
        payment = _Payment(
            kind=RowKind.REFUND,
            source=source,
            amount=amount,
            currency=currency,
            operation_key=operation_key,
            order=order,
            duplicate_window=duplicate_window,
        )
        return self._pay(payment)

    @writes
    def hold_next(self, count: int = 1) -> None:
        """Hold for review the next payments that would have been approved.

        Raises:
            ValueError: ``count`` is less than 1.
        """
        if count < 1:
            raise ValueError("count: how many payments to hold, give 1 or more.")
        self.store.put("hold_next", str(int(self.store.get("hold_next", "0")) + count))

    # -- Steps -------------------------------------------------------------------------------

    @writes
    def _pay(self, asked: _Payment) -> Verdict:
        card = self._facts(asked.source)
        currency = asked.currency or self.account.currency
        if currency not in (self.account.currency, *self.account.currencies):
            return Verdict(Outcome.FAILED, reason=Reason.INVALID_CURRENCY)
        can_be_zero = asked.kind is RowKind.AUTHORIZATION
        fitted = ledger_rows.exact(asked.amount, currency, zero=can_be_zero)
        if fitted is None:
            return Verdict(Outcome.FAILED, reason=Reason.INVALID_AMOUNT)
        now = self.clock.now()
        errors = form_errors(card, now.date())
        if errors:
            return Verdict(Outcome.FAILED, reason=errors[0], also=errors[1:])
        reason = None if fitted else zero_amount_error(card)
        if reason is not None:
            return Verdict(Outcome.FAILED, reason=reason)
        payment = replace(asked, amount=fitted, currency=currency)
        window = asked.duplicate_window
        window = self.account.duplicate_window if window is None else window
        signature = self._signature(payment, card, window)
        since = now - datetime.timedelta(seconds=window)
        original = ledger_rows.original(self.store, signature, since)
        if window and original is not None:
            return Verdict(Outcome.FAILED, original, original.avs, original.cvv, Reason.DUPLICATE)
        return self._record(payment, card, signature, now)

    def _record(
        self, payment: _Payment, card: CardFacts, signature: str, now: datetime.datetime
    ) -> Verdict:
        unasked = payment.kind in UNASKED
        assessment = Assessment() if unasked else assess(card, self.account)
        outcome = Outcome.APPROVED if unasked else self._outcome(payment, card, assessment)
        amount = payment.amount
        if outcome in (Outcome.APPROVED, Outcome.HELD) and not unasked:
            amount = approved_amount(card, payment.amount)
        if outcome is Outcome.APPROVED and amount != payment.amount:
            outcome = Outcome.PARTIAL
        row = self._row(payment, card, amount, now, assessment, outcome)
        ledger_rows.insert(self.store, row, signature, card.fingerprint)
        return Verdict(
            outcome,
            row,
            row.avs,
            row.cvv,
            row.reason,
            balance=None if unasked else balance(card),
            action=ledger_rows.action_of(row),
        )

    def _outcome(self, payment: _Payment, card: CardFacts, assessment: Assessment) -> Outcome:
        if assessment.reason is not None:
            return Outcome.DECLINED
        if card.fingerprint == self._action_card:
            return Outcome.REQUIRES_ACTION if payment.can_redirect else Outcome.DECLINED
        return Outcome.HELD if self._held() else Outcome.APPROVED

    def _row(
        self,
        payment: _Payment,
        card: CardFacts,
        amount: Decimal,
        now: datetime.datetime,
        assessment: Assessment,
        outcome: Outcome,
    ) -> LedgerRow:
        row_id = self.store.next_id("transaction")
        moved = outcome in (Outcome.APPROVED, Outcome.PARTIAL)
        taken = moved and payment.kind is not RowKind.AUTHORIZATION
        return LedgerRow(
            id=row_id,
            kind=payment.kind,
            status=_status(payment.kind, outcome),
            amount=amount,
            currency=payment.currency,
            submitted_at=now,
            settled_amount=amount if taken else None,
            requested_amount=payment.amount,
            operation_key=payment.operation_key,
            avs=assessment.avs,
            cvv=assessment.cvv,
            reason=assessment.reason or REASONS.get(outcome),
            **ledger_rows.of_card(card),
            **ledger_rows.of_order(payment.order),
            **_approval(payment, outcome, row_id),
        )

    def _held(self) -> bool:
        waiting = int(self.store.get("hold_next", "0"))
        if waiting:
            self.store.put("hold_next", str(waiting - 1))
        return waiting > 0

    def _signature(self, payment: _Payment, card: CardFacts, window: int) -> str:
        compared = [window, card.fingerprint, card.month, card.year, payment.kind]
        compared += [str(payment.amount), payment.currency, payment.order.invoice]
        compared += [card.customer_id, payment.order.customer_reference]
        compared += [card.billing.get(name, "") for name in COMPARED]
        return fingerprint(json.dumps(compared), self._key)


def _status(kind: RowKind, outcome: Outcome) -> RemoteStatus:
    if outcome in STATUSES:
        return STATUSES[outcome]
    waits = kind is RowKind.AUTHORIZATION
    return RemoteStatus.AUTHORIZED if waits else RemoteStatus.CAPTURED


def _approval(payment: _Payment, outcome: Outcome, row_id: str) -> Mapping[str, Any]:
    if payment.kind in UNASKED:
        return {"auth_code": payment.auth_code}
    return {} if outcome in UNAPPROVED else ledger_rows.approval(row_id)
