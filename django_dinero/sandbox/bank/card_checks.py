"""Checks of a card before the vault stores it."""

from __future__ import annotations

from decimal import Decimal

from django_dinero.enums import RemoteStatus
from django_dinero.sandbox.bank import ledger_rows
from django_dinero.sandbox.bank.base import BankBase
from django_dinero.sandbox.bank.card_facts import CardFacts
from django_dinero.sandbox.bank.enums import Outcome, Reason, RowKind, Validation
from django_dinero.sandbox.bank.records import BankRefusal, LedgerRow, Verdict
from django_dinero.sandbox.bank.triggers import (
    ZERO_AMOUNT_BRANDS,
    Assessment,
    assess,
    form_errors,
    lacks_address,
)

#: What a live check authorizes where it cannot be nothing, as Authorize.Net does.
SMALLEST = Decimal("0.01")


class CardChecks(BankBase):
    """The checks that run before a card is stored, or when one is asked for."""

    def _validate(self, card: CardFacts, mode: Validation) -> Verdict | None:
        """Return what the check says of the card; None where none was asked for."""
        if mode is Validation.NONE:
            return None
        errors = form_errors(card, self.clock.now().date())
        if errors:
            return Verdict(Outcome.FAILED, reason=errors[0], also=errors[1:])
        if mode is Validation.TEST:
            return Verdict(Outcome.APPROVED)
        by_zero = card.brand in ZERO_AMOUNT_BRANDS
        if mode is Validation.ADDRESSED and by_zero and lacks_address(card):
            return Verdict(Outcome.FAILED, reason=Reason.MISSING_ADDRESS)
        assessment = assess(card, self.account)
        row = self._record_validation(card, assessment)
        outcome = Outcome.DECLINED if assessment.reason else Outcome.APPROVED
        return Verdict(outcome, row, assessment.avs, assessment.cvv, assessment.reason)

    def _validated(self, card: CardFacts, mode: Validation) -> Verdict | None:
        """Like :meth:`_validate`, but raise the refusal of a card that failed."""
        verdict = self._validate(card, mode)
        if verdict is not None and verdict.reason is not None:
            raise BankRefusal(verdict.reason, verdict=verdict, row=verdict.row)
        return verdict

    def _record_validation(self, card: CardFacts, assessment: Assessment) -> LedgerRow:
        row_id = self.store.next_id("transaction")
        zero = card.brand in ZERO_AMOUNT_BRANDS
        reason: Reason | None = assessment.reason
        row = LedgerRow(
            id=row_id,
            kind=RowKind.VALIDATION,
            status=RemoteStatus.DECLINED if reason else RemoteStatus.VOIDED,
            amount=Decimal("0.00") if zero else SMALLEST,
            currency=self.account.currency,
            submitted_at=self.clock.now(),
            avs=assessment.avs,
            cvv=assessment.cvv,
            reason=reason,
            **({} if reason else ledger_rows.approval(row_id)),
            **ledger_rows.of_card(card),
        )
        ledger_rows.insert(self.store, row)
        return row
