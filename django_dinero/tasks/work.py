"""The jobs: what a worker does that got one from a queue.

Each is a plain function of primary keys and names, and may be done twice, beside itself, or not at
all: it looks at rows for what is left to do, and takes it by a compare-and-set as everybody does.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django_dinero.exceptions import DineroError
from django_dinero.gateways.calls import log_broken_call
from django_dinero.gateways.registry import gateways, get_gateway
from django_dinero.logs import get_logger
from django_dinero.models.webhook_event import EventState
from django_dinero.services.reconcile.run import reconcile_slice
from django_dinero.services.sync import paging
from django_dinero.services.vault import waiting
from django_dinero.services.vault.push import push_card, push_customer
from django_dinero.services.webhooks import applying, events
from django_dinero.tasks import pushing
from django_dinero.tasks.queue import Argument, enqueue

logger = get_logger("django_dinero.tasks")

#: The longest time for which a parked event is put into the queue. After that it is drained.
LONGEST_WAIT = timedelta(minutes=10)


class JobFailed(Exception):
    """A job broke off. It has no other error behind it: queues keep whole tracebacks in rows."""


def run(job: str, *args: Argument) -> str:
    """Do a job.

    Args:
        job: one of ``queue.JOBS``.
        args: as its function takes them.

    Returns:
        What came of it.

    Raises:
        JobFailed: it broke off. Whatever it has done stays, and the next run of reconcile goes on.
    """
    try:
        return JOBS[job](*args)
    except DineroError as error:
        logger.error("%s%r broke off: %s", job, args, error)
        problem = error.code
    except Exception as error:  # of a broken backend or a database
        problem = log_broken_call(f"{job}{args!r}", error)
    raise JobFailed(f"{job}: {problem}")


def apply_webhook(pk: int, attempts: int) -> str:
    """Apply a stored event, and enqueue the next attempt if it is parked for a short time.

    Args:
        attempts: how often it was tried before. If it was tried since, whoever did so goes on.
    """
    if not events.rows().filter(pk=pk, attempts=attempts).exists():
        return "known"
    attempt = applying.apply(pk)
    if attempt is None:
        return "known"
    event = attempt.event
    wait = timedelta(seconds=events.wait_after(event.attempts))
    if event.state == EventState.PARKED and wait <= LONGEST_WAIT:
        enqueue("apply_webhook", pk, event.attempts, delay=wait)
    return str(event.state)


def push_row(kind: str, pk: int, using: str, attempt: int) -> str:
    """Push a customer or a card, if it still waits. What the gateway refuses is on its row.

    Args:
        kind: ``"customer"`` or ``"card"``.
        using: the database alias of the row.
        attempt: how many attempts there were since its save.
    """
    send: Callable[[int, str], Any] = push_card if kind == "card" else push_customer
    try:
        row = pushing.push(kind, pk, using, send, attempt)
    except DineroError as error:
        return error.code
    return "waits" if row is None else str(row.sync_state)


def push_delete(key: str, using: str, attempt: int) -> str:
    """Send a delete, if it still waits.

    Args:
        key: of its tombstone, or of one before.
        using, attempt: as for :func:`push_row`.
    """
    try:
        waits = pushing.push_delete(key, using, waiting.drive_delete, attempt)
    except DineroError as error:
        return error.code
    return "waits" if waits else "done"


def reconcile(gateway_name: str | None = None) -> str:
    """Reconcile a gateway slice by slice, each a job of its own; or all gateways beside each other.

    A job that cannot be enqueued is done here and now.
    """
    if gateway_name is None:
        names = list(gateways)
        return ", ".join(f"{name}: {_enqueued_or_done(name)}" for name in names)
    while reconcile_slice(gateway_name):
        if enqueue("reconcile", gateway_name):
            return "more"
    go_on_with_pull(gateway_name)
    return "done"


def _enqueued_or_done(gateway_name: str) -> str:
    if enqueue("reconcile", gateway_name):
        return "enqueued"
    try:
        return run("reconcile", gateway_name)
    except JobFailed:  # it has been logged, and the other gateways have their turn
        return "failed"


def begin_pull(gateway_name: str | None, owner_from: str = "", rate: float | None = None) -> bool:
    """Begin to pull a whole account, page by page.

    Args:
        owner_from: the dotted path of a function that tells the owner of a customer.
        rate: the most requests in a second.

    Returns:
        Whether the first page was enqueued. Otherwise the next job of reconcile does it.
    """
    pull = paging.begin(get_gateway(gateway_name), owner_from, rate)
    return enqueue("pull_page", pull.pk, pull.cursor)


def go_on_with_pull(gateway_name: str) -> None:
    """Enqueue the next page of a pull whose task was lost."""
    pull = paging.stalled(get_gateway(gateway_name))
    if pull is not None:
        enqueue("pull_page", pull.pk, pull.cursor)


def pull_page(pk: int, cursor: str) -> str:
    """Pull a page of an account, and enqueue the next one.

    Args:
        pk: the pull.
        cursor: where the page begins.
    """
    following = paging.pull_page(pk, cursor)
    if following is None:
        return "done"
    enqueue("pull_page", pk, following)
    return "more"


#: By the names that both engines know them by.
JOBS: dict[str, Callable[..., str]] = {
    function.__name__: function
    for function in (apply_webhook, push_row, push_delete, reconcile, pull_page)
}
