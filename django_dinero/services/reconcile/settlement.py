"""Ask about payments that are older than the sweep's list, and not at their end here.

A list tells of what was submitted, settled or taken back lately, as far as the gateway lists that.
What was authorized weeks ago may have expired since, or been captured or voided elsewhere, and a
check may settle after days. There are few of these, and each is asked about by its id.
"""

from __future__ import annotations

from datetime import timedelta
from itertools import chain

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from django_dinero.db.pages import key_pages_by_time
from django_dinero.db.queries import primary
from django_dinero.enums import TransactionKind
from django_dinero.models.transaction import Transaction
from django_dinero.models.transaction_status import COUNTED, UNDECIDED, TransactionStatus
from django_dinero.services.modes import account_of
from django_dinero.services.reconcile.books import Books
from django_dinero.services.reconcile.covered import MARGIN
from django_dinero.services.reconcile.examining import Examiner
from django_dinero.services.reconcile.findings import Findings
from django_dinero.services.reconcile.patience import Patience
from django_dinero.services.reconcile.phase import Run

#: An authorization that nobody captured is not asked about before: card networks let it stand for
#: a week at least.
OPEN_FOR = timedelta(days=7)
#: What is older has long been asked about: an authorization ends after 30 days at Authorize.Net.
OLDEST = timedelta(days=45)


def ask_about_old(run: Run) -> None:
    """Bring payments up to date that were made before ``run.since`` and are not at their end.

    Raises:
        DineroError: the gateway did not answer. What it refuses to tell of a single payment is
            counted, and the others are asked about all the same.
    """
    examiner = Examiner(run, Findings(run), Books())
    patience = Patience(run)
    for done, pk in enumerate(chain.from_iterable(key_pages_by_time(_unfinished(run))), 1):
        run.progress("settlement", done, None)
        with patience.about_one():
            _ask(examiner, pk)
            run.counts["asked"] += 1


def _ask(examiner: Examiner, pk: int) -> None:
    if not examiner.examine(pk):
        row = primary(Transaction).filter(pk=pk, status__in=COUNTED).first()
        if row is not None:
            examiner.lacks(row)


def _unfinished(run: Run) -> QuerySet[Transaction]:
    captures = primary(Transaction).filter(
        parent=OuterRef("pk"), kind=TransactionKind.CAPTURE, status__in=COUNTED
    )
    same_id = Q(kind=TransactionKind.CAPTURE, parent__transaction_id=F("transaction_id"))
    waits = Q(kind=TransactionKind.AUTHORIZATION, created_at__gt=run.since - OPEN_FOR)
    rows = primary(Transaction).filter(
        **account_of(run.gateway).columns,
        status__in=(TransactionStatus.APPROVED, *UNDECIDED),
        transaction_id__isnull=False,
        created_at__gte=run.since - OLDEST,
        created_at__lt=run.since + MARGIN,
    )
    rows = rows.exclude(kind=TransactionKind.VOID).exclude(same_id)
    return rows.exclude(waits & ~Exists(captures))
