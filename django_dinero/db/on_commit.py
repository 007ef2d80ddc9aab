"""Jobs that run after a commit, and whose errors are raised to the caller where possible.

There are three situations, and only this module distinguishes them:

* **Our own transaction** (:func:`run_jobs_on_exit` around a save or a delete in autocommit). All
  jobs run after the commit, and then their errors are raised.
* **The caller's transaction.** The jobs run when it commits, and nothing is raised.
* **A TestCase's transaction**, which never commits. The jobs run when the outermost block inside
  it ends, so that ordinary tests of a project see their effects at once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial

from django.db import transaction
from django.db.transaction import Atomic

from django_dinero.db.testcase_commits import run_at_end_of_outermost_block
from django_dinero.db.transactions import foreign_blocks, in_testcase, in_transaction
from django_dinero.exceptions import DineroError

Job = Callable[[], None]
Jobs = dict[object, Job]


class _Waiting(threading.local):
    """The jobs of this thread, by database. Each has a key, so that no push is queued twice.

    ``blocks`` are those of :func:`run_jobs_on_exit`. ``batches`` belong to transactions of the
    caller. A batch is kept with its outermost block, so that jobs left by a rollback never run
    with the next one.
    """

    def __init__(self) -> None:
        self.blocks: dict[str, Jobs] = {}
        self.batches: dict[str, tuple[Atomic | None, Jobs]] = {}


_waiting = _Waiting()

#: Whether somebody tells of the errors of jobs in another way, so that none is raised after a
#: commit. An admin that is not ours has no place to catch them, and would answer with a 500.
are_told: ContextVar[bool] = ContextVar("dinero_errors_are_told", default=False)


@contextmanager
def run_jobs_on_exit(using: str) -> Iterator[None]:
    """Run the jobs scheduled inside this block when it is left, and raise their errors.

    Inside the caller's transaction, or inside another such block, this does nothing.

    Raises:
        DineroError: the error of a job, if only one failed.
        ExceptionGroup: the errors of several jobs.
    """
    if using in _waiting.blocks or in_transaction(using):
        yield
        return
    jobs = _waiting.blocks[using] = {}
    try:
        yield
    finally:
        del _waiting.blocks[using]
    raise_refusals(run_jobs(jobs))


def run_after_commit(using: str, key: object, job: Job) -> None:
    """Run ``job`` after the commit. A later job with the same ``key`` replaces it."""
    jobs = _waiting.blocks.get(using)
    if jobs is not None:
        jobs.pop(key, None)
        jobs[key] = job
        return
    blocks = foreign_blocks(using)
    jobs = _batch(using, blocks[0] if blocks else None)
    jobs.pop(key, None)
    jobs[key] = job
    # A cascade that starts outside our models (deleting a user) runs in a block of Django's own.
    # If that is the only block, the caller has no transaction, and an error may be raised.
    when_committed(using, partial(_flush, jobs, raises=len(blocks) <= 1))


def when_committed(using: str, callback: Job) -> None:
    """Call ``callback`` when what is written now is committed, and not after a rollback of it."""
    if in_testcase(using):
        run_at_end_of_outermost_block(using, callback)
    else:
        transaction.on_commit(callback, using=using)


def _batch(using: str, block: Atomic | None) -> Jobs:
    known = _waiting.batches.get(using)
    if known is None or known[0] is not block or block is None:
        known = _waiting.batches[using] = (block, {})
    return known[1]


def run_jobs(jobs: Jobs) -> list[DineroError]:
    """Run every waiting job once, and return their errors in order."""
    refusals: list[DineroError] = []
    while jobs:
        job = jobs.pop(next(iter(jobs)))
        try:
            job()
        except DineroError as error:
            refusals.append(error)
    return refusals


def raise_refusals(refusals: list[DineroError]) -> None:
    """Raise a single error as it is, and several as an ``ExceptionGroup``."""
    if len(refusals) == 1:
        raise refusals[0]
    if refusals:
        raise ExceptionGroup("The gateway refused several changes.", refusals)


def _flush(jobs: Jobs, *, raises: bool) -> None:
    refusals = run_jobs(jobs)
    if raises and not are_told.get():
        raise_refusals(refusals)
