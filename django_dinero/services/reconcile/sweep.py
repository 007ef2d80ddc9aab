"""Compare the gateway's list of payments to our rows, in both directions, and the books with it.

One pass over the list, in batches: a query for the rows with these ids, and one for the operations
with these keys where rows are missing. Then the rows that count here, and were not in the list, are
asked for one by one. A list that breaks off proves nothing: its error is raised, and nothing is
called missing or resolved.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from decimal import Decimal
from functools import partial
from itertools import islice

from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext as _

from django_dinero.db.pages import key_pages_by_time
from django_dinero.db.queries import primary
from django_dinero.db.seen import Seen
from django_dinero.enums import TransactionKind
from django_dinero.exceptions import DineroError, GatewayError
from django_dinero.gateways.types import RemoteTransaction
from django_dinero.logs import get_logger
from django_dinero.models.difference import Difference, DifferenceKind
from django_dinero.models.transaction import Transaction
from django_dinero.models.transaction_status import COUNTED, LOST
from django_dinero.redaction import scrub
from django_dinero.services.errors import read
from django_dinero.services.modes import account_of
from django_dinero.services.reconcile.books import Books
from django_dinero.services.reconcile.covered import MARGIN, Covered
from django_dinero.services.reconcile.examining import Examiner, Pair
from django_dinero.services.reconcile.findings import Findings
from django_dinero.services.reconcile.old_days import days_again
from django_dinero.services.reconcile.patience import Patience
from django_dinero.services.reconcile.phase import MoreToDo, Run
from django_dinero.services.reconcile.slices import Slice, slices_of
from django_dinero.services.reconcile.unmatched import Unmatched
from django_dinero.services.reconcile.verdicts import Verdict, compare, counted_there, locals_of

logger = get_logger("django_dinero.reconcile")

#: Transactions of the list in a batch: SQLite may bind only 999 values.
BATCH = 400
#: Differences about single payments, which a question about the payment can settle.
OF_PAYMENTS = (
    DifferenceKind.UNKNOWN_KEY,
    DifferenceKind.MISSING_THERE,
    DifferenceKind.AMOUNT,
    DifferenceKind.STATUS,
    DifferenceKind.TWICE,
)
#: How many older differences a run asks the gateway about, the longest unasked first.
ASKED_AGAIN = 200


def sweep(run: Run) -> None:
    """Compare payments and books.

    Raises:
        DineroError: the gateway's list, or an answer of its, could not be read.
        MoreToDo: one slice was asked for, and there are more.
    """
    if not run.gateway.supports("iter_transactions"):
        run.counts["not_swept"] += 1
        return
    findings, unread = Findings(run), None
    for part in slices_of(run):
        error = _Sweep(run, part, findings).run_through()
        unread = error or unread
        if part.until is not None:
            run.counts["slices_unread"] += error is not None
            run.swept(part.until)
            if run.one_slice:
                raise MoreToDo
    _compare_old_days(run, findings)
    # All else is compared. But the next run has to look as far back for what is unread.
    if unread is None and run.counts["slices_unread"]:  # another task had that slice
        unread = GatewayError(_("The gateway did not tell of some older payments."))
    if unread is not None:
        raise unread


def _compare_old_days(run: Run, findings: Findings) -> None:
    """Compare some days again whose books differed. One that is not read is left to another run."""
    for part in days_again(findings):
        run.counts["days_again"] += 1
        try:
            _Sweep(run, part, findings).run_through()
        except DineroError as error:
            run.counts["unread"] += 1
            logger.warning("%s: %s was not read: %s", run.gateway.name, part, scrub(str(error)))


class _Sweep:
    def __init__(self, run: Run, part: Slice, findings: Findings) -> None:
        self.run = run
        self.part = part
        self.covered = Covered.of(run, part.since, part.until)
        self.findings = findings
        self.books = Books()
        self.seen = Seen()
        self._reversed: list[Pair] = []
        self.examiner = Examiner(run, self.findings, self.books)
        self.unmatched = Unmatched(self.examiner, self.seen)

    def run_through(self) -> DineroError | None:
        """Compare both sides; return why some payment stayed unread, None if none did."""
        for remotes in self._listed():
            self._take(remotes)
        if self.part.until is None:
            # An entry that takes a payment back may stand in any later list.
            self._compare_reversed()
        self._look_for_missing()
        self.books.close(self.covered, self.findings)
        if self.part.until is None:
            self._ask_again()
        return self.examiner.patience.error

    # -- What the gateway has ------------------------------------------------------------------

    def _listed(self) -> Iterator[Sequence[RemoteTransaction]]:
        gateway, total = self.run.gateway, 0
        listed = read(gateway, partial(gateway.iter_transactions, *self.part.listed))
        step = partial(_next, listed)
        while batch := read(gateway, step, verb="iter_transactions"):
            yield batch
            total += len(batch)
            self.run.counts["listed"] += len(batch)
            self.run.progress("sweep", total, None)

    def _take(self, remotes: Sequence[RemoteTransaction]) -> None:
        # A void that is an entry of its own moves nothing: the payment's status tells of it.
        remotes = [
            each
            for each in remotes
            if each.kind is not TransactionKind.VOID and not self.part.leaves(each.submitted_at)
        ]
        ids = {each.transaction_id for each in remotes}
        here = locals_of(self._rows(ids))
        if self.unmatched.add_captures([r for r in remotes if r.transaction_id not in here]):
            here = locals_of(self._rows(ids))
        self._compare([(here[r.transaction_id], r) for r in remotes if r.transaction_id in here])
        self.unmatched.take([each for each in remotes if each.transaction_id not in here])

    def _compare(self, pairs: Sequence[Pair]) -> None:
        """Compare payments to a part of the list, each counted once however often it stands there.

        A list that grows while it is read shows a payment again, and maybe in another status. Which
        is newer, the payment itself tells.
        """
        first, again = list[Pair](), list[Pair]()
        for local, remote in pairs:
            pk = local.row.pk
            (again if pk in self.seen else first).append((local, remote))
            self.seen.add(pk)
        self._reversed += filter(_is_reversed, first)
        self.examiner.compare_listed([pair for pair in first if not _is_reversed(pair)])
        aside = Examiner(self.run, self.findings, Books())
        for local, remote in again:
            known = _is_reversed((local, remote))
            if not known and compare(local, remote, detailed=False) is not Verdict.AGREES:
                aside.examine(local.row.pk)

    def _compare_reversed(self) -> None:
        """Compare what was taken back here and counts in the list, unless an entry explains it.

        Where a return or a chargeback is an entry of its own, its payment stays settled in the
        list. Without such an entry the dispute was decided otherwise.
        """
        taken_back = self.unmatched.taken_back
        self.examiner.compare_listed([p for p in self._reversed if p[0].row.pk not in taken_back])

    def _rows(self, ids: set[str]) -> QuerySet[Transaction]:
        return self._ours().filter(transaction_id__in=ids).order_by("pk")

    def _ours(self) -> QuerySet[Transaction]:
        gateway = self.run.gateway
        return primary(Transaction).filter(**account_of(gateway).columns)

    # -- What is here --------------------------------------------------------------------------

    def _look_for_missing(self) -> None:
        done = 0
        for pks in key_pages_by_time(self._must_be_there()):
            for pk in pks:
                if pk not in self.seen:
                    with self.examiner.patience.about_one():
                        self._ask_about(pk)
            done += len(pks)
            self.run.progress("missing", done, None)

    def _must_be_there(self) -> QuerySet[Transaction]:
        """Return what counts here and lies in the time that the list covers.

        A row may be written long after its payment was submitted. Then the list does not have it,
        and the question about it does.
        """
        same_id = Q(kind=TransactionKind.CAPTURE, parent__transaction_id=F("transaction_id"))
        rows = self._ours().filter(
            status__in=COUNTED,
            transaction_id__isnull=False,
            created_at__gte=self.covered.since + MARGIN,
            created_at__lt=self.covered.until,
        )
        return rows.exclude(kind=TransactionKind.VOID).exclude(same_id)

    def _ask_about(self, pk: int) -> None:
        self.run.counts["asked"] += 1
        if self.examiner.examine(pk):
            return
        row = self._ours().filter(pk=pk, status__in=COUNTED).first()
        if row is not None and self.examiner.lacks(row):
            self.books.add(row.created_at, row.currency, here=self._counted(row), there=Decimal(0))

    def _counted(self, row: Transaction) -> Decimal:
        same = self._rows({row.transaction_id or ""})
        return locals_of(same)[row.transaction_id or ""].counted

    # -- What differed before ------------------------------------------------------------------

    def _ask_again(self) -> None:
        """Ask about differences of old that the list did not show again: are they over?"""
        rows = self.findings.not_found_again(*OF_PAYMENTS)
        named = (row for row in rows if row.transaction_id)
        is_over = partial(self._is_over, Patience(self.run))
        with suppress(GatewayError):  # of several in a row; all of them stay open
            self.findings.resolve(islice(named, ASKED_AGAIN), is_over)

    def _is_over(self, patience: Patience, difference: Difference) -> bool:
        self.run.progress("differences", 0, None)  # which keeps the run, however slow the answers
        self.findings.note_asked(difference)
        unread = self.run.counts["unread"]
        with patience.about_one():
            self._look_anew(difference)
        return self.run.counts["unread"] == unread  # whoever did not read it, and went on

    def _look_anew(self, difference: Difference) -> None:
        """Look at a difference's payment as if it were new. What is found again is not over."""
        row = self._rows({difference.transaction_id}).exclude(kind=TransactionKind.VOID).first()
        aside = Examiner(self.run, self.findings, Books())
        if row is not None:
            has_it = aside.examine(row.pk)
            if not has_it and row.status in COUNTED:
                aside.lacks(row)
            return
        remote = aside.fetch(difference.transaction_id)
        if remote is not None:
            Unmatched(aside, Seen()).take([remote])


def _next(listed: Iterator[RemoteTransaction]) -> list[RemoteTransaction]:
    """Return the next part of the list; an empty one at its end."""
    return list(islice(listed, BATCH))


def _is_reversed(pair: Pair) -> bool:
    local, remote = pair
    return local.row.status in LOST and bool(counted_there(remote, local.row.kind))
