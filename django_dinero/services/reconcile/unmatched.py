"""What the gateway has, and no row here has its id."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC
from decimal import Decimal

from django.db.models import Q

from django_dinero.db.queries import primary
from django_dinero.db.seen import Seen
from django_dinero.enums import RemoteStatus, TransactionKind
from django_dinero.exceptions import OperationInProgress
from django_dinero.gateways.types import RemoteTransaction
from django_dinero.logs import fields_of, get_logger
from django_dinero.models.difference import Difference, DifferenceKind
from django_dinero.models.operation import (
    BEING_SENT,
    Operation,
    OperationState,
)
from django_dinero.models.records import RecordedOutcome
from django_dinero.models.transaction import Transaction
from django_dinero.models.transaction_status import COUNTED
from django_dinero.money import is_storable, plain_amount
from django_dinero.services import ledger, pull
from django_dinero.services.ledger import statuses
from django_dinero.services.modes import account_of
from django_dinero.services.reconcile.differences import Found
from django_dinero.services.reconcile.examining import Examiner
from django_dinero.services.reconcile.verdicts import counted_there, takes_money

logger = get_logger("django_dinero.reconcile")

S = OperationState
#: As far as it is known, nothing came of such an operation.
NOT_MADE = (S.ABSENT, S.FAILED)
#: What our keys look like: 100 bits in base32.
OURS = re.compile(r"[A-Z2-7]{20}")
#: Refunds of nobody's that a run asks the gateway about: a list need not say what they give back,
#: and it may be a capture by an id that is not known here.
ASKED = 200
REVERSALS = (RemoteStatus.RETURNED, RemoteStatus.CHARGED_BACK)


class Unmatched:
    """Finds out whose a transaction is that has no row here, by its key."""

    def __init__(self, examiner: Examiner, seen: Seen) -> None:
        self.examiner = examiner
        self.run = examiner.run
        self.seen = seen
        #: Payments here that an entry of its own takes back.
        self.taken_back = Seen()
        self._added: set[str] = set()
        self._asked = 0
        #: By the gateway's ids: captures that were asked about, None for those of other payments.
        self._captures: dict[str, Transaction | None] = {}

    def add_captures(self, remotes: Sequence[RemoteTransaction]) -> bool:
        """Write the rows of captures that were made of authorizations here in the gateway's pages.

        What was added under its authorization's id gets its own. Refunds may name either.

        Returns:
            Whether there are any. They are compared as all other rows are.
        """
        # One with a key of ours is its operation's, and what took it back is an entry of its own.
        made_elsewhere = [
            each
            for each in remotes
            if each.kind is TransactionKind.CAPTURE
            and each.status not in REVERSALS
            and not OURS.fullmatch(each.operation_key)
        ]
        if self.run.dry_run or not made_elsewhere:
            return False
        account = account_of(self.run.gateway)
        # In one statement: other software may have made thousands.
        named = {each.parent_id for each in made_elsewhere}
        rows = primary(Transaction).filter(**account.columns, transaction_id__in=named)
        here = set(rows.values_list("transaction_id", flat=True))
        ours = [each for each in made_elsewhere if each.parent_id in here]
        written = [pull.row_of_capture(account, each) for each in ours]
        return any(written)

    def take(self, remotes: Sequence[RemoteTransaction]) -> None:
        """Take up a part of the gateway's list."""
        keys = {each.operation_key for each in remotes if OURS.fullmatch(each.operation_key)}
        known = self._operations(keys) if keys else {}
        for remote in remotes:
            if remote.status in REVERSALS and self._takes_back(remote):
                continue
            operation = known.get(remote.operation_key)
            if operation is not None:
                # A refund made in the gateway's own pages may repeat the key of its payment.
                other = not pull.may_have_made(operation, remote)
                if not (other and self._gives_back(remote)):
                    self._of_operation(operation, remote)
            elif remote.operation_key in keys and takes_money(remote):
                self._of_nobody_here(remote)
            elif not self._gives_back(remote):
                self.run.counts["foreign"] += 1

    def _operations(self, keys: set[str]) -> Mapping[str, Operation]:
        rows = Operation.objects.newest().filter(
            key__in=keys, **account_of(self.run.gateway).columns
        )
        return {row.key: row for row in rows}

    def _of_operation(self, operation: Operation, remote: RemoteTransaction) -> None:
        if operation.state in BEING_SENT:
            # Its worker writes the row, or a look-up does when the worker has died.
            self.run.counts["being_made"] += 1
        elif operation.state == S.CLOSED:
            self._of_a_closed(operation, remote)
        elif operation.state == S.NEEDS_ATTENTION:
            self._left_to_a_person(operation, remote)
        elif operation.has_result:
            self._has_a_result(operation, remote)
        else:
            self._conclude(operation, remote)

    # -- The operation has ended ---------------------------------------------------------------

    def _has_a_result(self, operation: Operation, remote: RemoteTransaction) -> None:
        row = primary(Transaction).filter(operation_key=operation.key).first()
        recorded = RecordedOutcome.of(operation).transaction_id
        if row is not None and row.transaction_id == remote.transaction_id:
            self._written_meanwhile(row)
        elif recorded == remote.transaction_id and row is None:
            # Its writer may be about to commit it. Otherwise it is an orphan, and the phase for
            # these knows whether to give it back.
            self.run.counts["without_row"] += 1
        elif takes_money(remote):
            self._second(operation, remote)

    def _written_meanwhile(self, row: Transaction) -> None:
        self.seen.add(row.pk)
        self.examiner.examine(row.pk)

    def _second(self, operation: Operation, remote: RemoteTransaction) -> None:
        recorded = RecordedOutcome.of(operation).transaction_id
        facts = {
            "kind": str(remote.kind),
            "key": operation.key,
            "first": recorded or "-",
            "second": remote.transaction_id,
        }
        self._add(DifferenceKind.TWICE, "second_of_key", facts, remote, operation)

    def _of_a_closed(self, operation: Operation, remote: RemoteTransaction) -> None:
        """Tell a person of a payment that nobody can have known of when its operation was closed.

        What a run had written down before that was explained by closing.
        """
        of_it = primary(Difference).filter(
            **account_of(self.run.gateway).columns,
            operation_key=operation.key,
            transaction_id=remote.transaction_id,
        )
        before = Q(first_seen_at__lte=operation.updated_at)
        if not takes_money(remote) or of_it.filter(before).exists():
            self.run.counts["explained"] += 1
            return
        facts = {"kind": str(remote.kind), "key": operation.key, "id": remote.transaction_id}
        self._add(DifferenceKind.STATUS, "seen_after_closing", facts, remote, operation)

    # -- It has not ----------------------------------------------------------------------------

    def _conclude(self, operation: Operation, remote: RemoteTransaction) -> None:
        """Conclude an operation by what was fetched of it: a list may tell too little."""
        found: RemoteTransaction | None = None
        with self.examiner.patience.about_one():
            found = self.examiner.fetch(remote.transaction_id)
            if found is None or found.operation_key != operation.key:
                self.run.counts["unread"] += 1
                found = None
        if found is None:
            return
        if operation.state == S.FAILED and not takes_money(found):
            return  # nothing was paid, as was thought
        kind = statuses.KINDS.get(operation.kind)
        if kind is not found.kind:
            facts = {"key": operation.key, "kind": str(operation.kind)}
            self._add(DifferenceKind.STATUS, "another_kind", facts, found, operation)
            return
        late = operation.state in (S.ABSENT, S.FAILED)
        try:
            ledger.refuse_callers_charge(operation)
            if not self.run.dry_run:
                pull.end_operation_from_remote(operation, found)
        except ledger.OriginalGone as error:  # it is open still, which tells a person of it
            logger.error("Operation %s: %s", operation.key, error, extra=fields_of(operation))
            self.run.counts["unread"] += 1
            return
        except OperationInProgress:  # whoever made it, or its original, may still be at work
            self.run.counts["being_made"] += 1
            return
        self.run.counts["landed_late" if late else "concluded"] += 1
        if self.run.dry_run:
            return
        row = primary(Transaction).filter(operation_key=operation.key).first()
        if operation.state == S.NEEDS_ATTENTION:
            self._left_to_a_person(operation, found)
        elif row is not None:
            self._written_meanwhile(row)

    def _left_to_a_person(self, operation: Operation, remote: RemoteTransaction) -> None:
        if not takes_money(remote):
            return
        other = remote.amount != operation.asked_amount or remote.currency != operation.currency
        facts = {
            "key": operation.key,
            "id": remote.transaction_id,
            "error": RecordedOutcome.of(operation).error,
        }
        kind = DifferenceKind.AMOUNT if other else DifferenceKind.STATUS
        self._add(kind, "needs_attention", facts, remote, operation)

    # -- It is nobody's ------------------------------------------------------------------------

    def _of_nobody_here(self, remote: RemoteTransaction) -> None:
        made = self._made_under_another_name(remote)
        if made is not None:
            self.run.counts["being_made" if made.state in BEING_SENT else "foreign"] += 1
            return
        facts = {"id": remote.transaction_id, "key": remote.operation_key}
        self._add(DifferenceKind.UNKNOWN_KEY, "unknown_key", facts, remote, None)

    def _made_under_another_name(self, remote: RemoteTransaction) -> Operation | None:
        """Return the operation of another gateway's name, which stands for the same account.

        None if it has made another payment, or none at all as far as it is known. One whose answer
        is still to come, or is left to a person, is for that name's own runs to end and to tell of.
        """
        rows = Operation.objects.newest().filter(
            key=remote.operation_key, live=self.run.gateway.live
        )
        made = rows.exclude(gateway_name=self.run.gateway.name).first()
        if made is None or made.state in NOT_MADE:
            return None
        recorded = RecordedOutcome.of(made).transaction_id
        return None if made.has_result and recorded != remote.transaction_id else made

    def _takes_back(self, remote: RemoteTransaction) -> bool:
        """Write a return or a chargeback that is an entry of its own into the payment's row.

        Returns:
            False if the payment that it takes back has no row here.
        """
        found = remote if remote.parent_id else self._fetched(remote.transaction_id)
        row = self._original_of(found)
        if found is None or row is None:
            return False
        if self._takes_a_part(found, row):
            return True
        self.taken_back.add(row.pk)
        standing = ledger.RemoteStanding(statuses.FROM_REMOTE[remote.status])
        if standing.status in statuses.FOLLOWS.get(row.status, ()):
            self.run.counts[f"now_{standing.status}"] += 1
            if not self.run.dry_run:
                same = primary(Transaction).filter(
                    parent=row, transaction_id=row.transaction_id, status=row.status
                )
                changes = [
                    (each, standing) for each in (row, *same.filter(kind=TransactionKind.CAPTURE))
                ]
                ledger.write_standings(changes)
        return True

    def _original_of(self, remote: RemoteTransaction | None) -> Transaction | None:
        """Return the row of what a transaction takes or gives back."""
        if remote is None or not remote.parent_id:
            return None
        row = ledger.payment_with_id(account_of(self.run.gateway), remote.parent_id)
        return row or self._capture_named_by(remote)

    def _capture_named_by(self, remote: RemoteTransaction) -> Transaction | None:
        """Ask about a capture that stands here under its authorization's id, or not at all yet."""
        named = remote.parent_id
        if named not in self._captures and self._may_be_of(remote, TransactionKind.AUTHORIZATION):
            capture = self._asked_about(named)
            self._captures[named] = None if capture is None else self._row_of_capture(capture)
        return self._captures.get(named)

    def _row_of_capture(self, capture: RemoteTransaction) -> Transaction | None:
        """Return the row of a capture; that of its authorization where nothing is written."""
        account = account_of(self.run.gateway)
        if not self.run.dry_run:
            return pull.row_of_capture(account, capture)
        if capture.kind is not TransactionKind.CAPTURE or not capture.parent_id:
            return None
        return ledger.payment_with_id(account, capture.parent_id)

    def _gives_back(self, remote: RemoteTransaction) -> bool:
        """Write the row of a refund that was made of a payment here in the gateway's own pages.

        Returns:
            False if it is no refund, or none of a payment here.
        """
        if remote.kind is not TransactionKind.REFUND or not takes_money(remote):
            return False
        found = remote if remote.parent_id else self._all_of(remote)
        row = self._original_of(found)
        if found is None or row is None or not is_storable(found.amount, found.currency):
            return False
        self.run.counts["refunded_elsewhere"] += 1
        if not self.run.dry_run:
            account = account_of(self.run.gateway)
            self._written_meanwhile(pull.create_foreign_row(account, found, parent=row))
        return True

    def _all_of(self, remote: RemoteTransaction) -> RemoteTransaction | None:
        """Ask what a refund gives back, which a list need not tell."""
        return self._asked_about(remote.transaction_id) if self._may_be_of(remote) else None

    def _asked_about(self, transaction_id: str) -> RemoteTransaction | None:
        """Ask about what may be nobody's here. Other software makes many refunds."""
        self._asked += 1
        if self._asked <= ASKED:
            return self._fetched(transaction_id)
        self.run.counts["refunds_unasked"] += 1
        return None

    def _may_be_of(self, remote: RemoteTransaction, *kinds: TransactionKind) -> bool:
        """Say whether any payment here is of that card and of as much.

        Args:
            remote: what gives or takes it back.
            *kinds: of the payment; of any if none is named.
        """
        rows = primary(Transaction).filter(**account_of(self.run.gateway).columns)
        if kinds:
            rows = rows.filter(kind__in=kinds)
        elif not remote.last_4:
            return True
        if remote.last_4:
            rows = rows.filter(last_4=remote.last_4, price__gte=remote.amount)
        return rows.exists()

    def _fetched(self, transaction_id: str) -> RemoteTransaction | None:
        """Ask for all of a transaction; None if the gateway has none, or does not tell of it."""
        found: RemoteTransaction | None = None
        with self.examiner.patience.about_one():
            found = self.examiner.fetch(transaction_id)
        return found

    def _takes_a_part(self, entry: RemoteTransaction, row: Transaction) -> bool:
        """Leave it to a person if an entry takes back another sum than was taken."""
        if row.status not in COUNTED:
            return False
        taken = row.captured_amount if row.kind == TransactionKind.AUTHORIZATION else row.price
        if not entry.amount or entry.amount.copy_abs() == taken:
            return False
        facts = {
            "id": entry.transaction_id,
            "part": plain_amount(entry.amount, entry.currency or row.currency),
            "payment": row.transaction_id or "",
            "taken": plain_amount(taken, row.currency),
        }
        self.examiner.findings.add(
            Found(
                kind=DifferenceKind.AMOUNT,
                subject=entry.transaction_id,
                reason="takes_back_a_part",
                facts=facts,
                operation_key=row.operation_key or "",
                transaction_id=entry.transaction_id,
                customer_id=row.customer_id,
                card_id=row.card_id,
                currency=row.currency,
                amount_here=taken,
                amount_there=entry.amount,
            )
        )
        return True

    def _add(
        self,
        kind: DifferenceKind,
        reason: str,
        facts: Mapping[str, str],
        remote: RemoteTransaction,
        operation: Operation | None,
    ) -> None:
        if remote.transaction_id in self._added:
            return  # the list grew while it was read, and shows it again
        self._added.add(remote.transaction_id)
        differs = self.examiner.findings.add(
            Found(
                kind=kind,
                subject=remote.transaction_id,
                reason=reason,
                facts=facts,
                operation_key=remote.operation_key,
                transaction_id=remote.transaction_id,
                customer_id=remote.customer_id,
                card_id=remote.card_id,
                day=remote.submitted_at.astimezone(UTC).date() if remote.submitted_at else None,
                currency=remote.currency,
                amount_here=operation.asked_amount if operation is not None else None,
                amount_there=remote.amount,
            )
        )
        if differs:  # what a person has explained counts on neither side
            self.examiner.books.add(
                remote.submitted_at,
                remote.currency or self.run.gateway.currency,
                here=Decimal(0),
                there=counted_there(remote, remote.kind),
            )
