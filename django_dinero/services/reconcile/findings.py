"""The differences of one run: written down, or explained already, or gone by themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from django_dinero.db.queries import primary
from django_dinero.db.seen import Seen
from django_dinero.models.difference import Difference, DifferenceKind, DifferenceState
from django_dinero.redaction import scrub
from django_dinero.services.modes import account_of
from django_dinero.services.reconcile import differences
from django_dinero.services.reconcile.differences import Found
from django_dinero.services.reconcile.phase import Run


class Findings:
    """What a run has found to differ, and what it has not found again."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._again = Seen()

    def add(self, found: Found) -> bool:
        """Write a difference down, unless a person has closed one that says the very same.

        Returns:
            Whether it differs: False if a person has explained it.
        """
        if _is_explained(self.run, found):
            self.run.counts["explained"] += 1
            return False
        pk = None if self.run.dry_run else differences.record(self.run.gateway, found).pk
        # What stands near the edge of a slice is found in two. A dry run counts it twice.
        if pk is None or pk not in self._again:
            self.run.counts["differences"] += 1
        if pk is not None:
            self._again.add(pk)
        return True

    def not_found_again(self, *kinds: DifferenceKind) -> Iterator[Difference]:
        """Go through the open differences of these kinds that this run has not found.

        Those come first that were found or asked about the longest ago. Whoever asks the gateway
        notes it before, so that some that it does not tell of hold up no others.
        """
        rows = differences.open_ones(self.run.gateway, *kinds)
        # The keys are read first: what is found again moves to the end while we go.
        by_time = sorted(
            (differences.last_asked_at(last_seen_at, facts), pk)
            for pk, last_seen_at, facts in rows.values_list("pk", "last_seen_at", "facts")
        )
        for _moment, pk in by_time:
            if pk not in self._again:
                row = rows.filter(pk=pk).first()
                if row is not None:
                    yield row

    def note_asked(self, row: Difference) -> None:
        """Note that the gateway is asked about a difference now."""
        if not self.run.dry_run:
            differences.note_asked(row)

    def resolve(self, rows: Iterator[Difference], is_over: Callable[[Difference], bool]) -> None:
        """End the differences that are over."""
        for row in rows:
            if is_over(row) and row.pk not in self._again and not self.run.dry_run:
                again = differences.open_ones(self.run.gateway).filter(pk=row.pk)
                self.run.counts["differences_resolved"] += differences.resolve(again)


def _is_explained(run: Run, found: Found) -> bool:
    rows = primary(Difference).filter(
        **account_of(run.gateway).columns,
        subject=found.shown_subject,
        kind=found.kind,
        state=DifferenceState.CLOSED,
        amount_here=found.amount_here,
        amount_there=found.amount_there,
        currency=found.currency,
    )
    if found.shown_subject != found.subject:  # another one may look the same
        ids = ("transaction_id", "customer_id", "card_id")
        rows = rows.filter(**{name: getattr(found, name) for name in ids})
    if found.kind == DifferenceKind.STATUS:
        said = {"status_here": found.status_here, "status_there": found.status_there}
        rows = rows.filter(reason=found.reason, **said)
        if not found.reason:
            rows = rows.filter(text=scrub(found.text))
    return rows.exists()
