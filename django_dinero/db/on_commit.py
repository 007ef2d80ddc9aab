"""Jobs that wait for a commit, and whose refusals come back to the caller where they can.

Three situations, told apart here and nowhere else:

* **our own transaction** (:func:`unit_of_work` around a save or a delete in autocommit): the jobs
  run when it has committed, all of them, and then their refusals are raised;
* **the caller's transaction**: they run when it commits, and nothing is raised there;
* **a TestCase's transaction**, which never commits: they run when the outermost block inside it
  ends, so that users' ordinary tests see them at once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from django.db import transaction
from django.db.transaction import Atomic

from django_dinero.db.testcase_commits import at_end_of_outermost_block
from django_dinero.db.transactions import foreign_blocks, in_testcase, in_transaction
from django_dinero.exceptions import DineroError

Job = Callable[[], None]
Jobs = dict[object, Job]


class _Waiting(threading.local):
    """Jobs of this thread by database, each under a key: the same push is never queued twice.

    ``units`` are open units of work; ``batches`` belong to a transaction of the caller's, told by
    its outermost block, so that what a rollback left behind is not taken for the next one's.
    """

    def __init__(self) -> None:
        self.units: dict[str, Jobs] = {}
        self.batches: dict[str, tuple[Atomic | None, Jobs]] = {}


_waiting = _Waiting()


@contextmanager
def unit_of_work(using: str) -> Iterator[None]:
    """Run the jobs scheduled inside once the block is left, and raise what they refuse.

    Inside the caller's own transaction, or inside another unit, this is nothing at all.

    Raises:
        DineroError: the only refusal.
        ExceptionGroup: several.
    """
    if using in _waiting.units or in_transaction(using):
        yield
        return
    jobs = _waiting.units[using] = {}
    try:
        yield
    finally:
        del _waiting.units[using]
    raise_refusals(run_jobs(jobs))


def after_commit(using: str, key: object, job: Job) -> None:
    """Run ``job`` after the commit; a later one with the same ``key`` takes its place."""
    jobs = _waiting.units.get(using)
    if jobs is not None:
        jobs.pop(key, None)
        jobs[key] = job
        return
    blocks = foreign_blocks(using)
    jobs = _batch(using, blocks[0] if blocks else None)
    jobs.pop(key, None)
    jobs[key] = job
    # A cascade that starts outside our models (deleting a user) runs in a block of Django's own:
    # one block means nobody else's, and a refusal may be raised.
    callback = partial(_flush, jobs, raises=len(blocks) <= 1)
    if in_testcase(using):
        at_end_of_outermost_block(using, callback)
    else:
        transaction.on_commit(callback, using=using)


def _batch(using: str, block: Atomic | None) -> Jobs:
    known = _waiting.batches.get(using)
    if known is None or known[0] is not block or block is None:
        known = _waiting.batches[using] = (block, {})
    return known[1]


def run_jobs(jobs: Jobs) -> list[DineroError]:
    """Run every waiting job, each once, and return the refusals, in order."""
    refusals: list[DineroError] = []
    while jobs:
        job = jobs.pop(next(iter(jobs)))
        try:
            job()
        except DineroError as error:
            refusals.append(error)
    return refusals


def raise_refusals(refusals: list[DineroError]) -> None:
    """Raise the only refusal as it is, several as an ``ExceptionGroup``."""
    if len(refusals) == 1:
        raise refusals[0]
    if refusals:
        raise ExceptionGroup("The gateway refused several changes.", refusals)


def _flush(jobs: Jobs, *, raises: bool) -> None:
    refusals = run_jobs(jobs)
    if raises:
        raise_refusals(refusals)
