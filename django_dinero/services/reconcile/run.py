"""Reconcile one gateway: every phase in its turn, resumable, and one run at a time."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from django.db import router
from django.utils.translation import gettext as _

from django_dinero import conf, observing
from django_dinero.db.transactions import in_transaction
from django_dinero.exceptions import DineroError, InsideTransaction
from django_dinero.gateways.base import Gateway
from django_dinero.gateways.calls import log_broken_call
from django_dinero.gateways.registry import get_gateway
from django_dinero.logs import get_logger, log_fields
from django_dinero.models.reconciliation import Reconciliation, ReconciliationState
from django_dinero.observing.verbs import verb
from django_dinero.redaction import scrub
from django_dinero.services.modes import account_of
from django_dinero.services.progress import Progress, tell_nobody
from django_dinero.services.reconcile import (
    backlog,
    lease,
    open_ends,
    operations,
    orphans,
    settlement,
    sweep,
    tidy,
    vault,
    window,
)
from django_dinero.services.reconcile.phase import MoreToDo, Run

logger = get_logger("django_dinero.reconcile")

#: Seconds between two writes that keep a run, while a phase tells of its progress.
PROLONGED_EVERY = 30.0
#: The most customers that the next run asks for again. Several in a row that cannot be read end the
#: phase, so that there are seldom more than a few.
UNREAD = 500
State = ReconciliationState


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase of a run.

    Attributes:
        name: what it is called in ``phases_done``, in errors and to ``progress``.
        work: what it does. An exception breaks the run, and later phases still have their turn.
        always: whether it also runs where a killed run is gone on with. So does what looks for
            whatever is due: it costs nothing where nothing is, and more may have come due.
        needs: phases without whose end this one would tell of differences that are none.
    """

    name: str
    work: Callable[[Run], None]
    always: bool = False
    needs: tuple[str, ...] = ()


#: In this order. Orphans come first: a look-up would write their rows again without a word. What
#: waits is done before both sides are compared, or it would be told as a difference.
PHASES: tuple[Phase, ...] = (
    Phase("orphans", orphans.restore, always=True),
    Phase("operations", operations.look_up_due, always=True),
    Phase("deletes", backlog.drive_deletes, always=True),
    Phase("pushes", backlog.drive_pushes, always=True),
    Phase("webhooks", backlog.apply_webhooks, always=True),
    # Not the orphans: where a row is still lost, the journal knows the payment.
    Phase("sweep", sweep.sweep, needs=("operations",)),
    Phase("settlement", settlement.ask_about_old),
    Phase("vault", vault.compare_touched, needs=("operations", "deletes")),
    Phase("tidy", tidy.tidy, needs=("operations", "vault")),
)


@verb("reconcile")
def reconcile(
    gateway_name: str | None,
    *,
    since: datetime | None = None,
    dry_run: bool = False,
    void_orphans: bool = False,
    progress: Progress = tell_nobody,
) -> Reconciliation:
    """Bring our books and a gateway's into agreement, and write down what does not agree.

    A run that was killed less than a day ago is gone on with: what it has done is not done again,
    and it looks back as far as it did. One at a time works on a gateway; two do no harm.

    Args:
        gateway_name: the gateway; the default one if it is None.
        since: from when on, an aware datetime; by default from a little before the last run
            began that compared both sides to the end.
        dry_run: write nothing, here or at the gateway, and count what would be done.
        void_orphans: give charges back whose rows a rollback of the caller took; see the setting
            ``ON_ROLLBACK``.
        progress: is told of each step.

    Returns:
        The run as it ended: finished or broken. One that is still running is somebody else's, and
        nothing was done. After a dry run it is not stored.

    Raises:
        InvalidInput: no gateway has this name.
        InsideTransaction: the caller's transaction could take everything back.
        NotSent: the database cannot be written now.
    """
    gateway = get_gateway(gateway_name)
    _refuse_inside_transaction()
    void_orphans = void_orphans or conf.on_rollback() == "void"
    start = partial(_start, gateway, since)
    if dry_run:
        return _try_out(gateway, start()[0], void_orphans, progress)
    row, is_ours = lease.take(gateway, start, anew=since is not None)
    if is_ours:
        began = time.perf_counter()
        _carry_out(_run_of(row, gateway, void_orphans, progress), row)
        _tell_end(row, time.perf_counter() - began)
    return row


@verb("reconcile_slice")
def reconcile_slice(gateway_name: str | None) -> bool:
    """As :func:`reconcile`, but stop after one slice of the time that the run looks back.

    Whoever calls it or :func:`reconcile` next goes on with the run, in any process.

    Returns:
        Whether there is more to do. Not if the run has ended, or somebody else is at it.

    Raises:
        InvalidInput, InsideTransaction, NotSent: as :func:`reconcile` does.
    """
    gateway = get_gateway(gateway_name)
    _refuse_inside_transaction()
    row, is_ours = lease.take(gateway, partial(_start, gateway, None), anew=False)
    if not is_ours:
        return False
    run = _run_of(row, gateway, conf.on_rollback() == "void", tell_nobody)
    began = time.perf_counter()
    is_left = _carry_out(replace(run, one_slice=True), row)
    _tell_end(row, time.perf_counter() - began)
    return is_left


