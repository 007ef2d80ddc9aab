"""How a money operation ends: its state, its row, and what users hear of it, each once.

Whoever learns the end first (the worker itself, a look-up, a webhook) writes it through here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from django.db import IntegrityError, OperationalError, router, transaction
from django.utils.translation import gettext as _

from django_dinero import conf, signals
from django_dinero.db.failures import (
    is_conflict,
    is_conflict_or_dead_link,
    is_locked,
    retry_on_conflict,
)
from django_dinero.db.fields import UtcNow
from django_dinero.db.queries import primary
from django_dinero.db.transactions import impatient_atomic
from django_dinero.enums import ResultStatus
from django_dinero.exceptions import OperationInProgress
from django_dinero.models import journal_notes
from django_dinero.models.family import Family
from django_dinero.models.operation import (
    CHARGES,
    UNDECIDED_STATES,
    Operation,
    OperationKind,
    OperationState,
)
from django_dinero.models.records import Intent, RecordedOutcome
from django_dinero.models.transaction import Transaction
from django_dinero.models.transaction_status import UNDECIDED, TransactionStatus
from django_dinero.services import journal
from django_dinero.services.ledger.captured import move_refunds
from django_dinero.services.ledger.decided import (
    Decision,
    decided_outcome,
    freed_id,
    operation_of,
    state_of,
)
from django_dinero.services.ledger.refusals import recorded_refusal
from django_dinero.services.ledger.rows import (
    OriginalGone,
    belongs_to_other_operation,
    family_of,
    find_original,
    insert_row,
    refresh,
    write_row,
)
from django_dinero.services.ledger.standings import (
    STANDING_SIGNALS,
    announce_standing,
)
from django_dinero.services.ledger.statuses import STATES, STATUSES

Written = tuple[Transaction, bool]

SIGNALS = {
    OperationKind.CHARGE: signals.charged,
    OperationKind.AUTHORIZE: signals.charged,
    OperationKind.CAPTURE: signals.captured,
    OperationKind.VOID: signals.voided,
    OperationKind.REFUND: signals.refunded,
}
#: Operations without a row of their own: they decide a held payment.
DECISIONS = (OperationKind.APPROVE_HELD, OperationKind.DECLINE_HELD)
FOLLOW_UPS = (OperationKind.CAPTURE, OperationKind.VOID, OperationKind.REFUND)
#: States in which the row counts, or may count later.
SUCCEEDED_OR_UNDECIDED = (OperationState.SUCCEEDED, *UNDECIDED_STATES)
#: States that say that the gateway does not have the payment.
PROVEN_ABSENT = (OperationState.ABSENT, OperationState.FAILED)


def end_with_row(
    operation: Operation,
    outcome: RecordedOutcome,
    parent: Transaction | None = None,
    *,
    is_callers: bool = False,
    **columns: Any,
) -> Transaction | None:
    """Write the gateway's answer and its row.

    Both are written without a look before, and the database's constraints say whether they may be.
    Where they object, or would do so only at the caller's commit, the careful path follows. It
    looks at what may be in the way, and then writes.

    Args:
        parent: what the operation follows, where it is at hand.
        is_callers: as for :func:`restore_row`. A charge that somebody else ends is marked, since a
            rollback may have taken what its caller was told.
        **columns: more that is written into the operation.

    Returns:
        The row; None if the operation needs a person's attention. None also for the caller of a
        charge whose row somebody else has written, who has to see whether it is marked.
    """
    state = STATES[outcome.result]
    insert: Callable[[], Written | None] = partial(insert_row, operation, parent)
    if not is_callers:
        insert = _marking(operation, insert)
    done = journal.try_to_end_operation(operation, state, outcome, insert, **columns)
    if done is not None:
        (written,) = done
    else:
        written = _look_and_end(operation, outcome, parent, columns, is_callers=is_callers)
    if written is None:
        journal.log_unwritten(operation, outcome)
        return None
    row = _announce_if_new(operation, *written)
    if operation.ended_from in PROVEN_ABSENT and operation.state in SUCCEEDED_OR_UNDECIDED:
        signals.send(signals.landed_late, Transaction, transaction=row)
    is_new = written[1]
    return None if is_callers and not is_new and may_be_orphan(operation) else row


def _marking(
    operation: Operation, write: Callable[[], Written | None]
) -> Callable[[], Written | None]:
    """Return what writes a row and, in the same transaction, the mark of what may be an orphan."""
    if not Intent.of(operation).in_transaction:
        return write

    def write_and_mark() -> Written | None:
        with transaction.atomic(using=router.db_for_write(Transaction)):
            written = write()
            if written is not None and written[1] and may_be_orphan(operation):
                _mark_orphan(operation, give_back=conf.on_rollback() == "void")
        return written

    return write_and_mark


def _look_and_end(
    operation: Operation,
    outcome: RecordedOutcome,
    parent: Transaction | None,
    columns: dict[str, Any],
    *,
    is_callers: bool,
) -> Written | None:
    state = STATES[outcome.result]
    if parent is None and operation.kind in FOLLOW_UPS:
        parent = original_of(operation)
    if belongs_to_other_operation(operation, outcome.transaction_id):
        if outcome.status in (ResultStatus.DECLINED, ResultStatus.FAILED):
            # A refused duplicate comes with the id of its original.
            outcome = replace(outcome, transaction_id="")
            columns = {**columns, "transaction_id": operation.transaction_id}
        else:
            state = OperationState.NEEDS_ATTENTION
            outcome = replace(outcome, error=journal_notes.ID_OF_ANOTHER)

    def write() -> Written | None:
        return write_row(operation, parent) if operation.has_result else None

    marking = write if is_callers else _marking(operation, write)
    return journal.end_operation(operation, state, outcome, marking, **columns)


def original_of(operation: Operation, *, is_callers: bool = False) -> Transaction:
    """Return the transaction that an operation follows, written again if a rollback took it.

    Args:
        is_callers: as for :func:`restore_row`.

    Raises:
        OriginalGone: other software made it, and it has to be retrieved first.
        OperationInProgress: as for :func:`restore_row`.
    """
    row = find_original(operation)
    if row is not None:
        return row
    rows = Operation.objects.newest()
    made = rows.filter(key=operation.parent_key).first() if operation.parent_key else None
    if made is None or not made.has_result:
        raise OriginalGone.of(operation)
    return restore_row(made, is_callers=is_callers)


def restore_row(
    operation: Operation, *, patient: bool = True, is_callers: bool = False
) -> Transaction:
    """Return the row of an operation that has a result, written again if a rollback took it.

    Args:
        patient: whether to wait for a transaction that has the row and is still open.
        is_callers: whether it goes to whoever has made the operation. To everybody else a charge
            that a rollback took is an orphan: it is waited for as long as its lease is, and marked,
            so that reconcile tells of it.

    Raises:
        OriginalGone: as for :func:`original_of`.
        OperationInProgress: such a transaction is open, and is not waited for. Or the row of what
            may be an orphan is not there, and its caller may still be at work.
    """
    if operation.kind in DECISIONS:
        row = original_of(operation, is_callers=is_callers)
        align_undecided(row)
        return row
    mark = None
    if not is_callers and may_be_orphan(operation):
        _refuse_while_leased(operation)
        mark = partial(_mark_orphan, operation, give_back=conf.on_rollback() == "void")
    row, is_new = _write_lost(operation, mark, patient=patient, is_callers=is_callers)
    return _restored(operation, row, is_new)


def restore_orphan(operation: Operation, *, give_back: bool) -> Transaction | None:
    """Write the row of an operation again that a rollback took; None if it is there after all.

    Args:
        give_back: whether the money of an orphan goes back.

    Raises:
        OperationInProgress: a transaction has the row that is still open.
    """
    mark = None
    if may_be_orphan(operation):
        mark = partial(_mark_orphan, operation, give_back=give_back)
    row, is_new = _write_lost(operation, mark, patient=False)
    _restored(operation, row, is_new)
    return row if is_new else None


def may_be_orphan(operation: Operation) -> bool:
    """Say whether a charge without a row is one that a rollback took, and that took money."""
    taken = operation.kind in CHARGES and operation.state in SUCCEEDED_OR_UNDECIDED
    return taken and Intent.of(operation).in_transaction


def _mark_orphan(operation: Operation, *, give_back: bool) -> None:
    """Note that nobody was told of an orphan, in the transaction that writes its row again.

    Whoever goes on after a crash finds the row, and knows what was still to be done.
    """

    def marked(stored: RecordedOutcome) -> RecordedOutcome | None:
        if stored.given_back:  # told and done before its row was lost once more
            return None
        return replace(stored, orphan=True, give_back=stored.give_back or give_back)

    journal.change_outcome(operation, marked)


def refuse_callers_charge(operation: Operation) -> None:
    """Refuse to end a charge whose caller may still do so, and then roll its row back or keep it.

    Raises:
        OperationInProgress: it was made in a transaction of the caller's, and its lease runs.
    """
    if operation.kind in CHARGES and Intent.of(operation).in_transaction:
        _refuse_while_leased(operation)


def _refuse_while_leased(operation: Operation) -> None:
    """Refuse to write what whoever made the operation may be about to write, or to ask for."""
    leased = Operation.objects.using(operation.written_on).filter(
        pk=operation.pk, lease_until__gt=UtcNow()
    )
    rows = primary(Transaction).filter(operation_key=operation.key)
    if rows.exists() or not leased.exists():
        return
    text = _("The row of operation %(key)s may still be written. Ask again in a few minutes.")
    raise OperationInProgress(
        text % {"key": operation.key}, operation=operation, gateway_name=operation.gateway_name
    )


def _write_lost(
    operation: Operation,
    mark: Callable[[], None] | None,
    *,
    patient: bool,
    is_callers: bool = False,
) -> Written:
    """Write a row that may be lost, and in the same transaction the mark of an orphan."""
    if patient and mark is None:
        return _write_again(operation, partial(write_row, operation), is_callers=is_callers)
    stood = operation.outcome

    def write() -> Written:
        operation.outcome = stood  # undo what a rolled-back attempt left on the instance
        with transaction.atomic(using=router.db_for_write(Transaction)):
            row, is_new = write_row(operation)
            if is_new and mark is not None:
                mark()
        return row, is_new

    write_in_one = write if patient else partial(_impatiently, operation, write)
    return _write_again(operation, write_in_one, _may_be_there)


def _impatiently(operation: Operation, write: Callable[[], Written]) -> Written:
    """Write in a transaction that hardly waits for others: a caller's may be open for hours."""
    try:
        with impatient_atomic(router.db_for_write(Transaction)):
            return write()
    except OperationalError as error:
        if not is_locked(error):
            raise
    text = _("A transaction that is still open has the row of operation %(key)s.")
    raise OperationInProgress(
        text % {"key": operation.key}, operation=operation, gateway_name=operation.gateway_name
    )


