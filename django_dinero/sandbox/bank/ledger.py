"""What the bank's ledger tells, and what a test makes happen in it."""

from __future__ import annotations

import datetime
from typing import Final

from django_dinero.enums import RemoteStatus
from django_dinero.sandbox.bank import ledger_rows
from django_dinero.sandbox.bank.base import BankBase
from django_dinero.sandbox.bank.clock import moment, stamp
from django_dinero.sandbox.bank.enums import Reason
from django_dinero.sandbox.bank.followups import AUTHORIZATION_LIFE
from django_dinero.sandbox.bank.records import BankRefusal, Batch, Entry
from django_dinero.sandbox.bank.store import reads, writes

VALIDATIONS: Final = "kind <> 'validation'"


class Ledger(BankBase):
    """Reading the ledger; settling it; what cardholders' banks do to it."""

    @reads
    def retrieve_transaction(self, transaction_id: str) -> Entry:
        """Return one entry.

        Raises:
            BankRefusal: ``not_found``.
        """
        entry = ledger_rows.find(self.store, transaction_id)
        if entry is None:
            raise BankRefusal(Reason.NOT_FOUND)
        return entry

    @reads
    def transactions(
        self,
        *,
        operation_key: str | None = None,
        capture_key: str | None = None,
        void_key: str | None = None,
        invoice: str | None = None,
        customer_id: str | None = None,
        card_id: str | None = None,
        batch_id: str | None = None,
        parent_id: str | None = None,
        since: datetime.datetime | None = None,
        after: str = "0",
        limit: int = -1,
        validations: bool = False,
    ) -> tuple[Entry, ...]:
        """Return the entries that match all that is given, by id.

        Args:
            since: submitted then or later, by the bank's clock.
            after: only ids behind this one: the last of the page before.
            limit: at most so many; -1 for all.
            validations: also what live card checks left behind.
        """
        wanted = {
            "operation_key": operation_key,
            "capture_key": capture_key,
            "void_key": void_key,
            "invoice": invoice,
            "customer_id": customer_id,
            "card_id": card_id,
            "batch_id": batch_id,
            "parent_id": parent_id,
        }
        where, values = ["id > ?"], [after]
        for column, value in wanted.items():
            if value is not None:
                # The indexes leave empty values out; the second term lets SQLite use them.
                where.append(f"{column} = ? AND {column} <> ''")
                values.append(value)
        if since is not None:
            where, values = [*where, "submitted_at >= ?"], [*values, stamp(since)]
        if not validations:
            where.append(VALIDATIONS)
        return self._select(where, values, limit)

    @reads
    def unsettled(
        self,
        *,
        held_only: bool = False,
        after: str = "0",
        limit: int = -1,
        validations: bool = False,
    ) -> tuple[Entry, ...]:
        """Return what no batch has taken up: authorized, captured, held, and what was declined
        or voided since the last one; ``validations``: also what live card checks left behind.
        """
        statuses = "'held'" if held_only else "'authorized','captured','held','declined','voided'"
        where = ["batch_id = ''", f"status IN ({statuses})", "id > ?"]
        if not validations:
            where.append(VALIDATIONS)
        return self._select(where, [after], limit)

    @reads
    def batches(self, since: datetime.datetime | None = None) -> tuple[Batch, ...]:
        """Return the batches settled at ``since`` or later, the oldest first."""
        rows = self.store.rows(
            "SELECT * FROM batches WHERE settled_at >= ? ORDER BY id",
            (stamp(since) if since else "",),
        )
        return tuple(
            Batch(id=str(row["id"]), settled_at=moment(row["settled_at"]), count=row["count"])
            for row in rows
        )

    # -- Test controls -----------------------------------------------------------------------

    @writes
    def settle_batch(self) -> Batch:
        """Settle what is captured, refunds too, in a new batch; let old authorizations lapse.

        Returns:
            The batch; ``count`` is what was settled in it. It takes up the declined and voided
            ones as well. Without an id where there was nothing at all.
        """
        now = self.clock.now()
        self.store.execute(
            "UPDATE ledger SET status = 'expired' WHERE batch_id = ''"
            " AND status IN ('authorized', 'held') AND submitted_at <= ?",
            (stamp(now - AUTHORIZATION_LIFE),),
        )
        batch_id = self.store.next_id("batch")
        closed = self.store.execute(
            "UPDATE ledger SET batch_id = ? WHERE batch_id = '' AND status IN"
            " ('declined', 'voided')",
            (batch_id,),
        )
        count = self.store.execute(
            "UPDATE ledger SET status = 'settled', batch_id = ?, settled_at = ?"
            " WHERE batch_id = '' AND status = 'captured'",
            (batch_id, stamp(now)),
        )
        if not closed and not count:
            return Batch(id="", settled_at=now)
        values = {"id": int(batch_id), "settled_at": stamp(now), "count": count}
        self.store.insert("batches", values)
        return Batch(id=batch_id, settled_at=now, count=count)

    def chargeback(self, transaction_id: str) -> Entry:
        """Let the cardholder dispute a settled payment, and win.

        Raises:
            BankRefusal: ``not_found``, ``not_settled``.
        """
        return self._reverse(transaction_id, RemoteStatus.CHARGED_BACK)

    def return_item(self, transaction_id: str) -> Entry:
        """Let a settled payment come back unpaid, as an electronic check can days later.

        Raises:
            BankRefusal: ``not_found``, ``not_settled``.
        """
        return self._reverse(transaction_id, RemoteStatus.RETURNED)

    # -- Helpers -----------------------------------------------------------------------------

    @writes
    def _reverse(self, transaction_id: str, status: RemoteStatus) -> Entry:
        entry = self.retrieve_transaction(transaction_id)
        if entry.status is not RemoteStatus.SETTLED or entry.parent_id:
            raise BankRefusal(Reason.NOT_SETTLED, entry=entry)
        return ledger_rows.update(self.store, entry, status=status)

    def _select(self, where: list[str], values: list[str], limit: int) -> tuple[Entry, ...]:
        sql = f"SELECT * FROM ledger WHERE {' AND '.join(where)} ORDER BY id LIMIT ?"  # noqa: S608
        return tuple(ledger_rows.read(row) for row in self.store.rows(sql, [*values, limit]))