def _tell_end(row: Reconciliation, seconds: float) -> None:
    """Tell counters of a run that has ended; of one by slices, how long the last slice took."""
    if row.state in (State.FINISHED, State.BROKEN):
        observing.tell(observing.ReconcileEnded(row.gateway_name, str(row.state), seconds))


def _run_of(row: Reconciliation, gateway: Gateway, void_orphans: bool, progress: Progress) -> Run:
    counts = Counter(row.counts)
    return Run(
        gateway,
        row.since,
        void_orphans=void_orphans,
        counts=counts,
        unread=set(row.unread),
        progress=_keeping(row, progress),
        swept_until=row.swept_until,
        swept=lambda moment: lease.prolong(row, swept_until=moment, counts=dict(counts)),
    )


def _start(gateway: Gateway, since: datetime | None) -> tuple[datetime, bool]:
    """Return from when on a run looks, and whether the next may begin where this one did."""
    begin = window.begin_of(gateway)
    return (begin, True) if since is None else (since, since <= begin)


def _refuse_inside_transaction() -> None:
    if in_transaction(router.db_for_write(Reconciliation)):
        raise InsideTransaction(
            _("Reconcile outside of any transaction: a rollback would take back what was done.")
        )


def _try_out(
    gateway: Gateway, since: datetime, void_orphans: bool, progress: Progress
) -> Reconciliation:
    run = Run(gateway, since, dry_run=True, void_orphans=void_orphans, progress=progress)
    problems = _run_phases(run, [], tell=lambda done: None)
    open_ends.count(run)
    return Reconciliation(
        **account_of(gateway).columns,
        state=State.BROKEN if problems else State.FINISHED,
        since=since,
        counts=dict(run.counts),
        error="\n".join(problems),
    )


def _carry_out(run: Run, row: Reconciliation) -> bool:
    """Run the phases and end the run, unless another process has taken it over meanwhile.

    Returns:
        Whether the run is left for somebody to go on with it.
    """

    def tell(done: list[str]) -> None:
        lease.prolong(
            row, phases_done=done, counts=dict(run.counts), unread=sorted(run.unread)[:UNREAD]
        )

    try:
        problems = _run_phases(run, list(row.phases_done), tell)
        open_ends.count(run)
        lease.end(row, problems, run.counts)
    except lease.LeaseLostError:
        logger.warning(
            "%s: another process has taken this run over",
            run.gateway.name,
            extra={"dinero_gateway": run.gateway.name},
        )
        row.refresh_from_db(using=router.db_for_write(Reconciliation))
    except MoreToDo:
        lease.let_go(row, counts=dict(run.counts))
        return True
    except (KeyboardInterrupt, SystemExit):
        lease.let_go(row)
        raise
    return False


def _run_phases(run: Run, done: list[str], tell: Callable[[list[str]], None]) -> list[str]:
    """Run what is not done yet; return what went wrong, by phase.

    Args:
        done: the phases that a killed run had ended.
        tell: is told of the phases that have ended.
    """
    problems: dict[str, str] = {}
    for phase in PHASES:
        if phase.name in done and not phase.always:
            continue
        lacking = [name for name in phase.needs if name in problems]
        problem = _("left out") if lacking else _attempt(phase, run)
        if problem:
            problems[phase.name] = problem
            done[:] = [name for name in done if name != phase.name]  # a killed run had ended it
        elif phase.name not in done:
            done.append(phase.name)
        tell(done)
    return [f"{name}: {problem}" for name, problem in problems.items()]


def _attempt(phase: Phase, run: Run) -> str:
    """Run one phase; return why it broke off, or an empty string."""
    with log_fields(dinero_gateway=run.gateway.name, dinero_phase=phase.name):
        return _attempt_traced(phase, run)


def _attempt_traced(phase: Phase, run: Run) -> str:
    attributes = {"dinero.gateway": run.gateway.name, "dinero.phase": phase.name}
    stopped: Exception | None = None
    try:
        with observing.span(f"reconcile.{phase.name}", attributes):
            try:
                phase.work(run)
            except (lease.LeaseLostError, MoreToDo) as signal:  # no fault of the phase
                stopped = signal
    except DineroError as error:
        logger.error("%s: %s broke off: %s", run.gateway.name, phase.name, scrub(str(error)))
        return scrub(str(error))
    except Exception as error:  # of a broken backend or of the database: the next phase may pass
        return log_broken_call(f"{run.gateway.name}, {phase.name}", error)
    if stopped is not None:
        raise stopped
    return ""


def _keeping(row: Reconciliation, progress: Progress) -> Progress:
    """Return ``progress`` so that it also keeps the run, every half a minute."""
    last = time.monotonic()

    def tell(phase: str, done: int, total: int | None) -> None:
        nonlocal last
        if time.monotonic() - last > PROLONGED_EVERY:
            lease.prolong(row)
            last = time.monotonic()
        progress(phase, done, total)

    return tell
