"""Controls for payments that the card's holder has to confirm: what he does, or refuses to do."""

from __future__ import annotations

from django_dinero.enums import RemoteStatus
from django_dinero.sandbox.bank import ledger_rows
from django_dinero.sandbox.bank.base import BankBase
from django_dinero.sandbox.bank.enums import Reason
from django_dinero.sandbox.bank.records import BankRefusal, LedgerRow
from django_dinero.sandbox.bank.store import writes


class Actions(BankBase):
    """Ends the wait of a payment that requires an action. It lapses a day after it was asked for.

    The address that the merchant was given leads nowhere: a test ends the action by these.
    """

    @writes
    def finish_action(self, transaction_id: str) -> LedgerRow:
        """Let the card's holder confirm: the payment is taken, or authorized.

        Raises:
            BankRefusal: ``not_found``, ``no_action`` (also when it has expired).
        """
        row = self._waiting(transaction_id)
        return ledger_rows.let_through(self.store, row, **ledger_rows.approval(row.id))

    @writes
    def refuse_action(self, transaction_id: str) -> LedgerRow:
        """Let the card's holder fail or refuse to confirm: the payment is declined.

        Raises:
            BankRefusal: ``not_found``, ``no_action`` (also when it has expired).
        """
        return ledger_rows.decline(self.store, self._waiting(transaction_id))

    def _waiting(self, transaction_id: str) -> LedgerRow:
        row = ledger_rows.find(self.store, transaction_id)
        if row is None:
            raise BankRefusal(Reason.NOT_FOUND)
        row = self._lapsed(row)
        if row.status is not RemoteStatus.REQUIRES_ACTION:
            raise BankRefusal(Reason.NO_ACTION, row=row)
        return row
