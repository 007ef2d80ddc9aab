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

    The address that the merchant was given leads nowhere by itself: a test ends the action by
    these. A bank that is served has a page (:mod:`django_dinero.sandbox.http.action_page`).
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

    def waiting_for(self, name: str) -> LedgerRow | None:
        """Return the payment that waits for an action, None where none does (any more).

        Args:
            name: the last part of the action's address.
        """
        with self.store.reading():
            rows = self.store.rows(
                "SELECT * FROM ledger WHERE status = ?", (RemoteStatus.REQUIRES_ACTION.value,)
            )
        found = (row for row in map(ledger_rows.read, rows) if ledger_rows.action_name(row) == name)
        return next(found, None)

    def _waiting(self, transaction_id: str) -> LedgerRow:
        row = ledger_rows.find(self.store, transaction_id)
        if row is None:
            raise BankRefusal(Reason.NOT_FOUND)
        row = self._lapsed(row)
        if row.status is not RemoteStatus.REQUIRES_ACTION:
            raise BankRefusal(Reason.NO_ACTION, row=row)
        return row