def _may_be_there(error: BaseException) -> bool:
    # A transaction that began before a rival's commit cannot see the row that it collides with.
    return isinstance(error, IntegrityError) or is_conflict_or_dead_link(error)


def _restored(operation: Operation, row: Transaction, is_new: bool) -> Transaction:
    _announce_if_new(operation, row, is_new)
    if is_new:
        restore_lost_rows(row)  # whatever took it took its captures, voids and refunds too
        move_refunds(row)
    if row.status in UNDECIDED or operation.state in UNDECIDED_STATES:
        align_undecided(row)
        operation.refresh_from_db()
    return row


def _write_again(
    operation: Operation,
    write: Callable[[], Written],
    may_pass: Callable[[BaseException], bool] = is_conflict,
    *,
    is_callers: bool = False,
) -> Written:
    """Write a row, and before it that of its original where a rollback has taken both."""
    using = router.db_for_write(Transaction)
    try:
        return retry_on_conflict(write, using, may_pass)
    except OriginalGone:
        original_of(operation, is_callers=is_callers)
    return retry_on_conflict(write, using, may_pass)


def row_or_raise(operation: Operation, row: Transaction, *, again: bool = False) -> Transaction:
    """Return the row if its operation succeeded; otherwise raise the refusal.

    Args:
        again: whether the refusal is told once more, to whoever repeats the idempotency key.
    """
    if operation.state == OperationState.SUCCEEDED:
        return row
    raise recorded_refusal(operation, row, again=again)


