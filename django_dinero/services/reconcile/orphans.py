"""Orphans: payments that the gateway made, and whose rows a rollback of the caller took.

With a connection of its own the journal outlives the rollback, and the row is written again from
it. It is kept, or given back where the project says so: the caller may have rolled back for another
reason, and have shown "paid". A row that no rollback can have taken was deleted by somebody, or is
missing from a restored backup. It is written again too, but its payment is nobody's orphan.

No charge writes down that its caller has committed, which would cost it a statement. But whoever
sees the row knows. So each run notes of which charges it has seen the rows: what is gone later was
not taken by a rollback, and is not given back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from itertools import chain

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from django_dinero import signals
from django_dinero.db import clock
from django_dinero.db.fields import UtcIn, UtcNow
from django_dinero.db.pages import KEYS, key_pages, paged
from django_dinero.db.queries import primary
from django_dinero.enums import TransactionKind
from django_dinero.exceptions import DineroError, OperationInProgress
from django_dinero.gateways.calls import log_broken_call
from django_dinero.logs import fields_of, get_logger
from django_dinero.models.arguments import FollowUpOptions
from django_dinero.models.family import Family
from django_dinero.models.operation import CHARGES, Operation, OperationKind, OperationState
from django_dinero.models.records import Intent, RecordedOutcome
from django_dinero.models.transaction import Transaction
from django_dinero.models.transaction_status import TransactionStatus
from django_dinero.redaction import scrub
from django_dinero.services import journal, ledger, pull
from django_dinero.services.modes import account_of
from django_dinero.services.payments import followups, reviews
from django_dinero.services.reconcile import ended
from django_dinero.services.reconcile.lease import LEASE
from django_dinero.services.reconcile.phase import Run

logger = get_logger("django_dinero.reconcile")

NAME = "orphans"
#: Kinds that make a row, in states in which they have one.
MAKE_ROWS = (*CHARGES, OperationKind.CAPTURE, OperationKind.VOID, OperationKind.REFUND)
HAVE_ROWS = (
    OperationState.SUCCEEDED,
    OperationState.HELD,
    OperationState.REQUIRES_ACTION,
    OperationState.DECLINED,
)
#: What the outcome of an orphan says that nobody was told of, or that is to be given back.
UNFINISHED_MARKS = ("orphan", "telling", "give_back")
#: How far back orphans are looked for once a day, however young the last run is.
LOOKED_BACK = timedelta(days=120)
#: The scope of the keys by which each orphan is given back once. What was refused is tried again
#: under the next key.
SCOPE = "django_dinero.orphans"


def restore(run: Run) -> None:
    """Write the rows again that a rollback took, and give back what is to be given back.

    Raises:
        DineroError: some of it could not be done. Each later run finds it, and tries again.
    """
    since = _looked_back_to(run)
    if run.dry_run:
        untold = [
            rows.filter(outcome__has_any_keys=["orphan", "telling"]) for rows in _marked(run, since)
        ]
        run.counts["orphans"] += sum(rows.count() for rows in (_without_row(run, since), *untold))
        return
    _note_committed(run, since)
    failed = 0
    for done, operation in enumerate(paged(_without_row(run, since)), 1):
        if not _succeeds(operation, partial(_restore, run, operation)):
            failed += 1
        run.progress(NAME, done, None)
    for done, operation in enumerate(chain.from_iterable(map(paged, _marked(run, since))), 1):
        failed += not _finish(run, operation)
        run.progress(NAME, done, None)
    if failed:
        text = ngettext(
            "%(count)d orphan could not be finished; the log says why.",
            "%(count)d orphans could not be finished; the log says why.",
            failed,
        )
        raise DineroError(text % {"count": failed})


def _note_committed(run: Run, since: datetime) -> None:
    """Note of which charges the rows were seen, as these are no orphans any more.

    Those that are marked were orphans, and have got their rows again: they keep what is known of
    them until they are told of and given back.
    """
    rows = Transaction._base_manager.filter(operation_key=OuterRef("key"))
    found = _operations(run).filter(
        Exists(rows),
        kind__in=CHARGES,
        lease_until__lt=UtcNow(),
        created_at__gte=since,
        intent__has_key="in_transaction",
    )
    for pks in key_pages(found.exclude(outcome__has_any_keys=list(UNFINISHED_MARKS))):
        journal.note_committed(pks, found.db)


def _succeeds(operation: Operation, act: Callable[[], None]) -> bool:
    """Say whether something could be done; what is wrong with one must not stop the others."""
    try:
        act()
    except DineroError as error:
        logger.error("Orphan %s: %s", operation.key, scrub(str(error)), extra=fields_of(operation))
        return False
    except Exception as error:
        log_broken_call(f"Orphan {operation.key}", error, fields_of(operation))
        return False
    return True


def _restore(run: Run, operation: Operation) -> None:
    row = ledger.restore_orphan(operation, give_back=run.void_orphans)
    if row is None:
        return
    if not Intent.of(operation).in_transaction:
        logger.warning(
            "The row of operation %s was gone, and no rollback took it; it is written again.",
            operation.key,
            extra=fields_of(operation),
        )
        run.counts["lost_rows_restored"] += 1
    elif not RecordedOutcome.of(operation).orphan:  # those are counted when they are told
        run.counts["orphans_restored"] += 1


def _finish(run: Run, operation: Operation) -> bool:
    """Tell of an orphan, whoever has written its row again, and give it back if it is to be."""
    if not _succeeds(operation, partial(_tell, run, operation)):
        return False
    if not RecordedOutcome.of(operation).give_back:
        return True
    return not _rests(operation) and _succeeds(operation, partial(_give_back, run, operation))


def _tell(run: Run, operation: Operation) -> None:
    """Tell of an orphan; one whose row another rollback took is told when that is back.

    It is told once, and once more if a run dies before it has noted that it has told.
    """
    row = primary(Transaction).filter(operation_key=operation.key).first()
    if row is None:
        return
    now = clock.now(primary(Operation).db)
    if not journal.change_outcome(operation, partial(_to_be_told, run, now)):
        return
    run.counts["orphans_restored"] += 1
    if row.status not in (TransactionStatus.DECLINED, TransactionStatus.FAILED):
        signals.send(signals.charge_orphaned, Transaction, transaction=row)
    journal.change_outcome(operation, partial(replace, telling=""))


def _to_be_told(run: Run, now: datetime, outcome: RecordedOutcome) -> RecordedOutcome | None:
    if outcome.orphan:
        give_back = outcome.give_back or run.void_orphans
        return replace(outcome, orphan=False, telling=now.isoformat(), give_back=give_back)
    # Another run tells it at this moment. After a run's lease it has died with it.
    if outcome.telling and datetime.fromisoformat(outcome.telling) < now - LEASE:
        return replace(outcome, telling=now.isoformat())
    return None  # told, or its caller has got it meanwhile


def _give_back(run: Run, operation: Operation) -> None:
    """Void or refund what an orphan took, once however often this is tried.

    Raises:
        GatewayError: it was refused. How the payment stands may have changed meanwhile, so that
            the next attempt asks again, and has a key of its own.
        OperationInProgress: its row is in a transaction that is still open.
    """
    row = primary(Transaction).filter(operation_key=operation.key).first()
    if row is None:
        raise OperationInProgress(
            _("A transaction that is still open has the row of operation %(key)s.")
            % {"key": operation.key},
            operation=operation,
        )
    family = ledger.restore_lost_rows(row)
    once: FollowUpOptions = {"idempotency_key": _next_key(operation), "scope": SCOPE}
    if row.status == TransactionStatus.HELD:
        # By a key of its own: somebody else may approve it, and then it is refunded.
        key = f"{_next_key(operation)}:decline"
        reviews.decide_review(row, "decline", idempotency_key=key, scope=SCOPE)
    elif _must_void(family):
        followups.void(row, **once)
    elif family.sum_of(TransactionKind.REFUND) < family.captured:
        # Also while a refund is not decided: it may come to nothing.
        followups.refund(row, **once)
    journal.change_outcome(operation, partial(replace, give_back=False, given_back=True))
    run.counts["orphans_given_back"] += 1


def _next_key(operation: Operation) -> str:
    refused = _refused(operation).count()
    return f"{_key_of(operation)}:{refused}" if refused else _key_of(operation)


def _rests(operation: Operation) -> bool:
    """Say whether it was refused a moment ago; what is refused for good is not asked for ever."""
    refused = _refused(operation)
    rest = pull.rest_after(refused.count())
    return refused.filter(updated_at__gt=UtcIn(-rest)).exists()


def _refused(operation: Operation) -> QuerySet[Operation]:
    """Return the attempts to give an orphan back that the gateway has refused."""
    attempts = Operation.objects.using(operation.written_on).filter(
        scope=SCOPE, idempotency_key__startswith=_key_of(operation)
    )
    refusals = Q(state=OperationState.DECLINED) | Q(
        state=OperationState.FAILED, outcome__has_key="result"
    )
    return attempts.filter(refusals)


def _key_of(operation: Operation) -> str:
    return f"orphan:{operation.key}"


def _must_void(family: Family) -> bool:
    """Say whether nothing was taken yet. What was taken is refunded, or voided if not settled."""
    row = family.row
    if row.status == TransactionStatus.REQUIRES_ACTION:
        return True
    is_reserved = row.kind == TransactionKind.AUTHORIZATION and not family.captured
    return is_reserved and row.status == TransactionStatus.APPROVED


def _looked_back_to(run: Run) -> datetime:
    """Return from when on operations are gone through: once a day much further back than else.

    A charge may be ended, and its row lost, long after it was made. No index has the marks, nor
    what has no row, so that all operations of that time are read. A day on which an orphan could
    not be finished has no run that has done it: then each looks back as far, and tells of it again.
    """
    if ended.was_done_today(run.gateway, NAME):
        return run.since
    return min(run.since, clock.now(primary(Operation).db) - LOOKED_BACK)


def _without_row(run: Run, since: datetime) -> QuerySet[Operation]:
    return lost_rows(_operations(run).filter(created_at__gte=since))


def lost_rows(operations: QuerySet[Operation]) -> QuerySet[Operation]:
    """Return those of some operations whose row is lost, in one anti-join.

    The outcome and the row are one transaction, or the caller's holds the row. So whoever may still
    be at work is waited for as long as the lease is.
    """
    # Not the default manager: a project's own may hide rows.
    rows = Transaction._base_manager.all()
    # Voiding an authorization and its capture is one void: the second operation has no row.
    shared = rows.filter(
        gateway_name=OuterRef("gateway_name"),
        live=OuterRef("live"),
        kind=OuterRef("kind"),
        transaction_id=OuterRef("transaction_id"),
        operation_key__isnull=False,
    )
    found = operations.filter(kind__in=MAKE_ROWS, state__in=HAVE_ROWS, lease_until__lt=UtcNow())
    found = found.exclude(Exists(rows.filter(operation_key=OuterRef("key"))))
    # The kind first: databases look at the second half only where the first is true.
    return found.exclude(Q(kind__in=ledger.SHARED) & Q(Exists(shared)))


def _marked(run: Run, since: datetime) -> tuple[QuerySet[Operation], QuerySet[Operation]]:
    """Return the orphans that nobody was told of yet, and those that are to be given back.

    While the lease runs the caller may be taking the mark away.

    Returns:
        Those that were made since then, and older ones whose rows were written since ``run.since``.
    """
    marked = Q(kind__in=CHARGES, outcome__has_any_keys=list(UNFINISHED_MARKS))
    found = _operations(run).filter(marked).exclude(lease_until__gt=UtcNow())
    older = Operation._base_manager.filter(
        marked, key=OuterRef("operation_key"), created_at__lt=since
    )
    rows = primary(Transaction).filter(
        Exists(older), **account_of(run.gateway).columns, created_at__gte=run.since
    )
    # The keys by themselves, or a database may look for them among all operations.
    keys = list(rows.order_by("created_at").values_list("operation_key", flat=True)[:KEYS])
    return found.filter(created_at__gte=since), found.filter(key__in=keys, created_at__lt=since)


def _operations(run: Run) -> QuerySet[Operation]:
    return primary(Operation).filter(**account_of(run.gateway).columns)
