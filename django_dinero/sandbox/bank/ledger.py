"""Reading the ledger, and the controls by which a test moves it on."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Final

from django_dinero.enums import RemoteStatus
from django_dinero.sandbox.bank import ledger_rows
from django_dinero.sandbox.bank.base import LIVES, BankBase
from django_dinero.sandbox.bank.clock import moment, stamp
from django_dinero.sandbox.bank.enums import Reason, RowKind
from django_dinero.sandbox.bank.records import BankRefusal, Batch, LedgerRow, Page, Paging, Subtotal
from django_dinero.sandbox.bank.schema import from_units
from django_dinero.sandbox.bank.store import reads, writes

#: Leaves out what live card checks left behind.
VALIDATIONS: Final = "kind <> 'validation'"
#: Submitted, settled or taken back since a time, which is bound three times.
CHANGED: Final = (
    "(submitted_at >= ? OR settled_at >= ? OR json_extract(details, '$.reversed_at') >= ?)"
)


class Ledger(BankBase):
    """Lists of the ledger, its settlement, and what the banks of cardholders do to it."""

    @reads
    def retrieve_transaction(self, transaction_id: str) -> LedgerRow:
        """Return one row.

        Raises:
            BankRefusal: ``not_found``.
        """
        row = ledger_rows.find(self.store, transaction_id)
        if row is None:
            raise BankRefusal(Reason.NOT_FOUND)
        return row

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
        changed_since: datetime.datetime | None = None,
        after: str = "0",
        limit: int = -1,
        validations: bool = False,
    ) -> tuple[LedgerRow, ...]:
        """Return the rows that match all that is given, by id.

        Args:
            since: submitted at that time or later, by the bank's clock.
            changed_since: submitted, settled or taken back at that time or later.
            after: the last id of the page before; only higher ones are returned.
            limit: how many at most; -1 for all.
            validations: also what live card checks left behind.
        """
        where, values = _matching(
            {
                "operation_key": operation_key,
                "capture_key": capture_key,
                "void_key": void_key,
                "invoice": invoice,
                "customer_id": customer_id,
                "card_id": card_id,
                "batch_id": batch_id,
                "parent_id": parent_id,
            },
            validations=validations,
        )
        if since is not None:
            where, values = [*where, "submitted_at >= ?"], [*values, stamp(since)]
        if changed_since is not None:
            where, values = [*where, CHANGED], [*values, *[stamp(changed_since)] * 3]
        return self._select(where, values, after, limit)

    @reads
    def transactions_page(
        self,
        paging: Paging,
        *,
        customer_id: str | None = None,
        card_id: str | None = None,
        batch_id: str | None = None,
        validations: bool = False,
    ) -> Page:
        """Return a part of what :meth:`transactions` does, and how many there are in all."""
        wanted = {"customer_id": customer_id, "card_id": card_id, "batch_id": batch_id}
        return self._page(*_matching(wanted, validations=validations), paging)

    @reads
    def unsettled(
        self,
        *,
        held_only: bool = False,
        after: str = "0",
        limit: int = -1,
        validations: bool = False,
    ) -> tuple[LedgerRow, ...]:
        """Return what no batch has taken up yet, by id.

        That is what is authorized, captured or held, and what was declined or voided since the last
        batch. What still requires an action is left out: nothing has been reserved for it.

        Args:
            held_only: only what waits for a review.
            after, limit, validations: see :meth:`transactions`.
        """
        return self._select(_unsettled(held_only, validations), [], after, limit)

    @reads
    def unsettled_page(
        self, paging: Paging, *, held_only: bool = False, validations: bool = False
    ) -> Page:
        """Return a part of what :meth:`unsettled` does, and how many there are in all."""
        return self._page(_unsettled(held_only, validations), [], paging)

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

    @reads
    def batch_subtotals(self, batch_id: str) -> tuple[Subtotal, ...]:
        """Return what a batch took up, summed by brand, kind and status; no card checks."""
        where, values = _matching({"batch_id": batch_id}, validations=False)
        rows = self.store.rows(
            "SELECT json_extract(details, '$.brand') AS brand, kind, status, count(*) AS count,"  # noqa: S608
            " coalesce(sum(settled_units), 0) AS units, max(decimals) AS decimals FROM ledger"
            f" WHERE {' AND '.join(where)} GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
            values,
        )
        return tuple(
            Subtotal(
                brand=row["brand"],
                kind=RowKind(row["kind"]),
                status=RemoteStatus(row["status"]),
                count=row["count"],
                amount=from_units(row["units"], row["decimals"]),
            )
            for row in rows
        )

    # -- Test controls -----------------------------------------------------------------------

    @writes
    def settle_batch(self) -> Batch:
        """Settle what is captured, refunds included, in a new batch. What waited too long expires.

        Returns:
            The batch. It takes up declined and voided rows too, but ``count`` is of those settled.
            Its id is empty where there was nothing to take up.
        """
        now = self.clock.now()
        for status, life in LIVES.items():
            self.store.execute(
                "UPDATE ledger SET status = 'expired' WHERE batch_id = ''"
                " AND status = ? AND submitted_at <= ?",
                (status.value, stamp(now - life)),
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

    def chargeback(self, transaction_id: str) -> LedgerRow:
        """Let the cardholder dispute a settled payment, and win.

        Raises:
            BankRefusal: ``not_found``, ``not_settled``.
        """
        return self._reverse(transaction_id, RemoteStatus.CHARGED_BACK)

    def return_item(self, transaction_id: str) -> LedgerRow:
        """Let a settled payment come back unpaid, as an electronic check can after days.

        Raises:
            BankRefusal: ``not_found``, ``not_settled``.
        """
        return self._reverse(transaction_id, RemoteStatus.RETURNED)

    # -- Helpers -----------------------------------------------------------------------------

    @writes
    def _reverse(self, transaction_id: str, status: RemoteStatus) -> LedgerRow:
        row = self.retrieve_transaction(transaction_id)
        if row.status is not RemoteStatus.SETTLED or row.kind is RowKind.REFUND:
            raise BankRefusal(Reason.NOT_SETTLED, row=row)
        return ledger_rows.update(self.store, row, status=status, reversed_at=self.clock.now())

    def _select(
        self, where: list[str], values: list[str], after: str, limit: int
    ) -> tuple[LedgerRow, ...]:
        terms = " AND ".join([*where, "id > ?"])
        sql = f"SELECT * FROM ledger WHERE {terms} ORDER BY id LIMIT ?"  # noqa: S608
        rows = self.store.rows(sql, [*values, after, limit])
        return tuple(ledger_rows.read(row) for row in rows)

    def _page(self, where: list[str], values: list[str], paging: Paging) -> Page:
        terms = " AND ".join(where)
        direction = "DESC" if paging.descending else "ASC"
        order = f"submitted_at {direction}, id {direction}" if paging.by_time else f"id {direction}"
        # Ids alone are sorted and skipped: whole rows would go through the sort otherwise.
        rows = self.store.rows(
            f"SELECT * FROM ledger WHERE id IN (SELECT id FROM ledger WHERE {terms}"  # noqa: S608
            f" ORDER BY {order} LIMIT ? OFFSET ?) ORDER BY {order}",
            [*values, paging.limit, paging.offset],
        )
        total = self.store.value(f"SELECT count(*) FROM ledger WHERE {terms}", values)  # noqa: S608
        return Page(tuple(ledger_rows.read(row) for row in rows), total)


def _matching(
    wanted: Mapping[str, str | None], *, validations: bool
) -> tuple[list[str], list[str]]:
    """Return SQL terms, and their values, for columns that have a value; None is not asked for."""
    where: list[str] = [] if validations else [VALIDATIONS]
    given = {column: value for column, value in wanted.items() if value is not None}
    # The indexes leave empty values out; the second term lets SQLite use them.
    where += (f"{column} = ? AND {column} <> ''" for column in given)
    return where or ["TRUE"], list(given.values())


def _unsettled(held_only: bool, validations: bool) -> list[str]:
    statuses = "'held'" if held_only else "'authorized','captured','held','declined','voided'"
    where = ["batch_id = ''", f"status IN ({statuses})"]
    return where if validations else [*where, VALIDATIONS]