def _announce_if_new(operation: Operation, row: Transaction, is_new: bool) -> Transaction:
    if is_new:
        _announce(operation, row)
        if row.status in STANDING_SIGNALS and not row.is_claimed:
            announce_standing(row)
    return row


def _announce(operation: Operation, row: Transaction) -> None:
    if operation.state == OperationState.SUCCEEDED:
        signals.send(SIGNALS[OperationKind(operation.kind)], Transaction, transaction=row)
    else:
        error = recorded_refusal(operation, row)
        signals.send(signals.charge_failed, Transaction, transaction=row, error=error)


def restore_lost_rows(row: Transaction, *, again: bool = False) -> Family:
    """Write the rows again that follow one transaction, and that a rollback of the caller took.

    Their operations are in the journal, which was committed on a connection of its own. Unless all
    refunds are seen, they could add up to more than was taken.

    Args:
        again: as for :func:`family_of`.

    Returns:
        The transaction and what follows it; the instance is up to date.
    """
    family = family_of(row, again=again)
    rows = Operation.objects.newest()
    # The keys alone: hardly ever is one of them unknown. Few other operations have these names.
    # What is refunded of an authorization is refunded of its capture.
    names = [each.lock_name for each in (row, *family.captures)]
    asked = rows.filter(lock_name__in=names).order_by().values_list("key", "kind", "state")
    keys = {
        key for key, kind, state in asked if kind in FOLLOW_UPS and state in SUCCEEDED_OR_UNDECIDED
    }
    unknown = keys - {child.operation_key for child in family.children}
    found = rows.filter(key__in=unknown).order_by("pk") if unknown else ()
    lost = [each for each in found if each.has_result]
    restored = [restore_row(operation) for operation in lost]
    undecided = row.status in UNDECIDED
    if undecided:
        align_undecided(row)
    if restored or undecided:
        # The caller's snapshot may be older than a rival's row, and never show it.
        family = family_of(row, again=again).joined_by(restored)
    return family


