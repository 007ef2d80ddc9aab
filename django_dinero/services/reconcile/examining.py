"""Payments that both sides have: brought up to date here, and looked at closely where in doubt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC

from django_dinero.db.queries import primary
from django_dinero.enums import TransactionKind
from django_dinero.exceptions import InvalidTransactionError
from django_dinero.gateways.types import RemoteTransaction
from django_dinero.models.difference import DifferenceKind
from django_dinero.models.mode import Account
from django_dinero.models.transaction import Transaction
from django_dinero.models.transaction_status import UNDECIDED
from django_dinero.money import plain_amount
from django_dinero.services import ledger, pull
from django_dinero.services.errors import read_transaction
from django_dinero.services.ledger import statuses
from django_dinero.services.reconcile.books import Books
from django_dinero.services.reconcile.differences import Found
from django_dinero.services.reconcile.findings import Findings
from django_dinero.services.reconcile.patience import Patience
from django_dinero.services.reconcile.phase import Run
from django_dinero.services.reconcile.verdicts import (
    Local,
    Verdict,
    compare,
    counted_there,
    locals_of,
)

Pair = tuple[Local, RemoteTransaction]


class Examiner:
    """Brings rows up to date with the gateway, and writes down what contradicts it."""

    def __init__(self, run: Run, findings: Findings, books: Books) -> None:
        self.run = run
        self.findings = findings
        self.books = books
        self.patience = Patience(run)
        self._fetched = 0

    def fetch(self, transaction_id: str) -> RemoteTransaction | None:
        """Ask the gateway for one transaction; None if it says that it has none.

        Raises:
            DineroError: it gave no answer.
        """
        gateway = self.run.gateway
        self._fetched += 1
        self.run.progress("payments", self._fetched, None)  # which keeps the run
        try:
            return read_transaction(gateway, transaction_id)
        except InvalidTransactionError:
            return None

    def compare_listed(self, pairs: Sequence[Pair]) -> None:
        """Compare payments to a part of the gateway's list, read before the rows here."""
        verdicts = [(pair, compare(*pair, detailed=False)) for pair in pairs]
        for (local, remote), verdict in verdicts:
            if verdict is Verdict.AGREES:
                self.count(local, remote)
        self._write_listed_states([pair for pair, verdict in verdicts if verdict is Verdict.BEHIND])
        for (local, _remote), verdict in verdicts:
            if verdict is Verdict.UNCLEAR:
                with self.patience.about_one():
                    self.examine(local.row.pk)

    def _write_listed_states(self, pairs: Sequence[Pair]) -> None:
        """Write what the gateway's list tells, as ``write_remote_state`` does for one row."""
        changes = []
        for local, remote in pairs:
            standing = ledger.RemoteStanding.of(remote)
            if local.row.status != standing.status:
                self.run.counts[f"now_{standing.status}"] += 1
            changes += [(row, standing) for row in (local.row, *local.taken)]
        lost = set[int]()
        if not self.run.dry_run:
            lost = {row.pk for row in ledger.write_standings(changes)}
        for local, remote in pairs:
            if lost.intersection(row.pk for row in (local.row, *local.captures)):
                self.examine(local.row.pk)
            else:
                self.count(local, remote)

    def examine(self, pk: int) -> bool:
        """Fetch one payment, and compare it closely; return False if the gateway has none.

        Its rows are read before the gateway is asked. What is written meanwhile is newer.
        """
        row = primary(Transaction).filter(pk=pk).first()
        if row is None:  # a rollback took it
            return True
        local = self._local(row)
        remote = self.fetch(row.transaction_id or "")
        if remote is None:
            return False
        verdict = compare(local, remote, detailed=True)
        if verdict is Verdict.BEHIND or (verdict is Verdict.AMOUNT and row.status in UNDECIDED):
            # A decision about another amount is left to a person there.
            local = self._update(local, remote)
        contradicts = verdict in (Verdict.AMOUNT, Verdict.STATUS)
        if not contradicts or self.findings.add(_contradiction(verdict, local, remote)):
            self.count(local, remote)
        return True

    def _update(self, local: Local, remote: RemoteTransaction) -> Local:
        row, old = local.row, local.row.status
        if not self.run.dry_run:
            pull.write_remote_state(row, remote)
        status = statuses.FROM_REMOTE[remote.status] if self.run.dry_run else row.status
        if old != status:
            self.run.counts[f"now_{status}"] += 1
        return self._local(row)

    def _local(self, row: Transaction) -> Local:
        same = primary(Transaction).filter(
            **Account.of(row).columns, transaction_id=row.transaction_id
        )
        known = [row, *same.exclude(pk=row.pk)]
        return locals_of(known).get(row.transaction_id or "") or Local(row)

    def count(self, local: Local, remote: RemoteTransaction) -> None:
        """Add a payment to the books of both sides."""
        there = counted_there(remote, local.row.kind)
        if there and self._counts_elsewhere(local):
            return
        behind = self.run.dry_run and compare(local, remote, detailed=False) is Verdict.BEHIND
        self.books.add(
            remote.submitted_at or local.row.created_at,
            local.row.currency,
            here=there if behind else local.counted,
            there=there,
        )

    def _counts_elsewhere(self, local: Local) -> bool:
        """Say whether it is an authorization whose capture counts by itself, or will do so.

        A capture of ours that is under way is ended by its worker or by a look-up.
        """
        row = local.row
        if row.kind != TransactionKind.AUTHORIZATION or local.counted:
            return False
        if local.apart:
            return True
        under_way = pull.awaits_capture(row)
        self.run.counts["being_made"] += under_way
        return under_way

    def lacks(self, row: Transaction) -> bool:
        """Write down that the gateway does not have a payment that counts here.

        Returns:
            False if a person has explained it.
        """
        facts = {
            "gateway": self.run.gateway.name,
            "kind": str(row.kind),
            "amount": plain_amount(row.price, row.currency),
        }
        found = _about(row, DifferenceKind.MISSING_THERE, "missing_there", facts)
        return self.findings.add(replace(found, day=row.created_at.date(), amount_here=row.price))


def _contradiction(verdict: Verdict, local: Local, remote: RemoteTransaction) -> Found:
    row = local.row
    is_amount = verdict is Verdict.AMOUNT
    taken = remote.settled_amount if remote.settled_amount is not None else remote.amount
    kind = DifferenceKind.AMOUNT if is_amount else DifferenceKind.STATUS
    facts = {
        "kind": str(row.kind),
        "here": plain_amount(row.price, row.currency),
        "there": plain_amount(taken, remote.currency),
    }
    return replace(
        _about(row, kind, "contradicts", facts),
        status_here=str(row.status),
        status_there=str(statuses.FROM_REMOTE[remote.status]),
        day=remote.submitted_at.astimezone(UTC).date() if remote.submitted_at else None,
        amount_here=local.captured or row.price,
        amount_there=taken,
    )


def _about(row: Transaction, kind: DifferenceKind, reason: str, facts: Mapping[str, str]) -> Found:
    return Found(
        kind=kind,
        subject=row.transaction_id or "",
        reason=reason,
        facts=facts,
        operation_key=row.operation_key or "",
        transaction_id=row.transaction_id or "",
        customer_id=row.customer_id,
        card_id=row.card_id,
        currency=row.currency,
    )