def announce_decision(decision: Decision) -> None:
    """Tell users how a payment went on, if this decision has written it."""
    if decision.state == OperationState.NEEDS_ATTENTION:
        return
    if decision.operation is not None and decision.operation.ended_from:
        refresh(decision.row)
        _announce(decision.operation, decision.row)


def align_undecided(row: Transaction) -> None:
    """Make an undecided payment's row and operation say the same, whichever was written first."""
    operation = operation_of(row)
    if operation is None:
        return
    status = TransactionStatus(row.status)
    if status in UNDECIDED and operation.state not in UNDECIDED_STATES:
        _write_decided(row, STATUSES[RecordedOutcome.of(operation).status])
        refresh(row)
    elif operation.state in UNDECIDED_STATES and state_of(status) != operation.state:
        outcome = decided_outcome(RecordedOutcome.of(operation), status)
        if journal.move(operation, state_of(status), outcome):
            _announce(operation, row)


def _write_decided(row: Transaction, status: TransactionStatus) -> None:
    rows = primary(Transaction).filter(pk=row.pk, status__in=UNDECIDED)
    columns = {"status": status, "updated_at": datetime.now(UTC), **freed_id(row, status)}
    decided = partial(rows.update, **columns)
    retry_on_conflict(decided, router.db_for_write(Transaction))
